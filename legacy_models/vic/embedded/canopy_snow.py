"""Snow in the canopy of an overstory: interception, energy balance, drip and release."""

from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.evaporation import penman_monteith, wet_canopy

from legacy_models.vic.embedded import atmosphere as a
from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import snow as s

# Entries of the canopy's state: intercepted snow [m], foliage temperature [degC], melt not yet released [m].
LOAD, FOLIAGE, PENDING = range(3)
CANOPY_SIZE = 3

SNOW_PER_LAI = c.CANOPY_SNOW_PER_LAI
WATER_PER_LAI = c.CANOPY_WATER_PER_LAI / 1000.0
LIQUID = c.LIQUID_WATER_CAPACITY
EMISSION = c.EMISSIVITY * c.STEFAN_BOLTZMANN
FUSION = c.LATENT_HEAT_FUSION * c.WATER_DENSITY
CP = c.HEAT_CAPACITY_MOIST_AIR
EPSILON = c.VAPOUR_TO_AIR_MASS
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
KEEPS = 0.005  # m of snow that no release takes
STRONGEST = 4.0  # factor of the largest load that branches bear
RELEASE = 0.17  # largest share of the load released at once
RESISTANCE_FACTOR = 10.0  # on the canopy's aerodynamic resistance with snow, as in VIC 4.0.6


@kernel
def largest_load(lai, air):
    """Capacity for snow [m]: 0.0005 LAI m, m = 4 above -1 degC, 1 below -3 degC, linear between.

    Source: Storck et al. (2002), doi:10.1029/2002WR001281; Andreadis et al. (2009).
    """
    if air > -1.0:
        factor = 4.0
    elif air > -3.0:
        factor = 1.5 * air + 5.5
    else:
        factor = 1.0
    return SNOW_PER_LAI * lai * factor


@kernel
def foliage_balance(temperature, m, absorbed, from_below, rain, resistance, seconds):
    """Energy left over [W/m2] in a snow-covered canopy, and the vapour flux [m/s, positive to the canopy]."""
    kelvin = temperature + 273.15
    radiation = absorbed + m[a.LONGWAVE] + from_below - 2.0 * EMISSION * kelvin * kelvin * kelvin * kelvin
    sensible = m[a.DENSITY] * CP * (m[a.TEMPERATURE] - temperature) / resistance
    vapour = (
        m[a.DENSITY]
        * (EPSILON / m[a.PRESSURE])
        * (m[a.VAPOUR_PRESSURE] - s.saturation(temperature))
        / resistance
        / 1000.0
    )
    if m[a.DEFICIT] == 0.0 and vapour < 0.0:
        vapour = 0.0
    latent = (677.0 - 0.07 * temperature) * 4186.8 * vapour * 1000.0
    advected = s.CH_WATER * m[a.TEMPERATURE] * rain / seconds if m[a.TEMPERATURE] > 0.0 else 0.0
    return radiation + sensible + latent + advected, vapour


@kernel
def canopy_step(m, lai, attenuation, albedo, dew, rain, snowfall, pack, canopy, seconds, aerodynamic):
    """Return rain and snow below the canopy [mm], vapour flux [mm], liquid held [mm], foliage temperature [degC].

    Source: Andreadis et al. (2009), doi:10.1029/2008WR007042; Storck (2000); Wigmosta et al. (1994).
    """
    air = m[a.TEMPERATURE]
    fresh = snowfall / 1000.0
    load = canopy[LOAD]
    liquid = dew / 1000.0
    shower = rain / 1000.0
    room = largest_load(lai, canopy[FOLIAGE])
    caught = 0.0
    if load < room:
        caught = min((1.0 - load / room) * fresh, room - load)
    load += caught
    snow_below = fresh - caught
    holds = LIQUID * load + WATER_PER_LAI * lai
    liquid += shower
    drip = 0.0
    if liquid > holds:
        drip = liquid - holds
        liquid = holds
    overload = load + liquid - STRONGEST * SNOW_PER_LAI * lai
    if overload > 0.0:
        share = load / (load + liquid)
        load -= overload * share
        liquid -= overload * (1.0 - share)
        snow_below += overload * share
        drip += overload * (1.0 - share)
    resistance = RESISTANCE_FACTOR * aerodynamic
    absorbed = (1.0 - NEW_ALBEDO) * m[a.SHORTWAVE] * (1.0 - attenuation)
    below = pack[s.SURFACE_TEMPERATURE] if pack[s.SWE] > 0.0 else air
    from_below = EMISSION * (below + 273.15) ** 4
    rest, flux = foliage_balance(0.0, m, absorbed, from_below, shower, resistance, seconds)
    refreezing = liquid * FUSION / seconds
    if rest + refreezing >= 0.0:
        foliage = 0.0
        vapour = flux * seconds
        if rest < 0.0:
            frozen = min(-rest / FUSION * seconds, liquid)
            load += frozen
            liquid -= frozen
        else:
            melt = min(rest / FUSION * seconds, load)
            held = min(melt, max(holds - liquid, 0.0))
            load -= held
            liquid += held
            drip += melt - held
            load -= melt - held
        if liquid < -vapour:
            vapour = -liquid
            liquid = 0.0
        else:
            liquid += vapour
    else:
        high, low = 0.0, air - 30.0
        f_high = rest + refreezing
        f_low = foliage_balance(low, m, absorbed, from_below, shower, resistance, seconds)[0] + refreezing
        foliage = low
        for _ in range(60):
            foliage = (low * f_high - high * f_low) / (f_high - f_low)
            f = foliage_balance(foliage, m, absorbed, from_below, shower, resistance, seconds)[0] + refreezing
            if abs(f) < 1e-4:
                break
            if f > 0.0:
                low, f_low = foliage, f
                f_high *= 0.7
            else:
                high, f_high = foliage, f
        vapour = foliage_balance(foliage, m, absorbed, from_below, shower, resistance, seconds)[1] * seconds
        drip += liquid
        liquid = 0.0
        if load < -vapour:
            vapour = -load
            load = 0.0
        else:
            load += vapour
    if load < 1e-12:
        snow_below += load
        load = 0.0
        canopy[PENDING] = 0.0
    canopy[LOAD] = load
    canopy[FOLIAGE] = foliage
    return 1000.0 * drip, 1000.0 * snow_below, 1000.0 * vapour, 1000.0 * liquid, foliage


@kernel
def bare_balance(temperature, m, absorbed, from_below, dew, rain, capacity, architecture, resistance, seconds):
    """Energy left over [W/m2] in a snow-free canopy above snow, and the wet canopy's water fluxes (see there)."""
    kelvin = temperature + 273.15
    radiation = absorbed + m[a.LONGWAVE] + from_below - 2.0 * EMISSION * kelvin * kelvin * kelvin * kelvin
    sensible = m[a.DENSITY] * CP * (m[a.TEMPERATURE] - temperature) / resistance
    potential = seconds * penman_monteith(
        radiation, m[a.SLOPE], m[a.PSYCHROMETRIC], m[a.LATENT], m[a.DRYING], resistance, architecture
    )
    evaporation, throughfall, storage, _ = wet_canopy(dew, rain, capacity, potential)
    return radiation + sensible - m[a.LATENT] * evaporation / seconds, evaporation, throughfall, storage


@kernel
def bare_canopy_step(m, lai, attenuation, albedo, architecture, dew, rain, pack, seconds, resistance):
    """Return (evaporation, rain below, liquid held [mm], foliage temperature [degC]) of trees without snow."""
    absorbed = (1.0 - albedo) * m[a.SHORTWAVE] * (1.0 - attenuation)
    from_below = EMISSION * (pack[s.SURFACE_TEMPERATURE] + 273.15) ** 4
    capacity = 1000.0 * WATER_PER_LAI * lai
    low, high = m[a.TEMPERATURE] - 25.0, m[a.TEMPERATURE] + 25.0
    f_low = bare_balance(low, m, absorbed, from_below, dew, rain, capacity, architecture, resistance, seconds)[0]
    f_high = bare_balance(high, m, absorbed, from_below, dew, rain, capacity, architecture, resistance, seconds)[0]
    foliage = m[a.TEMPERATURE]
    side = 0
    for _ in range(60):
        if f_low <= 0.0 or f_high >= 0.0:
            break
        foliage = (low * f_high - high * f_low) / (f_high - f_low)
        f = bare_balance(foliage, m, absorbed, from_below, dew, rain, capacity, architecture, resistance, seconds)[0]
        if abs(f) < 1e-3:
            break
        if f > 0.0:
            low, f_low = foliage, f
            if side == 1:
                f_high *= 0.5
            side = 1
        else:
            high, f_high = foliage, f
            if side == -1:
                f_low *= 0.5
            side = -1
    _, evaporation, throughfall, storage = bare_balance(
        foliage, m, absorbed, from_below, dew, rain, capacity, architecture, resistance, seconds
    )
    return evaporation, throughfall, storage, foliage


__all__ = ["CANOPY_SIZE", "FOLIAGE", "LOAD", "bare_canopy_step", "canopy_step", "largest_load"]
