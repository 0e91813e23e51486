"""Reader ``netcdf``: one file with dims basin (or gauge_id) and time, attributes in text tables beside it."""

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import BaseModel, ConfigDict

from legacy_models.errors import DataError, UsageError
from legacy_models.parameters import Array
from pipeline.basins import EVERY_BASIN, Selection, select_complete
from pipeline.readers import checks, units
from pipeline.readers.attributes import DERIVED_FROM_STREAMFLOW, AttributeTable, read_attributes
from pipeline.readers.contract import FORCING, OPTIONAL_FORCING, TARGETS, assemble, order_temperatures

BASIN_NAMES = ("basin", "gauge_id")
USUAL_NAMES = {"streamflow": ("streamflow", "q_cfs"), "area": ("area_km2", "area_gages2")}


class Options(BaseModel):
    """Options of the reader.

    Args:
        path: the netCDF file; or a folder that holds one, whose subfolders called ``*attributes*`` are then
            read too where ``attributes`` is empty.
        attributes: text tables, or folders of them.
        variables: the project's name -> the file's, where they differ (``streamflow``, ``area``, ``evaporation``,
            ``soil_moisture`` and ``swe`` included).
        units: the project's name -> the unit, where the file has none or a wrong one.
        id_column: name of the id column of the tables, where it is not a usual one.
        derived_from_streamflow: attributes to tag so beyond those of CAMELS.
        missing_codes: numbers that stand for a missing value.
        srad_mean: whether shortwave radiation is a mean over daylight (Daymet) or over the whole day.
        start: first day to read; the record's first by default.
        end: last day to read; the record's last by default.
        skip_without_attributes: leave out and list basins that an attribute table lacks, instead of refusing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    attributes: tuple[Path, ...] = ()
    variables: dict[str, str] = {}
    units: dict[str, str] = {}
    id_column: str | None = None
    derived_from_streamflow: tuple[str, ...] = ()
    missing_codes: tuple[float, ...] = (-999.0, -9999.0, -99999.0)
    srad_mean: Literal["daylight", "day"] = "daylight"
    start: date | None = None
    end: date | None = None
    skip_without_attributes: bool = False


def read(
    options: Options,
    directory: Path,  # noqa: ARG001 - nothing is cached here
    on_batch: Callable[[Any], None] | None = None,  # noqa: ARG001 - there is no long work
    selection: Selection = EVERY_BASIN,
) -> xr.Dataset:
    """Return the chosen basins in the data contract; only they and the wanted days are kept in memory.

    Raises:
        UsageError: for a file, variable or basin that does not exist.
        DataError: one line that names file, basin, day and rule where the data break one.
    """
    path, tables = _places(options)
    attributes = read_attributes(tables, options.id_column)
    with _opened(path) as file:
        file = _days_between(file, options, path)
        inside = _attributes_inside(file)
        everything = attributes.values.join(inside[inside.columns.difference(attributes.values.columns)], how="right")
        chosen, skipped = _choose(file, selection, everything, attributes, options)
        dates = file["time"].to_numpy()
        series = _series(file, chosen, (*FORCING, *OPTIONAL_FORCING, "streamflow", *TARGETS), path, options)
    if options.srad_mean == "day":
        series["srad"] = _over_daylight(series["srad"], series["dayl"])
    checks.forcing(series, chosen, dates, path)
    checks.observations(series, chosen, dates, path)
    notes = order_temperatures(series)
    derived = attributes.derived | set(options.derived_from_streamflow)
    dataset = assemble(series, dates, everything.loc[chosen], derived)
    marks = {"source": str(path), "reader": "netcdf", "synthetic": 0, "skipped_basins": " ".join(skipped)}
    return dataset.assign_attrs(marks | notes)


def read_targets(path: Path, basins: Sequence[str], days: checks.Days) -> dict[str, Array]:
    """(basin, time) of what a file holds of ``TARGETS``; basins and days that it lacks are gaps.

    Raises:
        UsageError: for a file that does not exist.
        DataError: one line that names file, basin, day and rule where the data break one.
    """
    if not path.is_file():
        raise UsageError(f"targets: there is no file {path}")
    with _opened(path) as file:
        checks.consecutive(file["time"].to_numpy(), path)
        held = file[[name for name in TARGETS if name in file]].reindex(basin=list(basins), time=days)
        series = _series(held, list(basins), TARGETS, path, Options(path=path))
    if not series:
        raise DataError(f"{path}: there is no variable called {', '.join(TARGETS)}")
    checks.observations(series, list(basins), days, path)
    return series


def _places(options: Options) -> tuple[Path, tuple[Path, ...]]:
    """Return the netCDF file and the attribute tables."""
    if not options.path.is_dir():
        if not options.path.is_file():
            raise UsageError(f"path: there is no file {options.path}")
        return options.path, options.attributes
    files = sorted(options.path.glob("*.nc"))
    if len(files) != 1:
        raise UsageError(f"path: {options.path} holds {len(files)} .nc files; name the one to read")
    folders = tuple(sorted(p for p in options.path.glob("*attributes*") if p.is_dir()))
    return files[0], options.attributes or folders


def _opened(path: Path) -> xr.Dataset:
    try:
        file = xr.open_dataset(path, cache=False, decode_timedelta=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as netCDF: {' '.join(str(error).split())}") from None
    names = [name for name in BASIN_NAMES if name in file.dims]
    if not names or "time" not in file.dims:
        raise DataError(
            f"{path}: expected dims basin (or gauge_id) and time, received {', '.join(map(str, file.dims))}"
        )
    file = file.rename({names[0]: "basin"} if names[0] != "basin" else {})
    return file.assign_coords(basin=checks.basin_ids(file, names[0], path), time=checks.days(file, path))


def _days_between(file: xr.Dataset, options: Options, path: Path) -> xr.Dataset:
    dates = file["time"].to_numpy()
    checks.consecutive(dates, path)
    start, end = (np.datetime64(day, "D") if day else None for day in (options.start, options.end))
    for key, day in (("start", start), ("end", end)):
        if day is not None and not dates[0] <= day <= dates[-1]:
            record = f"{dates[0].astype('datetime64[D]')} to {dates[-1].astype('datetime64[D]')}"
            raise UsageError(f"{key}: {day} is outside the record of {path}, {record}")
    if start is not None and end is not None and start > end:
        raise UsageError(f"start: {start} is after end, {end}")
    return file.sel(time=slice(start, end))


def _attributes_inside(file: xr.Dataset) -> pd.DataFrame:
    """Return the (basin,) variables of the file itself."""
    names = [str(name) for name in file.data_vars if file[name].dims == ("basin",)]
    return pd.DataFrame({n: file[n].to_numpy() for n in names}, index=file["basin"].to_numpy().astype(object))


def _choose(
    file: xr.Dataset,
    selection: Selection,
    everything: pd.DataFrame,
    attributes: AttributeTable,
    options: Options,
) -> tuple[list[str], list[str]]:
    """Return the basins to read, in the file's order, and those skipped for want of attributes."""
    derived = attributes.derived | DERIVED_FROM_STREAMFLOW | set(options.derived_from_streamflow)
    basins = [str(basin) for basin in file["basin"].to_numpy()]
    return select_complete(
        basins, selection, everything, derived, attributes.lacking(basins), options.skip_without_attributes
    )


def _series(
    file: xr.Dataset, basins: list[str], names: Sequence[str], path: Path, options: Options
) -> dict[str, Array]:
    """(basin, time) of every one of ``names``, in the project's units; those that need not be there may lack."""
    rows = np.flatnonzero(np.isin(file["basin"].to_numpy(), basins))
    series = {}
    for name in names:
        found = _found(file, name, options)
        if found is None:
            if name in OPTIONAL_FORCING or name in TARGETS:
                continue
            held = ", ".join(str(n) for n in file.data_vars if set(file[n].dims) == {"basin", "time"})
            raise UsageError(f"{path}: there is no variable for {name!r}; map one of: {held} in options.variables")
        values = _without_codes(_load(file[found], rows, path), options.missing_codes)
        unit = _unit(file, found, name, path, options)
        if name == "streamflow" and units.is_discharge(unit):
            series[name] = units.discharge_to_depth(values, unit, _area(file, rows, path, options))
        else:
            series[name] = units.convert(values, name, unit, f"{path}: {found}")
    return series


def _found(file: xr.Dataset, name: str, options: Options) -> str | None:
    if name in options.variables:
        wanted = options.variables[name]
        if wanted not in file:
            held = ", ".join(map(str, file.data_vars))
            raise UsageError(f"variables.{name}: the file holds no {wanted!r}; it holds: {held}")
        return wanted
    return next((n for n in USUAL_NAMES.get(name, (name,)) if n in file), None)


def _load(variable: xr.DataArray, rows: np.ndarray[Any, np.dtype[np.int64]], path: Path) -> Array:
    """Read the band of rows that holds the wanted ones (a fancy index would unpack each chunk many times)."""
    if set(variable.dims) != {"basin", "time"}:
        raise DataError(f"{path}: {variable.name} has dims {variable.dims}, expected basin and time")
    band = variable.isel(basin=slice(int(rows[0]), int(rows[-1]) + 1)).transpose("basin", "time")
    return np.asarray(band.to_numpy()[rows - rows[0]], dtype=np.float64)


def _without_codes(values: Array, codes: tuple[float, ...]) -> Array:
    """Put NaN where a value is a missing-value code, to the precision of packed or float32 storage."""
    coded = np.zeros(values.shape, dtype=bool)
    for code in codes:
        coded |= np.abs(values - code) <= 1e-6 * abs(code)
    return np.where(coded, np.nan, values)


def _unit(file: xr.Dataset, found: str, name: str, path: Path, options: Options) -> str:
    unit = options.units.get(name, file[found].attrs.get("units"))
    if unit is None:
        raise DataError(f"{path}: {found} has no units; give options.units.{name}, one of: {units.known(name)}")
    return str(unit)


def _area(file: xr.Dataset, rows: np.ndarray[Any, np.dtype[np.int64]], path: Path, options: Options) -> Array:
    found = _found(file, "area", options)
    if found is None:
        raise UsageError(f"{path}: discharge needs the basin area; map options.variables.area")
    area = np.asarray(file[found].to_numpy(), dtype=np.float64)[rows]
    area = units.convert(area, "area", _unit(file, found, "area", path, options), f"{path}: {found}")
    if (bad := ~(area > 0)).any():
        basin = file["basin"].to_numpy()[rows[bad.argmax()]]
        raise DataError(f"{path}: {found} of basin {basin} is {area[bad.argmax()]}; an area must be above 0 km2")
    return area


def _over_daylight(srad: Array, dayl: Array) -> Array:
    """Turn a mean over the whole day into one over daylight; 0 in the polar night."""
    return np.divide(srad * units.DAY, dayl, out=np.zeros_like(srad), where=dayl > 0)
