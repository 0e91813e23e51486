"""The decorators of the surrogates' kernels: numba, float32, without the interpreter's lock, kept on disk.

Products and sums may be contracted and divisions turned into multiplications; values that are not finite stay
what they are, since training must notice them.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from numba import njit

from legacy_models.kernel_cache import cache_directory, compile_lazily

Compiled = Callable[..., Any]

OPTIONS = {"fastmath": {"contract", "nsz", "arcp"}, "error_model": "numpy", "nogil": True}


def inlined(function: Compiled) -> Compiled:
    """Compile ``function`` into whatever calls it, so that the loop around the call can be vectorised."""
    compiled: Compiled = njit(forceinline=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, **OPTIONS)(function)
    return compiled


def kernel(function: Compiled) -> Compiled:
    """Compile ``function`` when it is first called, or load it from the cache where there is one."""
    return compile_lazily(function, _CACHE, no_cfunc_wrapper=True, **OPTIONS)


_CACHE = cache_directory(Path(__file__).parent)
