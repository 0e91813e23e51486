"""The two-layer snow pack on the ground: a surface layer of at most 0.125 m of water, and the pack below it.

Water equivalents in m, temperatures in degC.

Source: Andreadis et al. (2009), doi:10.1029/2008WR007042; Wigmosta et al. (1994), doi:10.1029/94WR00436.
"""

from math import exp

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.roots import SNOW_SURFACE, balance_temperature
from legacy_models.vic.embedded.snow_energy import surface_balance, vapour_gain

CH_ICE = c.HEAT_CAPACITY_ICE
CH_WATER = c.HEAT_CAPACITY_WATER
FUSION = c.LATENT_HEAT_FUSION * c.WATER_DENSITY  # J/m3 of water
LIMIT = c.LARGEST_SURFACE_LAYER
LIQUID = c.LIQUID_WATER_CAPACITY
THIN = c.SMALLEST_PACK
BRACKET = 5.0  # K around the old temperature
NO_ROOM = 2.0**-52
INCH = 0.0254  # m


@kernel
def pack_step(pack, rain, snowfall, m, terms, seconds):
    """Advance the pack one step, save for what a thin pack exchanges with the air (see ``thin_pack``).

    Args:
        pack: its state, changed in place.
        rain: onto the pack [m].
        snowfall: onto the pack [m].
        m: meteorology of the step.
        terms: of the surface balance, all but those of the pack itself, which are filled here.
        seconds: the step [s].

    Returns:
        water that leaves the pack [m], vapour gained [m], temperature of the surface in the balance [degC],
        whether the pack is thin and freezing.
    """
    surface, below, cold, below_cold = receive(pack, snowfall, m[at.TEMPERATURE])
    water = pack[at.SURFACE_WATER] + rain
    below_water = pack[at.PACK_WATER]
    terms[at.ICE] = surface
    terms[at.RAIN_HEAT] = CH_WATER * m[at.TEMPERATURE] * rain / seconds
    terms[at.FREEZING_HEAT] = water * c.LATENT_HEAT_FUSION * c.WATER_DENSITY / seconds
    rest, flux = surface_balance(0.0, m, terms)
    thin = False
    if rest + terms[at.FREEZING_HEAT] >= 0.0:
        temperature = 0.0
        surface, below, water, below_water, vapour = melt(
            surface, below, water, below_water, rest / FUSION * seconds, flux * seconds / c.WATER_DENSITY
        )
    elif surface > THIN:
        start = pack[at.SURFACE_TEMPERATURE]
        temperature = balance_temperature(
            SNOW_SURFACE, start - BRACKET, start + BRACKET, m, terms, terms[at.OLD_TEMPERATURE]
        )
        surface += water
        vapour = max(surface_balance(temperature, m, terms)[1] * seconds / c.WATER_DENSITY, -surface)
        surface += vapour
        water = 0.0
    else:
        thin, temperature, vapour = True, 0.0, 0.0
    surface_water = min(water, LIQUID * surface)
    below, below_water = refreeze(pack, below, below_water + water - surface_water, below_cold)
    outflow = max(below_water - LIQUID * below, 0.0)
    below_water -= outflow
    pack[at.PACK_SWE] = surface + below + surface_water + below_water
    pack[at.SURFACE_WATER] = surface_water
    pack[at.PACK_WATER] = below_water
    share_layers(pack, surface, below, temperature, cold)
    return outflow, vapour, temperature, thin


@kernel
def receive(pack, snowfall, air):
    """Lay fresh snow on the surface; what a surface layer with room left cannot take goes below.

    Returns:
        ice of the surface layer and below [m], cold content of both [J/m2].
    """
    ice = pack[at.PACK_SWE] - pack[at.PACK_WATER] - pack[at.SURFACE_WATER]
    surface = min(ice, LIMIT)
    below = ice - surface
    cold = CH_ICE * surface * pack[at.SURFACE_TEMPERATURE]
    below_cold = CH_ICE * below * pack[at.PACK_TEMPERATURE]
    fresh_cold = CH_ICE * snowfall * min(air, 0.0)
    moved = surface + snowfall - LIMIT
    if moved > 0.0 and LIMIT - surface > NO_ROOM:
        if moved > surface:
            moved_cold = cold + (snowfall - LIMIT) / snowfall * fresh_cold
        else:
            moved_cold = moved / surface * cold
        surface = LIMIT
        cold += fresh_cold - moved_cold
        below += moved
        below_cold += moved_cold
    else:
        surface += snowfall
        cold += fresh_cold
    pack[at.SURFACE_TEMPERATURE] = cold / (CH_ICE * surface) if surface > 0.0 else 0.0
    pack[at.PACK_TEMPERATURE] = below_cold / (CH_ICE * below) if below > 0.0 else 0.0
    return surface, below, cold, below_cold


@kernel
def melt(surface, below, water, below_water, melted, vapour):
    """Melt ``melted`` [m], the pack below first; where negative, freeze as much of the surface's water."""
    if melted < 0.0:
        frozen = min(-melted, water)
        surface += frozen
        water -= frozen
        melted = 0.0
    vapour = max(vapour, -water)
    water += vapour
    if melted >= surface + below:
        return 0.0, 0.0, water + surface + below, below_water, vapour
    if melted <= below:
        return surface, below - melted, water + melted, below_water, vapour
    return surface + below - melted, 0.0, water + melted + below_water, 0.0, vapour


@kernel
def refreeze(pack, below, water, cold):
    """Freeze as much ``water`` [m] in the pack below as its cold before any melt allows; return its ice and water."""
    heat = water * FUSION
    if cold < -heat:
        below += water
        if below > 0.0:
            pack[at.PACK_TEMPERATURE] = min(pack[at.PACK_TEMPERATURE] + heat / (CH_ICE * below), 0.0)
        return below, 0.0
    pack[at.PACK_TEMPERATURE] = 0.0
    frozen = -cold / FUSION
    return below + frozen, water - frozen


@kernel
def share_layers(pack, surface, below, temperature, cold):
    """Keep the surface layer at its limit where there is enough ice, and note temperatures and cold content.

    A pack that fits into the surface layer keeps the cold content ``cold`` from the start of the step.
    """
    below_temp = 0.0
    if surface + below > LIMIT:
        cold = CH_ICE * temperature * surface
        below_cold = CH_ICE * pack[at.PACK_TEMPERATURE] * below
        if surface > LIMIT:
            moved_cold = cold * (surface - LIMIT) / surface
            below_cold += moved_cold
            cold -= moved_cold
        elif surface < LIMIT:
            share = (LIMIT - surface) / below
            below_cold -= below_cold * share
            cold += below_cold * share  # of what is left, as VIC has it
        below += surface - LIMIT
        temperature = cold / (CH_ICE * LIMIT)
        below_temp = below_cold / (CH_ICE * below)
    if pack[at.PACK_SWE] == 0.0:
        temperature = 0.0
    pack[at.SURFACE_TEMPERATURE] = temperature
    pack[at.PACK_TEMPERATURE] = below_temp
    pack[at.COLD_CONTENT] = cold


@kernel
def thin_pack(pack, m, resistance, seconds):
    """Let a thin, freezing pack exchange vapour with air as warm as its surface; return what it gains [m]."""
    vapour = vapour_gain(m[at.TEMPERATURE], m, resistance) * seconds / c.ICE_DENSITY
    vapour = max(vapour, -pack[at.PACK_SWE])
    pack[at.PACK_SWE] += vapour
    if pack[at.PACK_SWE] <= 0.0:
        clear(pack)
        return vapour
    frozen = pack[at.SURFACE_WATER] * pack[at.SNOW_DENSITY] / c.WATER_DENSITY
    pack[at.SURFACE_WATER] = max(pack[at.SURFACE_WATER] + vapour - frozen, 0.0)
    pack[at.SURFACE_TEMPERATURE] = min(m[at.TEMPERATURE], 0.0)
    pack[at.COLD_CONTENT] = CH_ICE * pack[at.SURFACE_TEMPERATURE] * pack[at.PACK_SWE]
    pack[at.SNOW_DEPTH] = c.WATER_DENSITY * pack[at.PACK_SWE] / pack[at.SNOW_DENSITY]
    return vapour


@kernel
def clear(pack):
    """Forget what a pack was when it is gone; whether it was melting is remembered."""
    season = pack[at.MELT_SEASON]
    pack[:] = 0.0
    pack[at.MELT_SEASON] = season


@kernel
def settle(pack, snowfall, old_swe, air, seconds, thin):
    """Set density and depth: fresh snow compacts what lies there [``snowfall`` mm on ``old_swe`` m], then time does.

    VIC leaves out a ``thin`` pack, and one whose surface its root finding left a hair above the freezing point.

    Source: Bras (1990), Hydrology, p. 257; Jordan (1991), SNTHERM.89, for the settling.
    """
    fresh = new_snow_density(air)
    if thin or pack[at.SURFACE_TEMPERATURE] > 0.0:
        if pack[at.STEPS_SINCE_SNOWFALL] == 0.0:
            pack[at.SNOW_DENSITY] = fresh
    else:
        depth, water = pack[at.SNOW_DEPTH], old_swe
        if snowfall > 0.0:
            if depth > 0.0:
                inches = depth / INCH
                pressed = snowfall / 1000.0 * depth / old_swe * (inches / 10.0) ** 0.35
                depth += snowfall / fresh - min(pressed, c.LARGEST_SETTLING * depth)
                water += snowfall / 1000.0
            else:
                water += snowfall / 1000.0
                depth = c.WATER_DENSITY * water / fresh
        density = c.WATER_DENSITY * water / depth
        load = 0.5 * c.GRAVITY * c.WATER_DENSITY * water
        viscosity = c.SNOW_VISCOSITY * exp(-0.08 * pack[at.SURFACE_TEMPERATURE] + 0.021 * density)
        depth -= min(load / viscosity * depth * seconds, c.LARGEST_SETTLING * depth)
        pack[at.SNOW_DENSITY] = c.WATER_DENSITY * water / depth
    pack[at.SNOW_DEPTH] = c.WATER_DENSITY * pack[at.PACK_SWE] / pack[at.SNOW_DENSITY]


@kernel
def new_snow_density(air):
    """Density [kg/m3] of fresh snow: 50 at 0 degF and below, 50 + 1000 (F / 100)^2 above, at most 400.

    Source: Bras (1990), Hydrology, eq. 6.2.
    """
    fahrenheit = max(air * 9.0 / 5.0 + 32.0, 0.0)
    return min(c.NEW_SNOW_DENSITY + 1000.0 * (fahrenheit / 100.0) ** 2, c.LARGEST_NEW_SNOW_DENSITY)
