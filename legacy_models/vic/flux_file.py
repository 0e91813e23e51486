"""VIC's output files, one a cell: ASCII and BINARY, to a `FluxTable` and back.

BINARY, little-endian, as the classic driver of VIC 5 writes it on a 64-bit machine: 4 x 0xFFFF (uint16),
header bytes in all (uint16); part 1: its bytes (uint16), model steps (uint64), start year (int32), month, day
(uint16), second (uint32), OUTVARs + 3 (uint64); part 2: its bytes (uint16), then for each column the length
of its name (int8), name, type code (int8), multiplier (float32). Rows follow: three int32 (year, month, day),
then the columns, float32 unless the global file asks for another type. The multipliers are those of the global
file; the program prints them in the header and does not apply them.

Source: VIC 5 documentation, classic driver, OutputFormatting (vic.readthedocs.io); the sizes of part 1 are
those of the program, which the documentation gives as int.
"""

import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.model import Dates

_IDENTIFIER = b"\xff" * 8
_PART_1 = struct.Struct("<HQiHHIQ")
_COLUMN_TAIL = struct.Struct("<bf")
_INT, _FLOAT = 4, 5
_TYPES = {1: "<i1", 2: "<i2", 3: "<u2", _INT: "<i4", _FLOAT: "<f4", 6: "<f8"}
_DATE_NAMES = ("YEAR", "MONTH", "DAY")


@dataclass(frozen=True, eq=False)
class FluxTable:
    """Daily output of one cell.

    Args:
        names: (column,) for example ``OUT_RUNOFF``, ``OUT_SOIL_MOIST_0``.
        dates: (time,) days.
        values: (time, column) float64; fluxes mm a day, states at the end of the day.
    """

    names: tuple[str, ...]
    dates: Dates
    values: npt.NDArray[np.float64]

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """(time,) values of one column.

        Raises:
            DataError: naming the columns there are.
        """
        if name not in self.names:
            raise DataError(f"the output has no {name}; it has {', '.join(self.names)}")
        return self.values[:, self.names.index(name)]


def format_ascii(table: FluxTable, prefix: str, version: str, formats: Sequence[str] = ()) -> str:
    """Return the text of an ASCII output file.

    Args:
        table: what to write.
        prefix: the OUTFILE name, repeated in the first line.
        version: the program's version, in the second line.
        formats: (column,) printf formats; VIC's default ``%.4f`` for all where empty.
    """
    row = "%04d\t%02d\t%02d\t" + "\t ".join(formats or ["%.4f"] * len(table.names)) + "\n"
    header = f"# SIMULATION: {prefix}\n# MODEL_VERSION: {version}\nYEAR\tMONTH\tDAY\t" + "\t ".join(table.names) + "\n"
    dates = _calendar(table.dates).tolist()
    return header + "".join(row % (*day, *values) for day, values in zip(dates, table.values.tolist(), strict=True))


def read_ascii(text: str) -> FluxTable:
    """Parse an ASCII output file.

    Raises:
        DataError: if the header is missing, or a row is not as long as the header (a truncated file).
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    names = lines[0].split() if lines else []
    if tuple(names[:3]) != _DATE_NAMES:
        raise DataError(f"output file: expected a header that begins with YEAR MONTH DAY, received {names[:3]}")
    rows = [line.split() for line in lines[1:]]
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise DataError(f"output file, row {number}: {len(row)} values for {len(names)} columns")
    try:
        values = np.array(rows, dtype=np.float64).reshape(len(rows), len(names))
    except ValueError as error:
        raise DataError(f"output file: {error}") from None
    return FluxTable(tuple(names[3:]), _dates(values[:, :3].astype(np.int64)), values[:, 3:])


def format_binary(table: FluxTable, steps_per_day: int) -> bytes:
    """Return the bytes of a BINARY output file (float32 columns, multiplier 1)."""
    part_2 = b"".join(_column_header(name, _INT) for name in _DATE_NAMES)
    part_2 += b"".join(_column_header(name, _FLOAT) for name in table.names)
    first = _calendar(table.dates[:1])[0].tolist() if len(table.dates) else [0, 0, 0]
    variables = 3 + sum(not re.search(r"_[1-9]\d*$", name) for name in table.names)
    part_1 = _PART_1.pack(_PART_1.size, len(table.dates) * steps_per_day, *first, 0, variables)
    total = len(_IDENTIFIER) + 2 + len(part_1) + 2 + len(part_2)
    rows = np.empty(len(table.dates), dtype=[("date", "<i4", 3), ("values", "<f4", len(table.names))])
    rows["date"] = _calendar(table.dates)
    rows["values"] = table.values
    header = _IDENTIFIER + struct.pack("<H", total) + part_1 + struct.pack("<H", 2 + len(part_2)) + part_2
    return header + rows.tobytes()


def read_binary(content: bytes) -> FluxTable:
    """Parse a BINARY output file of daily rows.

    Raises:
        DataError: if the header is damaged or the last row is incomplete (a truncated file).
    """
    start, columns = _read_header(content)
    row = np.dtype([(f"{i}", _TYPES[code]) for i, (_, code) in enumerate(columns)])
    if (len(content) - start) % row.itemsize:
        raise DataError(
            f"output file: {len(content) - start} bytes of data are no whole number of rows of {row.itemsize}"
        )
    names = tuple(name for name, _ in columns[3:])
    if all(code == _FLOAT for _, code in columns[3:]):
        block = np.frombuffer(content, dtype="<u4", offset=start).reshape(-1, len(columns))
        days, values = block[:, :3].view("<i4"), block[:, 3:].copy().view("<f4").astype(np.float64)
    else:
        rows = np.frombuffer(content, dtype=row, offset=start)
        days = np.stack([rows[f"{i}"] for i in range(3)], axis=1)
        values = np.stack([rows[f"{i}"].astype(np.float64) for i in range(3, len(columns))], axis=1)
    return FluxTable(names, _dates(days.astype(np.int64)), values)


def _column_header(name: str, code: int) -> bytes:
    return struct.pack("<b", len(name)) + name.encode("ascii") + _COLUMN_TAIL.pack(code, 1.0)


def _read_header(content: bytes) -> tuple[int, list[tuple[str, int]]]:
    """Return where the rows begin, and (name, type code) of each column."""
    position = len(_IDENTIFIER) + 2 + _PART_1.size + 2
    if not content.startswith(_IDENTIFIER) or len(content) < position:
        raise DataError("output file: this is not the header of a BINARY file of VIC 5")
    (end,) = struct.unpack_from("<H", content, len(_IDENTIFIER))
    columns = []
    try:
        while position < end:
            (length,) = struct.unpack_from("<b", content, position)
            name = content[position + 1 : position + 1 + length].decode("ascii")
            code, _ = _COLUMN_TAIL.unpack_from(content, position + 1 + length)
            columns.append((name, code))
            position += 1 + length + _COLUMN_TAIL.size
    except (struct.error, UnicodeDecodeError):
        raise DataError("output file: the header of the BINARY file is damaged") from None
    names = tuple(name for name, _ in columns[:3])
    if position != end or names != _DATE_NAMES or any(code not in _TYPES for _, code in columns):
        raise DataError(f"output file: the header of the BINARY file is damaged; its first columns are {names}")
    return end, columns


def _calendar(dates: Dates) -> npt.NDArray[np.int64]:
    """(time, 3) year, month, day."""
    months = dates.astype("datetime64[M]")
    year = dates.astype("datetime64[Y]").astype(np.int64) + 1970
    month = months.astype(np.int64) % 12 + 1
    day = (dates.astype("datetime64[D]") - months.astype("datetime64[D]")).astype(np.int64) + 1
    return np.stack([year, month, day], axis=1)


def _dates(calendar: npt.NDArray[np.int64]) -> Dates:
    year, month, day = calendar.T
    if ((month < 1) | (month > 12) | (day < 1) | (day > 31)).any():
        raise DataError("output file: a row's date is no date")
    months: Dates = (year * 12 + month - 1 - 1970 * 12).astype("datetime64[M]")
    days: Dates = months.astype("datetime64[D]") + (day - 1)
    return days
