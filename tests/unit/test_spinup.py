"""The one spin-up rule: earlier days as recorded, whole years repeated where the record begins too late."""

import numpy as np
import pandas as pd
import pytest

from legacy_models.errors import DataError
from legacy_models.model import Forcing, with_spinup


def record(first, last):
    dates = np.arange(first, np.datetime64(last) + 1, dtype="datetime64[D]")
    return Forcing(dates, np.arange(len(dates), dtype=float)[:, None], ("prcp",))


def test_recorded_days_before_the_start_are_used_as_they_are():
    forcing = record("1990-10-01", "2000-09-30")
    spun = with_spinup(forcing, np.datetime64("1995-10-01"), np.datetime64("1996-09-30"), 3)
    assert spun.dates[0] == np.datetime64("1992-10-01")
    first = (np.datetime64("1992-10-01") - forcing.dates[0]).astype(int)
    assert (spun.values[:, 0] == np.arange(first, first + len(spun.dates))).all()


def test_days_before_the_record_repeat_its_years_day_of_year_by_day_of_year():
    forcing = record("1990-10-01", "2000-09-30")
    spun = with_spinup(forcing, np.datetime64("1990-10-01"), np.datetime64("1991-09-30"), 25)
    assert spun.dates[0] == np.datetime64("1965-10-01")
    source = forcing.dates[spun.values[:, 0].astype(int)]
    wanted, source = ([(day.month, day.day) for day in pd.DatetimeIndex(days)] for days in (spun.dates, source))
    leap, before = (2, 29), (2, 28)
    assert all(a in (b, leap) or (b == leap and a == before) for a, b in zip(source, wanted, strict=True))


def test_no_spin_up_is_the_record_itself():
    forcing = record("1990-10-01", "1992-09-30")
    spun = with_spinup(forcing, forcing.dates[0], forcing.dates[-1], 0)
    assert spun.digest == forcing.digest


def test_a_record_shorter_than_a_year_cannot_be_repeated():
    forcing = record("1990-10-01", "1991-03-31")
    with pytest.raises(DataError, match="no whole year"):
        with_spinup(forcing, forcing.dates[0], forcing.dates[-1], 1)


def test_a_period_outside_the_record_is_refused():
    forcing = record("1990-10-01", "1992-09-30")
    with pytest.raises(DataError, match="1990-10-01 to 1992-09-30"):
        with_spinup(forcing, np.datetime64("1991-10-01"), np.datetime64("1993-09-30"), 1)


def test_a_hole_in_the_dates_is_refused():
    dates = np.array(["1990-01-01", "1990-01-03"], dtype="datetime64[D]")
    with pytest.raises(DataError, match="consecutive"):
        Forcing(dates, np.zeros((2, 1)), ("prcp",))
