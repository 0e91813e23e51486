"""Which runs to add next: around the learned parameters, and some over the whole box."""

import numpy as np

from legacy_models.parameters import Array, ParameterSpace
from surrogates import SAMPLERS


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
    steps = np.random.default_rng(seed).normal(0.0, sigma, (len(unit), n, len(space)))
    steps[:, 0] = 0.0
    return space.from_unit(_reflected(unit[:, None] + steps))


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


def _reflected(unit: Array) -> Array:
    """Fold values back into [0, 1] at its ends."""
    return 1.0 - np.abs(1.0 - np.mod(unit, 2.0))
