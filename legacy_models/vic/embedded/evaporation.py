"""Evaporation of vegetation and bare soil: Penman-Monteith, Jarvis resistance, canopy storage, root uptake."""

from math import pow

from legacy_models.vic.embedded.compiled import kernel

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded.soil import CAPACITY, CRITICAL, RESIDUAL, WILTING, saturated_area

LARGEST_RESISTANCE = c.LARGEST_RESISTANCE
CP = c.HEAT_CAPACITY_MOIST_AIR


@kernel
def penman_monteith(radiation, slope, psychrometric, latent, drying, aerodynamic, canopy):
    """Evaporation [mm/s]; ``canopy`` is canopy plus architectural resistance [s/m].

    E = [Delta Rn + rho cp VPD / ra] / {lambda [Delta + gamma (1 + rc / ra)]}, not negative.

    Source: Monteith (1965); Handbook of Hydrology (Maidment 1993), eq. 4.2.27.
    """
    demand = slope * radiation + drying / aerodynamic
    evaporation = demand / (latent * (slope + psychrometric * (1.0 + canopy / aerodynamic)))
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
def wet_canopy(storage, rain, capacity, potential):
    """Return (evaporation, throughfall, storage, dry fraction) of the wet canopy over a step [mm].

    No more evaporates than was stored at the start; leaves that dry within the step transpire for the rest of it.

    Source: Liang et al. (1994), eq. 1 and 2; capacity 0.1 LAI after Dickinson (1984).
    """
    throughfall = 0.0
    if storage > capacity:
        throughfall = storage - capacity
        storage = capacity
    wet = pow(storage / capacity, 2.0 / 3.0) if storage > 0.0 and capacity > 0.0 else 0.0
    evaporation = wet * potential
    if evaporation > storage:
        wet *= storage / evaporation
        evaporation = storage
    storage += rain - evaporation
    if storage > capacity:
        throughfall += storage - capacity
        storage = capacity
    return evaporation, throughfall, storage, 1.0 - wet


@kernel
def transpiration(
    moisture,
    layers,
    roots,
    dry_share,
    seconds,
    radiation,
    met,
    aerodynamic,
    architecture,
    rmin,
    lai,
    day,
    uptake,
):
    """Fill ``uptake`` (3,) with the water that roots take from each layer over a step [mm].

    Unstressed and shared by roots where the upper layers (or the lowest) with at least half of the roots are
    above the critical point, the wet layers making up for the dry; else each layer by its own moisture stress.

    Source: Liang et al. (1994), eq. 5 to 8; Ducoudre et al. (1993).
    """
    slope, psychrometric, latent, drying, climate = met
    upper = moisture[0] + moisture[1]
    upper_critical = layers[CRITICAL, 0] + layers[CRITICAL, 1]
    upper_roots = roots[0] + roots[1]
    upper_wet = upper >= upper_critical
    lower_wet = moisture[2] >= layers[CRITICAL, 2]
    if (
        (upper_wet and lower_wet and upper_roots > 0.0)
        or (upper_wet and upper_roots >= 0.5)
        or (lower_wet and roots[2] >= 0.5)
    ):
        resistance = stomatal_resistance(rmin, lai, day, climate, 1.0) + architecture
        demand = (
            penman_monteith(radiation, slope, psychrometric, latent, drying, aerodynamic, resistance)
            * seconds
            * dry_share
        )
        wet_roots = 1.0
        spare = 0.0
        for i in range(3):
            if moisture[i] >= layers[CRITICAL, i]:
                uptake[i] = demand * roots[i]
            else:
                stress = 0.0
                if moisture[i] > layers[WILTING, i]:
                    stress = (moisture[i] - layers[WILTING, i]) / (layers[CRITICAL, i] - layers[WILTING, i])
                uptake[i] = demand * roots[i] * stress
                wet_roots -= roots[i]
                spare += demand * roots[i] * (1.0 - stress)
        if spare > 0.0 and wet_roots > 0.0:
            for i in range(3):
                if moisture[i] >= layers[CRITICAL, i]:
                    uptake[i] += spare * roots[i] / wet_roots
    else:
        for i in range(3):
            uptake[i] = 0.0
            if roots[i] <= 0.0 or moisture[i] <= layers[WILTING, i]:
                continue
            stress = 1.0
            if moisture[i] < layers[CRITICAL, i]:
                stress = (moisture[i] - layers[WILTING, i]) / (layers[CRITICAL, i] - layers[WILTING, i])
            resistance = stomatal_resistance(rmin, lai, day, climate, stress) + architecture
            uptake[i] = (
                penman_monteith(radiation, slope, psychrometric, latent, drying, aerodynamic, resistance)
                * seconds
                * dry_share
                * roots[i]
            )
    for i in range(3):
        uptake[i] = max(min(uptake[i], moisture[i] - layers[WILTING, i]), 0.0)


@kernel
def bare_soil(potential, moisture, capacity, residual, b):
    """Evaporation [mm] from bare soil: potential where saturated, limited by the infiltration curve elsewhere.

    E = Ep [A + (1 - A)(1 - x)(1 + sum_{n=1..30} b x^n / (b + n))], x = (1 - A)^(1/b).

    Source: Franchini and Pacciani (1991); Liang et al. (1994), eq. 9 and 10.
    """
    area = saturated_area(moisture, capacity, b)
    if area >= 1.0:
        share = 1.0
    else:
        x = pow(1.0 - area, 1.0 / b)
        power = 1.0
        series = 1.0
        for n in range(1, 31):
            power *= x
            series += b * power / (b + n)
        share = area + (1.0 - area) * (1.0 - x) * series
    return max(min(share * potential, moisture - residual), 0.0)


__all__ = [
    "CAPACITY",
    "RESIDUAL",
    "bare_soil",
    "penman_monteith",
    "stomatal_resistance",
    "transpiration",
    "wet_canopy",
]
