"""The cost that a search minimises: what dPL minimises, of each series by itself."""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from dpl.losses import Loss
from legacy_models.parameters import Array

Costs = Callable[[Array, Array, Array], Array]


def costs_of(loss: Loss) -> Costs:
    """Return the function that gives ``loss`` for each series, as if its basin were the only one.

    It takes (series, time) observed, NaN where a day does not count, (series, time) simulated, and (series,) standard
    deviation of the observed flow, all [mm/day], and returns (series,) costs; NaN where the simulation is not finite on
    a day that counts.
    """

    @tf.function(reduce_retracing=True, autograph=False)  # there is nothing to convert, and looking takes a second
    def mapped(*series: tf.Tensor) -> tf.Tensor:
        return tf.vectorized_map(lambda one: loss(*(item[None] for item in one)), series)

    def costs(observed: Array, simulated: Array, basin_std: Array) -> Array:
        counted = np.isfinite(observed)
        arrays = (np.where(counted, observed, 0.0), simulated, counted, basin_std)
        return np.asarray(mapped(*map(tf.constant, arrays)).numpy(), dtype=np.float64)

    return costs
