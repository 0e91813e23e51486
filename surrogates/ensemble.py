"""Members of a surrogate as one prediction: their mean, and how far it may be from the legacy model."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from legacy_models.errors import BundleError
from legacy_models.parameters import Array
from legacy_models.run_set import RunSet
from surrogates.calibration import Calibration
from surrogates.fidelity import (
    LEAST_DEVIATION,
    TOTAL,
    Comparison,
    Figures,
    Scores,
    rank_correlation,
    streamflow_errors,
)
from surrogates.queries import Queries
from surrogates.surrogate import Surrogate
from surrogates.windows import Index, Runs, Series, gather, with_total

Tensor = Any

MOST_RUNS = 256
"""Most held-out runs from which a calibration is learned, or on which it is judged."""

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


def calibrated(surrogate: Surrogate, run_set: RunSet, rows: Index, seed: int = 0) -> tuple[Surrogate, Scores]:
    """Learn from held-out runs what error to expect, and judge that on runs it was not learned from.

    Args:
        surrogate: a frozen surrogate.
        run_set: recorded runs.
        rows: those that were held out of its training.
        seed: decides which of very many are looked at.

    Returns:
        The surrogate with the calibration of its daily spread and, in its domain, models of the error of whole runs,
        both from all of them; without either where nothing was held out. And the figures of ``judged`` for a
        calibration learned at half of the basins and judged at the others, both ways; none where there is one basin.
    """
    rng = np.random.default_rng(seed)
    if not len(rows):
        return replace(surrogate, calibration=None), {}
    chosen = _some(run_set, rows, rng)
    runs = gather(chosen)
    error, mean, spread = _errors(surrogate, runs)
    names = (*surrogate.spec.output_names, TOTAL)
    figures = _cross_judged(names, error, mean, spread, runs.basin, rng)
    domain = surrogate.domain
    if domain is not None:
        recorded = with_total(runs.outputs, surrogate.spec.runoff_indices)
        of_runs = streamflow_errors(Comparison(run_set.model, chosen.dates, recorded, mean))
        queries = replace(Queries.of_runs(chosen), spread=_of_streamflow(surrogate, mean, spread))
        domain = domain.learned_from(queries, of_runs)
    return replace(surrogate, calibration=Calibration.fit(names, error, mean, spread), domain=domain), figures


def run_spread(surrogate: Surrogate, *arrays: npt.ArrayLike) -> Array | None:
    """Return (basin,) how far the members differ in the streamflow of each simulation, as ``Queries`` want it.

    Root mean square over days of the members' standard deviation, over the standard deviation of their mean, which
    counts as 0.2 mm/day at least: on the scale of ``fidelity.streamflow_errors``. None for a single member.

    Args:
        surrogate: a frozen surrogate.
        arrays: forcing, antecedent, parameters and properties, see ``Surrogate.simulate``.
    """
    if len(surrogate.members) == 1:
        return None
    return _of_streamflow(surrogate, *_mean_and_spread(surrogate, *arrays))


def judged(surrogate: Surrogate, run_set: RunSet, rows: Index, seed: int = 0) -> Scores:
    """Judge a surrogate's calibration on runs that it was not learned from.

    Args:
        surrogate: a calibrated one.
        run_set: recorded runs.
        rows: which of them to judge on.
        seed: decides which of very many are looked at.

    Returns:
        For each variable ``rank_correlation`` (Spearman) of expected and true size of error over days of all runs,
        and ``coverage_90``, the share of values in the 90 % intervals; nothing without a calibration.
    """
    known, rng = surrogate.calibration, np.random.default_rng(seed)
    if known is None:
        return {}
    error, mean, spread = _errors(surrogate, gather(_some(run_set, rows, rng)))
    scale = known.scale(mean, spread)
    return _figures(known.names, error, scale, known.half_width(scale, 0.9), rng)


def _mean_and_spread(surrogate: Surrogate, *arrays: npt.ArrayLike) -> tuple[Series, Series]:
    """(basin, time, output + 1) mean and standard deviation of the members; last streamflow before routing."""
    means, spreads = [], []
    for members in surrogate.member_batches(*arrays):
        whole = with_total(members, surrogate.spec.runoff_indices)
        means.append(whole.mean(axis=0))
        spreads.append(whole.std(axis=0))
    return np.concatenate(means), np.concatenate(spreads)


def _of_streamflow(surrogate: Surrogate, mean: Series, spread: Series) -> Array | None:
    """``run_spread`` of (basin, time, output + 1) simulations."""
    if len(surrogate.members) == 1:
        return None
    size = np.sqrt(np.square(spread[..., -1], dtype=np.float64).mean(axis=1))
    return np.asarray(size / np.maximum(mean[..., -1].std(axis=1, dtype=np.float64), LEAST_DEVIATION))


def _some(run_set: RunSet, rows: Index, rng: np.random.Generator) -> RunSet:
    """Return the runs in ``rows``, or ``MOST_RUNS`` of them."""
    return run_set.only(np.sort(rng.permutation(rows)[:MOST_RUNS]))


def _errors(surrogate: Surrogate, runs: Runs) -> tuple[Series, Series, Series]:
    """(run, time, output + 1) size of the mean's error, the mean, and the spread of the members."""
    mean, spread = _mean_and_spread(surrogate, *runs.from_first_day)
    return np.abs(mean - with_total(runs.outputs, surrogate.spec.runoff_indices)), mean, spread


def _cross_judged(
    names: tuple[str, ...], error: Series, mean: Series, spread: Series, basin: Index, rng: np.random.Generator
) -> Scores:
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
    return _figures(names, error, scale, half, rng)


def _figures(names: tuple[str, ...], error: Series, scale: Series, half: Series, rng: np.random.Generator) -> Scores:
    """``rank_correlation`` and ``coverage_90`` of each variable."""
    days = rng.integers(0, error[..., 0].size, min(JUDGED_DAYS, error[..., 0].size))

    def of(place: int) -> Figures:
        expected, true = (series[..., place].ravel()[days] for series in (scale, error))
        return {
            "rank_correlation": rank_correlation(expected, true),
            "coverage_90": float((error[..., place] <= half[..., place]).mean()),
        }

    return {name: of(i) for i, name in enumerate(names)}
