"""VIC's soil water for blocks of basins in float32: one step of it, and the step's adjoint.

Values lie in flat arrays of rows of ``LANES`` basins, so that each loop below is one vector operation after
the other; a row's name is the position of its first element. The forward step leaves in ``s`` what its
adjoint needs. Powers go through logarithms of clipped values and differences of near numbers through expm1 and
log1p, so that values and gradients stay finite and exact in float32.

Adjoint: ``g_x`` is the sensitivity of the loss to x. At a corner (min, max, clip) the branch that was taken counts.
"""

import numpy as np

from surrogates.architectures.compiled import inlined, kernel
from surrogates.architectures.vector_math import ONE, ZERO, exp, expm1, log, log1p

LANES = 16
"""Basins of a block: a vector register of float32."""

# constants of a basin, as vic_soil.Soil.derived gives them
(
    FULL, HIGHEST, CURVE, INVERSE_CURVE, CAPACITY_1, CAPACITY_2, CAPACITY_3, RESIDUAL_1, RESIDUAL_2, RESIDUAL_3,
    PER_SPACE_1, PER_SPACE_2, CONDUCTANCE_1, CONDUCTANCE_2, STEEPER, INVERSE_STEEPER, THRESHOLD, FAST, SLOW,
    PER_CAPACITY_1, PER_CAPACITY_2, PER_CAPACITY_3, WILTING, PER_SPAN,
) = range(0, 24 * LANES, LANES)  # fmt: skip
CONSTANTS = 24

# of a day: demands and factors of the learned terms, what reaches the soil, and sums over the steps
(
    MELTING, SUBLIMATING, WETTING, DEMAND_1, DEMAND_2, DEMAND_3, FACTOR_RUNOFF, FACTOR_1, FACTOR_2, FACTOR_BASEFLOW,
    INFLOW, RUNOFF, BASEFLOW, EVAPORATION,
) = range(0, 14 * LANES, LANES)  # fmt: skip
DAY_ROWS = 14

# of a step: water at its start, then what the adjoint needs
(
    WATER_1, WATER_2, WATER_3, LOG_DRY, ROOT, RATIO, LOG_LEFT, LOST,
    FREE_1, FREE_2, FREE_3, KEPT_1, KEPT_2, KEPT_3,
    HELD_1, RELATIVE_1, SHAPE_1, LOG_GROWTH_1, STAYING_1,
    HELD_2, RELATIVE_2, SHAPE_2, LOG_GROWTH_2, STAYING_2,
    HELD_3, KEPT_SLOW, OVER_1, OVER_2, OVER_3,
) = range(0, 29 * LANES, LANES)  # fmt: skip
STEP_ROWS = 29

_TINY = np.float32(1e-3)
_DRIEST, _LEAST_LEFT, _LEAST_FILLED = np.float32(1e-6), np.float32(1e-7), np.float32(1e-4)


@inlined
def relu(x):
    """Return x where it is positive, else 0."""
    return ZERO if x < ZERO else x


@inlined
def taken(demand, stock):
    """What ``stock`` gives to ``demand``, all of it where it has plenty, never more than it has; and the share kept."""
    lost = expm1(-demand / (stock + _TINY))
    return -stock * lost, ONE + lost


@inlined
def taken_adjoint(g, demand, stock, kept):
    """Sensitivities to demand and stock of what is taken."""
    per_stock = ONE / (stock + _TINY)
    g_demand = g * stock * kept * per_stock
    return g_demand, g * (ONE - kept) - g_demand * demand * per_stock


@inlined
def _drained(held, per_space, strength, steeper, inverse_steeper):
    """Exact drainage [mm]: dx/dt = -Ksat (x / space)^n, with strength = (n - 1) Ksat days / space (Brooks and Corey).

    x(0) - x(0) [1 + strength (x(0) / space)^(n - 1)]^(1 / (1 - n))
    """
    filled = held * per_space
    filled = _LEAST_FILLED if filled < _LEAST_FILLED else filled
    relative = log(ONE if filled > ONE else filled)
    shape = exp(steeper * relative)
    log_growth = log1p(strength * shape)
    lost = -expm1(-log_growth * inverse_steeper)
    return held * lost, relative, shape, log_growth, ONE - lost


@inlined
def _drained_adjoint(g, held, per_space, strength, steeper, inverse_steeper, relative, shape, log_growth, staying):
    """Sensitivities to held, per_space, strength, steeper and inverse_steeper."""
    g_exponent = g * held * staying
    growth = strength * shape
    g_growth = g_exponent * inverse_steeper / (ONE + growth)
    g_power = g_growth * growth
    filled = held * per_space
    inside = (filled >= _LEAST_FILLED) & (filled <= ONE)
    g_filled = g_power * steeper / (filled if inside else ONE)
    g_filled = g_filled if inside else ZERO
    g_held = g * (ONE - staying) + g_filled * per_space
    return g_held, g_filled * held, g_growth * shape, g_power * relative, g_exponent * log_growth


@kernel
def step(c, d, s, after, share, lanes):
    """Advance the soil by ``share`` of a day: water of ``s`` to water of ``after``, fluxes added to ``d``.

    Direct runoff (Liang et al. 1994, eq. 18), P inflow, M capacity of layers 1 and 2, W their water, im = (1 + b) M:
    R = P - (M - W) + M (dry^(1 / (1 + b)) - P / im)^(1 + b) with dry = 1 - W / M, here as
    R = P + M dry [(1 - P / (im dry^(1 / (1 + b))))^(1 + b) - 1].

    Baseflow (ARNO, Todini 1996) of S = water / space of layer 3: k S, plus (k / r) (1 - r) ((S - Ws) / (1 - Ws))^2
    where S > Ws, the latter solved exactly: e(t) = e(0) / (1 + a e(0) t).
    """
    for i in range(lanes):
        inflow, full = share * d[INFLOW + i], c[FULL + i]
        first, second, third = s[WATER_1 + i], s[WATER_2 + i], s[WATER_3 + i]
        both = first + second
        really_dry = ONE - (full if both > full else both) / full
        dry = _DRIEST if really_dry < _DRIEST else really_dry
        log_dry = log(dry)
        root = exp(log_dry * c[INVERSE_CURVE + i])
        ratio = inflow / (c[HIGHEST + i] * root)
        overfull = (ONE - ratio) * root < _LEAST_LEFT
        ratio = ZERO if overfull else ratio
        log_left = log1p(-ratio)
        lost = expm1(c[CURVE + i] * log_left)
        lost = -ONE if overfull else lost
        direct = inflow - full * (really_dry - dry) + full * dry * lost
        direct = relu(inflow if direct > inflow else direct)
        direct = d[FACTOR_RUNOFF + i] * direct
        direct = inflow if direct > inflow else direct
        s[LOG_DRY + i], s[ROOT + i], s[RATIO + i], s[LOG_LEFT + i], s[LOST + i] = log_dry, root, ratio, log_left, lost
        first = first + inflow - direct

        free_1, free_2 = relu(first - c[RESIDUAL_1 + i]), relu(second - c[RESIDUAL_2 + i])
        free_3 = relu(third - c[RESIDUAL_3 + i])
        take_1, s[KEPT_1 + i] = taken(share * d[DEMAND_1 + i], free_1)
        take_2, s[KEPT_2 + i] = taken(share * d[DEMAND_2 + i], free_2)
        take_3, s[KEPT_3 + i] = taken(share * d[DEMAND_3 + i], free_3)
        first, second, third = first - take_1, second - take_2, third - take_3
        s[FREE_1 + i], s[FREE_2 + i], s[FREE_3 + i] = free_1, free_2, free_3

        held_1 = relu(first - c[RESIDUAL_1 + i])
        steeper, inverse = c[STEEPER + i], c[INVERSE_STEEPER + i]
        strength = c[CONDUCTANCE_1 + i] * (d[FACTOR_1 + i] * share)
        down, relative, shape, log_growth, staying = _drained(held_1, c[PER_SPACE_1 + i], strength, steeper, inverse)
        s[HELD_1 + i], s[RELATIVE_1 + i], s[SHAPE_1 + i] = held_1, relative, shape
        s[LOG_GROWTH_1 + i], s[STAYING_1 + i] = log_growth, staying
        first, second = first - down, second + down

        held_2 = relu(second - c[RESIDUAL_2 + i])
        strength = c[CONDUCTANCE_2 + i] * (d[FACTOR_2 + i] * share)
        down, relative, shape, log_growth, staying = _drained(held_2, c[PER_SPACE_2 + i], strength, steeper, inverse)
        s[HELD_2 + i], s[RELATIVE_2 + i], s[SHAPE_2 + i] = held_2, relative, shape
        s[LOG_GROWTH_2 + i], s[STAYING_2 + i] = log_growth, staying

        held_3 = relu(third - c[RESIDUAL_3 + i])
        days = d[FACTOR_BASEFLOW + i] * share
        excess = relu(held_3 - c[THRESHOLD + i])
        rising = c[FAST + i] * excess * days
        quick = excess * rising / (ONE + rising)
        steady, s[KEPT_SLOW + i] = taken(days * c[SLOW + i] * held_3, held_3 - quick)
        base = quick + steady
        s[HELD_3 + i] = held_3

        second, third = second - down, third - base + down
        over_3 = relu(third - c[CAPACITY_3 + i])
        third, second = third - over_3, second + over_3
        over_2 = relu(second - c[CAPACITY_2 + i])
        second, first = second - over_2, first + over_2
        over_1 = relu(first - c[CAPACITY_1 + i])
        s[OVER_1 + i], s[OVER_2 + i], s[OVER_3 + i] = over_1, over_2, over_3
        after[WATER_1 + i], after[WATER_2 + i], after[WATER_3 + i] = first - over_1, second, third
        d[RUNOFF + i] += direct + over_1
        d[BASEFLOW + i] += base
        d[EVAPORATION + i] += take_1 + take_2 + take_3


@kernel
def step_adjoint(c, d, s, share, lanes, g_c, g_d, g_water):
    """Turn sensitivities to the water after a step into those to the water before it.

    Those to constants and to the day's demands, factors and inflow are added to ``g_c`` and ``g_d``; the rows
    RUNOFF, BASEFLOW and EVAPORATION of ``g_d`` hold the sensitivities to the day's fluxes.
    """
    for i in range(lanes):
        g_first, g_second, g_third = g_water[WATER_1 + i], g_water[WATER_2 + i], g_water[WATER_3 + i]
        g_runoff, g_base, g_evaporation = g_d[RUNOFF + i], g_d[BASEFLOW + i], g_d[EVAPORATION + i]

        # overflow, from the top down
        g_over = (g_runoff - g_first) if s[OVER_1 + i] > ZERO else ZERO
        g_first += g_over
        g_c[CAPACITY_1 + i] -= g_over
        g_over = (g_first - g_second) if s[OVER_2 + i] > ZERO else ZERO
        g_second += g_over
        g_c[CAPACITY_2 + i] -= g_over
        g_over = (g_second - g_third) if s[OVER_3 + i] > ZERO else ZERO
        g_third += g_over
        g_c[CAPACITY_3 + i] -= g_over

        # baseflow
        held, days = s[HELD_3 + i], d[FACTOR_BASEFLOW + i] * share
        excess = relu(held - c[THRESHOLD + i])
        rising = c[FAST + i] * excess * days
        slower = ONE / (ONE + rising)
        quick = excess * rising * slower
        demand, stock = days * c[SLOW + i] * held, held - quick
        g_total = g_base - g_third
        g_demand, g_stock = taken_adjoint(g_total, demand, stock, s[KEPT_SLOW + i])
        g_quick = g_total - g_stock
        g_rising = g_quick * excess * slower * slower
        g_excess = g_quick * rising * slower + g_rising * c[FAST + i] * days
        g_excess = g_excess if excess > ZERO else ZERO
        g_held = g_stock + g_demand * days * c[SLOW + i] + g_excess
        g_c[THRESHOLD + i] -= g_excess
        g_c[FAST + i] += g_rising * excess * days
        g_c[SLOW + i] += g_demand * days * held
        g_d[FACTOR_BASEFLOW + i] += share * (g_rising * c[FAST + i] * excess + g_demand * c[SLOW + i] * held)
        g_held = g_held if held > ZERO else ZERO
        g_c[RESIDUAL_3 + i] -= g_held
        g_deeper = g_third - g_second
        g_third += g_held

        # drainage of layer 2, then of layer 1
        steeper, inverse = c[STEEPER + i], c[INVERSE_STEEPER + i]
        held, scale = s[HELD_2 + i], d[FACTOR_2 + i] * share
        g_held, g_space, g_strength, g_steeper, g_inverse = _drained_adjoint(
            g_deeper, held, c[PER_SPACE_2 + i], c[CONDUCTANCE_2 + i] * scale, steeper, inverse,
            s[RELATIVE_2 + i], s[SHAPE_2 + i], s[LOG_GROWTH_2 + i], s[STAYING_2 + i],
        )  # fmt: skip
        g_c[PER_SPACE_2 + i] += g_space
        g_c[CONDUCTANCE_2 + i] += g_strength * scale
        g_d[FACTOR_2 + i] += g_strength * c[CONDUCTANCE_2 + i] * share
        g_held = g_held if held > ZERO else ZERO
        g_c[RESIDUAL_2 + i] -= g_held
        g_second += g_held

        held, scale = s[HELD_1 + i], d[FACTOR_1 + i] * share
        g_held, g_space, g_strength, g_less_steep, g_less_inverse = _drained_adjoint(
            g_second - g_first, held, c[PER_SPACE_1 + i], c[CONDUCTANCE_1 + i] * scale, steeper, inverse,
            s[RELATIVE_1 + i], s[SHAPE_1 + i], s[LOG_GROWTH_1 + i], s[STAYING_1 + i],
        )  # fmt: skip
        g_c[PER_SPACE_1 + i] += g_space
        g_c[CONDUCTANCE_1 + i] += g_strength * scale
        g_d[FACTOR_1 + i] += g_strength * c[CONDUCTANCE_1 + i] * share
        g_c[STEEPER + i] += g_steeper + g_less_steep
        g_c[INVERSE_STEEPER + i] += g_inverse + g_less_inverse
        g_held = g_held if held > ZERO else ZERO
        g_c[RESIDUAL_1 + i] -= g_held
        g_first += g_held

        # evaporation
        demand, stock = share * d[DEMAND_1 + i], s[FREE_1 + i]
        g_demand, g_stock = taken_adjoint(g_evaporation - g_first, demand, stock, s[KEPT_1 + i])
        g_stock = g_stock if stock > ZERO else ZERO
        g_d[DEMAND_1 + i] += share * g_demand
        g_c[RESIDUAL_1 + i] -= g_stock
        g_first += g_stock
        demand, stock = share * d[DEMAND_2 + i], s[FREE_2 + i]
        g_demand, g_stock = taken_adjoint(g_evaporation - g_second, demand, stock, s[KEPT_2 + i])
        g_stock = g_stock if stock > ZERO else ZERO
        g_d[DEMAND_2 + i] += share * g_demand
        g_c[RESIDUAL_2 + i] -= g_stock
        g_second += g_stock
        demand, stock = share * d[DEMAND_3 + i], s[FREE_3 + i]
        g_demand, g_stock = taken_adjoint(g_evaporation - g_third, demand, stock, s[KEPT_3 + i])
        g_stock = g_stock if stock > ZERO else ZERO
        g_d[DEMAND_3 + i] += share * g_demand
        g_c[RESIDUAL_3 + i] -= g_stock
        g_third += g_stock

        # direct runoff
        inflow, full, factor = share * d[INFLOW + i], c[FULL + i], d[FACTOR_RUNOFF + i]
        both = s[WATER_1 + i] + s[WATER_2 + i]
        held = full if both > full else both
        really_dry = ONE - held / full
        dry = _DRIEST if really_dry < _DRIEST else really_dry
        lost, root, ratio = s[LOST + i], s[ROOT + i], s[RATIO + i]
        raw = inflow - full * (really_dry - dry) + full * dry * lost
        direct = relu(inflow if raw > inflow else raw)
        g_direct, g_inflow = g_runoff - g_first, g_first
        whole = factor * direct > inflow
        g_inflow += g_direct if whole else ZERO
        g_direct = ZERO if whole else g_direct
        g_d[FACTOR_RUNOFF + i] += g_direct * direct
        g_raw = g_direct * factor
        g_inflow += g_raw if raw > inflow else ZERO
        g_raw = ZERO if (raw > inflow) | (raw < ZERO) else g_raw
        power = ONE + lost
        g_power = g_raw * full * dry
        g_ratio = -g_power * c[CURVE + i] * power / (ONE - ratio)
        g_root = -g_ratio * ratio / root
        clipped = really_dry < _DRIEST
        g_dry = g_root * root * c[INVERSE_CURVE + i] / dry
        g_dry = -full * g_raw if clipped else g_dry + full * lost * g_raw
        g_held = -g_dry / full
        g_c[CURVE + i] += g_power * power * s[LOG_LEFT + i]
        g_c[INVERSE_CURVE + i] += g_root * root * s[LOG_DRY + i]
        g_c[HIGHEST + i] -= g_ratio * ratio / c[HIGHEST + i]
        g_full = g_raw * (dry - really_dry + dry * lost) - g_held * held / full
        g_c[FULL + i] += g_full + (g_held if both > full else ZERO)
        g_held = ZERO if both > full else g_held
        g_d[INFLOW + i] += share * (g_inflow + g_raw + g_ratio / (c[HIGHEST + i] * root))
        g_water[WATER_1 + i] = g_first + g_held
        g_water[WATER_2 + i] = g_second + g_held
        g_water[WATER_3 + i] = g_third
