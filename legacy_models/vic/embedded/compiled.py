"""The decorator of every kernel: numba, float64, no fast-math, compiled once and kept on disk.

Numba renews a cached function when its own file changes, not when a function that it calls does; therefore
the cache folder carries a hash of all sources of this package.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import numba
from numba import njit
from platformdirs import user_cache_dir

from legacy_models.files import sha256_of_bytes

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile ``function`` when it is first called, or load it from the cache where there is one.

    It must not make arrays: kernels count no references to arrays, which took them a third of their time.
    """
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_CACHE)
    try:
        decorate = njit(cache=_CACHE is not None, fastmath=False, error_model="numpy", _nrt=False)
        compiled: Function = decorate(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled


def cache_directory() -> Path | None:
    """Where compiled kernels are kept: the first of the candidates that can be written to; None if none can."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = sha256_of_bytes(*(path.read_bytes() for path in sources))[:16]
    for base in _candidates():
        folder = base / f"kernels-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return None


def _candidates() -> Iterator[Path]:
    """Yield NUMBA_CACHE_DIR where it is set, a folder beside the sources, one in the user's cache."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(os.environ["NUMBA_CACHE_DIR"])
    yield Path(__file__).parent / "__pycache__"
    yield Path(user_cache_dir("vic-embedded"))


_CACHE = cache_directory()
