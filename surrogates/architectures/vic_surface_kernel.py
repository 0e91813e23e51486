"""Above the soil, on one day of a block of basins: snow, wet leaves and what roots want, and their adjoints."""

import numpy as np

from surrogates.architectures.compiled import inlined
from surrogates.architectures.vector_math import ONE, TWO, ZERO, log1p
from surrogates.architectures.vic_soil_kernel import (
    BASEFLOW,
    DAY_ROWS,
    EVAPORATION,
    INFLOW,
    LANES,
    MELT,
    MELTING,
    PER_CAPACITY_1,
    PER_SPAN,
    ROOTS_1,
    RUNOFF,
    SUBLIMATING,
    WETTING,
    WILTING,
)
from surrogates.architectures.vic_water import relu, taken, taken_adjoint

KNOWN = 7
WEATHER = 6  # and the share of melt in each step
(
    RAIN, SNOWFALL, POTENTIAL_MELT, POTENTIAL_WET, POTENTIAL, EASE,
    SWE, SNOW_LEFT, REST, KEPT_RAIN, KEPT_PACK, KEPT_REST, FREEDOM_1, FREEDOM_2, FREEDOM_3,
    WANTED_MELT, WANTED_WET, WANTED_1, WANTED_2, WANTED_3,
) = range(DAY_ROWS * LANES, (DAY_ROWS + 20) * LANES, LANES)  # fmt: skip
ROWS = DAY_ROWS + 20

_DEEP_SNOW, _MORE_MELT, _SOME_SUBLIMATION = (np.float32(value) for value in (10.0, 0.5, 0.3))


@inlined
def describe(c, d, s, known, lanes):
    """Snow, saturation of each layer in [-1, 1], and how free roots are to take water, 0 to 1."""
    for i in range(lanes):
        known[i] = log1p(d[SWE + i] / _DEEP_SNOW)
    for i in range(3 * lanes):
        known[lanes + i] = TWO * s[i] * c[PER_CAPACITY_1 + i] - ONE
    for k in range(3):
        for i in range(lanes):
            saturation = s[k * lanes + i] * c[PER_CAPACITY_1 + k * lanes + i]
            free = relu((saturation - c[WILTING + i]) * c[PER_SPAN + i])
            known[(4 + k) * lanes + i] = ONE if free > ONE else free


@inlined
def describe_adjoint(c, d, s, g_known, g_c, g_snow, g_water, limit, lanes):
    """Sensitivities to the stores at the start of the day, within ``limit``."""
    for i in range(lanes):
        g = g_snow[i] + g_known[i] / (_DEEP_SNOW + d[SWE + i])
        g_snow[i] = within(g if d[SWE + i] > ZERO else ZERO, limit)
    for k in range(3):
        for i in range(lanes):
            water, per_capacity = s[k * lanes + i], c[PER_CAPACITY_1 + k * lanes + i]
            above = water * per_capacity - c[WILTING + i]
            free = above * c[PER_SPAN + i]
            g_free = g_known[(4 + k) * lanes + i]
            g_free = ZERO if (free < ZERO) | (free > ONE) else g_free
            g_saturation = TWO * g_known[(1 + k) * lanes + i] + g_free * c[PER_SPAN + i]
            g_c[WILTING + i] -= g_free * c[PER_SPAN + i]
            g_c[PER_SPAN + i] += g_free * above
            g_c[PER_CAPACITY_1 + k * lanes + i] += g_saturation * water
            g = g_water[k * lanes + i] + g_saturation * per_capacity
            g_water[k * lanes + i] = within(g if water > ZERO else ZERO, limit)


@inlined
def within(g, limit):
    """Return g, no further from zero than ``limit``."""
    g = limit if g > limit else g
    return -limit if g < -limit else g


@inlined
def snow_and_canopy(d, lanes):
    """The water that reaches the soil, the snow that is left, and what evaporated of both [mm]."""
    for i in range(lanes):
        rain, pack = d[RAIN + i], d[SWE + i] + d[SNOWFALL + i]
        intercepted, d[KEPT_RAIN + i] = taken(d[WETTING + i], rain)
        sublimated, d[KEPT_PACK + i] = taken(_SOME_SUBLIMATION * d[SUBLIMATING + i], pack)
        rest = pack - sublimated
        melt, d[KEPT_REST + i] = taken(d[MELTING + i], rest)
        d[REST + i], d[SNOW_LEFT + i] = rest, rest - melt
        d[INFLOW + i], d[MELT + i] = rain - intercepted, melt
        d[RUNOFF + i], d[BASEFLOW + i], d[EVAPORATION + i] = ZERO, ZERO, intercepted + sublimated


@inlined
def snow_and_canopy_adjoint(d, g_d, g_snow, lanes):
    """Sensitivity to the snow left becomes that to the snow before; those to weather and demands are set."""
    for i in range(lanes):
        g_inflow, g_left, g_evaporation = g_d[INFLOW + i], g_snow[i], g_d[EVAPORATION + i]
        g_d[MELTING + i], g_stock = taken_adjoint(g_d[MELT + i] - g_left, d[MELTING + i], d[REST + i], d[KEPT_REST + i])
        g_rest = g_left + g_stock
        demand, pack = _SOME_SUBLIMATION * d[SUBLIMATING + i], d[SWE + i] + d[SNOWFALL + i]
        g_demand, g_stock = taken_adjoint(g_evaporation - g_rest, demand, pack, d[KEPT_PACK + i])
        g_d[SUBLIMATING + i] = _SOME_SUBLIMATION * g_demand
        g_snow[i] = g_rest + g_stock
        g_d[SNOWFALL + i] = g_snow[i]
        g_d[WETTING + i], g_stock = taken_adjoint(
            g_evaporation - g_inflow, d[WETTING + i], d[RAIN + i], d[KEPT_RAIN + i]
        )
        g_d[RAIN + i] = g_inflow + g_stock


@inlined
def want(c, d, known, lanes):
    """What could melt, and what wet leaves and roots in each layer would take if nothing else hindered them [mm]."""
    for i in range(lanes):
        d[WANTED_MELT + i], d[WANTED_WET + i] = d[POTENTIAL_MELT + i] + _MORE_MELT, d[POTENTIAL_WET + i]
    for k in range(3):
        for i in range(lanes):
            free, ease = known[(4 + k) * lanes + i], d[EASE + i]
            d[FREEDOM_1 + k * lanes + i] = free
            share = c[ROOTS_1 + k * lanes + i] * free / (free + ease * (ONE - free))
            d[WANTED_1 + k * lanes + i] = d[POTENTIAL + i] * share


@inlined
def want_adjoint(c, d, g_c, g_d, lanes):
    """Sensitivities to weather and freedom are set, those to the shares of the roots added."""
    for i in range(lanes):
        g_d[POTENTIAL_MELT + i], g_d[POTENTIAL_WET + i] = g_d[WANTED_MELT + i], g_d[WANTED_WET + i]
        g_d[POTENTIAL + i], g_d[EASE + i] = ZERO, ZERO
    for k in range(3):
        for i in range(lanes):
            free, ease, roots = d[FREEDOM_1 + k * lanes + i], d[EASE + i], c[ROOTS_1 + k * lanes + i]
            per = ONE / (free + ease * (ONE - free))
            g = g_d[WANTED_1 + k * lanes + i]
            g_c[ROOTS_1 + k * lanes + i] += g * d[POTENTIAL + i] * free * per
            g_d[POTENTIAL + i] += g * roots * free * per
            g *= d[POTENTIAL + i] * roots * per * per
            g_d[FREEDOM_1 + k * lanes + i] = g * ease
            g_d[EASE + i] -= g * free * (ONE - free)
