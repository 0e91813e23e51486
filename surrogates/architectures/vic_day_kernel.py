"""A day of the hybrid for a block of basins: its learned terms, then the surface, then the soil; and their adjoints."""

from typing import Any, NamedTuple

import numpy as np

from surrogates.architectures.compiled import inlined, kernel
from surrogates.architectures.vector_math import ONE, TWO, exp, sigmoid, tanh
from surrogates.architectures.vic_soil_kernel import (
    CONSTANTS,
    FACTOR_RUNOFF,
    INFLOW,
    LANES,
    MELT_SHARE,
    STEP_ROWS,
    step,
)
from surrogates.architectures.vic_surface_kernel import (
    KNOWN,
    RAIN,
    ROWS,
    SWE,
    WANTED_SUBLIMATION,
    WEATHER,
    describe,
    snow_and_canopy,
    want,
    want_adjoint,
)
from surrogates.architectures.vic_water import relu

STORES, LEARNED, FLUXES = 4, 10, 3


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
def advance(b, weights, features, weather):
    """Compute a day, except for the new latent states: the adjoint needs the old ones."""
    for lane in range(LANES):
        for k in range(WEATHER):
            b.d[RAIN + k * LANES + lane] = weather[lane, k]
        for i in range(len(b.slabs) - 1):
            b.slabs[i, MELT_SHARE + lane] = weather[lane, WEATHER + i]
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
    want(b.c, b.d, b.flat, LANES)
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
        b.d[i] = b.d[WANTED_SUBLIMATION + i] * (TWO * sigmoid(b.flat[i]))
    for i in range(FACTOR_RUNOFF, INFLOW):
        b.d[i] = exp(tanh(b.flat[i]))


@inlined
def learn_adjoint(b, g_c, g_d, g_latent, g_z):
    """Turn sensitivities to demands, factors and new latent states into those to terms and old latent states.

    Those to the weather and to the freedom of the roots, which demands depend on, are set.
    """
    latents = b.latent.shape[1]
    for i in range(FACTOR_RUNOFF):
        open_ = sigmoid(b.flat[i])
        g_d[WANTED_SUBLIMATION + i] = g_d[i] * (TWO * open_)
        g_d[i] *= b.d[WANTED_SUBLIMATION + i] * (TWO * open_ * (ONE - open_))
    for i in range(FACTOR_RUNOFF, INFLOW):
        bent = tanh(b.flat[i])
        g_d[i] *= b.d[i] * (ONE - bent * bent)
    want_adjoint(b.c, b.d, g_c, g_d, LANES)
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
