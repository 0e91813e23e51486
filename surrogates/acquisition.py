"""Which runs to add next: around the learned parameters, where members disagree, and some over the whole box.

A batch is drawn in three parts. A share goes on with the global sequence of the design, so that nothing is left out
for good. The others are candidates around the learned parameters of the sites that are asked for: first some of those
on which the members of the surrogate differ most, then what covers the rest best. To cover is to choose in turn the
candidate farthest from every run that is there or chosen (k-centre), in the domain's scaled space: runs of one batch
are not alike, and what the store has is not asked again.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from legacy_models.errors import UsageError
from legacy_models.parameters import Array, ParameterSpace
from surrogates import SAMPLERS
from surrogates.design import farthest
from surrogates.domain import Domain
from surrogates.queries import Queries
from surrogates.scaled_space import NEIGHBOURS, Points, nearest

Index = npt.NDArray[np.int64]
Disagreement = Callable[[Index, Array], Array]
"""From (candidate,) sites and (candidate, parameter) points of the unit cube to how far the members differ there."""

SAME = 1e-5
"""Candidates nearer than this to a run, in the scaled space, are that run."""

CROWD = 3
"""Of so many times the candidates wanted, those with the largest disagreement, the most different ones are taken."""


@dataclass(frozen=True)
class BatchSettings:
    """How a batch is made up.

    Args:
        global_share: of the runs that goes on with the global sequence.
        disagreement_share: of the others that is taken where members differ most; 0 for a single member.
        sigma: standard deviation of the steps away from the learned parameters [share of the box].
        candidates: drawn at each site for each run that it gets on average, the learned set among them.
        sampler: of the global sequence, a name in ``SAMPLERS``.
    """

    global_share: float = 0.2
    disagreement_share: float = 0.3
    sigma: float = 0.08
    candidates: int = 8
    sampler: str = "sobol"

    def __post_init__(self) -> None:
        SAMPLERS.check(self.sampler)
        for name in ("global_share", "disagreement_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"{name} must lie in [0, 1], received {getattr(self, name)}")
        if not 0.0 < self.sigma <= 1.0:
            raise UsageError(f"sigma must lie in (0, 1], received {self.sigma}")
        if self.candidates < 2:
            raise UsageError(f"candidates must be at least 2, received {self.candidates}")


@dataclass(frozen=True, eq=False)
class Batch:
    """Runs to add.

    Args:
        site: (run,) row of the sites that were given.
        unit: (run, parameter) points of the unit cube.
        reason: (run,) ``global``, ``disagreement`` or ``cover``.
    """

    site: Index
    unit: Array
    reason: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.site)


def choose_batch(
    domain: Domain,
    learned: Queries,
    known: Queries,
    n: int,
    seed: int,
    settings: BatchSettings,
    drawn: int = 0,
    disagreement: Disagreement | None = None,
) -> Batch:
    """Choose exactly ``n`` runs.

    Args:
        domain: whose scaled space tells what is far.
        learned: one query a site: its learned parameters, and the forcing under which runs would be made there.
        known: every run that is in the store or planned, of these and other sites.
        n: how many.
        seed: of the design's sampler, and of the steps.
        settings: how the batch is made up.
        drawn: points of the global sequence that were drawn before.
        disagreement: of the members at candidates; none is taken for it where None.

    Raises:
        UsageError: if there is no site, or fewer candidates than are wanted that the store does not have.
    """
    if n < 0 or not len(learned):
        raise UsageError(f"a batch needs a site and n of 0 or more, received {len(learned)} sites and n = {n}")
    rng = np.random.default_rng([seed, drawn])
    wide = _global(learned, round(settings.global_share * n), seed, settings.sampler, drawn, rng)
    there = np.concatenate([domain.scaled(known), domain.scaled(_at(learned, wide.site, wide.unit))])
    again = len(wide) - len(_new(there[len(known) :], there[: len(known)]))
    if again:
        raise UsageError(f"{again} of the points of the global sequence after the first {drawn} were run before")
    rest = n - len(wide)
    each = max(2, int(np.ceil(settings.candidates * rest / len(learned))))
    site = np.repeat(np.arange(len(learned)), each)
    unit = _steps(np.clip(learned.unit, 0.0, 1.0), each, settings.sigma, rng).reshape(len(site), -1)
    points = domain.scaled(_at(learned, site, unit))
    size = disagreement(site, unit) if disagreement is not None else None
    chosen, first = select(points, there, rest, size, settings.disagreement_share)
    reason = np.where(np.arange(rest) < first, "disagreement", "cover")
    return Batch(
        np.concatenate([wide.site, site[chosen]]),
        np.concatenate([wide.unit, unit[chosen]]),
        np.concatenate([wide.reason, reason]),
    )


def select(
    points: Points, known: Points, n: int, disagreement: Array | None = None, share: float = 0.0
) -> tuple[Index, int]:
    """Choose ``n`` candidates, none of them known.

    Args:
        points: (candidate, coordinate) in a scaled space.
        known: (run, coordinate) there already.
        n: how many.
        disagreement: (candidate,) of the members.
        share: of those chosen for it, which come first.

    Returns:
        (n,) rows, and how many of them were chosen for disagreement.

    Raises:
        UsageError: if there are not so many.
    """
    new = _new(points, known)
    if len(new) < n:
        raise UsageError(f"{n} runs are wanted, but only {len(new)} of {len(points)} candidates are new; draw more")
    count = round(share * n) if disagreement is not None else 0
    chosen: Index = np.zeros(0, dtype=np.int64)
    if disagreement is not None and count:
        crowd = new[np.argsort(-disagreement[new], kind="stable")[: CROWD * count]]
        chosen = crowd[cover(points[crowd], known, count)]
    left = np.setdiff1d(new, chosen)
    return np.concatenate(
        [chosen, left[cover(points[left], np.concatenate([known, points[chosen]]), n - count)]]
    ), count


def cover(points: Points, known: Points, n: int) -> Index:
    """Return ``n`` rows of ``points`` chosen farthest first, given what is known; without that, from the first on.

    The largest distance of a candidate to its nearest run is then at most twice the least possible (Gonzalez 1985,
    doi:10.1016/0304-3975(85)90224-5).
    """
    if not n:
        return np.zeros(0, dtype=np.int64)
    if len(known):
        return farthest(points, known, n)
    return np.concatenate([[0], farthest(points, points[:1], n - 1)]).astype(np.int64)


def around(space: ParameterSpace, learned: Array, n: int, sigma: float, seed: int) -> Array:
    """Return ``n`` parameter sets for each site: its learned set, and normal steps away from it.

    Steps are normal in the unit cube, reflected at its faces so that they do not pile up there.

    Args:
        space: bounds and scales.
        learned: (site, parameter) values.
        n: sets a site, the learned one included.
        sigma: standard deviation of a step [share of the box].
        seed: decides the steps.

    Returns:
        (site, n, parameter) values.
    """
    unit = np.clip(space.to_unit(learned), 0.0, 1.0)
    return space.from_unit(_steps(unit, n, sigma, np.random.default_rng(seed)))


def propose(
    space: ParameterSpace,
    learned: Array,
    n: int,
    seed: int,
    sigma: float = 0.08,
    global_share: float = 0.25,
    skip: int = 0,
    sampler: str = "sobol",
) -> Array:
    """Return ``n`` sets for each site, most around its learned set and a share that goes on with the design.

    Args:
        space: bounds and scales.
        learned: (site, parameter) values.
        n: sets a site.
        seed: of the design's sampler, and of the steps.
        sigma: standard deviation of a step [share of the box].
        global_share: share of the sets that the design's sampler gives; the learned set always stays.
        skip: how many points it gave before.
        sampler: name in ``SAMPLERS``.

    Returns:
        (site, n, parameter) values.
    """
    wide = min(n - 1, round(global_share * n))
    near = around(space, learned, n - wide, sigma, seed)
    if not wide:
        return near
    points = SAMPLERS.resolve(sampler)(len(space), len(learned) * wide, seed, skip)
    points = points.reshape(wide, len(learned), len(space))
    return np.concatenate([near, space.from_unit(points.swapaxes(0, 1))], axis=1)


def _global(learned: Queries, n: int, seed: int, sampler: str, drawn: int, rng: np.random.Generator) -> Batch:
    """The next ``n`` points of the global sequence, which the sites take in shuffled turns."""
    unit = SAMPLERS.resolve(sampler)(learned.unit.shape[1], n, seed, drawn)
    return Batch(np.resize(rng.permutation(len(learned)), n), unit, np.full(n, "global", dtype="<U12"))


def _at(learned: Queries, site: Index, unit: Array) -> Queries:
    """Other parameters at the sites of ``learned``."""
    there = learned.only(site)
    return Queries(unit, there.properties, there.climate, learned.years)


def _new(points: Points, known: Points) -> Index:
    """Rows of the candidates that are neither known nor the same as one before."""
    _, first = np.unique(np.round(points / SAME), axis=0, return_index=True)
    rows = np.sort(first)
    if not len(known):
        return rows
    near = known[nearest(known, points[rows], NEIGHBOURS)]
    apart = np.abs(points[rows, None] - near).max(axis=2).min(axis=1)
    return rows[apart > SAME]


def _steps(unit: Array, n: int, sigma: float, rng: np.random.Generator) -> Array:
    """(site, n, parameter) points: each of (site, parameter) ``unit`` itself, and normal steps away from it."""
    steps = rng.normal(0.0, sigma, (len(unit), n, unit.shape[1]))
    steps[:, 0] = 0.0
    return _reflected(unit[:, None] + steps)


def _reflected(unit: Array) -> Array:
    """Fold values back into [0, 1] at its ends."""
    return 1.0 - np.abs(1.0 - np.mod(unit, 2.0))
