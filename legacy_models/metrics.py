"""Agreement of two daily series, basin by basin: NSE, KGE, bias, and signatures of the flow duration curve.

Every function takes ``observed`` and ``simulated`` of shape (basin, time) and returns (basin,). Days on which
either is NaN are left out. NaN is returned where the figure is not defined: no day in common, a division by
zero, or too few days.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from legacy_models.errors import ShapeError
from legacy_models.parameters import Array

_SMALLEST_FLOW = 1e-6  # [mm/day] stands for zero where a logarithm is taken


class KgeParts(NamedTuple):
    """The three parts of the Kling-Gupta efficiency, each (basin,) and ideally 1."""

    correlation: Array
    variability: Array
    bias: Array


def nse(observed: npt.ArrayLike, simulated: npt.ArrayLike, *, least_deviation: float = 0.0) -> Array:
    """Nash-Sutcliffe efficiency of each basin, skipping gaps in the record.

    NSE = 1 - sum_t (simulated - observed)^2 / sum_t (observed - mean observed)^2

    Args:
        observed: (basin, time) streamflow [mm/day]; NaN marks a gap.
        simulated: (basin, time) streamflow [mm/day].
        least_deviation: floor of the standard deviation of the observed series in the denominator [mm/day], so
            that a small error in a nearly constant series does not count as a large one.

    Returns:
        (basin,) efficiency [-], at most 1; NaN where observed flow is constant and there is no floor.

    Raises:
        ShapeError: if the two shapes differ.

    Source:
        Nash and Sutcliffe (1970), doi:10.1016/0022-1694(70)90255-6.
    """
    observed, simulated = _common(observed, simulated)
    error, spread = _mean((simulated - observed) ** 2), _mean(_deviation(observed) ** 2)
    return 1.0 - _ratio(error, np.maximum(spread, least_deviation**2))


def rmse(observed: npt.ArrayLike, simulated: npt.ArrayLike) -> Array:
    """Root mean square error of each basin, in the unit of the series.

    RMSE = sqrt(mean_t (simulated - observed)^2)

    Args:
        observed: (basin, time); NaN marks a gap.
        simulated: (basin, time).

    Returns:
        (basin,) error.

    Raises:
        ShapeError: if the two shapes differ.
    """
    observed, simulated = _common(observed, simulated)
    return np.sqrt(_mean((simulated - observed) ** 2))


def correlation(observed: npt.ArrayLike, simulated: npt.ArrayLike) -> Array:
    """Pearson correlation of each basin.

    Args:
        observed: (basin, time); NaN marks a gap.
        simulated: (basin, time).

    Returns:
        (basin,) correlation [-]; NaN where either series is constant.

    Raises:
        ShapeError: if the two shapes differ.
    """
    return kge_parts(observed, simulated).correlation


def kge(observed: npt.ArrayLike, simulated: npt.ArrayLike) -> Array:
    """Kling-Gupta efficiency of each basin.

    KGE = 1 - sqrt((r - 1)^2 + (alpha - 1)^2 + (beta - 1)^2), with r, alpha and beta as in ``kge_parts``.

    Args:
        observed: (basin, time) streamflow [mm/day]; NaN marks a gap.
        simulated: (basin, time) streamflow [mm/day].

    Returns:
        (basin,) efficiency [-], at most 1; NaN where a part is not defined.

    Raises:
        ShapeError: if the two shapes differ.

    Source:
        Gupta et al. (2009), doi:10.1016/j.jhydrol.2009.08.003, eq. 9.
    """
    r, alpha, beta = kge_parts(observed, simulated)
    return 1.0 - np.sqrt((r - 1.0) ** 2 + (alpha - 1.0) ** 2 + (beta - 1.0) ** 2)


def kge_parts(observed: npt.ArrayLike, simulated: npt.ArrayLike) -> KgeParts:
    """Correlation r, ratio of standard deviations alpha, and ratio of means beta (simulated to observed).

    Args:
        observed: (basin, time) streamflow [mm/day]; NaN marks a gap.
        simulated: (basin, time) streamflow [mm/day].

    Returns:
        Three (basin,) arrays [-].

    Raises:
        ShapeError: if the two shapes differ.

    Source:
        Gupta et al. (2009), doi:10.1016/j.jhydrol.2009.08.003.
    """
    observed, simulated = _common(observed, simulated)
    o, s = _deviation(observed), _deviation(simulated)
    sd_observed, sd_simulated = np.sqrt(_mean(o**2)), np.sqrt(_mean(s**2))
    r = np.clip(_ratio(_mean(o * s), sd_observed * sd_simulated), -1.0, 1.0)
    return KgeParts(r, _ratio(sd_simulated, sd_observed), _ratio(_mean(simulated), _mean(observed)))


def pbias(observed: npt.ArrayLike, simulated: npt.ArrayLike) -> Array:
    """Bias of the volume of each basin in per cent; positive where too much is simulated.

    PBIAS = 100 sum_t (simulated - observed) / sum_t observed

    Args:
        observed: (basin, time) streamflow [mm/day]; NaN marks a gap.
        simulated: (basin, time) streamflow [mm/day].

    Returns:
        (basin,) bias [%]; NaN where nothing was observed to flow.

    Raises:
        ShapeError: if the two shapes differ.

    Source:
        Yilmaz et al. (2008), doi:10.1029/2007WR006716, %BiasRR.
    """
    observed, simulated = _common(observed, simulated)
    return 100.0 * _ratio(_sum(simulated - observed), _sum(observed))


def fhv(observed: npt.ArrayLike, simulated: npt.ArrayLike, share: float = 0.02) -> Array:
    """Bias of the highest flows: the volume under the top ``share`` of the flow duration curve.

    FHV = 100 sum_h (simulated_h - observed_h) / sum_h observed_h, each series sorted by itself.

    Args:
        observed: (basin, time) streamflow [mm/day]; NaN marks a gap.
        simulated: (basin, time) streamflow [mm/day].
        share: share of the days, 2 % as published.

    Returns:
        (basin,) bias [%]; NaN where the highest flows are zero.

    Raises:
        ShapeError: if the two shapes differ.

    Source:
        Yilmaz et al. (2008), doi:10.1029/2007WR006716, %BiasFHV.
    """

    def of_curves(o: Array, s: Array) -> float:
        count = max(1, round(share * len(o)))
        return float(100.0 * _ratio((s[:count] - o[:count]).sum(), o[:count].sum()))

    return _by_curve(of_curves, observed, simulated)


def flv(observed: npt.ArrayLike, simulated: npt.ArrayLike, share: float = 0.3) -> Array:
    """Bias of the lowest flows: the log-space volume under the lowest ``share`` of the flow duration curve.

    FLV = -100 [sum_l (log s_l - log s_L) - sum_l (log o_l - log o_L)] / sum_l (log o_l - log o_L)

    where L is the lowest flow. Flows below 1e-6 mm/day count as 1e-6. Positive where simulated low flow
    recedes less than observed: more sustained base flow.

    Args:
        observed: (basin, time) streamflow [mm/day]; NaN marks a gap.
        simulated: (basin, time) streamflow [mm/day].
        share: share of the days, 30 % as published.

    Returns:
        (basin,) bias [%]; NaN where the lowest observed flows are all equal.

    Raises:
        ShapeError: if the two shapes differ.

    Source:
        Yilmaz et al. (2008), doi:10.1029/2007WR006716, %BiasFLV.
    """

    def of_curves(o: Array, s: Array) -> float:
        count = max(1, round(share * len(o)))
        low_o, low_s = _log(o[-count:]), _log(s[-count:])
        volume_o, volume_s = (low_o - low_o[-1]).sum(), (low_s - low_s[-1]).sum()
        return float(-100.0 * _ratio(volume_s - volume_o, volume_o))

    return _by_curve(of_curves, observed, simulated)


def fms(observed: npt.ArrayLike, simulated: npt.ArrayLike, upper: float = 0.2, lower: float = 0.7) -> Array:
    """Bias of the slope of the middle of the flow duration curve, in log space: flashiness.

    FMS = 100 [(log s_u - log s_l) - (log o_u - log o_l)] / (log o_u - log o_l)

    with the flows exceeded on 20 % (u) and 70 % (l) of the days. Flows below 1e-6 mm/day count as 1e-6.

    Args:
        observed: (basin, time) streamflow [mm/day]; NaN marks a gap.
        simulated: (basin, time) streamflow [mm/day].
        upper: exceedance share of the upper end.
        lower: exceedance share of the lower end.

    Returns:
        (basin,) bias [%]; NaN where the observed slope is zero.

    Raises:
        ShapeError: if the two shapes differ.

    Source:
        Yilmaz et al. (2008), doi:10.1029/2007WR006716, %BiasFMS.
    """

    def of_curves(o: Array, s: Array) -> float:
        ends = [min(len(o) - 1, round(share * len(o))) for share in (upper, lower)]
        slope_o, slope_s = (-np.diff(_log(curve[ends]))[0] for curve in (o, s))
        return float(100.0 * _ratio(slope_s - slope_o, slope_o))

    return _by_curve(of_curves, observed, simulated)


def _common(observed: npt.ArrayLike, simulated: npt.ArrayLike) -> tuple[Array, Array]:
    """Return both as float64 (basin, time), NaN in both wherever either is a gap."""
    o, s = np.asarray(observed, dtype=np.float64), np.asarray(simulated, dtype=np.float64)
    if o.shape != s.shape or o.ndim != 2:
        raise ShapeError(
            f"Expected observed and simulated of one shape (basin, time). Received {o.shape} and {s.shape}."
        )
    gap = np.isnan(o) | np.isnan(s)
    return np.where(gap, np.nan, o), np.where(gap, np.nan, s)


def _sum(values: Array) -> Array:
    """(basin,) sum without gaps; NaN where there are only gaps."""
    return np.where(np.isnan(values).all(axis=1), np.nan, np.nansum(values, axis=1))


def _mean(values: Array) -> Array:
    """(basin,) mean without gaps; NaN where there are only gaps."""
    return _ratio(_sum(values), (~np.isnan(values)).sum(axis=1))


def _deviation(values: Array) -> Array:
    """(basin, time) deviation from the mean; exactly zero where a series is constant."""
    above_lowest = values - np.fmin.reduce(values, axis=1, keepdims=True, initial=np.inf)
    return above_lowest - _mean(above_lowest)[:, None]


def _ratio(above: npt.ArrayLike, below: npt.ArrayLike) -> Array:
    """Return the ratio, NaN where the denominator is zero."""
    below = np.asarray(below, dtype=np.float64)
    return np.asarray(above) / np.where(below == 0.0, np.nan, below)


def _log(flow: Array) -> Array:
    return np.log(np.maximum(flow, _SMALLEST_FLOW))


def _by_curve(figure: Callable[[Array, Array], float], observed: npt.ArrayLike, simulated: npt.ArrayLike) -> Array:
    """Return (basin,) ``figure`` of the two flow duration curves (flows of common days, highest first)."""
    figures = []
    for o, s in zip(*_common(observed, simulated), strict=True):
        kept = ~np.isnan(o)
        curves = np.sort(o[kept])[::-1], np.sort(s[kept])[::-1]
        figures.append(figure(*curves) if kept.any() else np.nan)
    return np.array(figures, dtype=np.float64)
