"""Losses count observed days only and are zero at agreement."""

import numpy as np
import pytest
import tensorflow as tf

from dpl import LOSSES
from dpl.losses import EPSILON, crowding, nse, weighted
from legacy_models.errors import UnknownNameError, UsageError


@pytest.fixture
def series():
    generator = np.random.default_rng(0)
    observed = generator.exponential(2.0, (3, 40)).astype(np.float32)
    simulated = (observed * 1.3 + 0.2).astype(np.float32)
    return observed, simulated, np.ones((3, 40), bool), observed.std(axis=1)


@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_is_zero_at_agreement_and_larger_elsewhere(name, series):
    observed, simulated, mask, std = series
    loss = LOSSES.resolve(name)
    assert float(loss(observed, observed, mask, std)) == pytest.approx(0.0, abs=2e-3)
    assert float(loss(observed, simulated, mask, std)) > 0.02


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_gap_changes_neither_a_loss_nor_its_gradient(name, series):
    observed, simulated, mask, std = series
    loss = LOSSES.resolve(name)
    mask[:, 30:] = False
    with_gaps, kept = observed.copy(), slice(0, 30)
    with_gaps[:, 30:] = np.nan
    variable = tf.Variable(simulated)
    with tf.GradientTape() as tape:
        value = loss(with_gaps, variable, mask, std)
    gradient = np.asarray(tape.gradient(value, variable))
    expected = loss(observed[:, kept], simulated[:, kept], mask[:, kept], std)
    assert float(value) == pytest.approx(float(expected), rel=1e-5)
    assert np.isfinite(gradient).all()
    assert (gradient[:, 30:] == 0).all()
    assert (np.abs(gradient[:, kept]) > 0).any()


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_basin_without_observed_days_has_no_part(name, series):
    observed, simulated, mask, std = series
    loss = LOSSES.resolve(name)
    mask[2] = False
    expected = loss(observed[:2], simulated[:2], mask[:2], std[:2])
    assert float(loss(observed, simulated, mask, std)) == pytest.approx(float(expected), rel=1e-5)


@pytest.mark.parametrize("name", list(LOSSES))
def test_a_dry_basin_has_finite_gradients(name):
    dry = np.zeros((1, 20), np.float32)
    variable = tf.Variable(dry)
    with tf.GradientTape() as tape:
        value = LOSSES.resolve(name)(dry, variable, np.ones((1, 20), bool), np.zeros(1, np.float32))
    assert np.isfinite(float(value))
    assert np.isfinite(np.asarray(tape.gradient(value, variable))).all()


@pytest.mark.parametrize("name", list(LOSSES))
def test_where_no_basin_has_a_day_the_loss_is_zero_and_its_gradient_too(name, series):
    _, simulated, mask, std = series
    variable = tf.Variable(simulated)
    with tf.GradientTape() as tape:
        value = LOSSES.resolve(name)(np.full_like(simulated, np.nan), variable, np.zeros_like(mask), std)
    assert float(value) == 0.0
    np.testing.assert_array_equal(np.asarray(tape.gradient(value, variable)), 0.0)


def by_hand(name, o, s, std):
    """The loss of one basin without gaps, from its definition."""
    if name == "nse":
        return np.mean((s - o) ** 2) / (std + EPSILON) ** 2
    if name == "sqrt_nse":
        return np.mean((np.sqrt(s + 0.01) - np.sqrt(o + 0.01)) ** 2) / (std + EPSILON)
    if name == "rmse":
        return np.sqrt(np.mean((s - o) ** 2))
    soft = 0.01 * (std + EPSILON)
    if name == "log_rmse":
        return np.sqrt(np.mean((np.log(s + soft) - np.log(o + soft)) ** 2))
    r = np.corrcoef(o, s)[0, 1]
    alpha, beta = ((s_ - o_) / (o_ + soft) for o_, s_ in ((o.std(), s.std()), (o.mean(), s.mean())))
    return np.sqrt((r - 1) ** 2 + alpha**2 + beta**2)


@pytest.mark.parametrize("name", list(LOSSES))
def test_every_loss_is_its_definition_over_the_observed_days(name):
    generator = np.random.default_rng(4)
    observed = generator.gamma(0.7, 3.0, (6, 200))
    simulated = observed * generator.lognormal(0.1, 0.4, observed.shape) + 0.1
    observed[generator.random(observed.shape) < 0.3] = np.nan
    observed[5] = np.nan
    std = np.array([np.nanstd(row) for row in observed[:5]] + [1.0])
    seen = [np.isfinite(row) for row in observed[:5]]
    expected = np.mean([by_hand(name, observed[b, d], simulated[b, d], std[b]) for b, d in enumerate(seen)])
    arrays = (a.astype(np.float32) for a in (observed, simulated))
    found = LOSSES.resolve(name)(*arrays, np.isfinite(observed), std.astype(np.float32))
    assert float(found) == pytest.approx(expected, rel=1e-4)


def test_nse_loss_is_one_minus_nse_but_for_epsilon(series):
    observed, simulated, mask, _ = series
    std = observed.std(axis=1)
    efficiency = 1 - ((simulated - observed) ** 2).sum(1) / ((observed - observed.mean(1, keepdims=True)) ** 2).sum(1)
    expected = ((1 - efficiency) * (std / (std + EPSILON)) ** 2).mean()
    assert float(nse(observed, simulated, mask, std)) == pytest.approx(expected, rel=1e-5)


def test_weights_add_up_losses(series):
    both = weighted({"nse": 1.0, "sqrt_nse": 0.3})
    alone = [float(LOSSES.resolve(name)(*series)) for name in ("nse", "sqrt_nse")]
    assert float(both(*series)) == pytest.approx(alone[0] + 0.3 * alone[1], rel=1e-5)


def test_unknown_losses_and_impossible_weights_are_refused():
    with pytest.raises(UnknownNameError, match="did you mean 'nse'"):
        weighted({"nsee": 1.0})
    with pytest.raises(UsageError, match="loss weights"):
        weighted({"nse": 0.0})
    with pytest.raises(UsageError, match="loss weights"):
        weighted({"nse": -1.0, "rmse": 2.0})


def test_crowding_is_zero_inside_and_one_on_every_bound():
    assert float(crowding(np.full((2, 3), 0.06, np.float32))) == 0.0
    assert float(crowding(np.array([[0.0, 1.0]], np.float32))) == pytest.approx(1.0, rel=1e-5)
