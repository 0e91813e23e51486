"""Scores count basins that have one, and a figure that cannot be computed is None."""

import numpy as np
import pytest

from dpl.baselines import BASELINES
from dpl.evaluate import FIGURES, basin_table, full_table, gap, scores
from dpl.routing import ROUTING
from legacy_models.errors import ShapeError

KEYS = {"basins", "nse_median", "kge_median", "nse_p05", "pbias_median"}


@pytest.fixture
def observed():
    return np.random.default_rng(0).exponential(2.0, (5, 200))


def test_perfect_simulations_score_perfectly(observed):
    result = scores(observed, observed)
    assert result.keys() == KEYS
    assert result["basins"] == 5
    assert result["nse_median"] == result["kge_median"] == result["nse_p05"] == pytest.approx(1.0)
    assert result["pbias_median"] == pytest.approx(0.0)


def test_the_observed_mean_has_an_nse_of_zero(observed):
    mean = np.broadcast_to(observed.mean(axis=1, keepdims=True), observed.shape)
    assert scores(observed, mean)["nse_median"] == pytest.approx(0.0)


def test_a_basin_without_observations_has_no_score_and_no_part(observed):
    observed[2] = np.nan
    simulated = np.nan_to_num(observed)
    table = basin_table(list("abcde"), observed, simulated)
    assert table.loc["c", "days"] == 0
    assert np.isnan(table.loc["c", "nse"])
    assert scores(observed, simulated)["basins"] == 4


def test_without_any_observation_figures_are_none(observed):
    result = scores(np.full_like(observed, np.nan), observed)
    assert result == {"basins": 0} | dict.fromkeys(KEYS - {"basins"})


def test_the_full_table_holds_every_figure_and_those_of_the_short_one(observed):
    dates = np.arange(np.datetime64("2000-10-01"), np.datetime64("2000-10-01") + 200)
    simulated = observed * 1.1
    table = full_table(list("abcde"), dates, observed, simulated)
    assert list(table.columns) == ["days", *(figure.name for figure in FIGURES)]
    short = basin_table(list("abcde"), observed, simulated)
    assert (table[short.columns] == short).all(axis=None)
    for name in ("kge_variability", "kge_bias"):
        assert table[name].to_numpy() == pytest.approx(1.1)
    for name in ("pbias", "fhv"):
        assert table[name].to_numpy() == pytest.approx(10.0)
    assert table["trend_mean_error"].isna().all()


def test_days_that_only_one_of_the_two_has_are_not_counted(observed):
    dates = np.arange(np.datetime64("2000-10-01"), np.datetime64("2000-10-01") + 200)
    simulated = observed.copy()
    observed[0, :5], simulated[0, 3:9] = np.nan, np.nan
    assert full_table(list("abcde"), dates, observed, simulated)["days"].tolist() == [191, 200, 200, 200, 200]


def test_shapes_that_do_not_agree_are_refused(observed):
    with pytest.raises(ShapeError, match=r"\(5, 199\)"):
        scores(observed, observed[:, 1:])


def test_the_gap_is_through_the_surrogate_minus_closed_loop():
    through, closed = np.array([0.8, 0.7, 0.9, np.nan]), np.array([0.5, 0.75, 0.88, 0.1])
    result = gap(through, closed)
    assert result["signed_median"] == pytest.approx(0.02)
    assert result["abs_median"] == pytest.approx(0.05)
    assert result["share_over_0.1"] == pytest.approx(1 / 3)
    assert set(gap(through[3:], closed[3:]).values()) == {None}
    with pytest.raises(ShapeError, match="same basins"):
        gap(through, closed[1:])


def test_default_parameters_are_the_same_at_every_basin():
    values = BASELINES.resolve("default_parameters")(ROUTING, 3)
    np.testing.assert_array_equal(ROUTING.check(values), [ROUTING.defaults] * 3)
