"""Metrics against values worked out by hand and against identities that hold for any series."""

import numpy as np
import pytest

from legacy_models import metrics
from legacy_models.errors import ShapeError

NAN = np.nan
EFFICIENCIES = [metrics.nse, metrics.kge, metrics.correlation]
EVERY = [*EFFICIENCIES, metrics.rmse, metrics.pbias, metrics.fhv, metrics.flv, metrics.fms]


def random_flow(basins=3, days=400, seed=0):
    return np.random.default_rng(seed).lognormal(0.0, 1.0, (basins, days))


def test_nse_by_hand():
    # errors 1, 0, -1, 0: 2; variance about 2.5: 2.25 + 0.25 + 0.25 + 2.25 = 5
    assert metrics.nse([[1.0, 2, 3, 4]], [[2.0, 2, 2, 4]]) == pytest.approx([1 - 2 / 5])


def test_nse_with_a_floor_by_hand():
    # mean squared error 0.01; the deviation of 0 is raised to 0.2, that of the second series is above it
    observed, simulated = [[1.0, 1, 1, 1], [0.0, 2, 0, 2]], [[1.1, 0.9, 1.1, 0.9], [0.1, 1.9, 0.1, 1.9]]
    assert metrics.nse(observed, simulated, least_deviation=0.2) == pytest.approx([1 - 0.01 / 0.04, 1 - 0.01 / 1.0])
    assert metrics.nse(observed, simulated) == pytest.approx([NAN, 1 - 0.01 / 1.0], nan_ok=True)


def test_the_mean_of_the_observations_has_an_nse_of_zero():
    flow = random_flow()
    assert metrics.nse(flow, np.tile(flow.mean(axis=1, keepdims=True), flow.shape[1])) == pytest.approx(0.0)


def test_rmse_by_hand():
    assert metrics.rmse([[1.0, 2, NAN, 4]], [[4.0, 2, 9, 0]]) == pytest.approx([np.sqrt(25 / 3)])


def test_kge_by_hand():
    # simulated = 2 observed: r = 1, alpha = 2, beta = 2
    assert metrics.kge([[1.0, 2, 3]], [[2.0, 4, 6]]) == pytest.approx([1 - np.sqrt(2)])


def test_kge_of_the_mean_flow_is_not_defined_and_that_of_a_reversed_series_follows_from_r():
    assert np.isnan(metrics.kge([[1.0, 2, 3]], [[2.0, 2, 2]])).all()
    assert metrics.kge([[1.0, 2, 3]], [[3.0, 2, 1]]) == pytest.approx([1 - 2])


def test_nse_follows_from_the_parts_of_kge():
    observed, simulated = random_flow(seed=1), random_flow(seed=2)
    r, alpha, beta = metrics.kge_parts(observed, simulated)
    relative = (beta - 1) * observed.mean(axis=1) / observed.std(axis=1)
    # Gupta et al. (2009), eq. 4
    assert metrics.nse(observed, simulated) == pytest.approx(2 * alpha * r - alpha**2 - relative**2)


def test_pbias_is_positive_where_too_much_flows():
    assert metrics.pbias([[1.0, 2, NAN, 1]], [[2.0, 2, 100, 2]]) == pytest.approx([50.0])


def test_fhv_sees_only_the_highest_two_per_cent():
    observed = np.arange(1.0, 101.0)[None]
    simulated = np.where(observed > 98, observed * 1.1, 0.5)
    assert metrics.fhv(observed, simulated) == pytest.approx([10.0])


def test_flv_by_hand():
    # lowest 30 % of ten days: observed e^2, e^1, e^0, log volume 2 + 1 + 0; simulated 1 + 0.5 + 0
    observed, simulated = np.full((1, 10), 50.0), np.full((1, 10), 50.0)
    observed[0, :3], simulated[0, :3] = np.exp([2.0, 1, 0]), np.exp([1.0, 0.5, 0])
    assert metrics.flv(observed, simulated) == pytest.approx([50.0])


def test_fms_by_hand():
    observed = np.exp(np.arange(100.0)[None] / 10)
    assert metrics.fms(observed, observed**1.2) == pytest.approx([20.0])


@pytest.mark.parametrize("metric", EVERY)
def test_a_perfect_simulation_is_perfect(metric):
    flow = random_flow()
    best = 1.0 if metric in EFFICIENCIES else 0.0
    assert metric(flow, flow) == pytest.approx(best, abs=1e-12)


@pytest.mark.parametrize("metric", EVERY)
def test_gaps_in_either_series_are_as_if_the_days_had_not_been(metric):
    observed, simulated = random_flow(seed=1), random_flow(seed=2)
    gappy_observed, gappy_simulated = observed.copy(), simulated.copy()
    gappy_observed[:, 10:20], gappy_simulated[:, 15:30] = NAN, NAN
    without = np.delete(observed, np.s_[10:30], axis=1), np.delete(simulated, np.s_[10:30], axis=1)
    assert metric(gappy_observed, gappy_simulated) == pytest.approx(metric(*without))


@pytest.mark.parametrize("metric", EVERY)
def test_one_basin_does_not_see_another(metric):
    observed, simulated = random_flow(seed=1), random_flow(seed=2)
    alone = [metric(observed[i : i + 1], simulated[i : i + 1])[0] for i in range(3)]
    assert metric(observed, simulated) == pytest.approx(alone)


@pytest.mark.parametrize("metric", EVERY)
@pytest.mark.parametrize("observed", [[[NAN, NAN, NAN]], [[NAN, 1.0, NAN]]])
def test_nothing_in_common_is_nan(metric, observed):
    assert np.isnan(metric(observed, [[1.0, NAN, 2.0]])).all()


@pytest.mark.parametrize("metric", EVERY)
def test_no_basin_gives_no_figure_and_no_day_gives_nan(metric):
    assert metric(np.empty((0, 5)), np.empty((0, 5))).shape == (0,)
    assert np.isnan(metric(np.empty((2, 0)), np.empty((2, 0)))).all()


@pytest.mark.parametrize("metric", [metrics.nse, metrics.kge, metrics.correlation, metrics.flv, metrics.fms])
def test_a_constant_observed_flow_leaves_the_figure_undefined(metric):
    assert np.isnan(metric(np.full((1, 50), 0.1), random_flow(1, 50))).all()


@pytest.mark.parametrize("metric", [metrics.pbias, metrics.fhv])
def test_a_dry_river_has_no_relative_bias(metric):
    assert np.isnan(metric(np.zeros((1, 50)), random_flow(1, 50))).all()


@pytest.mark.parametrize("metric", [metrics.flv, metrics.fms])
def test_days_without_flow_do_not_break_logarithms(metric):
    observed = np.where(random_flow() < 0.5, 0.0, random_flow())
    assert np.isfinite(metric(observed, random_flow(seed=2))).all()


def test_a_simulation_without_flow_has_none_of_the_volume_and_no_recession():
    observed, nothing = random_flow(), np.zeros((3, 400))
    assert metrics.pbias(observed, nothing) == pytest.approx(-100.0)
    assert metrics.fhv(observed, nothing) == pytest.approx(-100.0)
    assert metrics.flv(observed, nothing) == pytest.approx(100.0)
    assert metrics.fms(observed, nothing) == pytest.approx(-100.0)


def test_a_river_that_falls_dry_for_a_third_of_the_year_has_no_low_flow_to_compare():
    observed = random_flow()
    observed[:, :130] = 0.0
    assert np.isnan(metrics.flv(observed, random_flow(seed=2))).all()
    assert np.isfinite(metrics.fhv(observed, random_flow(seed=2))).all()


@pytest.mark.parametrize("metric", EVERY)
def test_shapes_that_differ_are_refused(metric):
    with pytest.raises(ShapeError, match=r"Received \(2, 3\) and \(3, 2\)"):
        metric(np.ones((2, 3)), np.ones((3, 2)))
    with pytest.raises(ShapeError, match="basin, time"):
        metric(np.ones(3), np.ones(3))
