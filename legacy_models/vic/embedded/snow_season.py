"""A step with snow in the canopy, on the ground or in the air: canopy first, then the pack below it."""

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import emitted, given_off
from legacy_models.vic.embedded.canopy_snow import canopy_step
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.snow_energy import snow_albedo
from legacy_models.vic.embedded.snow_pack import clear, pack_step, settle, thin_pack

STILL_AIR = c.LARGEST_RESISTANCE_STILL_AIR
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
TRACE = c.TRACE_SNOW
LEAST_DEPTH = 1e-8  # m


@kernel
def snow_step(m, tile, monthly, month, transmitted, ground, dew, pack, canopy, terms, seconds, day_of_year, north):
    """Advance canopy and pack by a step; short plants under snow neither intercept nor evaporate.

    Returns:
        water for the soil, vapour gained by the pack and by the canopy's snow, canopy evaporation, water held
        in the canopy, melt [mm].
    """
    rain, snowfall, evaporation, canopy_vapour = m[at.RAIN], m[at.SNOW], 0.0, 0.0
    shortwave, longwave = m[at.SHORTWAVE], m[at.LONGWAVE]
    if tile[at.OVERSTORY] > 0.0:
        wind = m[at.WIND]
        terms[at.FOLIAGE_RESISTANCE] = monthly[at.RESISTANCE, month] / wind if wind > 0.0 else STILL_AIR
        terms[at.ARCHITECTURE] = tile[at.RARC]
        rain, snowfall, canopy_vapour, evaporation, dew = canopy_step(
            m, monthly[at.LAI, month], transmitted, monthly[at.ALBEDO, month],
            wind * monthly[at.CANOPY_WIND, month], dew, canopy, terms, seconds,
        )  # fmt: skip
        shortwave *= transmitted
        longwave = emitted(canopy[at.FOLIAGE])
    else:
        rain += dew
        dew = 0.0
    if pack[at.PACK_SWE] <= 0.0 and snowfall <= 0.0:
        pack[at.MELT_SEASON] = 0.0
        canopy[at.FROM_BELOW] = given_off(longwave, m[at.TEMPERATURE])
        return rain, 0.0, canopy_vapour, evaporation, dew, 0.0
    terms[at.SECONDS] = seconds
    expose(terms, pack, m[at.WIND], tile, monthly, month)
    terms[at.NET_SHORTWAVE] = (1.0 - age(pack, m[at.SNOW], snowfall, seconds)) * shortwave
    terms[at.LONGWAVE_IN] = longwave
    terms[at.GROUND_TEMPERATURE] = ground
    old_swe = pack[at.PACK_SWE]
    outflow, vapour, temperature, thin = pack_step(pack, rain / 1000.0, snowfall / 1000.0, m, terms, seconds)
    melted = outflow
    if pack[at.PACK_SWE] > 0.0:
        settle(pack, snowfall, old_swe, m[at.TEMPERATURE], seconds, thin)
        follow_season(pack, snowfall, day_of_year, north)
        if thin:
            melted, temperature = 0.0, m[at.TEMPERATURE]
            resistance = terms[at.SURFACE_RESISTANCE]
            if monthly[at.LAI, month] <= 0.0 and m[at.WIND] > 0.0:
                resistance = monthly[at.RESISTANCE, month] / m[at.WIND]
            vapour = thin_pack(pack, m, resistance, seconds)
    else:
        temperature = m[at.TEMPERATURE]
        clear(pack)
        pack[at.MELT_SEASON] = 0.0
    canopy[at.FROM_BELOW] = given_off(longwave, temperature)
    return 1000.0 * outflow, 1000.0 * vapour, canopy_vapour, evaporation, dew, 1000.0 * melted


@kernel
def expose(terms, pack, wind, tile, monthly, month):
    """Note what the exchange of a pack with air and ground depends on, before the step.

    Heat from the ground is conducted with density squared; VIC divides it by the step.
    """
    terms[at.SURFACE_WIND] = wind * monthly[at.SNOW_WIND, month]
    terms[at.SURFACE_RESISTANCE] = monthly[at.SNOW_RESISTANCE, month] / wind if wind > 0.0 else STILL_AIR
    terms[at.HEIGHT] = tile[at.SNOW_HEIGHT]
    terms[at.ROUGHNESS] = tile[at.SNOW_ROUGHNESS]
    terms[at.OLD_TEMPERATURE] = pack[at.SURFACE_TEMPERATURE]
    terms[at.CONDUCTION] = 0.0
    if pack[at.SNOW_DEPTH] > LEAST_DEPTH:
        conductivity = c.SNOW_CONDUCTION * pack[at.SNOW_DENSITY] ** 2
        terms[at.CONDUCTION] = conductivity / pack[at.SNOW_DEPTH] / terms[at.SECONDS]


@kernel
def age(pack, snowfall_above, snowfall, seconds):
    """Count the steps since it snowed (above the canopy) and return the albedo of the pack."""
    if pack[at.PACK_SWE] > 0.0 and snowfall_above <= 0.0:
        pack[at.STEPS_SINCE_SNOWFALL] += 1.0
        return snow_albedo(pack, seconds, snowfall)
    pack[at.STEPS_SINCE_SNOWFALL] = 0.0
    return NEW_ALBEDO


@kernel
def follow_season(pack, snowfall, day_of_year, north):
    """Set the melt-season flag: on where a pack without cold content meets the season, off by fresh snow."""
    spring = 60 < day_of_year < 273
    if north < 0.0:
        spring = day_of_year < 60 or day_of_year > 273
    if pack[at.COLD_CONTENT] >= 0.0 and spring:
        pack[at.MELT_SEASON] = 1.0
    elif pack[at.MELT_SEASON] > 0.0 and snowfall > TRACE:
        pack[at.MELT_SEASON] = 0.0
