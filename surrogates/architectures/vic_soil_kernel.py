"""A step of VIC's soil water for a block of basins, and its adjoint.

Values lie in flat arrays of rows of ``LANES`` basins, so that each loop below is one vector operation after
another; a row's name is the position of its first element. The step leaves in ``s`` what its adjoint needs.
"""

from surrogates.architectures.compiled import kernel
from surrogates.architectures.vic_water import (
    baseflow,
    baseflow_adjoint,
    direct_runoff,
    direct_runoff_adjoint,
    drainage,
    drainage_adjoint,
    relu,
    taken,
    taken_adjoint,
    where_positive,
)

LANES = 16
"""Basins of a block: a vector register of float32."""

# constants of a basin: as vic_soil.Soil.derived gives them, then the share of the roots in each layer
(
    FULL, HIGHEST, CURVE, INVERSE_CURVE, CAPACITY_1, CAPACITY_2, CAPACITY_3, RESIDUAL_1, RESIDUAL_2, RESIDUAL_3,
    PER_SPACE_1, PER_SPACE_2, CONDUCTANCE_1, CONDUCTANCE_2, STEEPER, INVERSE_STEEPER, THRESHOLD, FAST, SLOW,
    PER_CAPACITY_1, PER_CAPACITY_2, PER_CAPACITY_3, WILTING, PER_SPAN, ROOTS_1, ROOTS_2, ROOTS_3,
) = range(0, 27 * LANES, LANES)  # fmt: skip
CONSTANTS = 27

# of a day: demands and factors of the learned terms, what reaches the soil, and sums over the steps
(
    SUBLIMATING, MELTING, WETTING, DEMAND_1, DEMAND_2, DEMAND_3, FACTOR_RUNOFF, FACTOR_1, FACTOR_2, FACTOR_BASEFLOW,
    INFLOW, MELT, RUNOFF, BASEFLOW, EVAPORATION,
) = range(0, 15 * LANES, LANES)  # fmt: skip
DAY_ROWS = 15

# of a step: water at its start, then what the adjoint needs; and the share of the day's melt, in the adjoint its
# sensitivity
(
    WATER_1, WATER_2, WATER_3, LOG_DRY, ROOT, RATIO, LOG_LEFT, SHARE_LOST,
    FREE_1, FREE_2, FREE_3, KEPT_1, KEPT_2, KEPT_3,
    HELD_1, RELATIVE_1, SHAPE_1, LOG_GROWTH_1, LOST_1, HELD_2, RELATIVE_2, SHAPE_2, LOG_GROWTH_2, LOST_2,
    HELD_3, KEPT_SLOW, OVER_1, OVER_2, OVER_3, PUSHED, MELT_SHARE,
) = range(0, 31 * LANES, LANES)  # fmt: skip
STEP_ROWS = 31


@kernel
def step(c, d, s, after, share, lanes):
    """Advance the soil by ``share`` of a day: water of ``s`` to water of ``after``, fluxes added to ``d``.

    All that leaves a layer follows from its water at the start, as in VIC; roots take theirs first.
    """
    for i in range(lanes):
        inflow = share * d[INFLOW + i] + s[MELT_SHARE + i] * d[MELT + i]
        first, second, third = s[WATER_1 + i], s[WATER_2 + i], s[WATER_3 + i]
        direct, s[LOG_DRY + i], s[ROOT + i], s[RATIO + i], s[LOG_LEFT + i], s[SHARE_LOST + i] = direct_runoff(
            inflow, first + second, d[FACTOR_RUNOFF + i],
            c[FULL + i], c[HIGHEST + i], c[CURVE + i], c[INVERSE_CURVE + i],
        )  # fmt: skip
        free_1, free_2 = relu(first - c[RESIDUAL_1 + i]), relu(second - c[RESIDUAL_2 + i])
        free_3 = relu(third - c[RESIDUAL_3 + i])
        take_1, s[KEPT_1 + i] = taken(share * d[DEMAND_1 + i], free_1)
        take_2, s[KEPT_2 + i] = taken(share * d[DEMAND_2 + i], free_2)
        take_3, s[KEPT_3 + i] = taken(share * d[DEMAND_3 + i], free_3)
        s[FREE_1 + i], s[FREE_2 + i], s[FREE_3 + i] = free_1, free_2, free_3
        first, second, third = first - take_1, second - take_2, third - take_3

        held = relu(first - c[RESIDUAL_1 + i])
        down, s[RELATIVE_1 + i], s[SHAPE_1 + i], s[LOG_GROWTH_1 + i], s[LOST_1 + i] = drainage(
            held, c[PER_SPACE_1 + i], c[CONDUCTANCE_1 + i] * (d[FACTOR_1 + i] * share),
            c[STEEPER + i], c[INVERSE_STEEPER + i],
        )  # fmt: skip
        s[HELD_1 + i] = held
        held = relu(second - c[RESIDUAL_2 + i])
        deeper, s[RELATIVE_2 + i], s[SHAPE_2 + i], s[LOG_GROWTH_2 + i], s[LOST_2 + i] = drainage(
            held, c[PER_SPACE_2 + i], c[CONDUCTANCE_2 + i] * (d[FACTOR_2 + i] * share),
            c[STEEPER + i], c[INVERSE_STEEPER + i],
        )  # fmt: skip
        s[HELD_2 + i] = held
        held = relu(third - c[RESIDUAL_3 + i])
        base, s[KEPT_SLOW + i] = baseflow(
            held, d[FACTOR_BASEFLOW + i] * share, c[THRESHOLD + i], c[FAST + i], c[SLOW + i]
        )
        s[HELD_3 + i] = held

        first += inflow - direct - down
        pushed = relu(first - c[CAPACITY_1 + i])  # what the top layer cannot hold drains
        s[PUSHED + i] = pushed
        first, second, third = first - pushed, second + down + pushed - deeper, third + deeper - base
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
    """Turn sensitivities to the water after a step into those to the water before it, in the opposite order.

    Those to constants and to the day's demands, factors and inflow are added to ``g_c`` and ``g_d``; the rows
    RUNOFF, BASEFLOW and EVAPORATION of ``g_d`` hold the sensitivities to the day's fluxes.
    """
    for i in range(lanes):
        g_first, g_second, g_third = g_water[WATER_1 + i], g_water[WATER_2 + i], g_water[WATER_3 + i]

        g_over = where_positive(g_d[RUNOFF + i] - g_first, s[OVER_1 + i])
        g_first += g_over
        g_c[CAPACITY_1 + i] -= g_over
        g_over = where_positive(g_first - g_second, s[OVER_2 + i])
        g_second += g_over
        g_c[CAPACITY_2 + i] -= g_over
        g_over = where_positive(g_second - g_third, s[OVER_3 + i])
        g_third += g_over
        g_c[CAPACITY_3 + i] -= g_over

        g_pushed = where_positive(g_second - g_first, s[PUSHED + i])
        g_first += g_pushed
        g_c[CAPACITY_1 + i] -= g_pushed
        g_infiltrated, g_down, g_deeper = g_first, g_second - g_first, g_third - g_second

        g_held, g_days, g_threshold, g_fast, g_slow = baseflow_adjoint(
            g_d[BASEFLOW + i] - g_third,
            s[HELD_3 + i], d[FACTOR_BASEFLOW + i] * share, c[THRESHOLD + i], c[FAST + i], c[SLOW + i], s[KEPT_SLOW + i],
        )  # fmt: skip
        g_d[FACTOR_BASEFLOW + i] += g_days * share
        g_c[THRESHOLD + i] += g_threshold
        g_c[FAST + i] += g_fast
        g_c[SLOW + i] += g_slow
        g_c[RESIDUAL_3 + i] -= g_held
        g_third += g_held

        scale = d[FACTOR_2 + i] * share
        g_held, g_space, g_strength, g_steeper, g_inverse = drainage_adjoint(
            g_deeper, s[HELD_2 + i], c[PER_SPACE_2 + i], c[CONDUCTANCE_2 + i] * scale, c[STEEPER + i],
            c[INVERSE_STEEPER + i], s[RELATIVE_2 + i], s[SHAPE_2 + i], s[LOG_GROWTH_2 + i], s[LOST_2 + i],
        )  # fmt: skip
        g_d[FACTOR_2 + i] += g_strength * c[CONDUCTANCE_2 + i] * share
        g_c[CONDUCTANCE_2 + i] += g_strength * scale
        g_c[PER_SPACE_2 + i] += g_space
        g_c[STEEPER + i] += g_steeper
        g_c[INVERSE_STEEPER + i] += g_inverse
        g_c[RESIDUAL_2 + i] -= g_held
        g_second += g_held

        scale = d[FACTOR_1 + i] * share
        g_held, g_space, g_strength, g_steeper, g_inverse = drainage_adjoint(
            g_down, s[HELD_1 + i], c[PER_SPACE_1 + i], c[CONDUCTANCE_1 + i] * scale, c[STEEPER + i],
            c[INVERSE_STEEPER + i], s[RELATIVE_1 + i], s[SHAPE_1 + i], s[LOG_GROWTH_1 + i], s[LOST_1 + i],
        )  # fmt: skip
        g_d[FACTOR_1 + i] += g_strength * c[CONDUCTANCE_1 + i] * share
        g_c[CONDUCTANCE_1 + i] += g_strength * scale
        g_c[PER_SPACE_1 + i] += g_space
        g_c[STEEPER + i] += g_steeper
        g_c[INVERSE_STEEPER + i] += g_inverse
        g_c[RESIDUAL_1 + i] -= g_held
        g_first += g_held

        g_evaporation = g_d[EVAPORATION + i]
        g_demand, g_stock = taken_adjoint(
            g_evaporation - g_first, share * d[DEMAND_1 + i], s[FREE_1 + i], s[KEPT_1 + i]
        )
        g_d[DEMAND_1 + i] += share * g_demand
        g_stock = where_positive(g_stock, s[FREE_1 + i])
        g_c[RESIDUAL_1 + i] -= g_stock
        g_first += g_stock
        g_demand, g_stock = taken_adjoint(
            g_evaporation - g_second, share * d[DEMAND_2 + i], s[FREE_2 + i], s[KEPT_2 + i]
        )
        g_d[DEMAND_2 + i] += share * g_demand
        g_stock = where_positive(g_stock, s[FREE_2 + i])
        g_c[RESIDUAL_2 + i] -= g_stock
        g_second += g_stock
        g_demand, g_stock = taken_adjoint(
            g_evaporation - g_third, share * d[DEMAND_3 + i], s[FREE_3 + i], s[KEPT_3 + i]
        )
        g_d[DEMAND_3 + i] += share * g_demand
        g_stock = where_positive(g_stock, s[FREE_3 + i])
        g_c[RESIDUAL_3 + i] -= g_stock
        g_third += g_stock

        g_inflow, g_both, g_factor, g_full, g_highest, g_curve, g_inverse = direct_runoff_adjoint(
            g_d[RUNOFF + i] - g_infiltrated,
            share * d[INFLOW + i] + s[MELT_SHARE + i] * d[MELT + i], s[WATER_1 + i] + s[WATER_2 + i],
            d[FACTOR_RUNOFF + i],
            c[FULL + i], c[HIGHEST + i], c[CURVE + i], c[INVERSE_CURVE + i],
            s[LOG_DRY + i], s[ROOT + i], s[RATIO + i], s[LOG_LEFT + i], s[SHARE_LOST + i],
        )  # fmt: skip
        g_inflow += g_infiltrated
        g_d[INFLOW + i] += share * g_inflow
        g_d[MELT + i] += s[MELT_SHARE + i] * g_inflow
        s[MELT_SHARE + i] = d[MELT + i] * g_inflow
        g_d[FACTOR_RUNOFF + i] += g_factor
        g_c[FULL + i] += g_full
        g_c[HIGHEST + i] += g_highest
        g_c[CURVE + i] += g_curve
        g_c[INVERSE_CURVE + i] += g_inverse
        g_water[WATER_1 + i], g_water[WATER_2 + i], g_water[WATER_3 + i] = g_first + g_both, g_second + g_both, g_third
