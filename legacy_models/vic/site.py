"""From a basin's CAMELS attributes to what VIC reads of a site besides parameters, with sources.

Attributes: Addor et al. (2017), doi:10.5194/hess-21-5293-2017.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from legacy_models.errors import DataError
from legacy_models.model import Forcing, Variable
from legacy_models.vic.vegetation_files import VegetationClass, VegetationTile

PARTICLE_DENSITY = 2650.0
RESIDUAL_MOISTURE = 0.02
FIELD_CAPACITY_SUCTION = 336.5
WILTING_SUCTION = 15300.0
CRITICAL_SHARE = 0.7
DAMPING_DEPTH = 4.0
SOIL_ROUGHNESS = 0.001

ATTRIBUTES = (
    Variable("gauge_lat", "degrees north", -90.0, 90.0),
    Variable("elev_mean", "m", -500.0, 9000.0),
    Variable("soil_porosity", "-", 0.1, 0.9),
    Variable("sand_frac", "%", 0.0, 100.0),
    Variable("silt_frac", "%", 0.0, 100.0),
    Variable("clay_frac", "%", 0.0, 100.0),
    Variable("frac_forest", "-", 0.0, 1.0),
    Variable("lai_max", "-", 0.0, 15.0),
    Variable("lai_diff", "-", 0.0, 15.0),
)

PROPERTIES = (
    Variable("latitude", "degrees north", -90.0, 90.0),
    Variable("elevation", "m", -500.0, 9000.0),
    Variable("porosity", "-", 0.1, 0.9),
    Variable("quartz", "-", 0.0, 1.0),
    Variable("wcr_fraction", "-", 0.0, 1.0),
    Variable("wpwp_fraction", "-", 0.0, 1.0),
    Variable("forest", "-", 0.0, 1.0),
    Variable("lai_max", "-", 0.0, 15.0),
    Variable("lai_diff", "-", 0.0, 15.0),
    Variable("avg_temp", "degC", -40.0, 45.0),
)
OTHER_PROPERTIES = (
    Variable("bubbling_pressure", "cm", 0.0, np.inf),
    Variable("annual_prec", "mm/year", 0.0, np.inf),
    Variable("forest_fraction", "-", 0.0, 1.0),
)


@dataclass(frozen=True, slots=True)
class LandCover:
    """The fixed properties of a vegetation class.

    Args:
        name: in the comment column of the library.
        season: (12,) LAI of each month, 0 at the yearly minimum and 1 at the maximum, northern hemisphere.
        lai_cap: largest LAI that a basin-wide LAI can mean for this class.
        library: the class with LAI of 1; rarc, rmin, albedo, roughness, displacement and the rest are used.
        root_depths: (zone,) [m]; ``root_fractions`` [-].
    """

    name: str
    season: tuple[float, ...]
    lai_cap: float
    library: VegetationClass
    root_depths: tuple[float, ...]
    root_fractions: tuple[float, ...]


def _library(overstory: bool, rarc: float, rmin: float, rgl: float, **monthly: float) -> VegetationClass:
    return VegetationClass(
        number=0,
        overstory=overstory,
        rarc=rarc,
        rmin=rmin,
        lai=(1.0,) * 12,
        albedo=(monthly["albedo"],) * 12,
        roughness=(monthly["roughness"],) * 12,
        displacement=(monthly["displacement"],) * 12,
        wind_height=monthly["wind_height"],
        rgl=rgl,
        rad_atten=0.5,
        wind_atten=0.5,
        trunk_ratio=0.2,
    )


# Resistances, albedo, roughness, displacement and attenuation: deciduous broadleaf forest and grassland of
# the library in VIC's sample data (UW-Hydro/VIC_sample_data), but grass with rmin 120 s/m and wind at 10 m.
# Seasons: that library's deciduous forest, rounded, and a grass that peaks in July. Root zones: judgement.
FOREST = LandCover(
    "forest",
    tuple(n / 35 for n in (0, 0, 2, 13, 33, 35, 35, 31, 19, 15, 7, 5)),
    math.inf,
    _library(True, 60.0, 150.0, 30.0, albedo=0.18, roughness=1.23, displacement=6.7, wind_height=50.0),
    (0.1, 0.4, 1.2),
    (0.1, 0.6, 0.3),
)
GRASS = LandCover(
    "grass",
    tuple(n / 27 for n in (0, 0, 1, 5, 12, 22, 27, 22, 12, 5, 1, 0)),
    3.0,
    _library(False, 25.0, 120.0, 100.0, albedo=0.2, roughness=0.0738, displacement=0.402, wind_height=10.0),
    (0.1, 0.4, 0.8),
    (0.3, 0.6, 0.1),
)
LAI_FLOOR = 0.1


def site_properties(name: str, attributes: Mapping[str, Any], forcing: Forcing) -> dict[str, float]:
    """Return what VIC reads of a site.

    Porosity n gives bulk density 2650 (1 - n). Texture (percent, rescaled to 100) gives Campbell's
    b = 3.10 + 0.157 clay - 0.003 sand and the bubbling pressure
    psi = 10^(1.54 - 0.0095 sand + 0.0063 silt) cm, and these the moisture at a suction h as a share of
    porosity, (psi / h)^(1/b): wilting point at 15300 cm, critical point 0.7 times field capacity at 336.5 cm,
    but never below the wilting point. The land cover is forest where at least half of the basin is. Mean
    temperature and precipitation are those of the forcing record.

    Args:
        name: of the basin, for messages.
        attributes: CAMELS names.
        forcing: the whole record.

    Raises:
        DataError: naming basin and attribute if one is missing or impossible.

    Source:
        Cosby et al. (1984), doi:10.1029/WR020i006p00682;
        Campbell (1974), doi:10.1097/00010694-197406000-00001.
    """
    given = {variable.name: _attribute(name, attributes, variable) for variable in ATTRIBUTES}
    sand, silt, clay = _texture(name, given)
    b = 3.10 + 0.157 * clay - 0.003 * sand
    bubbling = 10.0 ** (1.54 - 0.0095 * sand + 0.0063 * silt)
    wilting = (bubbling / WILTING_SUCTION) ** (1.0 / b)
    critical = CRITICAL_SHARE * (bubbling / FIELD_CAPACITY_SUCTION) ** (1.0 / b)
    return {
        "latitude": given["gauge_lat"],
        "elevation": given["elev_mean"],
        "porosity": given["soil_porosity"],
        "quartz": sand / 100.0,
        "wcr_fraction": min(max(critical, wilting), 1.0),
        "wpwp_fraction": min(wilting, 1.0),
        "forest": float(given["frac_forest"] >= 0.5),
        "lai_max": given["lai_max"],
        "lai_diff": given["lai_diff"],
        "avg_temp": float((forcing.column("tmin") + forcing.column("tmax")).mean() / 2.0),
        "bubbling_pressure": bubbling,
        "annual_prec": float(forcing.column("prcp").mean() * 365.25),
        "forest_fraction": given["frac_forest"],
    }


def land_cover(properties: Mapping[str, float]) -> LandCover:
    """The land cover of the site's one tile."""
    return FOREST if properties["forest"] >= 0.5 else GRASS


def vegetation_class(properties: Mapping[str, float], rmin_factor: float, lai_factor: float) -> VegetationClass:
    """The library class of a site's tile under one parameter set; numbered 0.

    LAI(month) = lai_max - lai_diff (1 - season), within 0.1 and the cover's cap, times ``lai_factor``. The
    season is half a year later in the southern hemisphere.
    """
    cover = land_cover(properties)
    season = cover.season if properties["latitude"] >= 0 else cover.season[6:] + cover.season[:6]
    monthly = [properties["lai_max"] - properties["lai_diff"] * (1.0 - share) for share in season]
    base = cover.library
    return VegetationClass(
        number=0,
        overstory=base.overstory,
        rarc=base.rarc,
        rmin=base.rmin * rmin_factor,
        lai=tuple(lai_factor * min(max(value, LAI_FLOOR), cover.lai_cap) for value in monthly),
        albedo=base.albedo,
        roughness=base.roughness,
        displacement=base.displacement,
        wind_height=base.wind_height,
        rgl=base.rgl,
        rad_atten=base.rad_atten,
        wind_atten=base.wind_atten,
        trunk_ratio=base.trunk_ratio,
        comment=cover.name,
    )


def tiles(properties: Mapping[str, float], number: int) -> tuple[VegetationTile, ...]:
    """The tiles of a site, of class ``number``: one that covers it all."""
    cover = land_cover(properties)
    return (VegetationTile(number, 1.0, cover.root_depths, cover.root_fractions),)


def _attribute(basin: str, attributes: Mapping[str, Any], variable: Variable) -> float:
    value = attributes.get(variable.name)
    try:
        number = math.nan if value is None else float(value)
    except (TypeError, ValueError):
        raise DataError(f"basin {basin}: attribute {variable.name} must be a number, received {value!r}") from None
    if math.isnan(number):
        raise DataError(f"basin {basin}: attribute {variable.name} is missing; VIC needs it")
    if not variable.lower <= number <= variable.upper:
        raise DataError(
            f"basin {basin}: attribute {variable.name} = {number} must lie in "
            f"[{variable.lower:g}, {variable.upper:g}] {variable.unit}"
        )
    return number


def _texture(basin: str, given: Mapping[str, float]) -> tuple[float, float, float]:
    """Sand, silt and clay in percent of the three."""
    total = given["sand_frac"] + given["silt_frac"] + given["clay_frac"]
    if not total > 0:
        raise DataError(f"basin {basin}: sand_frac, silt_frac and clay_frac are all zero")
    sand, silt, clay = (100.0 * given[f"{part}_frac"] / total for part in ("sand", "silt", "clay"))
    return sand, silt, clay
