"""The hybrid's daily loop for many basins in float32, and its adjoint: what a training step spends its time on.

A block of ``LANES`` basins is independent of all others. Its learned part is computed basin by basin, in arrays
(basin, hidden) and (basin, term); its water in rows of basins, see ``vic_soil_kernel``. The adjoint repeats each
day from the state at its start.
"""

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
    relu,
    step,
    step_adjoint,
    taken,
    taken_adjoint,
)  # fmt: skip

STORES, KNOWN, LEARNED, FLUXES = 4, 7, 10, 3
FACTORS_END, FLUXES_END = INFLOW, DAY_ROWS * LANES
RAIN, SNOWFALL, SWE, SNOW_LEFT, REST, KEPT_RAIN, KEPT_PACK, KEPT_REST = range(
    DAY_ROWS * LANES, (DAY_ROWS + 8) * LANES, LANES
)
ROWS = DAY_ROWS + 8

_DEEP_SNOW, _MOST_MELT, _MOST_SUBLIMATION = (np.float32(value) for value in (10.0, 5.0, 0.3))


@kernel
def forward(
    features, rain, snowfall, constants, first, inner, shift, terms, bias, substeps, begin, end, fluxes, states
):
    """Simulate blocks ``begin`` to ``end``.

    Args:
        features: (basin, time, feature) of the day's weather.
        rain: (basin, time) [mm].
        snowfall: (basin, time) [mm].
        constants: (basin, ``CONSTANTS``) of ``vic_soil.Soil.derived``.
        first: (basin, state) at the start: snow and water of three layers [mm], latent states.
        inner: (known, hidden) weights of the hidden layer: for what is known of the stores, latent states, features.
        shift: (hidden,) its bias.
        terms: (hidden, term) weights of the learned terms.
        bias: (term,) theirs.
        substeps: steps of the soil a day.
        begin: first block.
        end: block after the last.
        fluxes: (basin, time, 3) runoff, baseflow and evaporation [mm], filled in.
        states: (basin, time, state) at the end of each day, filled in.
    """
    share = np.float32(1.0 / substeps)
    latents = first.shape[1] - STORES
    known, flat, hidden, z = _rows(inner, terms)
    active = np.empty_like(hidden)
    slabs, d = np.zeros((substeps + 1, STEP_ROWS * LANES), np.float32), np.zeros(ROWS * LANES, np.float32)
    c, latent = np.empty(CONSTANTS * LANES, np.float32), np.empty((LANES, latents), np.float32)
    gate, proposal = np.empty(LANES * latents, np.float32), np.empty(LANES * latents, np.float32)
    last = len(first) - 1
    for block in range(begin, end):
        _read_constants(c, constants, block, last)
        for lane in range(LANES):
            basin = min(block * LANES + lane, last)
            _set_state(lane, first[basin], d, slabs[0], latent)
        for day in range(features.shape[1]):
            _learn(
                c,
                d,
                slabs[0],
                latent,
                features,
                day,
                block,
                last,
                inner,
                shift,
                terms,
                bias,
                known,
                flat,
                hidden,
                active,
                z,
            )
            _read_weather(d, rain, snowfall, day, block, last)
            _snow_and_canopy(d, LANES)
            for i in range(substeps):
                step(c, d, slabs[i], slabs[i + 1], share, LANES)
            _split_terms(z, latents, gate, proposal)
            _renew(latent.reshape(-1), gate, proposal)
            for lane in range(min(LANES, last + 1 - block * LANES)):
                basin = block * LANES + lane
                for k in range(3):
                    fluxes[basin, day, k] = d[RUNOFF + k * LANES + lane]
                    states[basin, day, 1 + k] = slabs[substeps, k * LANES + lane]
                states[basin, day, 0] = d[SNOW_LEFT + lane]
                for k in range(latents):
                    states[basin, day, STORES + k] = latent[lane, k]
            for lane in range(LANES):
                d[SWE + lane] = relu(d[SNOW_LEFT + lane])
            for i in range(3 * LANES):
                slabs[0, i] = relu(slabs[substeps, i])


@kernel
def adjoint(
    features, rain, snowfall, constants, first, inner, shift, terms, bias, substeps, begin, end,
    states, inner_back, terms_back, g_fluxes, g_states, limit,
    g_features, g_rain, g_snowfall, g_constants, g_first, g_inner, g_shift, g_terms, g_bias,
):  # fmt: skip
    """Turn sensitivities to fluxes and states of blocks ``begin`` to ``end`` into those to all inputs.

    Args beyond those of ``forward``:
        states: as ``forward`` gave them.
        inner_back: transposed ``inner``.
        terms_back: transposed ``terms``.
        g_fluxes, g_states: sensitivities to what ``forward`` gives.
        limit: largest sensitivity to a state that is carried from one day to the next.
        g_features, g_rain, g_snowfall, g_constants, g_first: those to its inputs, filled in.
        g_inner, g_shift, g_terms, g_bias: (block, ...) what each block adds to those to the weights, filled in.
    """
    share = np.float32(1.0 / substeps)
    latents = first.shape[1] - STORES
    known, flat, hidden, z = _rows(inner, terms)
    active, g_hidden = np.empty_like(hidden), np.empty_like(hidden)
    g_known, g_z = np.empty_like(known), np.empty_like(z)
    one_inner, one_terms = np.empty_like(inner), np.empty_like(terms)
    slabs, d = np.zeros((substeps + 1, STEP_ROWS * LANES), np.float32), np.zeros(ROWS * LANES, np.float32)
    c, latent = np.empty(CONSTANTS * LANES, np.float32), np.empty((LANES, latents), np.float32)
    gate, proposal = np.empty(LANES * latents, np.float32), np.empty(LANES * latents, np.float32)
    g_c, g_d, g_latent = np.empty_like(c), np.empty_like(d), np.empty_like(latent)
    g_water, g_snow = np.empty(3 * LANES, np.float32), np.empty(LANES, np.float32)
    last = len(first) - 1
    for block in range(begin, end):
        lanes = min(LANES, last + 1 - block * LANES)
        _read_constants(c, constants, block, last)
        g_c[:], g_latent[:], g_water[:], g_snow[:] = ZERO, ZERO, ZERO, ZERO
        g_inner[block], g_shift[block], g_terms[block], g_bias[block] = ZERO, ZERO, ZERO, ZERO
        for day in range(features.shape[1] - 1, -1, -1):
            for lane in range(LANES):
                basin = min(block * LANES + lane, last)
                _set_state(lane, states[basin, day - 1] if day else first[basin], d, slabs[0], latent)
            _learn(
                c,
                d,
                slabs[0],
                latent,
                features,
                day,
                block,
                last,
                inner,
                shift,
                terms,
                bias,
                known,
                flat,
                hidden,
                active,
                z,
            )
            _read_weather(d, rain, snowfall, day, block, last)
            _snow_and_canopy(d, LANES)
            for i in range(substeps):
                step(c, d, slabs[i], slabs[i + 1], share, LANES)

            g_d[:] = ZERO
            for lane in range(lanes):
                basin = block * LANES + lane
                for k in range(3):
                    g_d[RUNOFF + k * LANES + lane] = g_fluxes[basin, day, k]
                    g_water[k * LANES + lane] += g_states[basin, day, 1 + k]
                g_snow[lane] += g_states[basin, day, 0]
                for k in range(latents):
                    g_latent[lane, k] += g_states[basin, day, STORES + k]
            for i in range(substeps - 1, -1, -1):
                step_adjoint(c, d, slabs[i], share, LANES, g_c, g_d, g_water)
            _snow_and_canopy_adjoint(d, g_d, g_snow, LANES)
            _terms_adjoint(d, flat, g_d)
            for lane in range(LANES):
                for k in range(LEARNED):
                    g_z[lane, k] = g_d[k * LANES + lane]
            _split_terms(z, latents, gate, proposal)
            _renew_adjoint(latent.reshape(-1), gate, proposal, g_latent.reshape(-1))
            for lane in range(LANES):
                for k in range(latents):
                    g_z[lane, LEARNED + k] = gate[lane * latents + k]
                    g_z[lane, LEARNED + latents + k] = proposal[lane * latents + k]

            np.dot(g_z, terms_back, g_hidden)
            _silu_adjoint(hidden.reshape(-1), g_hidden.reshape(-1))
            np.dot(g_hidden, inner_back, g_known)
            np.dot(active.T, g_z, one_terms)
            np.dot(known.T, g_hidden, one_inner)
            _add(g_terms[block].reshape(-1), one_terms.reshape(-1))
            _add(g_inner[block].reshape(-1), one_inner.reshape(-1))
            for lane in range(LANES):
                _add(g_bias[block], g_z[lane])
                _add(g_shift[block], g_hidden[lane])
            for lane in range(lanes):
                basin = block * LANES + lane
                g_rain[basin, day], g_snowfall[basin, day] = g_d[RAIN + lane], g_d[SNOWFALL + lane]
                for k in range(features.shape[2]):
                    g_features[basin, day, k] = g_known[lane, KNOWN + latents + k]
            for lane in range(LANES):
                for k in range(KNOWN):
                    flat[k * LANES + lane] = g_known[lane, k]
                for k in range(latents):
                    g_latent[lane, k] = _within(g_latent[lane, k] + g_known[lane, KNOWN + k], limit)
            _known_adjoint(c, d, slabs[0], flat, g_c, g_snow, g_water, limit, LANES)
        for lane in range(lanes):
            basin = block * LANES + lane
            for k in range(CONSTANTS):
                g_constants[basin, k] = g_c[k * LANES + lane]
            g_first[basin, 0] = g_snow[lane]
            for k in range(3):
                g_first[basin, 1 + k] = g_water[k * LANES + lane]
            for k in range(latents):
                g_first[basin, STORES + k] = g_latent[lane, k]


@inlined
def _rows(inner, terms):
    """Scratch: what the learned part is told, the same by rows of basins, its hidden layer and its terms."""
    known = np.zeros((LANES, inner.shape[0]), np.float32)
    hidden, z = np.empty((LANES, inner.shape[1]), np.float32), np.empty((LANES, terms.shape[1]), np.float32)
    return known, np.empty(LEARNED * LANES, np.float32), hidden, z


@inlined
def _read_constants(c, constants, block, last):
    for lane in range(LANES):
        basin = min(block * LANES + lane, last)
        for k in range(CONSTANTS):
            c[k * LANES + lane] = constants[basin, k]


@inlined
def _read_weather(d, rain, snowfall, day, block, last):
    for lane in range(LANES):
        basin = min(block * LANES + lane, last)
        d[RAIN + lane], d[SNOWFALL + lane] = rain[basin, day], snowfall[basin, day]


@inlined
def _set_state(lane, state, d, s, latent):
    """Take a basin's stores, none below zero, and latent states."""
    d[SWE + lane] = relu(state[0])
    for k in range(3):
        s[k * LANES + lane] = relu(state[1 + k])
    for k in range(latent.shape[1]):
        latent[lane, k] = state[STORES + k]


@kernel
def _learn(c, d, s, latent, features, day, block, last, inner, shift, terms, bias, known, flat, hidden, active, z):
    """Compute the learned terms of a day, the demands and factors of ``d`` among them."""
    latents = latent.shape[1]
    _describe(c, d, s, flat, LANES)
    for lane in range(LANES):
        basin = min(block * LANES + lane, last)
        for k in range(KNOWN):
            known[lane, k] = flat[k * LANES + lane]
        for k in range(latents):
            known[lane, KNOWN + k] = latent[lane, k]
        for k in range(features.shape[2]):
            known[lane, KNOWN + latents + k] = features[basin, day, k]
    np.dot(known, inner, hidden)
    for lane in range(LANES):
        _add(hidden[lane], shift)
    _silu(hidden.reshape(-1), active.reshape(-1))
    np.dot(active, terms, z)
    for lane in range(LANES):
        _add(z[lane], bias)
        for k in range(LEARNED):
            flat[k * LANES + lane] = z[lane, k]
    for i in range(FACTOR_RUNOFF):
        d[i] = softplus(flat[i] - ONE)
    for i in range(FACTOR_RUNOFF, FACTORS_END):
        d[i] = exp(tanh(flat[i]))


@inlined
def _add(x, more):
    for i in range(len(x)):
        x[i] += more[i]


@inlined
def _silu(x, out):
    for i in range(len(x)):
        out[i] = x[i] * sigmoid(x[i])


@inlined
def _silu_adjoint(x, g):
    for i in range(len(x)):
        open_ = sigmoid(x[i])
        g[i] *= open_ * (ONE + x[i] * (ONE - open_))


@inlined
def _describe(c, d, s, known, lanes):
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
def _known_adjoint(c, d, s, g_known, g_c, g_snow, g_water, limit, lanes):
    """Sensitivities to the stores at the start of the day, within ``limit``."""
    for i in range(lanes):
        g = g_snow[i] + g_known[i] / (_DEEP_SNOW + d[SWE + i])
        g_snow[i] = _within(g if d[SWE + i] > ZERO else ZERO, limit)
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
            g_water[k * lanes + i] = _within(g if water > ZERO else ZERO, limit)


@inlined
def _within(g, limit):
    g = limit if g > limit else g
    return -limit if g < -limit else g


@inlined
def _snow_and_canopy(d, lanes):
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
def _snow_and_canopy_adjoint(d, g_d, g_snow, lanes):
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
def _terms_adjoint(d, z, g_d):
    """Sensitivities to demands and factors become those to the terms that they are made of."""
    for i in range(FACTOR_RUNOFF):
        g_d[i] *= sigmoid(z[i] - ONE)
    for i in range(FACTOR_RUNOFF, FACTORS_END):
        bent = tanh(z[i])
        g_d[i] *= d[i] * (ONE - bent * bent)


@inlined
def _split_terms(z, latents, gate, proposal):
    for lane in range(LANES):
        for k in range(latents):
            gate[lane * latents + k] = z[lane, LEARNED + k]
            proposal[lane * latents + k] = z[lane, LEARNED + latents + k]


@inlined
def _renew(latent, gate, proposal):
    """Move the latent states towards what is proposed, as far as the gate is open."""
    for i in range(len(latent)):
        latent[i] += sigmoid(gate[i] - ONE) * (tanh(proposal[i]) - latent[i])


@inlined
def _renew_adjoint(latent, gate, proposal, g_latent):
    """Sensitivity to the new latent states becomes that to the old; gate and proposal become theirs."""
    for i in range(len(latent)):
        open_, aim, g = sigmoid(gate[i] - ONE), tanh(proposal[i]), g_latent[i]
        g_latent[i] = g * (ONE - open_)
        gate[i] = g * (aim - latent[i]) * open_ * (ONE - open_)
        proposal[i] = g * open_ * (ONE - aim * aim)
