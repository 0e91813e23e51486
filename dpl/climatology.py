"""Day-of-year climatology: the floor for daily streamflow, what the season alone tells."""

import numpy as np

from legacy_models.model import Dates
from legacy_models.parameters import Array

DAYS = 366
"""Calendar days, 29 February among them."""


def climatology(observed: Array, dates: Dates, days: Dates) -> Array:
    """Return the mean flow of each calendar day in a record, on other days.

    A calendar day without a value is interpolated between its neighbours, around the turn of the year too. Of an
    ungauged basin this knows what no method there may know, its own record: a stricter floor.

    Args:
        observed: (basin, time) streamflow [mm/day]; NaN marks a gap.
        dates: (time,) its days.
        days: (day,) the days wanted.

    Returns:
        (basin, day) streamflow [mm/day]; NaN where a basin has no record.
    """
    known = np.isfinite(observed)
    belongs = np.eye(DAYS)[_calendar_day(dates)]
    counts = known.astype(np.float64) @ belongs
    sums = np.where(known, observed, 0.0) @ belongs
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return np.array([_interpolated(row) for row in means]).reshape(-1, DAYS)[:, _calendar_day(days)]


def _calendar_day(dates: Dates) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    """(time,) 0 for 1 January to 365 for 31 December, the same in every year."""
    days = dates.astype("datetime64[D]")
    months = days.astype("datetime64[M]")
    in_leap_year = np.datetime64("2000-01", "M") + months.astype(np.int64) % 12
    return (in_leap_year.astype("datetime64[D]") - np.datetime64("2000-01-01") + (days - months)).astype(np.int64)


def _interpolated(year: Array) -> Array:
    """(calendar day,) values without gaps; all NaN if there is none to begin with."""
    known = np.flatnonzero(np.isfinite(year))
    if not known.size:
        return year
    return np.interp(np.arange(DAYS), known, year[known], period=DAYS)
