"""Made-up finished runs to evaluate: what a run's directory holds of its simulations, of basins with known skill."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
import yaml

BASINS = [f"{1013500 + 100 * i:08d}" for i in range(24)]
HUC = [f"{1 + i % 4:02d}" for i in range(24)]
TIME = pd.date_range("1990-10-01", "2003-09-30")
PERIODS = {
    "test": ["1991-10-01", "1997-09-30"],
    "fit": ["1997-10-01", "2002-09-30"],
    "validation": ["2002-10-01", "2003-09-30"],
}
ERRORS = {"closed_loop": 0.3, "default_parameters": 0.9, "surrogate": 0.35}
HASHES = {"data": "ab", "config": "cd", "model": "ef", "store": "01"}
FLOW = {"units": "mm/day", "long_name": "streamflow"}


def observed() -> Any:
    """(basin, time) streamflow, the same in every run: a season, weather and a gap."""
    rng = np.random.default_rng(0)
    season = 1.0 + 0.4 * np.sin(2 * np.pi * np.asarray(TIME.day_of_year) / 365)
    flow = season * rng.gamma(2.0, 1.0, (len(BASINS), len(TIME)))
    flow[3, 500:600] = np.nan
    return flow


def simulated(error: float, seed: int, basins: int = len(BASINS)) -> Any:
    """(basin, time) streamflow with an error of a known standard deviation, relative to the mean flow."""
    rng = np.random.default_rng([seed, round(1000 * error)])
    return np.nan_to_num(observed()[:basins], nan=1.0) + error * rng.normal(0.0, 1.0, (basins, len(TIME)))


def write_finished(
    directory: Path,
    *,
    seed: int = 0,
    splits: dict[str, Any] | None = None,
    ungauged: slice = slice(18, 24),
    test: list[str] = PERIODS["test"],
    network: str = "g_A",
    transductive: bool = True,
    described: bool = True,
    errors: dict[str, float] = ERRORS,
) -> Path:
    """Write the simulations, the summary and the configuration of a run; the error of a method decides its skill."""
    directory.mkdir(parents=True)
    group = np.full(len(BASINS), "fit", dtype="<U10")
    group[ungauged] = "ungauged"
    period = np.full(len(TIME), "none", dtype="<U10")
    for name, (first, last) in {**PERIODS, "test": test}.items():
        period[(first <= TIME) & (last >= TIME)] = name
    data = {"observed": (("basin", "time"), observed(), FLOW)}
    data |= {name: (("basin", "time"), simulated(error, seed), FLOW) for name, error in errors.items()}
    data["prcp"] = (("basin", "time"), np.ones_like(observed()), {"units": "mm/day"})
    coordinates = {"basin": BASINS, "time": TIME, "split": ("basin", group), "period": ("time", period)}
    if described:
        snow = np.linspace(0.0, 0.6, len(BASINS))
        coordinates |= {"huc_02": ("basin", HUC), "frac_snow": ("basin", snow), "aridity": ("basin", 2.5 - 4 * snow)}
    xr.Dataset(data, coordinates).to_netcdf(directory / "simulations.nc")
    summary = {
        "seeds": [seed],
        "periods": PERIODS | {"test": test},
        "surrogate": {"transductive": transductive},
        "hashes": HASHES,
    }
    (directory / "summary.json").write_text(json.dumps(summary))
    config = {"seed": seed, "data": {"reader": "netcdf"}, "network": {"name": network}, "splits": splits or {}}
    (directory / "config.yaml").write_text(yaml.safe_dump(config))
    return directory


def write_calibration(
    run: Path,
    name: str = "sceua-legacy/5000",
    *,
    seeds: tuple[int, ...] = (0, 1),
    basins: int = 10,
    held_out: slice = slice(0),
    error: float = 0.2,
    source: str = "closed_loop",
) -> Path:
    """Write the simulations of a calibration of the first basins of a run; those held out were carried to."""
    place = run / "calibrate" / name
    place.mkdir(parents=True)
    values = np.stack([simulated(error, 10 + seed, basins) for seed in seeds])
    group = np.full(basins, "fit", dtype="<U10")
    group[held_out] = "ungauged"
    data = {source: (("seed", "basin", "time"), values, FLOW)}
    coordinates = {"seed": list(seeds), "basin": BASINS[:basins], "time": TIME, "split": ("basin", group)}
    xr.Dataset(data, coordinates).to_netcdf(place / "simulations.nc")
    (place / "summary.json").write_text(json.dumps({"hashes": HASHES}))
    return place
