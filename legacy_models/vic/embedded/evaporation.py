"""Evaporation of plants and bare soil: Penman-Monteith, Jarvis resistance, wet canopy, root uptake."""

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.soil import saturated_area

LARGEST_RESISTANCE = c.LARGEST_RESISTANCE
SECONDS_PER_DAY = c.SECONDS_PER_DAY


@kernel
def penman_monteith(radiation, slope, psychrometric, latent, drying, aerodynamic, canopy):
    """Evaporation [mm/day]; ``canopy`` is canopy plus architectural resistance [s/m].

    E = [Delta Rn + rho cp VPD / ra] / {lambda [Delta + gamma (1 + rc / ra)]}, not negative.

    Source: Monteith (1965); Handbook of Hydrology (Maidment 1993), eq. 4.2.27.
    """
    demand = slope * radiation + drying / aerodynamic
    evaporation = demand / (latent * (slope + psychrometric * (1.0 + canopy / aerodynamic))) * SECONDS_PER_DAY
    if drying >= 0.0 and evaporation < 0.0:
        return 0.0
    return evaporation


@kernel
def stomatal_resistance(smallest, lai, day_factor, climate, moisture_stress):
    """Canopy resistance [s/m] of Jarvis (1976), at most 5000.

    Args:
        smallest: minimum stomatal resistance [s/m].
        lai: leaf area index [-].
        day_factor: light factor D = (1 + f) / (f + rmin / 5000), f = net shortwave / RGL.
        climate: product of the temperature and vapour-deficit factors.
        moisture_stress: 0 at the wilting point to 1 at the critical point.
    """
    if smallest == 0.0:
        return 0.0
    if lai <= 0.0:
        return LARGEST_RESISTANCE
    resistance = smallest * day_factor / (lai * moisture_stress * climate)
    return min(resistance, LARGEST_RESISTANCE)


@kernel
def wet_canopy(storage, rain, capacity, potential, seconds):
    """Return (evaporation, throughfall, storage, dry fraction) of the wet canopy over a step [mm].

    No more evaporates than was stored at the start; leaves that dry within the step transpire for its rest.
    ``potential`` is a rate [mm/day].

    Source: Liang et al. (1994), eq. 1 and 2; capacity 0.1 LAI after Dickinson (1984).
    """
    throughfall = 0.0
    if storage > capacity:
        throughfall = storage - capacity
        storage = capacity
    wet = (storage / capacity) ** (2.0 / 3.0) if storage > 0.0 and capacity > 0.0 else 0.0
    evaporation = wet * potential * seconds / SECONDS_PER_DAY
    if evaporation > storage:
        wet *= storage / evaporation
        evaporation = storage
    storage += rain - evaporation
    if storage > capacity:
        throughfall += storage - capacity
        storage = capacity
    return evaporation, throughfall, storage, 1.0 - wet


@kernel
def transpiration(m, tile, lai, shortwave, radiation, ra, moisture, layers, roots, days, uptake):
    """Fill ``uptake`` (layer,) with the water [mm] that roots take from each layer.

    Where the upper two layers, or the lowest, hold at least half of the roots and are above their critical
    point, nothing hinders the plant; else each layer has its own stress.

    Args:
        m: meteorology of the step.
        tile: constants of the tile.
        lai: leaf area index [-].
        shortwave: net, [W/m2].
        radiation: net, with the heat from the ground [W/m2].
        ra: aerodynamic resistance [s/m].
        moisture: (layer,) [mm].
        layers: (constant, layer) of soil water.
        roots: (layer,) share of the roots.
        days: length of the step, times the dry share of the canopy.
        uptake: (layer,) filled [mm].

    Source:
        Liang et al. (1994), doi:10.1029/94JD00483, eq. 5 to 8; Ducoudre et al. (1993).
    """
    light = shortwave / tile[at.RGL]
    day = (1.0 + light) / (light + tile[at.RMIN] / LARGEST_RESISTANCE)
    upper = upper_critical = 0.0
    for i in range(2):
        if roots[i] > 0.0:
            upper += moisture[i]
            upper_critical += layers[at.CRITICAL, i]
    upper_wet = upper >= upper_critical
    lower_wet = moisture[2] >= layers[at.CRITICAL, 2]
    if (
        (upper_wet and lower_wet and upper_critical > 0.0)
        or (upper_wet and 1.0 - roots[2] >= 0.5)
        or (lower_wet and roots[2] >= 0.5)
    ):
        demand = days * leaf_evaporation(m, tile, lai, day, radiation, ra, 1.0)
        share_demand(demand, moisture, layers, roots, uptake)
    else:
        for i in range(3):
            stress = moisture_stress(moisture[i], layers[at.WILTING, i], layers[at.CRITICAL, i])
            uptake[i] = 0.0
            if roots[i] > 0.0 and stress > 0.0:
                uptake[i] = days * roots[i] * leaf_evaporation(m, tile, lai, day, radiation, ra, stress)
    for i in range(3):
        uptake[i] = max(min(uptake[i], moisture[i] - layers[at.WILTING, i]), 0.0)


@kernel
def leaf_evaporation(m, tile, lai, day, radiation, ra, stress):
    """Transpiration [mm/day] of a dry canopy under one moisture stress."""
    rc = stomatal_resistance(tile[at.RMIN], lai, day, m[at.STOMATAL_CLIMATE], stress) + tile[at.RARC]
    return penman_monteith(radiation, m[at.SLOPE], m[at.PSYCHROMETRIC], m[at.LATENT], m[at.DRYING], ra, rc)


@kernel
def moisture_stress(moisture, wilting, critical):
    """0 at and below the wilting point, 1 at and above the critical point, linear between."""
    if moisture >= critical:
        return 1.0
    if moisture > wilting:
        return (moisture - wilting) / (critical - wilting)
    return 0.0


@kernel
def share_demand(demand, moisture, layers, roots, uptake):
    """Share ``demand`` [mm] by roots; what the lowest dry layer cannot give is taken from the wet ones.

    An upper layer without roots counts as dry. Where two layers are dry, VIC forgets the upper one's shortfall.
    """
    wet_roots = 1.0
    spare = 0.0
    for i in range(3):
        available = moisture[i] if roots[i] > 0.0 or i == 2 else 0.0
        stress = moisture_stress(available, layers[at.WILTING, i], layers[at.CRITICAL, i])
        uptake[i] = demand * roots[i] * stress
        if stress < 1.0:
            wet_roots -= roots[i]
            spare = demand * roots[i] * (1.0 - stress)
    if spare > 0.0:
        for i in range(3):
            if roots[i] > 0.0 and moisture[i] >= layers[at.CRITICAL, i]:
                uptake[i] += spare * roots[i] / wet_roots


@kernel
def bare_soil(potential, moisture, capacity, residual, b):
    """Evaporation [mm] from bare soil: potential where saturated, less elsewhere by the infiltration curve.

    E = Ep [A + (1 - A)(1 - x)(1 + sum_{n=1..30} b x^n / (b + n))], x = (1 - A)^(1/b).

    Source: Franchini and Pacciani (1991); Liang et al. (1994), eq. 9 and 10.
    """
    area = saturated_area(moisture, capacity, b)
    if area >= 1.0:
        share = 1.0
    else:
        x = (1.0 - area) ** (1.0 / b)
        power = 1.0
        series = 1.0
        for n in range(1, 31):
            power *= x
            series += b * power / (b + n)
        share = area + (1.0 - area) * (1.0 - x) * series
    return max(min(share * potential, moisture - residual), 0.0)
