"""Runs at sites of many climates, for tests of what depends on where runs are and on nothing that they recorded."""

from dataclasses import replace

import numpy as np

from legacy_models.model import Forcing
from legacy_models.run_set import RunSet
from surrogates.climates import changed
from surrogates.design import sobol
from tests.recorded_runs import MODEL, SPACE

YEARS, SPINUP_YEARS = 6, 2
NAMES = ("prcp", "tmin", "tmax")


def weather(rain: float, temperature: float, seed: int) -> Forcing:
    """Eight years of daily weather with warm summers, wet and dry years, warm and cold ones."""
    rng = np.random.default_rng(seed)
    dates = np.arange("2000-01-01", "2008-01-01", dtype="datetime64[D]")
    year = (dates.astype("datetime64[Y]").astype(int) - 30).astype(int)
    wet, warm = np.exp(rng.normal(0.0, 0.15, 8)), rng.normal(0.0, 0.5, 8)
    falls = rng.random(len(dates)) < 0.3
    prcp = np.where(falls, rng.exponential(rain / 0.3, len(dates)), 0.0) * wet[year]
    day = (dates - dates.astype("datetime64[Y]")).astype(float)
    mean = temperature + warm[year] - 12.0 * np.cos(day / 58.13) + rng.normal(0.0, 3.0, len(dates))
    return Forcing(dates, np.stack([prcp, mean - 5.0, mean + 5.0], axis=1), NAMES)


def climate_runs(sites: int = 60, sets: int = 10, seed: int = 0) -> RunSet:
    """Sites whose climate goes with their two properties (here latitude and height), as far as sites' climates do."""
    rng = np.random.default_rng(seed)
    properties = np.stack([rng.uniform(30.0, 50.0, sites), rng.uniform(0.0, 2500.0, sites)], axis=1)
    temperature = 35.0 - 0.5 * properties[:, 0] - 0.005 * properties[:, 1] + rng.normal(0.0, 1.0, sites)
    rain = np.exp(rng.normal(0.8, 0.4, sites))
    names = [f"{i:08d}" for i in range(sites)]
    values = zip(names, rain, temperature, range(sites), strict=True)
    forcing = {name: weather(wet, warm, 1000 * seed + number) for name, wet, warm, number in values}
    site, days = np.repeat(names, sets), YEARS * 365
    return RunSet(
        model=MODEL,
        keys=tuple(f"key{i}" for i in range(len(site))),
        sites=site,
        parameters=sobol(SPACE, len(site), seed=seed),
        properties=np.repeat(properties, sets, axis=0),
        outputs=np.zeros((len(site), days, 2), np.float32),
        starts=np.full(len(site), forcing[names[0]].dates[-days]),
        forcing=forcing,
    )


def under_another_climate(runs: RunSet, factor: float, shift: float) -> RunSet:
    """The same sites and parameters, wetter by ``factor`` and warmer by ``shift`` [degC]."""
    return replace(runs, forcing={site: changed(forcing, factor, shift) for site, forcing in runs.forcing.items()})
