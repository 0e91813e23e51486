"""Which days of which basins one step sees: random windows to learn from, fixed ones to validate on."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dpl.settings import Float32, LearningData, LearningSettings, Mask
from legacy_models.errors import DataError

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of equal length, one a row.

    Args:
        basins: (row,) positions in ``LearningData``.
        starts: (row,) first day of each window.
        attributes, properties, forcing, antecedent: what the model reads; ``antecedent`` is (row, feature).
        observed: (row, time) [mm/day].
        mask: (row, time) days that count, none of them in the warm-up.
        basin_std: (row,).
    """

    basins: Index
    starts: Index
    attributes: Float32
    properties: Float32
    forcing: Float32
    antecedent: Float32
    observed: Float32
    mask: Mask
    basin_std: Float32


@dataclass(frozen=True, eq=False)
class Windows:
    """Cuts windows out of ``data``; ``counted`` (basin, time) are the days that may count."""

    data: LearningData
    counted: Mask
    warmup_days: int
    loss_days: int
    basin_std: Float32

    def __post_init__(self) -> None:
        if self.length > len(self.data.dates):
            raise DataError(
                f"a window takes {self.length} days (warm-up and loss), the record has {len(self.data.dates)}"
            )

    @property
    def length(self) -> int:
        """Days of a window."""
        return self.warmup_days + self.loss_days

    def batch(self, basins: Index, starts: Index) -> Batch:
        """Cut the windows that begin at ``starts`` of ``basins``."""
        days = starts[:, None] + np.arange(self.length)
        rows = basins[:, None]
        mask = self.counted[rows, days]
        mask[:, : self.warmup_days] = False
        data = self.data
        return Batch(
            basins=basins,
            starts=starts,
            attributes=data.attributes[basins],
            properties=data.properties[basins],
            forcing=data.forcing[rows, days],
            antecedent=data.antecedent[basins, starts],
            observed=data.observed[rows, days].astype(np.float32),
            mask=mask,
            basin_std=self.basin_std[basins],
        )

    def starts(self, min_observed_days: int) -> list[Index]:
        """For each basin the first days of windows with enough counted days after the warm-up."""
        total: Index = np.cumsum(np.pad(self.counted, ((0, 0), (1, 0))), axis=1, dtype=np.int64)
        first = np.arange(len(self.data.dates) - self.length + 1)
        counted: Index = total[:, first + self.length] - total[:, first + self.warmup_days]
        return [np.flatnonzero(row >= min_observed_days) for row in counted]

    def cover(self) -> list[tuple[int, int]]:
        """(basin, first day) of windows that score every counted day with a warm-up before it."""
        pairs = []
        for basin, row in enumerate(self.counted):
            days = np.flatnonzero(row)
            days = days[days >= self.warmup_days]
            while days.size:
                start = min(days[0] - self.warmup_days, len(self.data.dates) - self.length)
                pairs.append((basin, int(start)))
                days = days[days >= start + self.length]
        return pairs


def training_windows(data: LearningData, settings: LearningSettings) -> Windows:
    """Windows over fit days."""
    return Windows(data, data.counted_fit, settings.warmup_days, settings.loss_days, data.basin_std)


def validation_windows(data: LearningData, settings: LearningSettings) -> Windows:
    """Windows over validation days."""
    return Windows(data, data.counted_validation, settings.warmup_days, settings.loss_days, data.basin_std)


class Draws:
    """An endless, seeded series of training batches: every basin once before any comes again.

    Args:
        windows: over fit days.
        settings: batch size, least observed days.
        generator: its state is all the memory between epochs; ``epoch`` starts a new shuffle.

    Raises:
        DataError: naming the basins with fit days but no window that holds enough of them.
    """

    def __init__(self, windows: Windows, settings: LearningSettings, generator: np.random.Generator) -> None:
        self.windows, self.generator = windows, generator
        self.starts = windows.starts(settings.min_observed_days)
        fit = windows.counted.any(axis=1)
        lacking = [windows.data.basins[b] for b in np.flatnonzero(fit) if not self.starts[b].size]
        if lacking or not fit.any():
            raise DataError(
                f"no window of {windows.loss_days} days after {windows.warmup_days} days of warm-up holds "
                f"{settings.min_observed_days} observed fit days at: {', '.join(lacking) or 'any basin'}"
            )
        self.basins = np.flatnonzero(fit)
        self.size = min(settings.basins_per_step or self.basins.size, self.basins.size)

    def epoch(self, steps: int) -> Iterator[Batch]:
        """Yield ``steps`` batches of equal size."""
        waiting = np.empty(0, dtype=np.int64)
        for _ in range(steps):
            while waiting.size < self.size:
                waiting = np.concatenate([waiting, self.generator.permutation(self.basins)])
            now, waiting = waiting[: self.size], waiting[self.size :]
            starts = np.array([self.generator.choice(self.starts[basin]) for basin in now])
            yield self.windows.batch(now, starts)
