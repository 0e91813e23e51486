"""Differentiable emulators of a legacy model: physical units in, physical units out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from legacy_models.tables import Table

if TYPE_CHECKING:
    from surrogates.surrogate import Surrogate

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # must be said before anybody imports keras

SAMPLERS = Table("sampler", {"sobol": "surrogates.design:unit_sobol", "lhs": "surrogates.design:unit_latin_hypercube"})
"""What fills the box evenly; each entry is (dimensions, n, seed, skip) -> (n, dimension) points of the unit cube."""


def load(path: Path) -> "Surrogate":
    """Load the frozen surrogate that ``surrogates.bundle.save`` wrote to ``path``.

    Raises:
        BundleError: if the bundle is damaged, unsafe or of a newer schema.
    """
    from surrogates.bundle import load as read  # keras takes seconds to import; drawing designs need not wait

    return read(path)
