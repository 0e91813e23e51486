"""Heat in the upper soil: thermal properties and the ground heat flux of Liang et al. (1999)."""

from math import log10

from legacy_models.vic.embedded.compiled import kernel

# Rows of the per-layer thermal table.
POROSITY, SOLID, DRY_CONDUCTIVITY, SATURATED_CONDUCTIVITY, DEPTH = range(5)
THERMAL_CONSTANTS = 5


def dry_and_saturated_conductivity(
    bulk_density: float, particle_density: float, quartz: float
) -> tuple[float, float]:
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
    """Thermal conductivity [W/m/K] at ``moisture`` [m3/m3]: Kersten number 0.7 log10(S) + 1 between dry and wet."""
    dry = thermal[DRY_CONDUCTIVITY, layer]
    if moisture <= 0.0:
        return dry
    kersten = 0.7 * log10(moisture / thermal[POROSITY, layer]) + 1.0
    return max((thermal[SATURATED_CONDUCTIVITY, layer] - dry) * kersten + dry, dry)


@kernel
def heat_capacity(moisture, thermal, layer):
    """Volumetric heat capacity [J/m3/K] of solids, water and air."""
    solid = thermal[SOLID, layer]
    return 2.0e6 * solid + 4.2e6 * moisture + 1.3e3 * (1.0 - solid - moisture)


@kernel
def temperature_below(surface, old, deep, d1, d2, k1, k2, capacity2, damping, decay1, decay2, seconds):
    """Temperature [degC] at the bottom of the first thermal layer at the end of the step.

    Source: Liang, Wood and Lettenmaier (1999), doi:10.1029/98JD02307, eq. for T1 with an exponential profile
    below; ``decay1`` = exp(-d1/damping), ``decay2`` = exp(-d2/damping).
    """
    c1 = capacity2 * damping / d2 * (1.0 - decay2)
    c2 = -(1.0 - 1.0 / decay1) * decay2
    c3 = k1 / d1 - k2 / d1 + k2 / d1 * decay1
    top = (
        k1 / 2.0 / d1 / d2 * surface
        + c1 / seconds * old
        + (2.0 * c2 - 1.0 + decay1) * k2 / 2.0 / d1 / d2 * deep
    )
    return top / (c1 / seconds + k2 / d1 / d2 * c2 + c3 / 2.0 / d2)


@kernel
def ground_heat(surface, below, deep, d1, d2, k1, k2, decay1):
    """Heat flux [W/m2] towards the surface, the mean of the two layers' fluxes (Liang et al. 1999)."""
    return 0.5 * (k1 / d1 * (below - surface) + k2 / d2 * (1.0 - decay1) * (deep - below))
