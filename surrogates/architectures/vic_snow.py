"""What could melt and sublimate of a snow pack, in tensors: VIC's energy balance of its surface.

What the pack lacks in cold content, how old its surface is and what its canopy holds is for the learned terms.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from legacy_models.vic.embedded import constants as c
from surrogates.architectures.vic_leaves import of_cover, turbulence
from surrogates.architectures.vic_sky import Steps, saturation

Tensor = Any

ALBEDO = 0.7  # of a pack that is neither fresh nor old
ROUGHNESS = tuple(np.geomspace(1e-4, 0.3, 25).tolist())  # at which turbulence is tabulated [m]
SATURATED = 610.78  # vapour pressure at the freezing point [Pa]
LATENT_HEAT = 2.5e6  # of evaporation at the freezing point [J kg-1]


class Losses(NamedTuple):
    """What a pack could lose in each step [mm], (row, time, step).

    Args:
        melt: at 0 degC, by radiation and by what the air brings.
        sublimated: as warm as the air, or at 0 degC in warmer air.
    """

    melt: Tensor
    sublimated: Tensor


def losses(
    step: Steps, vapour: Tensor, light: Tensor, wind: Tensor, pressure: Tensor, forest: Tensor, roughness: Tensor
) -> Losses:
    """Melt and sublimation of a pack that has enough of everything.

    Args:
        step: of the band; air temperature, shortwave and longwave are used.
        vapour: pressure of it in the air [Pa], (row, time, step).
        light: share of the shortwave that trees let through, (row, time, 1).
        wind: [m/s], (row, time, 1).
        pressure: of the air [Pa], (row, time, step).
        forest: share [-], (row, 1, 1).
        roughness: of the snow [m], (row, 1, 1).

    Source:
        Andreadis et al. (2009), doi:10.1029/2008WR007042; Anderson (1976); see ``embedded.snow_energy``.
    """
    air, kelvin = step.air, step.air + c.FREEZING_POINT
    beneath = forest * c.EMISSIVITY * c.STEFAN_BOLTZMANN * kelvin**4 + (1.0 - forest) * step.longwave
    given_off = c.EMISSIVITY * c.STEFAN_BOLTZMANN * c.FREEZING_POINT**4
    light = forest * light + 1.0 - forest
    radiation = (1.0 - ALBEDO) * light * step.shortwave + beneath - given_off
    resistance = of_cover(forest, lambda cover: tabulated(roughness, lambda z: turbulence(cover, z).snow_resistance))
    calmed = of_cover(forest, lambda cover: tabulated(roughness, lambda z: turbulence(cover, z).snow_wind))
    seconds, neutral = 86400.0 / air.shape[-1], pressure / (c.GAS_CONSTANT_DRY_AIR * kelvin) * wind / resistance
    per_pressure = c.VAPOUR_TO_AIR_MASS / pressure
    moist = per_pressure * (vapour - SATURATED)
    exchange = neutral * stability(air, calmed * wind, roughness)
    energy = radiation + exchange * (c.HEAT_CAPACITY_MOIST_AIR * air + LATENT_HEAT * moist)
    dry = per_pressure * (saturation(ops.minimum(air, 0.0)) - vapour)
    exchange = neutral * stability(ops.relu(air), calmed * wind, roughness)
    return Losses(ops.relu(energy) * (seconds / c.LATENT_HEAT_FUSION), ops.relu(exchange * dry) * seconds)


def stability(air: Tensor, wind: Tensor, roughness: Tensor) -> Tensor:
    """Factor on the exchange with a surface at 0 degC, as ``embedded.snow_energy.stability``."""
    mean = 0.5 * air + c.FREEZING_POINT
    richardson = c.GRAVITY * air * (2.0 + roughness) / (mean * wind * wind)
    limit = (air + c.FREEZING_POINT) / (mean * (ops.log((2.0 + roughness) / roughness) + 5.0))
    stable = ops.square(1.0 - ops.clip(richardson, 0.0, limit) / c.CRITICAL_RICHARDSON)
    return ops.where(richardson > 0.0, stable, ops.sqrt(1.0 - 16.0 * ops.clip(richardson, -0.5, 0.0)))


def tabulated(roughness: Tensor, function: Callable[[float], float]) -> Tensor:
    """``function`` of a roughness, linear in its logarithm between the values of a table."""
    values = [function(value) for value in ROUGHNESS]
    first, last = np.log(ROUGHNESS[0]), np.log(ROUGHNESS[-1])
    place = (ops.log(roughness) - float(first)) * ((len(values) - 1) / float(last - first))
    place = ops.clip(place, 0.0, len(values) - 1.0)
    near = ops.relu(1.0 - ops.abs(place[..., None] - np.arange(len(values), dtype=np.float32)))
    return ops.sum(near * np.array(values, dtype=np.float32), axis=-1)
