"""The stages in order, from one configuration to a published result.

A stage is finished for a fingerprint of all that it depends on, and is not repeated for the same one. Rounds of
refinement repeat simulate, emulate and learn with more legacy runs; round 0 is the global design.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from legacy_models.errors import UnknownNameError
from legacy_models.files import sha256_of_file
from pipeline import (
    calibration,
    ceiling,
    design,
    emulation,
    learning,
    publishing,
    refine,
    regionalisation,
    registered,
    verification,
)
from pipeline.config import Config
from pipeline.job import Job, opened


def run_until(last: str, config: Config, directory: Path, surrogate: str | None = None) -> None:
    """Run every stage up to ``last``; what is finished is not repeated.

    Args:
        last: a name in ``STAGES``.
        config: the whole configuration.
        directory: the run's directory; one process at a time works in it.
        surrogate: ``vic``, or ``vic@champion`` to pin a registered surrogate.

    Raises:
        ProjectError: with one line that says what was wrong.
    """
    if last not in STAGES:
        raise UnknownNameError(f"no stage is called {last!r}; there are: {', '.join(STAGES)}")
    pin = registered.surrogate_uri(surrogate) if surrogate else None
    _make_reproducible(config.seed)
    with opened(config, directory) as untold:
        _run_until(last, replace(untold, registered=registered.choose(untold, pin)))


def run_calibration(config: Config, directory: Path, surrogate: str | None = None) -> None:
    """Calibrate each basin by itself as ``config.calibrate`` says, and carry the result to others if it says so.

    Where it is on the surrogate, that is made first.

    Arguments and errors as for ``run_until``.
    """
    pin = registered.surrogate_uri(surrogate) if surrogate else None
    _make_reproducible(config.seed)
    with opened(config, directory) as job:
        if config.calibrate.on == "surrogate":
            job = replace(job, registered=registered.choose(job, pin))
            _run_until("refine", job)
        calibration.calibrate(job)
        if config.calibrate.regionalise is not None:
            regionalisation.regionalise(job, config.calibrate.regionalise)


def run_lstm(config: Config, directory: Path) -> None:
    """Train the regional LSTM and judge it; arguments and errors as for ``run_until``."""
    _make_reproducible(config.seed)
    with opened(config, directory) as job:
        ceiling.reach_ceiling(job)


def _run_until(last: str, job: Job) -> None:
    for name, stage in STAGES.items():
        stage(job)
        if name == last:
            return


def simulate(job: Job) -> None:
    """Run the legacy model on the global design."""
    if not job.registered:
        emulation.simulate(job, 0, design.planned_runs(job.experiment))


def emulate(job: Job) -> None:
    """Train the first surrogate."""
    if not job.registered:
        emulation.emulate(job, 0)


def learn(job: Job) -> None:
    """Learn parameters through the first surrogate."""
    learning.learn(job, 0)


def report(job: Job) -> None:
    """Write report.html from the files of the run's directory, and say where it is."""
    from pipeline.report import write_report

    path = job.directory / "report.html"
    fingerprint = sha256_of_file(job.directory / "summary.json")
    if not job.record.finished("report", fingerprint) or not path.exists():
        with job.record.running("report", fingerprint):
            write_report(job.directory)
    job.reporter.closing(job.directory)


def _make_reproducible(seed: int) -> None:
    """Seed what draws numbers, and let TensorFlow only use operations that give the same bits every time."""
    import keras
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


STAGES: dict[str, Callable[[Job], None]] = {
    "design": design.write_design,
    "simulate": simulate,
    "emulate": emulate,
    "learn": learn,
    "refine": refine.refine,
    "verify": verification.verify,
    "publish": publishing.publish,
    "report": report,
}
