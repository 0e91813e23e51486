"""A day of the hybrid for a block of basins: learned terms, snow and canopy, and their adjoints."""

from typing import Any, NamedTuple

import numpy as np

from surrogates.architectures.compiled import inlined, kernel
from surrogates.architectures.vector_math import ONE, TWO, ZERO, exp, log1p, sigmoid, softplus, tanh
from surrogates.architectures.vic_soil_kernel import (
    BASEFLOW,
    CONSTANTS,
    DAY_ROWS,
    EVAPORATION,
    FACTOR_RUNOFF,
    INFLOW,
    LANES,
    MELTING,
    PER_CAPACITY_1,
    PER_SPAN,
    RUNOFF,
    STEP_ROWS,
    SUBLIMATING,
    WETTING,
    WILTING,
    step,
)
from surrogates.architectures.vic_water import relu, taken, taken_adjoint

STORES, KNOWN, LEARNED, FLUXES = 4, 7, 10, 3
RAIN, SNOWFALL, SWE, SNOW_LEFT, REST, KEPT_RAIN, KEPT_PACK, KEPT_REST = range(
    DAY_ROWS * LANES, (DAY_ROWS + 8) * LANES, LANES
)
ROWS = DAY_ROWS + 8

_DEEP_SNOW, _MOST_MELT, _MOST_SUBLIMATION = (np.float32(value) for value in (10.0, 5.0, 0.3))


class Weights(NamedTuple):
    """Learned: of the hidden layer (known, hidden), (hidden,) and of the terms (hidden, term), (term,)."""

    inner: Any
    shift: Any
    terms: Any
    bias: Any


class Block(NamedTuple):
    """What is known of a block of basins on one day.

    Args:
        c: rows of constants.
        d: rows of the day.
        slabs: rows of each step of the soil, and water after the last.
        latent: (basin, latent) states at the start of the day, then at its end.
        known: (basin, known) what the learned part reads: stores, latent states, features of the weather.
        flat: rows of the first columns of ``known``, then of ``z``.
        hidden: (basin, hidden) before and ``active`` after the nonlinearity.
        z: (basin, term).
        gate: (basin x latent) how far the latent states move towards ``proposal``.
    """

    c: Any
    d: Any
    slabs: Any
    latent: Any
    known: Any
    flat: Any
    hidden: Any
    active: Any
    z: Any
    gate: Any
    proposal: Any


@inlined
def new_block(weights, substeps):
    """Scratch for a block."""
    inner, terms = weights.inner, weights.terms
    latents = (terms.shape[1] - LEARNED) // 2
    return Block(
        np.empty(CONSTANTS * LANES, np.float32),
        np.zeros(ROWS * LANES, np.float32),
        np.zeros((substeps + 1, STEP_ROWS * LANES), np.float32),
        np.empty((LANES, latents), np.float32),
        np.empty((LANES, inner.shape[0]), np.float32),
        np.empty(LEARNED * LANES, np.float32),
        np.empty((LANES, inner.shape[1]), np.float32),
        np.empty((LANES, inner.shape[1]), np.float32),
        np.empty((LANES, terms.shape[1]), np.float32),
        np.empty(LANES * latents, np.float32),
        np.empty(LANES * latents, np.float32),
    )


@inlined
def read_constants(b, constants):
    """Take (basin, constant)."""
    for lane in range(LANES):
        for k in range(CONSTANTS):
            b.c[k * LANES + lane] = constants[lane, k]


@inlined
def read_state(b, state):
    """Take (basin, state), no store below zero."""
    for lane in range(LANES):
        b.d[SWE + lane] = relu(state[lane, 0])
        for k in range(3):
            b.slabs[0, k * LANES + lane] = relu(state[lane, 1 + k])
        for k in range(b.latent.shape[1]):
            b.latent[lane, k] = state[lane, STORES + k]


@kernel
def advance(b, weights, features, rain, snowfall):
    """Compute a day, except for the new latent states: the adjoint needs the old ones."""
    for lane in range(LANES):
        b.d[RAIN + lane], b.d[SNOWFALL + lane] = rain[lane], snowfall[lane]
    learn(b, weights, features)
    snow_and_canopy(b.d, LANES)
    substeps = len(b.slabs) - 1
    share = np.float32(1.0 / substeps)
    for i in range(substeps):
        step(b.c, b.d, b.slabs[i], b.slabs[i + 1], share, LANES)


@inlined
def learn(b, weights, features):
    """Compute the learned terms, demands and factors among them."""
    latents = b.latent.shape[1]
    describe(b.c, b.d, b.slabs[0], b.flat, LANES)
    for lane in range(LANES):
        for k in range(KNOWN):
            b.known[lane, k] = b.flat[k * LANES + lane]
        for k in range(latents):
            b.known[lane, KNOWN + k] = b.latent[lane, k]
        for k in range(features.shape[1]):
            b.known[lane, KNOWN + latents + k] = features[lane, k]
    np.dot(b.known, weights.inner, b.hidden)
    for lane in range(LANES):
        add(b.hidden[lane], weights.shift)
    silu(b.hidden.reshape(-1), b.active.reshape(-1))
    np.dot(b.active, weights.terms, b.z)
    for lane in range(LANES):
        add(b.z[lane], weights.bias)
        for k in range(LEARNED):
            b.flat[k * LANES + lane] = b.z[lane, k]
        for k in range(latents):
            b.gate[lane * latents + k] = b.z[lane, LEARNED + k]
            b.proposal[lane * latents + k] = b.z[lane, LEARNED + latents + k]
    for i in range(FACTOR_RUNOFF):
        b.d[i] = softplus(b.flat[i] - ONE)
    for i in range(FACTOR_RUNOFF, INFLOW):
        b.d[i] = exp(tanh(b.flat[i]))


@inlined
def learn_adjoint(b, g_d, g_latent, g_z):
    """Turn sensitivities to demands, factors and new latent states into those to terms and old latent states."""
    latents = b.latent.shape[1]
    for i in range(FACTOR_RUNOFF):
        g_d[i] *= sigmoid(b.flat[i] - ONE)
    for i in range(FACTOR_RUNOFF, INFLOW):
        bent = tanh(b.flat[i])
        g_d[i] *= b.d[i] * (ONE - bent * bent)
    renew_adjoint(b.latent.reshape(-1), b.gate, b.proposal, g_latent.reshape(-1))
    for lane in range(LANES):
        for k in range(LEARNED):
            g_z[lane, k] = g_d[k * LANES + lane]
        for k in range(latents):
            g_z[lane, LEARNED + k] = b.gate[lane * latents + k]
            g_z[lane, LEARNED + latents + k] = b.proposal[lane * latents + k]


@inlined
def add(x, more):
    """Add ``more`` to x."""
    for i in range(len(x)):
        x[i] += more[i]


@inlined
def silu(x, out):
    """X / (1 + e^-x)."""
    for i in range(len(x)):
        out[i] = x[i] * sigmoid(x[i])


@inlined
def silu_adjoint(x, g):
    """Turn the sensitivity to silu(x) into that to x."""
    for i in range(len(x)):
        open_ = sigmoid(x[i])
        g[i] *= open_ * (ONE + x[i] * (ONE - open_))


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
        sublimated, d[KEPT_PACK + i] = taken(_MOST_SUBLIMATION * d[SUBLIMATING + i], pack)
        rest = pack - sublimated
        melt, d[KEPT_REST + i] = taken(_MOST_MELT * d[MELTING + i], rest)
        d[REST + i], d[SNOW_LEFT + i] = rest, rest - melt
        d[INFLOW + i] = rain - intercepted + melt
        d[RUNOFF + i], d[BASEFLOW + i], d[EVAPORATION + i] = ZERO, ZERO, intercepted + sublimated


@inlined
def snow_and_canopy_adjoint(d, g_d, g_snow, lanes):
    """Sensitivity to the snow left becomes that to the snow before; those to weather and demands are set."""
    for i in range(lanes):
        g_inflow, g_left, g_evaporation = g_d[INFLOW + i], g_snow[i], g_d[EVAPORATION + i]
        demand = _MOST_MELT * d[MELTING + i]
        g_demand, g_stock = taken_adjoint(g_inflow - g_left, demand, d[REST + i], d[KEPT_REST + i])
        g_d[MELTING + i] = _MOST_MELT * g_demand
        g_rest = g_left + g_stock
        demand, pack = _MOST_SUBLIMATION * d[SUBLIMATING + i], d[SWE + i] + d[SNOWFALL + i]
        g_demand, g_stock = taken_adjoint(g_evaporation - g_rest, demand, pack, d[KEPT_PACK + i])
        g_d[SUBLIMATING + i] = _MOST_SUBLIMATION * g_demand
        g_snow[i] = g_rest + g_stock
        g_d[SNOWFALL + i] = g_snow[i]
        g_d[WETTING + i], g_stock = taken_adjoint(
            g_evaporation - g_inflow, d[WETTING + i], d[RAIN + i], d[KEPT_RAIN + i]
        )
        g_d[RAIN + i] = g_inflow + g_stock


@inlined
def renew(latent, gate, proposal):
    """Move the latent states towards what is proposed, as far as the gate is open."""
    for i in range(len(latent)):
        latent[i] += sigmoid(gate[i] - ONE) * (tanh(proposal[i]) - latent[i])


@inlined
def renew_adjoint(latent, gate, proposal, g_latent):
    """Sensitivity to the new latent states becomes that to the old; gate and proposal become theirs."""
    for i in range(len(latent)):
        open_, aim, g = sigmoid(gate[i] - ONE), tanh(proposal[i]), g_latent[i]
        g_latent[i] = g * (ONE - open_)
        gate[i] = g * (aim - latent[i]) * open_ * (ONE - open_)
        proposal[i] = g * open_ * (ONE - aim * aim)
