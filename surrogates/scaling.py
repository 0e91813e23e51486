"""Keras layers between physical units and what a network likes; their constants are plain values.

They compute in float32 under any precision: a mantissa of 8 bits is too short for physical values.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from legacy_models.parameters import ParameterSpace


@keras.saving.register_keras_serializable(package="surrogates")
class Standardize(keras.layers.Layer):
    """(x - mean) / std along the last axis."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], **kwargs: Any) -> None:
        super().__init__(**_in_float32(kwargs))
        self.mean, self.std = tuple(mean), tuple(std)

    def call(self, inputs: Any) -> Any:
        """Scale (..., variable)."""
        return (inputs - ops.convert_to_tensor(self.mean, inputs.dtype)) / ops.convert_to_tensor(self.std, inputs.dtype)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "mean": self.mean, "std": self.std}


class _BetweenBounds(keras.layers.Layer):
    """What ToUnit and FromUnit share: bounds on each parameter's own scale."""

    def __init__(self, lower: Sequence[float], upper: Sequence[float], is_log: Sequence[bool], **kwargs: Any) -> None:
        super().__init__(**_in_float32(kwargs))
        self.lower, self.upper, self.is_log = tuple(lower), tuple(upper), tuple(is_log)

    @classmethod
    def of(cls, space: ParameterSpace, **kwargs: Any) -> Any:
        """Build the layer from the bounds and scales of ``space``."""
        return cls(space.lower.tolist(), space.upper.tolist(), space.is_log.tolist(), **kwargs)

    def _bounds(self, dtype: str) -> tuple[Any, Any, Any]:
        log = ops.convert_to_tensor(self.is_log)
        low, high = ops.convert_to_tensor(self.lower, dtype), ops.convert_to_tensor(self.upper, dtype)
        return _log_where(low, log), _log_where(high, log), log

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "lower": self.lower, "upper": self.upper, "is_log": self.is_log}


@keras.saving.register_keras_serializable(package="surrogates")
class ToUnit(_BetweenBounds):
    """Parameter values to the unit cube: 0 at the lower bound, 1 at the upper, even on each scale."""

    def call(self, inputs: Any) -> Any:
        """Map (..., parameter) values."""
        low, high, log = self._bounds(inputs.dtype)
        return (_log_where(inputs, log) - low) / (high - low)


@keras.saving.register_keras_serializable(package="surrogates")
class FromUnit(_BetweenBounds):
    """The unit cube to parameter values, the inverse of ToUnit."""

    def call(self, inputs: Any) -> Any:
        """Map (..., parameter) points."""
        low, high, log = self._bounds(inputs.dtype)
        inner = low + inputs * (high - low)
        return ops.where(log, ops.exp(ops.where(log, inner, 0.0)), inner)


@keras.saving.register_keras_serializable(package="surrogates")
class ScaleState(keras.layers.Layer):
    """States to about unit size: (x - mean) / std, or log(1 + 10 x / std) where ``heavy`` (long-tailed)."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], heavy: Sequence[bool], **kwargs: Any) -> None:
        super().__init__(**_in_float32(kwargs))
        self.mean, self.std, self.heavy = tuple(mean), tuple(std), tuple(heavy)

    def call(self, inputs: Any) -> Any:
        """Scale (..., state)."""
        mean, std = (
            ops.convert_to_tensor(self.mean, inputs.dtype),
            ops.convert_to_tensor(self.std, inputs.dtype),
        )
        return ops.where(
            ops.convert_to_tensor(self.heavy), ops.log1p(10.0 * ops.relu(inputs) / std), (inputs - mean) / std
        )

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "mean": self.mean, "std": self.std, "heavy": self.heavy}


@keras.saving.register_keras_serializable(package="surrogates")
class FromScaledState(keras.layers.Layer):
    """Network values to states: mean + std x, or what ScaleState maps to softplus(x) where ``heavy``."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], heavy: Sequence[bool], **kwargs: Any) -> None:
        super().__init__(**_in_float32(kwargs))
        self.mean, self.std, self.heavy = tuple(mean), tuple(std), tuple(heavy)

    def call(self, inputs: Any) -> Any:
        """Map (..., state); long-tailed states stay below about 16 000 standard deviations."""
        mean, std = (
            ops.convert_to_tensor(self.mean, inputs.dtype),
            ops.convert_to_tensor(self.std, inputs.dtype),
        )
        stock = std / 10.0 * ops.expm1(ops.minimum(ops.softplus(inputs), 12.0))
        return ops.where(ops.convert_to_tensor(self.heavy), stock, mean + std * inputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "mean": self.mean, "std": self.std, "heavy": self.heavy}


@keras.saving.register_keras_serializable(package="surrogates")
class ToPhysical(keras.layers.Layer):
    """Network values to outputs: mean + std x, or std softplus(x) where ``nonnegative``."""

    def __init__(self, mean: Sequence[float], std: Sequence[float], nonnegative: Sequence[bool], **kwargs: Any) -> None:
        super().__init__(**_in_float32(kwargs))
        self.mean, self.std, self.nonnegative = tuple(mean), tuple(std), tuple(nonnegative)

    def call(self, inputs: Any) -> Any:
        """Map (..., output)."""
        mean, std = (
            ops.convert_to_tensor(self.mean, inputs.dtype),
            ops.convert_to_tensor(self.std, inputs.dtype),
        )
        return ops.where(ops.convert_to_tensor(self.nonnegative), std * ops.softplus(inputs), mean + std * inputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "mean": self.mean, "std": self.std, "nonnegative": self.nonnegative}


def _log_where(values: Any, log: Any) -> Any:
    """Take logarithms where ``log``; the other branch stays finite, so that its gradient does too."""
    return ops.where(log, ops.log(ops.where(log, values, 1.0)), values)


def _in_float32(arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments of a layer, its precision among them."""
    return {"dtype": "float32", **arguments}
