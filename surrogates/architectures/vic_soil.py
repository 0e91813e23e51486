"""Constants of VIC's soil, as parameters and as what its equations need of them (``vic_soil_kernel``)."""

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
        return DEPTH_1 * MM * ops.ones_like(self.depth2), self.depth2 * MM, self.depth3 * MM

    @property
    def capacity(self) -> tuple[Tensor, ...]:
        """Water at saturation of each layer [mm]."""
        return tuple(self.porosity * depth for depth in self.millimetres)

    @property
    def residual(self) -> tuple[Any, ...]:
        """Water that cannot leave each layer [mm]."""
        return tuple(RESIDUAL_MOISTURE * depth for depth in self.millimetres)

    def derived(self) -> Tensor:
        """(basin, constant) of ``vic_soil_kernel``, in its order."""
        capacity, residual = self.capacity, self.residual
        space = [full - low for full, low in zip(capacity, residual, strict=True)]
        full, curve, steeper = capacity[0] + capacity[1], 1.0 + self.b_infilt, self.expt - 1.0
        fast = self.k * (1.0 - self.r) / self.r / ops.square(space[2] * (1.0 - self.ws))
        constants = [
            full, curve * full, curve, 1.0 / curve, *capacity, *residual, 1.0 / space[0], 1.0 / space[1],
            steeper * self.ksat / space[0], steeper * self.ksat / space[1], steeper, 1.0 / steeper,
            self.ws * space[2], fast, self.k / space[2], *(1.0 / full for full in capacity),
            self.wilting, 1.0 / ops.maximum(self.critical - self.wilting, SMALLEST_SPAN),
        ]  # fmt: skip
        return ops.concatenate(constants, axis=-1)
