"""Which parameters, and which combinations, streamflow can tell, and how well hidden ones came back.

All of it is in the unit cube, where every parameter has the same range. The Gauss-Newton matrix of routed
flow gives the directions that the data constrain (eigenvectors of large eigenvalues) and those they do not.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from dpl.losses import EPSILON
from dpl.model import DifferentiableModel
from legacy_models.errors import ShapeError
from legacy_models.parameters import Array

RESOLVED = 0.5
"""Resolution from which on a parameter counts as identified: a convention of this project."""

DAMPING = 0.01
"""Share of the largest eigenvalue below which a direction counts as not constrained."""


@dataclass(frozen=True)
class Recovery:
    """How well one parameter came back over basins.

    Args:
        name: of the parameter.
        correlation: of hidden and learned over basins; None where either is constant.
        rmse: in the unit cube.
        sensitivity_share: its part of the summed squared sensitivity of flow.
        resolution: 0 to 1, how much of it the data determine apart from all the others.
        identified: whether that is at least ``RESOLVED``.
    """

    name: str
    correlation: float | None
    rmse: float
    sensitivity_share: float
    resolution: float
    identified: bool


@dataclass(frozen=True)
class Combination:
    """One eigenvector of the Gauss-Newton matrix: ``loadings`` of parameters, of unit length together."""

    loadings: dict[str, float]
    sensitivity_share: float
    correlation: float | None
    rmse: float


@dataclass(frozen=True)
class Identifiability:
    """Parameters in their order, combinations from the best constrained to the least."""

    parameters: tuple[Recovery, ...]
    combinations: tuple[Combination, ...]
    unidentified: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


def assess(names: Sequence[str], hidden: Array, learned: Array, gauss_newton: Array) -> Identifiability:
    """Judge the recovery of ``hidden`` parameters, one by one and in combinations.

    The resolution of parameter p is [M (M + d I)^-1]_pp with d = ``DAMPING`` x the largest eigenvalue of M;
    below ``RESOLVED`` the parameter is called unidentified: it moves along directions that flow does not feel.

    Args:
        names: (parameter,).
        hidden: (basin, parameter) points of the unit cube that made the observations.
        learned: (basin, parameter) points of the unit cube.
        gauss_newton: (parameter, parameter) from ``gauss_newton``.

    Raises:
        ShapeError: if the arrays do not fit together.
    """
    count = len(names)
    if hidden.shape != learned.shape or hidden.shape[1:] != (count,) or gauss_newton.shape != (count, count):
        raise ShapeError(
            f"Expected (basin, {count}) hidden and learned parameters and a ({count}, {count}) matrix. "
            f"Received {hidden.shape}, {learned.shape} and {gauss_newton.shape}."
        )
    total = max(float(np.trace(gauss_newton)), np.finfo(float).tiny)
    eigenvalues, vectors = _eigen(gauss_newton)
    resolution = _resolution(eigenvalues, vectors)
    parameters = tuple(
        Recovery(
            name,
            *_agreement(hidden[:, p], learned[:, p]),
            float(gauss_newton[p, p]) / total,
            float(resolution[p]),
            bool(resolution[p] >= RESOLVED),
        )
        for p, name in enumerate(names)
    )
    combinations = tuple(
        Combination(
            dict(zip(names, map(float, v), strict=True)),
            float(e) / total,
            *_agreement(hidden @ v, learned @ v),
        )
        for e, v in zip(eigenvalues, vectors.T, strict=True)
    )
    return Identifiability(parameters, combinations, tuple(r.name for r in parameters if not r.identified))


def gauss_newton(jacobian: Array, basin_std: Array) -> Array:
    """Return the (parameter, parameter) mean over basins of J^T J / T, flow over its own variability.

    Args:
        jacobian: (basin, time, parameter) sensitivity of flow to the unit cube [mm/day].
        basin_std: (basin,) standard deviation of observed flow [mm/day].
    """
    scaled = jacobian / (basin_std + EPSILON)[:, None, None]
    return np.asarray(np.einsum("btp,btq->pq", scaled, scaled) / (jacobian.shape[0] * jacobian.shape[1]))


def flow_jacobian(
    model: DifferentiableModel,
    values: Array,
    forcing: Any,
    antecedent: Any,
    properties: Any,
    warmup_days: int,
    step: float = 0.02,
) -> Array:
    """Return the (basin, time, parameter) sensitivity of routed flow through the surrogate, warm-up left out.

    Args:
        model: of which only surrogate, bounds and routing are used.
        values: (basin, parameter) where to take it, routing included.
        forcing: (basin, time, variable).
        antecedent: (basin, feature) at the first day.
        properties: (basin, property).
        warmup_days: first days to leave out.
        step: of the central differences, in the unit cube.
    """
    streamflow = tf.function(model.streamflow, autograph=False)

    def simulate(unit: Array) -> Array:
        """Simulate every set at once: a pass costs about the same for many rows as for few."""
        sets, basins, count = unit.shape
        at = model.space.from_unit(unit.reshape(sets * basins, count))
        rows = [at, *(np.concatenate([np.asarray(x)] * sets) for x in (forcing, antecedent, properties))]
        flow = streamflow(*(tf.constant(x, dtype=tf.float32) for x in rows))
        return np.asarray(flow[:, warmup_days:], dtype=np.float64).reshape(sets, basins, -1)

    return central_differences(simulate, np.clip(model.space.to_unit(values), 0.0, 1.0), step)


def central_differences(simulate: Callable[[Array], Array], unit: Array, step: float = 0.02) -> Array:
    """Return (basin, time, parameter) d simulate / d unit, one-sided where the cube ends.

    Args:
        simulate: (set, basin, parameter) points of the unit cube to (set, basin, time).
        unit: (basin, parameter) where to take the differences.
        step: to either side.
    """
    count = unit.shape[1]
    aside = step * np.eye(count)[:, None, :]
    below, above = np.maximum(unit - aside, 0.0), np.minimum(unit + aside, 1.0)
    flows = simulate(np.concatenate([below, above]))
    width = np.einsum("pbp->pb", above - below)
    return np.moveaxis((flows[count:] - flows[:count]) / width[..., None], 0, -1)


def _eigen(matrix: Array) -> tuple[Array, Array]:
    """Eigenvalues, largest first, and eigenvectors as columns, the largest loading of each positive."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    eigenvalues, vectors = np.maximum(eigenvalues[::-1], 0.0), vectors[:, ::-1]
    largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(vectors.shape[1])]
    return eigenvalues, vectors * np.sign(largest)


def _resolution(eigenvalues: Array, vectors: Array) -> Array:
    """(parameter,) diagonal of M (M + d I)^-1."""
    damping = max(DAMPING * eigenvalues[0], np.finfo(float).tiny)
    return np.asarray(np.square(vectors) @ (eigenvalues / (eigenvalues + damping)))


def _agreement(hidden: Array, learned: Array) -> tuple[float | None, float]:
    """Correlation (None where either is constant) and root mean squared difference."""
    rmse = float(np.sqrt(np.mean(np.square(learned - hidden))))
    if min(np.ptp(hidden), np.ptp(learned)) < 1e-9:
        return None, rmse
    return float(np.corrcoef(hidden, learned)[0, 1]), rmse
