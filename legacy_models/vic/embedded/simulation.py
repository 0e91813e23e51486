"""Reads the files that a global file names, simulates every active cell, writes its output files."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from legacy_models.errors import DataError
from legacy_models.vic.constants_file import read_constants
from legacy_models.vic.embedded import inputs
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.cell import simulate_tile
from legacy_models.vic.embedded.checks import (
    check_global,
    check_soil,
    output_columns,
    rain_and_snow_temperatures,
)
from legacy_models.vic.embedded.weather import Weather
from legacy_models.vic.flux_file import FluxTable, format_ascii, format_binary
from legacy_models.vic.global_file import GlobalFile, OutputStream
from legacy_models.vic.snow_band_file import read_snow_bands
from legacy_models.vic.soil_file import SoilTable, read_soil
from legacy_models.vic.vegetation_files import read_veglib, read_vegparam

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MODEL_VERSION = "5.0.1"  # of VIC, whose output this has the form of


@dataclass(frozen=True, eq=False)
class Cell:
    """A cell ready to be simulated: its place in the soil file, elevation [m], tiles and bands."""

    row: int
    elevation: float
    tiles: list[inputs.Tile]
    bands: list[inputs.Band]


def run(settings: GlobalFile) -> None:
    """Simulate every active cell and write its files, one cell after the other.

    Raises:
        DataError: if an input is missing, breaks a rule or asks for what this program does not do.
        OSError: if a file cannot be read or written.
    """
    check_global(settings)
    soil = read_soil(Path(settings.soil).read_text(), settings.nlayer)
    soil = replace(soil, depth=np.floor(1000.0 * soil.depth + 0.5) / 1000.0)  # VIC knows whole millimetres
    check_soil(soil)
    if not Path(settings.result_dir).is_dir():
        raise DataError(f"{settings.result_dir}: the result directory does not exist")
    dates = np.arange(np.datetime64(settings.start), np.datetime64(settings.end) + 1)
    named = dict(settings.other).get("CONSTANTS")
    constants = read_constants(Path(named).read_text()) if named else {}
    weather = Weather(settings, len(dates), rain_and_snow_temperatures(constants))
    for cell in cells(settings, soil):
        values = simulate_cell(settings, soil, cell, weather, dates)
        label = settings.label(float(soil.lat[cell.row]), float(soil.lon[cell.row]))
        for stream in settings.outputs:
            write(stream, settings, label, dates, values)


def cells(settings: GlobalFile, soil: SoilTable) -> Iterator[Cell]:
    """Yield the active cells in the order of the soil file.

    Raises:
        DataError: if a cell has no vegetation or bands, or a tile's class is not in the library.
    """
    classes = {kind.number: kind for kind in read_veglib(Path(settings.veglib).read_text())}
    text = Path(settings.vegparam).read_text()
    vegetation = {cell.cell: cell for cell in read_vegparam(text, settings.root_zones, settings.vegparam_lai)}
    own_lai = settings.lai_src.upper() == "FROM_VEGPARAM"
    bands = {}
    if settings.snow_bands > 1:
        rows = read_snow_bands(Path(settings.snow_band_file).read_text(), settings.snow_bands)
        bands = {row.cell: row for row in rows}
    for row in np.flatnonzero(soil.run):
        number = int(soil.cell[row])
        if number not in vegetation:
            raise DataError(f"{settings.vegparam}: no vegetation for cell {number}")
        if bands and number not in bands:
            raise DataError(f"{settings.snow_band_file}: no bands for cell {number}")
        tiles = inputs.tiles_of_cell(vegetation[number], classes, soil, int(row), settings.wind_h, own_lai)
        of_cell, elevation = inputs.bands_of_cell(bands.get(number), float(soil.elevation[row]))
        yield Cell(int(row), elevation, tiles, of_cell)


def simulate_cell(
    settings: GlobalFile, soil: SoilTable, cell: Cell, weather: Weather, dates: NDArray[np.datetime64]
) -> Floats:
    """(day, output) of a cell, the means over its tiles and bands."""
    months, days_of_year = calendar(dates)
    out = np.zeros((len(dates), len(at.OUTPUTS)))
    i = cell.row
    constants = inputs.cell_constants(soil, i, settings.runoff_steps // settings.model_steps)
    layers = inputs.layer_constants(soil, i)
    thermal = inputs.thermal_constants(soil, i)
    start = np.minimum(soil.init_moist[i], layers[at.CAPACITY])
    path = settings.forcing + settings.label(float(soil.lat[i]), float(soil.lon[i]))
    for band in cell.bands:
        met = weather.table(path, cell.elevation, band)
        for tile in cell.tiles:
            simulate_tile(
                met, months, days_of_year, settings.model_steps, constants, layers, thermal, tile.constants,
                tile.monthly, tile.roots, start, band.shift, tile.share * band.share, out,
            )  # fmt: skip
    out[:, at.EVAP] = out[:, [at.TRANSP, at.CANOP, at.BARE, at.SUB_SNOW, at.SUB_CANOP]].sum(axis=1)
    out[:, at.PREC] = out[:, at.RAINF] + out[:, at.SNOWF]
    return out


def calendar(dates: NDArray[np.datetime64]) -> tuple[Integers, Integers]:
    """Month, 0 to 11, and day of the year, 1 to 366, of each day."""
    months = dates.astype("datetime64[M]").astype(np.int64) % 12
    days = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    return months, days


def write(
    stream: OutputStream, settings: GlobalFile, label: str, dates: NDArray[np.datetime64], values: Floats
) -> None:
    """Write one output file of one cell."""
    names, columns, formats = output_columns(stream)
    table = FluxTable(names, dates, values[:, columns])
    path = Path(settings.result_dir) / f"{stream.prefix}_{label}"
    if stream.format == "ASCII":
        text = format_ascii(table, stream.prefix, MODEL_VERSION, formats)
        path.with_name(path.name + ".txt").write_text(text)
    else:
        content = format_binary(table, settings.model_steps)
        path.with_name(path.name + ".bin").write_bytes(content)
