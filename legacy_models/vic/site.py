"""From a basin's attributes to what VIC reads of a site besides parameters: every mapping, with its source.

| property | from | by |
|---|---|---|
| latitude, elevation | gauge_lat, elev_mean | as they are |
| porosity | soil_porosity | as it is; bulk density 2650 (1 - n) kg/m3 |
| quartz | sand_frac | as it is, rescaled so that sand, silt and clay make 100 % |
| bubbling pressure, Wcr, Wpwp | sand_frac, silt_frac, clay_frac | `moisture_limits`: Cosby et al., Campbell |
| forest, bare (3 tiles) | frac_forest, gvf_max | `cover_shares`; class and root zones: `land_cover` |
| lai_max, lai_diff | lai_max, lai_diff, bare | over the vegetated part of the cell |
| elevation_spread (2 bands or more) | elev_std, or slope_mean and area_gages2 | `elevation_spread`: a fit to GAGES-II |
| mean temperature, precipitation | forcing | of the whole record |

Conductivity and depth of the soil are parameters (Ksat, expt, depth2, depth3), not properties: a parameter network
reads soil_conductivity and soil_depth_* itself. Root zones are those of the cover: with zones from root_depth_50 and
root_depth_99 the flow at default parameters was worse on 84 % of 150 CAMELS basins (median bias 0.37 for 0.24). The
attributes are those of Addor et al. (2017), doi:10.5194/hess-21-5293-2017.
"""

import math
from collections.abc import Mapping
from itertools import pairwise
from statistics import NormalDist
from typing import Any

import numpy as np

from legacy_models.errors import DataError
from legacy_models.model import Forcing, Variable
from legacy_models.vic.snow_band_file import SnowBands

PARTICLE_DENSITY = 2650.0
RESIDUAL_MOISTURE = 0.02
FIELD_CAPACITY_SUCTION = 336.5
WILTING_SUCTION = 15300.0
CRITICAL_SHARE = 0.7
SMALLEST_SPAN = 0.02
DAMPING_DEPTH = 4.0
SOIL_ROUGHNESS = 0.001
SMALLEST_SHARE = 0.02
FLAT = 25.0

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
GREENNESS = Variable("gvf_max", "-", 0.0, 1.0)
RELIEF = (Variable("slope_mean", "m/km", 0.0, 5000.0), Variable("area_gages2", "km2", 0.001, 1e7))
SPREAD = Variable("elev_std", "m", 0.0, 5000.0)

PROPERTIES = (
    Variable("latitude", "degrees north", -90.0, 90.0),
    Variable("elevation", "m", -500.0, 9000.0),
    Variable("porosity", "-", 0.1, 0.9),
    Variable("quartz", "-", 0.0, 1.0),
    Variable("wcr_fraction", "-", 0.0, 1.0),
    Variable("wpwp_fraction", "-", 0.0, 1.0),
    Variable("forest", "-", 0.0, 1.0),
    Variable("lai_max", "-", 0.0, 100.0),
    Variable("lai_diff", "-", 0.0, 100.0),
    Variable("avg_temp", "degC", -40.0, 45.0),
)
BARE = Variable("bare", "-", 0.0, 1.0)
ELEVATION_SPREAD = Variable("elevation_spread", "m", 0.0, 5000.0)
OTHER_PROPERTIES = (
    Variable("bubbling_pressure", "cm", 0.0, np.inf),
    Variable("annual_prec", "mm/year", 0.0, np.inf),
)


def properties_read(tiles: int, snow_bands: int) -> tuple[Variable, ...]:
    """The properties that decide between sites for a model of ``tiles`` tiles and ``snow_bands`` bands."""
    return (*PROPERTIES, *((BARE,) if tiles == 3 else ()), *((ELEVATION_SPREAD,) if snow_bands > 1 else ()))


def site_properties(
    name: str, attributes: Mapping[str, Any], forcing: Forcing, tiles: int = 1, snow_bands: int = 1
) -> dict[str, float]:
    """Return what VIC reads of a site; the mappings are those of the module's table.

    Args:
        name: of the basin, for messages.
        attributes: CAMELS names; ``elev_std`` [m] is used where there is one.
        forcing: the whole record.
        tiles: 1, the dominant cover; 2, forest and short vegetation; 3, these and bare soil.
        snow_bands: number of elevation bands.

    Raises:
        DataError: naming basin and attribute if one is missing or impossible.
    """
    given = {variable.name: _attribute(name, attributes, variable) for variable in ATTRIBUTES}
    sand, silt, clay = _texture(name, given)
    bubbling, critical, wilting = moisture_limits(sand, silt, clay)
    greenness = _attribute(name, attributes, GREENNESS) if tiles == 3 else 1.0
    forest, bare = cover_shares(given["frac_forest"], greenness, tiles)
    vegetated = max(1.0 - bare, SMALLEST_SHARE)
    properties = {
        "latitude": given["gauge_lat"],
        "elevation": given["elev_mean"],
        "porosity": given["soil_porosity"],
        "quartz": sand / 100.0,
        "wcr_fraction": critical,
        "wpwp_fraction": wilting,
        "forest": forest,
        "bare": bare,
        "lai_max": given["lai_max"] / vegetated,
        "lai_diff": given["lai_diff"] / vegetated,
        "avg_temp": float((forcing.column("tmin") + forcing.column("tmax")).mean() / 2.0),
        "bubbling_pressure": bubbling,
        "annual_prec": float(forcing.column("prcp").mean() * 365.25),
    }
    if snow_bands > 1:
        properties["elevation_spread"] = elevation_spread(name, attributes, given["elev_mean"], snow_bands)
    return properties


def moisture_limits(sand: float, silt: float, clay: float) -> tuple[float, float, float]:
    """Return bubbling pressure [cm], critical point and wilting point [share of porosity] of a texture [%].

    Campbell's b = 3.10 + 0.157 clay - 0.003 sand and psi = 10^(1.54 - 0.0095 sand + 0.0063 silt) cm give the
    moisture at a suction h as a share of porosity, (psi / h)^(1/b): wilting point at 15300 cm, critical point 0.7
    times field capacity at 336.5 cm, but at least 0.02 above the wilting point (clays).

    Source:
        Cosby et al. (1984), doi:10.1029/WR020i006p00682;
        Campbell (1974), doi:10.1097/00010694-197406000-00001.
    """
    b = 3.10 + 0.157 * clay - 0.003 * sand
    bubbling = 10.0 ** (1.54 - 0.0095 * sand + 0.0063 * silt)
    wilting = min((bubbling / WILTING_SUCTION) ** (1.0 / b), 1.0 - SMALLEST_SPAN)
    critical = CRITICAL_SHARE * (bubbling / FIELD_CAPACITY_SUCTION) ** (1.0 / b)
    return bubbling, min(max(critical, wilting + SMALLEST_SPAN), 1.0), wilting


def cover_shares(frac_forest: float, gvf_max: float, tiles: int) -> tuple[float, float]:
    """Return the shares of forest and of bare soil; short vegetation has the rest.

    One tile is forest where at least half of the basin is. Two are forest and short vegetation as frac_forest has
    it. With three, land that is not green even at the greenest time of the year, 1 - gvf_max, is bare soil as far
    as it is not forest: the gaps of a forest have an understorey. Shares below 0.02 go to the others.

    Source:
        Below 1 to 2 % a class can be left out: VIC documentation, Calibration, tips (vic.readthedocs.io).
    """
    if tiles == 1:
        return float(frac_forest >= 0.5), 0.0
    bare = min(1.0 - gvf_max, 1.0 - frac_forest) if tiles == 3 else 0.0
    shares = [share if share >= SMALLEST_SHARE else 0.0 for share in (frac_forest, bare, 1.0 - frac_forest - bare)]
    return round(shares[0] / sum(shares), 4), round(shares[1] / sum(shares), 4)


def elevation_spread(name: str, attributes: Mapping[str, Any], elevation: float, snow_bands: int) -> float:
    """Standard deviation of elevation within the basin [m]: ``elev_std`` where given, else from slope and area.

    s = 1.40 slope_mean^0.92 area_gages2^0.183, slope in m/km and area in km2; below 25 m, where bands would differ
    by some tenths of a degree, the basin is flat. No band may lie below sea level, where VIC refuses it.

    Source:
        Least squares of logarithms on the 671 CAMELS basins against their ELEV_STD_M_BASIN in GAGES-II (Falcone
        2011, doi:10.3133/70046617): R2 = 0.92, standard error 35 %.
    """
    if attributes.get(SPREAD.name) is None or attributes[SPREAD.name] != attributes[SPREAD.name]:
        slope, area = (_attribute(name, attributes, variable) for variable in RELIEF)
        spread = 1.40 * slope**0.92 * area**0.183
    else:
        spread = _attribute(name, attributes, SPREAD)
    spread = min(spread, elevation / -band_scores(snow_bands)[0])
    return spread if spread >= FLAT else 0.0


def elevation_bands(properties: Mapping[str, float], cell: int, snow_bands: int) -> SnowBands:
    """The bands of a cell: equal areas of normally distributed elevations, precipitation by area.

    A flat cell has one band of area 1, and others of none, which cost no time.
    """
    elevation, spread = properties["elevation"], properties["elevation_spread"]
    if spread == 0.0:
        none = (0.0,) * (snow_bands - 1)
        return SnowBands(cell, (1.0, *none), (elevation, *none), (1.0, *none))
    areas = (1.0 / snow_bands,) * snow_bands
    heights = tuple(elevation + spread * score for score in band_scores(snow_bands))
    return SnowBands(cell, areas, heights, areas)


def band_scores(snow_bands: int) -> tuple[float, ...]:
    """Means of a standard normal variable over ``snow_bands`` bands of equal probability, ascending."""
    normal = NormalDist()
    inner = [normal.pdf(normal.inv_cdf(i / snow_bands)) for i in range(1, snow_bands)]
    edges = [0.0, *inner, 0.0]
    return tuple(snow_bands * (low - high) for low, high in pairwise(edges))


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
