"""The gamma unit hydrograph moves water in time and does nothing else."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from dpl.routing import LENGTH, ROUTING, route, route_arrays, unit_hydrograph
from legacy_models.errors import ShapeError

shapes = st.floats(0.5, 5.0)
delays = st.floats(0.2, 10.0)
runoffs = arrays(np.float64, (2, 90), elements=st.floats(0, 200))


@settings(max_examples=30, deadline=None)
@given(shape=shapes, delay=delays)
def test_weights_are_not_negative_and_sum_to_one(shape, delay):
    weights = np.asarray(unit_hydrograph(np.array([shape]), np.array([delay])))
    assert (weights >= 0).all()
    assert weights.sum() == pytest.approx(1.0, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(runoff=runoffs, shape=shapes, delay=delays)
def test_routing_neither_creates_nor_destroys_water(runoff, shape, delay):
    dry_end = np.concatenate([runoff, np.zeros((2, LENGTH - 1))], axis=1)
    flow = route_arrays(dry_end, np.full(2, shape), np.full(2, delay))
    assert (flow >= 0).all()
    np.testing.assert_allclose(flow.sum(axis=1), runoff.sum(axis=1), rtol=1e-12, atol=1e-12)


@settings(max_examples=20, deadline=None)
@given(runoff=runoffs, shape=shapes, delay=delays, factor=st.floats(0.01, 100))
def test_routing_is_linear(runoff, shape, delay, factor):
    hydrograph = np.full(2, shape), np.full(2, delay)
    np.testing.assert_allclose(
        route_arrays(factor * runoff, *hydrograph),
        factor * route_arrays(runoff, *hydrograph),
        rtol=1e-9,
        atol=1e-9,
    )


@settings(max_examples=20, deadline=None)
@given(runoff=runoffs, shape=shapes, delay=delays, late=st.integers(1, 20))
def test_rain_that_comes_later_makes_the_same_flow_later(runoff, shape, delay, late):
    hydrograph = np.full(2, shape), np.full(2, delay)
    shifted = np.concatenate([np.zeros((2, late)), runoff], axis=1)
    np.testing.assert_allclose(
        route_arrays(shifted, *hydrograph)[:, late:],
        route_arrays(runoff, *hydrograph),
        rtol=1e-12,
        atol=1e-12,
    )


def test_routing_agrees_with_numpys_convolution():
    generator = np.random.default_rng(1)
    runoff, shape, delay = generator.exponential(2, (3, 200)), np.array([0.5, 2, 5]), np.array([0.2, 1.5, 10])
    weights = np.asarray(unit_hydrograph(shape, delay))
    expected = [np.convolve(row, w)[:200] for row, w in zip(runoff, weights, strict=True)]
    np.testing.assert_allclose(route_arrays(runoff, shape, delay), expected, rtol=1e-12)


def test_shape_one_is_the_exact_linear_reservoir():
    """A reservoir of residence time k drains q_i ~ exp(-i / k)."""
    weights = np.asarray(unit_hydrograph(np.array([1.0]), np.array([4.0])))[0]
    np.testing.assert_allclose(weights[1:] / weights[:-1], np.exp(-1 / 4.0), rtol=1e-12)


@pytest.mark.parametrize(("shape", "delay"), [(2.0, 3.0), (5.0, 10.0), (1.5, 6.0)])
def test_delay_is_the_mean_delay(shape, delay):
    weights = np.asarray(unit_hydrograph(np.array([shape]), np.array([delay])))[0]
    assert weights @ (np.arange(LENGTH) + 0.5) == pytest.approx(delay, rel=0.02)


def test_tensors_in_a_compiled_function_give_the_same_numbers_as_arrays():
    generator = np.random.default_rng(2)
    runoff = generator.exponential(2, (4, 150)).astype(np.float32)
    shape, delay = np.float32([0.5, 1, 2, 5]), np.float32([0.2, 1.5, 4, 10])
    expected = route_arrays(runoff, shape, delay)
    any_size = [tf.TensorSpec([None, None]), tf.TensorSpec([None]), tf.TensorSpec([None])]
    for compiled in (tf.function(route), tf.function(route, input_signature=any_size)):
        np.testing.assert_allclose(compiled(runoff, shape, delay), expected, rtol=1e-5)
    in_double = route_arrays(runoff.astype(np.float64), shape, delay)
    assert in_double.dtype == np.float64
    np.testing.assert_allclose(in_double, expected, rtol=1e-4, atol=1e-5)


def test_gradients_agree_with_finite_differences_for_both_parameters():
    runoff = np.random.default_rng(3).exponential(2, (3, 120))
    at = np.array([[0.6, 2.0, 4.5], [0.8, 1.5, 9.0]])
    variable = tf.Variable(at)
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(route(runoff, variable[0], variable[1]) ** 2, axis=1)
    gradient = tape.gradient(total, variable).numpy()
    for parameter in range(2):
        above, below = at.copy(), at.copy()
        above[parameter] += 1e-5
        below[parameter] -= 1e-5
        difference = (route_arrays(runoff, *above) ** 2 - route_arrays(runoff, *below) ** 2).sum(axis=1) / 2e-5
        np.testing.assert_allclose(gradient[parameter], difference, rtol=1e-5)
    assert (np.abs(gradient) > 0).all()


def test_the_slowest_basin_within_bounds_loses_little_beyond_the_last_day():
    upper = ROUTING.upper
    long = np.asarray(unit_hydrograph(upper[:1], upper[1:], 400))[0]
    assert long[LENGTH:].sum() < 0.001


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(ShapeError, match="one shape and delay a basin"):
        route_arrays(np.ones((2, 5)), np.ones(3), np.ones(2))
