"""Parameters of a legacy model: names, bounds, units, scale, and their unit cube."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from legacy_models.errors import ParameterError

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One calibrated parameter; ``source`` says where its range comes from."""

    name: str
    lower: float
    upper: float
    default: float
    unit: str
    scale: Literal["linear", "log"]
    source: str

    def __post_init__(self) -> None:
        if not self.lower < self.upper:
            raise ParameterError(
                f"{self.name}: lower ({self.lower} {self.unit}) must be below upper ({self.upper} {self.unit})"
            )
        if not self.lower <= self.default <= self.upper:
            raise ParameterError(
                f"{self.name}: default ({self.default} {self.unit}) must lie in [{self.lower}, {self.upper}]"
            )
        if self.scale not in ("linear", "log"):
            raise ParameterError(f"{self.name}: scale must be 'linear' or 'log', received {self.scale!r}")
        if self.scale == "log" and self.lower <= 0:
            raise ParameterError(f"{self.name}: a log scale needs lower > 0, received {self.lower} {self.unit}")


@dataclass(frozen=True)
class ParameterSpace:
    """An ordered set of parameters, whose axis is the last one of every parameter array.

    The unit cube is what samplers, networks and optimisers work in: 0 is ``lower``, 1 is ``upper``,
    spaced evenly on each parameter's own scale.
    """

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        names = self.names
        if len(set(names)) != len(names):
            raise ParameterError(f"parameter names must be unique, received {', '.join(names)}")

    def __len__(self) -> int:
        return len(self.parameters)

    def __add__(self, other: "ParameterSpace") -> "ParameterSpace":
        return ParameterSpace(self.parameters + other.parameters)

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order."""
        return tuple(p.name for p in self.parameters)

    @property
    def lower(self) -> Array:
        """(parameter,) lower bounds."""
        return np.array([p.lower for p in self.parameters])

    @property
    def upper(self) -> Array:
        """(parameter,) upper bounds."""
        return np.array([p.upper for p in self.parameters])

    @property
    def defaults(self) -> Array:
        """(parameter,) default values."""
        return np.array([p.default for p in self.parameters])

    @property
    def is_log(self) -> npt.NDArray[np.bool_]:
        """(parameter,) whether the scale is logarithmic."""
        return np.array([p.scale == "log" for p in self.parameters])

    def from_unit(self, unit: npt.ArrayLike) -> Array:
        """Map (..., parameter) points of the unit cube to values; bounds are met exactly."""
        unit = np.asarray(unit, dtype=np.float64)
        low, high = self.lower, self.upper
        log_low, log_high = _log(low, self.is_log), _log(high, self.is_log)
        values = np.where(self.is_log, np.exp(log_low + unit * (log_high - log_low)), low + unit * (high - low))
        return np.where(unit <= 0, low, np.where(unit >= 1, high, np.clip(values, low, high)))

    def to_unit(self, values: npt.ArrayLike) -> Array:
        """Map (..., parameter) values to the unit cube; values outside the bounds leave [0, 1]."""
        values = np.asarray(values, dtype=np.float64)
        low, high = _log(self.lower, self.is_log), _log(self.upper, self.is_log)
        return np.asarray((_log(values, self.is_log) - low) / (high - low))

    def check(self, values: npt.ArrayLike) -> Array:
        """Return (..., parameter) ``values`` as float64 if all are finite and within bounds.

        Raises:
            ParameterError: naming the first parameter, its value and its bounds.
        """
        values = np.asarray(values, dtype=np.float64)
        if values.shape[-1] != len(self):
            raise ParameterError(
                f"Expected {len(self)} parameters ({', '.join(self.names)}). Received {values.shape[-1]}."
            )
        flat = values.reshape(-1, len(self))
        for parameter, column in zip(self.parameters, flat.T, strict=True):
            bad = ~((column >= parameter.lower) & (column <= parameter.upper))
            if bad.any():
                raise ParameterError(
                    f"{parameter.name} = {column[bad][0]} {parameter.unit} is outside "
                    f"[{parameter.lower}, {parameter.upper}]"
                )
        return values

    def to_dict(self) -> list[dict[str, Any]]:
        """Return plain values for JSON."""
        return [asdict(p) for p in self.parameters]

    @classmethod
    def from_dict(cls, items: Iterable[Mapping[str, Any]]) -> "ParameterSpace":
        """Rebuild a space from ``to_dict``."""
        return cls(tuple(Parameter(**item) for item in items))


def _log(values: Array, is_log: npt.NDArray[np.bool_]) -> Array:
    """Take logarithms where the scale is logarithmic and leave the rest."""
    return np.where(is_log, np.log(np.where(is_log, values, 1.0)), values)
