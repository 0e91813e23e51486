"""The temperature at which an energy balance closes, searched for as VIC does, so that both find the same one."""

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.foliage import foliage_balance
from legacy_models.vic.embedded.snow_energy import surface_balance

SNOW_SURFACE, FOLIAGE = range(2)
WIDENINGS = 5
WIDENING = 10.0  # K
TOLERANCE = 1e-7  # K
MOST_STEPS = 1000
EPSILON = 2.0**-52


@kernel
def residual(kind, temperature, m, terms):
    """What is left of the balance of ``kind`` [W/m2] where all its liquid water freezes."""
    if kind == SNOW_SURFACE:
        return surface_balance(temperature, m, terms)[0] + terms[at.FREEZING_HEAT]
    return foliage_balance(temperature, m, terms)[0] + terms[at.FOLIAGE_FREEZING_HEAT]


@kernel
def balance_temperature(kind, low, high, m, terms, otherwise):
    """Temperature [degC] where the balance of ``kind`` closes; ``otherwise`` where no bracket is found.

    The bracket from ``low`` to ``high`` is widened by 10 K on both sides up to five times.

    Source: Brent (1973), Algorithms for minimization without derivatives, ch. 4.
    """
    f_low, f_high = residual(kind, low, m, terms), residual(kind, high, m, terms)
    for _ in range(WIDENINGS):
        if f_low * f_high < 0.0:
            break
        low -= WIDENING
        high += WIDENING
        f_low, f_high = residual(kind, low, m, terms), residual(kind, high, m, terms)
    if not f_low * f_high < 0.0:
        return otherwise
    old, best, other = low, high, low
    f_old, f_best, f_other = f_low, f_high, f_low
    step = before = high - low
    for _ in range(MOST_STEPS):
        if abs(f_other) < abs(f_best):
            old, best, other = best, other, best
            f_old, f_best, f_other = f_best, f_other, f_best
        tolerance = 2.0 * EPSILON * abs(best) + TOLERANCE
        half = 0.5 * (other - best)
        if abs(half) <= tolerance or f_best == 0.0:
            return best
        step, before = next_step(old, best, other, f_old, f_best, f_other, step, before, half, tolerance)
        old, f_old = best, f_best
        if abs(step) > tolerance:
            best += step
        else:
            best += tolerance if half > 0.0 else -tolerance
        f_best = residual(kind, best, m, terms)
        if f_best * f_other > 0.0:
            other, f_other = old, f_old
            step = before = best - old
    return otherwise


@kernel
def next_step(old, best, other, f_old, f_best, f_other, step, before, half, tolerance):
    """Brent's choice between interpolation and bisection: the next step and the one to compare the next with."""
    if abs(before) < tolerance or abs(f_old) <= abs(f_best):
        return half, half
    s = f_best / f_old
    if old == other:
        p = 2.0 * half * s
        q = 1.0 - s
    else:
        q = f_old / f_other
        r = f_best / f_other
        p = s * (2.0 * half * q * (q - r) - (best - old) * (r - 1.0))
        q = (q - 1.0) * (r - 1.0) * (s - 1.0)
    if p > 0.0:
        q = -q
    else:
        p = -p
    if 2.0 * p < 3.0 * half * q - abs(tolerance * q) and p < abs(0.5 * before * q):
        return p / q, step
    return half, half
