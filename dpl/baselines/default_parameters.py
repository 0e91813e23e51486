"""The floor: the model's default parameters at every basin."""

import numpy as np

from legacy_models.parameters import Array, ParameterSpace


def default_parameters(space: ParameterSpace, basins: int) -> Array:
    """Return (basin, parameter) values: the defaults of ``space``, repeated for ``basins`` basins."""
    return np.tile(space.defaults, (basins, 1))
