"""How well a surrogate reproduces its legacy model: scores over runs, of all days and runs or by strata."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from legacy_models import metrics
from legacy_models.model import Dates
from legacy_models.parameters import Array
from legacy_models.run_set import ModelInfo, RunSet
from surrogates import strata
from surrogates.strata import Mask
from surrogates.surrogate import Surrogate
from surrogates.windows import Index, Series, gather, with_total

Figures = dict[str, float | None]
Scores = dict[str, Figures]

TOTAL = "runoff_total"

FLUX, STORE = "mm/day", "mm"
LEAST_DEVIATION = 0.2
"""Floor of the standard deviation of a flux in the floored NSE [mm/day]: nearly constant series."""

LEAST_STORE = 5.0
"""A store is scored by the floored NSE where its mean exceeds this [mm]: snow that hardly is."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The same runs by the legacy model and by the surrogate.

    Args:
        model: of which both are.
        dates: (run, time) days.
        recorded: (run, time, output + 1), last streamflow before routing; NaN is left out.
        simulated: (run, time, output + 1).
    """

    model: ModelInfo
    dates: Dates
    recorded: Series
    simulated: Series

    @classmethod
    def of(cls, model: ModelInfo, dates: Dates, recorded: Series, simulated: Series) -> "Comparison":
        """Compare (run, time, output) arrays; the sum of the runoff outputs is appended.

        ``dates`` are (run, time), or (time,) where all runs have the same.
        """
        places = [model.output_names.index(name) for name in model.runoff]
        days = np.broadcast_to(dates, recorded.shape[:2])
        return cls(model, days, with_total(recorded, places), with_total(simulated, places))

    def __len__(self) -> int:
        return len(self.recorded)

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """(variable,) name and unit."""
        return (*((output.name, output.unit) for output in self.model.outputs), (TOTAL, FLUX))

    def runs(self, chosen: Mask | Index) -> "Comparison":
        """Return the comparison of some runs."""
        return replace(self, dates=self.dates[chosen], recorded=self.recorded[chosen], simulated=self.simulated[chosen])

    def days(self, chosen: Mask) -> "Comparison":
        """Return the comparison of some days of each run, (run, time)."""
        return replace(self, recorded=np.where(chosen[..., None], self.recorded, np.nan).astype(np.float32))


class RunScores(NamedTuple):
    """Scores of one variable, each (run,); NaN where a figure is not defined.

    Args:
        nse: Nash-Sutcliffe efficiency.
        nse_floored: the same with a floor of 0.2 mm/day under the deviation of a flux, and only for stores whose
            mean exceeds 5 mm.
        rmse: root mean square error [unit of the variable].
        rmse_over_mean: RMSE over the recorded mean [-].
    """

    nse: Array
    nse_floored: Array
    rmse: Array
    rmse_over_mean: Array


def compare(surrogate: Surrogate, run_set: RunSet, rows: Index) -> Comparison:
    """Simulate some recorded runs in one go from the predicted first state, as in use.

    Args:
        surrogate: a frozen surrogate.
        run_set: recorded runs.
        rows: which of them.
    """
    chosen = run_set.only(rows)
    runs = gather(chosen)
    simulated = surrogate.predict(*runs.from_first_day)
    return Comparison.of(surrogate.spec.model, chosen.dates, runs.outputs, simulated)


def held_out_rows(surrogate: Surrogate, run_set: RunSet) -> Index:
    """Return the rows of ``run_set`` that the surrogate's card says were held out of its training."""
    held_out = set(surrogate.card["held_out_keys"])
    return np.array([i for i, key in enumerate(run_set.keys) if str(key) in held_out], dtype=np.int64)


def run_scores(comparison: Comparison) -> dict[str, RunScores]:
    """Score every run, variable by variable."""
    return {name: _run_scores(comparison, i, unit) for i, (name, unit) in enumerate(comparison.variables)}


def scores(comparison: Comparison) -> Scores:
    """Return figures over runs for each output and ``runoff_total``; None where no run can be scored.

    Keys: ``nse_median``, ``nse_p05``, ``nse_floored_median``, ``nse_floored_p05``, ``rmse_median`` [unit of the
    variable] and ``rmse_over_mean_median``; see ``RunScores``.
    """
    return {name: _over_runs(one) for name, one in run_scores(comparison).items()}


def scores_by_strata(
    comparison: Comparison, groups: Mapping[str, Mapping[str, Mask]] | None = None
) -> dict[str, dict[str, Scores]]:
    """Score the runs by flow regime, season and memory, and by ``groups`` of runs: name -> class -> (run,) mask.

    A class without a run or day is left out.
    """
    return {
        stratum: {name: scores(part) for name, part in parts if np.isfinite(part.recorded).any()}
        for stratum, parts in _strata(comparison, groups or {})
    }


def streamflow_errors(comparison: Comparison) -> Array:
    """(run,) RMSE of streamflow before routing over its standard deviation, which counts as 0.2 mm/day at least."""
    return np.sqrt(1.0 - run_scores(comparison)[TOTAL].nse_floored)


def rank_correlation(one: npt.ArrayLike, other: npt.ArrayLike) -> float | None:
    """Spearman's correlation of two (run,) arrays; None for less than three runs or where either is constant."""
    pair = np.asarray([one, other], dtype=np.float64)
    pair = pair[:, np.isfinite(pair).all(axis=0)]
    ranks = np.array([rankdata(values) for values in pair])
    if pair.shape[1] < 3 or (ranks.std(axis=1) == 0.0).any():
        return None
    return float(np.corrcoef(ranks)[0, 1])


def created_water(comparison: Comparison, precipitation: npt.ArrayLike) -> Array:
    """Return (run,) what leaves the surrogate beyond what leaves the legacy model, as a share of precipitation.

    (sum of fluxes of the surrogate - sum of fluxes of the model) / sum of precipitation. The model closes its
    balance: over years, in which stores change little, this is water made of nothing (positive) or lost.

    Args:
        comparison: whose outputs in mm/day are what leaves.
        precipitation: (run, time) [mm/day].
    """
    leaving = [i for i, (name, unit) in enumerate(comparison.variables) if unit == FLUX and name != TOTAL]
    more = comparison.simulated[..., leaving].astype(np.float64) - comparison.recorded[..., leaving]
    return np.asarray(more.sum(axis=(1, 2)) / np.asarray(precipitation, dtype=np.float64).sum(axis=1))


def _run_scores(comparison: Comparison, place: int, unit: str) -> RunScores:
    recorded, simulated = (
        series[..., place].astype(np.float64) for series in (comparison.recorded, comparison.simulated)
    )
    mean = np.nansum(recorded, axis=1) / np.maximum(np.isfinite(recorded).sum(axis=1), 1)
    floored = metrics.nse(recorded, simulated, least_deviation=LEAST_DEVIATION if unit == FLUX else 0.0)
    if unit == STORE:
        floored = np.where(mean > LEAST_STORE, floored, np.nan)
    rmse = metrics.rmse(recorded, simulated)
    relative = np.where(mean > 0.0, rmse / np.where(mean > 0.0, mean, 1.0), np.nan)
    return RunScores(metrics.nse(recorded, simulated), floored, rmse, relative)


def _over_runs(one: RunScores) -> Figures:
    wanted = {
        "nse_median": (one.nse, 0.5),
        "nse_p05": (one.nse, 0.05),
        "nse_floored_median": (one.nse_floored, 0.5),
        "nse_floored_p05": (one.nse_floored, 0.05),
        "rmse_median": (one.rmse, 0.5),
        "rmse_over_mean_median": (one.rmse_over_mean, 0.5),
    }
    return {name: quantile(values, share) for name, (values, share) in wanted.items()}


def quantile(values: npt.ArrayLike, share: float) -> float | None:
    """The ``share`` quantile of the finite values; None where there is none."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(np.quantile(known, share)) if len(known) else None


def _strata(
    comparison: Comparison, groups: Mapping[str, Mapping[str, Mask]]
) -> Iterator[tuple[str, list[tuple[str, Comparison]]]]:
    """Yield each stratum's name and its classes."""
    regimes = strata.regimes(comparison.recorded[..., -1])
    yield "regime", [(name, comparison.days(mask)) for name, mask in regimes.items()]
    seasons = strata.seasons(comparison.dates)
    yield "season", [(name, comparison.days(mask)) for name, mask in seasons.items()]
    states = [comparison.model.output_names.index(name) for name in comparison.model.states]
    slowest = strata.slowest(strata.memory(comparison.recorded[..., states]))
    yield "memory", [("slowest_tenth", comparison.runs(slowest))]
    for stratum, masks in groups.items():
        yield stratum, [(name, comparison.runs(mask)) for name, mask in masks.items()]
