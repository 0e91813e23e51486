"""From VIC's parameter files to the arrays that the kernel reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from legacy_models.errors import DataError
from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded.ground import dry_and_saturated_conductivity
from legacy_models.vic.embedded.turbulence import exposed_soil, low_plants, trees
from legacy_models.vic.snow_band_file import SnowBands
from legacy_models.vic.soil_file import SoilTable
from legacy_models.vic.vegetation_files import VegetationCell, VegetationClass, VegetationTile

BARE_ALBEDO = 0.2
BARE_DISPLACEMENT = 0.667 / 0.123  # of bare soil, times its roughness
NEARLY_ALL = 0.99  # of the cell; tiles that cover more are taken to cover all
NO_LAI = -1.0  # in a vegetation parameter file: that of the class
LEAST_ROOTS = 1e-4  # share of the roots, below which a layer has none

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Tile:
    """One tile of a cell: share of the cell, constants, (quantity, month) table, (layer,) roots."""

    share: float
    constants: Floats
    monthly: Floats
    roots: Floats


@dataclass(frozen=True)
class Band:
    """One elevation band: share of the area, temperature shift [K], precipitation factor [-]."""

    share: float
    shift: float
    factor: float


def cell_constants(soil: SoilTable, i: int, runoff_steps_a_step: int) -> Floats:
    """Constants of cell ``i``, in the order that ``layout.py`` names."""
    return np.array(
        [
            soil.b_infilt[i],
            soil.ds[i],
            soil.dsmax[i],
            soil.ws[i],
            soil.c[i],
            soil.avg_temp[i],
            soil.damping_depth[i],
            1.0 if soil.lat[i] >= 0.0 else -1.0,
            float(runoff_steps_a_step),
        ]
    )


def layer_constants(soil: SoilTable, i: int) -> Floats:
    """(constant, layer) of soil water, in the order that ``layout.py`` names; moistures in mm."""
    capacity = soil.max_moist[i]
    return np.array(
        [
            capacity,
            soil.resid_moist[i] * soil.depth[i] * 1000.0,
            soil.wcr_fraction[i] * capacity,
            soil.wpwp_fraction[i] * capacity,
            soil.expt[i],
            soil.ksat[i],
        ]
    )


def thermal_constants(soil: SoilTable, i: int) -> Floats:
    """(constant, layer) of soil heat, in the order that ``layout.py`` names."""
    columns = []
    for layer in range(soil.layers):
        bulk, particle = float(soil.bulk_density[i, layer]), float(soil.particle_density[i, layer])
        dry, saturated = dry_and_saturated_conductivity(bulk, particle, float(soil.quartz[i, layer]))
        columns.append([1.0 - bulk / particle, bulk / particle, dry, saturated, float(soil.depth[i, layer])])
    return np.array(columns).T.copy()


def root_shares(zone_depths: Sequence[float], zone_fractions: Sequence[float], layer_depths: Floats) -> Floats:
    """(layer,) share of the roots, even within a zone; those below the column go to the lowest layer."""
    bottoms = np.cumsum(layer_depths)
    tops = bottoms - layer_depths
    bottoms[-1] = np.inf
    shares = np.zeros(len(layer_depths))
    top = 0.0
    for depth, fraction in zip(zone_depths, zone_fractions, strict=True):
        if depth > 0.0:
            overlap = np.clip(np.minimum(top + depth, bottoms) - np.maximum(top, tops), 0.0, None)
            shares += fraction * overlap / depth
        top += depth
    shares[shares < LEAST_ROOTS] = 0.0
    total = shares.sum()
    return shares / total if total > 0.0 else shares


def tiles_of_cell(
    cell: VegetationCell,
    classes: Mapping[int, VegetationClass],
    soil: SoilTable,
    i: int,
    wind_height: float,
    own_lai: bool,
) -> list[Tile]:
    """The tiles of cell ``i``, with the bare remainder last where the shares do not sum to 1.

    ``own_lai`` says whether a tile's leaf area is its own where it has one, else that of its class.

    Raises:
        DataError: if a class is not in the library, or breaks a rule.
    """
    result = []
    for tile in cell.tiles:
        if tile.number not in classes:
            raise DataError(f"cell {cell.cell}: class {tile.number} is not in the vegetation library")
        if tile.fraction > 0.0:
            kind = classes[tile.number]
            if own_lai and tile.lai:
                lai = (own if own != NO_LAI else of_class for own, of_class in zip(tile.lai, kind.lai, strict=True))
                kind = replace(kind, lai=tuple(lai))
            result.append(_tile(tile, kind, soil, i))
    covered = sum(tile.share for tile in result)
    if covered > NEARLY_ALL:
        return [replace(tile, share=tile.share / covered) for tile in result]
    return [*result, _bare_tile(1.0 - covered, soil, i, wind_height)]


def bands_of_cell(bands: SnowBands | None, elevation: float) -> tuple[list[Band], float]:
    """The elevation bands of a cell, one where it has none, and its elevation [m].

    The elevation is that of the soil file, or the mean of the bands where the two differ by more than 1 m.
    """
    if bands is None:
        return [Band(1.0, 0.0, 1.0)], elevation
    areas, elevations = np.array(bands.areas), np.array(bands.elevations)
    precipitation = np.array(bands.precipitation)
    areas, precipitation = areas / areas.sum(), precipitation / precipitation.sum()
    mean = float((areas * elevations).sum())
    if abs(mean - elevation) > 1.0:
        elevation = mean
    return [
        Band(float(area), c.LAPSE_RATE * (float(height) - elevation), float(rain) / float(area))
        for area, height, rain in zip(areas, elevations, precipitation, strict=True)
        if area > 0.0
    ], elevation


def _tile(tile: VegetationTile, kind: VegetationClass, soil: SoilTable, i: int) -> Tile:
    snow, rough = float(soil.snow_rough[i]), float(soil.rough[i])
    columns = []
    for month in range(12):
        roughness, displacement = kind.roughness[month] or rough, kind.displacement[month]
        reference = _reference_height(kind.wind_height, displacement, roughness)
        _check_month(kind, month, roughness, reference)
        if kind.overstory:
            air = trees(roughness, displacement, reference, kind.wind_atten, kind.trunk_ratio, snow)
        else:
            air = low_plants(roughness, displacement, reference, snow)
        resistance = air.resistance if kind.lai[month] > 0.0 else exposed_soil(rough, air.wind)
        columns.append([kind.lai[month], kind.albedo[month], resistance, air.wind, air.snow_resistance, air.snow_wind])
    constants = np.array([float(kind.overstory), kind.rarc, kind.rmin, kind.rgl, kind.rad_atten, 2.0 + snow, snow])
    roots = root_shares(tile.root_depths, tile.root_fractions, soil.depth[i])
    return Tile(tile.fraction, constants, np.array(columns).T.copy(), roots)


def _bare_tile(share: float, soil: SoilTable, i: int, wind_height: float) -> Tile:
    snow, rough = float(soil.snow_rough[i]), float(soil.rough[i])
    displacement = BARE_DISPLACEMENT * rough
    air = low_plants(rough, displacement, _reference_height(wind_height, displacement, rough), snow)
    column = [0.0, BARE_ALBEDO, exposed_soil(rough, air.wind), air.wind, air.snow_resistance, air.snow_wind]
    constants = np.array([0.0, c.BARE_SOIL_RESISTANCE, 0.0, 1.0, 0.0, 2.0 + snow, snow])
    return Tile(share, constants, np.repeat(np.array(column)[:, None], 12, axis=1), np.zeros(soil.layers))


def _reference_height(wind_height: float, displacement: float, roughness: float) -> float:
    return wind_height if displacement < wind_height else displacement + wind_height + roughness


def _check_month(kind: VegetationClass, month: int, roughness: float, reference: float) -> None:
    lai, displacement = kind.lai[month], kind.displacement[month]
    place = f"vegetation class {kind.number}, month {month + 1}"
    if kind.overstory and lai <= 0.0:
        raise DataError(f"{place}: trees (overstory) have a leaf area index of {lai}: it must be positive")
    if lai > 0.0 and displacement <= 0.0:
        raise DataError(f"{place}: leaves (LAI {lai}) but a displacement of {displacement} m: it must be positive")
    if (kind.overstory and kind.wind_height < displacement) or reference - displacement <= roughness:
        raise DataError(
            f"{place}: roughness {roughness} m, displacement {displacement} m, wind height {kind.wind_height} m: "
            "the wind must be above the plants"
        )
