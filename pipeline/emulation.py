"""The stages simulate and emulate: from planned legacy runs to a frozen surrogate."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from legacy_models.ensemble import Progress
from legacy_models.files import sha256_of_file, sha256_of_json, write_json, write_text
from legacy_models.model import Run
from legacy_models.store import RunStore
from pipeline.closed_loop import run_all
from pipeline.design import table
from pipeline.job import Job
from surrogates import architectures

if TYPE_CHECKING:
    from legacy_models.run_set import RunSet
    from surrogates.fitting import Epoch
    from surrogates.settings import TrainSettings
    from surrogates.surrogate import Surrogate


def simulate(job: Job, number: int, runs: Sequence[Run]) -> None:
    """Run the legacy model on ``runs``; their keys are kept in ``rounds/N/runs.csv``."""
    stage, fingerprint = f"simulate-{number}", simulate_fingerprint(job, runs)
    if job.record.finished(stage, fingerprint):
        return
    title = f"legacy runs, round {number}"
    with job.record.running(stage, fingerprint) as note, job.reporter.bar(title, len(runs)) as advance:
        keys = run_all(job.experiment, list(runs), lambda p: advance(p.committed + p.failed, remaining(p)))
        write_text(
            job.round_directory(number) / "runs.csv", table(job.experiment, runs).assign(key=keys).to_csv(index=False)
        )
        with RunStore.open(job.experiment.store_path) as store:
            note.update(asdict(store.counts(keys)))
    job.reporter.say(f"{title}: {note['committed']} of {note['planned']} committed, {note['failed']} failed")


def emulate(job: Job, number: int) -> None:
    """Train the surrogate on the runs of rounds 0 to ``number``, from the previous round's weights."""
    from surrogates import bundle
    from surrogates.train import train

    stage, fingerprint = f"emulate-{number}", emulate_fingerprint(job, number)
    if job.record.finished(stage, fingerprint):
        return
    place, settings = job.round_directory(number), surrogate_settings(job, number)
    with job.record.running(stage, fingerprint) as note:
        runs = training_runs(job, number)
        start = load_surrogate(job, number - 1) if number else None
        history: list[Epoch] = []
        total = settings.members * (settings.epochs + settings.initial_epochs)
        with job.reporter.bar(f"surrogate, round {number}", total) as advance:

            def on_epoch(epoch: "Epoch") -> None:
                history.append(epoch)
                advance(len(history), f"loss {epoch.loss:.4f}, held-out runoff NSE {epoch.held_out_nse:.3f}")

            trained = train(runs, settings, place / "checkpoints", start, on_epoch)
        known, figures = _judged(job, trained, runs, place / "fidelity.json")
        note.update(figures)
        card = {**known.card, **figures, "transductive": job.experiment.transductive(known.card["sites"])}
        bundle.save(replace(known, card=card), place / "surrogate")
        write_text(place / "surrogate_history.csv", learning_curves(history, number).to_csv(index=False))
    runoff = note["held_out"].get("runoff_total") or {}
    median, low = (runoff.get(name) or float("nan") for name in ("nse_median", "nse_p05"))
    job.reporter.say(
        f"surrogate, round {number}: runoff NSE on held-out runs {median:.3f} (median), {low:.3f} (5th percentile)"
    )


def _judged(job: Job, trained: "Surrogate", runs: "RunSet", path: Path) -> tuple["Surrogate", dict[str, Any]]:
    """Score a surrogate on the runs that it has not seen, calibrate it by them, and write all figures to ``path``."""
    from pipeline import held_out
    from surrogates.ensemble import calibrated
    from surrogates.fidelity import held_out_rows

    rows = held_out_rows(trained, runs)
    fidelity = held_out.assess(job.experiment, trained, runs, rows)
    known, spread = calibrated(trained, runs, rows, job.experiment.config.seed)
    write_json(path, {**fidelity, "spread": spread})
    return known, {"held_out": fidelity["scores"], "spread": spread}


def learning_curves(history: "Sequence[Epoch]", number: int) -> pd.DataFrame:
    """A row for each epoch of each network of a round's members."""
    return (
        pd.DataFrame([asdict(epoch) for epoch in history]).rename(columns={"loss": "train_loss"}).assign(round=number)
    )


def surrogate_settings(job: Job, number: int) -> "TrainSettings":
    """Training settings of a round: those of the configuration, changed by the refinement's after round 0."""
    config = job.experiment.config
    settings = replace(config.surrogate, seed=config.surrogate.seed + config.seed)
    return replace(settings, **config.refine.surrogate) if number else settings


def training_runs(job: Job, number: int) -> "RunSet":
    """Read the good runs of rounds 0 to ``number`` from the store."""
    with RunStore.open(job.experiment.store_path) as store:
        return store.read(
            job.experiment.model.version, keys=training_keys(job, number), scratch=job.round_directory(number)
        )


def training_keys(job: Job, number: int) -> set[str]:
    """Keys of the runs of rounds 0 to ``number``."""
    return set(training_table(job, number)["key"])


def training_table(job: Job, number: int) -> pd.DataFrame:
    """The rows of ``runs.csv`` of rounds 0 to ``number``, as text."""
    return pd.concat([pd.read_csv(job.round_directory(i) / "runs.csv", dtype=str) for i in range(number + 1)])


def load_surrogate(job: Job, number: int) -> "Surrogate":
    """Load the frozen surrogate of a round, or the registered one."""
    return load_checked(job, surrogate_directory(job, number))


def load_checked(job: Job, path: Path) -> "Surrogate":
    """Load a frozen surrogate, checked against the legacy model asked for."""
    from surrogates import bundle

    surrogate = _loaded(path, _hash_of_card(path))
    bundle.check_request(surrogate.card, job.experiment.model)
    return surrogate


def _hash_of_card(path: Path) -> str:
    card = path / "card.json"
    return sha256_of_file(card) if card.exists() else ""


@lru_cache(maxsize=2)
def _loaded(path: Path, card_hash: str) -> "Surrogate":  # noqa: ARG001 - the hash tells one training from the next
    """Load a surrogate once for all stages of a process, and with it what TensorFlow traced of it."""
    from surrogates import bundle

    return bundle.load(path)


def surrogate_directory(job: Job, number: int) -> Path:
    """Directory of a round's surrogate bundle, or of the registered one."""
    return job.registered.path if job.registered else job.round_directory(number) / "surrogate"


def simulate_fingerprint(job: Job, runs: Sequence[Run]) -> str:
    """Hash of the keys of planned runs, in order."""
    return sha256_of_json(job.experiment.model.keys(runs))


def emulate_fingerprint(job: Job, number: int) -> str:
    """Hash of all that decides the surrogate of a round, the equations in its networks too: they read the weights."""
    if job.registered:
        return sha256_of_file(job.registered.path / "card.json")
    keys = [sorted(training_keys(job, i)) for i in range(number + 1)]
    return sha256_of_json(
        [keys, [asdict(surrogate_settings(job, i)) for i in range(number + 1)], architectures.equations()]
    )


def remaining(progress: Progress) -> str:
    """Text for a progress bar: what became of the runs so far, and the time left."""
    text = f"{progress.committed} done, {progress.failed} failed, {progress.pending} pending"
    return text if progress.seconds_left is None else f"{text}, {progress.seconds_left:.0f} s left"
