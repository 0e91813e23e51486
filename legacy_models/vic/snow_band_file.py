"""VIC's snow band file: area, elevation and precipitation share of each elevation band of a cell.

Source: VIC 5 documentation, classic driver, SnowBand (vic.readthedocs.io).
"""

from collections.abc import Iterable
from dataclasses import dataclass

from legacy_models.errors import DataError


@dataclass(frozen=True, slots=True)
class SnowBands:
    """The bands of one cell.

    Args:
        cell: id.
        areas: (band,) share of the cell's area [-].
        elevations: (band,) [m].
        precipitation: (band,) share of the cell's precipitation [-].
    """

    cell: int
    areas: tuple[float, ...]
    elevations: tuple[float, ...]
    precipitation: tuple[float, ...]


def read_snow_bands(text: str, bands: int) -> tuple[SnowBands, ...]:
    """Parse a snow band file of ``bands`` bands a cell.

    Raises:
        DataError: naming the row that is too short or holds what is no number.
    """
    rows = []
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        if len(words) < 1 + 3 * bands:
            raise DataError(f"snow band file, line {number}: {len(words)} columns; {1 + 3 * bands} are needed")
        try:
            values = tuple(float(word) for word in words[1 : 1 + 3 * bands])
            rows.append(SnowBands(int(words[0]), values[:bands], values[bands : 2 * bands], values[2 * bands :]))
        except ValueError as error:
            raise DataError(f"snow band file, line {number}: {error}") from None
    return tuple(rows)


def format_snow_bands(rows: Iterable[SnowBands]) -> str:
    """Return the text of a snow band file; numbers are the shortest that read back exactly."""
    lines = []
    for row in rows:
        values = (*row.areas, *row.elevations, *row.precipitation)
        lines.append(f"{row.cell} " + " ".join(f"{value!r}" for value in values) + "\n")
    return "".join(lines)
