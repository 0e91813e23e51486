"""The hybrid's day in plain tensors of any precision, differentiated by TensorFlow: what its kernel is held against."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from keras import ops

from surrogates.architectures.vic_soil import SMALLEST_SPAN, Soil

Tensor = Any


class Weights(NamedTuple):
    """Of the hidden layer and of the learned terms."""

    inner: Tensor
    shift: Tensor
    terms: Tensor
    bias: Tensor


def simulate(
    features: Tensor,
    weather: Tensor,
    soil: Soil,
    roots: Tensor,
    first: Tensor,
    weights: Weights,
    substeps: int,
    limit: float,
) -> Tensor:
    """(basin, time, 7) runoff, baseflow, evaporation, snow and water of the layers [mm]."""
    days, state = [], first
    for day in range(features.shape[1]):
        state = limited_sensitivity(state, limit)
        simulated, state = advance(features[:, day], weather[:, day], soil, roots, state, weights, substeps)
        days.append(simulated)
    return ops.stack(days, axis=1)


def advance(
    features: Tensor, weather: Tensor, soil: Soil, roots: Tensor, state: Tensor, weights: Weights, substeps: int
) -> tuple[Tensor, Tensor]:
    """Return fluxes and stores of a day, and the state at its end."""
    swe, *water = columns(ops.relu(state[:, :4]))
    latent = state[:, 4:]
    rain, snowfall, potential_sublimation, potential_melt, potential_wet, potential, ease, rough, *melting = columns(
        weather
    )
    described = describe(soil, water)
    pack = ops.concatenate([ops.log1p(potential_sublimation), ops.log1p(potential_melt), rough], -1) * swe / (swe + 1.0)
    known = ops.concatenate([ops.log1p(swe / 10.0), *described, pack, latent, features], -1)
    terms = ops.silu(known @ weights.inner + weights.shift) @ weights.terms + weights.bias
    wanted = [potential_sublimation + 0.1, potential_melt + 0.5, potential_wet]
    for share, free in zip(columns(roots), described[3:], strict=True):
        wanted.append(potential * share * free / (free + ease * (1.0 - free)))
    demands = columns(ops.concatenate(wanted, -1) * 2.0 * ops.sigmoid(terms[:, :6]))
    factors = columns(ops.exp(ops.tanh(terms[:, 6:10])))
    inflow, melt, swe, evaporation = snow_and_canopy(rain, snowfall, swe, demands)
    runoff, baseflow_of_day = 0.0, 0.0
    for melt_share in melting:
        share = 1.0 / substeps
        wanted = [share * demand for demand in demands[3:]]
        quick, slow, taken, water = step(soil, share * inflow + melt_share * melt, water, wanted, factors, share)
        runoff, baseflow_of_day, evaporation = runoff + quick, baseflow_of_day + slow, evaporation + taken
    gate, proposal = ops.split(terms[:, 10:], 2, axis=-1)
    latent = latent + ops.sigmoid(gate - 1.0) * (ops.tanh(proposal) - latent)
    simulated = ops.concatenate([runoff, baseflow_of_day, evaporation, swe, *water], -1)
    return simulated, ops.concatenate([swe, *water, latent], -1)


def columns(values: Tensor) -> list[Tensor]:
    """The (basin, 1) columns of (basin, column)."""
    return [values[:, i : i + 1] for i in range(values.shape[-1])]


def limited_sensitivity(states: Tensor, limit: float) -> Tensor:
    """Return ``states`` as they are; backwards, keep every sensitivity within ``limit``."""

    @tf.custom_gradient
    def same(values: Tensor) -> tuple[Tensor, Any]:
        return tf.identity(values), lambda g: tf.clip_by_value(g, -limit, limit)

    return same(states)


def describe(soil: Soil, water: Sequence[Tensor]) -> list[Tensor]:
    """Saturation of each layer in [-1, 1], and how free roots are to take water, 0 to 1."""
    saturation = [held / full for held, full in zip(water, soil.capacity, strict=True)]
    span = ops.maximum(soil.critical - soil.wilting, SMALLEST_SPAN)
    freedom = [ops.clip((share - soil.wilting) / span, 0.0, 1.0) for share in saturation]
    return [*(2.0 * share - 1.0 for share in saturation), *freedom]


def snow_and_canopy(
    rain: Tensor, snowfall: Tensor, swe: Tensor, demands: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return the rain and the melt that reach the soil, the snow that is left, and what evaporated of both [mm]."""
    sublimating, melting, wetting = demands[:3]
    intercepted = limited(wetting, rain)
    pack = swe + snowfall
    sublimated = limited(sublimating, pack)
    melt = limited(melting, pack - sublimated)
    return rain - intercepted, melt, pack - sublimated - melt, intercepted + sublimated


def step(
    soil: Soil,
    inflow: Tensor,
    water: Sequence[Tensor],
    demands: Sequence[Tensor],
    factors: Sequence[Tensor],
    days: float,
) -> tuple[Tensor, Tensor, Tensor, list[Tensor]]:
    """Advance the soil by ``days``.

    Args:
        soil: constants.
        inflow: rain and melt that reach the ground [mm].
        water: of the three layers [mm].
        demands: evaporation that each layer would give if it had enough [mm].
        factors: on runoff, drainage of layers 1 and 2, and baseflow: what happens within the step.
        days: length of the step.

    Returns:
        Runoff, baseflow and evaporation [mm], and the water of the layers afterwards.
    """
    capacity, residual = soil.capacity, soil.residual
    first, second, third = water
    runoff = ops.minimum(factors[0] * surface_runoff(soil, inflow, first + second), inflow)
    free = [ops.relu(held - low) for held, low in zip(water, residual, strict=True)]
    taken = [limited(demand, held) for demand, held in zip(demands, free, strict=True)]
    first, second, third = (held - lost for held, lost in zip(water, taken, strict=True))
    down = drainage(soil, first - residual[0], capacity[0] - residual[0], factors[1] * days)
    deeper = drainage(soil, second - residual[1], capacity[1] - residual[1], factors[2] * days)
    space, held = capacity[2] - residual[2], ops.relu(third - residual[2])
    slow = baseflow(soil, held, space, factors[3] * days)
    first = first + inflow - runoff - down
    pushed = ops.relu(first - capacity[0])
    moved = (first - pushed, second + down + pushed - deeper, third + deeper - slow)
    spilled, *water = overflow(moved, capacity)
    return runoff + spilled, slow, sum(taken[1:], taken[0]), water


def surface_runoff(soil: Soil, inflow: Tensor, moisture: Tensor) -> Tensor:
    """Direct runoff [mm] of ``inflow`` onto layers 1 and 2, which hold ``moisture`` [mm].

    R = P - M + W + M (1 - (i0 + P) / im)^(1 + b), where i0 = im [1 - (1 - W/M)^(1/(1+b))] and im = (1 + b) M.

    Source:
        Liang et al. (1994), doi:10.1029/94JD00483, eq. 18.
    """
    full = soil.capacity[0] + soil.capacity[1]
    held, highest = ops.minimum(moisture, full), (1.0 + soil.b_infilt) * full
    dry = ops.maximum(1.0 - held / full, 1e-6)
    infiltrated = highest * (1.0 - ops.exp(ops.log(dry) / (1.0 + soil.b_infilt)))
    left = ops.maximum(1.0 - (infiltrated + inflow) / highest, 1e-7)
    return ops.clip(inflow - full + held + full * ops.exp((1.0 + soil.b_infilt) * ops.log(left)), 0.0, inflow)


def drainage(soil: Soil, available: Tensor, space: Tensor, days: Tensor) -> Tensor:
    """Exact drainage [mm] of a layer: dx/dt = -Ksat (x / space)^expt over ``days``.

    x(0) - x(0) [1 + (n - 1) Ksat days / space (x(0) / space)^(n - 1)]^(1 / (1 - n)), n = expt.

    Source:
        Brooks and Corey (1964).
    """
    held = ops.relu(available)
    steeper = soil.expt - 1.0
    relative = ops.log(ops.clip(held / space, 1e-4, 1.0))
    growth = steeper * soil.ksat * days / space * ops.exp(steeper * relative)
    return held * (1.0 - ops.exp(-ops.log1p(growth) / steeper))


def baseflow(soil: Soil, held: Tensor, space: Tensor, days: Tensor) -> Tensor:
    """ARNO baseflow [mm] of ``days`` from ``held`` of ``space`` mm: k S, plus (k / r) (1 - r) ((S - Ws) / (1 - Ws))^2.

    The second part flows where S > Ws and is solved exactly, e(t) = e(0) / (1 + a e(0) t): taken explicitly, it
    empties a thin layer at once, and the sensitivity to its water grows without end from step to step.

    Source:
        Todini (1996), doi:10.1016/S0022-1694(96)80016-3.
    """
    excess = ops.relu(held - soil.ws * space)
    steepness = soil.k * (1.0 - soil.r) / soil.r / ops.square(space * (1.0 - soil.ws))
    rising = steepness * excess * days
    fast = excess * rising / (1.0 + rising)
    return fast + limited(days * soil.k * held / space, held - fast)


def limited(demand: Tensor, stock: Tensor) -> Tensor:
    """What a ``stock`` gives to a ``demand``: all of it where it has plenty, never more than it has."""
    return stock * (1.0 - ops.exp(-demand / (stock + 1e-3)))


def overflow(water: Sequence[Tensor], capacity: Sequence[Tensor]) -> list[Tensor]:
    """Move what a layer cannot hold up to the next; return what leaves at the top, and the layers."""
    first, second, third = water
    excess = ops.relu(third - capacity[2])
    third, second = third - excess, second + excess
    excess = ops.relu(second - capacity[1])
    second, first = second - excess, first + excess
    excess = ops.relu(first - capacity[0])
    return [excess, first - excess, second, third]
