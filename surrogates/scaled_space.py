"""Runs as points of a space with distances: parameters count for one half of them, the site for the other."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from legacy_models.parameters import Array

Points = npt.NDArray[np.float32]

NEIGHBOURS = 5
CHUNK = 512
TINY = 1e-12
"""Added to squared distances, so that the root of none has a slope that is not finite."""


@dataclass(frozen=True, eq=False)
class ScaledSpace:
    """Training runs as points.

    Half of the mean squared distance of two runs is due to their parameters and half to their sites, each coordinate
    of a half counting alike.

    Args:
        points: (run, coordinate) scaled training runs: parameters, then what describes the site.
        centre: (coordinate,) subtracted before scaling.
        width: (coordinate,) divided by.
    """

    points: Points
    centre: Array
    width: Array

    @classmethod
    def fit(cls, unit: Array, site: Array, noise: Array) -> "ScaledSpace":
        """Scale to the spread of the training runs.

        Args:
            unit: (run, parameter) points of the unit cube.
            site: (run, coordinate) what describes their sites.
            noise: (coordinate,) by what each of these differs from year to year, which tells no site from another.
        """
        known = np.concatenate([unit, site], axis=1)
        spread = np.hypot(known.std(axis=0), np.append(np.zeros(unit.shape[1]), noise))
        shares = np.repeat([unit.shape[1], site.shape[1]], [unit.shape[1], site.shape[1]])
        width = np.where(spread > 1e-6, spread, 1.0) * np.sqrt(2.0 * shares)
        empty = cls(np.zeros((0, known.shape[1]), np.float32), known.mean(axis=0), width)
        return cls(empty.scaled(unit, site), empty.centre, width)

    def scaled(self, unit: Array, site: Array) -> Points:
        """Return (query, coordinate) points of queries, (query, parameter) and (query, coordinate) of their sites."""
        return ((np.concatenate([unit, site], axis=1) - self.centre) / self.width).astype(np.float32)


def nearest(points: npt.NDArray[Any], queries: npt.NDArray[Any], count: int) -> npt.NDArray[np.int64]:
    """Return (query, count) which points are nearest to each query, in no order."""
    count = min(count, len(points))
    found = np.zeros((len(queries), count), dtype=np.int64)
    for first in range(0, len(queries), CHUNK):
        part = queries[first : first + CHUNK]
        squared = np.square(points).sum(1)[None] - 2.0 * part @ points.T
        found[first : first + CHUNK] = np.argpartition(squared, count - 1, axis=1)[:, :count]
    return found


def mean_distance(points: Points, queries: Points, skip: int = 0) -> Array:
    """Return (query,) mean distance to the nearest ``NEIGHBOURS`` points, the ``skip`` nearest (itself) left out."""
    places = nearest(points, queries, NEIGHBOURS + skip)
    if not places.size:
        return np.full(len(queries), np.inf)
    apart = np.sort(np.sqrt(np.square(queries[:, None] - points[places]).sum(-1, dtype=np.float64) + TINY), axis=1)
    return np.asarray(apart[:, min(skip, apart.shape[1] - 1) :].mean(axis=1))
