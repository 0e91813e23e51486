"""The cost that a search minimises: what dPL minimises, of each series by itself."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from dpl.losses import Loss
from legacy_models.parameters import Array, ParameterSpace
from surrogates.scaling import FromUnit

Costs = Callable[[Array, Array, Array], Array]
Slopes = Callable[..., Array]
Streamflow = Callable[..., Any]
"""(series, parameter) values and what else a model reads, all of them tensors, to (series, time) [mm/day]."""


def costs_of(loss: Loss) -> Costs:
    """Return the function that gives ``loss`` for each series, as if its basin were the only one.

    It takes (series, time) observed, NaN where a day does not count, (series, time) simulated, and (series,) standard
    deviation of the observed flow, all [mm/day], and returns (series,) costs; NaN where the simulation is not finite on
    a day that counts.
    """

    @tf.function(reduce_retracing=True, autograph=False)  # there is nothing to convert, and looking takes a second
    def mapped(*series: tf.Tensor) -> tf.Tensor:
        return _each(loss, *series)

    def costs(observed: Array, simulated: Array, basin_std: Array) -> Array:
        counted = np.isfinite(observed)
        arrays = (np.where(counted, observed, 0.0), simulated, counted, basin_std)
        return np.asarray(mapped(*map(tf.constant, arrays)).numpy(), dtype=np.float64)

    return costs


def slopes_of(loss: Loss, space: ParameterSpace, streamflow: Streamflow) -> Slopes:
    """Return the function that gives ``loss`` for each series and its gradient, through a differentiable model.

    It takes (series, parameter) points of the unit cube, (series, time) observed and (series,) standard deviation as
    ``costs_of`` does, and the other arrays that ``streamflow`` reads, all with a row a series; and returns (series,
    1 + parameter) costs and gradients. All series are simulated at once.
    """

    @tf.function(autograph=False)
    def cost_and_slope(unit: tf.Tensor, observed: tf.Tensor, counted: tf.Tensor, *others: tf.Tensor) -> tf.Tensor:
        basin_std, *read = others
        with tf.GradientTape() as tape:
            tape.watch(unit)
            costs = _each(loss, observed, streamflow(FromUnit.of(space)(unit), *read), counted, basin_std)
        return tf.concat([costs[:, None], tape.gradient(costs, unit)], axis=1)  # no series feels another's parameters

    def slopes(unit: Array, observed: Array, basin_std: Array, *read: Any) -> Array:
        counted = np.isfinite(observed)
        single = [np.asarray(a, dtype=np.float32) for a in (unit, np.where(counted, observed, 0.0), basin_std, *read)]
        found = cost_and_slope(*map(tf.constant, (*single[:2], counted, *single[2:])))
        return np.asarray(found.numpy(), dtype=np.float64)

    return slopes


def _each(loss: Loss, *series: tf.Tensor) -> tf.Tensor:
    """(series,) ``loss`` of each alone."""
    return tf.vectorized_map(lambda one: loss(*(item[None] for item in one)), series)
