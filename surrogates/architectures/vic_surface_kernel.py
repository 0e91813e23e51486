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

KNOWN = 10
WEATHER = 8  # and the share of melt in each step
(
    RAIN, SNOWFALL, POTENTIAL_SUBLIMATION, POTENTIAL_MELT, POTENTIAL_WET, POTENTIAL, EASE, ROUGHNESS,
    SWE, SNOW_LEFT, REST, KEPT_RAIN, KEPT_PACK, KEPT_REST, FREEDOM_1, FREEDOM_2, FREEDOM_3,
    WANTED_SUBLIMATION, WANTED_MELT, WANTED_WET, WANTED_1, WANTED_2, WANTED_3,
) = range(DAY_ROWS * LANES, (DAY_ROWS + 23) * LANES, LANES)  # fmt: skip
ROWS = DAY_ROWS + 23

_DEEP_SNOW, _SOME_SNOW, _MORE_MELT, _MORE_SUBLIMATION = (np.float32(value) for value in (10.0, 1.0, 0.5, 0.1))


@inlined
def describe(c, d, s, known, lanes):
    """Snow, saturation of each layer in [-1, 1], how free roots are to take water, 0 to 1, and a pack's own.

    Where there is a pack: what it could sublimate and melt, and its roughness, which must not matter elsewhere.
    """
    for i in range(lanes):
        snow = d[SWE + i]
        known[i] = log1p(snow / _DEEP_SNOW)
        covered = snow / (snow + _SOME_SNOW)
        known[7 * lanes + i] = covered * log1p(d[POTENTIAL_SUBLIMATION + i])
        known[8 * lanes + i] = covered * log1p(d[POTENTIAL_MELT + i])
        known[9 * lanes + i] = covered * d[ROUGHNESS + i]
    for i in range(3 * lanes):
        known[lanes + i] = TWO * s[i] * c[PER_CAPACITY_1 + i] - ONE
    for k in range(3):
        for i in range(lanes):
            saturation = s[k * lanes + i] * c[PER_CAPACITY_1 + k * lanes + i]
            free = relu((saturation - c[WILTING + i]) * c[PER_SPAN + i])
            known[(4 + k) * lanes + i] = ONE if free > ONE else free


@inlined
def describe_adjoint(c, d, s, g_known, g_c, g_d, g_snow, g_water, limit, lanes):
    """Sensitivities to the stores at the start of the day, within ``limit``, and to what is told of a pack."""
    for i in range(lanes):
        snow, sublimated, melt, rough = (
            d[SWE + i],
            d[POTENTIAL_SUBLIMATION + i],
            d[POTENTIAL_MELT + i],
            d[ROUGHNESS + i],
        )
        g_sublimated, g_melt, g_rough = g_known[7 * lanes + i], g_known[8 * lanes + i], g_known[9 * lanes + i]
        per = ONE / (snow + _SOME_SNOW)
        covered = snow * per
        g_d[POTENTIAL_SUBLIMATION + i] += covered * g_sublimated / (ONE + sublimated)
        g_d[POTENTIAL_MELT + i] += covered * g_melt / (ONE + melt)
        g_d[ROUGHNESS + i] = covered * g_rough
        g_covered = g_sublimated * log1p(sublimated) + g_melt * log1p(melt) + g_rough * rough
        g = g_snow[i] + g_known[i] / (_DEEP_SNOW + snow) + g_covered * _SOME_SNOW * per * per
        g_snow[i] = within(g if snow > ZERO else ZERO, limit)
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
        sublimated, d[KEPT_PACK + i] = taken(d[SUBLIMATING + i], pack)
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
        pack = d[SWE + i] + d[SNOWFALL + i]
        g_d[SUBLIMATING + i], g_stock = taken_adjoint(
            g_evaporation - g_rest, d[SUBLIMATING + i], pack, d[KEPT_PACK + i]
        )
        g_snow[i] = g_rest + g_stock
        g_d[SNOWFALL + i] = g_snow[i]
        g_d[WETTING + i], g_stock = taken_adjoint(
            g_evaporation - g_inflow, d[WETTING + i], d[RAIN + i], d[KEPT_RAIN + i]
        )
        g_d[RAIN + i] = g_inflow + g_stock


@inlined
def want(c, d, known, lanes):
    """What could leave the snow, and what wet leaves and roots in each layer would take at most [mm]."""
    for i in range(lanes):
        d[WANTED_SUBLIMATION + i] = d[POTENTIAL_SUBLIMATION + i] + _MORE_SUBLIMATION
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
        g_d[POTENTIAL_SUBLIMATION + i] = g_d[WANTED_SUBLIMATION + i]
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
