"""The decorators of the surrogates' kernels: numba, float32, without the interpreter's lock, kept on disk.

Products and sums may be contracted and divisions turned into multiplications; values that are not finite stay
what they are, since training must notice them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from numba import njit

from legacy_models.files import sha256_of_bytes
from legacy_models.vic.embedded.compiled import cache_directory

Compiled = Callable[..., Any]

OPTIONS = {"fastmath": {"contract", "nsz", "arcp"}, "error_model": "numpy", "nogil": True}


def inlined(function: Compiled) -> Compiled:
    """Compile ``function`` into whatever calls it, so that the loop around the call can be vectorised."""
    compiled: Compiled = njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)
    return compiled


def kernel(function: Compiled) -> Compiled:
    """Compile ``function`` when it is first called, or load it from the cache, as the embedded VIC does."""
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(_CACHE)
    try:
        compiled: Compiled = njit(cache=True, no_cfunc_wrapper=True, **OPTIONS)(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled


def _digest() -> str:
    """Hash of this package: numba looks only at a function's own file for whether it changed."""
    return sha256_of_bytes(*(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))))[:16]


_CACHE = cache_directory().with_name(f"surrogates-{_digest()}")
