"""The texts of a batch's input files, but for its forcing; one file name, one text."""

from collections.abc import Sequence
from functools import lru_cache

from legacy_models.model import Run
from legacy_models.parameters import ParameterSpace
from legacy_models.vic import inputs
from legacy_models.vic.constants_file import format_constants
from legacy_models.vic.global_file import GlobalFile, format_global
from legacy_models.vic.land_cover import CoverTile
from legacy_models.vic.snow_band_file import format_snow_bands
from legacy_models.vic.soil_file import SoilTable, format_soil
from legacy_models.vic.vegetation_files import format_class, format_tiles

GLOBAL_NAME = "global.txt"


def input_texts(runs: Sequence[Run], table: SoilTable, settings: GlobalFile, space: ParameterSpace) -> dict[str, str]:
    """Return name -> text of the files that ``settings`` names, and of the global file itself.

    Args:
        runs: one cell each; all of one period and of the same constants.
        table: their soil rows.
        settings: the global file.
        space: the parameters of ``runs``.

    Raises:
        DataError: if a site's properties or a parameter cannot be what VIC is given.
    """
    library, tiles = _vegetation(inputs.vegetation(runs, space))
    texts = {
        settings.soil: format_soil(table),
        settings.veglib: library,
        settings.vegparam: tiles,
        GLOBAL_NAME: _global_text(settings),
    }
    if settings.snow_bands > 1:
        texts[settings.snow_band_file] = format_snow_bands(inputs.snow_bands(runs, settings.snow_bands))
    if changed := inputs.constants(runs[0], space):
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
