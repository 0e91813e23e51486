"""VIC's soil water equations for tensors: infiltration curve, drainage, ARNO baseflow, one day at a time.

Every quantity is a (basin, 1) tensor; moisture in mm. Written so that values and gradients stay finite in
float32: powers through logarithms of clipped values, and stores that empty smoothly instead of at a corner.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from keras import ops

from legacy_models.vic.parameters import DEPTH_1
from legacy_models.vic.site import RESIDUAL_MOISTURE, SMALLEST_SPAN

Tensor = Any

MM = 1000.0  # mm of water in a metre


class Soil(NamedTuple):
    """Constants of the soil of each basin, (basin, 1)."""

    porosity: Tensor
    critical: Tensor
    wilting: Tensor
    b_infilt: Tensor
    k: Tensor
    r: Tensor
    ws: Tensor
    expt: Tensor
    ksat: Tensor
    depth2: Tensor
    depth3: Tensor

    @property
    def millimetres(self) -> tuple[Any, ...]:
        """Depth of each layer [mm]."""
        return DEPTH_1 * MM, self.depth2 * MM, self.depth3 * MM

    @property
    def capacity(self) -> tuple[Tensor, ...]:
        """Water at saturation of each layer [mm]."""
        return tuple(self.porosity * depth for depth in self.millimetres)

    @property
    def residual(self) -> tuple[Any, ...]:
        """Water that cannot leave each layer [mm]."""
        return tuple(RESIDUAL_MOISTURE * depth for depth in self.millimetres)

    def moisture(self, water: Sequence[Tensor]) -> list[Tensor]:
        """Water of each layer [mm] as moisture [m3/m3]."""
        return [held / depth for held, depth in zip(water, self.millimetres, strict=True)]

    def describe(self, water: Sequence[Tensor]) -> list[Tensor]:
        """Saturation of each layer in [-1, 1], and how free roots are to take water, 0 to 1."""
        saturation = [held / full for held, full in zip(water, self.capacity, strict=True)]
        span = ops.maximum(self.critical - self.wilting, SMALLEST_SPAN)
        freedom = [ops.clip((share - self.wilting) / span, 0.0, 1.0) for share in saturation]
        return [*(2.0 * share - 1.0 for share in saturation), *freedom]


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
    first = first + inflow - runoff
    free = [ops.relu(held - low) for held, low in zip((first, second, third), residual, strict=True)]
    taken = [limited(demand, held) for demand, held in zip(demands, free, strict=True)]
    first, second, third = (held - lost for held, lost in zip((first, second, third), taken, strict=True))
    down = drainage(soil, first - residual[0], capacity[0] - residual[0], factors[1] * days)
    second = second + down
    deeper = drainage(soil, second - residual[1], capacity[1] - residual[1], factors[2] * days)
    space, held = capacity[2] - residual[2], ops.relu(third - residual[2])
    slow = baseflow(soil, held, space, factors[3] * days)
    spilled, *water = _overflow((first - down, second - deeper, third - slow + deeper), capacity)
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


def _overflow(water: Sequence[Tensor], capacity: Sequence[Tensor]) -> list[Tensor]:
    """Move what a layer cannot hold up to the next; return what leaves at the top, and the layers."""
    first, second, third = water
    excess = ops.relu(third - capacity[2])
    third, second = third - excess, second + excess
    excess = ops.relu(second - capacity[1])
    second, first = second - excess, first + excess
    excess = ops.relu(first - capacity[0])
    return [excess, first - excess, second, third]
