"""Members of a surrogate as one prediction: their mean, and how far it may be from the legacy model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops
from scipy.stats import spearmanr

from legacy_models.errors import BundleError
from legacy_models.run_set import RunSet
from surrogates.calibration import Calibration
from surrogates.surrogate import Surrogate
from surrogates.windows import Index, Series, gather, with_total

Tensor = Any

CALIBRATION_RUNS = 256
"""Most held-out runs that the calibration looks at."""

JUDGED_DAYS = 20_000
"""Days, drawn from all, on which rank correlations are computed."""


def mean_and_spread(
    surrogate: Surrogate, forcing: Tensor, antecedent: Tensor, parameters: Tensor, properties: Tensor
) -> tuple[Tensor, Tensor]:
    """Simulate with every member and return their mean and standard deviation; see ``Surrogate.simulate``.

    Returns:
        (basin, time, output) mean and (basin, time, output) spread, both in the outputs' units; the spread of
        a single member is zero, which says nothing about its error.
    """
    members = surrogate.simulate_members(forcing, antecedent, parameters, properties)
    return ops.mean(members, axis=0), ops.std(members, axis=0)


@dataclass(frozen=True, eq=False)
class Prediction:
    """Daily series of the outputs and of ``runoff_total``, streamflow before routing.

    Args:
        names: (variable,) in order.
        mean: (basin, time, variable) of the members.
        scale: (basin, time, variable) size of error to expect.
        calibration: where that comes from.
        lowest: (variable,) what no value is below.
    """

    names: tuple[str, ...]
    mean: Series
    scale: Series
    calibration: Calibration
    lowest: npt.NDArray[np.float32]

    def interval(self, level: float = 0.9) -> tuple[Series, Series]:
        """Return the lower and upper end of what holds a share ``level`` of the legacy model's values."""
        half = self.calibration.half_width(self.scale, level)
        return np.maximum(self.mean - half, self.lowest), self.mean + half


def predict(
    surrogate: Surrogate,
    forcing: npt.ArrayLike,
    antecedent: npt.ArrayLike,
    parameters: npt.ArrayLike,
    properties: npt.ArrayLike,
) -> Prediction:
    """Simulate arrays with every member; see ``Surrogate.simulate`` for the shapes.

    Raises:
        BundleError: if the surrogate's spread was not calibrated.
    """
    if surrogate.calibration is None:
        raise BundleError("the surrogate has no calibration of its spread: no run was held out when it was trained")
    mean, spread = _mean_and_spread(surrogate, forcing, antecedent, parameters, properties)
    lowest = [output.lower for output in surrogate.spec.outputs]
    lowest.append(sum(lowest[i] for i in surrogate.spec.runoff_indices))
    calibration = surrogate.calibration
    scale = calibration.scale(mean, spread)
    return Prediction(calibration.names, mean, scale, calibration, np.array(lowest, dtype=np.float32))


def calibrate(
    surrogate: Surrogate, run_set: RunSet, seed: int = 0
) -> tuple[Calibration | None, dict[str, dict[str, float]]]:
    """Learn from the held-out runs what error to expect, and judge that on runs it was not learned from.

    Args:
        surrogate: trained on some of ``run_set``; its card says which were held out.
        run_set: recorded runs.
        seed: decides which of very many are looked at.

    Returns:
        The calibration from all of them, None where nothing was held out; and for each variable, of a calibration
        learned at half of the basins and judged at the others, both ways: ``rank_correlation`` (Spearman) of
        expected and true size of error, and ``coverage_90``, the share of values in the 90 % intervals.
    """
    rng, held_out = np.random.default_rng(seed), set(surrogate.card["held_out_keys"])
    rows = np.array([i for i, key in enumerate(run_set.keys) if str(key) in held_out], dtype=np.int64)
    rows = np.sort(rng.permutation(rows)[:CALIBRATION_RUNS])
    if not len(rows):
        return None, {}
    runs, names = gather(run_set.only(rows)), (*surrogate.spec.output_names, "runoff_total")
    inputs = (runs.forcing[runs.site], runs.antecedent[runs.site, 0], runs.parameters, runs.properties)
    mean, spread = _mean_and_spread(surrogate, *inputs)
    error = np.abs(mean - with_total(runs.outputs, surrogate.spec.runoff_indices))
    figures = _judged(names, error, mean, spread, runs.basin, rng)
    return Calibration.fit(names, error, mean, spread), figures


def _mean_and_spread(surrogate: Surrogate, *arrays: npt.ArrayLike) -> tuple[Series, Series]:
    """(basin, time, output + 1) mean and standard deviation of the members; last streamflow before routing."""
    means, spreads = [], []
    for members in surrogate.member_batches(*arrays):
        whole = with_total(members, surrogate.spec.runoff_indices)
        means.append(whole.mean(axis=0))
        spreads.append(whole.std(axis=0))
    return np.concatenate(means), np.concatenate(spreads)


def _judged(
    names: tuple[str, ...], error: Series, mean: Series, spread: Series, basin: Index, rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Figures of calibrations from either half of the basins at the other; none where there is one basin."""
    basins = rng.permutation(np.unique(basin))
    if len(basins) < 2:
        return {}
    first = np.isin(basin, basins[: len(basins) // 2])
    scale, half = np.empty_like(mean), np.empty_like(mean)
    for learned in (first, ~first):
        calibration = Calibration.fit(names, error[learned], mean[learned], spread[learned])
        scale[~learned] = calibration.scale(mean[~learned], spread[~learned])
        half[~learned] = calibration.half_width(scale[~learned], 0.9)
    days = rng.integers(0, error[..., 0].size, min(JUDGED_DAYS, error[..., 0].size))
    flat = (len(names), -1)
    pairs = zip(np.moveaxis(scale, -1, 0).reshape(flat), np.moveaxis(error, -1, 0).reshape(flat), strict=True)
    return {
        name: {
            "rank_correlation": float(spearmanr(expected[days], true[days]).statistic),
            "coverage_90": float((error[..., i] <= half[..., i]).mean()),
        }
        for i, (name, (expected, true)) in enumerate(zip(names, pairs, strict=True))
    }
