"""Where a surrogate may be trusted: how far a query is from the runs that it was trained on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Points = npt.NDArray[np.float32]
NEIGHBOURS = 5
QUANTILE = 0.99
CHUNK = 512


@dataclass(frozen=True, eq=False)
class Domain:
    """Training runs in a space where each parameter and property has unit spread.

    Args:
        points: (run, parameter + property) training runs, scaled.
        centre: (parameter + property,) subtracted before scaling.
        spread: (parameter + property,) divided by.
        reach: distance that 99 % of held-out runs do not exceed.
    """

    points: Points
    centre: Points
    spread: Points
    reach: float

    @classmethod
    def fit(
        cls, unit: npt.ArrayLike, properties: npt.ArrayLike, train: npt.ArrayLike, held_out: npt.ArrayLike
    ) -> "Domain":
        """Describe where the runs are.

        Args:
            unit: (run, parameter) points of the unit cube.
            properties: (run, property) site properties.
            train: rows that the surrogate was trained on.
            held_out: rows held out; the training runs' own distances are used where there are none.
        """
        queries = _joined(unit, properties)
        known = queries[np.asarray(train)]
        spread = known.std(axis=0)
        spread = np.where(spread > 1e-6, spread, 1.0) * np.sqrt(known.shape[1])
        centre = known.mean(axis=0)
        scaled = ((queries - centre) / spread).astype(np.float32)
        points = scaled[np.asarray(train)]
        others = np.asarray(held_out)
        distances = _distance(points, scaled[others]) if len(others) else _distance(points, points, skip=1)
        reach = max(float(np.quantile(distances, QUANTILE)), 1e-6)
        return cls(points, centre.astype(np.float32), spread.astype(np.float32), reach)

    def score(self, unit: npt.ArrayLike, properties: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Return how far each query is, in units of what 99 % of held-out runs do not exceed.

        Score = mean distance to the 5 nearest training runs / reach, in scaled parameters and properties.

        Args:
            unit: (query, parameter) points of the unit cube.
            properties: (query, property) site properties.

        Returns:
            (query,) score; above 1 the surrogate was not tested there. Infinite outside the unit cube.
        """
        queries = ((_joined(unit, properties) - self.centre) / self.spread).astype(np.float32)
        cube = np.asarray(unit, dtype=np.float64)
        outside = ((cube < -1e-6) | (cube > 1.0 + 1e-6)).any(axis=-1)
        return np.where(outside, np.inf, _distance(self.points, queries) / self.reach)

    def flag(self, unit: npt.ArrayLike, properties: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return (query,) whether each query lies outside the domain (score above 1)."""
        return np.asarray(self.score(unit, properties) > 1.0)


def _joined(unit: npt.ArrayLike, properties: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """(query, parameter + property) in one array."""
    return np.concatenate([np.asarray(unit, np.float64), np.asarray(properties, np.float64)], axis=-1)


def _distance(points: Points, queries: Points, skip: int = 0) -> npt.NDArray[np.float64]:
    """Mean distance of each query to its nearest points, the ``skip`` nearest (itself) left out."""
    count = min(NEIGHBOURS + skip, len(points))
    parts = []
    for first in range(0, len(queries), CHUNK):
        part = queries[first : first + CHUNK]
        squared = (part**2).sum(1)[:, None] - 2.0 * part @ points.T + (points**2).sum(1)[None]
        nearest = np.partition(np.maximum(squared, 0.0), count - 1, axis=1)[:, :count]
        parts.append(np.sqrt(np.sort(nearest, axis=1))[:, min(skip, count - 1) :].mean(axis=1))
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)
