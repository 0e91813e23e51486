"""Forms that a surrogate may have; each entry is ``build(spec, **options) -> keras.Model``.

The model takes a dict of forcing (basin, time, forcing), parameters (basin, parameter), properties
(basin, property) and state (basin, state), the state at the end of the day before the first, and gives
the outputs (basin, time, output); everything in physical units.
"""

from pathlib import Path

from legacy_models.files import sha256_of_sources
from legacy_models.tables import Table

ARCHITECTURES = Table(
    "architecture",
    {
        "lstm": "surrogates.architectures.lstm:build",
        "vic_hybrid": "surrogates.architectures.vic_hybrid:build",
    },
)

MIXED_PRECISION = frozenset({"lstm"})
"""Architectures that train well in bfloat16 where the device has it; equations of stores need float32."""


def equations() -> str:
    """Return the hash of this package's sources: weights trained under other ones do not fit, or mean other things."""
    return sha256_of_sources(Path(__file__).parent)
