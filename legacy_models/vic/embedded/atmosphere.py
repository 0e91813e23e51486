"""Meteorology of one forcing file at one elevation: all that no parameter set changes, once per site."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at

Floats = NDArray[np.float64]


def meteorology(
    forcing: Floats,
    cell_elevation: float,
    temperature_shift: float,
    precipitation_factor: float,
    phases: tuple[float, float] = (c.SNOW_BELOW, c.RAIN_ABOVE),
) -> Floats:
    """Return the (step, column) table of one elevation band.

    Args:
        forcing: (step, 7) precipitation [mm/step], temperature [degC], shortwave, longwave [W/m2],
            pressure [Pa], vapour pressure [Pa], wind [m/s].
        cell_elevation: mean elevation of the cell [m], for the Penman-Monteith pressure.
        temperature_shift: of the band relative to the cell [K].
        precipitation_factor: precipitation of the band relative to the cell [-].
        phases: temperatures below which all is snow and above which all is rain [degC].
    """
    precipitation, air, shortwave, longwave, pressure, vapour, wind = forcing.T
    temperature = air + temperature_shift
    table = np.empty((forcing.shape[0], at.COLUMNS))
    deficit = np.maximum(saturation_vapour_pressure(air) - vapour, 0.0)
    table[:, at.TEMPERATURE] = temperature
    table[:, at.RAIN], table[:, at.SNOW] = rain_and_snow(temperature, precipitation * precipitation_factor, *phases)
    table[:, at.SHORTWAVE] = shortwave
    table[:, at.LONGWAVE] = longwave
    table[:, at.PRESSURE] = pressure
    table[:, at.VAPOUR_PRESSURE] = saturation_vapour_pressure(air) - deficit
    table[:, at.DEFICIT] = deficit
    table[:, at.DENSITY] = pressure / (c.GAS_CONSTANT_DRY_AIR * (c.FREEZING_POINT + air))
    table[:, at.WIND] = wind
    _penman_monteith_terms(table, cell_elevation)
    table[:, at.EMITTED] = c.EMISSIVITY * c.STEFAN_BOLTZMANN * (temperature + c.FREEZING_POINT) ** 4
    warmth = np.maximum(0.08 * temperature - 0.0016 * temperature**2, 1e-10)
    dryness = np.maximum(1.0 - deficit / c.VAPOUR_CLOSURE, 0.1)
    table[:, at.STOMATAL_CLIMATE] = warmth * dryness
    return table


def saturation_vapour_pressure(temperature: Any) -> Any:
    """Saturation vapour pressure [Pa] over water, with an ice correction below 0 degC.

    e_s = 610.78 exp(17.269 T / (237.3 + T)), times (1 + 0.00972 T + 0.000042 T^2) below 0 degC.

    Source: Handbook of Hydrology (Maidment 1993), eq. 4.2.2; ice correction as in VIC 5.
    """
    pressure = 610.78 * np.exp(17.269 * temperature / (237.3 + temperature))
    ice = 1.0 + 0.00972 * temperature + 0.000042 * temperature**2
    return np.where(temperature < 0.0, pressure * ice, pressure)


def rain_and_snow(
    temperature: Floats, precipitation: Floats, snow_below: float = c.SNOW_BELOW, rain_above: float = c.RAIN_ABOVE
) -> tuple[Floats, Floats]:
    """Return rain and snow [mm]: the rain share rises linearly from ``snow_below`` to ``rain_above``."""
    share = np.clip((temperature - snow_below) / (rain_above - snow_below), 0.0, 1.0)
    return precipitation * share, precipitation * (1.0 - share)


def _penman_monteith_terms(table: Floats, elevation: float) -> None:
    """Fill slope [Pa/K], psychrometric constant [Pa/K], latent heat [J/kg] and rho cp VPD.

    Source: Handbook of Hydrology (Maidment 1993), ch. 4.
    """
    temperature = table[:, at.TEMPERATURE]
    scale = c.GAS_CONSTANT_DRY_AIR / c.GRAVITY * (temperature + c.FREEZING_POINT + 0.5 * elevation * c.LAPSE_RATE)
    pressure = c.SEA_LEVEL_PRESSURE * np.exp(-elevation / scale)
    latent = 2.501e6 - 2361.0 * temperature
    saturated = saturation_vapour_pressure(temperature)
    table[:, at.SLOPE] = saturated * 17.269 * 237.3 / (237.3 + temperature) ** 2
    table[:, at.LATENT] = latent
    table[:, at.PSYCHROMETRIC] = 1628.6 * pressure / latent
    density = 0.003486 * pressure / (275.0 + temperature)
    table[:, at.DRYING] = density * c.HEAT_CAPACITY_MOIST_AIR * table[:, at.DEFICIT]
