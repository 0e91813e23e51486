"""The run store's files: immutable segments of finished runs, and forcing records.

A segment's header holds model, period and one record a run; its arrays are ``parameters`` (run, parameter)
and ``properties`` (run, property) float64, ``outputs`` (good run, time, output) float32, and ``keys`` for
foreign readers. A run's record holds the SHA-256 of its numbers. Files exist whole or not at all.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from legacy_models.array_file import ArrayFile, Stack, bytes_of, read_array_file, write_array_file
from legacy_models.errors import StoreError
from legacy_models.files import sha256_of_bytes
from legacy_models.model import Forcing, Run, RunResult, days_between
from legacy_models.parameters import Array
from legacy_models.run_set import ModelInfo

Status = Literal["ok", "failed", "quarantined"]


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

    @classmethod
    def of(cls, key: str, run: Run, result: RunResult, forcing: str) -> "Record":
        """Describe a finished run."""
        drift = None if result.drift is None or not np.isfinite(result.drift) else float(result.drift)
        return cls(
            key=key,
            site=run.site.name,
            purpose=run.purpose,
            status=result.status,
            reason=result.reason,
            log_tail=result.log_tail,
            drift=drift,
            forcing=forcing,
        )


@dataclass(frozen=True, eq=False)
class Segment:
    """The index of one segment file."""

    file: ArrayFile
    model: ModelInfo
    start: np.datetime64
    end: np.datetime64
    records: tuple[Record, ...]

    @property
    def path(self) -> Path:
        """Where the segment is."""
        return self.file.path


@dataclass(frozen=True, eq=False)
class Block:
    """The numbers of one segment: parameters and properties of all runs, outputs of each good one."""

    parameters: Array
    properties: Array
    outputs: Sequence[npt.NDArray[np.float32]]

    def checksum(self, position: int, record: Record) -> str:
        """Return the SHA-256 of the numbers of the run at ``position``."""
        return sha256_of_bytes(
            record.key.encode(),
            bytes_of(self.parameters[position]),
            bytes_of(self.properties[position]),
            bytes_of(self.outputs[record.row]) if record.row >= 0 else b"",
        )

    def only(self, records: Sequence[Record], positions: Sequence[int]) -> "Block":
        """Return the runs at ``positions``."""
        output_rows = [records[i].row for i in positions if records[i].row >= 0]
        index = list(positions)
        return Block(self.parameters[index], self.properties[index], [self.outputs[row] for row in output_rows])


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
    content = {
        "model": model.to_dict(),
        "start": str(start),
        "end": str(end),
        "records": [{f.name: getattr(r, f.name) for f in fields(r)} for r in signed],
    }
    arrays: dict[str, npt.NDArray[Any] | Stack] = {
        "keys": np.array([r.key for r in signed], dtype=np.bytes_),
        "parameters": block.parameters,
        "properties": block.properties,
        "outputs": Stack(block.outputs, (days_between(*period) + 1, len(model.outputs)), np.dtype(np.float32)),
    }
    return Segment(write_array_file(path, content, arrays), model, start, end, signed)


def read_index(path: Path) -> Segment:
    """Read the index of a segment.

    Raises:
        StoreError: if it is damaged.
    """
    file = read_array_file(path)
    return Segment(
        file,
        ModelInfo.from_dict(file.content["model"]),
        np.datetime64(file.content["start"], "D"),
        np.datetime64(file.content["end"], "D"),
        tuple(Record(**values) for values in file.content["records"]),
    )


def read_block(segment: Segment) -> Block:
    """Read the numbers of a segment, not yet compared with their checksums.

    Raises:
        StoreError: if the file is gone or cut short.
    """
    parameters, properties, outputs = (segment.file.read(name) for name in ("parameters", "properties", "outputs"))
    return Block(parameters, properties, list(outputs))


def write_forcing(path: Path, forcing: Forcing) -> None:
    """Write a forcing record, whole or not at all.

    Raises:
        OSError: if it cannot be written.
    """
    content = {"first_day": str(forcing.dates[0].astype("datetime64[D]")), "names": forcing.names}
    write_array_file(path, content, {"values": np.asarray(forcing.values, dtype=np.float64)})


def read_forcing(path: Path, digest: str) -> Forcing:
    """Read a forcing record.

    Raises:
        StoreError: if it is absent or its digest is not ``digest``.
    """
    file = read_array_file(path)
    values = file.read("values")
    first = np.datetime64(file.content["first_day"], "D")
    dates = first + np.arange(len(values), dtype="timedelta64[D]")
    forcing = Forcing(dates, values, tuple(file.content["names"]))
    if forcing.digest != digest:
        raise StoreError(f"{path}: the forcing does not match its digest")
    return forcing
