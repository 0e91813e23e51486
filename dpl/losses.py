"""What learning minimises: masked differences of observed and simulated streamflow, or another target.

Every loss is ``loss(observed, simulated, mask, basin_std) -> scalar`` over (basin, time) tensors [mm/day, or a
target's scale], with ``mask`` true where a day counts and ``basin_std`` (basin,) the standard deviation of observed
flow over the fit period. Gaps are taken out before any arithmetic, since NaN x 0 is NaN and would poison every
gradient. A basin without a counted day has no part in the mean.
"""

from collections.abc import Callable, Mapping
from typing import Any

from keras import ops

from dpl import LOSSES
from dpl.settings import check_weights

Tensor = Any
Loss = Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]

EPSILON = 0.1
"""Added to the standard deviation [mm/day], so that dry basins do not rule: Kratzert et al. (2019)."""


def nse(observed: Tensor, simulated: Tensor, mask: Tensor, basin_std: Tensor) -> Tensor:
    """Squared error over each basin's own variability: 1 - NSE, but for the small constant.

    1/B sum_b 1/T_b sum_t (simulated - observed)^2 / (s_b + epsilon)^2

    Source:
        Kratzert et al. (2019), doi:10.5194/hess-23-5089-2019 (there NSE*).
    """
    observed, simulated, days = _masked(observed, simulated, mask)
    squared = ops.square(simulated - observed) / ops.square(basin_std + EPSILON)[:, None]
    return _mean_over_basins(ops.sum(squared, axis=1) / _at_least_one(days), days)


def sqrt_nse(observed: Tensor, simulated: Tensor, mask: Tensor, basin_std: Tensor) -> Tensor:
    """As ``nse`` for the square root of flow, which gives low flow its weight.

    1/B sum_b 1/T_b sum_t (sqrt(simulated + c) - sqrt(observed + c))^2 / (s_b + epsilon), c = 0.01 mm/day
    """
    observed, simulated, days = _masked(observed, simulated, mask)
    squared = ops.square(_root(simulated) - _root(observed)) / (basin_std + EPSILON)[:, None]
    return _mean_over_basins(ops.sum(squared, axis=1) / _at_least_one(days), days)


def log_rmse(observed: Tensor, simulated: Tensor, mask: Tensor, basin_std: Tensor) -> Tensor:
    """Root mean squared difference of the logarithms of flow, to which an error at low flow is as large as at high.

    1/B sum_b sqrt(1/T_b sum_t (log(simulated + c_b) - log(observed + c_b))^2), c_b = (s_b + epsilon) / 100

    Source:
        Pushpalatha et al. (2012), doi:10.1016/j.jhydrol.2011.11.055 (a constant of a hundredth of mean flow).
    """
    observed, simulated, days = _masked(observed, simulated, mask)
    constant = 0.01 * (basin_std + EPSILON)[:, None]
    difference = ops.log(ops.relu(simulated) + constant) - ops.log(ops.relu(observed) + constant)
    mean = ops.sum(ops.square(difference), axis=1) / _at_least_one(days)
    return _mean_over_basins(ops.sqrt(mean + 1e-8), days)


def rmse(observed: Tensor, simulated: Tensor, mask: Tensor, basin_std: Tensor) -> Tensor:
    """Root mean squared error [mm/day], averaged over basins; ``basin_std`` is not used."""
    del basin_std
    observed, simulated, days = _masked(observed, simulated, mask)
    mean = ops.sum(ops.square(simulated - observed), axis=1) / _at_least_one(days)
    return _mean_over_basins(ops.sqrt(mean + 1e-8), days)


def kge(observed: Tensor, simulated: Tensor, mask: Tensor, basin_std: Tensor) -> Tensor:
    """1 - KGE of each basin over the counted days, averaged over basins.

    sqrt((r - 1)^2 + (sigma_s / sigma_o - 1)^2 + (mu_s / mu_o - 1)^2), the two ratios softened at dry basins
    by a hundredth of ``basin_std`` + epsilon in the denominators.

    Source:
        Gupta et al. (2009), doi:10.1016/j.jhydrol.2009.08.003.
    """
    observed, simulated, days = _masked(observed, simulated, mask)
    counted, count = ops.cast(mask, simulated.dtype), _at_least_one(days)[:, None]
    mean_o, mean_s = (ops.sum(x, axis=1, keepdims=True) / count for x in (observed, simulated))
    from_mean_o, from_mean_s = (observed - mean_o) * counted, (simulated - mean_s) * counted
    std_o, std_s = (
        ops.sqrt(ops.sum(ops.square(x), axis=1, keepdims=True) / count + 1e-8) for x in (from_mean_o, from_mean_s)
    )
    soft = 0.01 * (basin_std + EPSILON)[:, None]
    r = ops.sum(from_mean_o * from_mean_s, axis=1, keepdims=True) / count / (std_o * std_s)
    distance = ops.square(r - 1) + ops.square((std_s - std_o) / (std_o + soft))
    distance = distance + ops.square((mean_s - mean_o) / (mean_o + soft))
    return _mean_over_basins(ops.sqrt(distance[:, 0] + 1e-8), days)


def weighted(weights: Mapping[str, float]) -> Loss:
    """Return the weighted sum of losses by name, for example of ``{"nse": 1.0, "sqrt_nse": 0.3}``.

    Raises:
        UnknownNameError: if a name is not in ``LOSSES``.
        UsageError: if a weight is negative or none is positive.
    """
    check_weights(weights)
    parts: list[tuple[float, Loss]] = [(w, LOSSES.resolve(name)) for name, w in sorted(weights.items()) if w > 0]

    def total(observed: Tensor, simulated: Tensor, mask: Tensor, basin_std: Tensor) -> Tensor:
        return sum(weight * loss(observed, simulated, mask, basin_std) for weight, loss in parts)

    return total


def crowding(unit: Tensor, margin: float = 0.05) -> Tensor:
    """Penalty for (basin, parameter) points of the unit cube within ``margin`` of a bound.

    mean max(0, |u - 1/2| - (1/2 - margin))^2 / margin^2: 0 inside, 1 where every parameter sits on a bound.
    """
    excess = ops.relu(ops.abs(unit - 0.5) - (0.5 - margin)) / margin
    return ops.mean(ops.square(excess))


def _masked(observed: Tensor, simulated: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Put zero where a day does not count; also return (basin,) the number of days that do."""
    observed, simulated = ops.convert_to_tensor(observed), ops.convert_to_tensor(simulated)
    zero = ops.zeros_like(simulated)
    observed = ops.where(mask, ops.cast(observed, simulated.dtype), zero)
    days = ops.sum(ops.cast(mask, simulated.dtype), axis=1)
    return observed, ops.where(mask, simulated, zero), days


def _at_least_one(days: Tensor) -> Tensor:
    return ops.maximum(days, ops.ones_like(days))


def _mean_over_basins(values: Tensor, days: Tensor) -> Tensor:
    """Mean of (basin,) values over the basins that have a counted day."""
    present = days > 0
    counted = ops.sum(ops.cast(present, values.dtype))
    return ops.sum(ops.where(present, values, ops.zeros_like(values))) / ops.maximum(counted, ops.ones_like(counted))


def _root(flow: Tensor) -> Tensor:
    """Square root with a finite slope at zero flow."""
    return ops.sqrt(ops.relu(flow) + 0.01)
