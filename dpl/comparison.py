"""What a table of scores says of more basins than it holds: intervals over basins, and paired tests of two methods.

Basins of one region resemble each other, so regions are resampled, not basins (a block bootstrap): an interval from
single basins would be too narrow.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import wilcoxon

from legacy_models.parameters import Array

Counts = npt.NDArray[np.int32]
"""(resample, basin) how often a basin is in each resample."""

LEVEL = 0.95
"""Share of the resamples that lie within an interval."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure over basins and where it may lie; NaN where that cannot be told."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Paired:
    """How one method differs from another at the basins where both have a figure.

    Args:
        basins: how many these are.
        difference: median over basins of one minus the other.
        of_medians: median of one minus median of the other.
        share_above: share of the basins where one is above the other; equal ones count half.
        p_value: of Wilcoxon's signed-rank test that the differences are symmetric around 0, two-sided. It takes the
            basins for independent, as the intervals do not.
    """

    basins: int
    difference: Interval
    of_medians: Interval
    share_above: float
    p_value: float


def resample(blocks: Sequence[str], number: int, seed: int) -> Counts:
    """Draw blocks with replacement, as many as there are, and take all basins of each.

    Args:
        blocks: (basin,) the block that each belongs to.
        number: of resamples.
        seed: of the draws.

    Returns:
        (resample, basin) counts; no rows where there are fewer than two blocks, of which nothing can be told.
    """
    names, block = np.unique(np.asarray(blocks, dtype=str), return_inverse=True)
    if len(names) < 2:
        return np.zeros((0, len(block)), dtype=np.int32)
    even = np.full(len(names), 1.0 / len(names))
    drawn = np.random.default_rng(seed).multinomial(len(names), even, size=number)
    return drawn[:, block].astype(np.int32)


def percentile(values: Array, counts: Counts, percent: float = 50.0) -> Interval:
    """Return a percentile over basins, its mean over seeds, and the interval of that mean over the resamples.

    Args:
        values: (seed, basin) a figure of every basin; NaN where there is none, and it does not count.
        counts: of ``resample``.
        percent: 50 is the median.
    """
    rows = [row for row in np.atleast_2d(values) if np.isfinite(row).any()]
    if not rows:
        return Interval(np.nan, np.nan, np.nan)
    value = float(np.mean([np.nanpercentile(row, percent) for row in rows]))
    return Interval(value, *_bounds(np.mean([_resampled(row, counts, percent) for row in rows], axis=0)))


def paired(one: Array, other: Array, counts: Counts) -> Paired:
    """Compare two methods at the basins where both have a figure.

    Args:
        one: (basin,) figures of one method.
        other: (basin,) figures of the other at the same basins.
        counts: of ``resample``.
    """
    both = np.isfinite(one) & np.isfinite(other)
    one, other, counts = one[both], other[both], counts[:, both]
    if not both.any():
        nothing = Interval(np.nan, np.nan, np.nan)
        return Paired(0, nothing, nothing, np.nan, np.nan)
    difference = one - other
    of_medians = _resampled(one, counts, 50.0) - _resampled(other, counts, 50.0)
    return Paired(
        basins=len(one),
        difference=Interval(float(np.median(difference)), *_bounds(_resampled(difference, counts, 50.0))),
        of_medians=Interval(float(np.median(one) - np.median(other)), *_bounds(of_medians)),
        share_above=float(np.mean((np.sign(difference) + 1.0) / 2.0)),
        p_value=float(wilcoxon(difference).pvalue) if difference.any() else 1.0,
    )


def _resampled(values: Array, counts: Counts, percent: float) -> Array:
    """(resample,) percentile of each resample, as ``np.percentile`` of the repeated values; NaN where it is empty."""
    order = np.argsort(values, kind="stable")[: np.isfinite(values).sum()]  # NaN is sorted last
    ascending, reached = values[order], np.cumsum(counts[:, order], axis=1)
    total = reached[:, -1]
    place = percent / 100.0 * np.maximum(total - 1, 0)
    lower, upper = (
        ascending[np.minimum((reached <= rank[:, None]).sum(axis=1), len(ascending) - 1)]
        for rank in (np.floor(place), np.ceil(place))
    )
    return np.where(total > 0, lower + (place - np.floor(place)) * (upper - lower), np.nan)


def _bounds(resampled: Array) -> tuple[float, float]:
    """Bounds of the interval that holds the middle ``LEVEL`` of the resamples."""
    known = resampled[np.isfinite(resampled)]
    if not known.size:
        return np.nan, np.nan
    low, high = np.percentile(known, [50.0 * (1.0 - LEVEL), 50.0 * (1.0 + LEVEL)])
    return float(low), float(high)
