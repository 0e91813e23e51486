"""Recorded runs of an exact two-parameter reservoir, for tests of what learns from runs."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from legacy_models.model import Forcing, Variable
from legacy_models.parameters import Parameter, ParameterSpace
from legacy_models.run_set import ModelInfo, RunSet
from legacy_models.vic.adapter import VicModel
from surrogates.design import sobol
from surrogates.surrogate import Surrogate
from surrogates.train import TrainSettings, train

SPINUP, DAYS = 365, 120

SPACE = ParameterSpace(
    (
        Parameter("residence", 2.0, 40.0, 10.0, "day", "log", "test"),
        Parameter("loss", 0.0, 0.6, 0.2, "-", "linear", "test"),
    )
)

MODEL = ModelInfo(
    name="reservoir",
    version="1",
    parameters=SPACE,
    forcing=(Variable("prcp", "mm/day", 0.0), Variable("tmin", "degC"), Variable("tmax", "degC")),
    properties=(Variable("gain", "-"), Variable("constant", "-")),
    outputs=(Variable("runoff", "mm/day", 0.0), Variable("storage", "mm", 0.0)),
    states=("storage",),
    runoff=("runoff",),
    spinup_years=1,
)

TINY = TrainSettings(
    options={"hidden": 8, "features": 4, "static": 4},
    window=30, batch=8, epochs=3, steps=4, initial_epochs=2, initial_steps=5, initial_batch=32,
    held_out_sites=0.25, held_out_sets=0.2,
)  # fmt: skip


def forcing_of(seed: int) -> Forcing:
    rng = np.random.default_rng(seed)
    dates = np.arange("2000-01-01", "2003-01-01", dtype="datetime64[D]")[: SPINUP + DAYS]
    rain = rng.exponential(8.0, len(dates)) * (rng.random(len(dates)) < 0.3)
    tmin = 5.0 + 8.0 * np.sin(np.arange(len(dates)) / 58.0) + rng.normal(0, 1, len(dates))
    return Forcing(dates, np.stack([rain, tmin, tmin + 8.0], axis=1), ("prcp", "tmin", "tmax"))


def reservoir(forcing: Forcing, residence: float, loss: float, gain: float) -> np.ndarray:
    storage, rows = 0.0, []
    for rain in forcing.column("prcp"):
        storage += gain * (1.0 - loss) * rain
        flow = storage * (1.0 - np.exp(-1.0 / residence))
        storage -= flow
        rows.append((flow, storage))
    return np.array(rows, dtype=np.float32)


def recorded_runs(sites: int = 4, sets: int = 6, seed: int = 0) -> RunSet:
    names = [f"{i:08d}" for i in range(1, sites + 1)]
    forcing = {name: forcing_of(seed + i) for i, name in enumerate(names)}
    gains = dict(zip(names, np.linspace(0.8, 1.2, sites), strict=True))
    site = np.repeat(names, sets)
    values = sobol(SPACE, sites * sets, seed=seed)
    outputs = [reservoir(forcing[n], *v, gains[n])[-DAYS:] for n, v in zip(site, values, strict=True)]
    return RunSet(
        model=MODEL,
        keys=tuple(f"key{i}" for i in range(len(site))),
        sites=site,
        parameters=values,
        properties=np.array([[gains[n], 1.0] for n in site]),
        outputs=np.stack(outputs),
        starts=np.full(len(site), forcing[names[0]].dates[-DAYS]),
        forcing=forcing,
    )


def tiny_surrogate(directory: Path, **changes: object) -> tuple[Surrogate, RunSet]:
    runs = recorded_runs()
    return train(runs, replace(TINY, **changes), directory), runs


def vic_like_runs(sites: int = 2, sets: int = 3, days: int = 40, bands: int = 1) -> RunSet:
    """Runs with VIC's names, units and bounds and made-up outputs: for what depends on the form only."""
    model = ModelInfo.of(VicModel(spinup_years=1, snow_bands=bands))
    rng = np.random.default_rng(0)
    names = [f"{i:08d}" for i in range(1, sites + 1)]
    dates = np.arange("2000-01-01", "2003-01-01", dtype="datetime64[D]")[: SPINUP + days]
    weather = np.array([4.0, 2.0, 12.0, 250.0, 800.0, 43200.0]) * rng.normal(1.0, 0.3, (sites, len(dates), 6))
    forcing = {
        name: Forcing(dates, np.abs(days_of), model.forcing_names) for name, days_of in zip(names, weather, strict=True)
    }
    # latitude, height, porosity, quartz, critical, wilting, forest, leaf area, its range, temperature, elevation spread
    properties = np.array([40.0, 500.0, 0.45, 0.4, 0.5, 0.25, 0.3, 3.0, 2.0, 8.0, 300.0])[: len(model.properties)]
    count = sites * sets
    outputs = rng.random((count, days, len(model.outputs))) * np.array([2.0, 1.0, 3.0, 20.0, 0.4, 0.4, 0.4])
    return RunSet(
        model=model,
        keys=tuple(f"key{i}" for i in range(count)),
        sites=np.repeat(names, sets),
        parameters=sobol(model.parameters, count, seed=0),
        properties=properties * rng.uniform(0.9, 1.1, (count, len(properties))),
        outputs=outputs.astype(np.float32),
        starts=np.full(count, dates[-days]),
        forcing=forcing,
    )
