"""One tile in one elevation band through the whole period: the step order of VIC 5's water-balance mode."""

from math import exp

import numpy as np

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import emitted, given_off
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.evaporation import bare_soil, penman_monteith, transpiration, wet_canopy
from legacy_models.vic.embedded.ground import ground_step
from legacy_models.vic.embedded.snow_season import snow_step
from legacy_models.vic.embedded.soil import soil_step

STILL_AIR = c.LARGEST_RESISTANCE_STILL_AIR
BARE_RESISTANCE = c.BARE_SOIL_RESISTANCE


@kernel
def simulate_tile(
    met, months, days_of_year, steps, cell, layers, thermal, tile, monthly, roots, start, shift, weight, out
):
    """Add ``weight`` times the daily output of one tile and band to ``out``; return final moisture [mm].

    Args:
        met: (step, column) meteorology of the band.
        months: (day,) 0 to 11.
        days_of_year: (day,) 1 to 366.
        steps: steps a day.
        cell: constants of the cell.
        layers: (constant, layer) of soil water.
        thermal: (constant, layer) of soil heat.
        tile: constants of the tile.
        monthly: (quantity, month) of the tile.
        roots: (layer,) share of the roots.
        start: (layer,) initial moisture [mm].
        shift: of the band's temperature relative to the cell [K], with which foliage starts.
        weight: share of the cell's area.
        out: (day, output) daily sums [mm] and end-of-day states [mm].
    """
    seconds = 86400.0 / steps
    moisture = start.copy()
    uptake = np.zeros(3)
    pack = np.zeros(at.PACK_SIZE)
    canopy = np.zeros(at.CANOPY_SIZE)
    canopy[at.FOLIAGE] = shift
    canopy[at.FROM_BELOW] = emitted(0.0)
    terms = np.zeros(at.BALANCE_SIZE)
    dew = air = below = 0.0  # VIC starts a soil of unknown temperature at the freezing point
    decay = exp(-thermal[at.DEPTH, 0] / cell[at.DAMPING])
    for day in range(out.shape[0]):
        month = months[day]
        daily = out[day]
        transmitted = exp(-tile[at.RAD_ATTENUATION] * monthly[at.LAI, month])
        for step in range(day * steps, (day + 1) * steps):
            m = met[step]
            old_air, air = air, m[at.TEMPERATURE]
            heat, storage, below = ground_step(old_air, air, below, moisture, cell, thermal, decay, seconds)
            uptake[:] = 0.0
            bare = 0.0
            if pack[at.PACK_SWE] > 0.0 or m[at.SNOW] > 0.0 or canopy[at.LOAD] > 0.0:
                supply, vapour, canopy_vapour, wet, dew, melted = snow_step(
                    m, tile, monthly, month, transmitted, old_air, dew, pack, canopy, terms, seconds,
                    days_of_year[day], cell[at.NORTH],
                )  # fmt: skip
                daily[at.SUB_SNOW] -= weight * vapour
                daily[at.SUB_CANOP] -= weight * canopy_vapour
                daily[at.SNOW_MELT] += weight * melted
            else:
                canopy[at.FOLIAGE] = air
                canopy[at.FROM_BELOW] = given_off(m[at.LONGWAVE], air)
                pack[at.MELT_SEASON] = 0.0
                supply, wet, bare, dew = summer_step(
                    m, tile, monthly, month, transmitted * heat + storage, dew, moisture, layers, roots,
                    seconds, cell[at.B_INFILT], uptake,
                )  # fmt: skip
            daily[at.TRANSP] += weight * (uptake[0] + uptake[1] + uptake[2])
            daily[at.CANOP] += weight * wet
            daily[at.BARE] += weight * bare
            uptake[0] += bare
            runoff, base = soil_step(moisture, layers, cell, supply, uptake, steps)
            daily[at.RUNOFF] += weight * runoff
            daily[at.BASEFLOW] += weight * base
            daily[at.RAINF] += weight * m[at.RAIN]
            daily[at.SNOWF] += weight * m[at.SNOW]
        daily[at.SWE] += weight * 1000.0 * pack[at.PACK_SWE]
        for i in range(3):
            daily[at.MOIST_0 + i] += weight * moisture[i]
        daily[at.WDEW] += weight * dew
        daily[at.SNOW_CANOPY] += weight * 1000.0 * canopy[at.LOAD]
    return moisture


@kernel
def summer_step(m, tile, monthly, month, heat, dew, moisture, layers, roots, seconds, b, uptake):
    """Evaporate from canopy, roots and bare soil; the surface is as warm as the air.

    Args:
        m: meteorology of the step.
        tile: constants of the tile.
        monthly: (quantity, month) of the tile.
        month: 0 to 11.
        heat: from the ground and from storage in it [W/m2].
        dew: water held in the canopy [mm].
        moisture: (layer,) [mm].
        layers: (constant, layer) of soil water.
        roots: (layer,) share of the roots.
        seconds: the step [s].
        b: shape of the infiltration curve [-].
        uptake: (layer,) water taken by roots [mm], filled.

    Returns:
        water for the soil, canopy evaporation, bare-soil evaporation, water held in the canopy [mm].
    """
    lai = monthly[at.LAI, month]
    shortwave = (1.0 - monthly[at.ALBEDO, month]) * m[at.SHORTWAVE]
    radiation = shortwave + m[at.LONGWAVE] - m[at.EMITTED] + heat
    ra = monthly[at.RESISTANCE, month] / m[at.WIND] if m[at.WIND] > 0.0 else STILL_AIR
    covered = lai > 0.0
    potential = penman_monteith(
        radiation, m[at.SLOPE], m[at.PSYCHROMETRIC], m[at.LATENT], m[at.DRYING], ra,
        tile[at.RARC] if covered else BARE_RESISTANCE,
    )  # fmt: skip
    if not covered:
        bare = bare_soil(potential * seconds / 86400.0, moisture[0], layers[at.CAPACITY, 0], layers[at.RESIDUAL, 0], b)
        return m[at.RAIN] + dew, 0.0, bare, 0.0
    evaporation, supply, dew, dry = wet_canopy(dew, m[at.RAIN], c.CANOPY_WATER_PER_LAI * lai, potential, seconds)
    transpiration(m, tile, lai, shortwave, radiation, ra, moisture, layers, roots, dry * (seconds / 86400.0), uptake)
    return supply, evaporation, 0.0, dew
