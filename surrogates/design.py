"""Which runs of the legacy model a surrogate learns from: parameter sets, sites, periods and climates.

Run j of a site is drawn by a rule that depends on j, so that a design of more runs begins with that of fewer:

- **even** sets fill the box evenly (``SAMPLERS``);
- **boundary** sets are even ones with some coordinates pushed to a face: learned parameters crowd there;
- **correlated** sets are a smooth random function of the sites' features, another one for each j: learned parameters
  are such a function, and vary little between like sites;
- **gradient** pairs are the central neighbours of a site's set along one coordinate.
"""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr
from scipy.stats import qmc, rankdata

from legacy_models.parameters import Array, ParameterSpace
from surrogates import SAMPLERS
from surrogates.scaled_space import nearest
from surrogates.settings import DesignSettings

Kind = Literal["even", "boundary", "correlated"]

EDGE = 0.02
"""Boundary coordinates lie this close to a face [share of the box]."""

PUSHED = 0.25
"""Probability that a coordinate of a boundary set is pushed to a face; one of them always is."""

HALF_STEP = 0.02
"""Distance of a gradient pair's members from their set [share of the box]."""

GOLDEN = 0.5 * (np.sqrt(5.0) - 1.0)


def parameter_sets(space: ParameterSpace, features: Array, settings: DesignSettings, seed: int) -> Array:
    """Return the parameter sets of each site.

    Args:
        space: bounds and scales.
        features: (site, feature) attributes of the sites, standardised.
        settings: how many, and of what kinds.
        seed: decides all draws.

    Returns:
        (site, set, parameter) values.
    """
    n, sites, dimensions = settings.runs_per_basin, len(features), len(space)
    draw = SAMPLERS.resolve(settings.sampler)
    unit = draw(dimensions, sites * n, seed, 0).reshape(n, sites, dimensions)
    for number in range(n):
        rng = np.random.default_rng([seed, number])
        match kind_of(number, settings):
            case "boundary":
                unit[number] = pushed_to_faces(unit[number], rng)
            case "correlated":
                unit[number] = smooth_map(features, dimensions, rng)
    return space.from_unit(unit.swapaxes(0, 1))


def kind_of(number: int, settings: DesignSettings) -> Kind:
    """Kind of each site's set ``number``, from 0; the shares hold, about, for the first n of any n."""
    place = (0.5 + number * GOLDEN) % 1.0
    if place < settings.boundary_share:
        return "boundary"
    return "correlated" if place < settings.boundary_share + settings.correlated_share else "even"


def sobol(space: ParameterSpace, n: int, seed: int, skip: int = 0) -> Array:
    """Return ``n`` points of the scrambled Sobol sequence over the box, as (n, parameter) values."""
    return space.from_unit(unit_sobol(len(space), n, seed, skip))


def unit_sobol(dimensions: int, n: int, seed: int, skip: int = 0) -> Array:
    """Return ``n`` points of the scrambled Sobol sequence in the unit cube, (n, dimension).

    The sequence is one: the next ``n`` after ``skip`` points continue it, so a design can grow.

    Source:
        Sobol (1967), doi:10.1016/0041-5553(67)90144-9; Owen (1998), doi:10.1006/jcom.1998.0487 (scrambling).
    """
    sampler = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed), bits=30)
    if skip:
        sampler.fast_forward(skip)
    power = max(1, int(np.ceil(np.log2(max(n, 1)))))
    points = sampler.random_base2(power) if skip == 0 else sampler.random(n)
    return np.asarray(points[:n], dtype=np.float64)


def unit_latin_hypercube(dimensions: int, n: int, seed: int, skip: int = 0) -> Array:
    """Return ``n`` points of which each n-th of each coordinate holds one, (n, dimension).

    This cannot grow: another ``n`` gives other points. What is drawn after ``skip`` points is a hypercube of its own
    beside the first.

    Source:
        McKay et al. (1979), doi:10.1080/00401706.1979.10489755.
    """
    sampler = qmc.LatinHypercube(dimensions, seed=np.random.default_rng([seed, skip]))
    return np.asarray(sampler.random(n), dtype=np.float64)


def pushed_to_faces(unit: Array, rng: np.random.Generator) -> Array:
    """Push some coordinates of (point, dimension) to within ``EDGE`` of a face, at least one of each point."""
    chosen = rng.random(unit.shape) < PUSHED
    chosen[np.arange(len(unit)), rng.integers(0, unit.shape[1], len(unit))] = True
    near = EDGE * rng.random(unit.shape)
    return np.where(chosen, np.where(rng.random(unit.shape) < 0.5, near, 1.0 - near), unit)


def smooth_map(features: Array, dimensions: int, rng: np.random.Generator, hidden: int = 32) -> Array:
    """Return a smooth random function of (site, feature) features, even in each coordinate of the unit cube.

    u = Phi((z + b) / sqrt(2)), with z = tanh(features W / sqrt(feature) + a) V scaled to unit variance and a, b, W,
    V normal: sites differ about as much as maps do.

    Returns:
        (site, dimension) points.
    """
    inner = rng.normal(size=(features.shape[1], hidden)) / np.sqrt(max(features.shape[1], 1))
    offset, outer = rng.normal(size=hidden), rng.normal(size=(hidden, dimensions))
    response = np.tanh(features @ inner + offset)
    scale = np.sqrt(np.mean(response**2) * hidden)
    shift = rng.normal(size=dimensions)
    return np.asarray(ndtr((response @ outer / scale + shift) / np.sqrt(2.0)))


def gradient_pairs(space: ParameterSpace, sets: Array, pairs: int) -> tuple[npt.NDArray[np.int64], Array]:
    """Return central neighbours of some sets of each site, which tell the legacy model's sensitivities.

    Pair p of site i is about its set p and along coordinate (i + p) modulo the number of parameters, so that all
    coordinates are met across sites. A set closer to a face than the half step is moved inwards first.

    Args:
        space: bounds and scales.
        sets: (site, set, parameter) values.
        pairs: how many a site, at most as many as sets.

    Returns:
        (2 pairs,) the set of each neighbour, and (site, 2 pairs, parameter) values, lower and upper in turn.
    """
    unit = np.clip(space.to_unit(sets[:, :pairs]), HALF_STEP, 1.0 - HALF_STEP)
    along = np.add.outer(np.arange(len(sets)), np.arange(pairs)) % len(space)
    step = HALF_STEP * (np.arange(len(space)) == along[..., None])
    both = np.stack([unit - step, unit + step], axis=2).reshape(len(sets), 2 * pairs, len(space))
    return np.repeat(np.arange(pairs), 2), space.from_unit(both)


def stratified(features: Array, n: int) -> npt.NDArray[np.int64]:
    """Choose ``n`` rows that cover the space of (row, feature), each feature replaced by its rank.

    The first is the most central one, each other the one farthest from all before: more rows begin with the same.
    """
    ranks = rankdata(features, axis=0) / len(features)
    first = int(np.abs(ranks - 0.5).sum(axis=1).argmin())
    return np.concatenate([[first], farthest(ranks, ranks[[first]], min(n, len(features)) - 1)])


def farthest(candidates: npt.NDArray[Any], known: npt.NDArray[Any], n: int) -> npt.NDArray[np.int64]:
    """Return the rows of ``n`` candidates, each in turn the one farthest from all that is known or chosen.

    Args:
        candidates: (candidate, dimension) points.
        known: (point, dimension) points that are there already, at least one.
        n: how many to choose.

    Source:
        Gonzalez (1985), doi:10.1016/0304-3975(85)90224-5 (k-centre).
    """
    distance = np.linalg.norm(candidates - known[nearest(known, candidates, 1)[:, 0]], axis=-1)
    chosen = []
    for _ in range(min(n, len(candidates))):
        chosen.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(candidates - candidates[chosen[-1]], axis=-1))
    return np.array(chosen, dtype=np.int64)
