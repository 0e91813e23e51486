"""The score that stops learning: validation days of fit and of held-out basins, through the surrogate."""

from dataclasses import dataclass

import numpy as np

from dpl.losses import Loss
from dpl.settings import LearningSettings
from dpl.steps import Stepper
from dpl.windows import Windows
from legacy_models import metrics


@dataclass(frozen=True, slots=True)
class Validation:
    """Loss and median NSE over basins; None where nothing is observed."""

    loss: float | None
    nse_median: float | None

    def score(self, settings: LearningSettings) -> float | None:
        """The figure to minimise."""
        if settings.stop_on == "loss" or self.nse_median is None:
            return self.loss
        return -self.nse_median


class Validator:
    """Simulates fixed windows that cover every validation day, always in batches of one size."""

    def __init__(self, windows: Windows, loss: Loss, rows: int) -> None:
        self.windows, self.loss, self.rows = windows, loss, rows
        self.pairs = windows.cover()

    def __call__(self, stepper: Stepper) -> Validation:
        """Validate the network as it is now."""
        if not self.pairs:
            return Validation(None, None)
        data = self.windows.data
        simulated = np.full(data.observed.shape, np.nan, dtype=np.float32)
        counted = np.zeros(data.observed.shape, dtype=bool)
        for first in range(0, len(self.pairs), self.rows):
            self._fill(stepper, self.pairs[first : first + self.rows], simulated, counted)
        rows = counted.any(axis=1)
        observed = np.where(counted, data.observed, np.nan)[rows]
        loss = self.loss(observed.astype(np.float32), simulated[rows], counted[rows], self.windows.basin_std[rows])
        nse = metrics.nse(observed.astype(np.float64), simulated[rows].astype(np.float64))
        median = float(np.nanmedian(nse)) if np.isfinite(nse).any() else None
        return Validation(float(loss), median)

    def _fill(self, stepper: Stepper, pairs: list[tuple[int, int]], simulated: np.ndarray, counted: np.ndarray) -> None:
        """Write the scored days of ``pairs``; the last batch is filled up with copies of its first window."""
        padded = np.array(pairs + pairs[:1] * (self.rows - len(pairs)))
        batch = self.windows.batch(padded[:, 0], padded[:, 1])
        flow = stepper.streamflow(batch)
        for row, (basin, start) in enumerate(pairs):
            days = start + np.flatnonzero(batch.mask[row])
            simulated[basin, days] = flow[row, days - start]
            counted[basin, days] = True
