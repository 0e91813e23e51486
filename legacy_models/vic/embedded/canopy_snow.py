"""Trees in the snow season: interception, and the energy balance of the foliage with and without snow.

Source: Andreadis et al. (2009), doi:10.1029/2008WR007042; Storck et al. (2002), doi:10.1029/2002WR001281.
"""

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.evaporation import penman_monteith, wet_canopy
from legacy_models.vic.embedded.snow_energy import saturation, sublimation_heat

SNOW_PER_LAI = c.CANOPY_SNOW_PER_LAI
WATER_PER_LAI = c.CANOPY_WATER_PER_LAI / 1000.0
LIQUID = c.LIQUID_WATER_CAPACITY
EMISSION = c.EMISSIVITY * c.STEFAN_BOLTZMANN
FUSION = c.LATENT_HEAT_FUSION * c.WATER_DENSITY
CP = c.HEAT_CAPACITY_MOIST_AIR
CH_WATER = c.HEAT_CAPACITY_WATER
EPSILON = c.VAPOUR_TO_AIR_MASS
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
STRONGEST = 4.0  # factor of the largest load that branches bear
RESISTANCE_FACTOR = 10.0  # on the canopy's aerodynamic resistance with snow, VIC's AR_406_FULL


@kernel
def interception(canopy, lai, dew, rain, snowfall):
    """Catch snow and rain [m]; what the branches cannot bear falls, snow and water in proportion.

    Capacity for snow: 0.0005 LAI m metres, m = 4 for foliage above -1 degC, 1 below -3 degC, linear between;
    of the fall, the share 1 - load / capacity is caught. For water: 0.1 mm LAI and 0.035 of the snow.

    Returns:
        load, water held, snow and water that fall, capacity for water [m].
    """
    warmth = canopy[at.FOLIAGE]
    factor = 4.0 if warmth > -1.0 else max(1.5 * warmth + 5.5, 1.0)
    room = SNOW_PER_LAI * lai * factor
    load = canopy[at.LOAD]
    caught = 0.0
    if load < room:
        caught = min((1.0 - load / room) * snowfall, room - load)
    load += caught
    holds = LIQUID * load + WATER_PER_LAI * lai
    water = min(dew + rain, holds)
    drip = dew + rain - water
    fall = snowfall - caught
    overload = load + water - STRONGEST * SNOW_PER_LAI * lai
    if overload > 0.0:
        share = load / (load + water)
        load -= overload * share
        fall += overload * share
        water -= overload * (1.0 - share)
        drip += overload * (1.0 - share)
    return load, water, fall, drip, holds


@kernel
def foliage_balance(temperature, m, absorbed, rain, resistance, seconds):
    """Energy left over [W/m2] in a snow-covered canopy, and the vapour flux [m/s, positive to the canopy]."""
    kelvin = temperature + c.FREEZING_POINT
    radiation = absorbed - 2.0 * EMISSION * kelvin * kelvin * kelvin * kelvin
    air = m[at.TEMPERATURE]
    sensible = m[at.DENSITY] * CP * (air - temperature) / resistance
    gradient = m[at.VAPOUR_PRESSURE] - saturation(temperature)
    vapour = m[at.DENSITY] * (EPSILON / m[at.PRESSURE]) * gradient / resistance / 1000.0
    if m[at.DEFICIT] == 0.0 and vapour < 0.0:
        vapour = 0.0
    latent = sublimation_heat(temperature) * vapour * 1000.0
    advected = CH_WATER * air * rain / seconds if air > 0.0 else 0.0
    return radiation + sensible + latent + advected, vapour


@kernel
def foliage_temperature(m, absorbed, rain, refreezing, resistance, seconds):
    """Temperature [degC] below 0 of a snow-covered canopy (Illinois method)."""
    high, low = 0.0, m[at.TEMPERATURE] - 30.0
    f_high = foliage_balance(high, m, absorbed, rain, resistance, seconds)[0] + refreezing
    f_low = foliage_balance(low, m, absorbed, rain, resistance, seconds)[0] + refreezing
    while f_low < 0.0 and low > -150.0:
        low -= 20.0
        f_low = foliage_balance(low, m, absorbed, rain, resistance, seconds)[0] + refreezing
    middle = low
    side = 0
    for _ in range(60):
        middle = (low * f_high - high * f_low) / (f_high - f_low)
        f = foliage_balance(middle, m, absorbed, rain, resistance, seconds)[0] + refreezing
        if abs(f) < 1e-4:
            break
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
def snowy_canopy_step(m, lai, transmitted, ground, dew, canopy, seconds, aerodynamic):
    """Advance a canopy that holds or receives snow by a step.

    Args:
        m: meteorology of the step.
        lai: leaf area index [-].
        transmitted: share of the shortwave that passes the canopy.
        ground: temperature below the canopy [degC].
        dew: water held [mm].
        canopy: its state, changed in place.
        seconds: the step [s].
        aerodynamic: resistance above the canopy [s/m].

    Returns:
        rain and snow below the canopy, vapour gained, water held [mm].
    """
    rain = m[at.RAIN] / 1000.0
    load, water, fall, drip, holds = interception(canopy, lai, dew / 1000.0, rain, m[at.SNOW] / 1000.0)
    resistance = RESISTANCE_FACTOR * aerodynamic
    absorbed = (1.0 - NEW_ALBEDO) * m[at.SHORTWAVE] * (1.0 - transmitted) + m[at.LONGWAVE]
    absorbed += EMISSION * (ground + c.FREEZING_POINT) ** 4
    rest, flux = foliage_balance(0.0, m, absorbed, rain, resistance, seconds)
    refreezing = water * FUSION / seconds
    if rest + refreezing >= 0.0:
        foliage = 0.0
        melted = min(rest * seconds / FUSION, load)
        if melted < 0.0:
            melted = max(melted, -water)
        held = min(melted, max(holds - water, 0.0))
        load -= melted
        water += held
        drip += melted - held
        vapour = max(flux * seconds, -water)
        water += vapour
    else:
        foliage = foliage_temperature(m, absorbed, rain, refreezing, resistance, seconds)
        flux = foliage_balance(foliage, m, absorbed, rain, resistance, seconds)[1]
        drip += water
        water = 0.0
        vapour = max(flux * seconds, -load)
        load += vapour
    if load < 1e-12:
        fall += load
        load = 0.0
    canopy[at.LOAD] = load
    canopy[at.FOLIAGE] = foliage
    return 1000.0 * drip, 1000.0 * fall, 1000.0 * vapour, 1000.0 * water


@kernel
def bare_balance(temperature, m, absorbed, dew, capacity, architecture, resistance, seconds):
    """Energy left over [W/m2] in a snow-free canopy, and its evaporation, throughfall and storage [mm]."""
    kelvin = temperature + c.FREEZING_POINT
    radiation = absorbed - 2.0 * EMISSION * kelvin * kelvin * kelvin * kelvin
    sensible = m[at.DENSITY] * CP * (m[at.TEMPERATURE] - temperature) / resistance
    potential = seconds * penman_monteith(
        radiation, m[at.SLOPE], m[at.PSYCHROMETRIC], m[at.LATENT], m[at.DRYING], resistance, architecture
    )
    evaporation, throughfall, storage, _ = wet_canopy(dew, m[at.RAIN], capacity, potential)
    return radiation + sensible - m[at.LATENT] * evaporation / seconds, evaporation, throughfall, storage


@kernel
def bare_canopy_step(m, lai, transmitted, ground, albedo, architecture, dew, canopy, seconds, resistance):
    """Advance a snow-free canopy above snow: it warms or cools to balance, and evaporates what it holds.

    Returns:
        evaporation, rain below the canopy, water held [mm].
    """
    absorbed = (1.0 - albedo) * m[at.SHORTWAVE] * (1.0 - transmitted) + m[at.LONGWAVE]
    absorbed += EMISSION * (ground + c.FREEZING_POINT) ** 4
    capacity = c.CANOPY_WATER_PER_LAI * lai
    low, high = m[at.TEMPERATURE] - 25.0, m[at.TEMPERATURE] + 25.0
    f_low = bare_balance(low, m, absorbed, dew, capacity, architecture, resistance, seconds)[0]
    f_high = bare_balance(high, m, absorbed, dew, capacity, architecture, resistance, seconds)[0]
    foliage = m[at.TEMPERATURE]
    side = 0
    for _ in range(60):
        if f_low <= 0.0 or f_high >= 0.0:
            break
        foliage = (low * f_high - high * f_low) / (f_high - f_low)
        f = bare_balance(foliage, m, absorbed, dew, capacity, architecture, resistance, seconds)[0]
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
        foliage, m, absorbed, dew, capacity, architecture, resistance, seconds
    )
    canopy[at.FOLIAGE] = foliage
    return evaporation, throughfall, storage
