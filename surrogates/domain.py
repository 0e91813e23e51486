"""Where a surrogate may be trusted: how unlike a query is to the runs that it was trained on.

Four measures, each 1 where 99 % of what is known does not exceed it:

- **box**: infinite outside the unit cube, outside the range that the training runs cover in any parameter, and for
  properties that the legacy model calls implausible. Constraints between parameters hold by their coordinates.
- **distance**: mean distance to the 5 nearest training runs in scaled parameters, properties and climate, over what
  99 % of the held-out runs do not exceed.
- **climate**: whether the climate is the one that the site, or the known site most like it, has
  (``surrogates.site_climate``); the distance alone reaches as far as unseen sites lie, farther than a warmer climate.
- **spread** of the members, calibrated to true error (``surrogates.expected_error``): given beside the others, and a
  part of the expected error, which ranks queries where a true error above a tolerance is looked for.

What others measure, and why this: the leverage x'(X'X)^-1 x and the distance of Mahalanobis (1936) know one ellipsoid,
whose middle they trust even where a round of new runs left it empty, and which all of a box lies in; a convex hull or a
bounding box has no inside in many dimensions that runs could fill (Jaworska et al. 2005,
doi:10.1177/026119290503300508, compare these as applicability domains). The distance to near runs follows any shape and
any number of clusters, is differentiable nearly everywhere and grows without end; the dissimilarity index of Meyer and
Pebesma (2021), doi:10.1111/2041-210X.13650, is its kin with one neighbour and a cross-validated threshold. Five
neighbours because one run says little; the spread of an ensemble sees what a distance cannot, that the response itself
is difficult, but members may agree on something wrong far from all runs: hence both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from legacy_models.errors import ShapeError
from legacy_models.parameters import Array
from legacy_models.run_set import ModelInfo, RunSet
from surrogates import climate_summary
from surrogates.expected_error import ErrorModel, beyond, fit_all
from surrogates.queries import Queries
from surrogates.scaled_space import Points, ScaledSpace, mean_distance
from surrogates.site_climate import SiteClimate

Flags = npt.NDArray[np.bool_]

QUANTILE = 0.99
MARGIN = 3.0
"""Gaps between neighbouring runs, on average, that a query may lie beyond the outermost one in a parameter."""


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is known of each query, all (query,); above 1 a measure says that the surrogate was not tested there.

    Args:
        outside: beyond the box.
        distance: from the training runs.
        climate: from what the site has.
        spread: error expected from the members' spread over what 99 % of held-out runs had; NaN where not known.
        error: expected, as RMSE over standard deviation of streamflow; NaN where no error could be learned from.
    """

    outside: Flags
    distance: Array
    climate: Array
    spread: Array
    error: Array

    @property
    def score(self) -> Array:
        """(query,) the larger of distance and climate; infinite outside the box."""
        return np.where(self.outside, np.inf, np.maximum(self.distance, self.climate))

    @property
    def flagged(self) -> Flags:
        """(query,) whether the score is above 1."""
        return np.asarray(self.score > 1.0)


@dataclass(frozen=True, eq=False)
class Domain:
    """The training runs as a region, see the module.

    Args:
        space: the runs as points.
        box: (2, parameter) least and largest coordinates in the unit cube that may be asked for.
        plausible: (2, property) least and largest values of properties.
        features: (feature,) names of the climate's coordinates.
        reach: distance that 99 % of held-out runs do not exceed.
        parameter_reach: the same with parameters alone, wherever the site.
        site_climate: climates by site; None where the model's forcing has no feature.
        errors: models of the error, see ``expected_error.fit_all``.
    """

    space: ScaledSpace
    box: Array
    plausible: Array
    features: tuple[str, ...]
    reach: float
    parameter_reach: float
    site_climate: SiteClimate | None = None
    errors: Mapping[str, ErrorModel] = field(default_factory=dict)

    @classmethod
    def fit(cls, run_set: RunSet, train: npt.ArrayLike, held_out: npt.ArrayLike) -> "Domain":
        """Describe where runs are.

        Args:
            run_set: recorded runs.
            train: rows that the surrogate was trained on.
            held_out: rows held out; the training runs' own distances are used where there are none.
        """
        rows, others = np.asarray(train, dtype=np.int64), np.asarray(held_out, dtype=np.int64)
        queries = Queries.of_runs(run_set)
        known = queries.only(rows)
        names = climate_summary.feature_names(run_set.model.forcing_names)
        climates = _site_climate(run_set, queries, rows) if names else None
        yearly = np.sqrt(climates.yearly.mean(axis=0)) if climates else np.zeros(0)
        noise = np.append(np.zeros(known.properties.shape[1]), yearly)
        space = ScaledSpace.fit(known.unit, _site(known), noise)
        asked = space.scaled(queries.unit, _site(queries))
        count = known.unit.shape[1]
        reach, parameter_reach = (
            reach_of(asked[rows, :columns], asked[others, :columns]) for columns in (asked.shape[1], count)
        )
        return cls(space, _box(known.unit), _plausible(run_set.model), names, reach, parameter_reach, climates)

    @property
    def parameters(self) -> int:
        """How many there are."""
        return self.box.shape[1]

    @property
    def climate_scale(self) -> tuple[Array, Array]:
        """(feature,) means and standard deviations of the training runs' climates."""
        first = len(self.space.centre) - len(self.features)
        whole = np.sqrt(2.0 * max(len(self.space.centre) - self.parameters, 1))
        return self.space.centre[first:], self.space.width[first:] / whole

    def judge(self, queries: Queries) -> Judgement:
        """Return every measure of each query.

        Raises:
            ShapeError: if the queries are not of this model.
        """
        self._check(queries)
        distance, climate = self.distance(queries), np.zeros(len(queries))
        if self.site_climate is not None:
            climate = self.site_climate.score(queries.properties, queries.climate, queries.years)
        return Judgement(
            self._outside(queries), distance, climate, self._spread_score(queries), self._error(queries, distance)
        )

    def distance(self, queries: Queries) -> Array:
        """Return (query,) ``Judgement.distance``."""
        return mean_distance(self.space.points, self.scaled(queries)) / self.reach

    def error(self, queries: Queries) -> Array:
        """Return (query,) ``Judgement.error``, the spread used where the queries have it."""
        return self._error(queries, self.distance(queries))

    def score(self, queries: Queries) -> Array:
        """Return (query,) ``Judgement.score``."""
        return self.judge(queries).score

    def flag(self, queries: Queries) -> Flags:
        """Return (query,) whether each query lies outside the domain (score above 1)."""
        return self.judge(queries).flagged

    def scaled(self, queries: Queries) -> Points:
        """Return (query, coordinate) points in the space of ``space``."""
        return self.space.scaled(queries.unit, _site(queries, len(self.features)))

    def strata(self, unit: Array, climate: Array) -> Array:
        """Return (query, stratum) what the error may depend on besides sizes, of about unit spread."""
        centre, spread = self.climate_scale
        scaled = (climate[:, : len(self.features)] - centre) / spread
        return np.concatenate([np.sqrt(12.0) * (unit - 0.5), scaled], axis=1)

    def learned_from(self, queries: Queries, error: Array) -> "Domain":
        """Return the domain with models of the error, learned from the true errors of held-out runs.

        Args:
            queries: held-out runs, with the spread of the members where there is one.
            error: (query,) true errors, ``fidelity.streamflow_errors``.
        """
        strata = self.strata(queries.unit, queries.climate)
        return replace(self, errors=fit_all(self.distance(queries), queries.spread, strata, error))

    def _error(self, queries: Queries, distance: Array) -> Array:
        strata, near = self.strata(queries.unit, queries.climate), np.minimum(distance, 1.0)
        if queries.spread is not None and "both" in self.errors:
            within = self.errors["both"].expected(np.column_stack([near, queries.spread]), strata)
        elif "distance" in self.errors:
            within = self.errors["distance"].expected(near[:, None], strata)
        else:
            return np.full(len(queries), np.nan)
        return within * beyond(distance)

    def _outside(self, queries: Queries) -> Flags:
        low, high = self.box
        inside = ((queries.unit >= low) & (queries.unit <= high)).all(axis=1)
        least, most = self.plausible
        return np.asarray(~inside | ~((queries.properties >= least) & (queries.properties <= most)).all(axis=1))

    def _spread_score(self, queries: Queries) -> Array:
        model = self.errors.get("spread")
        if model is None or queries.spread is None:
            return np.full(len(queries), np.nan)
        return model.expected(queries.spread[:, None], np.zeros((len(queries), 0))) / model.usual

    def _check(self, queries: Queries) -> None:
        wanted = (self.parameters, self.plausible.shape[1])
        given = (queries.unit.shape[1], queries.properties.shape[1])
        if given != wanted or queries.climate.shape[1] < len(self.features):
            raise ShapeError(
                f"Expected queries of {wanted[0]} parameters, {wanted[1]} properties and the climate features "
                f"{', '.join(self.features)}. Received {given[0]}, {given[1]} and {queries.climate.shape[1]} features."
            )


def _site(queries: Queries, features: int | None = None) -> Array:
    """(query, coordinate) what describes each query's site."""
    return np.concatenate([queries.properties, queries.climate[:, :features]], axis=1)


def reach_of(points: Points, others: Points) -> float:
    """Return what 99 % of ``others`` do not exceed in distance; of the points themselves where there are none."""
    distances = mean_distance(points, others) if len(others) else mean_distance(points, points, skip=1)
    return max(float(np.quantile(distances, QUANTILE)), 1e-6)


def _box(unit: Array) -> Array:
    """(2, parameter) range of the training runs with a margin for what few of them do not show, within the cube."""
    low, high = unit.min(axis=0), unit.max(axis=0)
    margin = MARGIN * (high - low) / len(unit)
    return np.stack([np.maximum(low - margin, -1e-6), np.minimum(high + margin, 1.0 + 1e-6)])


def _plausible(model: ModelInfo) -> Array:
    return np.array([[v.lower for v in model.properties], [v.upper for v in model.properties]], dtype=np.float64)


def _site_climate(run_set: RunSet, queries: Queries, rows: npt.NDArray[np.int64]) -> SiteClimate:
    """Learn from the forcing of every site that was trained on."""
    sites, first = np.unique(run_set.sites[rows], return_index=True)
    _, basin = np.unique(run_set.basins[rows[first]], return_inverse=True)
    yearly = []
    for site in sites:
        years = climate_summary.annual(run_set.forcing[str(site)])
        yearly.append(years.var(axis=0, ddof=1) if len(years) > 1 else np.full(queries.climate.shape[1], np.nan))
    places = queries.only(rows[first])
    years_recorded = run_set.days / climate_summary.DAYS_A_YEAR
    return SiteClimate.fit(places.properties, places.climate, np.array(yearly), basin.astype(np.int64), years_recorded)
