"""VIC's soil water equations for one basin and step in float32, each with its adjoint, for compiled loops.

Powers go through logarithms of clipped values, and differences of near numbers through expm1 and log1p, so that
values and gradients stay finite and exact. ``g_x`` is the sensitivity of the loss to x; at a corner (min, max,
clip) the branch that was taken counts.
"""

import numpy as np

from surrogates.architectures.compiled import inlined
from surrogates.architectures.vector_math import ONE, ZERO, exp, expm1, log, log1p

_TINY = np.float32(1e-3)  # mm
_DRIEST, _LEAST_LEFT, _LEAST_FILLED = np.float32(1e-6), np.float32(1e-7), np.float32(1e-4)


@inlined
def relu(x):
    """Return x where it is positive, else 0."""
    return ZERO if x < ZERO else x


@inlined
def where_positive(g, x):
    """Adjoint of ``relu``: its sensitivity to x."""
    return g if x > ZERO else ZERO


@inlined
def taken(demand, stock):
    """What ``stock`` gives to ``demand``, all of it where it has plenty, never more than it has; and the share kept."""
    lost = expm1(-demand / (stock + _TINY))
    return -stock * lost, ONE + lost


@inlined
def taken_adjoint(g, demand, stock, kept):
    """Sensitivities of what is taken to demand and stock."""
    per_stock = ONE / (stock + _TINY)
    g_demand = g * stock * kept * per_stock
    return g_demand, g * (ONE - kept) - g_demand * demand * per_stock


@inlined
def direct_runoff(inflow, water, factor, full, highest, curve, inverse_curve):
    """Direct runoff [mm] of ``inflow`` onto layers that hold ``water`` and, when full, ``full`` [mm].

    R = P - (M - W) + M (dry^(1 / (1 + b)) - P / im)^(1 + b) with dry = 1 - W / M and im = (1 + b) M, here as
    R = P + M dry [(1 - P / (im dry^(1 / (1 + b))))^(1 + b) - 1], times ``factor`` and at most P.

    Returns:
        It, and what the adjoint needs.

    Source:
        Liang et al. (1994), doi:10.1029/94JD00483, eq. 18.
    """
    really_dry = ONE - (full if water > full else water) / full
    dry = _DRIEST if really_dry < _DRIEST else really_dry
    log_dry = log(dry)
    root = exp(log_dry * inverse_curve)
    ratio = inflow / (highest * root)
    overfull = (ONE - ratio) * root < _LEAST_LEFT
    ratio = ZERO if overfull else ratio
    log_left = log1p(-ratio)
    lost = expm1(curve * log_left)
    lost = -ONE if overfull else lost
    direct = inflow - full * (really_dry - dry) + full * dry * lost
    direct = factor * relu(inflow if direct > inflow else direct)
    return (inflow if direct > inflow else direct), log_dry, root, ratio, log_left, lost


@inlined
def direct_runoff_adjoint(
    g, inflow, water, factor, full, highest, curve, inverse_curve, log_dry, root, ratio, log_left, lost
):
    """Sensitivities to the arguments of ``direct_runoff``, in their order."""
    held = full if water > full else water
    really_dry = ONE - held / full
    dry = _DRIEST if really_dry < _DRIEST else really_dry
    raw = inflow - full * (really_dry - dry) + full * dry * lost
    direct = relu(inflow if raw > inflow else raw)
    whole = factor * direct > inflow
    g_inflow = g if whole else ZERO
    g = ZERO if whole else g
    g_factor = g * direct
    g_raw = g * factor
    g_inflow += g_raw if raw > inflow else ZERO
    g_raw = ZERO if (raw > inflow) | (raw < ZERO) else g_raw
    power = ONE + lost
    g_power = g_raw * full * dry
    g_ratio = -g_power * curve * power / (ONE - ratio)
    g_inflow += g_raw + g_ratio / (highest * root)
    g_log_root = -g_ratio * ratio
    g_dry = -full * g_raw if really_dry < _DRIEST else full * lost * g_raw + g_log_root * inverse_curve / dry
    g_held = -g_dry / full
    g_full = g_raw * (dry - really_dry + dry * lost) - g_held * held / full
    g_full += g_held if water > full else ZERO
    g_water = ZERO if water > full else g_held
    g_curve = g_power * power * log_left
    return g_inflow, g_water, g_factor, g_full, g_log_root / highest, g_curve, g_log_root * log_dry


@inlined
def drainage(held, per_space, strength, steeper, inverse_steeper):
    """Exact drainage [mm] of ``held`` mm: dx/dt = -Ksat (x / space)^n over a step, n = 1 + ``steeper``.

    x(0) - x(0) [1 + strength (x(0) / space)^(n - 1)]^(1 / (1 - n)) with strength = (n - 1) Ksat days / space.

    Returns:
        It, and what the adjoint needs.

    Source:
        Brooks and Corey (1964).
    """
    filled = held * per_space
    filled = _LEAST_FILLED if filled < _LEAST_FILLED else filled
    relative = log(ONE if filled > ONE else filled)
    shape = exp(steeper * relative)
    log_growth = log1p(strength * shape)
    lost = -expm1(-log_growth * inverse_steeper)
    return held * lost, relative, shape, log_growth, lost


@inlined
def drainage_adjoint(g, held, per_space, strength, steeper, inverse_steeper, relative, shape, log_growth, lost):
    """Sensitivities to the arguments of ``drainage``, in their order."""
    g_exponent = g * held * (ONE - lost)
    growth = strength * shape
    g_growth = g_exponent * inverse_steeper / (ONE + growth)
    g_power = g_growth * growth
    filled = held * per_space
    inside = (filled >= _LEAST_FILLED) & (filled <= ONE)
    g_filled = g_power * steeper / (filled if inside else ONE)
    g_filled = g_filled if inside else ZERO
    g_held = where_positive(g * lost + g_filled * per_space, held)
    return g_held, g_filled * held, g_growth * shape, g_power * relative, g_exponent * log_growth


@inlined
def baseflow(held, days, threshold, fast, slow):
    """ARNO baseflow [mm] of ``days`` from ``held`` mm: slow held, and fast (held - threshold)^2 above the threshold.

    The second part is solved exactly, e(t) = e(0) / (1 + a e(0) t): taken explicitly, it empties a thin layer at
    once, and the sensitivity to its water grows without end from step to step.

    Returns:
        It, and what the adjoint needs.

    Source:
        Todini (1996), doi:10.1016/S0022-1694(96)80016-3.
    """
    excess = relu(held - threshold)
    rising = fast * excess * days
    quick = excess * rising / (ONE + rising)
    steady, kept = taken(days * slow * held, held - quick)
    return quick + steady, kept


@inlined
def baseflow_adjoint(g, held, days, threshold, fast, slow, kept):
    """Sensitivities to the arguments of ``baseflow``, in their order."""
    excess = relu(held - threshold)
    rising = fast * excess * days
    slower = ONE / (ONE + rising)
    quick = excess * rising * slower
    g_demand, g_stock = taken_adjoint(g, days * slow * held, held - quick, kept)
    g_quick = g - g_stock
    g_rising = g_quick * excess * slower * slower
    g_excess = where_positive(g_quick * rising * slower + g_rising * fast * days, excess)
    g_held = where_positive(g_stock + g_demand * days * slow + g_excess, held)
    g_days = g_rising * fast * excess + g_demand * slow * held
    return g_held, g_days, -g_excess, g_rising * excess * days, g_demand * days * held
