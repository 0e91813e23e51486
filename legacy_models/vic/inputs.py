"""The input files of a batch of runs as values: soil rows, vegetation classes and tiles, the global file.

N runs are N cells of one VIC process. A cell's label (its latitude and longitude) is inert in VIC but for the
sign of the latitude, so the longitude numbers the cells; there is room for 3.6 million.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Literal

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.model import Run
from legacy_models.parameters import Array, ParameterSpace
from legacy_models.vic import site
from legacy_models.vic.balance import NAMES
from legacy_models.vic.constants_file import MAX_SNOW_TEMP, MIN_RAIN_TEMP
from legacy_models.vic.forcing_file import FORCE_TYPES
from legacy_models.vic.global_file import GlobalFile, OutputStream, OutputVariable
from legacy_models.vic.land_cover import CoverTile, cover_tiles
from legacy_models.vic.parameters import LAYERS, PARAMETERS, native
from legacy_models.vic.snow_band_file import SnowBands
from legacy_models.vic.soil_file import SoilTable

INITIAL_SATURATION = 0.6
STREAM = "flux"
SNOW_BAND_FILE = "snowbands.txt"
CONSTANTS_FILE = "constants.txt"
GRID_DECIMAL = 4

OutputFormat = Literal["BINARY", "ASCII"]


def soil_table(runs: Sequence[Run], space: ParameterSpace = PARAMETERS) -> SoilTable:
    """Return the soil rows of ``runs``, numbered and labelled by their place in the batch.

    Initial moisture is 0.6 of capacity in every layer; residual moisture 0.02 of the volume, or half of the
    wilting point where that is less; c is 2.

    Raises:
        DataError: if a site property or a parameter is missing or not finite.
    """
    values = native(parameter_values(runs, space))
    given = {variable.name: _property(runs, variable.name) for variable in (*site.PROPERTIES, *site.OTHER_PROPERTIES)}
    count = len(runs)
    bulk = layered(site.PARTICLE_DENSITY * (1.0 - given["porosity"]))
    wilting = layered(given["wpwp_fraction"])
    return SoilTable(
        run=np.ones(count, dtype=np.int64),
        cell=np.arange(1, count + 1),
        lat=label_latitude(given["latitude"]),
        lon=label_longitude(count),
        b_infilt=values["b_infilt"],
        ds=values["ds"],
        dsmax=values["dsmax"],
        ws=values["ws"],
        c=values["c"],
        expt=values["expt"],
        ksat=values["ksat"],
        phi_s=np.full((count, LAYERS), -99.0),
        init_moist=INITIAL_SATURATION * 1000.0 * values["depth"] * (1.0 - bulk / site.PARTICLE_DENSITY),
        elevation=given["elevation"],
        depth=values["depth"],
        avg_temp=given["avg_temp"],
        damping_depth=np.full(count, site.DAMPING_DEPTH),
        bubble=layered(given["bubbling_pressure"]),
        quartz=layered(given["quartz"]),
        bulk_density=bulk,
        particle_density=np.full((count, LAYERS), site.PARTICLE_DENSITY),
        off_gmt=np.zeros(count),
        wcr_fraction=layered(given["wcr_fraction"]),
        wpwp_fraction=wilting,
        rough=np.full(count, site.SOIL_ROUGHNESS),
        snow_rough=values["snow_rough"],
        annual_prec=given["annual_prec"],
        resid_moist=np.minimum(site.RESIDUAL_MOISTURE, 0.5 * wilting * layered(given["porosity"])),
        fs_active=np.zeros(count, dtype=np.int64),
        extra=np.empty((count, 0)),
    )


def unlabelled(table: SoilTable) -> SoilTable:
    """The same rows without what is inert in the labels: cell 0, longitude 0, latitude 1 or -1."""
    hemisphere = np.where(table.lat < 0, -1.0, 1.0)
    return replace(table, cell=np.zeros_like(table.cell), lat=hemisphere, lon=np.zeros_like(table.lon))


def check_soil(table: SoilTable, runs: Sequence[Run]) -> None:
    """Refuse what VIC would take in silence, or stop the whole batch for.

    Raises:
        DataError: naming the site, the column, its value and what it must be.
    """
    capacity, wilting = table.max_moist, table.wpwp_fraction
    residual = table.resid_moist / (1.0 - table.bulk_density / table.particle_density)
    rules: tuple[tuple[str, Array, str, npt.NDArray[np.bool_]], ...] = (
        ("b_infilt", table.b_infilt, "above 0 and at most 1", (table.b_infilt > 0) & (table.b_infilt <= 1)),
        ("Ds", table.ds, "in [0, 1]", (table.ds >= 0) & (table.ds <= 1)),
        ("Dsmax", table.dsmax, "positive", table.dsmax > 0),
        ("Ws", table.ws, "in (0, 1)", (table.ws > 0) & (table.ws < 1)),
        ("expt", table.expt, "at least 3", table.expt >= 3),
        ("Ksat", table.ksat, "positive", table.ksat > 0),
        ("depth", table.depth, "at least 0.001 m", table.depth >= 0.001),
        ("depth 1", table.depth[:, 0], "at most depth 2", table.depth[:, 0] <= table.depth[:, 1]),
        (
            "initial moisture",
            table.init_moist,
            "in [0, capacity]",
            (table.init_moist >= 0) & (table.init_moist <= capacity),
        ),
        (
            "bulk density",
            table.bulk_density,
            "below particle density",
            table.bulk_density < table.particle_density,
        ),
        (
            "Wpwp",
            wilting,
            "between residual moisture and Wcr",
            (wilting >= residual) & (wilting <= table.wcr_fraction),
        ),
        ("Wcr", table.wcr_fraction, "at most 1", table.wcr_fraction <= 1),
        ("snow roughness", table.snow_rough, "positive", table.snow_rough > 0),
    )
    for name, values, rule, good in rules:
        _check(name, values, rule, good & np.isfinite(values), runs)
    for name in ("lat", "elevation", "avg_temp", "bubble", "quartz", "annual_prec"):
        _check(name, getattr(table, name), "finite", np.isfinite(getattr(table, name)), runs)


def vegetation(runs: Sequence[Run], space: ParameterSpace = PARAMETERS) -> list[tuple[CoverTile, ...]]:
    """Return the vegetated tiles of each run.

    Raises:
        DataError: if the tiles are larger than their cell, or the leaf area or the stomatal resistance is not a
            positive number.
    """
    values = native(parameter_values(runs, space))
    factors = zip(values["rmin_factor"].tolist(), values["lai_factor"].tolist(), strict=True)
    tiles = [cover_tiles(run.site.properties, *pair) for run, pair in zip(runs, factors, strict=True)]
    for run, of_run in zip(runs, tiles, strict=True):
        if not sum(tile.share for tile in of_run) <= 1.0 + 1e-9:
            raise DataError(f"site {run.site.name}: tiles of {[tile.share for tile in of_run]} must sum to 1 at most")
    for run, made in ((run, tile.vegetation) for run, of_run in zip(runs, tiles, strict=True) for tile in of_run):
        if not all(0 < value < np.inf for value in (made.rmin, *made.lai)):
            raise DataError(f"site {run.site.name}: LAI {made.lai} and rmin {made.rmin} must be positive numbers")
    return tiles


def snow_bands(runs: Sequence[Run], count: int) -> list[SnowBands]:
    """Return the ``count`` elevation bands of each run, numbered by its place in the batch.

    Raises:
        DataError: if a site lies below sea level, where VIC refuses bands.
    """
    for name in ("elevation", site.ELEVATION_SPREAD.name):
        low = _property(runs, name) < 0
        if low.any():
            run = runs[int(np.argmax(low))]
            raise DataError(f"site {run.site.name}: {name} = {run.site.properties[name]} m; bands need 0 or more")
    return [site.elevation_bands(run.site.properties, cell, count) for cell, run in enumerate(runs, start=1)]


def constants(run: Run, space: ParameterSpace) -> dict[str, float]:
    """Return the constants that ``run`` changes for its whole process: the temperatures of rain and snow, if any.

    Raises:
        DataError: if the warmest snow is not warmer than the coldest rain, or a temperature absurd.
    """
    values = native(parameter_values([run], space)[0])
    if "min_rain_temp" not in values:
        return {}
    low, high = float(values["min_rain_temp"]), float(values["max_snow_temp"])
    if not -10.0 <= low < high <= 10.0:
        raise DataError(f"site {run.site.name}: snow up to {high} degC must be warmer than rain from {low} degC on")
    return {MIN_RAIN_TEMP: low, MAX_SNOW_TEMP: high}


def settings(
    start: date, end: date, steps: int, output_format: OutputFormat, bands: int = 1, rain_snow: bool = False
) -> GlobalFile:
    """Return the global file of a simulation from ``start`` to ``end``; its paths are relative.

    The number of steps is given too, and VIC goes by it: worked out from the dates, rounding makes it one too small
    at 12 steps a day, and the last day is not written.
    """
    steps_in_all = ("NRECS", str(((end - start).days + 1) * steps))
    printf = "%.8e" if output_format == "ASCII" else ""
    names = dict.fromkeys("OUT_SOIL_MOIST" if "SOIL_MOIST" in name else name for name in NAMES)
    return GlobalFile(
        nlayer=LAYERS,
        nodes=3,
        model_steps=steps,
        snow_steps=steps,
        runoff_steps=steps,
        start=start,
        end=end,
        continue_on_error=False,
        forcing="forcing/data_",
        force_types=FORCE_TYPES,
        force_steps=steps,
        force_start=start,
        grid_decimal=GRID_DECIMAL,
        soil="soil.txt",
        veglib="veglib.txt",
        vegparam="vegparam.txt",
        root_zones=3,
        snow_bands=bands,
        snow_band_file=SNOW_BAND_FILE if bands > 1 else "",
        result_dir="out",
        outputs=(OutputStream(STREAM, tuple(OutputVariable(name, printf) for name in names), output_format),),
        other=(steps_in_all, ("CONSTANTS", CONSTANTS_FILE)) if rain_snow else (steps_in_all,),
    )


def parameter_values(runs: Sequence[Run], space: ParameterSpace = PARAMETERS) -> Array:
    """(run, parameter) values of ``runs``, as ``space`` orders them.

    Raises:
        DataError: naming site and parameter if one is missing or not finite.
    """
    for run in runs:
        if run.parameters.shape != (len(space),):
            raise DataError(
                f"site {run.site.name}: expected the parameters {', '.join(space.names)}; "
                f"received shape {run.parameters.shape}"
            )
    values = np.array([run.parameters for run in runs], dtype=np.float64).reshape(len(runs), len(space))
    for run, name in ((runs[i], space.names[j]) for i, j in np.argwhere(~np.isfinite(values))):
        raise DataError(f"site {run.site.name}: parameter {name} is not a finite number")
    return values


def label_latitude(latitude: Array) -> Array:
    """Latitudes rounded to the labels' decimals, with the sign kept where that would give zero."""
    smallest = 10.0**-GRID_DECIMAL
    rounded = np.round(latitude, GRID_DECIMAL)
    return np.where(rounded == 0, np.where(latitude < 0, -smallest, smallest), rounded)


def label_longitude(count: int) -> Array:
    """``count`` different longitudes, a last decimal apart."""
    return np.round(-180.0 + 10.0**-GRID_DECIMAL * np.arange(count), GRID_DECIMAL)


def layered(values: Array) -> Array:
    """(run, layer) of (run,) ``values`` that all layers share."""
    return np.repeat(values[:, None], LAYERS, axis=1)


def _property(runs: Sequence[Run], name: str) -> Array:
    for run in runs:
        if name not in run.site.properties:
            raise DataError(f"site {run.site.name}: property {name} is missing; VicModel.site gives it")
    return np.array([run.site.properties[name] for run in runs], dtype=np.float64)


def _check(name: str, values: Array, rule: str, good: npt.NDArray[np.bool_], runs: Sequence[Run]) -> None:
    if good.all():
        return
    worst = np.argwhere(~good)[0]
    raise DataError(f"site {runs[worst[0]].site.name}: {name} = {values[tuple(worst)]} must be {rule}")
