"""Kinds of days and of runs that a surrogate is scored on one by one: an average hides where it fails."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from legacy_models.model import Dates
from legacy_models.parameters import Array

Mask = npt.NDArray[np.bool_]

LOW_SHARE, TOP_SHARE = 0.30, 0.02
"""Shares of the days with the lowest and the highest flow, as in FLV and FHV of Yilmaz et al. (2008)."""

SEASONS = {"DJF": (12, 1, 2), "MAM": (3, 4, 5), "JJA": (6, 7, 8), "SON": (9, 10, 11)}
ARIDITY = {"below_1": (-np.inf, 1.0), "1_to_2": (1.0, 2.0), "above_2": (2.0, np.inf)}
"""Classes of potential evaporation over precipitation; below 1, energy limits evaporation (Budyko)."""
SNOW = {"below_0.1": (-np.inf, 0.1), "0.1_to_0.3": (0.1, 0.3), "above_0.3": (0.3, np.inf)}
"""Classes of the fraction of precipitation that falls as snow."""

YEAR = 365


def regimes(flow: npt.ArrayLike) -> dict[str, Mask]:
    """Return (run, time) which days belong to the ``low`` 30 %, the ``middle`` and the ``top`` 2 % of each run's flow.

    Args:
        flow: (run, time) streamflow; days of equal flow are told apart by their order.
    """
    values = np.asarray(flow)
    days = values.shape[1]
    rank = values.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    low = rank < round(LOW_SHARE * days)
    top = rank >= days - max(1, round(TOP_SHARE * days))
    return {"low": low, "middle": ~low & ~top, "top": top}


def seasons(dates: Dates) -> dict[str, Mask]:
    """Return which of ``dates``, of any shape, belong to each season, named by the initials of its months."""
    month = dates.astype("datetime64[M]").astype(np.int64) % 12 + 1
    return {name: np.isin(month, months) for name, months in SEASONS.items()}


def aridity_classes(aridity: npt.ArrayLike) -> dict[str, Mask]:
    """Return (run,) which runs belong to each class of potential evaporation over precipitation."""
    return _classes(aridity, ARIDITY)


def snow_classes(fraction: npt.ArrayLike) -> dict[str, Mask]:
    """Return (basin,) which basins belong to each class of the fraction of precipitation that falls as snow."""
    return _classes(fraction, SNOW)


def memory(states: npt.ArrayLike) -> Array:
    """Return (run,) how much of the variance of a run's slowest state is left after a mean over a year.

    0 for what repeats every year, towards 1 for a store that drains over many years.

    Args:
        states: (run, time, state); at least two years.

    Returns:
        (run,) share, the largest over the states; 0 where nothing varies, NaN for less than two years.
    """
    values = np.asarray(states, dtype=np.float64)
    days = values.shape[1]
    if days < 2 * YEAR:
        return np.full(len(values), np.nan)
    values = values - values[:, :1]  # sums of large numbers lose digits
    sums = np.concatenate([np.zeros_like(values[:, :1]), values.cumsum(axis=1)], axis=1)
    means = (sums[:, YEAR:] - sums[:, :-YEAR]) / YEAR
    first = YEAR // 2
    spread = values[:, first : first + means.shape[1]].var(axis=1)
    share = np.where(spread > 0.0, means.var(axis=1) / np.where(spread > 0.0, spread, 1.0), 0.0)
    return np.asarray(np.minimum(share, 1.0).max(axis=1))


def slowest(remembered: npt.ArrayLike, share: float = 0.1) -> Mask:
    """Return (run,) the ``share`` of the runs with the longest ``memory``, at least one; none where it is unknown."""
    values = np.asarray(remembered, dtype=np.float64)
    chosen = np.zeros(len(values), dtype=bool)
    known = np.flatnonzero(np.isfinite(values))
    count = max(1, round(share * len(known)))
    chosen[known[np.argsort(-values[known], kind="stable")[:count]]] = True
    return chosen


def _classes(values: npt.ArrayLike, bounds: Mapping[str, tuple[float, float]]) -> dict[str, Mask]:
    """Return which values lie in each class; the lower bound belongs to it, NaN to none."""
    known = np.asarray(values, dtype=np.float64)
    return {name: (known >= low) & (known < high) for name, (low, high) in bounds.items()}
