"""What a run will do and cost, before it does it: for ``--dry-run``."""

from pathlib import Path

from legacy_models.model import days_between
from pipeline.calibration import chosen_basins
from pipeline.config import Config
from pipeline.experiment import Experiment, prepare
from pipeline.progress import Reporter

STEP_SECONDS = 1.0e-5
"""Seconds per day of a training window, forward and backward, LSTM with hidden size 64, 2 cores."""


def plan_text(config: Config, directory: Path) -> str:
    """Return the plan as text; the data are read (synthetic data made, once), nothing else is run."""
    experiment = prepare(config, directory, Reporter())
    runs = planned_runs(experiment)
    years = experiment.design_days / 365.25
    seconds = {
        "legacy runs": sum(runs.values()) * (years + config.legacy_model.spinup_years)
        * experiment.model.seconds_a_year / config.legacy_model.executor.worker_count,
        "surrogate": _surrogate_steps(config) * config.surrogate.batch * config.surrogate.window * STEP_SECONDS,
        "learning": _learning_days(experiment) * STEP_SECONDS,
    }  # fmt: skip
    trained = runs["design"] + runs["gradient"] + runs["refine"]
    gigabytes = trained * experiment.design_days * len(experiment.model.outputs) * 4 / 1e9
    lines = [
        f"basins        {len(experiment.splits.fit)} fit, {len(experiment.splits.validation)} validation, "
        f"{len(experiment.splits.ungauged)} ungauged",
        f"legacy runs   {sum(runs.values())}: " + ", ".join(f"{count} {name}" for name, count in runs.items()),
        f"spin-up       {config.legacy_model.spinup_years} years before every run",
        "time (about)  " + ", ".join(f"{name} {_duration(value)}" for name, value in seconds.items()),
        f"disk (about)  {gigabytes:.2f} GB in {experiment.store_path}",
        f"memory        about {1.5 + gigabytes:.1f} GB",
        f"directory     {directory}",
    ]
    return "\n".join(lines)


def calibration_text(config: Config, directory: Path) -> str:
    """Return the plan of a calibration as text, for the budget used up; the data are read, nothing else is run."""
    section, experiment = config.calibrate, prepare(config, directory, Reporter())
    basins = len(chosen_basins(experiment, section.basins))
    asked = basins * len(section.seeds) * section.evaluations
    days = days_between(*experiment.fit_span) + 1
    lines = [
        f"basins        {basins} of {len(experiment.splits.fit)} fit basins, {len(section.seeds)} seeds",
        f"evaluations   {asked} on {section.on}: {section.evaluations} a basin and seed",
        f"directory     {directory}",
    ]
    if section.on == "legacy":
        years = days / 365.25 + config.legacy_model.spinup_years
        seconds = asked * years * experiment.model.seconds_a_year / config.legacy_model.executor.worker_count
        lines.insert(2, f"time (about)  {_duration(seconds)}, and starting the program")
        lines.insert(3, f"disk (about)  {4e-9 * asked * days:.2f} GB of runoff")
    if section.regionalise is not None:
        others = len(experiment.splits.validation) + len(experiment.splits.ungauged)
        lines.insert(-1, f"carried to    {others} basins that are not fitted, by {section.regionalise}")
    return "\n".join(lines)


def lstm_text(config: Config, directory: Path) -> str:
    """Return the plan of the regional LSTM as text; the data are read, nothing else is run."""
    settings, experiment = config.lstm, prepare(config, directory, Reporter())
    days = settings.epochs * settings.steps * settings.batch * (settings.warmup_days + settings.loss_days)
    seconds = len(settings.seeds) * days * STEP_SECONDS * (settings.hidden / 64) ** 1.5
    lines = [
        f"basins        {len(experiment.splits.fit)} fit, {len(experiment.basins)} to simulate",
        f"steps         {settings.epochs * settings.steps} at most, {len(settings.seeds)} seeds",
        f"time (about)  {_duration(seconds)}, where there is no GPU",
        f"directory     {directory}",
    ]
    return "\n".join(lines)


def planned_runs(experiment: Experiment) -> dict[str, int]:
    """Legacy runs by purpose, if nothing were in the store."""
    config = experiment.config
    rounds, basins = config.refine.rounds, len(experiment.basins)
    return {
        "design": len(experiment.design_sites) * config.design.runs_per_basin,
        "gradient": 2 * len(experiment.design_sites) * config.design.gradient_pairs,
        "refine": rounds * len(experiment.design_sites) * config.refine.runs_per_basin,
        "verify": (rounds + 1) * basins,
        "baseline": basins * (2 if experiment.hidden is not None else 1),
        "fidelity": 3 * config.fidelity.gradient_pairs,
    }


def _surrogate_steps(config: Config) -> int:
    first = config.surrogate.epochs * config.surrogate.steps
    changes = config.refine.surrogate
    later = changes.get("epochs", config.surrogate.epochs) * changes.get("steps", config.surrogate.steps)
    return int(config.surrogate.members * (first + config.refine.rounds * later))


def _learning_days(experiment: Experiment) -> float:
    """Basin-days simulated through the surrogate while learning."""
    config = experiment.config
    basins = min(config.dpl.basins_per_step or len(experiment.splits.fit), len(experiment.splits.fit))
    changes = config.refine.dpl
    later = changes.get("epochs", config.dpl.epochs) * changes.get("steps_per_epoch", config.dpl.steps_per_epoch)
    steps = config.dpl.epochs * config.dpl.steps_per_epoch + config.refine.rounds * later
    return float(config.network.members * steps * basins * (config.dpl.warmup_days + config.dpl.loss_days))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
