"""What a calibration leaves: parameters, simulations, best-so-far curves, scores, a summary; and who reads them."""

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

Outcomes = Sequence[Sequence[Outcome]]
"""(seed, basin)."""


def write(
    place: Path,
    experiment: Experiment,
    outcomes: Outcomes,
    values: Array,
    series: Sequence[Mapping[str, Series]],
    data_hash: str,
) -> None:
    """Write the files of a calibration to ``place``.

    Args:
        place: a folder.
        experiment: at the basins that were calibrated.
        outcomes: of their searches.
        values: (seed, basin, parameter) the best values.
        series: what each seed's values give, by source.
        data_hash: of all basins' data.
    """
    place.mkdir(parents=True, exist_ok=True)
    table = _scores(experiment, series)
    write_dataset(place / "parameters.nc", _parameters(experiment, outcomes, values))
    write_dataset(place / SIMULATIONS, _simulations(experiment, series))
    write_text(place / "curves.csv", curves(experiment, outcomes).to_csv(index=False))
    write_text(place / "scores.csv", table.to_csv(index=False))
    hashes = {"data": data_hash, "model": experiment.model.version}
    write_json(place / SUMMARY, _summary(experiment, outcomes, table) | {"hashes": hashes})


def complete(place: Path) -> bool:
    """Whether the files of a calibration are there; the last to be written is the summary."""
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
    """Say what a calibration found, and where it is."""
    summary = _read(place)
    texts = [
        f"{split} NSE {found['nse_median']:.3f}"
        for split, found in summary["closed_loop"].items()
        if found and found["nse_median"] is not None
    ]
    about = f"{summary['method']} on {summary['on']}, {summary['evaluations']['budget']} evaluations"
    return [f"{about}, {len(summary['basins'])} basins: {', '.join(texts)} (median, closed loop)", f"results: {place}"]


def calibrations(directory: Path) -> dict[str, Path]:
    """Folder of every finished calibration in a run's directory, by ``METHOD-ON-EVALUATIONS``."""
    places = [path.parent for path in sorted((directory / "calibrate").glob(f"*/*/{SUMMARY}"))]
    return {f"{place.parent.name}-{place.name}": place for place in places}


def belongs(place: Path, hashes: Mapping[str, str | None]) -> bool:
    """Whether a calibration was made of the same data by the same model as a run whose ``hashes`` these are."""
    own = _read(place)["hashes"]
    return all(own[name] == hashes.get(name) for name in ("data", "model"))


def baselines(directory: Path, hashes: Mapping[str, str | None]) -> dict[str, Any]:
    """SCORES by split of the calibrations in a run's directory that belong to it."""
    places = calibrations(directory).items()
    return {name: _read(place)["closed_loop"] for name, place in places if belongs(place, hashes)}


def add_to_summary(directory: Path) -> None:
    """Put the calibrations into the summary of the run, where it has one yet."""
    path = directory / "summary.json"
    if path.exists():
        summary = json.loads(path.read_text(encoding="utf-8"))
        write_json(path, summary | {"baselines": baselines(directory, summary["hashes"])})


def _read(place: Path) -> dict[str, Any]:
    """Return the summary of a calibration."""
    summary: dict[str, Any] = json.loads((place / SUMMARY).read_text(encoding="utf-8"))
    return summary


def _scores(experiment: Experiment, series: Sequence[Mapping[str, Series]]) -> pd.DataFrame:
    """``closed_loop.score_table`` of every seed."""
    seeds = experiment.config.calibrate.seeds
    parts = [score_table(experiment, one).assign(seed=seed) for seed, one in zip(seeds, series, strict=True)]
    return pd.concat(parts, ignore_index=True)


def _simulations(experiment: Experiment, series: Sequence[Mapping[str, Series]]) -> xr.Dataset:
    """Observed streamflow, and by seed what was simulated."""
    by_source = {source: np.stack([one[source].streamflow for one in series]) for source in series[0]}
    return flow_dataset(experiment, by_source).assign_coords(seed=list(experiment.config.calibrate.seeds))


def _parameters(experiment: Experiment, outcomes: Outcomes, values: Array) -> xr.Dataset:
    """The best values, what they cost, and what the parameters are."""
    about = {"long_name": "calibrated parameter, effective for this model set-up"}
    dimensions = ("seed", "basin")
    data: dict[str, Any] = {
        "value": ((*dimensions, "parameter"), values, about),
        "cost": (dimensions, [[outcome.improvements[-1].cost for outcome in row] for row in outcomes]),
        "evaluations": (dimensions, [[outcome.evaluations for outcome in row] for row in outcomes]),
        "failed": (dimensions, [[outcome.failed for outcome in row] for row in outcomes]),
        "converged": (dimensions, np.array([[outcome.converged for outcome in row] for row in outcomes], np.int8)),
        **parameter_variables(experiment.space),
    }
    coordinates = {
        "seed": list(experiment.config.calibrate.seeds),
        "basin": list(experiment.basins),
        "parameter": list(experiment.space.names),
    }
    return xr.Dataset(data, coordinates, file_attributes(experiment))


def _summary(experiment: Experiment, outcomes: Outcomes, table: pd.DataFrame) -> dict[str, Any]:
    """Everything about a calibration that is small; scores are means over seeds, and of each seed."""
    section = experiment.config.calibrate
    every = [outcome for row in outcomes for outcome in row]
    by_seed = {
        source: [split_scores(table[table["seed"] == seed], source) for seed in section.seeds]
        for source in ("closed_loop", "surrogate")
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "method": section.method,
        "on": section.on,
        "settings": asdict(getattr(section, section.method)),
        "objective": dict(experiment.config.dpl.flow_losses),
        "seeds": list(section.seeds),
        "basins": list(experiment.basins),
        "periods": {name: [str(day) for day in span] for name, span in experiment.splits.periods.by_name().items()},
        "evaluations": {
            "budget": section.evaluations,
            "made": sum(outcome.evaluations for outcome in every),
            "failed": sum(outcome.failed for outcome in every),
            "searches": len(every),
            "converged": sum(outcome.converged for outcome in every),
        },
        "closed_loop": _mean(by_seed["closed_loop"]),
        "through_surrogate": _mean(by_seed["surrogate"]) if section.on == "surrogate" else None,
        "by_seed": {"closed_loop": by_seed["closed_loop"]},
    }


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
