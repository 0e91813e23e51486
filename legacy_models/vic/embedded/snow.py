"""The two-layer energy-balance snow pack on the ground.

Water equivalents in m, temperatures in degC. The pack of a tile is a row of floats (names below).
"""

from math import exp, log, pow, sqrt

from legacy_models.vic.embedded.compiled import kernel

from legacy_models.vic.embedded import constants as c

# Entries of a pack's state.
(
    SWE,
    SURFACE_WATER,
    PACK_WATER,
    SURFACE_TEMPERATURE,
    PACK_TEMPERATURE,
    STEPS_SINCE_SNOWFALL,
    MELT_SEASON,
    COLD_CONTENT,
    ALBEDO,
) = range(9)
PACK_SIZE = 9

CP = c.HEAT_CAPACITY_MOIST_AIR
CH_ICE = c.HEAT_CAPACITY_ICE
CH_WATER = c.HEAT_CAPACITY_WATER
FUSION = c.LATENT_HEAT_FUSION * c.WATER_DENSITY  # J/m3 of water
EMISSION = c.EMISSIVITY * c.STEFAN_BOLTZMANN
EPSILON = c.VAPOUR_TO_AIR_MASS
KELVIN = c.FREEZING_POINT
RICHARDSON = c.CRITICAL_RICHARDSON
G = c.GRAVITY
STILL_AIR = c.LARGEST_RESISTANCE_STILL_AIR
SURFACE_LIMIT = c.LARGEST_SURFACE_LAYER
LIQUID = c.LIQUID_WATER_CAPACITY
THIN = c.SMALLEST_PACK
ICE_DENSITY = c.ICE_DENSITY  # relative
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
TRACE = c.TRACE_SNOW


@kernel
def saturation(temperature):
    """Saturation vapour pressure [Pa], as in ``atmosphere.saturation_vapour_pressure``."""
    pressure = 610.78 * exp(17.269 * temperature / (237.3 + temperature))
    if temperature < 0.0:
        pressure *= 1.0 + 0.00972 * temperature + 0.000042 * temperature * temperature
    return pressure


@kernel
def stability(height, surface, air, wind, roughness):
    """Factor on the turbulent exchange from the bulk Richardson number (critical value 0.2).

    Source: Anderson (1976), NOAA Technical Report NWS 19.
    """
    if surface == air:
        return 1.0
    mean = 0.5 * ((air + KELVIN) + (surface + KELVIN))
    richardson = G * (air - surface) * height / (mean * wind * wind)
    limit = (air + KELVIN) / (mean * (log(height / roughness) + 5.0))
    if richardson > limit:
        richardson = limit
    if richardson > 0.0:
        return (1.0 - richardson / RICHARDSON) ** 2
    return sqrt(1.0 - 16.0 * max(richardson, -0.5))


@kernel
def surface_balance(temperature, weather, terms):
    """Energy left over [W/m2] at a surface ``temperature``, and the vapour flux [m/s, positive to the snow].

    Rn + H + LE + rain + ground - change of cold content; refreezing is added by the caller.

    Source: Andreadis et al. (2009), doi:10.1029/2008WR007042; Anderson (1976).
    """
    air, net_shortwave, longwave, density, pressure, vapour, deficit, wind, resistance, height, roughness = (
        weather
    )
    surface_ice, old_temperature, advected, seconds = terms
    if wind > 0.0:
        exchange = stability(height, temperature, air, wind, roughness)
        ra = resistance / exchange if exchange > 0.0 else STILL_AIR
    else:
        ra = STILL_AIR
    kelvin = temperature + KELVIN
    radiation = net_shortwave + longwave - EMISSION * kelvin * kelvin * kelvin * kelvin
    sensible = density * CP * (air - temperature) / ra
    vapour_flux = density * (EPSILON / pressure) * (vapour - saturation(temperature)) / ra / 1000.0
    if deficit == 0.0 and vapour_flux < 0.0:
        vapour_flux = 0.0
    if temperature >= 0.0:
        latent = (2.501e6 - 2361.0 * temperature) * vapour_flux * 1000.0
    else:
        latent = (677.0 - 0.07 * temperature) * 4186.8 * vapour_flux * 1000.0
    cold = CH_ICE * surface_ice * (temperature - old_temperature) / seconds
    return radiation + sensible + latent + advected - cold, vapour_flux


@kernel
def surface_temperature(start, lower, refreezing, weather, terms):
    """Temperature below 0 degC at which the balance with full refreezing vanishes; bracketed secant."""
    high = 0.0
    f_high = surface_balance(high, weather, terms)[0] + refreezing
    low = lower
    f_low = surface_balance(low, weather, terms)[0] + refreezing
    while f_low < 0.0 and low > -150.0:
        low -= 20.0
        f_low = surface_balance(low, weather, terms)[0] + refreezing
    side = 0
    for _ in range(60):
        middle = (low * f_high - high * f_low) / (f_high - f_low)
        f = surface_balance(middle, weather, terms)[0] + refreezing
        if abs(f) < 1e-4 or high - low < 1e-7:
            return middle
        if f > 0.0:
            low, f_low = middle, f
            if side == 1:
                f_high *= 0.5
            side = 1
        else:
            high, f_high = middle, f
            if side == -1:
                f_low *= 0.5
            side = -1
    return middle


@kernel
def snow_albedo(pack, seconds, snowfall):
    """Albedo by age, slower while cold than in the melt season.

    0.85 * 0.94^(d^0.58) cold, 0.85 * 0.82^(d^0.46) melting, d days since snowfall.

    Source: US Army Corps of Engineers (1956), Snow Hydrology.
    """
    if snowfall > TRACE and pack[COLD_CONTENT] < 0.0:
        return NEW_ALBEDO
    days = pack[STEPS_SINCE_SNOWFALL] * seconds / 86400.0
    if pack[COLD_CONTENT] < 0.0 and pack[MELT_SEASON] == 0.0:
        return NEW_ALBEDO * pow(0.94, pow(days, 0.58))
    return NEW_ALBEDO * pow(0.82, pow(days, 0.46))


@kernel
def pack_step(pack, rain, snowfall, weather, seconds):
    """Advance the pack one step; return (water leaving the pack [m], vapour flux over the step [m])."""
    air = weather[0]
    ice = pack[SWE] - pack[PACK_WATER] - pack[SURFACE_WATER]
    surface = min(ice, SURFACE_LIMIT)
    below = ice - surface
    surface_cold = CH_ICE * surface * pack[SURFACE_TEMPERATURE]
    below_cold = CH_ICE * below * pack[PACK_TEMPERATURE]
    fresh_cold = CH_ICE * snowfall * min(air, 0.0)
    if snowfall > SURFACE_LIMIT - surface:
        moved = surface + snowfall - SURFACE_LIMIT
        if moved > surface:
            moved_cold = surface_cold + (snowfall - SURFACE_LIMIT) / snowfall * fresh_cold
        else:
            moved_cold = moved / surface * surface_cold
        surface = SURFACE_LIMIT
        surface_cold += fresh_cold - moved_cold
        below += moved
        below_cold += moved_cold
    else:
        surface += snowfall
        surface_cold += fresh_cold
    start_cold = surface_cold
    below_temp = below_cold / (CH_ICE * below) if below > 0.0 else 0.0
    ice += snowfall
    surface_water = pack[SURFACE_WATER] + rain
    below_water = pack[PACK_WATER]

    advected = CH_WATER * air * rain / seconds if air > 0.0 else 0.0
    surface_temp = pack[SURFACE_TEMPERATURE]
    terms = (surface, surface_temp, advected, seconds)
    refreezing = surface_water * FUSION / seconds
    counted = 1.0
    rest, vapour_flux = surface_balance(0.0, weather, terms)
    if rest + refreezing >= 0.0:
        surface_temp = 0.0
        vapour = vapour_flux * seconds
        if rest < 0.0:
            frozen = min(-rest / FUSION * seconds, surface_water)
            surface += frozen
            ice += frozen
            surface_water -= frozen
            melt = 0.0
        else:
            melt = rest / FUSION * seconds
        if surface_water < -vapour:
            vapour = -surface_water
            surface_water = 0.0
        else:
            surface_water += vapour
        if melt < ice:
            if melt <= below:
                surface_water += melt
                below -= melt
                ice -= melt
            else:
                surface_water += melt + below_water
                below_water = 0.0
                below = 0.0
                ice -= melt
                surface = ice
        else:
            surface_water += ice
            surface = 0.0
            below = 0.0
            below_temp = 0.0
            ice = 0.0
    elif surface <= THIN:
        counted = 0.0
        vapour = surface_balance(air, weather, terms)[1] * seconds / ICE_DENSITY
        surface_temp = air
        if surface + surface_water < -vapour:
            vapour = -surface - surface_water
            surface = 0.0
            surface_water = 0.0
            ice = below
        elif surface < -vapour:
            surface_water += vapour + surface
            surface = 0.0
            ice = below
        else:
            surface += vapour
            ice += vapour
    else:
        surface_temp = surface_temperature(surface_temp, surface_temp - 10.0, refreezing, weather, terms)
        vapour_flux = surface_balance(surface_temp, weather, terms)[1]
        vapour = vapour_flux * seconds
        surface += surface_water
        ice += surface_water
        surface_water = 0.0
        if surface < -vapour:
            vapour = -surface
            surface = 0.0
            ice = below
        else:
            surface += vapour
            ice += vapour

    holds = LIQUID * surface
    if surface_water > holds:
        below_water += surface_water - holds
        surface_water = holds
    if below > 0.0 and below_water > 0.0:
        below_cold = CH_ICE * below * below_temp
        if below_cold < -below_water * FUSION:
            below += below_water
            ice += below_water
            below_temp = (below_cold + below_water * FUSION) / (CH_ICE * below)
            below_water = 0.0
        else:
            frozen = -below_cold / FUSION
            below_water -= frozen
            below += frozen
            ice += frozen
            below_temp = 0.0
    outflow = max(below_water - LIQUID * below, 0.0)
    below_water -= outflow

    if ice > SURFACE_LIMIT:
        surface_cold = CH_ICE * surface_temp * surface
        below_cold = CH_ICE * below_temp * below
        if surface > SURFACE_LIMIT:
            moved_cold = surface_cold * (surface - SURFACE_LIMIT) / surface
            below_cold += moved_cold
            surface_cold -= moved_cold
            below += surface - SURFACE_LIMIT
            surface = SURFACE_LIMIT
        elif surface < SURFACE_LIMIT:
            moved_cold = below_cold * (SURFACE_LIMIT - surface) / below
            below_cold -= moved_cold
            surface_cold += moved_cold
            below -= SURFACE_LIMIT - surface
            surface = SURFACE_LIMIT
        start_cold = surface_cold
        surface_temp = surface_cold / (CH_ICE * surface)
        below_temp = below_cold / (CH_ICE * below) if below > 0.0 else 0.0
    else:
        surface = ice
        below = 0.0
        below_temp = 0.0
    pack[SWE] = ice + surface_water + below_water
    pack[SURFACE_WATER] = surface_water
    pack[PACK_WATER] = below_water
    pack[SURFACE_TEMPERATURE] = surface_temp if pack[SWE] > 0.0 else 0.0
    pack[PACK_TEMPERATURE] = below_temp
    pack[COLD_CONTENT] = start_cold
    return outflow, vapour, counted * outflow
