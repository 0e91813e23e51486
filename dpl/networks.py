"""Parameter networks: from scaled attributes to parameter values, within their bounds by construction.

Each entry of ``NETWORKS`` is ``build(space, attributes, **options) -> keras.Model``; it starts at defaults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd
from keras import ops

from dpl import NETWORKS
from dpl.attributes import AttributeScaler
from legacy_models.parameters import Array, ParameterSpace
from surrogates.scaling import FromUnit

EDGE = 0.05
"""A default closer than this to a bound of the unit cube starts here: on the bound a sigmoid has no slope."""


def g_a(
    space: ParameterSpace,
    attributes: int,
    *,
    hidden: Sequence[int] = (128, 64),
    activation: str = "tanh",
    dropout: float = 0.2,
    seed: int = 0,
) -> keras.Model:
    """Build g_A, a multilayer perceptron from attributes to parameters.

    The last kernel is zero and the last bias the logit of the defaults, so that every basin starts at the
    defaults (``EDGE`` inside the bounds at least).

    Args:
        space: the parameters to give, routing included.
        attributes: number of scaled attributes.
        hidden: units of each hidden layer.
        activation: of the hidden layers.
        dropout: share of hidden units left out in training.
        seed: of the initial weights and of dropout.

    Returns:
        A model from (basin, attribute) to (basin, parameter) values.
    """
    seeds = np.random.SeedSequence(seed).generate_state(2 * len(hidden))
    inputs = keras.Input((attributes,), name="attributes")
    x = inputs
    for layer, units in enumerate(hidden):
        start = keras.initializers.GlorotUniform(seed=int(seeds[2 * layer]))
        x = keras.layers.Dense(units, activation, kernel_initializer=start, name=f"hidden_{layer}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, seed=int(seeds[2 * layer + 1]), name=f"dropout_{layer}")(x)
    start_bias = keras.initializers.Constant(_logit_of_defaults(space))
    x = keras.layers.Dense(len(space), "sigmoid", kernel_initializer="zeros", bias_initializer=start_bias, name="unit")(
        x
    )
    return keras.Model(inputs, FromUnit.of(space, name="values")(x), name="g_A")


@dataclass(frozen=True, eq=False)
class ParameterNetwork:
    """A network with all that is needed to use it: how it was built, attributes' scaling, parameters."""

    architecture: str
    options: Mapping[str, Any]
    scaler: AttributeScaler
    space: ParameterSpace
    model: keras.Model

    @classmethod
    def create(
        cls, architecture: str, scaler: AttributeScaler, space: ParameterSpace, **options: Any
    ) -> "ParameterNetwork":
        """Build a new network that gives the defaults of ``space`` everywhere.

        Raises:
            UnknownNameError: if ``architecture`` is not in ``NETWORKS``.
        """
        model = NETWORKS.resolve(architecture)(space, len(scaler.columns), **options)
        return cls(architecture, dict(options), scaler, space, model)

    def values(self, attributes: pd.DataFrame) -> Array:
        """Return (basin, parameter) values, within bounds in float64 too."""
        scaled = self.scaler.transform(attributes)
        values = ops.convert_to_numpy(self.model(scaled, training=False)).astype(np.float64)
        return np.asarray(np.clip(values, self.space.lower, self.space.upper))


def _logit_of_defaults(space: ParameterSpace) -> Array:
    unit = np.clip(space.to_unit(space.defaults), EDGE, 1 - EDGE)
    return np.asarray(np.log(unit / (1 - unit)))
