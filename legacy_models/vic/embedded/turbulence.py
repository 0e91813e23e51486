"""Wind and aerodynamic resistance above, within and below the canopy, for a reference wind of 1 m/s."""

from dataclasses import dataclass
from math import exp, log

from legacy_models.vic.embedded.constants import VON_KARMAN

K2 = VON_KARMAN**2
DISPLACEMENT_SHARE = 0.67  # of the height of plants
ROUGHNESS_SHARE = 0.123


@dataclass(frozen=True, slots=True)
class Turbulence:
    """Resistances [s/m at 1 m/s] and winds [share of the reference wind] of one tile in one month.

    ``wind`` is that 2 m above low plants, or within the canopy of trees.
    """

    resistance: float
    wind: float
    snow_resistance: float
    snow_wind: float


def low_plants(roughness: float, displacement: float, reference: float, snow_roughness: float) -> Turbulence:
    """Return the turbulence over plants that snow covers; all heights in m.

    Source: logarithmic wind profiles; Maidment (1993), Handbook of Hydrology, ch. 4.
    """
    wind = log((2.0 + roughness) / roughness) / log((reference - displacement) / roughness)
    shape, reach = log((2.0 + snow_roughness) / snow_roughness), log(reference / snow_roughness)
    return Turbulence(_surface_resistance(roughness, displacement), wind, shape * reach / K2, shape / reach)


def exposed_soil(roughness: float, wind: float) -> float:
    """Resistance [s/m at 1 m/s] of soil of ``roughness`` [m] where there are no leaves, in ``wind`` near the ground."""
    return _surface_resistance(roughness, DISPLACEMENT_SHARE * roughness / ROUGHNESS_SHARE) / wind


def trees(
    roughness: float, displacement: float, reference: float, attenuation: float, trunk_ratio: float, snow: float
) -> Turbulence:
    """Return the turbulence in and below trees; all heights in m, ``snow`` its roughness.

    The wind is logarithmic above the canopy, exponential inside it, logarithmic again in the trunk space.

    Source: Storck (2000), Trees, snow and flooding, University of Washington, ch. 2.
    """
    height = displacement / DISPLACEMENT_SHARE
    above = 1.5 * height - 0.5 * displacement  # top of the roughness sublayer
    trunk = trunk_ratio * height
    profile = log((reference - displacement) / roughness)
    inside = height / (attenuation * (above - displacement))

    def calmed(level: float) -> float:
        return exp(attenuation * (level / height - 1.0))

    def thickened(level: float) -> float:
        return exp(attenuation * (1.0 - level / height))

    top = log((above - displacement) / roughness) / profile
    top -= (1.0 - (height - displacement) / (above - displacement)) / profile
    resistance = (
        profile
        / K2
        * (
            inside * (thickened(displacement + roughness) - 1.0)
            + (above - height) / (above - displacement)
            + log((reference - displacement) / (above - displacement))
        )
    )
    in_trunks = top * calmed(trunk)
    level = 2.0 + snow
    if trunk > level:
        snow_wind = in_trunks * log(level / snow) / log(trunk / snow)
        snow_resistance = log(level / snow) * log(trunk / snow) / (K2 * in_trunks)
    else:
        level = min(level, height)
        snow_wind = top * calmed(level)
        snow_resistance = log(trunk / snow) ** 2 / (K2 * in_trunks)
        snow_resistance += inside * profile / K2 * (thickened(trunk) - thickened(level))
    return Turbulence(resistance, top * calmed(roughness + displacement), snow_resistance, snow_wind)


def _surface_resistance(roughness: float, displacement: float) -> float:
    level = 2.0 + (1.0 / 0.63 - 1.0) * displacement
    return log(level / roughness) * log(level / (0.1 * roughness)) / K2
