"""From VIC's parameter files to the arrays that the kernel reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from legacy_models.errors import DataError
from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded.ground import dry_and_saturated_conductivity
from legacy_models.vic.embedded.turbulence import turbulence
from legacy_models.vic.snow_band_file import SnowBands
from legacy_models.vic.soil_file import SoilTable
from legacy_models.vic.vegetation_files import VegetationCell, VegetationClass, VegetationTile

BARE_ALBEDO = 0.2
SHARE_TOLERANCE = 1e-4  # within which the tiles are taken to cover the cell

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
    total = shares.sum()
    return shares / total if total > 0.0 else shares


def tiles_of_cell(
    cell: VegetationCell, classes: Mapping[int, VegetationClass], soil: SoilTable, i: int, wind_height: float
) -> list[Tile]:
    """The tiles of cell ``i``, with the bare remainder last where the shares do not sum to 1.

    Raises:
        DataError: if a class is not in the library, or its wind height is not above its canopy.
    """
    result = []
    for tile in cell.tiles:
        if tile.number not in classes:
            raise DataError(f"cell {cell.cell}: class {tile.number} is not in the vegetation library")
        _check_class(classes[tile.number])
        if tile.fraction > 0.0:
            result.append(_tile(tile, classes[tile.number], soil, i))
    covered = sum(tile.share for tile in result)
    if covered > 1.0 or abs(covered - 1.0) <= SHARE_TOLERANCE:
        return [Tile(t.share / covered, t.constants, t.monthly, t.roots) for t in result]
    return [*result, _bare_tile(1.0 - covered, soil, i, wind_height)]


def bands_of_cell(bands: SnowBands | None) -> list[Band]:
    """The elevation bands of a cell; one of the whole cell where it has none."""
    if bands is None:
        return [Band(1.0, 0.0, 1.0)]
    areas, elevations = np.array(bands.areas), np.array(bands.elevations)
    precipitation = np.array(bands.precipitation)
    areas, precipitation = areas / areas.sum(), precipitation / precipitation.sum()
    mean = float((areas * elevations).sum())
    return [
        Band(float(area), c.LAPSE_RATE * (float(height) - mean), float(rain) / float(area))
        for area, height, rain in zip(areas, elevations, precipitation, strict=True)
        if area > 0.0
    ]


def _tile(tile: VegetationTile, kind: VegetationClass, soil: SoilTable, i: int) -> Tile:
    snow_roughness = float(soil.snow_rough[i])
    lai = tile.lai or kind.lai
    columns = []
    for month in range(12):
        air = turbulence(
            kind.overstory,
            kind.roughness[month],
            kind.displacement[month],
            kind.wind_height,
            kind.wind_atten,
            kind.trunk_ratio,
            snow_roughness,
        )
        columns.append(
            [
                lai[month],
                kind.albedo[month],
                air.vegetation_resistance,
                air.snow_resistance,
                air.snow_wind,
            ]
        )
    constants = np.array(
        [
            float(kind.overstory),
            1.0,
            kind.rarc,
            kind.rmin,
            kind.rgl,
            kind.rad_atten,
            2.0 + snow_roughness,
            snow_roughness,
        ]
    )
    roots = root_shares(tile.root_depths, tile.root_fractions, soil.depth[i])
    return Tile(tile.fraction, constants, np.array(columns).T.copy(), roots)


def _bare_tile(share: float, soil: SoilTable, i: int, wind_height: float) -> Tile:
    snow_roughness = float(soil.snow_rough[i])
    air = turbulence(False, float(soil.rough[i]), 0.0, wind_height, 0.0, 0.0, snow_roughness)
    column = np.array(
        [
            0.0,
            BARE_ALBEDO,
            air.vegetation_resistance,
            air.snow_resistance,
            air.snow_wind,
        ]
    )
    constants = np.array([0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 2.0 + snow_roughness, snow_roughness])
    return Tile(share, constants, np.repeat(column[:, None], 12, axis=1).copy(), np.zeros(soil.layers))


def _check_class(kind: VegetationClass) -> None:
    for month, (roughness, displacement) in enumerate(zip(kind.roughness, kind.displacement, strict=True), 1):
        lowest = displacement + roughness if kind.overstory else 0.0
        if roughness <= 0.0 or (kind.overstory and displacement <= 0.0) or kind.wind_height <= lowest:
            raise DataError(
                f"vegetation class {kind.number}, month {month}: roughness {roughness} m, displacement "
                f"{displacement} m, wind height {kind.wind_height} m: the wind must be above the canopy"
            )
