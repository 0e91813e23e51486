"""Heat in the upper soil: thermal properties and the ground heat flux of Liang et al. (1999)."""

from math import log10

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel


def dry_and_saturated_conductivity(bulk_density: float, particle_density: float, quartz: float) -> tuple[float, float]:
    """Thermal conductivity [W/m/K] of a dry and of a saturated unfrozen soil.

    Source: Johansen (1975), as given by Farouki (1986).
    """
    porosity = 1.0 - bulk_density / particle_density
    other = 3.0 if quartz < 0.2 else 2.2
    solids = 7.7**quartz * other ** (1.0 - quartz)
    dry = (0.135 * bulk_density + 64.7) / (particle_density - 0.947 * bulk_density)
    return dry, solids ** (1.0 - porosity) * 0.57**porosity


@kernel
def conductivity(moisture, thermal, layer):
    """Thermal conductivity [W/m/K] at ``moisture`` [m3/m3], by the Kersten number 0.7 log10(S) + 1."""
    dry = thermal[at.DRY_CONDUCTIVITY, layer]
    if moisture <= 0.0:
        return dry
    kersten = 0.7 * log10(moisture / thermal[at.POROSITY, layer]) + 1.0
    return max((thermal[at.SATURATED_CONDUCTIVITY, layer] - dry) * kersten + dry, dry)


@kernel
def heat_capacity(moisture, thermal, layer):
    """Volumetric heat capacity [J/m3/K] of solids, water and air."""
    solid = thermal[at.SOLID, layer]
    return 2.0e6 * solid + 4.2e6 * moisture + 1.3e3 * (1.0 - solid - moisture)


@kernel
def ground_step(old_surface, surface, old_below, moisture, cell, thermal, decay, seconds):
    """Heat of the ground over a step, its surface being as warm as the air.

    Two thermal layers, both as thick as the first soil layer; below them the temperature tends exponentially
    to that of the damping depth.

    Args:
        old_surface: temperature before the step [degC].
        surface: temperature in the step [degC].
        old_below: at the bottom of the first layer, before the step [degC].
        moisture: (layer,) [mm].
        cell: constants of the cell.
        thermal: (constant, layer) of soil heat.
        decay: exp(-first depth / damping depth).
        seconds: the step [s].

    Returns:
        heat flux to the surface and heat given off by the first layer [W/m2], temperature below it [degC].

    Source:
        Liang, Wood and Lettenmaier (1999), doi:10.1029/98JD02307.
    """
    d = thermal[at.DEPTH, 0]
    wet1 = moisture[0] / (1000.0 * d)
    wet2 = moisture[1] / (1000.0 * thermal[at.DEPTH, 1])
    k1 = conductivity(wet1, thermal, 0)
    k2 = conductivity(wet2, thermal, 1)
    deep = cell[at.DEEP_TEMPERATURE]
    c1 = heat_capacity(wet2, thermal, 1) * cell[at.DAMPING] / d * (1.0 - decay)
    c2 = -(1.0 - 1.0 / decay) * decay
    c3 = k1 / d - k2 / d + k2 / d * decay
    top = k1 / 2.0 / d / d * surface + c1 / seconds * old_below
    top += (2.0 * c2 - 1.0 + decay) * k2 / 2.0 / d / d * deep
    below = top / (c1 / seconds + k2 / d / d * c2 + c3 / 2.0 / d)
    flux = 0.5 * (k1 / d * (below - surface) + k2 / d * (1.0 - decay) * (deep - below))
    storage = heat_capacity(wet1, thermal, 0) * ((old_surface + old_below) - (surface + below)) * d / seconds / 2.0
    return flux, storage, below
