"""Content hashes, and files that are either written whole or not at all."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt


def sha256_of_bytes(*parts: bytes | memoryview) -> str:
    """Return the SHA-256 of ``parts``, each preceded by its length so that borders count."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.hexdigest()


def sha256_of_pieces(pieces: Sequence[bytes | memoryview]) -> str:
    """Return what ``sha256_of_bytes`` gives of all ``pieces`` joined to one part."""
    digest = hashlib.sha256(sum(map(len, pieces)).to_bytes(8, "little"))
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the SHA-256 of the file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_json(value: Any) -> str:
    """Return the SHA-256 of ``value`` as canonical JSON (sorted keys, no spaces)."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def sha256_of_sources(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of all Python sources in ``folder`` and below."""
    sources = sorted(folder.rglob("*.py"))
    names = [path.relative_to(folder).as_posix() for path in sources]
    return sha256_of_json([names, sha256_of_bytes(*(path.read_bytes() for path in sources))])


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Yield a path beside ``path`` to write to; on success it is synced and renamed into place.

    On an exception the partial file is removed and ``path`` stays as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    try:
        yield aside
        _sync(aside)
        aside.replace(path)
        _sync(path.parent)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, whole or not at all."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON, whole or not at all; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")


def scratch_array(shape: tuple[int, ...], dtype: npt.DTypeLike, directory: Path | None) -> npt.NDArray[Any]:
    """Return an array to fill: in a file of ``directory`` that has no name, or in memory where that is None.

    The system keeps in memory what is used of the file and gives the rest back when others need room. The file is gone
    with the array, or with the process, however it ends.

    Raises:
        OSError: if the disk has no room for it.
    """
    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if directory is None or not size:
        return np.empty(shape, dtype)
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=directory) as stream:
        os.posix_fallocate(stream.fileno(), 0, size)  # a full disk is an error here, and would be a signal later
        return np.memmap(stream, dtype, "r+", shape=shape)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
