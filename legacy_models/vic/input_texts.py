"""The texts of a batch's input files, but for its forcing; one file name, one text."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from legacy_models.model import Run
from legacy_models.parameters import Array
from legacy_models.vic import inputs
from legacy_models.vic.constants_file import format_constants
from legacy_models.vic.global_file import GlobalFile, format_global
from legacy_models.vic.land_cover import CoverTile
from legacy_models.vic.snow_band_file import format_snow_bands
from legacy_models.vic.soil_file import SoilTable, format_soil
from legacy_models.vic.vegetation_files import format_class, format_tiles

GLOBAL_NAME = "global.txt"


def input_texts(
    runs: Sequence[Run], table: SoilTable, values: Mapping[str, Array], settings: GlobalFile
) -> dict[str, str]:
    """Return name -> text of the files that ``settings`` names, and of the global file itself.

    Args:
        runs: one cell each; all of one period and of the same constants.
        table: their soil rows.
        values: their ``inputs.native_values``.
        settings: the global file.

    Raises:
        DataError: if a site's properties or a parameter cannot be what VIC is given.
    """
    return _texts(runs, format_soil(table), inputs.vegetation(runs, values), values, settings)


def texts_of_each(
    runs: Sequence[Run], table: SoilTable, values: Mapping[str, Array], settings: Sequence[GlobalFile]
) -> Iterator[dict[str, str]]:
    """Yield the ``input_texts`` of each run alone, with a label that is the same for all; made together.

    Args:
        runs: as in ``input_texts``, but of any periods and constants.
        table: likewise.
        values: likewise.
        settings: the global file of each run.

    Raises:
        DataError: likewise.
    """
    rows = format_soil(inputs.unlabelled(table)).splitlines(keepends=True)
    tiles = inputs.vegetation(runs, values)
    for i, run in enumerate(runs):
        own = {name: of_all[i : i + 1] for name, of_all in values.items()}
        yield _texts([run], rows[i], tiles[i : i + 1], own, settings[i])


def _texts(
    runs: Sequence[Run],
    soil: str,
    cells: Sequence[Sequence[CoverTile]],
    values: Mapping[str, Array],
    settings: GlobalFile,
) -> dict[str, str]:
    """Return name -> text, given the text of the soil rows and the vegetated tiles of each cell."""
    library, tiles = _vegetation(cells)
    texts = {
        settings.soil: soil,
        settings.veglib: library,
        settings.vegparam: tiles,
        GLOBAL_NAME: _global_text(settings),
    }
    if settings.snow_bands > 1:
        texts[settings.snow_band_file] = format_snow_bands(inputs.snow_bands(runs, settings.snow_bands))
    if changed := inputs.constants(runs[0], values):
        texts[inputs.CONSTANTS_FILE] = format_constants(changed)
    return texts


def _vegetation(cells: Sequence[Sequence[CoverTile]]) -> tuple[str, str]:
    """Return the library, each different class once, and the tiles in the order of the soil file."""
    numbers: dict[str, int] = {}
    lines = []
    for cell, tiles in enumerate(cells, start=1):
        rows = [format_class(tile.vegetation) for tile in tiles]
        chosen = [numbers.setdefault(row, len(numbers) + 1) for row in rows]
        numbered = [tile.numbered(number) for tile, number in zip(tiles, chosen, strict=True)]
        lines.append(f"{cell} {format_tiles(numbered)}")
    return "".join(f"{number} {row}\n" for row, number in numbers.items()), "".join(lines)


@lru_cache(maxsize=64)
def _global_text(settings: GlobalFile) -> str:
    return format_global(settings)
