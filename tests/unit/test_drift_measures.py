import numpy as np
import pytest

from legacy_models.model import Forcing
from pipeline.drift.measures import Gate, drop, moved, shifts, windows_like
from tests.climate_runs import weather
from tests.recorded_runs import SPACE

SITES = [weather(3.0, 8.0, seed) for seed in range(6)]


def span(start: str, end: str) -> tuple[np.datetime64, np.datetime64]:
    return np.datetime64(start), np.datetime64(end)


FIT, NEW = span("2000-01-01", "2006-12-31"), span("2007-01-01", "2007-12-31")


def changed_in(forcing: Forcing, period: tuple[np.datetime64, np.datetime64], column: int, by: float) -> Forcing:
    values = forcing.values.copy()
    inside = (forcing.dates >= period[0]) & (forcing.dates <= period[1])
    values[inside, column] += by
    return Forcing(forcing.dates, values, forcing.names)


def test_windows_are_as_long_begin_on_the_same_day_of_the_year_and_do_not_overlap() -> None:
    windows = windows_like(span("2007-03-01", "2008-02-28"), FIT)
    assert [str(start) for start, _ in windows] == [f"{year}-03-01" for year in range(2000, 2006)]
    assert all((end - start).astype(int) == 364 for start, end in windows)


def test_a_window_that_is_longer_than_the_fit_period_is_compared_with_all_of_it() -> None:
    assert windows_like(span("1980-01-01", "1999-12-31"), FIT) == [FIT]


def test_a_year_like_the_others_shifts_by_what_is_usual() -> None:
    found = shifts(SITES, SITES, NEW, FIT)
    assert set(found) == {"prcp", "tmin", "tmax"}
    for shift in found.values():
        assert shift["statistic"] - shift["usual"] < 0.05


def test_only_the_variable_that_changed_is_said_to_have_shifted() -> None:
    warmer = [changed_in(site, NEW, 1, 5.0) for site in SITES]
    found = shifts(SITES, warmer, NEW, FIT)
    assert found["tmin"]["statistic"] - found["tmin"]["usual"] > 0.1
    assert found["tmax"]["statistic"] - found["tmax"]["usual"] < 0.05


def test_a_cold_season_is_compared_with_cold_seasons() -> None:
    winter = span("2007-01-01", "2007-02-28")
    found = shifts(SITES, SITES, winter, FIT)
    assert found["tmin"]["statistic"] - found["tmin"]["usual"] < 0.1


def test_a_gate_needs_a_figure_above_its_threshold_that_is_no_chance() -> None:
    assert Gate("performance", "nse_drop", 0.2, 0.1).exceeded
    assert not Gate("performance", "nse_drop", 0.1, 0.1).exceeded
    assert not Gate("performance", "nse_drop", None, 0.1).exceeded
    assert not Gate("performance", "nse_drop", 0.2, 0.1, proven=False).exceeded


def test_the_interval_of_a_constant_loss_is_that_loss() -> None:
    before = np.array([0.8, 0.6, np.nan, 0.7])
    found = drop(before, before - 0.25, 200, seed=0)
    assert found["basins"] == 3
    assert found["drop"] == pytest.approx(0.25)
    assert found["interval"] == pytest.approx([0.25, 0.25])


def test_the_interval_holds_the_median_loss_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    held = [
        one["interval"][0] <= 0.1 <= one["interval"][1]
        for one in (drop(rng.normal(0.6, 0.1, 40), rng.normal(0.5, 0.1, 40), 300, seed) for seed in range(200))
    ]
    assert np.mean(held) == pytest.approx(0.9, abs=0.06)


def test_without_a_basin_that_has_both_scores_nothing_is_said() -> None:
    assert drop(np.array([0.5, np.nan]), np.array([np.nan, 0.5]), 100, 0)["drop"] is None


def test_parameters_that_stayed_have_not_moved() -> None:
    values = SPACE.from_unit(np.random.default_rng(0).random((5, 2)))
    assert moved(SPACE, values, values)["rms_median"] == 0.0
    away = SPACE.from_unit(np.clip(SPACE.to_unit(values) * 0.5 + 0.1, 0, 1))
    found = moved(SPACE, away, values)
    expected = np.abs(0.1 - 0.5 * SPACE.to_unit(values))
    assert found["by_parameter"]["loss"] == pytest.approx(np.median(expected[:, 1]))
