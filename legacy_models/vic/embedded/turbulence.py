"""Wind and aerodynamic resistance above, within and below the canopy, for a reference wind of 1 m/s."""

from dataclasses import dataclass
from math import exp, log

from legacy_models.vic.embedded.constants import VON_KARMAN

K2 = VON_KARMAN**2


@dataclass(frozen=True, slots=True)
class Turbulence:
    """Resistances [s/m at 1 m/s] and winds [share of the reference wind] of one tile in one month."""

    vegetation_resistance: float
    snow_resistance: float
    snow_wind: float


def turbulence(
    overstory: bool,
    roughness: float,
    displacement: float,
    reference_height: float,
    wind_attenuation: float,
    trunk_ratio: float,
    snow_roughness: float,
) -> Turbulence:
    """Return the resistances of one surface.

    Source: Storck (2000), Trees, snow and flooding, University of Washington, ch. 2.
    """
    if not overstory:
        height = 2.0 + (1.0 / 0.63 - 1.0) * displacement
        resistance = log(height / roughness) * log(height / (0.1 * roughness)) / K2
        snow_resistance = log((2.0 + snow_roughness) / snow_roughness) * log(reference_height / snow_roughness) / K2
        snow_wind = log((2.0 + snow_roughness) / snow_roughness) / log(reference_height / snow_roughness)
        return Turbulence(resistance, snow_resistance, snow_wind)
    return _canopy(roughness, displacement, reference_height, wind_attenuation, trunk_ratio, snow_roughness)


def _canopy(
    roughness: float,
    displacement: float,
    reference: float,
    n: float,
    trunk_ratio: float,
    snow_roughness: float,
) -> Turbulence:
    """Logarithmic above the canopy, exponential inside it, logarithmic again in the trunk space."""
    height = displacement / 0.67
    above = 1.5 * height - 0.5 * displacement  # top of the roughness sublayer
    trunk = trunk_ratio * height
    profile = log((reference - displacement) / roughness)
    resistance = (
        profile
        / K2
        * (
            height / (n * (above - displacement)) * (exp(n * (1.0 - (displacement + roughness) / height)) - 1.0)
            + (above - height) / (above - displacement)
            + log((reference - displacement) / (above - displacement))
        )
    )
    wind_above = log((above - displacement) / roughness) / profile
    wind_top = wind_above - (1.0 - (height - displacement) / (above - displacement)) / profile
    wind_trunk = wind_top * exp(n * (trunk / height - 1.0))
    level = 2.0 + snow_roughness
    shape = log(level / snow_roughness)
    if trunk > level:
        snow_wind = wind_trunk * shape / log(trunk / snow_roughness)
        snow_resistance = shape * log(trunk / snow_roughness) / (K2 * wind_trunk)
    elif height > level:
        snow_wind = wind_top * exp(n * (level / height - 1.0))
        snow_resistance = shape * shape / (K2 * snow_wind)
    elif above > level:
        snow_wind = wind_above - (1.0 - (level - displacement) / (above - displacement)) / profile
        snow_resistance = shape * shape / (K2 * snow_wind)
    else:
        snow_wind = shape / profile
        snow_resistance = shape * log(reference / snow_roughness) / K2
    return Turbulence(resistance, snow_resistance, snow_wind)
