"""Tables over basins: medians with intervals, methods in pairs, and trends; and the table of every basin."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from dpl.comparison import Counts, Interval, paired, percentile, resample
from dpl.evaluate import FIGURES, Figure
from dpl.trends import FLOWS
from legacy_models.parameters import Array
from pipeline.evaluation.runs import KEYS
from pipeline.evaluation.subsets import STRATA, with_common

SEED = 0
"""Of the resamples: the same tables give the same intervals."""
NAMES = [figure.name for figure in FIGURES]
IN_PAIRS = ("nse", "kge", "pbias", "fhv", "flv", "fms")
"""Figures that methods are compared by; of those that are errors, the size."""


@dataclass(frozen=True, eq=False)
class Group:
    """What the methods have on one split at the basins of one subset.

    Args:
        split: which.
        subset: which.
        blocks: how many blocks its basins belong to.
        counts: resamples of them.
        figures: method -> (seed, basin, figure) in the order of ``FIGURES``; NaN where it has none.
        listed: method -> basins that it was to simulate.
    """

    split: str
    subset: str
    blocks: int
    counts: Counts
    figures: dict[str, Array]
    listed: dict[str, int]

    def values(self, method: str, figure: str) -> Array:
        """(seed, basin) figure of a method."""
        return self.figures[method][:, :, NAMES.index(figure)]


def average_folds(scores: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each split, method, seed and basin: the mean over runs, which differ in their fold."""
    return scores.groupby(KEYS, sort=False, as_index=False).mean()


def groups(
    scores: pd.DataFrame, chosen: Mapping[str, set[str]], blocks: "pd.Series[str]", resamples: int
) -> Iterator[Group]:
    """Yield every split and subset that has basins.

    Args:
        scores: a row for each split, method, seed and basin.
        chosen: name -> basins of a subset.
        blocks: basin -> block.
        resamples: how many.
    """
    for split, rows in scores.groupby("split", sort=False):
        basins_of = [set(own["basin"]) for _, own in rows.groupby("method")]
        for subset, members in with_common(chosen, basins_of).items():
            here = rows[rows["basin"].isin(members)]
            basins = sorted(here["basin"].unique())
            if not basins:
                continue
            by_method = {str(method): own for method, own in here.groupby("method", sort=False)}
            yield Group(
                split=str(split),
                subset=subset,
                blocks=blocks.loc[basins].nunique(),
                counts=resample(list(blocks.loc[basins]), resamples, SEED),
                figures={method: _cube(own, basins) for method, own in by_method.items()},
                listed={method: own["basin"].nunique() for method, own in by_method.items()},
            )


def summary(group: Group) -> list[dict[str, Any]]:
    """Medians over basins of every method and figure, signed and absolute, with intervals; a row for each.

    Returns:
        Rows of split, subset, method, figure, unit, basins (with the figure), undefined (without), blocks, seeds,
        median (its mean over seeds), low and high (95 %, blocks resampled), seed_sd (of the median), p05 and p95.
    """
    rows = []
    for method, listed in group.listed.items():
        for figure in FIGURES:
            values = group.values(method, figure.name)
            known = int(np.isfinite(values).any(axis=0).sum())
            same = {"split": group.split, "subset": group.subset, "method": method}
            counted = {"unit": figure.unit, "basins": known, "undefined": listed - known, "blocks": group.blocks}
            for name, some in _signed_and_absolute(figure, values):
                rows.append({**same, "figure": name, **counted, **_over_basins(some, group.counts)})
    return rows


def pairs(group: Group) -> list[dict[str, Any]]:
    """Every two methods compared at the basins that both have; nothing for a class of climate.

    Returns:
        Rows of split, subset, figure, method, other, basins, blocks, difference (median over basins of method minus
        other, each its mean over seeds; ``abs_`` figures are errors, less is better), of_medians (median minus median),
        their intervals, share_better (of the basins, where the method is better), wilcoxon_p. Nothing is corrected for
        the number of pairs.
    """
    rows = []
    for figure in (figure for figure in FIGURES if figure.name in IN_PAIRS and not _is_climate(group.subset)):
        name = f"abs_{figure.name}" if figure.error else figure.name
        means = {method: _mean_over_seeds(group.values(method, figure.name), figure.error) for method in group.figures}
        for method, other in combinations(means, 2):
            found = paired(means[method], means[other], group.counts)
            rows.append(
                {
                    "split": group.split,
                    "subset": group.subset,
                    "figure": name,
                    "method": method,
                    "other": other,
                    "basins": found.basins,
                    "blocks": group.blocks,
                    **_interval("difference", found.difference),
                    **_interval("of_medians", found.of_medians),
                    "share_better": 1.0 - found.share_above if figure.error else found.share_above,
                    "wilcoxon_p": found.p_value,
                }
            )
    return rows


def trends(group: Group) -> list[dict[str, Any]]:
    """Whether simulated trends are the observed ones, over basins; nothing for a class of climate.

    Returns:
        Rows of split, subset, method, flow (of a year: mean, low, high), basins, correlation, same_sign (share of the
        basins). Trends are means over seeds.
    """
    rows = []
    for method in () if _is_climate(group.subset) else group.figures:
        for flow in FLOWS:
            names = (f"trend_{flow}_observed", f"trend_{flow}_simulated")
            observed, simulated = (_mean_over_seeds(group.values(method, name)) for name in names)
            both = np.isfinite(observed) & np.isfinite(simulated)
            o, s = observed[both], simulated[both]
            varied = len(o) > 2 and o.std() > 0 and s.std() > 0
            rows.append(
                {
                    "split": group.split,
                    "subset": group.subset,
                    "method": method,
                    "flow": flow,
                    "basins": len(o),
                    "correlation": float(np.corrcoef(o, s)[0, 1]) if varied else np.nan,
                    "same_sign": float((np.sign(o) == np.sign(s)).mean()) if len(o) else np.nan,
                }
            )
    return rows


def dataset(scores: pd.DataFrame, described: pd.DataFrame) -> xr.Dataset:
    """Return the table of every basin with dims split, method, seed and basin, NaN where there is no row."""
    found = scores.set_index(KEYS).to_xarray()
    for name in ("split", "method", "basin"):
        found[name] = found[name].astype(str)
    for figure in FIGURES:
        found[figure.name].attrs = {"units": figure.unit, "long_name": figure.meaning}
    found["days"].attrs = {"units": "1", "long_name": "days on which both flows are known"}
    order = described.loc[[str(basin) for basin in found["basin"].to_numpy()]]
    kinds = {name: np.float64 if pd.api.types.is_numeric_dtype(order[name]) else str for name in order.columns}
    return found.assign_coords({name: ("basin", order[name].to_numpy(dtype=kind)) for name, kind in kinds.items()})


def _cube(scores: pd.DataFrame, basins: list[str]) -> Array:
    """(seed, basin, figure) from rows of one method, each seed and basin once."""
    seeds, seed = np.unique(scores["seed"], return_inverse=True)
    cube = np.full((len(seeds), len(basins), len(NAMES)), np.nan)
    cube[seed, pd.Index(basins).get_indexer(pd.Index(scores["basin"]))] = scores[NAMES].to_numpy(dtype=np.float64)
    return cube


def _over_basins(values: Array, counts: Counts) -> dict[str, Any]:
    median = percentile(values, counts)
    medians = [np.nanmedian(row) for row in values if np.isfinite(row).any()]
    return {
        "seeds": len(medians),
        **_interval("median", median),
        "seed_sd": float(np.std(medians, ddof=1)) if len(medians) > 1 else np.nan,
        "p05": percentile(values, counts[:0], 5.0).value,
        "p95": percentile(values, counts[:0], 95.0).value,
    }


def _interval(name: str, interval: Interval) -> dict[str, Any]:
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}


def _signed_and_absolute(figure: Figure, values: Array) -> list[tuple[str, Array]]:
    absolute = [(f"abs_{figure.name}", np.abs(values))] if figure.error else []
    return [(figure.name, values), *absolute]


def _mean_over_seeds(values: Array, absolute: bool = False) -> Array:
    """(basin,) mean over the seeds that have a figure; NaN where none has."""
    sizes = np.abs(values) if absolute else values
    known = np.isfinite(sizes)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, sizes, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)


def _is_climate(subset: str) -> bool:
    return subset.partition(" ")[0] in STRATA
