"""VIC's vegetation parameter file (tiles of each cell) and vegetation library (properties of each class).

Source: VIC 5 documentation, classic driver, VegParam and VegLib (vic.readthedocs.io).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from legacy_models.errors import DataError

Monthly = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class VegetationTile:
    """One tile of a cell; ``lai`` (12 values) only where the file holds a LAI line (VEGPARAM_LAI TRUE)."""

    number: int
    fraction: float
    root_depths: tuple[float, ...]
    root_fractions: tuple[float, ...]
    lai: Monthly = ()


@dataclass(frozen=True, slots=True)
class VegetationCell:
    """The tiles of one cell; what their fractions leave of 1 is bare soil."""

    cell: int
    tiles: tuple[VegetationTile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VegetationClass:
    """One row of the library.

    Args:
        number: the class id that tiles refer to.
        overstory: whether there are trees.
        rarc: architectural resistance [s/m].
        rmin: minimum stomatal resistance [s/m].
        lai: (12,) leaf area index [m2/m2].
        albedo: (12,) [-].
        roughness: (12,) roughness length [m].
        displacement: (12,) displacement height [m].
        wind_height: height of the wind speed [m]; above displacement where overstory.
        rgl: solar radiation where transpiration begins [W/m2].
        rad_atten: radiation attenuation [-].
        wind_atten: wind attenuation [-].
        trunk_ratio: trunk over tree height [-].
        comment: what the class is called.
    """

    number: int
    overstory: bool
    rarc: float
    rmin: float
    lai: Monthly
    albedo: Monthly
    roughness: Monthly
    displacement: Monthly
    wind_height: float
    rgl: float
    rad_atten: float
    wind_atten: float
    trunk_ratio: float
    comment: str = ""


def read_vegparam(text: str, root_zones: int, lai: bool = False) -> tuple[VegetationCell, ...]:
    """Parse a vegetation parameter file; ``lai`` says whether a line of 12 values follows each tile.

    Raises:
        DataError: naming the cell whose lines are missing or of the wrong length.
    """
    lines = [line.split() for line in text.splitlines() if line.strip()]
    cells: list[VegetationCell] = []
    position = 0
    while position < len(lines):
        header = lines[position]
        if len(header) != 2:
            raise DataError(f"vegetation parameter file: expected 'cell tiles', received {' '.join(header)!r}")
        cell, count = _integer(header[0]), _integer(header[1])
        step = 2 if lai else 1
        block = lines[position + 1 : position + 1 + count * step]
        position += 1 + len(block)
        if len(block) != count * step:
            raise DataError(f"vegetation parameter file: cell {cell} has {len(block)} lines for {count} tiles")
        tiles = (_tile(cell, block[i], block[i + 1] if lai else [], root_zones) for i in range(0, len(block), step))
        cells.append(VegetationCell(cell, tuple(tiles)))
    return tuple(cells)


def format_vegparam(cells: Iterable[VegetationCell]) -> str:
    """Return the text of a vegetation parameter file; numbers are the shortest that read back exactly."""
    return "".join(f"{cell.cell} {format_tiles(cell.tiles)}" for cell in cells)


def format_tiles(tiles: Sequence[VegetationTile]) -> str:
    """Return what follows a cell's id: the number of tiles, then their lines."""
    lines = [str(len(tiles))]
    for tile in tiles:
        zones = zip(tile.root_depths, tile.root_fractions, strict=True)
        lines.append(f"  {tile.number} {tile.fraction!r} " + " ".join(f"{depth!r} {share!r}" for depth, share in zones))
        if tile.lai:
            lines.append("    " + _numbers(tile.lai))
    return "\n".join(lines) + "\n"


def read_veglib(text: str) -> tuple[VegetationClass, ...]:
    """Parse a vegetation library; a line that does not start with a digit is a comment, as in VIC.

    Raises:
        DataError: naming the class whose row is too short or holds what is no number.
    """
    rows = (line.strip() for line in text.splitlines())
    return tuple(_class(row) for row in rows if row[:1].isdigit())


def format_veglib(classes: Iterable[VegetationClass]) -> str:
    """Return the text of a vegetation library; numbers are the shortest that read back exactly."""
    header = "#class overstory rarc rmin LAIx12 ALBx12 Z0x12 DISPx12 WIND_H RGL RAD_ATT WIND_ATT TRUNK comment\n"
    return header + "".join(f"{c.number} {format_class(c)}\n" for c in classes)


def format_class(c: VegetationClass) -> str:
    """Return what follows a class's number in its row of the library."""
    monthly = " ".join(_numbers(values) for values in (c.lai, c.albedo, c.roughness, c.displacement))
    tail = _numbers((c.wind_height, c.rgl, c.rad_atten, c.wind_atten, c.trunk_ratio))
    return f"{int(c.overstory)} {c.rarc!r} {c.rmin!r} {monthly} {tail} {c.comment}".rstrip()


def _tile(cell: int, words: list[str], lai: list[str], root_zones: int) -> VegetationTile:
    if len(words) != 2 + 2 * root_zones or len(lai) not in (0, 12):
        raise DataError(
            f"vegetation parameter file: cell {cell}: expected class, fraction, {root_zones} x (depth, "
            f"fraction), received {' '.join(words)!r}"
        )
    numbers = [_real(word, f"cell {cell}") for word in words[1:]]
    return VegetationTile(
        number=_integer(words[0]),
        fraction=numbers[0],
        root_depths=tuple(numbers[1::2]),
        root_fractions=tuple(numbers[2::2]),
        lai=tuple(_real(word, f"cell {cell}") for word in lai),
    )


def _class(row: str) -> VegetationClass:
    words = row.split(maxsplit=57)
    if len(words) < 57:
        raise DataError(f"vegetation library: class {words[0]} has {len(words)} columns; 57 are needed")
    number = _integer(words[0])
    values = [_real(word, f"class {number}") for word in words[2:57]]
    return VegetationClass(
        number=number,
        overstory=words[1] != "0",
        rarc=values[0],
        rmin=values[1],
        lai=tuple(values[2:14]),
        albedo=tuple(values[14:26]),
        roughness=tuple(values[26:38]),
        displacement=tuple(values[38:50]),
        wind_height=values[50],
        rgl=values[51],
        rad_atten=values[52],
        wind_atten=values[53],
        trunk_ratio=values[54],
        comment=words[57].strip() if len(words) > 57 else "",
    )


def _numbers(values: Iterable[float]) -> str:
    return " ".join(f"{value!r}" for value in values)


def _integer(word: str) -> int:
    try:
        return int(word)
    except ValueError:
        raise DataError(f"vegetation file: expected a whole number, received {word!r}") from None


def _real(word: str, place: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise DataError(f"vegetation file, {place}: expected a number, received {word!r}") from None
