"""What VIC's plants could evaporate, in tensors: leaf area, heat of the ground, Penman-Monteith, roots.

A site of two tiles has constants between those of forest and grass here, by their shares; one tile is exact.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from legacy_models.vic.disaggregation import FREEZING
from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded.turbulence import Turbulence, low_plants, trees
from legacy_models.vic.land_cover import FOREST, GRASS, LAI_FLOOR, LandCover
from legacy_models.vic.parameters import DEPTH_1
from legacy_models.vic.site import DAMPING_DEPTH
from surrogates.architectures.vic_sky import YEAR, Steps, saturation

Tensor = Any

MONTHS = np.cumsum([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30])
STRESSED = 0.25  # share of the roots' freedom at which the ease of drought is measured
CONDUCTIVITY = 1.2  # of a soil of middling moisture [W m-1 K-1]
HEAT_CAPACITY = 2.4e6  # of the same [J m-3 K-1]
REMEMBERED = 12  # steps
SOME_SNOW = 0.003  # roughness of snow [m], which matters for no leaf


class Evaporation(NamedTuple):
    """Of wet leaves and of leaves that lack no water [mm/day], and what drought leaves of the latter.

    At a freedom g of the roots, 0 at the wilting point to 1 at the critical point, the share g / (g + ease (1 - g))
    of ``free`` is left.
    """

    wet: Tensor
    free: Tensor
    ease: Tensor


def leaf_area(day: Tensor, site: dict[str, Tensor], factor: Tensor) -> Tensor:
    """(site, time, 1) leaf area index in the month of a day of the year, as ``land_cover.cover_tiles``."""
    north = ops.where(site["latitude"] >= 0.0, day, ops.mod(day + 0.5 * YEAR, YEAR))
    forest = site["forest"]
    full = _monthly(north, FOREST.season) * forest + _monthly(north, GRASS.season) * (1.0 - forest)
    lai = ops.maximum(site["lai_max"] - site["lai_diff"] * (1.0 - full), LAI_FLOOR)
    return factor * ops.where(forest > 0.5, lai, ops.minimum(lai, GRASS.lai_cap))


def light_through(lai: Tensor) -> Tensor:
    """Share of the light that leaves let through."""
    return ops.exp(-FOREST.library.rad_atten * lai)


def ground_heat(air: Tensor, porosity: Tensor) -> tuple[Tensor, Tensor]:
    """(site, time, step) heat from below the first layer, and heat given off by it [W/m2]; see ``embedded.ground``.

    Below that layer the temperature follows that of the air, with weights that a fixed conductivity and heat capacity
    make; before the first day it was as on that day.
    """
    steps, sites = air.shape[-1], ops.shape(air)[0]
    seconds, lost = 86400.0 / steps, 1.0 - math.exp(-DEPTH_1 / DAMPING_DEPTH)
    held = 2.0 * DEPTH_1 / seconds * DAMPING_DEPTH * lost * HEAT_CAPACITY
    kept = held / (held + CONDUCTIVITY * (1.0 + lost))
    weights = kept ** np.arange(REMEMBERED)
    days = REMEMBERED // steps + 1
    series = ops.reshape(ops.concatenate([air[:, :1]] * days + [air], axis=1), (sites, -1))
    below = sum(weight * _earlier(series, k) for k, weight in enumerate((weights / weights.sum()).tolist()))
    flux = 0.5 / DEPTH_1 * CONDUCTIVITY * (below - series)
    warmth = series + below
    cooling = _earlier(warmth, 1) - warmth
    flux, cooling = (ops.reshape(values, (sites, -1, steps))[:, days:] for values in (flux, cooling))
    capacity = 2.0e6 * (1.0 - porosity) + 0.5 * 4.2e6 * porosity
    return flux, 0.5 * DEPTH_1 / seconds * capacity * cooling


def evaporation(
    step: Steps, net: Tensor, lai: Tensor, wind: Tensor, elevation: Tensor, forest: Tensor, rmin_factor: Tensor
) -> Evaporation:
    """Add up what leaves could evaporate in the steps of each day, by Penman-Monteith and Jarvis (1976).

    Args:
        step: of the band, (row, time, step).
        net: radiation and heat from the ground [W/m2], (row, time, step).
        lai: leaf area index (row, time, 1).
        wind: [m/s], (row, time, 1).
        elevation: of the site [m], (row, 1, 1).
        forest: share of it [-], (row, 1, 1).
        rmin_factor: on the stomatal resistance [-], (row, 1, 1).

    Source:
        Maidment (1993), Handbook of Hydrology, ch. 4; see ``embedded.evaporation``.
    """
    air = step.air
    pressure = air_pressure(air, elevation)
    latent = 2.501e6 - 2361.0 * air
    slope = 17.269 * 237.3 / (237.3 + air) ** 2 * saturation(air)
    psychrometric = 1628.6 * pressure / latent
    density = 0.003486 * pressure / (275.0 + air)
    aerodynamic = of_cover(forest, aerodynamic_resistance) / wind
    demand = slope * net + density * c.HEAT_CAPACITY_MOIST_AIR * step.deficit / aerodynamic
    demand = ops.relu(demand) / latent * (86400.0 / air.shape[-1])
    climate = ops.maximum(air * (0.08 - 0.0016 * air), 1e-10)
    climate = climate * ops.maximum(1.0 - step.deficit / c.VAPOUR_CLOSURE, 0.1)
    rmin = of_cover(forest, lambda cover: cover.library.rmin) * rmin_factor
    light = (1.0 - albedo(forest)) * step.shortwave / of_cover(forest, lambda cover: cover.library.rgl)
    stomata = rmin * (1.0 + light) / (light + rmin / c.LARGEST_RESISTANCE) / (lai * climate)
    leaf = of_cover(forest, lambda cover: cover.library.rarc)

    def of_day(resistance: Tensor) -> Tensor:
        rate = demand / (
            slope + psychrometric * (1.0 + (ops.minimum(resistance, c.LARGEST_RESISTANCE) + leaf) / aerodynamic)
        )
        return ops.sum(rate, axis=-1, keepdims=True)

    free = of_day(stomata)
    left = ops.clip(of_day(stomata / STRESSED) / (free + 1e-3), 1e-3, 1.0)
    ease = ops.clip(STRESSED * (1.0 / left - 1.0) / (1.0 - STRESSED), 0.05, 1.0)
    return Evaporation(of_day(0.0 * lai), free, ease)


def air_pressure(air: Tensor, elevation: Tensor) -> Tensor:
    """Pressure [Pa] at an elevation [m] and a temperature [degC], as VIC's Penman-Monteith has it."""
    scale = c.GAS_CONSTANT_DRY_AIR / c.GRAVITY * (air + FREEZING + 0.5 * elevation * c.LAPSE_RATE)
    return c.SEA_LEVEL_PRESSURE * ops.exp(-elevation / scale)


def root_shares(forest: Tensor, depth2: Tensor) -> Tensor:
    """(site, layer) share of the roots, as ``embedded.inputs.root_shares`` for a first layer of 0.1 m."""
    shares = []
    for cover in (FOREST, GRASS):
        first, second, top = cover.root_fractions[0], 0.0, 0.0
        for depth, fraction in zip(cover.root_depths[1:], cover.root_fractions[1:], strict=True):
            second = second + fraction / depth * ops.clip(depth2 - top, 0.0, depth)
            top += depth
        shares.append(ops.concatenate([first * ops.ones_like(depth2), second, 1.0 - first - second], axis=-1))
    return forest * shares[0] + (1.0 - forest) * shares[1]


def albedo(forest: Tensor) -> Tensor:
    """Of leaves without snow."""
    return of_cover(forest, lambda cover: cover.library.albedo[0])


def of_cover(forest: Tensor, constant: Callable[[LandCover], Any]) -> Tensor:
    """A value of the cover, between those of forest and of grass."""
    return constant(GRASS) + forest * (constant(FOREST) - constant(GRASS))


def aerodynamic_resistance(cover: LandCover) -> float:
    """Resistance [s/m at 1 m/s] of leaves."""
    return turbulence(cover, SOME_SNOW).resistance


def turbulence(cover: LandCover, snow_roughness: float) -> Turbulence:
    """Winds and resistances of a cover over snow of a roughness [m], as ``embedded.inputs`` has them."""
    kind = cover.library
    heights = kind.roughness[0], kind.displacement[0], kind.wind_height
    if kind.overstory:
        return trees(*heights, kind.wind_atten, kind.trunk_ratio, snow_roughness)
    return low_plants(*heights, snow_roughness)


def _monthly(day: Tensor, values: tuple[float, ...]) -> Tensor:
    """The value of the month that ``day`` lies in."""
    total = values[0] * ops.ones_like(day)
    for begin, before, value in zip(MONTHS[1:], values[:-1], values[1:], strict=True):
        total = total + (value - before) * ops.cast(day >= float(begin), day.dtype)
    return total


def _earlier(series: Tensor, steps: int) -> Tensor:
    """(site, step) as it was ``steps`` before; at the beginning, as it is."""
    return ops.concatenate([series[:, :steps], series[:, :-steps]], axis=1) if steps else series
