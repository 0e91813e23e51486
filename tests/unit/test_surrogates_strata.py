"""Classes of days and runs against cases whose members are known."""

import numpy as np
import pytest

from surrogates.strata import aridity_classes, memory, regimes, seasons, slowest, snow_classes

DAYS = np.arange(5 * 365)
YEARLY = np.sin(2 * np.pi * DAYS / 365)


def test_regimes_hold_thirty_sixty_eight_and_two_per_cent_of_the_days_by_flow():
    flow = np.random.default_rng(0).permutation(1000).reshape(1, 1000)
    days = regimes(flow)
    assert sorted(flow[days["low"]]) == list(range(300))
    assert sorted(flow[days["middle"]]) == list(range(300, 980))
    assert sorted(flow[days["top"]]) == list(range(980, 1000))


def test_every_day_is_in_one_regime_even_where_all_flow_is_equal():
    days = regimes(np.zeros((2, 50)))
    assert (sum(mask.astype(int) for mask in days.values()) == 1).all()
    assert [int(mask[0].sum()) for mask in days.values()] == [15, 34, 1]


def test_seasons_follow_the_calendar_and_hold_every_day_once():
    dates = np.arange("1999-12-01", "2000-12-01", dtype="datetime64[D]")
    days = seasons(dates)
    assert {name: int(mask.sum()) for name, mask in days.items()} == {"DJF": 91, "MAM": 92, "JJA": 92, "SON": 91}
    assert dates[days["JJA"]][[0, -1]].astype(str).tolist() == ["2000-06-01", "2000-08-31"]


def test_a_site_belongs_to_one_class_of_aridity_and_an_unknown_one_to_none():
    classes = aridity_classes([0.4, 1.0, 2.0, 5.0, np.nan])
    assert classes["below_1"].tolist() == [True, False, False, False, False]
    assert classes["1_to_2"].tolist() == [False, True, False, False, False]
    assert classes["above_2"].tolist() == [False, False, True, True, False]


def test_classes_of_snow_share_no_basin_and_leave_out_those_of_which_it_is_unknown():
    classes = snow_classes([0.0, 0.1, 0.29, 0.3, 1.0, np.nan])
    assert np.sum(list(classes.values()), axis=0).tolist() == [1, 1, 1, 1, 1, 0]
    assert classes["0.1_to_0.3"].tolist() == [False, True, True, False, False, False]


def test_what_repeats_every_year_has_no_memory_and_a_trend_nothing_else():
    states = np.stack([YEARLY, 0.01 * DAYS, np.full(len(DAYS), 3.0)])[:, :, None]
    assert memory(states) == pytest.approx([0.0, 1.0, 0.0], abs=1e-9)


def test_memory_is_that_of_the_slowest_state():
    both = np.stack([YEARLY, 1000.0 + 0.01 * DAYS], axis=1)[None]
    assert memory(both) == pytest.approx([1.0])


def test_memory_of_less_than_two_years_is_unknown_and_nothing_is_slowest():
    unknown = memory(np.random.default_rng(0).random((3, 700, 1)))
    assert np.isnan(unknown).all()
    assert not slowest(unknown).any()


def test_the_slowest_tenth_are_the_runs_with_the_longest_memory():
    remembered = np.arange(20.0)
    remembered[7] = np.nan
    assert np.flatnonzero(slowest(remembered)).tolist() == [18, 19]
