"""One tile in one elevation band through the whole period: the step order of VIC 5's water-balance mode."""

import numpy as np
from legacy_models.vic.embedded.compiled import kernel

from legacy_models.vic.embedded import atmosphere as a
from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import ground as g
from legacy_models.vic.embedded import snow as s
from legacy_models.vic.embedded.canopy_snow import CANOPY_SIZE, FOLIAGE, LOAD, bare_canopy_step, canopy_step
from legacy_models.vic.embedded.evaporation import bare_soil, penman_monteith, transpiration, wet_canopy
from legacy_models.vic.embedded.snow import PACK_SIZE, pack_step, snow_albedo
from legacy_models.vic.embedded.soil import (
    CAPACITY,
    CONDUCTIVITY,
    EXPONENT,
    RESIDUAL,
    baseflow,
    drainage,
    surface_runoff,
)

# Daily outputs, in mm; the states are those at the end of the day.
OUTPUTS = (
    "OUT_PREC",
    "OUT_RAINF",
    "OUT_SNOWF",
    "OUT_EVAP",
    "OUT_TRANSP_VEG",
    "OUT_EVAP_CANOP",
    "OUT_EVAP_BARE",
    "OUT_SUB_SNOW",
    "OUT_SUB_CANOP",
    "OUT_RUNOFF",
    "OUT_BASEFLOW",
    "OUT_SNOW_MELT",
    "OUT_SWE",
    "OUT_SOIL_MOIST_0",
    "OUT_SOIL_MOIST_1",
    "OUT_SOIL_MOIST_2",
    "OUT_WDEW",
    "OUT_SNOW_CANOPY",
)
(
    PREC,
    RAINF,
    SNOWF,
    EVAP,
    TRANSP,
    CANOP,
    BARE,
    SUB_SNOW,
    SUB_CANOP,
    RUNOFF,
    BASEFLOW,
    SNOW_MELT,
    SWE,
    MOIST_0,
    MOIST_1,
    MOIST_2,
    WDEW,
    SNOW_CANOPY,
) = range(18)

# Entries of the cell's constants.
B_INFILT, DS, DSMAX, WS, POWER, DEEP_TEMPERATURE, DAMPING, NORTH, RUNOFF_STEPS = range(9)
# Entries of a tile's constants.
(
    OVERSTORY,
    VEGETATED,
    RARC,
    RMIN,
    RGL,
    RAD_ATTENUATION,
    SNOW_RESISTANCE,
    SNOW_WIND,
    SNOW_HEIGHT,
    SNOW_ROUGHNESS,
) = range(10)
# Rows of a tile's monthly table.
(
    LAI,
    ALBEDO,
    RESISTANCE,
    CANOPY_WIND,
    CANOPY_HEIGHT,
    CANOPY_DISPLACEMENT,
    CANOPY_ROUGHNESS,
    MONTHLY_SNOW_RESISTANCE,
    MONTHLY_SNOW_WIND,
) = range(9)

STILL_AIR = c.LARGEST_RESISTANCE_STILL_AIR
LARGEST = c.LARGEST_RESISTANCE
CANOPY_WATER = c.CANOPY_WATER_PER_LAI
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
EMISSION = c.EMISSIVITY * c.STEFAN_BOLTZMANN


@kernel
def simulate_tile(
    met, months, days_of_year, steps, cell, layers, thermal, tile, monthly, roots, start, weight, out
):
    """Add ``weight`` times the daily output of one tile and band to ``out`` (day, output); return final moisture.

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
        weight: share of the cell's area.
        out: (day, output) daily sums [mm] and end-of-day states [mm].
    """
    seconds = 86400.0 / steps
    moisture = start.copy()
    uptake = np.zeros(3)
    pack = np.zeros(PACK_SIZE)
    canopy = np.zeros(CANOPY_SIZE)
    dew = 0.0
    damping = cell[DAMPING]
    d1 = thermal[g.DEPTH, 0]
    d2 = d1  # the second thermal node lies twice as deep as the first
    decay1 = np.exp(-d1 / damping)
    decay2 = np.exp(-d2 / damping)
    deep = cell[DEEP_TEMPERATURE]
    old_surface = met[0, a.TEMPERATURE]
    below = deep + (old_surface - deep) * decay1
    for day in range(out.shape[0]):
        month = months[day]
        lai = monthly[LAI, month]
        attenuation = np.exp(-tile[RAD_ATTENUATION] * lai) if tile[VEGETATED] > 0.0 else 1.0
        capacity = CANOPY_WATER * lai
        for step in range(day * steps, (day + 1) * steps):
            m = met[step]
            air = m[a.TEMPERATURE]
            rain = m[a.RAIN]
            snowfall = m[a.SNOW]
            for i in range(3):
                uptake[i] = 0.0
            bare = 0.0
            canopy_evaporation = 0.0
            snowy = pack[s.SWE] > 0.0 or snowfall > 0.0 or canopy[LOAD] > 0.0

            k1 = g.conductivity(moisture[0] / (1000.0 * thermal[g.DEPTH, 0]), thermal, 0)
            k2 = g.conductivity(moisture[1] / (1000.0 * thermal[g.DEPTH, 1]), thermal, 1)
            c1 = g.heat_capacity(moisture[0] / (1000.0 * thermal[g.DEPTH, 0]), thermal, 0)
            c2 = g.heat_capacity(moisture[1] / (1000.0 * thermal[g.DEPTH, 1]), thermal, 1)
            new_below = g.temperature_below(
                air, below, deep, d1, d2, k1, k2, c2, damping, decay1, decay2, seconds
            )
            if snowy:
                supply, vapour, canopy_vapour, dew, melt, canopy_evaporation = snow_season_step(
                    m, lai, attenuation, monthly[ALBEDO, month], dew, rain, snowfall, tile, monthly, month, pack,
                    canopy, seconds, days_of_year[day], cell[NORTH],
                )  # fmt: skip
                out[day, SUB_SNOW] -= weight * vapour
                out[day, SUB_CANOP] -= weight * canopy_vapour
                out[day, SNOW_MELT] += weight * melt
            else:
                heat = g.ground_heat(air, new_below, deep, d1, d2, k1, k2, decay1)
                storage = c1 * ((old_surface + below) - (air + new_below)) * d1 / seconds / 2.0
                net_shortwave = (1.0 - monthly[ALBEDO, month]) * m[a.SHORTWAVE]
                radiation = net_shortwave + c.EMISSIVITY * 0.0 + m[a.LONGWAVE] - m[a.EMITTED]
                radiation += attenuation * heat + storage
                wind = m[a.WIND]
                aerodynamic = monthly[RESISTANCE, month] / wind if wind > 0.0 else STILL_AIR
                if tile[VEGETATED] > 0.0 and lai > 0.0:
                    potential = seconds * penman_monteith(
                        radiation,
                        m[a.SLOPE],
                        m[a.PSYCHROMETRIC],
                        m[a.LATENT],
                        m[a.DRYING],
                        aerodynamic,
                        tile[RARC],
                    )
                    canopy_evaporation, supply, dew, dry = wet_canopy(dew, rain, capacity, potential)
                    light = net_shortwave / tile[RGL]
                    day_factor = (1.0 + light) / (light + tile[RMIN] / LARGEST)
                    climate = (
                        m[a.SLOPE], m[a.PSYCHROMETRIC], m[a.LATENT], m[a.DRYING], m[a.STOMATAL_CLIMATE]
                    )  # fmt: skip
                    transpiration(
                        moisture, layers, roots, dry, seconds, radiation, climate, aerodynamic, tile[RARC],
                        tile[RMIN], lai, day_factor, uptake,
                    )  # fmt: skip
                else:
                    supply = rain
                    potential = seconds * penman_monteith(
                        radiation,
                        m[a.SLOPE],
                        m[a.PSYCHROMETRIC],
                        m[a.LATENT],
                        m[a.DRYING],
                        aerodynamic,
                        100.0,
                    )
                    bare = bare_soil(
                        potential, moisture[0], layers[CAPACITY, 0], layers[RESIDUAL, 0], cell[B_INFILT]
                    )
            if not snowy:
                canopy[FOLIAGE] = air
            below = new_below
            old_surface = air
            out[day, TRANSP] += weight * (uptake[0] + uptake[1] + uptake[2])
            out[day, CANOP] += weight * canopy_evaporation
            out[day, BARE] += weight * bare
            uptake[0] += bare
            runoff, base = soil_step(moisture, layers, cell, supply, uptake, steps)
            out[day, RUNOFF] += weight * runoff
            out[day, BASEFLOW] += weight * base
            out[day, RAINF] += weight * rain
            out[day, SNOWF] += weight * snowfall
            out[day, PREC] += weight * (rain + snowfall)
        out[day, SWE] += weight * 1000.0 * pack[s.SWE]
        for i in range(3):
            out[day, MOIST_0 + i] += weight * moisture[i]
        out[day, WDEW] += weight * dew
        out[day, SNOW_CANOPY] += weight * 1000.0 * canopy[LOAD]
    return moisture


@kernel
def snow_season_step(
    m, lai, attenuation, albedo, dew, rain, snowfall, tile, monthly, month, pack, canopy, seconds, day_of_year, north,
):  # fmt: skip
    """Advance canopy snow and pack by a step; return supply to the soil, vapour fluxes and liquid in the canopy [mm]."""
    wind = m[a.WIND]
    overstory = tile[OVERSTORY] > 0.0
    shortwave = m[a.SHORTWAVE]
    longwave = m[a.LONGWAVE]
    canopy_vapour = 0.0
    canopy_evaporation = 0.0
    if overstory:
        shortwave *= attenuation
        if snowfall > 0.0 or canopy[LOAD] > 0.001:
            rain, snowfall, canopy_vapour, dew, foliage = canopy_step(
                m, lai, attenuation, albedo, dew, rain, snowfall, pack, canopy, seconds,
                monthly[RESISTANCE, month] / wind if wind > 0.0 else STILL_AIR,
            )  # fmt: skip
            longwave = EMISSION * (foliage + 273.15) ** 4
        else:
            if pack[s.SWE] > 0.0 or canopy[LOAD] > 0.0:
                canopy_evaporation, rain, dew, foliage = bare_canopy_step(
                    m, lai, attenuation, albedo, tile[RARC], dew, rain, pack, seconds,
                    monthly[RESISTANCE, month] / wind if wind > 0.0 else STILL_AIR,
                )  # fmt: skip
                longwave = EMISSION * (foliage + 273.15) ** 4
                canopy[FOLIAGE] = foliage
            snowfall = 1000.0 * canopy[LOAD]
            canopy[LOAD] = 0.0
    else:
        rain += dew
        dew = 0.0
    if pack[s.SWE] <= 0.0 and snowfall <= 0.0:
        return rain, 0.0, canopy_vapour, dew, 0.0, canopy_evaporation
    if pack[s.SWE] > 0.0 and m[a.SNOW] <= 0.0:
        pack[s.STEPS_SINCE_SNOWFALL] += 1.0
        pack[s.ALBEDO] = snow_albedo(pack, seconds, snowfall)
    else:
        pack[s.STEPS_SINCE_SNOWFALL] = 0.0
        pack[s.ALBEDO] = NEW_ALBEDO
    weather = (
        m[a.TEMPERATURE],
        (1.0 - pack[s.ALBEDO]) * shortwave,
        longwave,
        m[a.DENSITY],
        m[a.PRESSURE],
        m[a.VAPOUR_PRESSURE],
        m[a.DEFICIT],
        wind * monthly[MONTHLY_SNOW_WIND, month],
        monthly[MONTHLY_SNOW_RESISTANCE, month] / wind if wind > 0.0 else STILL_AIR,
        tile[SNOW_HEIGHT],
        tile[SNOW_ROUGHNESS],
    )
    outflow, vapour, melt = pack_step(pack, rain / 1000.0, snowfall / 1000.0, weather, seconds)
    if pack[s.SWE] > 0.0:
        in_season = (60 < day_of_year < 273) if north > 0.0 else (day_of_year < 60 or day_of_year > 273)
        if pack[s.COLD_CONTENT] >= 0.0 and in_season:
            pack[s.MELT_SEASON] = 1.0
        elif pack[s.MELT_SEASON] > 0.0 and snowfall > c.TRACE_SNOW:
            pack[s.MELT_SEASON] = 0.0
    else:
        pack[:] = 0.0
    return 1000.0 * outflow, 1000.0 * vapour, canopy_vapour, dew, 1000.0 * melt, canopy_evaporation


@kernel
def soil_step(moisture, layers, cell, supply, uptake, steps):
    """Advance the three layers by one model step; return runoff and baseflow [mm].

    Each runoff step: both drainages from the moisture before the step, then the update from the top; what does
    not fit rises, and what reaches the surface is runoff.
    """
    count = int(cell[RUNOFF_STEPS])
    total_runoff = 0.0
    total_base = 0.0
    scale = 1.0 / (count * steps)
    for _ in range(count):
        inflow = supply / count
        w0 = moisture[0] - uptake[0] / count
        w1 = moisture[1] - uptake[1] / count
        w2 = moisture[2] - uptake[2] / count
        runoff = surface_runoff(inflow, w0 + w1, layers[CAPACITY, 0] + layers[CAPACITY, 1], cell[B_INFILT])
        q0 = drainage(
            w0 - layers[RESIDUAL, 0],
            layers[CAPACITY, 0] - layers[RESIDUAL, 0],
            layers[CONDUCTIVITY, 0] * scale,
            layers[EXPONENT, 0],
        )
        q1 = drainage(
            w1 - layers[RESIDUAL, 1],
            layers[CAPACITY, 1] - layers[RESIDUAL, 1],
            layers[CONDUCTIVITY, 1] * scale,
            layers[EXPONENT, 1],
        )
        base = scale * baseflow(
            w2, layers[RESIDUAL, 2], layers[CAPACITY, 2], cell[DS], cell[DSMAX], cell[WS], cell[POWER]
        )
        w0 += inflow - runoff - q0
        if w0 > layers[CAPACITY, 0]:
            q0 += w0 - layers[CAPACITY, 0]
            w0 = layers[CAPACITY, 0]
        if w0 < layers[RESIDUAL, 0]:
            q0 += w0 - layers[RESIDUAL, 0]
            w0 = layers[RESIDUAL, 0]
        w1 += q0 - q1
        if w1 < layers[RESIDUAL, 1]:
            q1 += w1 - layers[RESIDUAL, 1]
            w1 = layers[RESIDUAL, 1]
        w2 += q1 - base
        if w2 < layers[RESIDUAL, 2]:
            base += w2 - layers[RESIDUAL, 2]
            w2 = layers[RESIDUAL, 2]
        if w2 > layers[CAPACITY, 2]:
            w1 += w2 - layers[CAPACITY, 2]
            w2 = layers[CAPACITY, 2]
        if w1 > layers[CAPACITY, 1]:
            w0 += w1 - layers[CAPACITY, 1]
            w1 = layers[CAPACITY, 1]
        if w0 > layers[CAPACITY, 0]:
            runoff += w0 - layers[CAPACITY, 0]
            w0 = layers[CAPACITY, 0]
        moisture[0], moisture[1], moisture[2] = w0, w1, w2
        total_runoff += runoff
        total_base += base
    return total_runoff, total_base
