"""Which days of which basins one step sees: random windows to learn from, fixed ones to validate on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from dpl.history import History
from dpl.settings import Float32, LearningData, LearningSettings, Mask
from dpl.targets import Scored, Target, targets_of
from legacy_models.errors import DataError

Index = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of equal length, one a row.

    Args:
        basins: (row,) positions in ``LearningData``.
        starts: (row,) first day of each window.
        attributes, properties, forcing, antecedent: what the model reads; ``antecedent`` is (row, feature).
        history: (row, day, feature) what a network reads of the past; None where it reads attributes alone.
        scored: target -> what it is compared with, none of it in the warm-up.
    """

    basins: Index
    starts: Index
    attributes: Float32
    properties: Float32
    forcing: Float32
    antecedent: Float32
    history: Float32 | None
    scored: Mapping[str, Scored]


@dataclass(frozen=True, eq=False)
class Windows:
    """Cuts windows out of ``data``; ``allowed`` (basin, time) are the days that may count."""

    data: LearningData
    allowed: Mask
    warmup_days: int
    loss_days: int
    targets: tuple[Target, ...]

    def __post_init__(self) -> None:
        if self.length > len(self.data.dates):
            raise DataError(
                f"a window takes {self.length} days (warm-up and loss), the record has {len(self.data.dates)}"
            )

    @property
    def length(self) -> int:
        """Days of a window."""
        return self.warmup_days + self.loss_days

    @cached_property
    def counted(self) -> dict[str, Mask]:
        """Target -> (basin, time) allowed days with an observation."""
        return {target.name: self.allowed & np.isfinite(target.observed) for target in self.targets}

    @cached_property
    def counted_at_all(self) -> Mask:
        """(basin, time) allowed days with an observation of any target that has a weight."""
        return np.any([self.counted[target.name] for target in self.targets if target.weight], axis=0)

    def batch(self, basins: Index, starts: Index, pasts: Index | None = None) -> Batch:
        """Cut the windows that begin at ``starts`` of ``basins``.

        Args:
            basins: (row,) positions.
            starts: (row,) first day.
            pasts: (row,) first day of each history; None for the latest.
        """
        days = starts[:, None] + np.arange(self.length)
        rows, data = basins[:, None], self.data
        scored = {}
        for target in self.targets:
            counted = self.counted[target.name][rows, days]
            counted[:, : self.warmup_days] = False
            scored[target.name] = target.cut(basins, days, counted)
        return Batch(
            basins=basins,
            starts=starts,
            attributes=data.attributes[basins],
            properties=data.properties[basins],
            forcing=data.forcing[rows, days],
            antecedent=data.antecedent[basins, starts],
            history=_cut(data.history, basins, pasts),
            scored=scored,
        )

    def starts(self, min_observed_days: int) -> list[Index]:
        """For each basin the first days of windows with enough counted days after the warm-up."""
        total: Index = np.cumsum(np.pad(self.counted_at_all, ((0, 0), (1, 0))), axis=1, dtype=np.int64)
        first = np.arange(len(self.data.dates) - self.length + 1)
        counted: Index = total[:, first + self.length] - total[:, first + self.warmup_days]
        return [np.flatnonzero(row >= min_observed_days) for row in counted]

    def cover(self) -> list[tuple[int, int]]:
        """(basin, first day) of windows that score every counted day with a warm-up before it."""
        pairs = []
        for basin, row in enumerate(self.counted_at_all):
            days = np.flatnonzero(row)
            days = days[days >= self.warmup_days]
            while days.size:
                start = min(days[0] - self.warmup_days, len(self.data.dates) - self.length)
                pairs.append((basin, int(start)))
                days = days[days >= start + self.length]
        return pairs


def training_windows(data: LearningData, settings: LearningSettings) -> Windows:
    """Windows over fit days."""
    return Windows(data, data.fit, settings.warmup_days, settings.loss_days, targets_of(data, settings))


def validation_windows(training: Windows) -> Windows:
    """The same over validation days."""
    return replace(training, allowed=training.data.validation)


class Draws:
    """An endless, seeded series of training batches: every basin once before any comes again.

    Args:
        windows: over fit days.
        settings: batch size, least observed days.
        generator: its state is all the memory between epochs; ``epoch`` starts a new shuffle.

    Raises:
        DataError: naming the basins with fit days but no window that holds enough of them; or if histories do not fit
            beside the windows.
    """

    def __init__(self, windows: Windows, settings: LearningSettings, generator: np.random.Generator) -> None:
        self.windows, self.generator = windows, generator
        self.starts = windows.starts(settings.min_observed_days)
        fit = windows.counted_at_all.any(axis=1)
        lacking = [windows.data.basins[b] for b in np.flatnonzero(fit) if not self.starts[b].size]
        if lacking or not fit.any():
            raise DataError(
                f"no window of {windows.loss_days} days after {windows.warmup_days} days of warm-up holds "
                f"{settings.min_observed_days} observed fit days at: {', '.join(lacking) or 'any basin'}"
            )
        if windows.data.history is not None:
            windows.data.history.require_room(windows.length)
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
            yield self.windows.batch(now, starts, self._pasts(starts))

    def _pasts(self, starts: Index) -> Index | None:
        """First day of a random history beside each window: what is to be predicted is never read."""
        history = self.windows.data.history
        if history is None:
            return None
        return np.array([self.generator.choice(history.beside(s, s + self.windows.length)) for s in starts])


def _cut(history: History | None, basins: Index, pasts: Index | None) -> Float32 | None:
    if history is None:
        return None
    return history.cut(basins, np.full(len(basins), history.latest) if pasts is None else pasts)
