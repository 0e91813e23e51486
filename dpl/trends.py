"""Trends of a year's mean, low and high flow: does a simulation follow what changes over decades?"""

import numpy as np
from scipy.stats import theilslopes

from legacy_models.model import Dates
from legacy_models.parameters import Array

PERCENTILES = {"low": 10.0, "high": 98.0}
"""Percentile of a year's daily flows that stands for its low and its high flow."""
LEAST_SHARE = 0.9
"""Share of the days of a year without which it does not count."""
LEAST_YEARS = 5
"""Years without which there is no trend."""

FLOWS = ("mean", *PERCENTILES)


def decadal_trends(flow: Array, dates: Dates) -> dict[str, Array]:
    """Return the trend of the yearly mean, low and high flow of each basin: Theil-Sen's slope.

    slope = median over pairs of years i < j of (q_j - q_i) / (j - i), times 10. Years run from the first of the days,
    so that none is cut.

    Args:
        flow: (basin, time) streamflow [mm/day]; NaN marks a gap.
        dates: (time,) consecutive days.

    Returns:
        ``mean``, ``low`` and ``high`` -> (basin,) [mm/day per decade]; NaN where fewer than 5 years have 90 % of their
        days.

    Source:
        Theil (1950) and Sen (1968), doi:10.1080/01621459.1968.10480934; as a test of differentiable models: Feng et al.
        (2023), doi:10.5194/hess-27-2357-2023.
    """
    return {
        name: np.array([_decadal_slope(values) for values in yearly], dtype=np.float64)
        for name, yearly in yearly_flows(flow, dates).items()
    }


def yearly_flows(flow: Array, dates: Dates) -> dict[str, Array]:
    """Return the mean, low and high flow of each year: ``mean``, ``low`` and ``high`` -> (basin, year) [mm/day].

    NaN where less than 90 % of a year's days have a value. See ``decadal_trends`` for the arguments.
    """
    year = _year(dates)
    count = int(year.max()) + 1 if year.size else 0
    yearly = {name: np.full((len(flow), count), np.nan) for name in FLOWS}
    for i in range(count):
        values = flow[:, year == i]
        rows = np.isfinite(values).sum(axis=1) >= LEAST_SHARE * 365
        if rows.any():
            yearly["mean"][rows, i] = np.nanmean(values[rows], axis=1)
            for name, percentile in PERCENTILES.items():
                yearly[name][rows, i] = np.nanpercentile(values[rows], percentile, axis=1)
    return yearly


def _decadal_slope(values: Array) -> float:
    years = np.flatnonzero(np.isfinite(values))
    if len(years) < LEAST_YEARS:
        return np.nan
    return 10.0 * float(theilslopes(values[years], years)[0])


def _year(dates: Dates) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """(time,) complete years since the first day."""
    days = dates.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    place = months.astype(np.int64) * 31 + (days - months).astype(np.int64)  # grows with time, equal on anniversaries
    return (place - place[:1]) // (12 * 31)
