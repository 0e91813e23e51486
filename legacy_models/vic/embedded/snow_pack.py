"""The two-layer snow pack on the ground: a surface layer of at most 0.125 m of water, and the pack below it.

Water equivalents in m, temperatures in degC.

Source: Andreadis et al. (2009), doi:10.1029/2008WR007042; Wigmosta et al. (1994), doi:10.1029/94WR00436.
"""

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.snow_energy import surface_balance, surface_temperature

CH_ICE = c.HEAT_CAPACITY_ICE
CH_WATER = c.HEAT_CAPACITY_WATER
FUSION = c.LATENT_HEAT_FUSION * c.WATER_DENSITY  # J/m3 of water
LIMIT = c.LARGEST_SURFACE_LAYER
LIQUID = c.LIQUID_WATER_CAPACITY
THIN = c.SMALLEST_PACK
ICE_DENSITY = c.ICE_DENSITY


@kernel
def pack_step(pack, rain, snowfall, weather, seconds):
    """Advance the pack one step.

    Returns:
        water that leaves it [m], vapour gained [m], and what of the water counts as melt [m]: nothing where a
        thin pack freezes.
    """
    air = weather[0]
    surface, below, below_temp, cold = receive(pack, snowfall, air)
    water = pack[at.SURFACE_WATER] + rain
    below_water = pack[at.PACK_WATER]
    advected = CH_WATER * air * rain / seconds if air > 0.0 else 0.0
    store = (surface, pack[at.SURFACE_TEMPERATURE], advected, seconds)
    rest, flux = surface_balance(0.0, weather, store)
    refreezing = water * FUSION / seconds
    counted = 1.0
    if rest + refreezing >= 0.0:
        temperature = 0.0
        surface, below, water, below_water, vapour = melt(
            surface, below, water, below_water, rest * seconds / FUSION, flux * seconds
        )
        if surface + below <= 0.0:
            below_temp = 0.0
    elif surface <= THIN:
        counted = 0.0
        temperature = air
        vapour = surface_balance(air, weather, store)[1] * seconds / ICE_DENSITY
        surface, water, vapour = sublimate(surface, water, vapour)
    else:
        temperature = surface_temperature(pack[at.SURFACE_TEMPERATURE], refreezing, weather, store)
        vapour = surface_balance(temperature, weather, store)[1] * seconds
        surface, water, vapour = sublimate(surface + water, 0.0, vapour)
    surface_water = min(water, LIQUID * surface)
    below, below_water, below_temp = refreeze(below, below_water + water - surface_water, below_temp)
    outflow = max(below_water - LIQUID * below, 0.0)
    below_water -= outflow
    pack[at.PACK_SWE] = surface + below + surface_water + below_water
    pack[at.SURFACE_WATER] = surface_water
    pack[at.PACK_WATER] = below_water
    share_layers(pack, surface, below, temperature, below_temp, cold)
    return outflow, vapour, counted * outflow


@kernel
def receive(pack, snowfall, air):
    """Lay fresh snow on the surface, what is too much going below.

    Returns:
        ice of the surface layer and below [m], temperature below [degC], heat of the surface layer [J/m2].
    """
    ice = pack[at.PACK_SWE] - pack[at.PACK_WATER] - pack[at.SURFACE_WATER]
    surface = min(ice, LIMIT)
    below = ice - surface
    cold = CH_ICE * surface * pack[at.SURFACE_TEMPERATURE]
    below_cold = CH_ICE * below * pack[at.PACK_TEMPERATURE]
    fresh_cold = CH_ICE * snowfall * min(air, 0.0)
    moved = surface + snowfall - LIMIT
    if moved > 0.0:
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
    below_temp = below_cold / (CH_ICE * below) if below > 0.0 else 0.0
    return surface, below, below_temp, cold


@kernel
def melt(surface, below, water, below_water, melted, vapour):
    """Melt ``melted`` [m], the pack below first; where negative, freeze as much of the surface's water."""
    if melted < 0.0:
        frozen = min(-melted, water)
        surface += frozen
        water -= frozen
        melted = 0.0
    if water < -vapour:
        vapour = -water
    water += vapour
    if melted >= surface + below:
        return 0.0, 0.0, water + surface + below, below_water, vapour
    if melted <= below:
        return surface, below - melted, water + melted, below_water, vapour
    return surface + below - melted, 0.0, water + melted + below_water, 0.0, vapour


@kernel
def sublimate(ice, water, vapour):
    """Add ``vapour`` [m] to the ice, taking it from ice, then water, and no more than there is of both."""
    if ice >= -vapour:
        return ice + vapour, water, vapour
    if ice + water >= -vapour:
        return 0.0, water + vapour + ice, vapour
    return 0.0, 0.0, -ice - water


@kernel
def refreeze(below, water, temperature):
    """Freeze as much ``water`` [m] in the pack below as its cold allows; return ice, water, temperature."""
    if below <= 0.0 or water <= 0.0:
        return below, water, temperature
    cold = CH_ICE * below * temperature
    if cold < -water * FUSION:
        return below + water, 0.0, (cold + water * FUSION) / (CH_ICE * (below + water))
    frozen = -cold / FUSION
    return below + frozen, water - frozen, 0.0


@kernel
def share_layers(pack, surface, below, temperature, below_temp, cold):
    """Keep the surface layer at its limit where there is enough ice, and note temperatures and cold content.

    A pack that fits into the surface layer keeps the cold content ``cold`` from the start of the step.
    """
    if surface + below > LIMIT:
        cold = CH_ICE * temperature * surface
        below_cold = CH_ICE * below_temp * below
        if surface > LIMIT:
            moved_cold = cold * (surface - LIMIT) / surface
        else:
            moved_cold = -below_cold * (LIMIT - surface) / below
        cold -= moved_cold
        below_cold += moved_cold
        below += surface - LIMIT
        temperature = cold / (CH_ICE * LIMIT)
        below_temp = below_cold / (CH_ICE * below) if below > 0.0 else 0.0
    else:
        below_temp = 0.0
    pack[at.SURFACE_TEMPERATURE] = temperature if pack[at.PACK_SWE] > 0.0 else 0.0
    pack[at.PACK_TEMPERATURE] = below_temp
    pack[at.COLD_CONTENT] = cold
