"""Is the climate of a query the one that its site has? A known site under another climate is a new place."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.optimize import nnls
from scipy.stats import chi2, rankdata

from legacy_models.parameters import Array

Index = npt.NDArray[np.int64]

FOLLOWS = 0.98
"""Rank correlation with a feature of the climate from which a property counts as derived from the forcing."""

FEWEST_BASINS = 10
"""With fewer basins such a correlation can be chance, and by what unseen ones differ is not known."""

UNKNOWN = 0.25
"""Share of the standard deviation over sites that years are taken to differ by where there are not two to compare."""

SAME = 1e-6
"""Properties that differ by less are of the same site."""

QUANTILE = 0.99
CHUNK = 128


@dataclass(frozen=True, eq=False)
class SiteClimate:
    """How far climates differ at one site, and between sites that are alike.

    A distance over all coordinates must reach as far as unseen sites lie from known ones, and a known site that is
    warmed by 4 degC is nearer than that. But there the climate is known. So the climate c of a query is compared with
    what was recorded at the known site that is most like it in its properties:

        z^2 = mean over features of (c - c_site)^2 / (v (1/n + 1/n_site) + g(h))

    v is the variance from year to year, n and n_site are the years that the two climates are means of, h is the
    distance of the properties. g is by how much the climates of sites differ that are most alike: a variogram, read at
    the nearest neighbour, with g = nugget + slope h^2 and g(0) = 0 at the site itself. The score is z over what 99 %
    of the known sites do not exceed when each is left out, and not less than what normal deviations would reach.

    Args:
        places: (record, property) scaled properties of the site of each recorded climate, 0 for those that follow it.
        climates: (record, feature) recorded climates.
        yearly: (record, feature) variance from year to year.
        centre: (property,) subtracted from properties.
        scale: (property,) what they are multiplied by then; 0 for those that follow the climate.
        nugget: (feature,) variance between sites of the same properties.
        slope: (feature,) rise of it with the square of the distance of properties.
        years: that the recorded climates are means of.
        reach: 99th percentile of z where each site is left out.
    """

    places: Array
    climates: Array
    yearly: Array
    centre: Array
    scale: Array
    nugget: Array
    slope: Array
    years: float
    reach: float

    @classmethod
    def fit(cls, properties: Array, climates: Array, yearly: Array, basin: Index, years: float) -> "SiteClimate":
        """Learn from every recorded climate.

        Args:
            properties: (record, property) of its site.
            climates: (record, feature) of its days.
            yearly: (record, feature) variance from year to year; NaN where it is not known.
            basin: (record,) number of its basin.
            years: recorded ones.
        """
        spread = np.maximum(climates.std(axis=0), 1e-6)
        scale = _scale(properties, climates, basin)
        centre = properties.mean(axis=0)
        places = (properties - centre) * scale
        known, flat = _pooled(yearly, UNKNOWN * spread), np.zeros_like(spread)
        features = climates.shape[1]
        chance = float(np.sqrt(chi2.ppf(QUANTILE, features) / features))
        start = cls(places, climates, known, centre, scale, np.square(spread), flat, years, chance)
        if len(np.unique(basin)) < FEWEST_BASINS:
            return start
        others = [np.flatnonzero(basin != own) for own in basin]
        apart, differ = map(np.array, zip(*(start._nearest(i, rows) for i, rows in enumerate(others)), strict=True))
        terms = np.stack([np.ones_like(apart), np.square(apart)], axis=1)
        nugget, slope = np.array([nnls(terms, column)[0] for column in np.square(differ).T]).T
        known_by_all = replace(start, nugget=nugget, slope=slope)
        left_out = [known_by_all._only(rows).z(properties[[i]], climates[[i]])[0] for i, rows in enumerate(others)]
        return replace(known_by_all, reach=max(float(np.quantile(left_out, QUANTILE)), chance))

    def score(self, properties: Array, climate: Array, years: float | None = None) -> Array:
        """Return (query,) how unlike its site's the climate of each query is; above 1 it is another climate.

        Args:
            properties: (query, property) site properties.
            climate: (query, feature) summaries.
            years: that they are means of; as many as recorded where None.
        """
        return self.z(properties, climate, years) / self.reach

    def z(self, properties: Array, climate: Array, years: float | None = None) -> Array:
        """Return (query,) z, the least where the most alike site has several climates."""
        places = (properties - self.centre) * self.scale
        both = 1.0 / (self.years if years is None else max(years, 1e-2)) + 1.0 / self.years
        found = np.zeros(len(places))
        for first in range(0, len(places), CHUNK):
            part = slice(first, first + CHUNK)
            apart = _distances(places[part], self.places)
            least = apart.min(axis=1, keepdims=True)
            elsewhere = np.where(least > SAME, self.nugget + self.slope * np.square(least), 0.0)
            variance = self.yearly * both + elsewhere[:, None]
            squared = (np.square(climate[part, None] - self.climates) / variance).mean(axis=-1)
            found[part] = np.sqrt(np.where(apart <= least + SAME, squared, np.inf).min(axis=1))
        return found

    def _only(self, rows: Index) -> "SiteClimate":
        """What is known without the other records."""
        return replace(self, places=self.places[rows], climates=self.climates[rows], yearly=self.yearly[rows])

    def _nearest(self, record: int, rows: Index) -> tuple[float, Array]:
        """Distance of a record's place to the nearest of ``rows``, and the difference of their climates."""
        apart = _distances(self.places[[record]], self.places[rows])[0]
        return float(apart.min()), self.climates[record] - self.climates[rows[apart.argmin()]]


def _scale(properties: Array, climates: Array, basin: Index) -> Array:
    """(property,) what makes the mean square of the static properties one; 0 for those that follow the climate.

    A model may derive a property from the forcing, such as the mean temperature that VIC's soil is given: it moves
    with the climate and does not tell which site it is.
    """
    width = properties.std(axis=0)
    static = np.ones(properties.shape[1], dtype=np.bool_)
    if len(np.unique(basin)) >= FEWEST_BASINS:
        static = np.array([not _follows(column, climates) for column in properties.T], dtype=np.bool_)
    return np.where(static, 1.0 / np.where(width > 1e-6, width, 1.0), 0.0) / np.sqrt(max(static.sum(), 1))


def _follows(column: Array, climates: Array) -> bool:
    """Whether a property rises or falls with a feature of the climate at nearly all sites."""
    ranks = rankdata(np.column_stack([column, climates]), axis=0)
    ranks -= ranks.mean(axis=0)
    size = np.sqrt(np.square(ranks).sum(axis=0))
    together = ranks[:, 1:].T @ ranks[:, 0] / np.maximum(size[1:] * size[0], 1e-9)
    return bool(np.abs(together).max(initial=0.0) >= FOLLOWS)


def _pooled(yearly: Array, unknown: Array) -> Array:
    """(record, feature) each record's variance, half its own and half that of all: few years say little."""
    known = np.isfinite(yearly).all(axis=1)
    typical = yearly[known].mean(axis=0) if known.any() else np.square(unknown)
    whole = np.where(known.reshape(-1, 1), 0.5 * (yearly + typical), typical)
    return np.asarray(np.maximum(whole, 1e-4 * np.square(unknown)))


def _distances(one: Array, other: Array) -> npt.NDArray[np.float64]:
    """(row, row) Euclidean distances."""
    return np.asarray(np.sqrt(np.square(one[:, None] - other[None]).sum(axis=-1)))
