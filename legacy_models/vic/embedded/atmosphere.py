"""Meteorology of one forcing file at one elevation: all that no parameter set changes, once per site."""

from math import exp

import numpy as np

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel

GAS_CONSTANT = c.GAS_CONSTANT_DRY_AIR
KELVIN = c.FREEZING_POINT
EMISSION = c.EMISSIVITY * c.STEFAN_BOLTZMANN


@kernel
def meteorology(forcing, elevation, shift, factor, snow_below=c.SNOW_BELOW, rain_above=c.RAIN_ABOVE):
    """Return the (step, column) table of one elevation band.

    Args:
        forcing: (step, 7) precipitation [mm/step], temperature [degC], shortwave, longwave [W/m2],
            pressure [Pa], vapour pressure [Pa], wind [m/s].
        elevation: mean elevation of the cell [m], for the Penman-Monteith pressure.
        shift: temperature of the band relative to the cell [K].
        factor: precipitation of the band relative to the cell [-].
        snow_below: temperature below which all is snow [degC].
        rain_above: temperature above which all is rain [degC].
    """
    table = np.empty((forcing.shape[0], at.COLUMNS))
    for i in range(forcing.shape[0]):
        precipitation, air, shortwave, longwave, pressure, vapour, wind = forcing[i]
        row = table[i]
        row[at.TEMPERATURE] = air + shift
        row[at.RAIN], row[at.SNOW] = rain_and_snow(air + shift, precipitation * factor, snow_below, rain_above)
        row[at.SHORTWAVE], row[at.LONGWAVE] = shortwave, longwave
        saturated = saturation(air)  # in a band, too, the air is as dry as in the cell
        row[at.PRESSURE], row[at.VAPOUR_PRESSURE] = pressure, min(vapour, saturated)
        row[at.DEFICIT] = max(saturated - vapour, 0.0)
        row[at.DENSITY] = pressure / (GAS_CONSTANT * (KELVIN + air))
        row[at.WIND] = wind
        row[at.EMITTED] = emitted(air + shift)
        _penman_monteith_terms(row, elevation)
        _stomatal_terms(row)
    return table


@kernel
def saturation(temperature):
    """Saturation vapour pressure [Pa] over water, with an ice correction below 0 degC.

    e_s = 610.78 exp(17.269 T / (237.3 + T)), times (1 + 0.00972 T + 0.000042 T^2) below 0 degC.

    Source: Handbook of Hydrology (Maidment 1993), eq. 4.2.2; ice correction as in VIC 5.
    """
    pressure = 0.61078 * exp(17.269 * temperature / (237.3 + temperature))
    if temperature < 0.0:
        pressure *= 1.0 + 0.00972 * temperature + 0.000042 * temperature * temperature
    return pressure * 1000.0


@kernel
def emitted(temperature):
    """Longwave [W/m2] that a surface of ``temperature`` [degC] emits."""
    kelvin = temperature + KELVIN
    return EMISSION * kelvin * kelvin * kelvin * kelvin


@kernel
def given_off(received, temperature):
    """The same as what is received less what is kept: VIC's order, and so its rounding."""
    return received - (received - emitted(temperature))


@kernel
def rain_and_snow(temperature, precipitation, snow_below=c.SNOW_BELOW, rain_above=c.RAIN_ABOVE):
    """Return rain and snow [mm]: the rain share rises linearly between the two; a trace of snow is none."""
    share = (temperature - snow_below) / (rain_above - snow_below)
    rain = min(max(share, 0.0), 1.0) * precipitation
    snow = precipitation - rain
    return rain, snow if snow >= c.LEAST_SNOWFALL else 0.0


@kernel
def _penman_monteith_terms(row, elevation):
    """Fill slope [Pa/K], psychrometric constant [Pa/K], latent heat [J/kg] and rho cp VPD.

    Source: Handbook of Hydrology (Maidment 1993), ch. 4.
    """
    temperature = row[at.TEMPERATURE]
    scale = GAS_CONSTANT / c.GRAVITY * ((temperature + KELVIN) + 0.5 * elevation * c.LAPSE_RATE)
    pressure = c.SEA_LEVEL_PRESSURE * exp(-elevation / scale)
    latent = 2.501e6 - 2361.0 * temperature
    slope = 17.269 * 237.3 / ((237.3 + temperature) * (237.3 + temperature))
    row[at.SLOPE] = slope * saturation(temperature)
    row[at.LATENT] = latent
    row[at.PSYCHROMETRIC] = 1628.6 * pressure / latent
    density = 0.003486 * pressure / (275.0 + temperature)
    row[at.DRYING] = density * c.HEAT_CAPACITY_MOIST_AIR * row[at.DEFICIT]


@kernel
def _stomatal_terms(row):
    """Fill the product of the temperature and dryness factors of Jarvis (1976) on stomatal conductance."""
    temperature = row[at.TEMPERATURE]
    warmth = max(0.08 * temperature - 0.0016 * temperature * temperature, 1e-10)
    row[at.STOMATAL_CLIMATE] = warmth * max(1.0 - row[at.DEFICIT] / c.VAPOUR_CLOSURE, 0.1)
