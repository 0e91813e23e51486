"""Heat in the upper soil: thermal properties and the ground heat flux of Liang et al. (1999)."""

from math import log

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel

KERSTEN = 0.7 / log(10.0)


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
    kersten = KERSTEN * log(moisture / thermal[at.POROSITY, layer]) + 1.0
    return max((thermal[at.SATURATED_CONDUCTIVITY, layer] - dry) * kersten + dry, dry)


@kernel
def heat_capacity(moisture, thermal, layer):
    """Volumetric heat capacity [J/m3/K] of solids, water and air."""
    solid = thermal[at.SOLID, layer]
    return 2.0e6 * solid + 4.2e6 * moisture + 1.3e3 * (1.0 - solid - moisture)


@kernel
def ground_step(old_surface, surface, old_below, moisture, cell, thermal, decay, seconds):
    """Heat of the ground over a step, its surface being as warm as the air.

    Two thermal layers, both as thick as the first soil layer, D; below the first, the temperature tends
    exponentially to that of the deep soil. With x = exp(-D / damping), that between the layers, T, follows from

    2 D damping (1 - x) C2 (T - T_old) / dt = k1 (T_surface - T) + k2 (1 - x) (T_deep - T)

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
    d, deep = thermal[at.DEPTH, 0], cell[at.DEEP_TEMPERATURE]
    wet1 = moisture[0] * thermal[at.PER_MILLIMETRE, 0]
    wet2 = moisture[1] * thermal[at.PER_MILLIMETRE, 1]
    k1, k2 = conductivity(wet1, thermal, 0), conductivity(wet2, thermal, 1)
    held = 2.0 * d / seconds * cell[at.DAMPING] * (1.0 - decay) * heat_capacity(wet2, thermal, 1)
    below = held * old_below + k1 * surface + (1.0 - decay) * k2 * deep
    below /= held + k1 + (1.0 - decay) * k2
    flux = 0.5 / d * (k1 * (below - surface) + k2 * (1.0 - decay) * (deep - below))
    storage = 0.5 * d / seconds * heat_capacity(wet1, thermal, 0) * ((old_surface + old_below) - (surface + below))
    return flux, storage, below
