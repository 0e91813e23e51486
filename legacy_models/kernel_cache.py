"""Where numba keeps the compiled kernels of a package, and the decorator that compiles them.

Numba renews a cached function when its own file changes, not when a function that it calls does; therefore
the folder carries a hash of all sources of the package.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import numba
from numba import njit
from platformdirs import user_cache_dir

from legacy_models.files import sha256_of_bytes

Function = TypeVar("Function", bound=Callable[..., Any])


def cache_directory(package: Path) -> Path | None:
    """Where compiled kernels of a package are kept: the first of the candidates that can be written to, if any can."""
    digest = sha256_of_bytes(*(path.read_bytes() for path in sorted(package.glob("*.py"))))[:16]
    for base in _candidates(package):
        folder = base / f"kernels-{digest}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(folder, os.W_OK):
            return folder
    return None


def compile_lazily(function: Function, cache: Path | None, **options: Any) -> Function:
    """Compile ``function`` when it is first called, or load it from the cache where there is one.

    Args:
        function: what numba shall compile.
        cache: from ``cache_directory``; None compiles it in every process anew.
        options: of ``numba.njit``.
    """
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(cache)
    try:
        compiled: Function = njit(cache=cache is not None, **options)(function)
    finally:
        numba.config.CACHE_DIR = before
    return compiled


def _candidates(package: Path) -> Iterator[Path]:
    """Yield NUMBA_CACHE_DIR where it is set, a folder beside the sources, one in the user's cache."""
    if os.environ.get("NUMBA_CACHE_DIR"):
        yield Path(os.environ["NUMBA_CACHE_DIR"])
    yield package / "__pycache__"
    yield Path(user_cache_dir("dpl-hydrology"))
