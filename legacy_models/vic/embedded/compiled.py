"""The decorator of every kernel: numba, float64, no fast-math, compiled once and kept on disk.

Numba renews a cached function when its own file changes, not when a function that it calls does; therefore
the cache folder carries a hash of all sources of this package.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numba
from numba import njit
from platformdirs import user_cache_dir

from legacy_models.files import sha256_of_bytes

Function = TypeVar("Function", bound=Callable[..., object])


def kernel(function: Function) -> Function:
    """Compile ``function`` when it is first called, or load it from the cache."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_CACHE)
    try:
        compiled: Function = njit(cache=True, fastmath=False, error_model="numpy")(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled


def cache_directory() -> Path:
    """Where compiled kernels are kept: NUMBA_CACHE_DIR, else beside the sources, else in the user's cache."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    digest = sha256_of_bytes(*(path.read_bytes() for path in sources))[:16]
    if os.environ.get("NUMBA_CACHE_DIR"):
        base = Path(os.environ["NUMBA_CACHE_DIR"])
    elif os.access(Path(__file__).parent, os.W_OK):
        base = Path(__file__).parent / "__pycache__"
    else:
        base = Path(user_cache_dir("vic-embedded"))
    return base / f"kernels-{digest}"


_CACHE = cache_directory()
