"""A made-up run's directory: all that a report shows of a run, of a small snow-and-bucket world."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

OUTPUTS = {
    "runoff": "mm/day",
    "baseflow": "mm/day",
    "evaporation": "mm/day",
    "swe": "mm",
    "soil_moist_0": "m3/m3",
    "soil_moist_1": "m3/m3",
    "soil_moist_2": "m3/m3",
}
PARAMETERS = {
    "b_infilt": (1e-3, 0.4, 0.2, "-", "log"),
    "k": (0.01, 10.0, 0.25, "mm/day", "log"),
    "Ws": (0.2, 0.99, 0.8, "-", "linear"),
    "depth2": (0.1, 1.5, 0.4, "m", "log"),
    "expt": (8.0, 30.0, 12.0, "-", "linear"),
    "route_delay": (0.2, 10.0, 1.5, "day", "log"),
}
ATTRIBUTES = ("gauge_lat", "gauge_lon", "p_mean", "aridity", "frac_snow", "sand_frac")
SOURCES = {"closed_loop": 0.0, "surrogate": 0.02, "default_parameters": -0.3, "hidden_parameters": 0.12}


def write_run(directory: Path, synthetic: bool, basins: int = 8, first_year: int = 2006, years: int = 4) -> Path:
    """Write a plausible run of a small snow-and-bucket world."""
    directory.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(7)
    names = np.array([f"{1013500 + 91 * i:08d}" for i in range(basins)])
    split = np.array(["ungauged" if i % 5 == 4 else "validation" if i % 10 == 3 else "fit" for i in range(basins)])
    attributes = np.column_stack(
        [
            rng.uniform(30, 48, basins),
            rng.uniform(-120, -70, basins),
            rng.uniform(1, 5, basins),
            rng.uniform(0.3, 2.5, basins),
            rng.uniform(0, 0.8, basins),
            rng.uniform(10, 80, basins),
        ]
    )
    nse = np.clip(rng.normal(0.6, 0.15, basins), -0.4, 0.9)
    _simulations(rng, names, split, attributes, first_year, years).to_netcdf(directory / "simulations.nc")
    _parameters(rng, names, split, attributes, synthetic).to_netcdf(directory / "parameters.nc")
    _scores(rng, names, split, nse, synthetic).to_csv(directory / "scores.csv", index=False)
    _histories(directory, rng)
    if synthetic:
        (directory / "identifiability.json").write_text(json.dumps(_identifiability()))
        (directory / "fidelity.json").write_text(json.dumps(_fidelity(rng, names)))
    (directory / "summary.json").write_text(json.dumps(full_summary(synthetic, split)))
    (directory / "config.yaml").write_text("seed: 1\ntracking: postgresql://me:secret@host/db\n")
    (directory / "run.log").write_text(
        "12:00 INFO start\n12:01 WARNING 3 basins <outside> the domain\n12:02 INFO done\n"
    )
    return directory


def _simulations(rng: Any, names: Any, split: Any, attributes: Any, first_year: int, years: int) -> xr.Dataset:
    time = pd.date_range(f"{first_year}-10-01", periods=365 * years)
    shape = (len(names), len(time))
    prcp = rng.gamma(0.5, 8, shape) * (rng.random(shape) < 0.35) * attributes[:, 2:3] / 3
    warmth = 10 - 12 * np.cos(2 * np.pi * (time.day_of_year.to_numpy() - 20) / 365) - 12 * attributes[:, 4:5]
    stores = {name: np.zeros(shape) for name in OUTPUTS}
    snow, soil = np.zeros(len(names)), np.full(len(names), 80.0)
    for t in range(shape[1]):
        melt = np.minimum(snow, 3 * np.maximum(warmth[:, t], 0))
        snow = snow - melt + np.where(warmth[:, t] < 0, prcp[:, t], 0)
        water = melt + np.where(warmth[:, t] < 0, 0, prcp[:, t])
        stores["runoff"][:, t] = water * np.clip(soil / 200, 0, 1) ** 2
        stores["baseflow"][:, t] = 0.01 * soil
        stores["evaporation"][:, t] = np.minimum(0.1 * np.maximum(warmth[:, t], 0), 0.03 * soil)
        soil = soil + water - sum(stores[name][:, t] for name in ("runoff", "baseflow", "evaporation"))
        stores["swe"][:, t] = snow
        for layer in range(3):
            stores[f"soil_moist_{layer}"][:, t] = 0.1 + soil / (600 + 200 * layer)
    flow = stores["runoff"] + stores["baseflow"]

    def noisy(values: Any, size: float) -> Any:
        wobble = pd.DataFrame(rng.normal(0, size, shape)).T.ewm(span=10).mean().T.to_numpy()
        return (("basin", "time"), (values * np.exp(wobble)).astype(np.float32))

    observed = noisy(flow, 0.4)[1]
    observed[:, 100:130] = np.nan
    data: dict[str, Any] = {
        "observed": (("basin", "time"), observed, {"units": "mm/day"}),
        "closed_loop": noisy(flow, 0.4),
        "surrogate": noisy(flow, 0.15),
        "default_parameters": noisy(flow * 0.6 + 0.4, 0.3),
        "prcp": (("basin", "time"), prcp.astype(np.float32)),
    }
    for name, unit in OUTPUTS.items():
        data[f"legacy_{name}"] = (("basin", "time"), stores[name].astype(np.float32), {"units": unit})
        data[f"surrogate_{name}"] = noisy(stores[name], 0.15)
    third = np.minimum(np.arange(shape[1]) * 4 // shape[1], 3)
    period = np.array(["test", "test", "fit", "validation"])[third]
    return xr.Dataset(data, {"basin": names, "time": time, "split": ("basin", split), "period": ("time", period)})


def _parameters(rng: Any, names: Any, split: Any, attributes: Any, synthetic: bool) -> xr.Dataset:
    table = list(PARAMETERS.values())
    lower, upper, default = (np.array([row[i] for row in table]) for i in range(3))
    log = np.array([row[4] == "log" for row in table])
    weights = rng.normal(0, 1, (len(ATTRIBUTES), len(table)))
    standard = (attributes - attributes.mean(0)) / (attributes.std(0) + 1e-9)

    def values(noise: float) -> Any:
        unit = 1 / (1 + np.exp(-(standard @ weights + rng.normal(0, noise, (len(names), len(table))))))
        return np.where(log, lower * (upper / lower) ** unit, lower + unit * (upper - lower))

    data: dict[str, Any] = {
        "value": (("basin", "parameter"), values(0.0)),
        "lower": ("parameter", lower),
        "upper": ("parameter", upper),
        "default": ("parameter", default),
        "unit": ("parameter", [row[3] for row in table]),
        "scale": ("parameter", [row[4] for row in table]),
        "flagged": ("basin", np.arange(len(names)) % 7 == 2),
        "split": ("basin", split),
        "attribute_value": (("basin", "attribute"), attributes),
    }
    if synthetic:
        data["hidden"] = (("basin", "parameter"), values(0.5))
    return xr.Dataset(data, {"basin": names, "parameter": list(PARAMETERS), "attribute": list(ATTRIBUTES)})


def _scores(rng: Any, names: Any, split: Any, nse: Any, synthetic: bool) -> pd.DataFrame:
    rows = [
        (
            basin,
            kind,
            period,
            source,
            value + shift + rng.normal(0, 0.04),
            value + shift + 0.05,
            rng.normal(0, 10),
            1.1,
        )
        for basin, kind, value in zip(names, split, nse, strict=True)
        for period in ("fit", "validation", "test")
        for source, shift in SOURCES.items()
        if synthetic or source != "hidden_parameters"
    ]
    return pd.DataFrame(rows, columns=["basin", "split", "period", "source", "nse", "kge", "pbias", "rmse"])


def _histories(directory: Path, rng: Any) -> None:
    for folder, held_out in (("surrogate", "held_out"), ("dpl", "validation")):
        epoch = np.arange(30)
        loss = 0.05 + np.exp(-epoch / 6)
        columns = {
            "epoch": epoch,
            "train_loss": loss,
            f"{held_out}_loss": loss * 1.2 + rng.uniform(0, 0.02, 30),
            f"{held_out}_nse": 1 - loss,
            "seconds": 2.5,
            "round": (epoch >= 22).astype(int),
        }
        pd.DataFrame(columns).to_csv(directory / f"{folder}_history.csv", index=False)


def _identifiability() -> dict[str, Any]:
    single = [
        {
            "name": n,
            "correlation": 0.9 - 0.15 * i,
            "rmse": 0.1,
            "sensitivity_share": 0.5 / 3**i,
            "identified": i < 3,
        }
        for i, n in enumerate(PARAMETERS)
    ]
    combined = [{"loadings": {"k": 0.8, "Ws": -0.6, "expt": 0.01}, "correlation": 0.93, "sensitivity_share": 0.6}]
    return {"parameters": single, "combinations": combined}


def _fidelity(rng: Any, names: Any) -> dict[str, Any]:
    figures = {"nse_floored_median": 0.951, "nse_floored_p05": 0.62, "rmse_over_mean_median": 0.3}
    scores = dict.fromkeys((*OUTPUTS, "runoff_total"), figures)
    flow = rng.gamma(0.5, 4, 730).round(3).tolist()
    run = {"rank": "median", "site": str(names[0]), "start": "2008-10-01", "recorded": flow, "simulated": flow}
    return {
        "runs": 40,
        "scores": scores,
        "strata": {"regime": {"low": scores, "top": scores}, "kind": {"unseen_sites": scores}},
        "distance": {
            "rank_correlation": 0.4,
            "distance": rng.random(40).tolist(),
            "error": rng.lognormal(-2, 1, 40).tolist(),
        },
        "created_water": {"p05": -0.01, "median": 0.004, "p95": 0.02},
        "hydrographs": [run, run | {"rank": "95th percentile"}],
        "parity": [
            {"name": name, "unit": "mm/day", "recorded": flow, "simulated": flow} for name in (*OUTPUTS, "runoff_total")
        ],
        "spread": {"runoff_total": {"rank_correlation": 0.71, "coverage_90": 0.88}},
    }


def full_summary(synthetic: bool, split: Any = ()) -> dict[str, Any]:
    """Return a summary of which every figure is there."""
    counts = {name: int(np.sum(np.asarray(split) == name)) for name in ("fit", "validation", "ungauged")}

    def scores(value: float, name: str = "fit") -> dict[str, float]:
        return {
            "basins": counts[name],
            "nse_median": value,
            "kge_median": value,
            "nse_p05": value - 0.4,
            "pbias_median": -3.21,
        }

    def splits(value: float) -> dict[str, Any]:
        low = scores(value - 0.11, "ungauged")
        return {
            "fit": scores(value + 0.1),
            "validation": scores(value + 0.02),
            "test": scores(value),
            "ungauged": low,
        }

    gap = {"signed_median": 0.021, "abs_median": 0.034, "share_over_0.1": 0.05}
    fidelity = {name: {"nse_median": 0.97, "nse_p05": 0.8, "rmse_median": 0.123} for name in OUTPUTS}
    return {
        "schema_version": 1,
        "synthetic": synthetic,
        "seeds": [1],
        "hashes": {"data": "ab" * 32, "config": "cd" * 32, "model": "ef" * 32, "store": "01" * 32},
        "basins": counts,
        "periods": {
            "fit": ["2008-10-01", "2009-09-30"],
            "validation": ["2009-10-01", "2010-09-30"],
            "test": None,
        },
        "surrogate": {
            "held_out": fidelity,
            "at_learned": fidelity,
            "gradient_agreement": 0.91,
            "members": 1,
            "transductive": True,
        },
        "through_surrogate": splits(0.64),
        "closed_loop": splits(0.62) | {"gap": {"test": gap, "ungauged": gap}},
        "default_parameters": {"test": scores(0.31), "ungauged": scores(0.25, "ungauged")},
        "hidden_parameters": {"test": scores(0.74), "ungauged": scores(0.73, "ungauged")} if synthetic else None,
        "baselines": {"sceua": {"test": scores(0.6)}},
        "legacy_runs": {
            "planned": 400,
            "committed": 390,
            "failed": 4,
            "pending": 6,
            "by_purpose": {"design": 300, "refine": 60, "verify": 40},
        },
        "domain": {"flagged_share": 0.13, "rounds": 1},
        "seconds": {"simulate": 61.2, "emulate": 95.0, "learn": 3700.0, "total": 3856.2},
        "registry": {"surrogate": "models:/vic-surrogate/1", "dpl": "models:/vic-dpl/1"},
    }
