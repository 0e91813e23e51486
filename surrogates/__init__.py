"""Differentiable emulators of a legacy model: physical units in, physical units out."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from surrogates.surrogate import Surrogate

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # must be said before anybody imports keras


def load(path: Path) -> "Surrogate":
    """Load the frozen surrogate that ``surrogates.bundle.save`` wrote to ``path``.

    Raises:
        BundleError: if the bundle is damaged, unsafe or of a newer schema.
    """
    from surrogates.bundle import load as read  # keras takes seconds to import; drawing designs need not wait

    return read(path)
