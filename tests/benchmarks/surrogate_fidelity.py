"""How right a surrogate is, in value and gradient, at sites, parameter sets and years that training has not seen.

    python tests/benchmarks/surrogate_fidelity.py DATA RUN [--basins 150] [--runs-per-basin 30] [--set KEY=VALUE ...]
    python tests/benchmarks/surrogate_fidelity.py DATA RUN --runs-per-basin 2,5,10,20,30 --name fidelity_by_runs

DATA is the folder of CAMELS-US files, RUN a directory for the runs. A fifth of the basins is unseen (inductive), and
runs of 10 years after spin-up at the others train what the configuration ``camels`` asks for. Interrupted, it goes on
where it stopped; finished, it only writes the figures. Several numbers of runs give the figures of each, prefixed by
it, with the same training steps. Keeps ``NAME.json``, by default ``surrogate_fidelity.json``: figures without a prefix
are of ``all_unseen`` runs, with the floors of ``surrogates.fidelity``; ``*_raw_*`` stands beside them.
``step_ratio_to_torch`` is what ``surrogate_speed.py`` kept of the architecture.
"""

import argparse
import resource
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from kept import keep, kept_figures
from unseen_runs import Trained, unseen_runs

from dpl.baselines import search
from dpl.baselines.sceua import SceUaSettings, sceua
from legacy_models.ensemble import Progress
from legacy_models.files import sha256_of_json
from legacy_models.model import Run
from legacy_models.parameters import Array
from legacy_models.run_set import RunSet
from legacy_models.store import RunStore
from pipeline import design, emulation, gradient_trials, held_out
from pipeline.closed_loop import run_all
from pipeline.config import Config, load_config
from pipeline.gradient_trials import Trials
from pipeline.job import Job, opened
from surrogates.ensemble import judged
from surrogates.fidelity import compare, scores
from surrogates.gradient_agreement import ascend
from surrogates.surrogate import Surrogate

SET_UP = (
    "periods={test: [1990-10-01, 1994-09-30], validation: [1998-10-01, 2000-09-30], fit: [2000-10-01, 2010-09-30]}",
    "splits={ungauged_share: 0.2, validation_share: 0.1}",
    "design.sites=fit",
)
"""Unseen years lie ten years before the first training year; the spin-up of both is recorded weather."""

NAMED = {
    "runoff_total.nse_median": ("runoff_total", "nse_floored_median"),
    "runoff_total.nse_p05": ("runoff_total", "nse_floored_p05"),
    "runoff_total.nse_raw_median": ("runoff_total", "nse_median"),
    "runoff_total.nse_raw_p05": ("runoff_total", "nse_p05"),
    "runoff_total.rmse_over_mean_median": ("runoff_total", "rmse_over_mean_median"),
    "evaporation.nse_median": ("evaporation", "nse_floored_median"),
    "evaporation.nse_raw_median": ("evaporation", "nse_median"),
    "swe.nse_median": ("swe", "nse_floored_median"),
    "soil_moist_0.rmse_median": ("soil_moist_0", "rmse_median"),
    "soil_moist_1.rmse_median": ("soil_moist_1", "rmse_median"),
}
"""Figures without a prefix, from the scores of ``all_unseen``."""

MINUTES = (1, 2, 4, 8, 16, 32, 64)
"""Processor time of training at which accuracy is told."""

SEARCHES, EVALUATIONS = 20, 200
"""Of SCE-UA, and the budget of each, for the optima of the legacy model."""

SOME_STEPS = 10
"""Of the climb to an optimum, after which a point of a learning trajectory is taken."""

Figures = dict[str, Any]


def main() -> None:
    """Do everything that is not finished and keep the figures."""
    asked = arguments()
    many = len(asked.runs_per_basin) > 1
    figures: Figures = {"basins": asked.basins}
    for count in asked.runs_per_basin:
        directory = asked.run / f"{asked.name}-{count}"
        found = fidelity(configuration(asked, count), directory, asked.sets, asked.pairs, not many)
        figures |= {f"{count}.{key}": value for key, value in found.items()} if many else found
        figures["runs_per_basin"] = None if many else count
    data = (
        f"CAMELS-US, Daymet, the first {asked.basins} basins by SHA-256 of the id, a fifth of them unseen; embedded "
        "VIC; training runs 2000-10 to 2010-09, unseen years 1990-10 to 1994-09, 10 years of spin-up"
    )
    print(keep(asked.name, data if asked.config == "camels" else asked.config, figures))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="folder of CAMELS-US files")
    parser.add_argument("run", type=Path, help="directory for the runs")
    parser.add_argument("--basins", type=int, default=150, help="the first so many by SHA-256 of the id")
    parser.add_argument("--runs-per-basin", type=lambda text: [int(n) for n in text.split(",")], default=[30])
    parser.add_argument("--sets", type=int, default=12, help="parameter sets at each unseen site")
    parser.add_argument("--pairs", type=int, default=80, help="pairs for gradients")
    parser.add_argument("--config", default="camels", help="another configuration, taken as it is")
    parser.add_argument("--set", action="append", default=[], help="key=value, as of dpl-train")
    parser.add_argument("--name", default="surrogate_fidelity", help="of the file of figures")
    return parser.parse_args()


def configuration(asked: argparse.Namespace, count: int) -> Config:
    """Return the configuration of one number of runs a basin; all share one store."""
    own = (f"design.runs_per_basin={count}", f"legacy_model.store={(asked.run / 'store').resolve()}")
    if asked.config != "camels":
        return load_config(asked.config, assignments=[*own, *asked.set])
    usual = (*SET_UP, f"basins.number={asked.basins}")
    return load_config("camels", f"netcdf:{asked.data}", [*usual, *own, *asked.set])


def fidelity(config: Config, directory: Path, sets: int, pairs: int, with_differences: bool) -> Figures:
    """Train on the runs that ``config`` asks for and return every figure of the surrogate."""
    with opened(config, directory) as job:
        emulation.simulate(job, 0, design.planned_runs(job.experiment))
        training = finished(job, "training", [], lambda: train(job))
        surrogate = emulation.load_surrogate(job, 0)
        values = finished(job, "scores", [sets], lambda: score(job, surrogate, sets))
        gradient = finished(
            job, "gradient", [pairs, with_differences], lambda: slopes(job, surrogate, pairs, with_differences)
        )
        values["sceua_optima"] = finished(job, "sceua_optima", [SEARCHES, EVALUATIONS], lambda: optima(job, surrogate))
    spread = values["all_unseen"]["spread"].get("runoff_total", {})
    named = {key: values["all_unseen"]["scores"].get(name, {}).get(figure) for key, (name, figure) in NAMED.items()}
    return {
        **named,
        **dict(flat("gradient", gradient)),
        "spread.rank_correlation": spread.get("rank_correlation"),
        "spread.coverage_90": spread.get("coverage_90"),
        "peak_memory_gb": training.pop("peak_memory_gb"),
        "step_ratio_to_torch": kept_figures("surrogate_speed").get(f"{training['architecture']}.step_ratio_to_torch"),
        **dict(flat("training", training | {"held_out_nse_at_cpu_minutes": accuracy(job, training)})),
        **{key: value for kind, found in values.items() for key, value in flat(kind, found) if told(key)},
    }


def finished(job: Job, name: str, options: list[Any], compute: Callable[[], Figures]) -> Figures:
    """Return the figures of a step, from ``stages.json`` where it was finished for this surrogate and options."""
    fingerprint = sha256_of_json([emulation.emulate_fingerprint(job, 0), options])
    if not job.record.finished(name, fingerprint):
        with job.record.running(name, fingerprint) as note:
            note.update(compute())
    return dict(job.record.note(name))


def train(job: Job) -> Figures:
    """Train the surrogate and return what it took; the CPU time is that of the last attempt."""
    begun = time.process_time()
    emulation.emulate(job, 0)
    history = pd.read_csv(job.round_directory(0) / "surrogate_history.csv")
    settings = emulation.surrogate_settings(job, 0)
    sequence = history[history["network"].str.endswith("sequence")]
    return {
        "cpu_s": round(time.process_time() - begun, 1),
        "wall_s": round(float(history["seconds"].sum()), 1),
        "epochs": len(sequence),
        "steps": len(sequence) * settings.steps,
        "batch": settings.batch,
        "window": settings.window,
        "members": settings.members,
        "architecture": settings.architecture,
        "runs": len(emulation.training_table(job, 0)),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
    }


def accuracy(job: Job, training: Figures) -> Figures:
    """Return the held-out NSE of the sequence network by CPU minutes, from the wall time of its epochs."""
    history = pd.read_csv(job.round_directory(0) / "surrogate_history.csv")
    history = history[history["network"].str.endswith("sequence")]
    minutes = history["seconds"].cumsum() * (training["cpu_s"] / training["wall_s"] / 60.0)
    reached = {minute: history["held_out_nse"][minutes <= minute] for minute in MINUTES}
    return {str(minute): round(float(found.iloc[-1]), 4) for minute, found in reached.items() if len(found)}


def score(job: Job, surrogate: Surrogate, sets: int) -> Figures:
    """Run the legacy model on runs of every kind and score the surrogate on them."""
    experiment, found = job.experiment, {}
    for kind, runs in unseen_runs(experiment, Trained.of(job, surrogate), sets).items():
        run_set = recorded(job, kind, runs)
        rows = np.arange(len(run_set))
        if kind == "all_unseen":
            everything = held_out.assess(experiment, surrogate, run_set, rows)
            found[kind] = everything | {"spread": judged(surrogate, run_set, rows)}
        else:
            found[kind] = {"runs": len(rows), "scores": scores(compare(surrogate, run_set, rows))}
    return found


def recorded(job: Job, kind: str, runs: list[Run]) -> RunSet:
    """Run what the store does not have yet and read it."""
    with job.reporter.bar(kind, len(runs)) as advance:
        keys = run_all(job.experiment, runs, lambda p: advance(p.committed + p.failed, emulation.remaining(p)))
    with RunStore.open(job.experiment.store_path) as store:
        return store.read(job.experiment.model.version, runs[0].start, runs[0].end, keys=set(keys))


def slopes(job: Job, surrogate: Surrogate, pairs: int, with_differences: bool) -> Figures:
    """Try the gradient out at unseen sites, sets and years."""
    with job.reporter.bar("gradient", pairs) as show:
        trials = drawn(job, surrogate, pairs, lambda p: show(0, f"{p.committed + p.failed} of {p.planned} legacy runs"))
        found: Figures = {"pairs": len(trials.sites), "improvement": gradient_trials.improvement(trials)}
        near, tops = gradient_trials.near_optima(trials)
        found |= {f"near_optimum_{name}": value for name, value in near.items()}
        if with_differences:
            found |= gradient_trials.differences(trials)
    underway = ascend(trials.objective, trials.start, SOME_STEPS)
    for kind, points in (("at_optima", tops), ("at_trajectories", underway)):
        found[kind] = scored_at(job, surrogate, trials, kind, points)
    return found


def optima(job: Job, surrogate: Surrogate) -> Figures:
    """Search by SCE-UA with the legacy model itself, and score the surrogate at what it found."""
    with job.reporter.bar("SCE-UA", SEARCHES * EVALUATIONS) as show:
        trials = drawn(job, surrogate, SEARCHES, None)
        searches = [sceua(start, seed, SceUaSettings()) for seed, start in enumerate(trials.start)]
        outcomes = search.advance(
            searches, lambda rows, points: -trials.legacy_nse_of(rows, points), EVALUATIONS, lambda done: show(done, "")
        )
    best = np.stack([outcome.improvements[-1].point for outcome in outcomes])
    nse = float(np.median([-outcome.improvements[-1].cost for outcome in outcomes]))
    figures = {"searches": len(outcomes), "evaluations": EVALUATIONS, "legacy_nse_median": nse}
    return figures | {"scores": scored_at(job, surrogate, trials, "SCE-UA optima", best)}


def drawn(job: Job, surrogate: Surrogate, pairs: int, on_batch: Callable[[Progress], None] | None) -> Trials:
    """Draw pairs at unseen sites, sets and years."""
    experiment = job.experiment
    sites = [site for site in experiment.sites if site.name in experiment.splits.ungauged]
    period = experiment.splits.periods.test
    return gradient_trials.draw(experiment, surrogate, sites, pairs, period, experiment.config.seed, on_batch)


def scored_at(job: Job, surrogate: Surrogate, trials: Trials, kind: str, points: Array) -> Figures:
    """Score the surrogate at (pair, parameter) points of the unit cube."""
    values = job.experiment.model.parameters.from_unit(points)
    runs = job.experiment.runs(values, trials.period, gradient_trials.PURPOSE, trials.sites)
    run_set = recorded(job, kind, runs)
    return scores(compare(surrogate, run_set, np.arange(len(run_set))))


def told(key: str) -> bool:
    """Whether a figure is kept: of the strata only those of streamflow."""
    return ".strata." not in key or ".runoff_total." in key


def flat(prefix: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield dotted keys and figures of nested figures; series, which are drawn, are left out."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(f"{prefix}.{name}", value)
        elif not isinstance(value, list):
            yield f"{prefix}.{name}", value


if __name__ == "__main__":
    main()
