"""VIC's ASCII forcing file: one row a step, one column a FORCE_TYPE, no header; fast both ways.

The text has a fixed number of decimals, so that equal numbers give equal bytes: half a unit of the last one
is 5e-8 mm of precipitation a step, 5e-6 degC, 5e-5 W/m2, 5e-6 kPa of pressure, 5e-7 kPa of vapour, 5e-5 m/s.
"""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.parameters import Array

FORCE_TYPES = ("PREC", "AIR_TEMP", "SWDOWN", "LWDOWN", "PRESSURE", "VP", "WIND")
DECIMALS = (7, 5, 4, 4, 5, 6, 4)
_LARGEST = 10**15


def format_forcing(values: Array, decimals: Sequence[int] = DECIMALS) -> bytes:
    """Return the text of a forcing file.

    Args:
        values: (row, column) finite numbers.
        decimals: (column,) digits after the point, at least 1.

    Raises:
        DataError: if a number is not finite or too large to print.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.rint(values * 10.0 ** np.array(decimals))
    if not (np.abs(scaled) < _LARGEST).all():
        raise DataError("forcing file: a value is NaN, infinite or absurdly large")
    blocks = [_column(scaled[:, i].astype(np.int64), places) for i, places in enumerate(decimals)]
    blocks[-1][:, -1] = ord("\n")
    return np.concatenate(blocks, axis=1).tobytes()


def read_forcing(content: bytes, columns: int = len(FORCE_TYPES)) -> Array:
    """Return the (row, column) numbers of a forcing file; leading lines that start with ``#`` are skipped.

    Raises:
        DataError: if a row has another number of columns than ``columns``, or holds what is no number.
    """
    while content.startswith(b"#"):
        content = content.partition(b"\n")[2]
    content = content.strip()
    if not content:
        return np.empty((0, columns))
    row_columns = _row_columns(content)
    values = np.empty(0)
    if (row_columns == columns).all():
        with suppress(DeprecationWarning, ValueError):
            values = np.fromstring(content, dtype=np.float64, sep=" ")
    if values.size != len(row_columns) * columns:
        raise DataError(_complaint(content, columns))
    return values.reshape(-1, columns)


def _row_columns(content: bytes) -> npt.NDArray[np.int64]:
    """(row,) number of words in each line."""
    characters = np.frombuffer(content, dtype=np.uint8)
    blank = characters <= ord(" ")
    first_letters = np.flatnonzero(~blank[1:] & blank[:-1])
    line_ends = np.flatnonzero(characters == ord("\n"))
    borders = np.concatenate([[0], np.searchsorted(first_letters, line_ends), [len(first_letters)]])
    counts = np.diff(borders)
    counts[0] += 1
    return counts


def _column(numbers: npt.NDArray[np.int64], decimals: int) -> npt.NDArray[np.uint8]:
    """(row, width) characters of ``numbers``, a point before the last ``decimals`` digits, a blank."""
    size = np.abs(numbers)
    negative = numbers < 0
    digits = max(decimals + 1, len(str(int(size.max(initial=0))))) + int(negative.any())
    text = np.full((len(numbers), digits + 2), ord(" "), dtype=np.uint8)
    text[:, digits - decimals] = ord(".")
    rest = size.astype(np.uint32) if size.max(initial=0) < 2**32 else size.astype(np.uint64)
    nothing_left = np.zeros(len(numbers), dtype=np.bool_)
    for place in range(digits):
        character = digits - place if place < decimals else digits - place - 1
        higher = rest // 10
        digit = (rest - higher * 10 + ord("0")).astype(np.uint8)
        if place > decimals:
            before, nothing_left = nothing_left, rest == 0
            sign = np.where(negative & ~before, ord("-"), ord(" "))
            digit = np.where(nothing_left, sign, digit).astype(np.uint8)
        text[:, character] = digit
        rest = higher
    return text


def _complaint(content: bytes, columns: int) -> str:
    """Say which row of a forcing file is wrong."""
    for number, line in enumerate(content.splitlines(), start=1):
        words = line.split()
        try:
            numbers = [float(word) for word in words]
        except ValueError as error:
            return f"forcing file, row {number}: {error}"
        if len(numbers) != columns:
            return f"forcing file, row {number}: {len(numbers)} columns; {columns} are needed"
    return f"forcing file: expected {columns} columns"
