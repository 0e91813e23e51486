"""Whether a surrogate's gradient points where its legacy model improves; the caller runs the legacy model.

Everything is in coordinates of the unit cube, in which every parameter has the same range, and for pairs of a site
and a parameter set, each with a series to agree with. What learning follows is the gradient of the NSE.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from legacy_models.parameters import Array
from surrogates.fidelity import LEAST_DEVIATION
from surrogates.scaling import FromUnit
from surrogates.surrogate import Surrogate

SENSITIVE = 1e-3
"""A parameter is felt where the squared error changes by this share of itself across the box."""

DISAGREEMENT = 0.5
"""Central differences at two step sizes disagree where they differ by this share of the larger."""

LEAST_PAIRS = 10
"""A parameter that is felt in fewer pairs has no figure of its own."""

Figures = dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Pairs:
    """What a surrogate reads at each pair, and the series to agree with.

    Args:
        forcing: (pair, time, forcing).
        antecedent: (pair, antecedent) for the first day.
        properties: (pair, property).
        target: (pair, time) streamflow before routing [mm/day].
    """

    forcing: npt.NDArray[np.float32]
    antecedent: npt.NDArray[np.float32]
    properties: npt.NDArray[np.float32]
    target: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.target)

    def arrays(self, rows: slice) -> list[npt.NDArray[np.float32]]:
        """Return the four arrays of some pairs."""
        return [item[rows] for item in (self.forcing, self.antecedent, self.properties, self.target)]


class Objective:
    """NSE of each pair's surrogate simulation as a function of unit-cube coordinates.

    Args:
        surrogate: a frozen surrogate.
        pairs: where, and what to agree with.
        batch: pairs simulated at once.
    """

    def __init__(self, surrogate: Surrogate, pairs: Pairs, batch: int = 64) -> None:
        self.surrogate, self.pairs, self.batch = surrogate, pairs, batch
        self._nse = tf.function(self._simulated_nse, autograph=False, reduce_retracing=True)
        self._gradient = tf.function(self._nse_and_gradient, autograph=False, reduce_retracing=True)

    def value(self, unit: npt.ArrayLike) -> Array:
        """Return (pair,) NSE at (pair, parameter) ``unit``."""
        return self._batched(self._nse, unit)[0]

    def value_and_gradient(self, unit: npt.ArrayLike) -> tuple[Array, Array]:
        """Return (pair,) NSE and its (pair, parameter) gradient at (pair, parameter) ``unit``."""
        value, gradient = self._batched(self._gradient, unit)
        return value, gradient

    def _batched(self, function: Any, unit: npt.ArrayLike) -> list[Array]:
        points = np.asarray(unit, dtype=np.float32)
        parts = []
        for first in range(0, len(self.pairs), self.batch):
            rows = slice(first, first + self.batch)
            parts.append([x.numpy() for x in function(*map(tf.constant, [points[rows], *self.pairs.arrays(rows)]))])
        return [np.concatenate(column).astype(np.float64) for column in zip(*parts, strict=True)]

    def _simulated_nse(self, unit: Any, forcing: Any, antecedent: Any, properties: Any, target: Any) -> tuple[Any]:
        values = FromUnit.of(self.surrogate.spec.parameters)(unit)
        simulated = self.surrogate.simulate(forcing, antecedent, values, properties)
        flow = tf.reduce_sum(tf.gather(simulated, list(self.surrogate.spec.runoff_indices), axis=-1), axis=-1)
        variance = tf.math.reduce_variance(target, axis=1)
        return (1.0 - tf.reduce_mean(tf.square(flow - target), axis=1) / tf.maximum(variance, LEAST_DEVIATION**2),)

    def _nse_and_gradient(self, unit: Any, *arrays: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            tape.watch(unit)
            (nse,) = self._simulated_nse(unit, *arrays)
        return nse, tape.gradient(nse, unit)


def ascend(objective: Objective, start: npt.ArrayLike, steps: int = 40, rate: float = 0.08) -> Array:
    """Climb from (pair, parameter) ``start`` through the surrogate, and return the best point met on the way.

    Adam in the unit cube, held within it; the rate falls to a tenth along a cosine.

    Source:
        Kingma and Ba (2015), arXiv:1412.6980.
    """
    unit = np.array(start, dtype=np.float64)
    best, highest = unit.copy(), np.full(len(unit), -np.inf)
    mean, square = np.zeros_like(unit), np.zeros_like(unit)
    for step in range(1, steps + 1):
        value, gradient = objective.value_and_gradient(unit)
        better = value > highest
        best[better], highest[better] = unit[better], value[better]
        mean, square = 0.9 * mean + 0.1 * gradient, 0.99 * square + 0.01 * gradient**2
        direction = mean / (1.0 - 0.9**step) / (np.sqrt(square / (1.0 - 0.99**step)) + 1e-12)
        length = rate * (0.55 + 0.45 * np.cos(np.pi * step / steps))
        unit = np.clip(unit + length * direction, 0.0, 1.0)
    value = objective.value(unit)
    return np.where((value > highest)[:, None], unit, best)


def step_along(unit: npt.ArrayLike, direction: npt.ArrayLike, size: float = 0.05) -> Array:
    """Return (pair, parameter) points one step on; the coordinate that moves most goes ``size`` of the box.

    What points out of the box at its face does not count.
    """
    points, slope = np.asarray(unit, dtype=np.float64), np.asarray(direction, dtype=np.float64)
    stuck = ((points <= 0.0) & (slope < 0.0)) | ((points >= 1.0) & (slope > 0.0))
    slope = np.where(stuck, 0.0, slope)
    largest = np.abs(slope).max(axis=-1, keepdims=True)
    return np.clip(points + size * slope / np.where(largest > 0.0, largest, 1.0), 0.0, 1.0)


def stencil(unit: npt.ArrayLike, size: float) -> Array:
    """Return the points of central differences: each coordinate ``size`` below and above, held within the box.

    Args:
        unit: (pair, parameter).
        size: half the distance of the two points.

    Returns:
        (pair, parameter, 2, parameter).
    """
    points = np.asarray(unit, dtype=np.float64)
    moves = size * np.array([-1.0, 1.0])[None, :, None] * np.eye(points.shape[1])[:, None, :]
    return np.clip(points[:, None, None, :] + moves, 0.0, 1.0)


def central_differences(points: npt.ArrayLike, values: npt.ArrayLike) -> Array:
    """Return (pair, parameter) differences of (pair, parameter, 2) ``values`` at the ``points`` of ``stencil``."""
    places = np.einsum("ijkj->ijk", np.asarray(points, dtype=np.float64))
    ends = np.asarray(values, dtype=np.float64)
    return np.asarray((ends[..., 1] - ends[..., 0]) / (places[..., 1] - places[..., 0]))


def agreement(
    names: Sequence[str], surrogate: npt.ArrayLike, coarse: npt.ArrayLike, fine: npt.ArrayLike, nse: npt.ArrayLike
) -> dict[str, Any]:
    """Compare the surrogate's gradient with central differences of the legacy model at two step sizes.

    An entry (pair, parameter) counts where the model feels the parameter (``SENSITIVE``) and its two differences
    agree (``DISAGREEMENT``); their mean is the model's gradient.

    Args:
        names: (parameter,).
        surrogate: (pair, parameter) gradient of NSE.
        coarse: (pair, parameter) differences of the model's NSE at the larger step.
        fine: the same at the smaller step.
        nse: (pair,) of the model.

    Returns:
        ``sign``: share of entries of the same sign. ``sign_min``: the least over the parameters that are felt in
        ``LEAST_PAIRS`` pairs. ``cosine_median``: over the pairs. ``insensitive_share``: of all entries.
        ``left_out_share``: of the others, for disagreement. ``by_parameter``: ``pairs``, ``sign`` and ``cosine``,
        every pair's gradient taken at unit length.
    """
    given, large, small = (np.asarray(item, dtype=np.float64) for item in (surrogate, coarse, fine))
    size = np.maximum(np.abs(large), np.abs(small))
    known = np.isfinite(given) & np.isfinite(large) & np.isfinite(small)
    felt = known & (size >= SENSITIVE * (1.0 - np.asarray(nse, dtype=np.float64))[:, None])
    counts = felt & (np.abs(large - small) <= DISAGREEMENT * size)
    model, given = np.where(counts, 0.5 * (large + small), 0.0), np.where(counts, given, 0.0)
    same = counts & (np.sign(given) == np.sign(model))
    by_parameter: dict[str, dict[str, Any]] = {
        name: {
            "pairs": int(counts[:, i].sum()),
            "sign": _share(same[:, i], counts[:, i]),
            "cosine": _cosine(_unit(given)[:, i], _unit(model)[:, i]),
        }
        for i, name in enumerate(names)
    }
    cosines = [_cosine(g, m) for g, m, n in zip(given, model, counts.sum(axis=1), strict=True) if n > 1]
    signs = [one["sign"] for one in by_parameter.values() if one["sign"] is not None and one["pairs"] >= LEAST_PAIRS]
    found = [c for c in cosines if c is not None]
    return {
        "sign": _share(same, counts),
        "sign_min": min(signs) if signs else None,
        "cosine_median": float(np.median(found)) if found else None,
        "insensitive_share": _share(known & ~felt, known),
        "left_out_share": _share(felt & ~counts, felt),
        "by_parameter": by_parameter,
    }


def improved(before: npt.ArrayLike, after: npt.ArrayLike) -> float | None:
    """Return the share of finite pairs with ``after`` above ``before``; None where there is none."""
    return same_sign(np.ones_like(np.asarray(before, dtype=np.float64)), np.subtract(after, before))


def same_sign(predicted: npt.ArrayLike, found: npt.ArrayLike) -> float | None:
    """Return the share of finite pairs of changes that have the same sign; None where there is none."""
    one, other = np.asarray(predicted, dtype=np.float64), np.asarray(found, dtype=np.float64)
    known = np.isfinite(one) & np.isfinite(other)
    return _share(known & (np.sign(one) == np.sign(other)), known)


def _share(chosen: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_]) -> float | None:
    return float(chosen.sum() / among.sum()) if among.any() else None


def _unit(vectors: Array) -> Array:
    """(pair, parameter) vectors at unit length; zeros stay."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0.0, length, 1.0)


def _cosine(one: Array, other: Array) -> float | None:
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length > 0.0 else None
