"""What the members' spread says about the distance of their mean to the legacy model."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from legacy_models.errors import UsageError
from legacy_models.parameters import Array

Series = npt.NDArray[np.float32]

LEVELS = (0.5, 0.8, 0.9, 0.95)
"""Shares of the errors that an interval may be asked to hold."""

FLOOR = 1e-3
"""Smallest size that is told from zero, of each variable's standard deviation."""


@dataclass(frozen=True)
class Calibration:
    """What to expect of the error of a surrogate's mean, learned from held-out runs.

    log scale = c0 + c1 log(spread) + c2 log|mean| + c3 log|change since yesterday| + c4 log(1 + lead), each size
    with a floor added: the spread of the members, corrected by what else can be seen of the day. An error's size
    over its scale is then about equally distributed everywhere; ``reach`` holds quantiles of that.

    Args:
        names: (variable,) the outputs and ``runoff_total``.
        floor: (variable,) in the variables' units.
        coefficients: (variable, 5) c0 to c4.
        reach: (variable, level) quantiles of error over scale at ``LEVELS``.
    """

    names: tuple[str, ...]
    floor: tuple[float, ...]
    coefficients: tuple[tuple[float, ...], ...]
    reach: tuple[tuple[float, ...], ...]

    @classmethod
    def fit(cls, names: Sequence[str], error: Series, mean: Series, spread: Series) -> "Calibration":
        """Learn from (run, time, variable) absolute errors of simulations from their first day on.

        The coefficients are those of least squares for the logarithm of the error.
        """
        floor = np.maximum(FLOOR * mean.std(axis=(0, 1), dtype=np.float64), 1e-9)
        coefficients, reach = [], []
        for i, low in enumerate(floor):
            known = _known(mean[..., i], spread[..., i], low)
            wanted = np.log(error[..., i].astype(np.float64) + low)
            solution = np.linalg.lstsq(known.reshape(-1, known.shape[-1]), wanted.ravel(), rcond=None)[0]
            ratio = error[..., i] / np.exp(known @ solution)
            coefficients.append(tuple(solution.tolist()))
            reach.append(tuple(np.quantile(ratio, LEVELS).tolist()))
        return cls(tuple(names), tuple(floor.tolist()), tuple(coefficients), tuple(reach))

    def scale(self, mean: Series, spread: Series) -> Series:
        """Return (run, time, variable) the size of error to expect, in the variables' units."""
        columns = [
            np.exp(_known(mean[..., i], spread[..., i], low) @ np.array(self.coefficients[i]))
            for i, low in enumerate(self.floor)
        ]
        return np.stack(columns, axis=-1).astype(np.float32)

    def half_width(self, scale: Series, level: float) -> Series:
        """Return how far to either side of the mean an interval goes that holds ``level`` of all.

        Raises:
            UsageError: for a level that was not kept.
        """
        if level not in LEVELS:
            raise UsageError(f"an interval may hold {', '.join(map(str, LEVELS))} of all, received {level}")
        return scale * np.array(self.reach, dtype=np.float32)[:, LEVELS.index(level)]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Calibration":
        """Rebuild a calibration from ``to_dict``."""
        rows = {key: tuple(tuple(map(float, row)) for row in values[key]) for key in ("coefficients", "reach")}
        return cls(tuple(map(str, values["names"])), tuple(map(float, values["floor"])), **rows)


def _known(mean: Series, spread: Series, floor: float) -> Array:
    """(run, time, 5) what the scale depends on, of one variable (run, time)."""
    whole = mean.astype(np.float64)
    change = np.abs(np.diff(whole, axis=1, prepend=whole[:, :1]))
    lead = np.broadcast_to(np.log1p(np.arange(whole.shape[1])), whole.shape)
    sizes = [np.log(size + floor) for size in (spread.astype(np.float64), np.abs(whole), change)]
    return np.stack([np.ones_like(whole), *sizes, lead], axis=-1)
