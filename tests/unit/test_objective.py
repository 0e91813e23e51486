"""The cost of a search is dPL's loss, of each series by itself."""

import numpy as np
import pytest

from dpl import losses
from dpl.baselines.objective import costs_of


@pytest.fixture
def series():
    """(series, time) observed with gaps, simulated, and the standard deviation of what was observed."""
    rng = np.random.default_rng(0)
    observed = rng.gamma(2.0, 1.0, (6, 200))
    observed[rng.random(observed.shape) < 0.1] = np.nan
    return observed, rng.gamma(2.0, 1.0, observed.shape), np.nanstd(observed, axis=1)


@pytest.mark.parametrize("weights", [{"nse": 1.0}, {"kge": 1.0}, {"nse": 0.7, "sqrt_nse": 0.3, "rmse": 0.1}])
def test_each_series_costs_what_the_loss_says_of_it_alone(series, weights):
    observed, simulated, spread = series
    loss = losses.weighted(weights)
    counted = np.isfinite(observed)
    alone = [
        float(loss(np.nan_to_num(observed[i : i + 1]), simulated[i : i + 1], counted[i : i + 1], spread[i : i + 1]))
        for i in range(len(observed))
    ]
    assert costs_of(loss)(observed, simulated, spread) == pytest.approx(alone, rel=1e-12)


def test_what_is_simulated_in_a_gap_does_not_matter_and_a_failed_run_has_no_cost(series):
    observed, simulated, spread = series
    costs = costs_of(losses.weighted({"nse": 1.0}))
    expected = costs(observed, simulated, spread)
    simulated[np.isnan(observed)] = np.nan
    simulated[2] = np.nan
    found = costs(observed, simulated, spread)
    assert np.isnan(found[2])
    assert np.delete(found, 2) == pytest.approx(np.delete(expected, 2), rel=1e-12)


def test_the_number_of_series_does_not_change_what_one_costs(series):
    observed, simulated, spread = series
    costs = costs_of(losses.weighted({"nse": 1.0}))
    whole = costs(observed, simulated, spread)
    assert np.array_equal(costs(observed[:2], simulated[:2], spread[:2]), whole[:2])
