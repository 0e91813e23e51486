"""What simulations are compared with: streamflow and other observed variables, each averaged and weighted by itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dpl import averaging
from dpl.averaging import Periods
from dpl.losses import Loss, weighted
from dpl.settings import STREAMFLOW, Float32, LearningData, LearningSettings, Mask, TargetSettings, shares, spread

Tensor = Any


class Scored(NamedTuple):
    """Observations that a simulated (row, time) series is compared with.

    Args:
        observed: (row, time).
        mask: (row, time) days that count.
        basin_std: (row,) standard deviation over fit days of what is compared, in the target's scale.
        periods: (row, time) number of the period that each day is averaged in, from 0.
    """

    observed: Tensor
    mask: Tensor
    basin_std: Tensor
    periods: Tensor


@dataclass(frozen=True, eq=False)
class Target:
    """One observed variable and how it counts.

    Args:
        name: of the variable.
        weight: in the sum over targets.
        loss: of what is compared, in units of ``scale``.
        shares: output of the legacy model -> its share in the simulated variable; none for routed streamflow.
        averaged: whether means of periods are compared, not days.
        coverage: least share of a period's days that must be observed.
        observed: (basin, time) over the record, NaN is a gap.
        periods: of the record.
        scale: what a loss sees as 1: 1 mm/day for streamflow (Kratzert et al. (2019) have their constant in it), the
            mean over basins of the standard deviation for any other variable.
        basin_std: (basin,) standard deviation over fit days of what is compared, in units of ``scale``.
    """

    name: str
    weight: float
    loss: Loss
    shares: Mapping[str, float]
    averaged: bool
    coverage: float
    observed: Float32
    periods: Periods
    scale: float
    basin_std: Float32

    @classmethod
    def of(cls, name: str, settings: TargetSettings, data: LearningData) -> "Target":
        """Join observations and settings; constants come from fit days alone."""
        observed, periods = data.observations[name], Periods.of(data.dates, settings.average)
        counted = periods.enough(data.fit & np.isfinite(observed), settings.coverage)
        every = np.broadcast_to(periods.index, observed.shape)
        values, counted = (np.asarray(a) for a in averaging.means(observed, counted, every))
        basin_std = spread(values, counted, name)
        scale = 1.0 if name == STREAMFLOW else float(basin_std[counted.any(axis=1)].mean()) or 1.0
        return cls(
            name=name,
            weight=settings.weight,
            loss=weighted(settings.losses),
            shares=shares(name, settings),
            averaged=settings.average != "day",
            coverage=settings.coverage,
            observed=observed,
            periods=periods,
            scale=scale,
            basin_std=basin_std / np.float32(scale),
        )

    def cut(self, basins: Any, days: Any, counted: Mask) -> Scored:
        """Return what is compared on (row, time) ``days`` of (row,) ``basins``; ``counted`` are those that may count.

        Days of a period too few of which are counted do not count.
        """
        rows, index = basins[:, None], self.periods.index[days]
        return Scored(
            observed=self.observed[rows, days].astype(np.float32),
            mask=self.periods.enough(counted, self.coverage, index) if self.averaged else counted,
            basin_std=self.basin_std[basins],
            periods=index - index[:, :1],
        )

    def score(self, simulated: Tensor, scored: Scored) -> Tensor:
        """Return the loss of a simulated (row, time) series."""
        observed, mask, basin_std, periods = scored
        if self.averaged:
            observed, counted = averaging.means(observed, mask, periods)
            simulated, mask = averaging.means(simulated, mask, periods)[0], counted
        return self.loss(observed / self.scale, simulated / self.scale, mask, basin_std)


def targets_of(data: LearningData, settings: LearningSettings) -> tuple[Target, ...]:
    """Return everything that learning is scored on, streamflow first.

    Raises:
        DataError: naming a variable that no basin has in the fit period.
    """
    return tuple(Target.of(name, section, data) for name, section in settings.every_target().items())


def total(targets: Sequence[Target], simulated: Mapping[str, Tensor], scored: Mapping[str, Scored]) -> Tensor:
    """Return the sum over targets of weight times loss."""
    return sum(t.weight * t.score(simulated[t.name], scored[t.name]) for t in targets if t.weight)
