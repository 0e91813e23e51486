"""The score that stops learning: validation days of fit and of held-out basins, through the surrogate."""

from dataclasses import dataclass

import numpy as np

from dpl.settings import STREAMFLOW, Float32, LearningSettings, Mask
from dpl.steps import Stepper
from dpl.targets import total
from dpl.windows import Windows
from legacy_models import metrics
from legacy_models.parameters import Array


@dataclass(frozen=True, slots=True)
class Validation:
    """Loss over all targets, median NSE and mean NNSE of streamflow over basins; None where nothing is observed.

    NNSE = 1 / (2 - NSE) lies between 0 and 1: Nossent and Bauwens (2012), EGU General Assembly 2012-237.
    """

    loss: float | None
    nse_median: float | None
    nnse_mean: float | None

    def score(self, settings: LearningSettings) -> float | None:
        """The figure to minimise."""
        if settings.stop_on == "loss" or self.nse_median is None or self.nnse_mean is None:
            return self.loss
        return -self.nse_median if settings.stop_on == "nse_median" else -self.nnse_mean


class Validator:
    """Simulates fixed windows that cover every validation day, always in batches of one size."""

    def __init__(self, windows: Windows, rows: int) -> None:
        self.windows, self.rows = windows, rows
        self.pairs = windows.cover()

    def __call__(self, stepper: Stepper) -> Validation:
        """Validate the network as it is now."""
        if not self.pairs:
            return Validation(None, None, None)
        shape = self.windows.allowed.shape
        simulated = {t.name: np.full(shape, np.nan, dtype=np.float32) for t in self.windows.targets}
        reached = np.zeros(shape, dtype=bool)
        for first in range(0, len(self.pairs), self.rows):
            self._fill(stepper, self.pairs[first : first + self.rows], simulated, reached)
        nse = self._nse(simulated[STREAMFLOW], reached)
        if not nse.size:
            return Validation(self._loss(simulated, reached), None, None)
        return Validation(self._loss(simulated, reached), float(np.median(nse)), float(np.mean(1.0 / (2.0 - nse))))

    def _loss(self, simulated: dict[str, Float32], reached: Mask) -> float:
        """The sum that is learned from, over whole series."""
        basins = np.flatnonzero(reached.any(axis=1))
        days = np.broadcast_to(np.arange(reached.shape[1]), (len(basins), reached.shape[1]))
        counted = {name: (mask & reached)[basins] for name, mask in self.windows.counted.items()}
        scored = {t.name: t.cut(basins, days, counted[t.name]) for t in self.windows.targets}
        return float(total(self.windows.targets, {name: s[basins] for name, s in simulated.items()}, scored))

    def _nse(self, simulated: Float32, reached: Mask) -> Array:
        """NSE of every basin that has one."""
        observed = np.where(self.windows.counted[STREAMFLOW] & reached, self.windows.data.observed, np.nan)
        nse = metrics.nse(observed.astype(np.float64), simulated.astype(np.float64))
        return np.asarray(nse[np.isfinite(nse)])

    def _fill(
        self, stepper: Stepper, pairs: list[tuple[int, int]], simulated: dict[str, Float32], reached: Mask
    ) -> None:
        """Write the days of ``pairs`` after the warm-up; the last batch is filled up with copies of its first."""
        padded = np.array(pairs + pairs[:1] * (self.rows - len(pairs)))
        series = stepper.simulate(self.windows.batch(padded[:, 0], padded[:, 1]))
        scored = slice(self.windows.warmup_days, self.windows.length)
        for row, (basin, start) in enumerate(pairs):
            days = slice(start + scored.start, start + scored.stop)
            reached[basin, days] = True
            for name, values in series.items():
                simulated[name][basin, days] = values[row, scored]
