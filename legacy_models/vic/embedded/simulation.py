"""Reads the files that a global file names, simulates every active cell, writes its output files."""

import os
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from legacy_models.errors import DataError
from legacy_models.vic.embedded import inputs
from legacy_models.vic.embedded.atmosphere import meteorology
from legacy_models.vic.embedded.cell import (
    BARE,
    CANOP,
    EVAP,
    OUTPUTS,
    SUB_CANOP,
    SUB_SNOW,
    TRANSP,
    simulate_tile,
)
from legacy_models.vic.embedded.checks import check_global, check_soil, output_columns
from legacy_models.vic.flux_file import FluxTable, format_ascii, format_binary
from legacy_models.vic.global_file import GlobalFile, OutputStream, read_global
from legacy_models.vic.snow_band_file import SnowBands, read_snow_bands
from legacy_models.vic.soil_file import SoilTable, read_soil
from legacy_models.vic.vegetation_files import read_veglib, read_vegparam

Floats = NDArray[np.float64]
MODEL_VERSION = "5.0.1"
ORDER = ("PREC", "AIR_TEMP", "SWDOWN", "LWDOWN", "PRESSURE", "VP", "WIND")
TO_SI = np.array([1.0, 1.0, 1.0, 1.0, 1000.0, 1000.0, 1.0])


class Weather:
    """Meteorology tables by real forcing path, elevation and band: read and derived once for many cells."""

    def __init__(self, settings: GlobalFile, days: int) -> None:
        self._settings = settings
        self._steps = days * settings.model_steps
        self._forcing: dict[str, Floats] = {}
        self._tables: dict[tuple[str, float, float, float], Floats] = {}

    def table(self, path: str, elevation: float, band: inputs.Band) -> Floats:
        """The meteorology of one band of a cell whose forcing is at ``path``."""
        real = os.path.realpath(path)
        key = (real, elevation, band.shift, band.factor)
        if key not in self._tables:
            if real not in self._forcing:
                self._forcing = {real: self._read(path)}
                self._tables = {}
            self._tables[key] = meteorology(self._forcing[real], elevation, band.shift, band.factor)
        return self._tables[key]

    def _read(self, path: str) -> Floats:
        """(step, 7) forcing of the simulated period in SI units."""
        settings = self._settings
        numbers = np.fromstring(Path(path).read_text(), sep=" ")
        columns = len(settings.force_types)
        rows = numbers[: numbers.size // columns * columns].reshape(-1, columns)
        first = (settings.start - settings.force_start).days * settings.model_steps
        if first < 0:
            raise DataError(
                f"{path}: the forcing starts on {settings.force_start}, after the run ({settings.start})"
            )
        if first + self._steps > len(rows):
            raise DataError(
                f"{path}: {len(rows)} rows of forcing; {first + self._steps} are needed to reach {settings.end}"
            )
        names = [name.upper() for name in settings.force_types]
        return rows[first : first + self._steps, [names.index(name) for name in ORDER]] * TO_SI


def run(global_path: Path) -> None:
    """Do everything that the global file asks for.

    Raises:
        DataError: if an input is missing, breaks a rule or asks for what this program does not do.
    """
    settings = read_global(global_path.read_text())
    check_global(settings)
    soil = read_soil(Path(settings.soil).read_text(), settings.nlayer)
    check_soil(soil)
    classes = {kind.number: kind for kind in read_veglib(Path(settings.veglib).read_text())}
    vegetation = {
        cell.cell: cell.tiles
        for cell in read_vegparam(
            Path(settings.vegparam).read_text(), settings.root_zones, settings.vegparam_lai
        )
    }
    bands: dict[int, SnowBands] = {}
    if settings.snow_bands > 1:
        rows = read_snow_bands(Path(settings.snow_band_file).read_text(), settings.snow_bands)
        bands = {row.cell: row for row in rows}
    if not os.path.isdir(settings.result_dir):
        raise DataError(f"{settings.result_dir}: the result directory does not exist")
    dates = np.arange(np.datetime64(settings.start), np.datetime64(settings.end) + 1)
    months, days_of_year = calendar(dates)
    weather = Weather(settings, len(dates))
    for i in range(len(soil)):
        if not soil.run[i]:
            continue
        number = int(soil.cell[i])
        if number not in vegetation:
            raise DataError(f"{settings.vegparam}: no vegetation for cell {number}")
        unknown = [tile.number for tile in vegetation[number] if tile.number not in classes]
        if unknown:
            raise DataError(
                f"{settings.vegparam}: cell {number}: class {unknown[0]} is not in {settings.veglib}"
            )
        tiles = inputs.tiles_of_cell(vegetation[number], classes, soil, i, settings.wind_h)
        values = simulate_cell(
            settings, soil, i, tiles, inputs.bands_of_cell(bands.get(number)), weather, months, days_of_year
        )
        label = settings.label(float(soil.lat[i]), float(soil.lon[i]))
        for stream in settings.outputs:
            write(stream, settings, label, dates, values)


def calendar(dates: NDArray[np.datetime64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Month, 0 to 11, and day of the year, 1 to 366, of each day."""
    months = dates.astype("datetime64[M]").astype(np.int64) % 12
    days = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    return months, days


def simulate_cell(
    settings: GlobalFile,
    soil: SoilTable,
    i: int,
    tiles: list[inputs.Tile],
    bands: list[inputs.Band],
    weather: Weather,
    months: NDArray[np.int64],
    days_of_year: NDArray[np.int64],
) -> Floats:
    """(day, output) of cell ``i``, the means over its tiles and bands."""
    out = np.zeros((len(months), len(OUTPUTS)))
    cell = inputs.cell_constants(soil, i, settings.runoff_steps // settings.model_steps)
    layers = inputs.layer_constants(soil, i)
    thermal = inputs.thermal_constants(soil, i)
    start = np.minimum(soil.init_moist[i], layers[0])
    path = settings.forcing + settings.label(float(soil.lat[i]), float(soil.lon[i]))
    for band in bands:
        met = weather.table(path, float(soil.elevation[i]), band)
        for tile in tiles:
            simulate_tile(
                met,
                months,
                days_of_year,
                settings.model_steps,
                cell,
                layers,
                thermal,
                tile.constants,
                tile.monthly,
                tile.roots,
                start,
                tile.share * band.share,
                out,
            )
    out[:, EVAP] = out[:, [TRANSP, CANOP, BARE, SUB_SNOW, SUB_CANOP]].sum(axis=1)
    return out


def write(
    stream: OutputStream, settings: GlobalFile, label: str, dates: NDArray[np.datetime64], values: Floats
) -> None:
    """Write one output file of one cell."""
    names, columns, formats = output_columns(stream)
    table = FluxTable(names, dates, values[:, columns])
    path = Path(settings.result_dir) / f"{stream.prefix}_{label}"
    if stream.format == "ASCII":
        path.with_name(path.name + ".txt").write_text(
            format_ascii(table, stream.prefix, MODEL_VERSION, formats)
        )
    else:
        path.with_name(path.name + ".bin").write_bytes(format_binary(table, settings.model_steps))


def elapsed_days(start: date, end: date) -> int:
    """Days from ``start`` to ``end``, both included."""
    return (end - start).days + 1
