"""Reader ``camels_us``: the folders and text files of CAMELS-US as they are published.

    basin_dataset_public_v1p2/
        basin_mean_forcing/daymet|nldas|maurer/HUC/ID_lump_*_forcing_leap.txt
        usgs_streamflow/HUC/ID_streamflow_qc.txt
    camels_attributes_v2.0/camels_*.txt

All three products give precipitation, shortwave radiation as a mean over daylight, vapour pressure and day length.
NLDAS and Maurer as published give the day's mean temperature twice in place of its extremes. The column of snow water
is no observation, and 0 throughout.

Source:
    Newman et al. (2015), doi:10.5194/hess-19-209-2015; Addor et al. (2017), doi:10.5194/hess-21-5293-2017.
"""

from collections.abc import Callable
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
from pipeline.readers.camels_files import ForcingRecord, read_flow, read_forcing
from pipeline.readers.camels_folders import BasinFiles, attribute_tables, data_folder
from pipeline.readers.checks import Days
from pipeline.readers.contract import FORCING, assemble, order_temperatures
from pipeline.readers.netcdf import read_targets


class Options(BaseModel):
    """Options of the reader.

    Args:
        path: the folder that holds ``basin_mean_forcing``, or one up to two levels above it.
        forcing: the product, a folder of ``basin_mean_forcing``: daymet, nldas, maurer, or another of that form
            (nldas_extended and maurer_extended have the extremes of temperature).
        area: the area that streamflow is spread over, the forcing file's or that of GAGES-II.
        attributes: text tables, or folders of them; by default the ``camels_*.txt`` in or up to two levels above
            the data set's folder, alone or in a folder called ``*attributes*``.
        targets: a netCDF file that holds, at some of the basins and days, what is observed besides streamflow
            (``evaporation``, ``soil_moisture``, ``swe``), with units.
        gap_flags: quality flags whose days are gaps; ``A:e`` is flow that the USGS estimated.
        mean_temperature: whether a product whose tmin and tmax are both the day's mean is accepted.
        start: first day to read; the record's first by default, where the forcing of all basins has the same days.
        end: last day to read; the record's last by default, likewise.
        without_streamflow: read basins that have no streamflow file as well, as nothing but gaps.
        skip_incomplete: leave out and list basins that lack a file or a row of attributes, instead of refusing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: Path
    forcing: str = "daymet"
    area: Literal["header", "gages2"] = "header"
    attributes: tuple[Path, ...] = ()
    targets: Path | None = None
    gap_flags: tuple[str, ...] = ("M",)
    mean_temperature: Literal["refuse", "accept"] = "refuse"
    start: date | None = None
    end: date | None = None
    without_streamflow: bool = False
    skip_incomplete: bool = False


def read(
    options: Options,
    directory: Path,  # noqa: ARG001 - nothing is cached here
    on_batch: Callable[[Any], None] | None = None,  # noqa: ARG001 - there are no legacy runs
    selection: Selection = EVERY_BASIN,
) -> xr.Dataset:
    """Return the chosen basins in the data contract; only their files are opened.

    Raises:
        UsageError: for a folder, product, basin or day that does not exist.
        DataError: one line that names file, basin, line or day, and rule where the data break one.
    """
    root = data_folder(options.path)
    tables = options.attributes or attribute_tables(root)
    attributes = read_attributes(tables)
    files = BasinFiles.under(root, options.forcing)
    lacking = attributes.lacking(files.basins) | files.lacking(options.without_streamflow)
    derived = attributes.derived | DERIVED_FROM_STREAMFLOW
    chosen, skipped = select_complete(
        files.basins, selection, attributes.values, derived, lacking, options.skip_incomplete
    )
    records = [read_forcing(files.forcing[basin][0], basin) for basin in chosen]
    days = _common_days(records, options)
    series = _forcing(records, days, options)
    notes = _notes(series)
    area = _areas(records, attributes, tables, options)
    flow = np.stack([_flow(files.flow.get(basin, []), basin, days, options) for basin in chosen])
    series["streamflow"] = units.discharge_to_depth(flow, "ft3/s", area)
    if options.targets is not None:
        series |= read_targets(options.targets, chosen, days)
    table = attributes.values.reindex(chosen).assign(area_km2=area)
    marks = {"source": str(root), "reader": "camels_us", "synthetic": 0, "skipped_basins": " ".join(skipped)}
    marks |= {"forcing": options.forcing, "area": options.area}
    return assemble(series, days, table, attributes.derived).assign_attrs(marks | notes)


def _common_days(records: list[ForcingRecord], options: Options) -> Days:
    """Return the days to read, which the forcing of every basin covers."""
    one = records[0]
    other = next((record for record in records if record.span != one.span), None)
    if other is not None and (options.start is None or options.end is None):
        common = f"{max(record.dates[0] for record in records)} to {min(record.dates[-1] for record in records)}"
        raise DataError(
            f"{other.path}: basin {other.basin} has forcing from {other.span}, basin {one.basin} from {one.span}; "
            f"give options.start and options.end (every basin has {common})"
        )
    start = np.datetime64(options.start, "D") if options.start else one.dates[0]
    end = np.datetime64(options.end, "D") if options.end else one.dates[-1]
    for record in records:
        for key, day in (("start", start), ("end", end)):
            if not record.dates[0] <= day <= record.dates[-1]:
                raise UsageError(f"{key}: {day} is outside {record.path}: basin {record.basin}, {record.span}")
    if start > end:
        raise UsageError(f"start: {start} is after end, {end}")
    return np.arange(start, end + np.timedelta64(1, "D"))


def _forcing(records: list[ForcingRecord], days: Days, options: Options) -> dict[str, Array]:
    """(basin, time) of every forcing variable, checked."""
    rows = []
    for record in records:
        row = record.between(days)
        checks.forcing({name: values[None] for name, values in row.items()}, [record.basin], days, record.path)
        if options.mean_temperature == "refuse" and (record.series["tmin"] == record.series["tmax"]).all():
            raise DataError(
                f"{record.path}: basin {record.basin}: tmin equals tmax on every day, both are the mean of the day; "
                f"take another product than {options.forcing}, or set options.mean_temperature to accept"
            )
        rows.append(row)
    return {name: np.stack([row[name] for row in rows]) for name in FORCING}


def _notes(series: dict[str, Array]) -> dict[str, Any]:
    """Put tmin and tmax in order in place and return what is to be known of them as dataset attributes."""
    mean = bool((series["tmin"] == series["tmax"]).all())
    notes = order_temperatures(series)
    return notes | {"notes": "tmin and tmax are both the mean of the day"} if mean else notes


def _flow(files: list[Path], basin: str, days: Days, options: Options) -> Array:
    """(time,) discharge [ft3/s]; nothing but gaps without a file."""
    return read_flow(files[0], basin, options.gap_flags).on(days) if files else np.full(len(days), np.nan)


def _areas(
    records: list[ForcingRecord], attributes: AttributeTable, tables: tuple[Path, ...], options: Options
) -> Array:
    """(basin,) area that streamflow is spread over [km2]."""
    if options.area == "header":
        return np.array([record.area for record in records])
    if "area_gages2" not in attributes.values:
        raise UsageError(f"area: no attribute is called area_gages2 in {', '.join(map(str, tables))}")
    chosen = [record.basin for record in records]
    area = pd.to_numeric(attributes.values["area_gages2"], errors="coerce").reindex(chosen).to_numpy(dtype=np.float64)
    if (bad := ~(area > 0)).any():
        basin = chosen[int(bad.argmax())]
        raise DataError(f"{tables[0].parent}: area_gages2 of basin {basin} is {area[bad][0]}; expected above 0 km2")
    return area
