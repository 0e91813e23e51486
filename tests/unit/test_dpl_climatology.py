"""Day-of-year climatology: the mean of each calendar day, whatever the year."""

import numpy as np
import pytest

from dpl.climatology import climatology


def days(first, last):
    return np.arange(np.datetime64(first), np.datetime64(last) + 1)


def month_and_day(dates):
    months = dates.astype("datetime64[M]")
    return 100.0 * (months.astype(int) % 12 + 1) + (dates - months).astype(int) + 1


def test_each_calendar_day_is_told_by_its_own_in_leap_years_and_others():
    dates, wanted = days("1999-10-01", "2008-09-30"), days("1988-01-01", "1991-12-31")
    flow = month_and_day(dates)[None]
    np.testing.assert_allclose(climatology(flow, dates, wanted), month_and_day(wanted)[None])


def test_years_are_averaged_and_gaps_are_not_days_of_no_flow():
    dates = days("2001-01-01", "2002-12-31")
    flow = np.repeat([[1.0, 3.0]], 365, axis=1)
    flow[0, 10] = np.nan
    expected = np.full(365, 2.0)
    expected[10] = 3.0
    np.testing.assert_allclose(climatology(flow, dates, days("2003-01-01", "2003-12-31")), [expected])


def test_a_calendar_day_that_was_never_seen_is_interpolated_also_over_the_new_year():
    dates = days("2001-01-02", "2001-12-30")
    flow = np.where(np.arange(len(dates)) < 100, 4.0, 1.0)[None]
    found = climatology(flow, dates, np.array(["2004-02-29", "2003-12-31", "2003-01-01"], dtype="datetime64[D]"))
    assert found[0] == pytest.approx([4.0, 2.0, 3.0])


def test_a_basin_without_a_record_has_no_climatology():
    dates = days("2001-01-01", "2001-12-31")
    assert np.isnan(climatology(np.full((1, 365), np.nan), dates, dates)).all()
    assert climatology(np.empty((0, 365)), dates, dates[:7]).shape == (0, 7)
