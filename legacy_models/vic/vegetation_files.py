"""VIC's vegetation parameter file (tiles of each cell) and vegetation library (properties of each class).

Source: VIC 5 documentation, classic driver, VegParam and VegLib (vic.readthedocs.io).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from legacy_models.errors import DataError

Monthly = tuple[float, ...]

# resistances, LAI, canopy cover, albedo, snow albedo, roughness, displacement, wind to trunk, photosynthesis
_CLASS_WIDTHS = (2, 12, 12, 12, 1, 12, 12, 5, 7)
_PATHWAYS = {"C3": "0", "C4": "1"}


@dataclass(frozen=True, slots=True)
class VegetationTile:
    """One tile of a cell; what only some files hold is empty where the file does not.

    Args:
        number: the class id in the library.
        fraction: share of the cell [-].
        root_depths: (zone,) thickness [m]; ``root_fractions`` [-].
        lai: (12,) leaf area index [m2/m2], a line of its own (VEGPARAM_LAI TRUE).
        fcanopy: (12,) cover of the canopy [-], likewise (VEGPARAM_FCAN TRUE).
        albedo: (12,) [-], likewise (VEGPARAM_ALB TRUE).
        blowing: (3,) standard deviation and lag-one autocorrelation of the terrain's slope [-], fetch [m], at the
            end of the tile's row (BLOWING TRUE).
    """

    number: int
    fraction: float
    root_depths: tuple[float, ...]
    root_fractions: tuple[float, ...]
    lai: Monthly = ()
    fcanopy: Monthly = ()
    albedo: Monthly = ()
    blowing: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class VegetationCell:
    """The tiles of one cell; what their fractions leave of 1 is bare soil."""

    cell: int
    tiles: tuple[VegetationTile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class VegetationClass:
    """One row of the library; what only some libraries hold is empty, or None, where this one does not.

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
        fcanopy: (12,) cover of the canopy [-] (VEGLIB_FCAN TRUE).
        max_snow_albedo: [-] (MAX_SNOW_ALBEDO TRUE).
        photosynthesis: (7,) pathway [0: C3, 1: C4], carboxylation rate, electron transport rate (C3) or CO2
            specificity (C4), light-use efficiency, nitrogen flag [0 or 1], moisture where wetness begins to
            inhibit [-], factor when saturated [-] (VEGLIB_PHOTO TRUE).
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
    fcanopy: Monthly = ()
    max_snow_albedo: float | None = None
    photosynthesis: tuple[float, ...] = ()


def read_vegparam(
    text: str,
    root_zones: int,
    lai: bool = False,
    fcanopy: bool = False,
    albedo: bool = False,
    blowing: bool = False,
) -> tuple[VegetationCell, ...]:
    """Parse a vegetation parameter file.

    Args:
        text: of the file.
        root_zones: ROOT_ZONES of the global file.
        lai: whether a line of 12 values follows each tile (VEGPARAM_LAI).
        fcanopy: likewise, after that (VEGPARAM_FCAN).
        albedo: likewise, after that (VEGPARAM_ALB).
        blowing: whether each tile's row ends with three numbers on the terrain (BLOWING).

    Raises:
        DataError: naming the cell whose lines are missing or of the wrong length.
    """
    monthly = [name for name, given in (("lai", lai), ("fcanopy", fcanopy), ("albedo", albedo)) if given]
    step = 1 + len(monthly)
    lines = [line.split() for line in text.splitlines() if line.strip()]
    cells: list[VegetationCell] = []
    position = 0
    while position < len(lines):
        header = lines[position]
        if len(header) != 2:
            raise DataError(f"vegetation parameter file: expected 'cell tiles', received {' '.join(header)!r}")
        cell, count = _integer(header[0]), _integer(header[1])
        block = lines[position + 1 : position + 1 + count * step]
        position += 1 + len(block)
        if len(block) != count * step:
            raise DataError(
                f"vegetation parameter file: cell {cell} has {len(block)} lines for {count} tiles of {step} each"
            )
        tiles = (
            _tile(cell, block[i], dict(zip(monthly, block[i + 1 : i + step], strict=True)), root_zones, blowing)
            for i in range(0, len(block), step)
        )
        cells.append(VegetationCell(cell, tuple(tiles)))
    return tuple(cells)


def format_vegparam(cells: Iterable[VegetationCell]) -> str:
    """Return the text of a vegetation parameter file; numbers are the shortest that read back exactly."""
    return "".join(f"{cell.cell} {format_tiles(cell.tiles)}" for cell in cells)


def format_tiles(tiles: Sequence[VegetationTile]) -> str:
    """Return what follows a cell's id: the number of tiles, then their lines."""
    lines = [str(len(tiles))]
    for tile in tiles:
        zones = (value for zone in zip(tile.root_depths, tile.root_fractions, strict=True) for value in zone)
        lines.append(f"  {tile.number} " + _numbers((tile.fraction, *zones, *tile.blowing)))
        lines += ["    " + _numbers(values) for values in (tile.lai, tile.fcanopy, tile.albedo) if values]
    return "\n".join(lines) + "\n"


def read_veglib(
    text: str, fcanopy: bool = False, max_snow_albedo: bool = False, photosynthesis: bool = False
) -> tuple[VegetationClass, ...]:
    """Parse a vegetation library; a line that does not start with a digit is a comment, as in VIC.

    Args:
        text: of the file.
        fcanopy: whether it has the columns of VEGLIB_FCAN.
        max_snow_albedo: whether it has that of MAX_SNOW_ALBEDO.
        photosynthesis: whether it has those of VEGLIB_PHOTO.

    Raises:
        DataError: naming the class whose row is too short or holds what is no number.
    """
    rows = (line.strip() for line in text.splitlines())
    widths = tuple(
        width * given
        for width, given in zip(
            _CLASS_WIDTHS, (1, 1, fcanopy, 1, max_snow_albedo, 1, 1, 1, photosynthesis), strict=True
        )
    )
    return tuple(_class(row, widths) for row in rows if row[:1].isdigit())


def format_veglib(classes: Iterable[VegetationClass]) -> str:
    """Return the text of a vegetation library; numbers are the shortest that read back exactly."""
    header = (
        "#class overstory rarc rmin LAIx12 (FCANx12) ALBx12 (SNOW_ALB) Z0x12 DISPx12 WIND_H RGL RAD_ATT WIND_ATT "
        "TRUNK (PHOTOx7) comment\n"
    )
    return header + "".join(f"{c.number} {format_class(c)}\n" for c in classes)


def format_class(c: VegetationClass) -> str:
    """Return what follows a class's number in its row of the library."""
    snow = () if c.max_snow_albedo is None else (c.max_snow_albedo,)
    monthly = (*c.lai, *c.fcanopy, *c.albedo, *snow, *c.roughness, *c.displacement)
    rest = (c.wind_height, c.rgl, c.rad_atten, c.wind_atten, c.trunk_ratio, *c.photosynthesis)
    return f"{int(c.overstory)} {_numbers((c.rarc, c.rmin, *monthly, *rest))} {c.comment}".rstrip()


def _tile(
    cell: int, words: list[str], monthly: Mapping[str, list[str]], root_zones: int, blowing: bool
) -> VegetationTile:
    last = 2 + 2 * root_zones
    if len(words) != last + 3 * blowing:
        raise DataError(
            f"vegetation parameter file: cell {cell}: expected class, fraction, {root_zones} x (depth, "
            f"fraction){' and 3 numbers on the terrain' if blowing else ''}, received {' '.join(words)!r}"
        )
    for name, values in monthly.items():
        if len(values) != 12:
            raise DataError(f"vegetation parameter file: cell {cell}: {len(values)} values of {name}; 12 are needed")
    numbers = [_real(word, f"cell {cell}") for word in words[1:]]
    return VegetationTile(
        number=_integer(words[0]),
        fraction=numbers[0],
        root_depths=tuple(numbers[1 : last - 1 : 2]),
        root_fractions=tuple(numbers[2 : last - 1 : 2]),
        blowing=tuple(numbers[last - 1 :]),
        **{name: tuple(_real(word, f"cell {cell}") for word in values) for name, values in monthly.items()},
    )


def _class(row: str, widths: Sequence[int]) -> VegetationClass:
    needed = 2 + sum(widths)
    words = row.split(maxsplit=needed)
    if len(words) < needed:
        raise DataError(f"vegetation library: class {words[0]} has {len(words)} columns; {needed} are needed")
    number = _integer(words[0])
    values = [_real(_PATHWAYS.get(word, word), f"class {number}") for word in words[2:needed]]
    ends = list(accumulate(widths))
    blocks = [tuple(values[end - width : end]) for width, end in zip(widths, ends, strict=True)]
    (rarc, rmin), lai, fcanopy, albedo, snow_albedo, roughness, displacement, rest, photosynthesis = blocks
    wind_height, rgl, rad_atten, wind_atten, trunk_ratio = rest
    return VegetationClass(
        number=number,
        overstory=words[1] != "0",
        rarc=rarc,
        rmin=rmin,
        lai=lai,
        albedo=albedo,
        roughness=roughness,
        displacement=displacement,
        wind_height=wind_height,
        rgl=rgl,
        rad_atten=rad_atten,
        wind_atten=wind_atten,
        trunk_ratio=trunk_ratio,
        comment=words[needed].strip() if len(words) > needed else "",
        fcanopy=fcanopy,
        max_snow_albedo=snow_albedo[0] if snow_albedo else None,
        photosynthesis=photosynthesis,
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
