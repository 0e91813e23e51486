"""A run's key: the hash of the model's version and of all that its program reads."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from legacy_models.errors import DataError
from legacy_models.files import sha256_of_bytes, sha256_of_json
from legacy_models.model import Forcing, Run, with_spinup

_digests: WeakKeyDictionary[Forcing, dict[tuple[str, str, int], str]] = WeakKeyDictionary()


def run_key(version: str, run: Run, spinup_years: int, options: Mapping[str, Any] | None = None) -> str:
    """Return the SHA-256 of everything that decides the outcome of ``run``.

    That is the version, the forcing with its spin-up, the recorded days, the parameter values, the site's
    properties and the adapter's options. The site's name and the purpose are labels and stay out. A run whose
    forcing does not reach as far as it should has a key too: of the record as it is.

    Args:
        version: of the model.
        run: the run.
        spinup_years: length of the spin-up.
        options: whatever else the adapter writes into the input, as plain values.
    """
    described = {
        "start": str(run.start.astype("datetime64[D]")),
        "end": str(run.end.astype("datetime64[D]")),
        "spinup_years": spinup_years,
        "properties": {name: repr(float(value)) for name, value in run.site.properties.items()},
        "options": dict(options or {}),
    }
    try:
        forcing = forcing_digest(run, spinup_years)
    except DataError:
        forcing = run.site.forcing.digest
    return sha256_of_bytes(
        version.encode(),
        forcing.encode(),
        np.ascontiguousarray(run.parameters, dtype=np.float64).tobytes(),
        sha256_of_json(described).encode(),
    )


def forcing_digest(run: Run, spinup_years: int) -> str:
    """Return the digest of the run's forcing from the first day of spin-up to the end; remembered."""
    period = (str(run.start), str(run.end), spinup_years)
    known = _digests.setdefault(run.site.forcing, {})
    if period not in known:
        known[period] = with_spinup(run.site.forcing, run.start, run.end, spinup_years).digest
    return known[period]
