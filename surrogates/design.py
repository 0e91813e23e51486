"""Quasi-random parameter sets: which runs of the legacy model a surrogate learns from."""

import numpy as np
from scipy.stats import qmc

from legacy_models.parameters import Array, ParameterSpace


def sobol(space: ParameterSpace, n: int, seed: int, skip: int = 0) -> Array:
    """Return ``n`` points of the scrambled Sobol sequence over the box, as parameter values.

    The sequence is one: the next ``n`` after ``skip`` points continue it, so a design can grow.

    Args:
        space: bounds and scales; points are even in its unit cube.
        n: how many points.
        seed: scrambles the sequence.
        skip: how many points were drawn before.

    Returns:
        (n, parameter) values.

    Source:
        Sobol (1967), doi:10.1016/0041-5553(67)90144-9; Owen (1998), doi:10.1006/jcom.1998.0487 (scrambling).
    """
    return space.from_unit(unit_sobol(len(space), n, seed, skip))


def unit_sobol(dimensions: int, n: int, seed: int, skip: int = 0) -> Array:
    """Return ``n`` points of the scrambled Sobol sequence in the unit cube, (n, dimension)."""
    sampler = qmc.Sobol(dimensions, scramble=True, seed=np.random.default_rng(seed), bits=30)
    if skip:
        sampler.fast_forward(skip)
    power = max(1, int(np.ceil(np.log2(max(n, 1)))))
    points = sampler.random_base2(power) if skip == 0 else sampler.random(n)
    return np.asarray(points[:n], dtype=np.float64)
