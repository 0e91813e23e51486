"""Exponential and logarithm of float32 without branches, so that a loop over basins is vectorised.

Relative error about 1e-7, as the C library's; NaN stays NaN. Beyond +-87 the exponential stays what it is there.

Source:
    Polynomials of S. Moshier's Cephes library, single precision (expf, logf).
"""

import numpy as np

from surrogates.architectures.compiled import inlined

ZERO, HALF, ONE, TWO = (np.float32(value) for value in (0.0, 0.5, 1.0, 2.0))

_LOWEST, _HIGHEST = np.float32(-87.0), np.float32(88.0)
_LOG2_E = np.float32(1.44269504)
_LN2_HIGH, _LN2_LOW = np.float32(0.693359375), np.float32(-2.12194440e-4)
_ROUND = np.float32(12582912.0)  # 1.5 x 2^23: added and taken away, it leaves the nearest whole number
_E2, _E3, _E4, _E5, _E6, _E7 = (
    np.float32(value)
    for value in (5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.9875691500e-4)
)
_L3, _L4, _L5, _L6, _L7, _L8, _L9, _L10, _L11 = (
    np.float32(value)
    for value in (
        3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1,
        -1.2420140846e-1, 1.1676998740e-1, -1.1514610310e-1, 7.0376836292e-2,
    )
)  # fmt: skip
_BIAS, _ROOT_HALF, _MANTISSA_BITS = np.int32(0x3F800000), np.int32(0x3F3504F3), np.int32(23)


@inlined
def _power_of_two_and_rest(x):
    """Return 2^n and e^r - 1 of x = n ln 2 + r."""
    x = _LOWEST if x < _LOWEST else x
    x = _HIGHEST if x > _HIGHEST else x
    shifted = x * _LOG2_E + _ROUND
    n = shifted - _ROUND
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    rest = r + r * r * (_E2 + r * (_E3 + r * (_E4 + r * (_E5 + r * (_E6 + r * _E7)))))
    power = np.int32(np.int32(np.float32(shifted).view(np.int32) << _MANTISSA_BITS) + _BIAS).view(np.float32)
    return power, rest


@inlined
def exp(x):
    """e^x."""
    power, rest = _power_of_two_and_rest(x)
    return power * rest + power


@inlined
def expm1(x):
    """e^x - 1, exact to the last digits for small x too."""
    power, rest = _power_of_two_and_rest(x)
    return power * rest + (power - ONE)


@inlined
def log(x):
    """Natural logarithm of a positive number."""
    bits = np.float32(x).view(np.int32)
    n = np.int32(np.int32(bits - _ROOT_HALF) >> _MANTISSA_BITS)
    f = np.int32(bits - np.int32(n << _MANTISSA_BITS)).view(np.float32) - ONE
    e = np.float32(n)
    p = _L3 + f * (_L4 + f * (_L5 + f * (_L6 + f * (_L7 + f * (_L8 + f * (_L9 + f * (_L10 + f * _L11)))))))
    return e * _LN2_HIGH + (f + (f * f * (f * p - HALF) + e * _LN2_LOW)) + (x - x)


@inlined
def log1p(x):
    """ln(1 + x), exact to the last digits for small x too."""
    u = ONE + x
    return log(u) + (x - (u - ONE)) / u


@inlined
def sigmoid(x):
    """1 / (1 + e^-x)."""
    return ONE / (ONE + exp(-x))


@inlined
def tanh(x):
    """Hyperbolic tangent."""
    grown = expm1(TWO * x)
    return grown / (grown + TWO)
