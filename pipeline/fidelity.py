"""What is asked of a round's surrogate before its result is used: its gradient tried out, and the gate."""

from typing import Any

from legacy_models.errors import GateError
from legacy_models.files import sha256_of_json
from legacy_models.model import Site
from pipeline.emulation import emulate_fingerprint, load_surrogate, remaining, training_table
from pipeline.job import Job
from surrogates.acceptance import shortfalls


def assess(job: Job, number: int) -> None:
    """Try the gradient of a round's surrogate out in the validation period, where the configuration asks for it."""
    from pipeline import gradient_trials

    experiment = job.experiment
    stage, count = _stage(number), experiment.config.fidelity.gradient_pairs
    fingerprint = sha256_of_json([emulate_fingerprint(job, number), experiment.fingerprint("periods"), count])
    if not count or job.record.finished(stage, fingerprint):
        return
    title = f"gradient of the surrogate, round {number}"
    with job.record.running(stage, fingerprint) as note, job.reporter.bar(title, 2 * count) as advance:
        trials = gradient_trials.draw(
            experiment,
            load_surrogate(job, number),
            unseen_sites(job, number),
            count,
            experiment.splits.periods.validation,
            experiment.config.seed,
            lambda p: advance(p.committed + p.failed, remaining(p)),
        )
        note["gradient_agreement"], note["gradient_pairs"] = gradient_trials.improvement(trials), len(trials.sites)


def gradient_figures(job: Job, number: int) -> dict[str, Any]:
    """``gradient_agreement`` and the number of pairs it is of; None where it was not asked for."""
    asked = job.experiment.config.fidelity.gradient_pairs
    note = (job.record.note(_stage(number)) or {}) if asked else {}
    return {name: note.get(name) for name in ("gradient_agreement", "gradient_pairs")}


def gate(job: Job, number: int) -> None:
    """Refuse a surrogate that is not as good as the configuration asks for.

    Raises:
        GateError: naming each figure that falls short.
    """
    held_out = load_surrogate(job, number).card.get("held_out") or {}
    found = gradient_figures(job, number)["gradient_agreement"]
    short = shortfalls(job.experiment.config.fidelity.accept, held_out, found)
    if short:
        raise GateError(
            f"the surrogate of round {number} is not accepted: {'; '.join(short)}; give it more legacy runs "
            "(design.runs_per_basin) or longer training (surrogate.epochs)"
        )


def unseen_sites(job: Job, number: int) -> list[Site]:
    """Sites at which the surrogate of a round was trained on no run; all sites where there is none such."""
    card = load_surrogate(job, number).card
    if job.registered:
        trained = set(card["sites"])
    else:
        table = training_table(job, number)
        trained = set(table["site"][~table["key"].isin(card["held_out_keys"])])
    return [site for site in job.experiment.sites if site.name not in trained] or list(job.experiment.sites)


def _stage(number: int) -> str:
    return f"fidelity-{number}"
