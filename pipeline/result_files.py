"""The netCDF files of results: what describes parameters, what every file says of itself, and writing whole."""

from pathlib import Path
from typing import Any

import xarray as xr

from legacy_models.files import written_aside
from legacy_models.parameters import ParameterSpace
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
