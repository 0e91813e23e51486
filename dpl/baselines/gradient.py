"""Direct gradient search: Adam from several starts in the unit cube, where costs come with their slopes.

What a network has to say with attributes, this says freely at each basin: what it gains over a learned network is what
regionalisation costs, and where it stays behind SCE-UA with the legacy model is what the surrogate costs.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from dpl.baselines.search import Search
from legacy_models.errors import UsageError
from legacy_models.parameters import Array

MEMORY, SQUARE_MEMORY = 0.9, 0.99
"""Decay of Adam's means of the slope and of its square, a step."""


@dataclass(frozen=True, slots=True)
class GradientSettings:
    """How to descend.

    Args:
        starts: points to descend from, the defaults among them, the others drawn evenly from the unit cube.
        rate: length of the first steps along each coordinate, as a share of its range.
        patience: steps without a lower cost after which a start goes back to its best point and halves its steps.
        least_rate: shorter steps than this end a start; when all have ended the search has converged.
        least_gain: a cost counts as lower if it is by this share of itself.
    """

    starts: int = 4
    rate: float = 0.08
    patience: int = 8
    least_rate: float = 0.002
    least_gain: float = 1e-4

    def __post_init__(self) -> None:
        for name in ("starts", "patience"):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, received {getattr(self, name)}")
        if not 0.0 < self.least_rate <= self.rate <= 1.0:
            raise UsageError(
                f"0 < least_rate <= rate <= 1 is needed, received least_rate {self.least_rate} and rate {self.rate}"
            )
        if not 0.0 <= self.least_gain < 1.0:
            raise UsageError(f"least_gain must lie in [0, 1), received {self.least_gain}")


def gradient(start: Array, seed: int, settings: GradientSettings) -> Search:
    """Search the unit cube by slopes; see ``search`` for how.

    All starts take a step together. A step is Adam's, held within the cube; where it has not helped for some time, a
    start goes on from the best point that it has met, with half the step. So no budget has to be known beforehand.

    Args:
        start: (parameter,) the first start.
        seed: of the other starts.
        settings: of the descent.

    Source:
        Kingma and Ba (2015), arXiv:1412.6980.
    """
    others = np.random.default_rng(seed).random((settings.starts - 1, len(start)))
    descents = _Descents(np.clip(np.concatenate([start[None], others]), 0.0, 1.0), settings)
    while (going := descents.going).any():
        answers = yield descents.points[going]
        descents.step(going, answers[:, 0], np.nan_to_num(answers[:, 1:], posinf=0.0, neginf=0.0))


@dataclass(eq=False)
class _Descents:
    """Where each start has come to."""

    points: Array
    settings: GradientSettings
    steps: int = 0
    mean: Array = field(init=False)
    square: Array = field(init=False)

    def __post_init__(self) -> None:
        starts = len(self.points)
        self.mean, self.square = np.zeros_like(self.points), np.zeros_like(self.points)
        self.best, self.lowest = self.points.copy(), np.full(starts, np.inf)
        self.rate, self.waited = np.full(starts, self.settings.rate), np.zeros(starts, dtype=np.int64)

    @property
    def going(self) -> npt.NDArray[np.bool_]:
        """(start,) which have not ended; the same number of steps was taken by all of them."""
        return self.rate >= self.settings.least_rate

    def step(self, going: npt.NDArray[np.bool_], costs: Array, slopes: Array) -> None:
        """Note what the points of the starts that are ``going`` cost and take the next step."""
        self.steps += 1
        rows = np.flatnonzero(going)
        lower = costs < self.lowest[rows] - self.settings.least_gain * np.abs(costs)
        self.waited[rows] = np.where(lower, 0, self.waited[rows] + 1)
        better = rows[costs < self.lowest[rows]]
        self.best[better], self.lowest[better] = self.points[better], costs[costs < self.lowest[rows]]
        self.mean[rows] = MEMORY * self.mean[rows] + (1.0 - MEMORY) * slopes
        self.square[rows] = SQUARE_MEMORY * self.square[rows] + (1.0 - SQUARE_MEMORY) * slopes**2
        stuck = rows[self.waited[rows] >= self.settings.patience]
        self.rate[stuck], self.waited[stuck] = 0.5 * self.rate[stuck], 0
        self.points[stuck] = self.best[stuck]
        self.points[rows] = np.clip(self.points[rows] - self.rate[rows, None] * self._direction(rows), 0.0, 1.0)

    def _direction(self, rows: npt.NDArray[np.int64]) -> Array:
        """(row, parameter) of about unit size along each coordinate."""
        mean = self.mean[rows] / (1.0 - MEMORY**self.steps)
        square = self.square[rows] / (1.0 - SQUARE_MEMORY**self.steps)
        return mean / (np.sqrt(square) + 1e-12)
