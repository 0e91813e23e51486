"""The netCDF files of results: what describes parameters and flow, what every file says of itself, writing whole."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from legacy_models.files import written_aside
from legacy_models.parameters import Array, ParameterSpace
from pipeline.evaluation.subsets import DESCRIBED
from pipeline.experiment import Experiment


def parameter_variables(space: ParameterSpace) -> dict[str, Any]:
    """Bounds, default, unit and scale of every parameter, as variables of a data set."""
    return {
        "lower": ("parameter", space.lower),
        "upper": ("parameter", space.upper),
        "default": ("parameter", space.defaults),
        "unit": ("parameter", [p.unit for p in space.parameters]),
        "scale": ("parameter", [p.scale for p in space.parameters]),
    }


def flow_dataset(experiment: Experiment, simulated: Mapping[str, Array]) -> xr.Dataset:
    """Observed and simulated streamflow over the span, and what basins and days are divided by.

    Args:
        experiment: its basins, observations and periods.
        simulated: source -> (basin, time) or (seed, basin, time) routed streamflow [mm/day].
    """
    about = {"units": "mm/day", "long_name": "streamflow"}
    data = {
        name: (("seed", "basin", "time")[-values.ndim :], values.astype(np.float32), about)
        for name, values in {"observed": experiment.observed, **simulated}.items()
    }
    period = np.full(len(experiment.dates), "none", dtype="<U10")
    for name, (first, last) in experiment.splits.periods.by_name().items():
        period[(experiment.dates >= first) & (experiment.dates <= last)] = name
    coordinates = {
        "basin": list(experiment.basins),
        "time": experiment.dates.astype("datetime64[ns]"),
        "split": ("basin", [experiment.split_of[b] for b in experiment.basins]),
        "period": ("time", period),
        **{name: experiment.dataset[name].variable for name in DESCRIBED if name in experiment.dataset},
    }
    return xr.Dataset(data, coordinates, file_attributes(experiment))


def file_attributes(experiment: Experiment) -> dict[str, Any]:
    """Conventions, the legacy model, and the configuration behind a file."""
    return {
        "Conventions": "CF-1.11",
        "source": f"{experiment.model.name} {experiment.model.version}",
        "synthetic": int(experiment.dataset.attrs.get("synthetic", 0)),
        "config_hash": experiment.config.hash(),
    }


def write_dataset(path: Path, dataset: xr.Dataset) -> None:
    """Write ``dataset`` compressed, whole or not at all."""
    encoding = {n: {"zlib": True, "complevel": 1} for n, v in dataset.data_vars.items() if v.dtype.kind == "f"}
    with written_aside(path) as aside:
        dataset.to_netcdf(aside, engine="netcdf4", encoding=encoding)
