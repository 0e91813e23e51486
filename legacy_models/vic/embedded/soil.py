"""Soil water: variable infiltration curve, drainage between layers, ARNO baseflow.

Moisture in mm of water; the names of a layer's constants are in ``layout.py``.
"""

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel


@kernel
def saturated_area(moisture, capacity, b):
    """Share of the cell that is saturated: A = 1 - (1 - W/M)^(b/(1+b)).

    Source: Liang et al. (1994), doi:10.1029/94JD00483, eq. 3a and Wood et al. (1992).
    """
    dryness = 1.0 - moisture / capacity
    if dryness <= 0.0:
        return 1.0
    return 1.0 - dryness ** (b / (1.0 + b))


@kernel
def surface_runoff(inflow, moisture, capacity, b):
    """Direct runoff [mm] of ``inflow`` onto layers 1 + 2 holding ``moisture`` of ``capacity`` [mm].

    Source: Liang et al. (1994), eq. 18a and 18b.
    """
    if inflow <= 0.0:
        return 0.0
    highest = (1.0 + b) * capacity
    dryness = 1.0 - moisture / capacity
    if dryness < 0.0:
        dryness = 0.0
    elif dryness > 1.0:
        dryness = 1.0
    infiltrated = highest * (1.0 - dryness ** (1.0 / (1.0 + b)))
    if infiltrated + inflow >= highest:
        runoff = inflow - capacity + moisture
    else:
        runoff = inflow - capacity + moisture + capacity * (1.0 - (infiltrated + inflow) / highest) ** (1.0 + b)
    return max(runoff, 0.0)


@kernel
def drainage(available, space, conductivity, exponent):
    """Exact drainage [mm] of a layer over one step.

    dx/dt = -K (x / space)^n has x(1)^(1-n) = x(0)^(1-n) - (1-n) K / space^n, for n > 1.

    Args:
        available: moisture above residual at the start [mm].
        space: capacity above residual [mm].
        conductivity: saturated conductivity [mm/step].
        exponent: n of Brooks and Corey (1964) [-].
    """
    if available <= 0.0 or conductivity <= 0.0:
        return 0.0
    relative = available / space
    # left = x [1 + (n-1) K/space (x/space)^(n-1)]^(1/(1-n)), the same written without huge powers
    growth = (exponent - 1.0) * conductivity / space * relative ** (exponent - 1.0)
    return available - available * (1.0 + growth) ** (1.0 / (1.0 - exponent))


@kernel
def baseflow(moisture, residual, capacity, ds, dsmax, ws, power):
    """ARNO baseflow [mm/day]: linear below Ws of the capacity, a power law added above.

    Source: Todini (1996), doi:10.1016/S0022-1694(96)80016-3; Liang et al. (1994), eq. 21.
    """
    relative = (moisture - residual) / (capacity - residual)
    flow = dsmax * ds / ws * relative
    if relative > ws:
        flow += dsmax * (1.0 - ds / ws) * ((relative - ws) / (1.0 - ws)) ** power
    return max(flow, 0.0)


@kernel
def soil_step(moisture, layers, cell, supply, uptake, steps):
    """Advance the three layers by one model step of ``steps`` a day; return runoff and baseflow [mm].

    Surface runoff follows from the moisture at the start of the step, before evaporation; drainage and baseflow
    are computed for each of the runoff steps in it.

    Args:
        moisture: (layer,) changed in place [mm].
        layers: (constant, layer) of soil water.
        cell: constants of the cell.
        supply: water that reaches the soil [mm].
        uptake: (layer,) evaporation and transpiration [mm].
        steps: model steps a day.
    """
    count = int(cell[at.RUNOFF_STEPS])
    capacity = layers[at.CAPACITY, 0] + layers[at.CAPACITY, 1]
    total_runoff = surface_runoff(supply, moisture[0] + moisture[1], capacity, cell[at.B_INFILT])
    infiltration = (supply - total_runoff) / count
    total_base = 0.0
    for _ in range(count):
        excess, base = drainage_step(moisture, layers, cell, infiltration, uptake, count, 1.0 / (count * steps))
        total_runoff += excess
        total_base += base
    return total_runoff, total_base


@kernel
def drainage_step(moisture, layers, cell, infiltration, uptake, count, day_share):
    """Drainages and baseflow from the same moisture, then the update from the top.

    Baseflow alone does not see the share 1 / ``count`` of ``uptake`` that leaves in the step.

    Returns:
        what the column cannot hold, baseflow [mm].
    """
    capacity, residual = layers[at.CAPACITY], layers[at.RESIDUAL]
    base = day_share * baseflow(
        moisture[2], residual[2], capacity[2], cell[at.DS], cell[at.DSMAX], cell[at.WS], cell[at.POWER]
    )
    moisture -= uptake / count
    q0 = layer_drainage(moisture, layers, 0, day_share)
    q1 = layer_drainage(moisture, layers, 1, day_share)
    moisture[0] += infiltration - q0
    if moisture[0] > capacity[0]:  # what the top layer cannot hold drains
        q0 += moisture[0] - capacity[0]
        moisture[0] = capacity[0]
    q0 += keep_residual(moisture, residual, 0)
    moisture[1] += q0 - q1
    q1 += keep_residual(moisture, residual, 1)
    moisture[2] += q1 - base
    base += keep_residual(moisture, residual, 2)
    for i in (2, 1):  # what lower layers cannot hold rises
        if moisture[i] > capacity[i]:
            moisture[i - 1] += moisture[i] - capacity[i]
            moisture[i] = capacity[i]
    excess = max(moisture[0] - capacity[0], 0.0)
    moisture[0] -= excess
    return excess, base


@kernel
def layer_drainage(moisture, layers, i, day_share):
    """Drainage [mm] out of layer ``i`` over a share of a day."""
    residual = layers[at.RESIDUAL, i]
    space = layers[at.CAPACITY, i] - residual
    return drainage(moisture[i] - residual, space, layers[at.CONDUCTIVITY, i] * day_share, layers[at.EXPONENT, i])


@kernel
def keep_residual(moisture, residual, i):
    """Fill layer ``i`` up to its residual moisture; return the change of its outflow (not positive)."""
    missing = min(moisture[i] - residual[i], 0.0)
    moisture[i] -= missing
    return missing
