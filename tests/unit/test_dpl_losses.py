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
