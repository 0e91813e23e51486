"""``dpl calibrate``: the best parameters of each fit basin by itself, all basins searched side by side.

    calibrate/METHOD-ON/store          the runoff of every legacy run that a search asked for
    calibrate/METHOD-ON/EVALUATIONS/   parameters.nc, simulations.nc, curves.csv, scores.csv, summary.json

A search that is interrupted is begun anew and asks the same again. What the legacy model has answered the store has,
for another budget too; what the surrogate has answered is kept until the calibration is finished.
"""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dpl.baselines import BY_SLOPE, SEARCHES
from dpl.baselines.search import Evaluate, Outcome, advance
from legacy_models.errors import LegacyModelError, UsageError
from legacy_models.files import sha256_of_json, write_text
from legacy_models.parameters import Array
from legacy_models.store import RunStore
from pipeline import calibration_files, emulation, refine
from pipeline.answer_log import remembered
from pipeline.answers import PURPOSE, by_slope, evaluator, from_legacy_model, from_surrogate
from pipeline.basins import in_hash_order
from pipeline.closed_loop import Series, simulate_legacy, simulate_surrogate, span_inputs
from pipeline.experiment import Experiment
from pipeline.job import Job


def calibrate(job: Job) -> None:
    """Search, run the legacy model over all periods at what was found, and write the files, scores among them.

    Raises:
        UsageError: if more basins are asked for than there are.
        LegacyModelError: if every evaluation failed at every basin.
    """
    section = job.experiment.config.calibrate
    experiment = calibrated(job)
    place = folder(job.directory, experiment)
    stage, request = f"calibrate-{place.parent.name}-{place.name}", fingerprint(job, experiment)
    if not (job.record.finished(stage, request) and calibration_files.complete(place)):
        with job.record.running(stage, request) as note:
            outcomes = search(job, experiment)
            found, kept = _with_a_result(job, experiment, outcomes)
            values = np.array([[_best(found, outcome) for outcome in row] for row in kept])
            series = simulate(job, found, values)
            about = calibration_files.search_facts(found, kept)
            parameters = calibration_files.parameters(found, values, calibration_files.search_figures(kept))
            write_text(place / "curves.csv", calibration_files.curves(found, kept).to_csv(index=False))
            job.reporter.say(f"{section.method}: the searches are over; test observations are read now")
            calibration_files.write(place, found, series, about, job.experiment.data_hash, parameters)
            _answers(job, experiment).unlink(missing_ok=True)
            note.update(legacy_runs=_legacy_runs(experiment), failed=sum(o.failed for row in outcomes for o in row))
    calibration_files.add_to_summary(job.directory)
    for line in calibration_files.lines(place):
        job.reporter.say(line)


def calibrated(job: Job) -> Experiment:
    """The experiment at the basins that are searched."""
    return job.experiment.only(chosen_basins(job.experiment, job.experiment.config.calibrate.basins))


def chosen_basins(experiment: Experiment, number: int | None) -> Sequence[str]:
    """Return the first ``number`` fit basins in hash order, or all of them.

    Raises:
        UsageError: if there are not so many.
    """
    fit = experiment.splits.fit
    if number is not None and number > len(fit):
        raise UsageError(f"calibrate.basins: {number} basins asked for, {len(fit)} are there to fit")
    return in_hash_order(fit)[:number]


def folder(directory: Path, experiment: Experiment) -> Path:
    """Where the results of a calibration are, in a run's ``directory``."""
    section = experiment.config.calibrate
    return directory / "calibrate" / f"{section.method}-{section.on}" / str(section.evaluations)


def search(job: Job, experiment: Experiment) -> list[list[Outcome]]:
    """Return (seed, basin) outcomes of the searches that the configuration asks for."""
    section, basins = experiment.config.calibrate, experiment.basins
    begin, settings = SEARCHES.resolve(section.method), getattr(section, section.method)
    start = experiment.space.to_unit(experiment.space.defaults)
    searches = [
        begin(start, _seed(seed + experiment.config.seed, basin), settings)
        for seed in section.seeds
        for basin in basins
    ]
    total = len(searches) * section.evaluations
    title = f"{section.method} on {section.on}"
    with _evaluator(job, experiment) as evaluate, job.reporter.bar(title, total) as told:
        outcomes = advance(
            searches,
            lambda rows, points: evaluate(rows % len(basins), points),
            section.evaluations,
            lambda done: told(done, "evaluations"),
        )
    return [outcomes[i : i + len(basins)] for i in range(0, len(outcomes), len(basins))]


def simulate(job: Job, experiment: Experiment, values: Array) -> calibration_files.SeriesOfSeeds:
    """Run the legacy model over all periods at (seed, basin, parameter) ``values``.

    Returns:
        For each seed the series of the closed loop; where the surrogate was calibrated, its own beside it.
    """
    section = experiment.config.calibrate
    found: dict[int, dict[str, Series]] = {}
    for seed, parameters in zip(section.seeds, values, strict=True):
        with job.reporter.bar(f"closed loop, seed {seed}", len(experiment.basins)) as told:
            closed = simulate_legacy(
                experiment, parameters, PURPOSE, lambda p: told(p.committed + p.failed, emulation.remaining(p))
            )
        found[seed] = {"closed_loop": closed}
        if section.on == "surrogate":
            surrogate = emulation.load_surrogate(job, refine.chosen_round(job))
            inputs = span_inputs(experiment)
            found[seed]["surrogate"] = simulate_surrogate(experiment, surrogate, inputs, parameters)
    return found


@contextmanager
def _evaluator(job: Job, experiment: Experiment) -> Iterator[Evaluate]:
    """Yield what answers the searches, over the fit period."""
    from dpl import losses

    section, period = experiment.config.calibrate, experiment.fit_span
    loss = losses.weighted(experiment.config.dpl.flow_losses)
    if section.on == "legacy":
        with from_legacy_model(experiment, period, _store(experiment)) as runoff:
            yield evaluator(experiment, period, runoff, loss)
        return
    surrogate = emulation.load_surrogate(job, refine.chosen_round(job))
    if section.method in BY_SLOPE:
        evaluate = by_slope(experiment, period, surrogate, loss)
    else:
        evaluate = evaluator(experiment, period, from_surrogate(experiment, period, surrogate), loss)
    with remembered(evaluate, _answers(job, experiment), fingerprint(job, experiment)) as kept:
        yield kept


def _answers(job: Job, experiment: Experiment) -> Path:
    """Where the surrogate's answers are while the searches go on."""
    return folder(job.directory, experiment) / "answers.npy"


def _store(experiment: Experiment) -> Path:
    """The searches' run store, beside the experiment's: it has many runs that nobody else reads."""
    return folder(experiment.store_path.parent, experiment).parent / "store"


def _legacy_runs(experiment: Experiment) -> dict[str, int] | None:
    """Counts of the searches' legacy runs, those of other budgets included; None where there are none."""
    if experiment.config.calibrate.on != "legacy":
        return None
    with RunStore.open(_store(experiment)) as store:
        return asdict(store.counts())


def _with_a_result(
    job: Job, experiment: Experiment, outcomes: list[list[Outcome]]
) -> tuple[Experiment, list[list[Outcome]]]:
    """Leave out, and name, the basins at which some seed found nothing that works."""
    sound = [all(outcome.improvements for outcome in basin) for basin in zip(*outcomes, strict=True)]
    lost = [basin for basin, ok in zip(experiment.basins, sound, strict=True) if not ok]
    if len(lost) == len(experiment.basins):
        raise LegacyModelError(f"every evaluation failed at every basin, {lost[0]} for example")
    for basin in lost:
        job.reporter.say(f"basin {basin} has no result: every evaluation failed")
    kept = [[outcome for outcome, ok in zip(row, sound, strict=True) if ok] for row in outcomes]
    return experiment.only(set(experiment.basins).difference(lost)), kept


def _best(experiment: Experiment, outcome: Outcome) -> Array:
    """(parameter,) values of the best point."""
    return experiment.space.from_unit(outcome.improvements[-1].point)


def _seed(seed: int, basin: str) -> int:
    """A seed of a search that depends on nothing else, so that a basin's search is the same among any others."""
    return int(hashlib.sha256(f"{seed}:{basin}".encode()).hexdigest()[:8], 16)


def fingerprint(job: Job, experiment: Experiment) -> str:
    """Hash of all that decides the results."""
    config = experiment.config
    surrogate = None
    if config.calibrate.on == "surrogate":
        surrogate = emulation.emulate_fingerprint(job, refine.chosen_round(job))
    others = {"regionalise", *(name for name in SEARCHES if name != config.calibrate.method)}
    own: list[Any] = [config.calibrate.model_dump(mode="json", exclude=others), dict(config.dpl.flow_losses), surrogate]
    return sha256_of_json([experiment.fingerprint("periods", "splits", "legacy_model"), *own])
