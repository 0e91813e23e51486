"""A step with snow in the canopy, on the ground or in the air: canopy first, then the pack below it."""

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.canopy_snow import bare_canopy_step, snowy_canopy_step
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.snow_energy import snow_albedo
from legacy_models.vic.embedded.snow_pack import pack_step

EMISSION = c.EMISSIVITY * c.STEFAN_BOLTZMANN
STILL_AIR = c.LARGEST_RESISTANCE_STILL_AIR
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
TRACE = c.TRACE_SNOW
THIN = c.SMALLEST_PACK


@kernel
def snow_step(m, tile, monthly, month, transmitted, dew, pack, canopy, seconds, day_of_year, north):
    """Advance canopy and pack by a step; short plants under snow neither intercept nor evaporate.

    Returns:
        water for the soil, vapour gained by the pack and by the canopy's snow, canopy evaporation, water held
        in the canopy, melt [mm].
    """
    rain, snowfall, evaporation, canopy_vapour = m[at.RAIN], m[at.SNOW], 0.0, 0.0
    shortwave, longwave = m[at.SHORTWAVE], m[at.LONGWAVE]
    if tile[at.OVERSTORY] > 0.0:
        lai = monthly[at.LAI, month]
        ra = monthly[at.RESISTANCE, month] / m[at.WIND] if m[at.WIND] > 0.0 else STILL_AIR
        covered = pack[at.PACK_SWE] > 0.0
        if snowfall > 0.0 or canopy[at.LOAD] > THIN:
            ground = pack[at.SURFACE_TEMPERATURE] if covered else m[at.TEMPERATURE]
            rain, snowfall, canopy_vapour, dew = snowy_canopy_step(
                m, lai, transmitted, ground, dew, canopy, seconds, ra
            )
        else:
            evaporation, rain, dew = bare_canopy_step(
                m, lai, transmitted, pack[at.SURFACE_TEMPERATURE], monthly[at.ALBEDO, month], tile[at.RARC],
                dew, canopy, seconds, ra,
            )  # fmt: skip
            snowfall = 1000.0 * canopy[at.LOAD]  # a load of less than 1 mm slides off
            canopy[at.LOAD] = 0.0
        shortwave *= transmitted
        longwave = EMISSION * (canopy[at.FOLIAGE] + c.FREEZING_POINT) ** 4
    else:
        rain += dew
        dew = 0.0
    if pack[at.PACK_SWE] <= 0.0 and snowfall <= 0.0:
        return rain, 0.0, canopy_vapour, evaporation, dew, 0.0
    albedo = age(pack, m[at.SNOW], snowfall, seconds)
    weather = exposure(m, (1.0 - albedo) * shortwave, longwave, tile, monthly, month)
    outflow, vapour, melted = pack_step(pack, rain / 1000.0, snowfall / 1000.0, weather, seconds)
    follow_season(pack, snowfall, day_of_year, north)
    return 1000.0 * outflow, 1000.0 * vapour, canopy_vapour, evaporation, dew, 1000.0 * melted


@kernel
def exposure(m, net_shortwave, longwave, tile, monthly, month):
    """What a pack is exposed to: see ``snow_energy.surface_balance``."""
    wind = m[at.WIND]
    return (
        m[at.TEMPERATURE],
        net_shortwave,
        longwave,
        m[at.DENSITY],
        m[at.PRESSURE],
        m[at.VAPOUR_PRESSURE],
        m[at.DEFICIT],
        wind * monthly[at.SNOW_WIND, month],
        monthly[at.SNOW_RESISTANCE, month] / wind if wind > 0.0 else STILL_AIR,
        tile[at.SNOW_HEIGHT],
        tile[at.SNOW_ROUGHNESS],
    )


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
    if pack[at.PACK_SWE] <= 0.0:
        pack[:] = 0.0
        return
    spring = 60 < day_of_year < 273
    if north < 0.0:
        spring = day_of_year < 60 or day_of_year > 273
    if pack[at.COLD_CONTENT] >= 0.0 and spring:
        pack[at.MELT_SEASON] = 1.0
    elif pack[at.MELT_SEASON] > 0.0 and snowfall > TRACE:
        pack[at.MELT_SEASON] = 0.0
