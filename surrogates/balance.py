"""Which windows are trained on: balanced over sites, so that the hard ones are not rare, and over flow regimes.

**Sites.** Every basin counts alike, however many runs it has, but snowy and dry ones, which make the tail of a
surrogate's errors, count ``tail_weight`` times. Snowy is the fifth of the sites with the largest share of
precipitation on days with a mean temperature below zero, as far as they have any; dry is the fifth with the
least recorded streamflow of what falls.

**Flow regimes.** A share of the windows is placed to hold one of the run's highest flows (top 2 % of its days) or
lowest (30 %), half of them each; the others begin anywhere.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.parameters import Array
from surrogates.windows import KEPT, Index, Runs, Summary

TAIL_SHARE = 0.2
"""Share of the sites that count as snowy, and as dry."""


@dataclass(frozen=True, eq=False)
class Draws:
    """What windows are drawn from.

    Args:
        rows: (row,) runs.
        chance: (row,) how often each is drawn, relative to the others.
        summary: of all runs.
        days: recorded days.
    """

    rows: Index
    chance: Array
    summary: Summary
    days: int

    @classmethod
    def of(cls, runs: Runs, rows: Index, tail_weight: float) -> "Draws":
        """Balance the windows of ``rows``.

        Args:
            runs: all of them.
            rows: those to draw from.
            tail_weight: how often a snowy or dry site is drawn, where the others are once.
        """
        weight = np.where(_tail_sites(runs, rows), tail_weight, 1.0)[runs.site[rows]]
        chance = weight / np.bincount(runs.basin[rows])[runs.basin[rows]]
        return cls(rows, chance, runs.summary, runs.days)

    def runs(self, rng: np.random.Generator, count: int) -> Index:
        """Return ``count`` runs in shuffled order, each as often as its chance says, give or take one.

        Source:
            Kitagawa (1996), doi:10.1080/10618600.1996.10474692 (systematic resampling).
        """
        order = rng.permutation(len(self.rows))
        edges = np.cumsum(self.chance[order])
        places = (rng.random() + np.arange(count)) / count * edges[-1]
        picked = order[np.minimum(np.searchsorted(edges, places, side="right"), len(order) - 1)]
        return self.rows[rng.permutation(picked)]

    def windows(
        self, rng: np.random.Generator, window: int, count: int, regime_share: float = 0.0
    ) -> tuple[Index, Index]:
        """Draw ``count`` windows; the state of the day before the first is recorded too.

        Returns:
            (count,) run and (count,) first day, from 1 on.

        Raises:
            DataError: if the record is shorter than a window and the day before it.
        """
        last = self.days - window
        if last < 1:
            raise DataError(
                f"the runs record {self.days} days, but a window of {window} days needs {window + 1} at least"
            )
        run, anywhere = self.runs(rng, count), rng.integers(1, last + 1, count)
        kind, kept = rng.random(count), rng.integers(0, KEPT, count)
        day = np.where(kind < regime_share / 2.0, self.summary.high[run, kept], self.summary.low[run, kept])
        held = np.clip(day - rng.integers(0, window, count), 1, last)
        return run, np.where(kind < regime_share, held, anywhere)


def _tail_sites(runs: Runs, rows: Index) -> npt.NDArray[np.bool_]:
    """(site,) whether each is snowy or dry, by what the runs in ``rows`` record; False where there is none."""
    present, where = np.unique(runs.site[rows], return_inverse=True)
    flow = np.bincount(where, runs.summary.mean[rows, -2]) / np.bincount(where)
    rain, snow = _precipitation(runs, present)
    snow_share, runoff_ratio = snow / np.maximum(rain, 1e-9), flow / np.maximum(rain, 1e-9)
    snowy = (snow_share >= np.quantile(snow_share, 1.0 - TAIL_SHARE)) & (snow_share > 0.0)
    tail = np.zeros(len(runs.sites), dtype=np.bool_)
    tail[present] = snowy | (runoff_ratio <= np.quantile(runoff_ratio, TAIL_SHARE))
    return tail


def _precipitation(runs: Runs, sites: Index) -> tuple[Array, Array]:
    """(site,) mean precipitation, and that of days below zero; 1 and 0 where the model does not read them."""
    columns = dict(zip(runs.model.forcing_names, np.moveaxis(runs.forcing[sites], -1, 0), strict=True))
    none = np.zeros(len(sites))
    if "prcp" not in columns:
        return none + 1.0, none
    rain = columns["prcp"].astype(np.float64)
    if not {"tmin", "tmax"} <= set(columns):
        return rain.mean(axis=1), none
    return rain.mean(axis=1), np.where(columns["tmin"] + columns["tmax"] < 0.0, rain, 0.0).mean(axis=1)
