"""Random input for VIC: soils, plants, elevation bands and weather of many kinds, as the files that it reads."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np

from legacy_models.vic.forcing_file import FORCE_TYPES, format_forcing
from legacy_models.vic.global_file import GlobalFile, OutputStream, OutputVariable, format_global
from legacy_models.vic.snow_band_file import SnowBands
from legacy_models.vic.soil_file import SoilTable, concatenate, format_soil
from legacy_models.vic.vegetation_files import (
    VegetationCell,
    VegetationClass,
    VegetationTile,
    format_veglib,
    format_vegparam,
)

VARIABLES = (
    "OUT_PREC", "OUT_EVAP", "OUT_RUNOFF", "OUT_BASEFLOW", "OUT_SWE", "OUT_SOIL_MOIST", "OUT_TRANSP_VEG",
    "OUT_EVAP_CANOP", "OUT_EVAP_BARE", "OUT_SUB_SNOW", "OUT_SUB_CANOP", "OUT_WDEW", "OUT_SNOW_CANOPY",
    "OUT_SNOWF", "OUT_SNOW_MELT",
)  # fmt: skip
START, END = date(1999, 10, 1), date(2001, 9, 30)
CELLS, ZONES = 6, 3


def write_case(folder: Path, seed: int, steps: int) -> GlobalFile:
    """Write the files of a case of ``CELLS`` cells, two years at ``steps`` a day; return its settings."""
    rng = np.random.default_rng(seed)
    bands = int(rng.choice([1, 1, 3, 5]))
    runoff_steps = int(rng.choice([n for n in (4, 6, 8, 12, 24, 48) if n % steps == 0]))
    elevation = float(rng.choice([5.0, 400.0, 1500.0, 3000.0]))
    latitude = 45.0 if seed % 4 else -35.0
    settings = GlobalFile(
        nlayer=3, nodes=3, model_steps=steps, snow_steps=steps, runoff_steps=runoff_steps,
        start=START, end=END, forcing="f_", force_types=FORCE_TYPES, force_steps=steps, force_start=START,
        soil="soil", veglib="veglib", vegparam="vegparam", root_zones=ZONES, result_dir="out",
        wind_h=10.0, continue_on_error=False, snow_bands=bands, snow_band_file="bands" if bands > 1 else "",
        outputs=(OutputStream("flux", tuple(OutputVariable(name, "%.10e") for name in VARIABLES)),),
    )  # fmt: skip
    soil = concatenate([soil_row(rng, i, latitude, elevation) for i in range(CELLS)])
    kinds = plants(rng)
    (folder / "soil").write_text(format_soil(soil))
    (folder / "veglib").write_text(format_veglib(kinds))
    (folder / "vegparam").write_text(format_vegparam([tiles(rng, i, len(kinds)) for i in range(CELLS)]))
    if bands > 1:
        rows = (snow_bands(rng, i, bands, elevation) for i in range(CELLS))
        (folder / "bands").write_text("".join(rows))
    first = settings.label(float(soil.lat[0]), float(soil.lon[0]))
    (folder / f"f_{first}").write_bytes(format_forcing(weather(rng, steps, elevation)))
    for i in range(1, CELLS):
        (folder / f"f_{settings.label(float(soil.lat[i]), float(soil.lon[i]))}").symlink_to(f"f_{first}")
    (folder / "out").mkdir()
    (folder / "global.txt").write_text(format_global(settings))
    return settings


def soil_row(rng: np.random.Generator, i: int, latitude: float, elevation: float) -> SoilTable:
    """The row of cell ``i``: any soil from thin to deep, dry to wet."""
    depth = np.array([[0.1, rng.uniform(0.1, 1.2), rng.uniform(0.1, 2.5)]])
    bulk = np.full((1, 3), rng.uniform(1200.0, 1700.0))
    capacity = 1000.0 * depth * (1.0 - bulk / 2650.0)
    wilting = rng.uniform(0.08, 0.3)
    three = np.ones((1, 3))
    return SoilTable(
        run=np.array([1]), cell=np.array([i + 1]), lat=np.array([latitude]), lon=np.array([7.0 + i / 1000.0]),
        b_infilt=np.array([10 ** rng.uniform(-3, -0.4)]), ds=np.array([10 ** rng.uniform(-3, -0.1)]),
        dsmax=np.array([10 ** rng.uniform(-1, 1.5)]), ws=np.array([rng.uniform(0.3, 0.99)]), c=np.array([2.0]),
        expt=three * rng.uniform(5.0, 28.0), ksat=three * 10 ** rng.uniform(1.5, 4.0), phi_s=three * -99.0,
        init_moist=capacity * rng.uniform(0.2, 1.0), elevation=np.array([elevation]), depth=depth,
        avg_temp=np.array([rng.uniform(-5.0, 20.0)]), damping_depth=np.array([4.0]), bubble=three * 20.0,
        quartz=three * rng.uniform(0.05, 0.9), bulk_density=bulk, particle_density=three * 2650.0,
        off_gmt=np.array([0.0]), wcr_fraction=three * rng.uniform(wilting, 0.7), wpwp_fraction=three * wilting,
        rough=np.array([rng.uniform(5e-4, 5e-3)]), snow_rough=np.array([10 ** rng.uniform(-3.5, -1.5)]),
        annual_prec=np.array([800.0]), resid_moist=three * 0.02, fs_active=np.array([0]), extra=np.empty((1, 0)),
    )  # fmt: skip


def plants(rng: np.random.Generator) -> list[VegetationClass]:
    """Tall, low and very low trees, grass, and a crop that has no leaves in winter."""
    season = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(12) - 0.5) / 12)
    common = {"rarc": 40.0, "rgl": 60.0, "rad_atten": 0.5, "wind_atten": 0.5, "trunk_ratio": 0.2}

    def kind(number, overstory, lai, displacement, wind_height, comment):
        return VegetationClass(
            number=number, overstory=overstory, rmin=float(rng.uniform(80, 250)),
            lai=tuple(np.round(lai, 4).tolist()), albedo=tuple(np.round(0.12 + 0.1 * rng.random(12), 3).tolist()),
            roughness=(round(0.18 * displacement, 5),) * 12, displacement=(displacement,) * 12,
            wind_height=wind_height, comment=comment, **common,
        )  # fmt: skip

    leaf = rng.uniform(2.0, 5.0)
    return [
        replace(kind(1, True, leaf + 0 * season, 8.0, 30.0, "tall"), rarc=60.0),
        kind(2, True, 0.3 + leaf * season, 3.0, 15.0, "low"),
        kind(3, True, 0.2 + season, 1.2, 10.0, "very low"),
        kind(4, False, 0.2 + 2.0 * season, 0.4, 10.0, "grass"),
        kind(5, False, np.where(season > 0.3, 3.0 * season, 0.0), 0.3, 2.5, "crop"),
    ]


def tiles(rng: np.random.Generator, i: int, kinds: int) -> VegetationCell:
    """One to three tiles, the rest of the cell bare in half of the cells."""
    numbers = rng.choice(np.arange(1, kinds + 1), size=int(rng.integers(1, 4)), replace=False)
    shares = rng.dirichlet(np.ones(len(numbers))) * (rng.uniform(0.3, 0.9) if rng.random() < 0.5 else 1.0)
    roots = []
    for number, share in zip(numbers.tolist(), np.round(shares, 4).tolist(), strict=True):
        fractions = np.round(rng.dirichlet(np.ones(ZONES)), 3)
        fractions[-1] = round(1.0 - float(fractions[:-1].sum()), 3)
        depths = np.round(rng.uniform([0.05, 0.1, 0.2], [0.2, 1.0, 2.0]), 2)
        roots.append(VegetationTile(number, share, tuple(depths.tolist()), tuple(fractions.tolist())))
    return VegetationCell(i + 1, tuple(roots))


def snow_bands(rng: np.random.Generator, i: int, bands: int, elevation: float) -> str:
    """One row of a snow band file; the mean height of odd cells is not that of the soil file."""
    areas = np.round(rng.dirichlet(np.ones(bands)), 4)
    heights = elevation + np.sort(rng.uniform(-300.0, 900.0, bands))
    heights = np.maximum(heights - (i % 2 == 0) * (float(areas @ heights / areas.sum()) - elevation), 0.0)
    rain = np.round(areas * rng.uniform(0.7, 1.3, bands), 4)
    row = SnowBands(i + 1, tuple(areas.tolist()), tuple(np.round(heights, 2).tolist()), tuple(rain.tolist()))
    return " ".join(str(v) for v in (row.cell, *row.areas, *row.elevations, *row.precipitation)) + "\n"


def weather(rng: np.random.Generator, steps: int, elevation: float) -> np.ndarray:
    """(row, 7) forcing: warm or cold, wet or dry, with calm hours and damp air."""
    days = (END - START).days + 1
    n = days * steps
    day, hour = np.arange(n) // steps, (np.arange(n) % steps + 0.5) / steps
    season = -np.cos(2 * np.pi * (day + 258) / 365.25)
    temperature = rng.uniform(-4.0, 18.0) + rng.uniform(4.0, 15.0) * season + rng.normal(0.0, 3.5, days)[day]
    temperature += rng.uniform(1.0, 7.0) * np.cos(2 * np.pi * (hour - 0.6))
    rain = (rng.gamma(0.7, rng.uniform(2.0, 18.0), days) * (rng.random(days) < rng.uniform(0.1, 0.6)))[day] / steps
    sun = rng.uniform(0.2, 1.0, days)[day]
    shortwave = np.maximum((700.0 + 250.0 * season) * sun * np.sin(2 * np.pi * (hour - 0.25)), 0.0)
    longwave = 5.67e-8 * (temperature + 273.15) ** 4 * (1.0 - 0.35 * sun)
    saturated = 0.61078 * np.exp(17.269 * temperature / (237.3 + temperature))
    vapour = saturated * rng.uniform(0.3, 1.1, days)[day]
    wind = np.where(rng.random(n) < 0.02, 0.0, rng.gamma(3.0, rng.uniform(0.3, 1.5), days)[day])
    pressure = np.full(n, 101.325 * (1 - 2.25577e-5 * elevation) ** 5.25588)
    return np.stack([rain, temperature, shortwave, longwave, pressure, vapour, wind], axis=1)
