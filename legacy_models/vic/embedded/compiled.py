"""The decorator of every kernel: numba, float64, no fast-math, compiled once and kept on disk."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from legacy_models.kernel_cache import cache_directory, compile_lazily

Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compile ``function`` when it is first called, or load it from the cache where there is one.

    It must not make arrays: kernels count no references to arrays, which took them a third of their time.
    """
    return compile_lazily(function, _CACHE, fastmath=False, error_model="numpy", _nrt=False)


_CACHE = cache_directory(Path(__file__).parent)
