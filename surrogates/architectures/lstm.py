"""An LSTM that is told parameters and site, and starts from the legacy model's state."""

from typing import Any, Literal

import keras
from keras import ops

from legacy_models.errors import UsageError
from surrogates.architectures.conserving_head import conserving_outputs
from surrogates.architectures.inputs import physical_outputs, scaled_inputs
from surrogates.spec import SurrogateSpec


def build(
    spec: SurrogateSpec,
    *,
    hidden: int = 64,
    features: int = 32,
    static: int = 32,
    head: Literal["free", "conserving"] = "free",
) -> keras.Model:
    """Return the network; see ``surrogates.architectures`` for its inputs and outputs.

    Parameters and properties act in three places: they scale and shift the features of the day's forcing
    that the LSTM reads, they make its first hidden state together with the legacy model's state, and they
    scale the hidden state before the head. Such products stand for what a bucket does with its parameters.

    Args:
        spec: names, units, bounds and scaling.
        hidden: size of the LSTM.
        features: number of products of forcing and parameters that the LSTM reads.
        static: size of the description of parameters and properties.
        head: ``free``, each output for itself; or ``conserving``, outputs that divide the water there is
            (``conserving_head``).

    Raises:
        UsageError: if there is no such head, or ``conserving`` does not know the legacy model's water.

    Source:
        Hochreiter and Schmidhuber (1997), doi:10.1162/neco.1997.9.8.1735; for rainfall-runoff Kratzert et al.
        (2019), doi:10.5194/hess-23-5089-2019; modulation Perez et al. (2018), arXiv:1709.07871.
    """
    if head not in ("free", "conserving"):
        raise UsageError(f"architecture 'lstm' has the heads 'free' and 'conserving', received {head!r}")
    inputs = scaled_inputs(spec)
    described = keras.layers.Dense(2 * static, "silu")(inputs.static)
    described = keras.layers.Dense(static, "silu")(described)
    daily = _modulated(keras.layers.Dense(features)(inputs.forcing), described)
    daily = keras.layers.Concatenate()([inputs.forcing, keras.layers.Activation("silu")(daily)])
    start = keras.layers.Concatenate()([inputs.state, described])
    start = keras.layers.Dense(hidden, "silu")(start)
    first = [keras.layers.Dense(hidden, "tanh")(start), keras.layers.Dense(hidden)(start)]
    memory = keras.layers.LSTM(hidden, return_sequences=True, name="memory")(daily, initial_state=first)
    known = keras.layers.Concatenate()([_modulated(memory, described), daily])
    known = keras.layers.Dense(hidden // 2, "silu")(known)
    conserving = head == "conserving"
    outputs = conserving_outputs(spec, inputs, known) if conserving else physical_outputs(spec, known)
    return keras.Model(inputs.named, outputs, name="lstm")


def _modulated(sequence: Any, described: Any) -> Any:
    """Scale and shift (basin, time, feature) by numbers made from (basin, static)."""
    size = sequence.shape[-1]
    scale = keras.layers.Dense(size)(described)
    shift = keras.layers.Dense(size)(described)
    return sequence * (1.0 + ops.expand_dims(scale, 1)) + ops.expand_dims(shift, 1)
