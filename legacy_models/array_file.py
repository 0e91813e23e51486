"""HDF5 files of arrays that are read back without HDF5; the only door to h5py.

A single flipped bit in the inner tables of an HDF5 file can make its library loop for ever (seen with
1.14.6). So a file begins with a header of our own, in the place that HDF5 leaves to its users (the user
block): what the file holds as JSON, where each array lies, and checksums. Reading goes by the header alone;
any HDF5 tool reads the same file as usual.

    array-file 1 <header bytes> <JSON bytes> <SHA-256 of the JSON> <SHA-256 of the HDF5 part>
    <JSON, padded to the header's size>
    <HDF5>
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from legacy_models.errors import StoreError
from legacy_models.files import sha256_of_bytes, sha256_of_pieces, written_aside

Places = Mapping[str, tuple[int, tuple[int, ...], str]]

_MAGIC = b"array-file"
_FIRST_LINE = 256  # bytes; no first line is as long
_SMALLEST_HEADER = 512  # of an HDF5 user block; larger ones are powers of two


@dataclass(frozen=True, eq=False)
class Stack:
    """An array whose rows lie apart in memory.

    Args:
        rows: any number, equal in shape and dtype.
        row_shape: shape of each.
        dtype: of each.
    """

    rows: Sequence[npt.NDArray[Any]]
    row_shape: tuple[int, ...]
    dtype: np.dtype[Any]

    def __post_init__(self) -> None:
        for row in self.rows:
            if (row.shape, row.dtype) != (self.row_shape, self.dtype):
                raise StoreError(
                    f"Expected rows of {self.dtype} and shape {self.row_shape}. Received {row.dtype}, {row.shape}."
                )

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the whole."""
        return len(self.rows), *self.row_shape


@dataclass(frozen=True, eq=False)
class ArrayFile:
    """The header of one file.

    Args:
        path: where it is.
        content: what the file holds, as plain values.
        arrays: name -> (offset in the HDF5 part, shape, dtype).
        start: where the HDF5 part begins.
        sha256: of the HDF5 part.
    """

    path: Path
    content: Mapping[str, Any]
    arrays: Places
    start: int
    sha256: str

    def read(self, name: str) -> npt.NDArray[Any]:
        """Return an array, not compared with any checksum.

        Raises:
            StoreError: if the file is gone or cut short.
        """
        offset, shape, dtype = self.arrays[name]
        count = int(np.prod(shape))
        try:
            values = np.fromfile(self.path, dtype=dtype, count=count, offset=self.start + offset)
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be read ({error.strerror})") from error
        if len(values) < count:
            raise StoreError(f"{self.path}: is cut short, {name} is not complete")
        return values.reshape(shape)

    def is_sound(self) -> bool:
        """Whether the whole HDF5 part matches its checksum."""
        try:
            data = self.path.read_bytes()
        except OSError:
            return False
        return sha256_of_bytes(data[self.start :]) == self.sha256


def write_array_file(
    path: Path, content: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any] | Stack]
) -> ArrayFile:
    """Write a file, whole or not at all, and return its header.

    Raises:
        OSError: if it cannot be written; ``path`` is then as it was.
    """
    frame, places = _hdf5_frame(arrays)
    pieces = list(_hdf5_pieces(frame, places, arrays))
    digest = sha256_of_pieces(pieces)
    text = json.dumps({"content": content, "arrays": places}, allow_nan=False).encode()
    size = _SMALLEST_HEADER
    while size < _FIRST_LINE + len(text):
        size *= 2
    first = b"%s 1 %d %d %s %s\n" % (
        _MAGIC,
        size,
        len(text),
        sha256_of_bytes(text).encode(),
        digest.encode(),
    )
    with written_aside(path) as aside, aside.open("wb") as stream:
        stream.write((first + text).ljust(size))
        stream.writelines(pieces)
    return ArrayFile(path, content, places, size, digest)


def read_array_file(path: Path) -> ArrayFile:
    """Read the header of a file.

    Raises:
        StoreError: if it is absent or damaged.
    """
    try:
        with path.open("rb") as stream:
            words = stream.readline(_FIRST_LINE).split()
            if len(words) != 6 or words[:2] != [_MAGIC, b"1"] or not (words[2] + words[3]).isdigit():
                raise StoreError(f"{path}: the first line is damaged")
            text = stream.read(min(int(words[3]), path.stat().st_size))
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror})") from error
    if sha256_of_bytes(text).encode() != words[4]:
        raise StoreError(f"{path}: the header does not match its checksum")
    header = json.loads(text)
    places = {name: (offset, tuple(shape), dtype) for name, (offset, shape, dtype) in header["arrays"].items()}
    return ArrayFile(path, header["content"], places, int(words[2]), words[5].decode("ascii", "replace"))


def bytes_of(values: npt.NDArray[Any]) -> memoryview:
    """Return the bytes of an array in C order, without a copy where they lie so."""
    return values.ravel().view(np.uint8).data


def _hdf5_frame(arrays: Mapping[str, npt.NDArray[Any] | Stack]) -> tuple[bytes, Places]:
    """Return what HDF5 writes of a file around its arrays, and where each array has its place.

    It is made in memory: a full disk is then a plain OSError of ours and leaves no half-open HDF5 file. The arrays'
    bytes are left to the caller, so that they are not copied; they are zeros here, or missing at the end.
    """
    reserved = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    reserved.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    reserved.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    places = {}
    frame = BytesIO()
    with h5py.File(frame, "w") as file:
        for name, values in arrays.items():
            dataset = file.create_dataset(name, values.shape, values.dtype, dcpl=reserved)
            offset = dataset.id.get_offset() or 0  # none where the array is empty
            places[name] = (offset, values.shape, values.dtype.str)
    return frame.getvalue(), places


def _hdf5_pieces(
    frame: bytes, places: Places, arrays: Mapping[str, npt.NDArray[Any] | Stack]
) -> Iterator[bytes | memoryview]:
    """Yield the bytes of the HDF5 file in order: the frame with the arrays in their places."""
    position = 0
    for name, (offset, _, _) in sorted(places.items(), key=lambda item: item[1][0]):
        values = arrays[name]
        rows = values.rows if isinstance(values, Stack) else [values]
        yield frame[position:offset].ljust(offset - position, b"\0")
        yield from map(bytes_of, rows)
        position = max(position, offset + sum(row.nbytes for row in rows))
    yield frame[position:]
