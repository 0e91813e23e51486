"""What a calibration, or another baseline of a run, leaves: parameters, simulations, scores; and who reads them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from dpl.baselines.search import Outcome
from dpl.evaluate import Scores
from legacy_models.files import write_json, write_text
from legacy_models.parameters import Array
from pipeline.closed_loop import Series, score_table, split_scores
from pipeline.experiment import Experiment
from pipeline.result_files import file_attributes, flow_dataset, parameter_variables, write_dataset
from pipeline.splits import SPLITS

SCHEMA_VERSION = 1
SIMULATIONS, SUMMARY = "simulations.nc", "summary.json"

SOURCES = {"closed_loop": "closed_loop", "surrogate": "through_surrogate", "lstm": "lstm"}
"""Source of series -> what its scores are called in the summary."""
JUDGED = ("closed_loop", "lstm")
"""Sources whose scores count, not as a means."""

Outcomes = Sequence[Sequence[Outcome]]
"""(seed, basin)."""

SeriesOfSeeds = Mapping[int, Mapping[str, Series]]
"""Seed -> source -> series."""


def write(
    place: Path,
    experiment: Experiment,
    series: SeriesOfSeeds,
    about: Mapping[str, Any],
    data_hash: str,
    parameters: xr.Dataset | None = None,
) -> None:
    """Score what a method found and write its files to ``place``.

    Args:
        place: a folder.
        experiment: at the basins that the method gives something for.
        series: what was simulated there.
        about: what the summary says of the method; its ``title`` is what the method is called.
        data_hash: of all basins' data.
        parameters: at which it was simulated.
    """
    table = pd.concat(
        [score_table(experiment, found).assign(seed=seed) for seed, found in series.items()], ignore_index=True
    )
    if parameters is not None:
        write_dataset(place / "parameters.nc", parameters)
    write_dataset(place / SIMULATIONS, _simulations(experiment, series))
    write_text(place / "scores.csv", table.to_csv(index=False))
    common = {
        "schema_version": SCHEMA_VERSION,
        "seeds": list(series),
        "basins": list(experiment.basins),
        "periods": {name: [str(day) for day in span] for name, span in experiment.splits.periods.by_name().items()},
        "hashes": {"data": data_hash, "model": experiment.model.version},
    }
    write_json(place / SUMMARY, {**common, **about, **_scores(table)})


def complete(place: Path) -> bool:
    """Whether ``place`` has what is read of it; the last to be written is the summary."""
    return all((place / name).exists() for name in (SIMULATIONS, SUMMARY))


def curves(experiment: Experiment, outcomes: Outcomes) -> pd.DataFrame:
    """Best-so-far curves: a row for every improvement.

    Returns:
        Columns seed, basin, evaluations (how many it took), cost (between two rows it is that of the first) and the
        parameters' values.
    """
    rows = [
        (seed, basin, step.evaluations, step.cost, *experiment.space.from_unit(step.point))
        for seed, row in zip(experiment.config.calibrate.seeds, outcomes, strict=True)
        for basin, outcome in zip(experiment.basins, row, strict=True)
        for step in outcome.improvements
    ]
    return pd.DataFrame(rows, columns=["seed", "basin", "evaluations", "cost", *experiment.space.names])


def lines(place: Path) -> list[str]:
    """Say what a method found, and where it is."""
    summary = _read(place)
    texts = [
        f"{split} NSE {found['nse_median']:.3f}"
        for split, found in _result(summary).items()
        if found and found["nse_median"] is not None
    ]
    judged = "closed loop" if summary["closed_loop"] else "no legacy model"
    title = summary.get("title", place.parent.name)  # older ones have none
    return [
        f"{title}, {len(summary['basins'])} basins: {', '.join(texts)} (median, {judged})",
        f"results: {place}",
    ]


def calibrations(directory: Path) -> dict[str, Path]:
    """Folder of everything finished under ``calibrate`` in a run's directory, by the names of the last two folders."""
    places = [path.parent for path in sorted((directory / "calibrate").glob(f"*/*/{SUMMARY}"))]
    return {f"{place.parent.name}-{place.name}": place for place in places}


def belongs(place: Path, hashes: Mapping[str, str | None]) -> bool:
    """Whether a calibration was made of the same data by the same model as a run whose ``hashes`` these are."""
    own = _read(place)["hashes"]
    return all(own[name] == hashes.get(name) for name in ("data", "model"))


def baselines(directory: Path, hashes: Mapping[str, str | None]) -> dict[str, Any]:
    """SCORES by split of the calibrations in a run's directory that belong to it."""
    places = calibrations(directory).items()
    return {name: _result(_read(place)) for name, place in places if belongs(place, hashes)}


def add_to_summary(directory: Path) -> None:
    """Put the calibrations into the summary of the run, where it has one yet."""
    path = directory / "summary.json"
    if path.exists():
        summary = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, summary | {"baselines": baselines(directory, summary["hashes"])})


def parameters(experiment: Experiment, values: Array, figures: Mapping[str, Any] | None = None) -> xr.Dataset:
    """(seed, basin, parameter) ``values`` with what the parameters are, and (seed, basin) ``figures``."""
    about = {"long_name": "calibrated parameter, effective for this model set-up"}
    dimensions = ("seed", "basin")
    data: dict[str, Any] = {
        "value": ((*dimensions, "parameter"), values, about),
        **{name: (dimensions, found) for name, found in (figures or {}).items()},
        **parameter_variables(experiment.space),
    }
    coordinates = {
        "seed": list(experiment.config.calibrate.seeds),
        "basin": list(experiment.basins),
        "parameter": list(experiment.space.names),
    }
    return xr.Dataset(data, coordinates, file_attributes(experiment))


def search_figures(outcomes: Outcomes) -> dict[str, Any]:
    """(seed, basin) what became of every search."""
    return {
        "cost": [[outcome.improvements[-1].cost for outcome in row] for row in outcomes],
        "evaluations": [[outcome.evaluations for outcome in row] for row in outcomes],
        "failed": [[outcome.failed for outcome in row] for row in outcomes],
        "converged": np.array([[outcome.converged for outcome in row] for row in outcomes], np.int8),
    }


def search_facts(experiment: Experiment, outcomes: Outcomes) -> dict[str, Any]:
    """What the summary says of searches."""
    section = experiment.config.calibrate
    every = [outcome for row in outcomes for outcome in row]
    return {
        "title": f"{section.method} on {section.on}, {section.evaluations} evaluations",
        "method": section.method,
        "on": section.on,
        "settings": asdict(getattr(section, section.method)),
        "objective": dict(experiment.config.dpl.flow_losses),
        "evaluations": {
            "budget": section.evaluations,
            "made": sum(outcome.evaluations for outcome in every),
            "failed": sum(outcome.failed for outcome in every),
            "searches": len(every),
            "converged": sum(outcome.converged for outcome in every),
        },
    }


def _read(place: Path) -> dict[str, Any]:
    """Return the summary of a calibration."""
    summary: dict[str, Any] = json.loads((place / SUMMARY).read_text(encoding="utf-8"))
    return summary


def _simulations(experiment: Experiment, series: SeriesOfSeeds) -> xr.Dataset:
    """Observed streamflow, and by seed what was simulated."""
    first, *_ = series.values()
    by_source = {source: np.stack([found[source].streamflow for found in series.values()]) for source in first}
    return flow_dataset(experiment, by_source).assign_coords(seed=list(series))


def _scores(table: pd.DataFrame) -> dict[str, Any]:
    """Scores of every source, means over seeds, and of each seed; null for a source that there is not."""
    seeds = table["seed"].unique()
    by_seed = {
        source: [split_scores(table[table["seed"] == seed], source) for seed in seeds]
        for source in table["source"].unique()
    }
    means = {key: _mean(by_seed[source]) if source in by_seed else None for source, key in SOURCES.items()}
    return means | {"by_seed": {source: by_seed[source] for source in JUDGED if source in by_seed}}


def _result(summary: Mapping[str, Any]) -> dict[str, Any]:
    """SCORES by split of the source that counts."""
    scores: dict[str, Any] = next(summary[source] for source in JUDGED if summary.get(source))
    return scores


def _mean(by_seed: Sequence[dict[str, Scores | None]]) -> dict[str, Scores | None]:
    """Mean over seeds of every figure; None where a seed lacks it."""
    return {split: _mean_scores([found[split] for found in by_seed]) for split in SPLITS}


def _mean_scores(found: Sequence[Scores | None]) -> Scores | None:
    some = [one for one in found if one is not None]
    if len(some) < len(found):
        return None
    means: Scores = {}
    for name in some[0]:
        figures = [one[name] for one in some]
        known = [figure for figure in figures if figure is not None]
        means[name] = float(np.mean(known)) if len(known) == len(figures) else None
    basins = means["basins"]
    return means | {"basins": None if basins is None else int(basins)}
