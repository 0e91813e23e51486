"""The hybrid's daily loop for many basins in float32, and its adjoint: what a training step spends its time on.

A block of ``LANES`` basins is independent of all others. Its learned part is computed basin by basin, in arrays
(basin, hidden) and (basin, term); its water in rows of basins, see ``vic_soil_kernel``. The adjoint repeats each
day from the state at its start.
"""

import numpy as np

from surrogates.architectures.compiled import inlined, kernel
from surrogates.architectures.vector_math import ZERO
from surrogates.architectures.vic_day_kernel import (
    STORES,
    add,
    advance,
    learn_adjoint,
    new_block,
    read_constants,
    read_state,
    renew,
    silu_adjoint,
)
from surrogates.architectures.vic_soil_kernel import CONSTANTS, LANES, MELT_SHARE, RUNOFF, step_adjoint
from surrogates.architectures.vic_surface_kernel import (
    FREEDOM_1,
    KNOWN,
    RAIN,
    SNOW_LEFT,
    WEATHER,
    describe_adjoint,
    snow_and_canopy_adjoint,
    within,
)


@kernel
def forward(features, weather, constants, first, weights, substeps, begin, end, fluxes, states):
    """Simulate blocks ``begin`` to ``end``; the number of basins is a multiple of ``LANES``.

    Args:
        features: (basin, time, feature) of the day's weather.
        weather: (basin, time, ``WEATHER`` + substeps), see ``vic_weather.Weather``.
        constants: (basin, ``CONSTANTS``) of ``vic_soil.Soil.derived`` and shares of the roots.
        first: (basin, state) at the start: snow and water of three layers [mm], latent states.
        weights: ``vic_day_kernel.Weights``.
        substeps: steps of the soil a day.
        begin: first block.
        end: block after the last.
        fluxes: (basin, time, 3) runoff, baseflow and evaporation [mm], filled in.
        states: (basin, time, state) at the end of each day, filled in.
    """
    b = new_block(weights, substeps)
    for block in range(begin, end):
        here = slice(block * LANES, (block + 1) * LANES)
        read_constants(b, constants[here])
        read_state(b, first[here])
        for day in range(features.shape[1]):
            advance(b, weights, features[here, day], weather[here, day])
            renew(b.latent.reshape(-1), b.gate, b.proposal)
            write_day(b, fluxes[here, day], states[here, day])
            read_state(b, states[here, day])


@kernel
def adjoint(
    features, weather, constants, first, weights, substeps, begin, end,
    states, inner_back, terms_back, g_fluxes, g_states, limit,
    g_features, g_weather, g_constants, g_first, g_weights,
):  # fmt: skip
    """Turn sensitivities to fluxes and states of blocks ``begin`` to ``end`` into those to all inputs.

    Args beyond those of ``forward``:
        states: as ``forward`` gave them.
        inner_back: transposed ``weights.inner``.
        terms_back: transposed ``weights.terms``.
        g_fluxes, g_states: sensitivities to what ``forward`` gives.
        limit: largest sensitivity to a state that is carried from one day to the next.
        g_features, g_weather, g_constants, g_first: those to its inputs, filled in.
        g_weights: ``Weights`` of (block, ...), what each block adds to the sensitivities to them, filled in.
    """
    b = new_block(weights, substeps)
    share = np.float32(1.0 / substeps)
    g_known, g_hidden, g_z = np.empty_like(b.known), np.empty_like(b.hidden), np.empty_like(b.z)
    g_c, g_d, g_latent = np.empty_like(b.c), np.empty_like(b.d), np.empty_like(b.latent)
    g_snow, g_water = np.empty(LANES, np.float32), np.empty(3 * LANES, np.float32)
    inner, terms = np.empty_like(weights.inner), np.empty_like(weights.terms)
    for block in range(begin, end):
        here = slice(block * LANES, (block + 1) * LANES)
        read_constants(b, constants[here])
        g_c[:], g_latent[:], g_snow[:], g_water[:] = ZERO, ZERO, ZERO, ZERO
        g_inner, g_shift = g_weights.inner[block], g_weights.shift[block]
        g_terms, g_bias = g_weights.terms[block], g_weights.bias[block]
        g_inner[:], g_shift[:], g_terms[:], g_bias[:] = ZERO, ZERO, ZERO, ZERO
        for day in range(features.shape[1] - 1, -1, -1):
            read_state(b, states[here, day - 1] if day else first[here])
            advance(b, weights, features[here, day], weather[here, day])

            g_d[:] = ZERO
            receive_day(g_fluxes[here, day], g_states[here, day], g_d, g_snow, g_water, g_latent)
            for i in range(substeps - 1, -1, -1):
                step_adjoint(b.c, b.d, b.slabs[i], share, LANES, g_c, g_d, g_water)
            snow_and_canopy_adjoint(b.d, g_d, g_snow, LANES)
            learn_adjoint(b, g_c, g_d, g_latent, g_z)
            np.dot(g_z, terms_back, g_hidden)
            silu_adjoint(b.hidden.reshape(-1), g_hidden.reshape(-1))
            np.dot(g_hidden, inner_back, g_known)

            np.dot(b.active.T, g_z, terms)
            np.dot(b.known.T, g_hidden, inner)
            add(g_terms.reshape(-1), terms.reshape(-1))
            add(g_inner.reshape(-1), inner.reshape(-1))
            for lane in range(LANES):
                add(g_bias, g_z[lane])
                add(g_shift, g_hidden[lane])
            carry_back(b, g_known, g_c, g_d, g_snow, g_water, g_latent, limit)
            write_gradients(b, g_d, g_known, g_weather[here, day], g_features[here, day])
        for lane in range(LANES):
            for k in range(CONSTANTS):
                g_constants[here][lane, k] = g_c[k * LANES + lane]
            g_first[here][lane, 0] = g_snow[lane]
            for k in range(3):
                g_first[here][lane, 1 + k] = g_water[k * LANES + lane]
            for k in range(g_latent.shape[1]):
                g_first[here][lane, STORES + k] = g_latent[lane, k]


@inlined
def write_day(b, fluxes, states):
    """Fill in the fluxes of the day and the states at its end."""
    water = b.slabs[len(b.slabs) - 1]
    for lane in range(LANES):
        states[lane, 0] = b.d[SNOW_LEFT + lane]
        for k in range(3):
            fluxes[lane, k] = b.d[RUNOFF + k * LANES + lane]
            states[lane, 1 + k] = water[k * LANES + lane]
        for k in range(b.latent.shape[1]):
            states[lane, STORES + k] = b.latent[lane, k]


@inlined
def receive_day(g_fluxes, g_states, g_d, g_snow, g_water, g_latent):
    """Add the sensitivities to what ``write_day`` wrote."""
    for lane in range(LANES):
        g_snow[lane] += g_states[lane, 0]
        for k in range(3):
            g_d[RUNOFF + k * LANES + lane] = g_fluxes[lane, k]
            g_water[k * LANES + lane] += g_states[lane, 1 + k]
        for k in range(g_latent.shape[1]):
            g_latent[lane, k] += g_states[lane, STORES + k]


@inlined
def write_gradients(b, g_d, g_known, g_weather, g_features):
    """Fill in the sensitivities to the day's weather."""
    known = KNOWN + b.latent.shape[1]
    for lane in range(LANES):
        for k in range(WEATHER):
            g_weather[lane, k] = g_d[RAIN + k * LANES + lane]
        for i in range(len(b.slabs) - 1):
            g_weather[lane, WEATHER + i] = b.slabs[i, MELT_SHARE + lane]
        for k in range(g_features.shape[1]):
            g_features[lane, k] = g_known[lane, known + k]


@inlined
def carry_back(b, g_known, g_c, g_d, g_snow, g_water, g_latent, limit):
    """Add what the learned part makes of the states at the start of the day, and limit all of it."""
    for lane in range(LANES):
        for k in range(KNOWN):
            b.flat[k * LANES + lane] = g_known[lane, k]
        for k in range(3):
            b.flat[(4 + k) * LANES + lane] += g_d[FREEDOM_1 + k * LANES + lane]
        for k in range(g_latent.shape[1]):
            g_latent[lane, k] = within(g_latent[lane, k] + g_known[lane, KNOWN + k], limit)
    describe_adjoint(b.c, b.d, b.slabs[0], b.flat, g_c, g_d, g_snow, g_water, limit, LANES)
