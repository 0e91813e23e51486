"""Made-up places for VIC and runs at them, for tests of what depends on the form of the input only."""

from dataclasses import replace

import numpy as np

from legacy_models.model import Forcing, Run, RunResult, Site
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.disaggregation import NEEDED

BASINS = ["01439500", "02296500", "06622700", "06888500", "09505350", "12013500"]  # of six climates, recorded
START, END = np.datetime64("2001-10-01"), np.datetime64("2002-09-30")
ATTRIBUTES = {
    "gauge_lat": 41.5,
    "elev_mean": 350.0,
    "soil_porosity": 0.43,
    "sand_frac": 40.0,
    "silt_frac": 40.0,
    "clay_frac": 18.0,
    "frac_forest": 0.8,
    "lai_max": 5.0,
    "lai_diff": 4.0,
    "gvf_max": 0.7,
    "slope_mean": 60.0,
    "area_gages2": 600.0,
}


def weather(seed: int = 0, warmth: float = 2.0) -> Forcing:
    """Two years of it, a wet day in three, with the seasons of the north."""
    rng = np.random.default_rng(seed)
    dates = np.arange("2000-10-01", "2002-10-01", dtype="datetime64[D]")
    season = -np.cos(2 * np.pi * (np.arange(len(dates)) + 250) / 365.25)
    tmin = warmth + 12 * season + rng.normal(0, 3, len(dates))
    rain = np.where(rng.random(len(dates)) < 0.3, rng.gamma(0.8, 10, len(dates)), 0)
    srad, dayl = 300 + 120 * season, 43200 + 10000 * season
    columns = [rain, tmin, tmin + 9, srad, 610.78 * np.exp(17.269 * tmin / (237.3 + tmin)), dayl]
    return Forcing(dates, np.stack(columns, axis=1), NEEDED)


def places(model: VicModel) -> list[Site]:
    """A forest, a cold grassland high up, and a warm forest in the south."""
    return [
        model.site("forest", ATTRIBUTES, weather(1)),
        model.site("cold grass", ATTRIBUTES | {"frac_forest": 0.1, "elev_mean": 2500.0}, weather(2, warmth=-6.0)),
        model.site("southern", ATTRIBUTES | {"gauge_lat": -38.0}, weather(3, warmth=12.0)),
    ]


def some_runs(model: VicModel, count: int) -> list[Run]:
    """Random parameter sets, in turn at the three places."""
    values = model.parameters.from_unit(np.random.default_rng(5).random((count, len(model.parameters))))
    sites = places(model)
    return [Run(sites[i % len(sites)], one, START, END) for i, one in enumerate(values)]


def with_parameters(model: VicModel, run: Run, **parameters: float) -> Run:
    """``run`` with some parameters replaced."""
    values = run.parameters.copy()
    for name, value in parameters.items():
        values[model.parameters.names.index(name)] = value
    return replace(run, parameters=values)


def with_weather(run: Run, name: str, day: int, value: float) -> Run:
    """``run`` with one value of its forcing replaced."""
    values = run.site.forcing.values.copy()
    values[day, NEEDED.index(name)] = value
    forcing = Forcing(run.site.forcing.dates, values, NEEDED)
    return replace(run, site=Site(run.site.name, run.site.properties, forcing))


def sound(results: list[RunResult]) -> np.ndarray:
    """(run, day, output) of results that are all good; fails, naming the reasons, if one is not."""
    assert [(result.status, result.reason) for result in results] == [("ok", "")] * len(results)
    return np.stack([result.outputs for result in results])
