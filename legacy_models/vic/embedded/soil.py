"""Soil water: variable infiltration curve, drainage between layers, ARNO baseflow.

Moisture in mm of water. A layer's constants are columns of the ``soil`` table (see ``inputs.py``).
"""

from math import pow

from legacy_models.vic.embedded.compiled import kernel

# Rows of the per-layer table.
CAPACITY, RESIDUAL, CRITICAL, WILTING, EXPONENT, CONDUCTIVITY = range(6)
LAYER_CONSTANTS = 6


@kernel
def saturated_area(moisture, capacity, b):
    """Share of the cell that is saturated: A = 1 - (1 - W/M)^(b/(1+b)).

    Source: Liang et al. (1994), doi:10.1029/94JD00483, eq. 3a and Wood et al. (1992).
    """
    dryness = 1.0 - moisture / capacity
    if dryness <= 0.0:
        return 1.0
    return 1.0 - pow(dryness, b / (1.0 + b))


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
    infiltrated = highest * (1.0 - pow(dryness, 1.0 / (1.0 + b)))
    if infiltrated + inflow >= highest:
        runoff = inflow - capacity + moisture
    else:
        runoff = (
            inflow - capacity + moisture + capacity * pow(1.0 - (infiltrated + inflow) / highest, 1.0 + b)
        )
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
    growth = (exponent - 1.0) * conductivity / space * pow(relative, exponent - 1.0)
    return available - available * pow(1.0 + growth, 1.0 / (1.0 - exponent))


@kernel
def baseflow(moisture, residual, capacity, ds, dsmax, ws, power):
    """ARNO baseflow [mm/day]: linear below Ws of the capacity, a power law added above.

    Source: Todini (1996), doi:10.1016/S0022-1694(96)80016-3; Liang et al. (1994), eq. 21.
    """
    relative = (moisture - residual) / (capacity - residual)
    flow = dsmax * ds / ws * relative
    if relative > ws:
        flow += dsmax * (1.0 - ds / ws) * pow((relative - ws) / (1.0 - ws), power)
    return max(flow, 0.0)
