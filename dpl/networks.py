"""Parameter networks: from attributes, and the past for some, to parameter values within their bounds by construction.

Each entry of ``NETWORKS`` is ``build(space, attributes, history, **options) -> keras.Model``, from (basin, attribute)
scaled attributes to (basin, parameter) values; one that reads the past takes [attributes, (basin, day, feature)
history]. ``history`` is the number of features of a day. All start at the defaults, and all have the option ``seed``.
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
from dpl.history import Float32, HistoryScaler
from legacy_models.errors import ShapeError
from legacy_models.parameters import Array, ParameterSpace
from surrogates.scaling import FromUnit

Tensor = Any

EDGE = 0.05
"""A default closer than this to a bound of the unit cube starts here: on the bound a sigmoid has no slope."""


def g_a(
    space: ParameterSpace,
    attributes: int,
    history: int = 0,  # noqa: ARG001 - the signature of all networks
    *,
    hidden: Sequence[int] = (128, 64),
    activation: str = "tanh",
    dropout: float = 0.2,
    seed: int = 0,
) -> keras.Model:
    """Build g_A, a multilayer perceptron from attributes to parameters.

    Args:
        space: the parameters to give, routing included.
        attributes: number of scaled attributes.
        history: not read.
        hidden: units of each hidden layer.
        activation: of the hidden layers.
        dropout: share of hidden units left out in training.
        seed: of the initial weights and of dropout.
    """
    inputs = keras.Input((attributes,), name="attributes")
    values = _perceptron(inputs, space, hidden, activation, dropout, seed)
    return keras.Model(inputs, values, name="g_A")


def g_z(
    space: ParameterSpace,
    attributes: int,
    history: int,
    *,
    units: int = 32,
    blind: float = 0.3,
    hidden: Sequence[int] = (128, 64),
    activation: str = "tanh",
    dropout: float = 0.2,
    seed: int = 0,
) -> keras.Model:
    """Build g_Z: an LSTM reads the past of a basin day by day, and g_A's perceptron its mean memory beside attributes.

    Parameters do not change with time. The mean over days, not the last, lets every day of the past be felt.

    Args:
        space: the parameters to give, routing included.
        attributes: number of scaled attributes.
        history: number of features of a day.
        units: of the LSTM.
        blind: share of basins whose past is hidden in a training step, so that the network serves ungauged ones.
        hidden: units of each hidden layer.
        activation: of the hidden layers.
        dropout: share of hidden units left out in training.
        seed: of the initial weights, of dropout and of who is blind.

    Source:
        Tsai et al. (2021), doi:10.1038/s41467-021-26107-z (there g_Z).
    """
    lstm, recurrent, blinds = (int(s) for s in np.random.SeedSequence([seed, 1]).generate_state(3))
    known = keras.Input((attributes,), name="attributes")
    past = keras.Input((None, history), name="history")
    memory = keras.layers.LSTM(
        units,
        return_sequences=True,
        kernel_initializer=keras.initializers.GlorotUniform(seed=lstm),
        recurrent_initializer=keras.initializers.Orthogonal(seed=recurrent),
        seed=seed,  # of a dropout that is not used; unset it is random, and a checkpoint would not be known again
        name="memory",
    )(Blindfold(blind, blinds, name="blindfold")(past))
    both = keras.layers.Concatenate(name="known")([known, keras.layers.GlobalAveragePooling1D(name="mean")(memory)])
    values = _perceptron(both, space, hidden, activation, dropout, seed)
    return keras.Model([known, past], values, name="g_Z")


@keras.saving.register_keras_serializable(package="dpl")
class Blindfold(keras.layers.Layer):
    """In training, puts zeros in place of the whole past of a share of the basins, drawn anew each time."""

    def __init__(self, share: float, seed: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share, self.seed = share, seed
        self.generator = keras.random.SeedGenerator(seed)

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Take and give (basin, day, feature)."""
        if not training:
            return inputs
        drawn = keras.random.uniform((ops.shape(inputs)[0], 1, 1), seed=self.generator)
        return ops.where(drawn < self.share, ops.zeros_like(inputs), inputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "share": self.share, "seed": self.seed}


@dataclass(frozen=True, eq=False)
class ParameterNetwork:
    """A network with all that is needed to use it: how it was built, scaling, parameters.

    ``history`` is None for a network that reads attributes alone.
    """

    architecture: str
    options: Mapping[str, Any]
    scaler: AttributeScaler
    space: ParameterSpace
    history: HistoryScaler | None
    model: keras.Model

    @classmethod
    def create(
        cls,
        architecture: str,
        scaler: AttributeScaler,
        space: ParameterSpace,
        history: HistoryScaler | None = None,
        **options: Any,
    ) -> "ParameterNetwork":
        """Build a new network that gives the defaults of ``space`` everywhere.

        Args:
            architecture: name in ``NETWORKS``.
            scaler: of the attributes.
            space: the parameters to give, routing included.
            history: how the past is read; a network that does not read it has no use for it.
            options: of the architecture.

        Raises:
            UnknownNameError: if ``architecture`` is not in ``NETWORKS``.
            ShapeError: if it reads the past and is not told how.
        """
        features = len(history.columns) if history else 0
        model = NETWORKS.resolve(architecture)(space, len(scaler.columns), features, **options)
        reads = len(model.inputs) > 1
        if reads and history is None:
            raise ShapeError(f"Expected a history for {architecture}. Received none.")
        return cls(architecture, dict(options), scaler, space, history if reads else None, model)

    def __call__(self, attributes: Tensor, history: Tensor | None = None, training: bool = False) -> Tensor:
        """Return (basin, parameter) values of (basin, column) scaled attributes and a (basin, day, feature) past.

        Without a past, a network that reads one goes by attributes alone, as for an ungauged basin.
        """
        if self.history is None:
            return self.model(attributes, training=training)
        if history is None:
            shape = (ops.shape(attributes)[0], self.history.days, len(self.history.columns))
            history = ops.zeros(shape, dtype="float32")
        inputs = [ops.convert_to_tensor(array) for array in (attributes, history)]
        return self.model(inputs, training=training)

    def values(self, attributes: pd.DataFrame, history: Float32 | None = None) -> Array:
        """Return (basin, parameter) values, within bounds in float64 too; ``history`` as for a call."""
        values = ops.convert_to_numpy(self(self.scaler.transform(attributes), history)).astype(np.float64)
        return np.asarray(np.clip(values, self.space.lower, self.space.upper))


@dataclass(frozen=True, eq=False)
class NetworkEnsemble:
    """Networks that differ by their seed alone: what they agree on is learned, how far they differ is not certain."""

    members: tuple[ParameterNetwork, ...]

    @classmethod
    def create(
        cls,
        members: int,
        architecture: str,
        scaler: AttributeScaler,
        space: ParameterSpace,
        history: HistoryScaler | None = None,
        *,
        seed: int = 0,
        **options: Any,
    ) -> "NetworkEnsemble":
        """Build networks of ``seed`` and the following ones; the rest as for ``ParameterNetwork.create``."""
        seeds = range(seed, seed + members)
        return cls(
            tuple(ParameterNetwork.create(architecture, scaler, space, history, seed=s, **options) for s in seeds)
        )

    @property
    def first(self) -> ParameterNetwork:
        """A member, for all that they share."""
        return self.members[0]

    def values(self, attributes: pd.DataFrame, history: Float32 | None = None) -> Array:
        """Return the (basin, parameter) mean of the members in the unit cube, as values."""
        space = self.first.space
        return space.from_unit(space.to_unit(self.each(attributes, history)).mean(axis=0))

    def each(self, attributes: pd.DataFrame, history: Float32 | None = None) -> Array:
        """Return the (member, basin, parameter) values of every member."""
        return np.stack([member.values(attributes, history) for member in self.members])


def _perceptron(
    x: Tensor, space: ParameterSpace, hidden: Sequence[int], activation: str, dropout: float, seed: int
) -> Tensor:
    """Hidden layers, then parameters by a sigmoid between their bounds, each on its own scale.

    The last kernel is zero and the last bias the logit of the defaults, so that every basin starts at the
    defaults (``EDGE`` inside the bounds at least).
    """
    seeds = np.random.SeedSequence(seed).generate_state(2 * len(hidden))
    for layer, units in enumerate(hidden):
        start = keras.initializers.GlorotUniform(seed=int(seeds[2 * layer]))
        x = keras.layers.Dense(units, activation, kernel_initializer=start, name=f"hidden_{layer}")(x)
        if dropout:
            x = keras.layers.Dropout(dropout, seed=int(seeds[2 * layer + 1]), name=f"dropout_{layer}")(x)
    bias = keras.initializers.Constant(_logit_of_defaults(space))
    x = keras.layers.Dense(len(space), "sigmoid", kernel_initializer="zeros", bias_initializer=bias, name="unit")(x)
    return FromUnit.of(space, name="values")(x)


def _logit_of_defaults(space: ParameterSpace) -> Array:
    unit = np.clip(space.to_unit(space.defaults), EDGE, 1 - EDGE)
    return np.asarray(np.log(unit / (1 - unit)))
