"""The run store's HDF5 files: immutable segments of runs, and forcing; the only door to h5py.

A segment is made in memory, written aside, synced and renamed, so that it exists whole or not at all. Its
datasets are ``index`` (JSON: model, period, one record a run), ``parameters`` (run, parameter) and
``properties`` (run, property) float64, and ``outputs`` (good run, time, output) float32. The index comes with
its own SHA-256 and holds, for each run, the SHA-256 of its numbers.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal
from uuid import uuid4

import h5py
import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError, StoreError
from legacy_models.files import sha256_of_bytes, written_aside
from legacy_models.ledger import SCHEMA_VERSION
from legacy_models.model import Forcing, days_between
from legacy_models.parameters import Array
from legacy_models.run_set import ModelInfo

Status = Literal["ok", "failed", "quarantined"]
# What reading a damaged file may raise, in h5py or on the way from its numbers to our types.
_UNREADABLE = (
    OSError,
    LookupError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    MemoryError,
    OverflowError,
    DataError,
)


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one run without its numbers.

    Args:
        key: of the run.
        site: name of the site.
        purpose: the run's label.
        status: as in ``RunResult``.
        reason: as in ``RunResult``.
        log_tail: as in ``RunResult``.
        drift: as in ``RunResult``.
        forcing: digest of the forcing with spin-up; empty unless ok.
        row: where its outputs are in the segment; -1 unless ok.
        sha256: of parameters, properties and outputs.
    """

    key: str
    site: str
    purpose: str
    status: Status
    reason: str = ""
    log_tail: str = ""
    drift: float | None = None
    forcing: str = ""
    row: int = -1
    sha256: str = ""


@dataclass(frozen=True, eq=False)
class Segment:
    """The index of one segment file."""

    path: Path
    model: ModelInfo
    start: np.datetime64
    end: np.datetime64
    records: tuple[Record, ...]


@dataclass(frozen=True, eq=False)
class Block:
    """The numbers of one segment: parameters and properties of all runs, outputs of the good ones."""

    parameters: Array
    properties: Array
    outputs: npt.NDArray[np.float32]

    def checksum(self, position: int, record: Record) -> str:
        """Return the SHA-256 of the numbers of the run at ``position``."""
        outputs = self.outputs[record.row].tobytes() if record.row >= 0 else b""
        return sha256_of_bytes(
            record.key.encode(),
            self.parameters[position].tobytes(),
            self.properties[position].tobytes(),
            outputs,
        )

    def only(self, records: Sequence[Record], positions: Sequence[int]) -> "Block":
        """Return the runs at ``positions``."""
        output_rows = [records[i].row for i in positions if records[i].row >= 0]
        index = list(positions)
        return Block(self.parameters[index], self.properties[index], self.outputs[output_rows])


def write_segment(
    path: Path,
    model: ModelInfo,
    period: tuple[np.datetime64, np.datetime64],
    records: Sequence[Record],
    block: Block,
) -> Segment:
    """Write one segment, whole or not at all, and return its index; rows and checksums are filled in here.

    Args:
        path: where to.
        model: the model that made the runs.
        period: first and last recorded day.
        records: one per run; ``row`` and ``sha256`` are ignored.
        block: their numbers, good runs in the order of ``records``.

    Raises:
        OSError: if it cannot be written; ``path`` is then as it was.
    """
    rows = iter(range(len(block.outputs)))
    placed = [replace(r, row=next(rows) if r.status == "ok" else -1) for r in records]
    signed = tuple(replace(r, sha256=block.checksum(i, r)) for i, r in enumerate(placed))
    start, end = (day.astype("datetime64[D]") for day in period)
    index = json.dumps(
        {
            "schema_version": SCHEMA_VERSION,
            "model": model.to_dict(),
            "start": str(start),
            "end": str(end),
            "records": [asdict(r) for r in signed],
        },
        allow_nan=False,
    ).encode()

    def fill(file: Any) -> None:
        file.attrs["index_sha256"] = sha256_of_bytes(index)
        file["index"] = np.frombuffer(index, dtype=np.uint8)
        file["parameters"], file["properties"] = block.parameters, block.properties
        file["outputs"] = block.outputs

    _write(path, fill)
    return Segment(path, model, start, end, signed)


def read_index(path: Path) -> Segment:
    """Read the index of a segment.

    Raises:
        StoreError: if it is damaged or of a newer schema.
    """
    with _open(path) as file:
        text = file["index"][()].tobytes()
        if sha256_of_bytes(text) != file.attrs["index_sha256"]:
            raise StoreError(f"{path}: the index does not match its checksum")
        index: Mapping[str, Any] = json.loads(text)
    if index["schema_version"] > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"{path} has schema_version {index['schema_version']}, newer than {SCHEMA_VERSION}: upgrade"
        )
    start, end = np.datetime64(index["start"], "D"), np.datetime64(index["end"], "D")
    records = tuple(Record(**values) for values in index["records"])
    return Segment(path, ModelInfo.from_dict(index["model"]), start, end, records)


class NewerSchemaError(StoreError):
    """A file of the store was written by a newer version; it is not damaged."""


def read_block(segment: Segment) -> Block:
    """Read the numbers of a segment, not yet compared with their checksums.

    Raises:
        StoreError: if they cannot be read or have another shape than the index says.
    """
    model, runs = segment.model, len(segment.records)
    good = sum(record.row >= 0 for record in segment.records)
    shapes = {
        "parameters": (runs, len(model.parameters)),
        "properties": (runs, len(model.properties)),
        "outputs": (good, days_between(segment.start, segment.end) + 1, len(model.outputs)),
    }
    with _open(segment.path) as file:
        for name, shape in shapes.items():
            if file[name].shape != shape:
                raise StoreError(f"{segment.path}: {name} should be of shape {shape}, is {file[name].shape}")
        return Block(
            np.asarray(file["parameters"][()], np.float64),
            np.asarray(file["properties"][()], np.float64),
            np.asarray(file["outputs"][()], np.float32),
        )


def write_forcing(path: Path, forcing: Forcing) -> None:
    """Write a forcing record, whole or not at all."""

    def fill(file: Any) -> None:
        file["values"] = forcing.values
        file.attrs["first_day"] = str(forcing.dates[0].astype("datetime64[D]"))
        file.attrs["names"] = ",".join(forcing.names)

    _write(path, fill)


def read_forcing(path: Path, digest: str) -> Forcing:
    """Read a forcing record.

    Raises:
        StoreError: if it is absent or its digest is not ``digest``.
    """
    with _open(path) as file:
        values = np.asarray(file["values"][()], np.float64)
        first = np.datetime64(file.attrs["first_day"], "D")
        dates = first + np.arange(len(values), dtype="timedelta64[D]")
        forcing = Forcing(dates, values, tuple(file.attrs["names"].split(",")))
        if forcing.digest != digest:
            raise StoreError(f"{path}: the forcing does not match its digest")
    return forcing


def _write(path: Path, fill: Callable[[Any], None]) -> None:
    """Write an HDF5 file by way of memory: a full disk then is a plain OSError, not a broken HDF5 library."""
    with h5py.File(f"in-memory-{uuid4()}", "w", driver="core", backing_store=False) as file:
        fill(file)
        file.flush()
        image = file.id.get_file_image()
    with written_aside(path) as aside:
        aside.write_bytes(image)


@contextmanager
def _open(path: Path) -> Iterator[Any]:
    """Open for reading; whatever a damaged file makes h5py raise becomes a StoreError that names it."""
    try:
        with h5py.File(path, "r") as file:
            yield file
    except _UNREADABLE as error:
        raise StoreError(f"{path}: cannot be read ({type(error).__name__}: {error})") from error
