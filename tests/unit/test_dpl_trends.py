"""Trends of yearly flows: slopes that were put in come out, and what is too short or too gappy has none."""

import numpy as np
import pytest

from dpl.trends import decadal_trends, yearly_flows


def days(first="1990-10-01", last="2000-09-30"):
    return np.arange(np.datetime64(first), np.datetime64(last) + 1)


def rising(dates, slope):
    """A season that repeats exactly, plus a step at every anniversary of 1 October."""
    years = dates.astype("datetime64[Y]").astype(int) - 20 - (dates.astype("datetime64[M]").astype(int) % 12 < 9)
    month = dates.astype("datetime64[M]").astype(int) % 12
    return 5.0 + np.sin(2 * np.pi * month / 12) + slope * years


def test_a_slope_that_was_put_in_is_found_in_mean_low_and_high_flow():
    dates = days()
    trends = decadal_trends(np.stack([rising(dates, slope) for slope in (0.03, 0.0, -0.1)]), dates)
    assert trends["mean"] == pytest.approx([0.3, 0.0, -1.0], abs=0.01)  # a leap day shifts a year's mean a little
    assert trends["low"] == pytest.approx([0.3, 0.0, -1.0])
    assert trends["high"] == pytest.approx([0.3, 0.0, -1.0])


def test_one_wild_year_does_not_make_a_trend():
    dates = days()
    flow = rising(dates, 0.0)
    flow[-365:] *= 10
    assert decadal_trends(flow[None], dates)["high"] == pytest.approx([0.0])


def test_years_run_from_the_first_day_and_none_is_cut():
    dates = days("1996-02-29", "2000-02-28")
    flow = np.repeat([1.0, 2.0, 3.0, 4.0], [366, 365, 365, 365])[None]
    assert yearly_flows(flow, dates)["mean"] == pytest.approx(np.array([[1.0, 2.0, 3.0, 4.0]]), abs=0.01)
    assert yearly_flows(flow[:, :100], dates[:100])["mean"].shape == (1, 1)


def test_a_year_with_more_than_a_tenth_of_gaps_does_not_count():
    dates = days()
    flow = np.ones((2, len(dates)))
    flow[0, :36], flow[1, :37] = np.nan, np.nan
    assert np.isfinite(yearly_flows(flow, dates)["mean"][:, 0]).tolist() == [True, False]


def test_four_years_have_no_trend_and_a_dry_river_has_none_that_rises():
    dates = days()
    flow = np.zeros((2, len(dates)))
    flow[1, 4 * 366 :] = np.nan
    for trend in decadal_trends(flow, dates).values():
        assert trend == pytest.approx([0.0, np.nan], nan_ok=True)


def test_no_day_and_no_basin_have_no_trend():
    assert decadal_trends(np.empty((0, 10)), days()[:10])["mean"].shape == (0,)
    assert np.isnan(decadal_trends(np.empty((1, 0)), days()[:0])["mean"]).all()
