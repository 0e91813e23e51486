"""Which program is run, and its version: the user's VIC 5, or the embedded one."""

import os
import sys
from importlib import metadata
from pathlib import Path

from legacy_models.errors import LegacyModelError
from legacy_models.files import sha256_of_bytes, sha256_of_file

FORMAT_MODULES = (
    "global_file",
    "soil_file",
    "vegetation_files",
    "snow_band_file",
    "constants_file",
    "forcing_file",
    "flux_file",
)


def command(executable: str | None) -> list[str]:
    """The program and what comes before its arguments.

    Raises:
        LegacyModelError: if the executable is not there or may not be executed.
    """
    if executable is None:
        return [sys.executable, "-P", "-m", "legacy_models.vic.embedded.program"]
    return [str(usable(executable))]


def version(executable: str | None) -> str:
    """SHA-256 of the executable, or of the embedded program; see `embedded_version`.

    Raises:
        LegacyModelError: if the executable is not there or may not be executed.
    """
    return embedded_version() if executable is None else sha256_of_file(usable(executable))


def embedded_version() -> str:
    """SHA-256 of the embedded program's sources, its file formats, and the versions of numba and numpy."""
    folder = Path(__file__).parent
    sources = [
        *sorted((folder / "embedded").glob("*.py")),
        *(folder / f"{name}.py" for name in FORMAT_MODULES),
    ]
    libraries = [f"{name} {metadata.version(name)}".encode() for name in ("numba", "numpy")]
    texts = [part for path in sources for part in (path.name.encode(), path.read_bytes())]
    return sha256_of_bytes(*texts, *libraries)


def usable(executable: str) -> Path:
    """The absolute path of an executable file.

    Raises:
        LegacyModelError: if it is not there or may not be executed.
    """
    path = Path(executable).expanduser().resolve()
    if not path.is_file():
        raise LegacyModelError(f"no VIC 5 program at {path}; leave out 'executable' for the embedded program")
    if not os.access(path, os.X_OK):
        raise LegacyModelError(f"the VIC 5 program {path} may not be executed; chmod +x it")
    return path
