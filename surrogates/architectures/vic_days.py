"""The hybrid's days as a Keras layer: learned weights here, the loop and its adjoint in ``vic_kernel``."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from surrogates.architectures import vic_day_kernel, vic_kernel, vic_surface_kernel
from surrogates.architectures.vic_day_kernel import Weights
from surrogates.architectures.vic_soil_kernel import LANES

Tensor = Any
Series = npt.NDArray[np.float32]

LARGEST_SENSITIVITY = 0.02
"""Limit of the sensitivity to a state that is carried from one day to the next, in the backward pass.

A few windows whose stores react steeply would otherwise decide every step. The limit is for a loss of about
one that is a mean over some tens to hundreds of windows; with 10 in its place, training failed on one of
three synthetic worlds.
"""


@keras.saving.register_keras_serializable(package="surrogates")
class VicDays(keras.layers.Layer):
    """Days of VIC: fluxes and stores [mm] from weather, constants of the soil, and the state at the start.

    Takes features of the weather (basin, time, feature); the weather itself, see ``vic_weather.Weather``;
    constants of ``vic_soil.Soil.derived`` and shares of the roots; and the first state (basin, 4 + latent): snow, water
    of three layers [mm], latent states. Gives (basin, time, 7): runoff, baseflow, evaporation, snow, water of three
    layers [mm].

    Args:
        latent: number of learned states.
        hidden: size of the learned part.
        substeps: steps of the soil a day.
    """

    def __init__(self, latent: int, hidden: int, substeps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.latent, self.hidden, self.substeps = latent, hidden, substeps
        self.inner = keras.layers.Dense(hidden)
        self.terms = keras.layers.Dense(vic_day_kernel.LEARNED + 2 * latent)
        self.supports_jit = False

    def build(self, input_shape: Any) -> None:
        """Create the weights; those of the hidden layer are for stores, latent states and features, in this order."""
        self.inner.build((None, vic_surface_kernel.KNOWN + self.latent + input_shape[0][-1]))
        self.terms.build((None, self.hidden))
        self.built = True

    def call(self, inputs: Any) -> Tensor:
        """Simulate all days."""
        features, weather, constants, first = inputs
        trained = (self.inner.kernel, self.inner.bias, self.terms.kernel, self.terms.bias)
        weights = [tf.identity(weight) for weight in trained]  # a custom gradient takes tensors, not variables
        return simulate(features, weather, constants, first, weights, self.substeps)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """(basin, time, 7)."""
        return (*input_shape[0][:2], vic_day_kernel.FLUXES + vic_day_kernel.STORES)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), **{name: getattr(self, name) for name in ("latent", "hidden", "substeps")}}


def simulate(
    features: Tensor, weather: Tensor, constants: Tensor, first: Tensor, weights: Sequence[Tensor], substeps: int
) -> Tensor:
    """(basin, time, 7) fluxes and stores; see ``VicDays`` and ``vic_kernel.forward`` for the arguments."""

    @tf.custom_gradient
    def days(*given: Tensor) -> tuple[tuple[Tensor, Tensor], Callable[..., list[Tensor]]]:
        features, first = given[0], given[3]
        fluxes, states = tf.numpy_function(partial(_forward, substeps), given, (tf.float32,) * 2, stateful=False)
        fluxes.set_shape((*features.shape[:2], vic_day_kernel.FLUXES))
        states.set_shape((*features.shape[:2], first.shape[-1]))

        def backward(*received: Tensor) -> list[Tensor]:
            gradients = tf.numpy_function(
                partial(_adjoint, substeps), [*given, states, *received], (tf.float32,) * len(given), stateful=False
            )
            for gradient, value in zip(gradients, given, strict=True):
                gradient.set_shape(value.shape)
            return gradients

        return (fluxes, states), backward

    fluxes, states = days(features, weather, constants, first, *weights)
    return ops.concatenate([fluxes, states[..., : vic_day_kernel.STORES]], axis=-1)


def _forward(substeps: int, *given: Series) -> tuple[Series, Series]:
    """Fluxes and states of all basins."""
    inputs, weights = _whole_blocks(*given[:4]), Weights(*_read_only(*given[4:]))
    (rows, time, _), basins = inputs[0].shape, len(given[0])
    fluxes, states = _empty(rows, time, vic_day_kernel.FLUXES), _empty(rows, time, inputs[3].shape[1])
    _by_blocks(
        rows // LANES,
        lambda begin, end: vic_kernel.forward(*inputs, weights, substeps, begin, end, fluxes, states),
    )
    return fluxes[:basins], states[:basins]


def _adjoint(substeps: int, *given: Series) -> list[Series]:
    """Sensitivities to all that ``_forward`` is given, from its states and the sensitivities to what it gives."""
    inputs, weights = _whole_blocks(*given[:4]), Weights(*_read_only(*given[4:8]))
    (states,), received = _whole_blocks(given[8]), _whole_blocks(*given[9:], mode="constant")
    back = _read_only(weights.inner.T, weights.terms.T)
    blocks = len(states) // LANES
    filled = [_empty(*value.shape) for value in inputs]
    shares = Weights(*(_empty(blocks, *weight.shape) for weight in weights))
    limit = np.float32(LARGEST_SENSITIVITY)
    _by_blocks(
        blocks,
        lambda begin, end: vic_kernel.adjoint(
            *inputs, weights, substeps, begin, end, states, *back, *received, limit, *filled, shares
        ),
    )
    return [*(gradient[: len(given[0])] for gradient in filled), *(share.sum(axis=0) for share in shares)]


def _by_blocks(blocks: int, function: Callable[[int, int], None]) -> None:
    """Call ``function(begin, end)`` for all blocks, in as many threads as TensorFlow may use inside an operation."""
    threads = max(1, min(tf.config.threading.get_intra_op_parallelism_threads() or os.cpu_count() or 1, blocks))
    bounds = [blocks * i // threads for i in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(function, bounds[:-1], bounds[1:]))


def _whole_blocks(*arrays: Series, mode: Any = "edge") -> list[Series]:
    """The arrays with basins added up to a multiple of a block: the last one again, or zeros ("constant")."""
    missing = -len(arrays[0]) % LANES
    if not missing:
        return _read_only(*arrays)
    return _read_only(*(np.pad(array, [(0, missing)] + [(0, 0)] * (array.ndim - 1), mode=mode) for array in arrays))


def _empty(*shape: int) -> Series:
    return np.empty(shape, np.float32)


def _read_only(*arrays: Series) -> list[Series]:
    """The arrays as kernels are compiled for them, whoever they belong to."""
    read = [np.ascontiguousarray(array).view() for array in arrays]
    for array in read:
        array.flags.writeable = False
    return read
