"""What drift is measured by: distributions, flags, parameters and scores, each against what was usual."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import ks_2samp

from legacy_models.model import Dates, Forcing
from legacy_models.parameters import Array, ParameterSpace
from pipeline.splits import Span

if TYPE_CHECKING:
    from surrogates.domain import Judgement

YEAR = 365
LEVEL = 0.9


@dataclass(frozen=True)
class Gate:
    """A figure, and above what it counts as drift; None where it could not be computed."""

    kind: str
    name: str
    value: float | None
    threshold: float
    proven: bool = True

    @property
    def exceeded(self) -> bool:
        """Whether the figure is above the threshold, and more than chance."""
        return self.value is not None and self.value > self.threshold and self.proven


def windows_like(span: Span, within: Span) -> list[Span]:
    """Return windows of ``within`` as long as ``span`` that begin on its day of the year; all of it if it is shorter.

    They do not overlap.
    """
    length = span[1] - span[0]
    found: list[Span] = []
    first, last = (day.astype("datetime64[Y]").astype(np.int64) + 1970 for day in within)
    for year in range(first, last + 1):
        start = pd.Timestamp(span[0]) + pd.DateOffset(year=year)  # 28 February where there is no 29th
        begin = start.to_datetime64().astype("datetime64[D]")
        if begin >= within[0] and begin + length <= within[1] and (not found or begin > found[-1][1]):
            found.append((begin, begin + length))
    return found or [within]


def flagged_shares(judged: "Judgement") -> dict[str, float]:
    """Shares of the queries that each measure of the domain flags, and that any does."""
    return {
        "any": float(judged.flagged.mean()),
        "box": float(judged.outside.mean()),
        "distance": float((judged.distance > 1.0).mean()),
        "climate": float((judged.climate > 1.0).mean()),
    }


def mean_shares(shares: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Mean of ``flagged_shares`` over windows."""
    return {name: float(np.mean([one[name] for one in shares])) for name in shares[0]}


def shifts(before: Sequence[Forcing], after: Sequence[Forcing], span: Span, fit: Span) -> dict[str, dict[str, float]]:
    """Return by how much the distribution of each variable differs from the fit period's.

    The two-sample Kolmogorov-Smirnov statistic of daily values at each basin, its median over basins: ``statistic`` for
    the new days against the fit period, ``usual`` for windows like them against the rest of it. Days depend on each
    other, so that a p-value would mean nothing; what is usual takes its place. Where the new days are no whole years,
    days of the same seasons are compared.

    Args:
        before: the forcing of each basin that the run had, over the fit period.
        after: the forcing of the same basins over the new days.
        span: the new days.
        fit: the fit period.
    """
    dates = before[0].dates
    known = _between(dates, fit) & _in_seasons_of(dates, span)
    windows = [known & _between(dates, window) for window in windows_like(span, fit)]
    found = {}
    for name in before[0].names:
        old = [forcing.column(name) for forcing in before]
        new = [forcing.between(*span).column(name) for forcing in after]
        usual = [_statistic(one[window], one[known & ~window]) for window in windows for one in old]
        now = [_statistic(two, one[known]) for one, two in zip(old, new, strict=True)]
        found[name] = {"statistic": _median(now), "usual": _median(usual)}
    return found


def moved(space: ParameterSpace, now: Array, then: Array) -> dict[str, Any]:
    """Return how far (basin, parameter) values lie from earlier ones, in the unit cube."""
    apart = space.to_unit(now) - space.to_unit(then)
    return {
        "basins": len(now),
        "rms_median": float(np.median(np.sqrt(np.square(apart).mean(axis=1)))),
        "by_parameter": {
            name: float(np.median(np.abs(column))) for name, column in zip(space.names, apart.T, strict=True)
        },
    }


def drop(before: Array, after: Array, resamples: int, seed: int) -> dict[str, Any]:
    """Return the median loss of a score over basins, with an interval by the bootstrap over them.

    Args:
        before: (basin,) scores; NaN where there is none.
        after: (basin,) scores of the same basins later.
        resamples: of the bootstrap.
        seed: of it.

    Returns:
        ``basins`` with both; medians ``before`` and ``after``; ``drop``, the median of the differences, and its 90 %
        ``interval``; None where no basin has both.

    Source:
        Efron (1979), doi:10.1214/aos/1176344552.
    """
    both = np.isfinite(before) & np.isfinite(after)
    lost = (before - after)[both]
    if not lost.size:
        return {"basins": 0, "before": None, "after": None, "drop": None, "interval": None}
    draws = np.random.default_rng(seed).integers(0, lost.size, (resamples, lost.size))
    ends = np.quantile(np.median(lost[draws], axis=1), [0.5 * (1.0 - LEVEL), 0.5 * (1.0 + LEVEL)])
    return {
        "basins": int(lost.size),
        "before": float(np.median(before[both])),
        "after": float(np.median(after[both])),
        "drop": float(np.median(lost)),
        "interval": ends.tolist(),
    }


def _statistic(one: Array, other: Array) -> float:
    return float(ks_2samp(one, other).statistic) if one.size and other.size else float("nan")


def _median(values: Sequence[float]) -> float:
    known = np.array(values)[np.isfinite(values)]
    return float(np.median(known)) if known.size else 0.0


def _between(dates: Dates, span: Span) -> npt.NDArray[np.bool_]:
    return np.asarray((dates >= span[0]) & (dates <= span[1]))


def _in_seasons_of(dates: Dates, span: Span) -> npt.NDArray[np.bool_]:
    """(time,) whether a day of the year occurs in ``span``; all do in whole years."""
    new = np.arange(span[0], span[1] + np.timedelta64(1, "D"))
    if len(new) >= YEAR:
        return np.ones(len(dates), dtype=np.bool_)
    return np.isin(_day_of_year(dates), _day_of_year(new))


def _day_of_year(dates: Dates) -> npt.NDArray[np.int64]:
    return np.asarray((dates - dates.astype("datetime64[Y]")).astype(np.int64))
