"""``fidelity.json``: how a round's surrogate does on the runs that its training held out, all and by strata."""

from typing import Any

import numpy as np
import numpy.typing as npt

from legacy_models.parameters import Array
from legacy_models.run_set import RunSet
from pipeline.experiment import Experiment
from surrogates.fidelity import (
    Comparison,
    compare,
    created_water,
    quantile,
    rank_correlation,
    scores,
    scores_by_strata,
    streamflow_errors,
)
from surrogates.queries import Queries
from surrogates.strata import aridity_classes
from surrogates.surrogate import Surrogate
from surrogates.windows import Index

MOST_RUNS = 1000
"""More held-out runs than these are thinned, evenly over the sites: they are simulated in memory."""

SHOWN_DAYS = 730
POINTS = 1500
"""Days of all runs that are kept of each variable, drawn at random."""

SHOWN = {"95th percentile": 0.95, "median": 0.5, "5th percentile": 0.05}
"""Runs whose hydrographs are kept, by the rank of their error."""


def assess(experiment: Experiment, surrogate: Surrogate, run_set: RunSet, rows: Index) -> dict[str, Any]:
    """Return every figure on some of the runs, as plain values.

    Args:
        experiment: for what is known of the sites.
        surrogate: a frozen surrogate.
        run_set: recorded runs; what it saw of their sites is judged by those not in ``rows``.
        rows: runs that were held out of its training; all others are taken for seen.

    Returns:
        ``runs``; ``scores``; ``strata``: stratum -> class -> scores; ``distance``: errors against the distance
        from the training runs; ``created_water``: share of precipitation; ``hydrographs`` of some runs;
        ``parity``: some days of every variable.
    """
    if not len(rows):
        nothing: dict[str, Any] = {"runs": 0, "scores": {}, "strata": {}, "distance": None, "created_water": None}
        return nothing | {"hydrographs": [], "parity": []}
    basins = run_set.basins
    seen = np.delete(basins, rows)
    rows = thinned(rows)
    comparison, sites = compare(surrogate, run_set, rows), run_set.sites[rows]
    errors = streamflow_errors(comparison)
    return {
        "runs": len(rows),
        "scores": scores(comparison),
        "strata": scores_by_strata(comparison, _groups(experiment, basins[rows], seen)),
        "distance": _against_distance(surrogate, run_set, rows, errors),
        "created_water": _created_water(comparison, run_set, sites),
        "hydrographs": _hydrographs(comparison, sites, errors),
        "parity": _parity(comparison),
    }


def thinned(rows: Index) -> Index:
    """Return at most ``MOST_RUNS`` of the rows."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, MOST_RUNS).round().astype(np.int64))]


def _groups(
    experiment: Experiment, basins: npt.NDArray[np.str_], seen: npt.NDArray[np.str_]
) -> dict[str, dict[str, npt.NDArray[np.bool_]]]:
    """What each held-out run has not in common with the training runs, and how dry its basin is."""
    known = np.isin(basins, seen)
    groups = {"kind": {"unseen_sites": ~known, "unseen_sets": known}}
    if "aridity" in experiment.dataset:
        groups["aridity"] = aridity_classes(experiment.dataset["aridity"].sel(basin=basins).to_numpy())
    return groups


def _against_distance(surrogate: Surrogate, run_set: RunSet, rows: Index, errors: Array) -> dict[str, Any] | None:
    """Distance from the training runs and error of every run, and their rank correlation."""
    if surrogate.domain is None:
        return None
    distance = surrogate.domain.judge(Queries.of_runs(run_set).only(rows)).distance
    sound = np.isfinite(distance) & np.isfinite(errors)
    return {
        "rank_correlation": rank_correlation(distance[sound], errors[sound]),
        "distance": np.round(distance[sound], 4).tolist(),
        "error": np.round(errors[sound], 5).tolist(),
    }


def _created_water(
    comparison: Comparison, run_set: RunSet, sites: npt.NDArray[np.str_]
) -> dict[str, float | None] | None:
    """Quantiles over the runs of what leaves beyond what leaves the legacy model; None without precipitation."""
    if "prcp" not in run_set.model.forcing_names:
        return None
    rain = [
        run_set.forcing[str(site)].between(days[0], days[-1]).column("prcp")
        for site, days in zip(sites, comparison.dates, strict=True)
    ]
    share = created_water(comparison, np.stack(rain))
    return {name: quantile(share, level) for name, level in (("p05", 0.05), ("median", 0.5), ("p95", 0.95))}


def _hydrographs(comparison: Comparison, sites: npt.NDArray[np.str_], errors: Array) -> list[dict[str, Any]]:
    """The last two years of streamflow of a few runs from bad to good."""
    order = np.argsort(errors, kind="stable")
    shown = []
    for label, share in SHOWN.items():
        row = int(order[round(share * (len(order) - 1))])
        recorded, simulated = (
            np.round(series[row, -SHOWN_DAYS:, -1].astype(np.float64), 4).tolist()
            for series in (comparison.recorded, comparison.simulated)
        )
        first = str(comparison.dates[row, -len(recorded)])
        shown.append(
            {"rank": label, "site": str(sites[row]), "start": first, "recorded": recorded, "simulated": simulated}
        )
    return shown


def _parity(comparison: Comparison) -> list[dict[str, Any]]:
    """Every variable on the same days, drawn from all."""
    days = np.random.default_rng(0).integers(0, comparison.dates.size, POINTS)
    recorded, simulated = (
        series.reshape(-1, series.shape[-1])[days].astype(np.float64).round(5)
        for series in (comparison.recorded, comparison.simulated)
    )
    return [
        {"name": name, "unit": unit, "recorded": recorded[:, i].tolist(), "simulated": simulated[:, i].tolist()}
        for i, (name, unit) in enumerate(comparison.variables)
    ]
