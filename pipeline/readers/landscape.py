"""Basins of the synthetic world, with attributes that vary together as real ones do.

Ranges and signs of the correlations follow the attributes of 671 basins of the United States (Addor et al.
2017, doi:10.5194/hess-21-5293-2017): aridity lowers forest and leaf area, mountains are steep and
thin-soiled, sand conducts, loose sediments and carbonates let water through. No value is copied.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.readers.regions import REGIONS, Range
from pipeline.readers.weather import Climate


@dataclass(frozen=True, slots=True)
class Basin:
    """A basin before its weather is known."""

    region: str
    longitude: float
    slope: float
    area: float
    climate: Climate


def draw_basin(index: int, rng: np.random.Generator) -> Basin:
    """Return basin number ``index``; regions take turns, so that a few basins already span all climates."""
    region = REGIONS[index % len(REGIONS)]
    latitude, longitude = rng.uniform(*region.latitude), rng.uniform(*region.longitude)
    height = rng.uniform()
    elevation = _between(region.elevation, height)
    precipitation = _between(region.precipitation, 0.5 * height + 0.5 * rng.uniform())
    climate = Climate(
        latitude=latitude,
        elevation=elevation,
        precipitation=precipitation,
        amplitude=rng.uniform(*region.amplitude),
        peak=rng.uniform(*region.peak),
        wet_share=rng.uniform(*region.wet_share),
        # Annual mean over the United States: 20 degC at 30 degrees north, less to the north and upwards.
        temperature=20.0 - 0.85 * (latitude - 30.0) - 0.004 * elevation + rng.normal(0.0, 0.7),
        swing=rng.uniform(*region.swing),
        diurnal=rng.uniform(*region.diurnal),
        depression=9.0 * np.exp(-precipitation / 1.1),
    )
    slope = _between(region.slope, 0.6 * height + 0.4 * rng.uniform())
    area = float(np.clip(np.exp(rng.normal(np.log(330.0), 1.1)), 10.0, 8000.0))
    return Basin(region.name, longitude, slope, area, climate)


def land_attributes(basin: Basin, climate: dict[str, float], rng: np.random.Generator) -> dict[str, float | str]:
    """Return topography, soil, vegetation and geology of a basin, given its climate attributes.

    Source:
        Porosity and conductivity from texture: Cosby et al. (1984), doi:10.1029/WR020i006p00682.
    """
    place = {
        "gauge_lat": basin.climate.latitude,
        "gauge_lon": basin.longitude,
        "elev_mean": basin.climate.elevation,
        "slope_mean": basin.slope,
        "area_gages2": basin.area,
    }
    return place | _soil(basin, rng) | _vegetation(basin, climate, rng) | _geology(basin, rng)


def _soil(basin: Basin, rng: np.random.Generator) -> dict[str, float | str]:
    steep = float(np.log(basin.slope / 30.0))
    sand = float(np.clip(36.0 + 3.0 * steep + rng.normal(0.0, 15.0), 8.0, 90.0))
    warm = (42.0 - basin.climate.latitude) / 5.0  # weathered soils of the south hold more clay
    share = np.clip(0.36 + 0.06 * warm - 0.03 * steep + rng.normal(0.0, 0.07), 0.12, 0.7)
    clay = float(np.clip((100.0 - sand) * share, 3.0, 55.0))
    bedrock = float(np.clip(np.exp(rng.normal(1.0 - 1.2 * steep, 1.0)), 0.3, 50.0))
    depth = float(np.clip(1.45 - 0.12 * max(steep, 0.0) - abs(rng.normal(0.0, 0.2)), 0.4, 1.5))
    porosity = 0.489 - 0.00126 * sand
    return {
        "sand_frac": sand,
        "silt_frac": 100.0 - sand - clay,
        "clay_frac": clay,
        "soil_porosity": porosity,
        "soil_conductivity": 2.54 * 10.0 ** (-0.6 + 0.0126 * sand - 0.0064 * clay),
        "soil_depth_pelletier": bedrock,
        "soil_depth_statsgo": depth,
        "max_water_content": porosity * depth * float(rng.uniform(0.8, 1.0)),
    }


def _vegetation(basin: Basin, climate: dict[str, float], rng: np.random.Generator) -> dict[str, float | str]:
    steep = float(np.log(basin.slope / 30.0))
    cropland = basin.region in ("great plains", "prairie", "northern lakes")
    score = 1.6 - 2.2 * (climate["aridity"] - 1.0) + 1.0 * steep - 1.2 * cropland + rng.normal(0.0, 1.0)
    forest = float(1.0 / (1.0 + np.exp(-score)))
    conifers = float(1.0 / (1.0 + np.exp(-(basin.climate.elevation - 1000.0) / 250.0)))
    green = 0.8 + 3.4 * forest * (1.0 - 0.25 * conifers) + 1.6 * np.exp(-climate["aridity"]) + rng.normal(0.0, 0.3)
    lai = float(np.clip(green, 0.4, 5.6))
    cover = float(np.clip(0.35 + 0.11 * lai + rng.normal(0.0, 0.03), 0.15, 0.92))
    swing = float(np.clip(0.35 + 0.02 * (basin.climate.swing - 8.0) + rng.normal(0.0, 0.04), 0.05, 0.65))
    trees = "Evergreen Needleleaf Forest" if conifers > 0.5 else "Deciduous Broadleaf Forest"
    open_land = "Croplands" if cropland else "Grasslands"
    dominance = 0.55 + 0.4 * abs(2 * forest - 1) + rng.normal(0.0, 0.06)
    return {
        "frac_forest": forest,
        "lai_max": lai,
        "lai_diff": lai * float(np.clip(0.82 - 0.3 * conifers * forest + rng.normal(0.0, 0.05), 0.2, 0.95)),
        "gvf_max": cover,
        "gvf_diff": swing * cover,
        "dom_land_cover": trees if forest > 0.5 else open_land,
        "dom_land_cover_frac": float(np.clip(dominance, 0.31, 1.0)),
        "root_depth_50": float(np.clip(0.15 + 0.06 * forest + rng.normal(0.0, 0.012), 0.12, 0.25)),
    }


# Permeability [log10 m2] and porosity: judgement, of the size that CAMELS gives for basins of these classes.
ROCKS = {
    "Siliciclastic sedimentary rocks": (-13.9, 0.18),
    "Unconsolidated sediments": (-12.6, 0.22),
    "Metamorphics": (-14.2, 0.02),
    "Carbonate sedimentary rocks": (-12.0, 0.07),
    "Acid plutonic rocks": (-14.4, 0.01),
    "Basic volcanic rocks": (-12.7, 0.09),
}


def _geology(basin: Basin, rng: np.random.Generator) -> dict[str, float | str]:
    flat = float(1.0 / (1.0 + np.exp(np.log(basin.slope / 15.0) * 1.5)))
    weights = np.array([3.0, 5.0 * flat, 2.5 * (1 - flat), 1.2, 1.2 * (1 - flat), 1.0 * (1 - flat)])
    rock = str(rng.choice(list(ROCKS), p=weights / weights.sum()))
    permeability, porosity = ROCKS[rock]
    carbonate = rng.uniform(0.5, 1.0) if rock.startswith("Carbonate") else max(0.0, rng.normal(-0.1, 0.15))
    return {
        "geol_1st_class": rock,
        "carbonate_rocks_frac": float(carbonate),
        "geol_porostiy": float(np.clip(porosity + rng.normal(0.0, 0.02), 0.01, 0.28)),
        "geol_permeability": float(np.clip(permeability + rng.normal(0.0, 0.4), -16.5, -10.9)),
    }


def _between(limits: Range, share: float) -> float:
    """Point between positive limits, evenly spaced in logarithms."""
    low, high = limits
    return float(low * (high / low) ** share)
