"""Trees in the snow season: interception, melt and sliding of snow, evaporation of a canopy without snow.

Source: Andreadis et al. (2009), doi:10.1029/2008WR007042; Storck et al. (2002), doi:10.1029/2002WR001281.
"""

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.foliage import foliage_balance, foliage_evaporation
from legacy_models.vic.embedded.roots import FOLIAGE, balance_temperature

SNOW_PER_LAI = c.CANOPY_SNOW_PER_LAI
WATER_PER_LAI = c.CANOPY_WATER_PER_LAI
LIQUID = c.LIQUID_WATER_CAPACITY
CH_WATER = c.HEAT_CAPACITY_WATER
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
THIN = c.SMALLEST_PACK
BRACKET = 5.0  # K around the old temperature
STRONGEST = 4.0  # factor of the largest load that branches bear
NOTHING = 2.0**-52  # m
SLIDING_MELT, SLIDING_SHARE = 0.10, 0.17  # of the load: melt that makes snow slide, and how much of it slides


@kernel
def canopy_step(m, lai, transmitted, albedo, wind, dew, canopy, terms, seconds):
    """Advance the canopy of trees by a step with snow in it, below it or in the air.

    Args:
        m: meteorology of the step.
        lai: leaf area index [-].
        transmitted: share of the shortwave that passes the canopy.
        albedo: of the canopy without snow.
        wind: in the canopy [m/s].
        dew: water held [mm].
        canopy: its state, changed in place.
        terms: of the balance of the foliage: its resistances are there, the rest is filled here.
        seconds: the step [s].

    Returns:
        rain and snow below the canopy, vapour that its snow gains, evaporation, water held [mm].
    """
    start = canopy[at.LOAD]
    capacity = WATER_PER_LAI * lai / 1000.0
    water, fall, drip = intercept(m, lai, wind, dew / 1000.0, capacity, canopy)
    load = canopy[at.LOAD]
    snowy = load > 0.0 or m[at.SNOW] > 0.0
    if water + load < NOTHING:
        canopy[at.FOLIAGE] = m[at.TEMPERATURE]
    shortwave = (1.0 - (NEW_ALBEDO if snowy else albedo)) * ((1.0 - transmitted) * m[at.SHORTWAVE])
    terms[at.ABSORBED] = shortwave + m[at.LONGWAVE] + canopy[at.FROM_BELOW]
    terms[at.FOLIAGE_LOAD] = load
    terms[at.FOLIAGE_WATER] = dew
    terms[at.FOLIAGE_CAPACITY] = WATER_PER_LAI * lai
    terms[at.FOLIAGE_RAIN_HEAT] = CH_WATER * m[at.TEMPERATURE] * (m[at.RAIN] / 1000.0) / seconds
    freezing = dew / 1000.0 * c.LATENT_HEAT_FUSION * c.WATER_DENSITY / seconds
    terms[at.FOLIAGE_FREEZING_HEAT] = freezing if load > 0.0 else 0.0
    terms[at.FOLIAGE_SECONDS] = seconds
    rest, vapour = warm_foliage(snowy, m, canopy, terms)
    evaporation = 0.0
    if load <= 0.0:
        evaporation, drip, water = foliage_evaporation(canopy[at.FOLIAGE], m, terms)
        canopy[at.HELD_MELT] = 0.0
        return drip, 1000.0 * fall, 0.0, evaporation, water
    if canopy[at.FOLIAGE] == 0.0:
        water, vapour, dripped, slid = melt_load(
            rest * seconds / c.LATENT_HEAT_FUSION / c.WATER_DENSITY,
            vapour * seconds,
            water,
            capacity,
            start,
            fall > 0.0,
            canopy,
        )
        drip += dripped
        fall += slid
    else:
        water, vapour = freeze_load(vapour * seconds, water, dew, canopy)
    if canopy[at.LOAD] == 0.0 and water > capacity:
        drip += water - capacity
        water = capacity
    return 1000.0 * drip, 1000.0 * fall, 1000.0 * vapour, evaporation, 1000.0 * water


@kernel
def intercept(m, lai, wind, water, capacity, canopy):
    """Catch snow and rain; return the water held, and the snow and water that fall through [m].

    Capacity for snow: 0.0005 LAI f metres, f = 4 for foliage above -1 degC, 1 below -3 degC, linear between;
    of the fall, the share 1 - load / capacity is caught, less in wind and cold. For water: 0.1 mm LAI and
    0.035 of the snow. Without fresh snow or rain, less than 1 mm of either falls. What the branches cannot
    bear falls too, snow and water in proportion.
    """
    rain, snowfall, warmth = m[at.RAIN] / 1000.0, m[at.SNOW] / 1000.0, canopy[at.FOLIAGE]
    bearing = STRONGEST * SNOW_PER_LAI * lai
    load, caught = canopy[at.LOAD], 0.0
    room = SNOW_PER_LAI * lai * (4.0 if warmth > -1.0 else max(1.5 * warmth + 5.5, 1.0))
    if room > 0.0:
        caught = max(min((1.0 - load / room) * snowfall, room - load), 0.0)
    if warmth < -3.0 and wind > 1.0:
        caught = max(caught - 0.2 * (wind - 1.0) * caught, 0.0)
    if load + caught > bearing:
        caught = 0.0
    fall = snowfall - caught
    load += caught
    if snowfall == 0.0 and load < THIN:
        fall, load = load, 0.0
    holds = LIQUID * load + capacity
    drip = max(water + rain - holds, 0.0)
    water = min(water + rain, holds)
    if rain == 0.0 and water < THIN:
        drip, water = drip + water, 0.0
    overload = load + water - bearing
    if overload > 0.0:
        of_water, of_snow = overload * (water / (water + load)), overload * (load / (water + load))
        water -= of_water
        drip += of_water
        load -= of_snow
        fall += of_snow
    canopy[at.LOAD] = load
    return water, fall, drip


@kernel
def warm_foliage(snowy, m, canopy, terms):
    """Set the temperature of the foliage; return what is left of its balance [W/m2] and the vapour it gains [m/s].

    Snow keeps it at the freezing point where there is energy to melt it; what is left melts it.
    """
    old = canopy[at.FOLIAGE]
    low, high = old - BRACKET, old + BRACKET
    if snowy:
        rest, vapour = foliage_balance(0.0, m, terms)
        if terms[at.FOLIAGE_LOAD] > 0.0 and rest + terms[at.FOLIAGE_FREEZING_HEAT] >= 0.0:
            canopy[at.FOLIAGE] = 0.0
            return rest, vapour
        low, high = min(old, 0.0) - BRACKET, 0.0
    canopy[at.FOLIAGE] = balance_temperature(FOLIAGE, low, high, m, terms, old)
    return foliage_balance(canopy[at.FOLIAGE], m, terms)


@kernel
def melt_load(melted, vapour, water, capacity, start, falling, canopy):
    """Melt snow on branches at the freezing point: ``melted`` [m], where positive.

    What the canopy cannot hold drips where the snow is fresh and thin; else the snow keeps it, until there is
    enough to make it slide.

    Returns:
        water held, vapour gained, drip, snow that slides [m].
    """
    vapour = max(vapour, -water)
    water += vapour
    load = canopy[at.LOAD]
    melted = min(max(melted, 0.0), load)
    holds = LIQUID * load + capacity
    excess = melted + water - holds
    drip, slid = 0.0, 0.0
    if excess <= 0.0:
        load -= melted
        water += melted
    else:
        load = max(load - (holds - water), 0.0)
        water = holds
        if falling and start <= c.LEAST_LOAD_TO_SLIDE:
            drip = min(excess, load)
            load -= drip
        else:
            canopy[at.HELD_MELT] += excess
        load, dripped, slid = slide(load, canopy)
        drip += dripped
    dripping = max(water - (LIQUID * load + capacity), 0.0)
    canopy[at.LOAD] = load
    return water - dripping, vapour, drip + dripping, slid


@kernel
def slide(load, canopy):
    """Let melt drip from ``load`` [m] of snow, and snow slide with it; return load, drip and what slid [m]."""
    drip, slid = 0.0, 0.0
    while load > c.LEAST_LOAD_TO_SLIDE and canopy[at.HELD_MELT] >= SLIDING_MELT * load:
        melt, share = SLIDING_MELT * load, SLIDING_SHARE * load
        canopy[at.HELD_MELT] -= melt
        load -= melt
        drip += melt
        released = max(min(load - c.LEAST_LOAD_TO_SLIDE, share), 0.0)
        load -= released
        slid += released
    dripped = min(canopy[at.HELD_MELT], load)
    if load <= c.LEAST_LOAD_TO_SLIDE:
        canopy[at.HELD_MELT] = 0.0
    return load - dripped, drip + dripped, slid


@kernel
def freeze_load(vapour, water, dew, canopy):
    """Freeze the water on cold branches [m] and let the snow there gain ``vapour``; return water and vapour.

    Rain on branches that held (nearly) no water, ``dew`` [mm], does not freeze in the same step.
    """
    frozen = min(dew, water)  # metres and millimetres, as VIC has it
    canopy[at.HELD_MELT] = 0.0
    load = canopy[at.LOAD] + frozen
    vapour = max(vapour, -load)
    canopy[at.LOAD] = load + vapour
    return water - frozen, vapour
