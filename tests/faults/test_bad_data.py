"""Bad data give one line that names file, basin, day and rule (FAULTS: a missing attribute, bad data)."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models.errors import DataError, ProjectError, UsageError
from pipeline.readers.netcdf import Options, read

pytestmark = pytest.mark.fault(25)
BASINS = ["01013500", "02000000"]
UNITS = {
    "prcp": "mm/day",
    "tmin": "degC",
    "tmax": "degC",
    "srad": "W/m2",
    "vp": "Pa",
    "dayl": "s",
    "streamflow": "mm/day",
}
VALUES = {
    "prcp": 3.0,
    "tmin": 1.0,
    "tmax": 11.0,
    "srad": 300.0,
    "vp": 700.0,
    "dayl": 43200.0,
    "streamflow": 1.0,
}


def example() -> xr.Dataset:
    days = pd.date_range("2000-01-01", "2000-02-29")
    shape = (len(BASINS), len(days))
    variables = {n: (("basin", "time"), np.full(shape, v), {"units": UNITS[n]}) for n, v in VALUES.items()}
    return xr.Dataset(variables, coords={"basin": BASINS, "time": days})


def put(name: str, value: float) -> Callable[[xr.Dataset], xr.Dataset]:
    """Return a change that puts ``value`` into basin 02000000 on 2000-01-06."""

    def change(data: xr.Dataset) -> xr.Dataset:
        data[name][1, 5] = value
        return data

    return change


def also(name: str, value: float, text: str) -> Callable[[xr.Dataset], xr.Dataset]:
    """Return a change that adds observations in a unit, one of them ``value``."""
    return lambda data: put(name, value)(data.assign({name: (data["prcp"] * 0 + 0.5).assign_attrs(units=text)}))


def unit(name: str, text: str) -> Callable[[xr.Dataset], xr.Dataset]:
    def change(data: xr.Dataset) -> xr.Dataset:
        data[name].attrs["units"] = text
        return data

    return change


def without_unit(data: xr.Dataset) -> xr.Dataset:
    data["prcp"].attrs.clear()
    return data


PLACE = "basin 02000000, 2000-01-06: "


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (put("streamflow", -0.5), PLACE + r"streamflow is negative \(-0.5 mm/day\)"),
        (put("streamflow", np.inf), PLACE + "streamflow is infinite"),
        (also("swe", -0.5, "mm"), PLACE + r"swe is negative \(-0.5 mm\); a code for a gap goes into options.missing"),
        (also("soil_moisture", 1.5, "m3/m3"), PLACE + r"soil_moisture is above 1 \(1.5 m3/m3\)"),
        (also("evaporation", np.inf, "mm/day"), PLACE + "evaporation is infinite"),
        (also("soil_moisture", 20.0, "mm"), "unit 'mm' of soil_moisture is not known; known: m3/m3, %"),
        (put("prcp", np.nan), PLACE + "prcp is missing; forcing must have no gaps"),
        (put("tmin", -999.0), PLACE + "tmin is missing"),
        (put("prcp", -1.0), PLACE + "prcp is -1 mm/day, outside 0 to 2000"),
        (put("tmax", 284.0), PLACE + "tmax is 284 degC, outside .*is its unit right"),
        (lambda d: d.isel(time=[0, 1, 3, 4]), "time: 2000-01-03 is missing"),
        (lambda d: d.isel(time=[0, 1, 1, 2]), "time: 2000-01-02 is given twice"),
        (lambda d: d.isel(time=[0, 2, 1]), "time: 2000-01-02 is missing"),
        (lambda d: d.isel(time=[1, 0]), "time: 2000-01-01 comes after 2000-01-02"),
        (unit("prcp", "inches"), "prcp: unit 'inches' of prcp is not known; known: mm/day"),
        (unit("streamflow", "gallons"), "unit 'gallons' of streamflow is not known; known: .*ft3/s"),
        (unit("streamflow", "ft3/s"), "discharge needs the basin area; map options.variables.area"),
        (without_unit, "prcp has no units; give options.units.prcp"),
        (
            lambda d: d.assign_coords(basin=[1013500, 2000000]),
            "leading zeros are lost; store ids as text",
        ),
        (lambda d: d.assign_coords(basin=["a", "a"]), "basin a given twice"),
        (lambda d: d.drop_vars("basin"), "no coordinate that holds the basin ids"),
        (lambda d: d.drop_vars("vp"), "there is no variable for 'vp'"),
        (lambda d: d.rename(basin="site"), r"expected dims basin \(or gauge_id\) and time"),
        (
            lambda d: d.convert_calendar("noleap"),
            r"not in days of the Gregorian calendar \(calendar: noleap\)",
        ),
    ],
)
def test_bad_series_are_one_line_with_file_basin_and_day(tmp_path, change, message):
    path = tmp_path / "bad.nc"
    change(example()).to_netcdf(path)
    with pytest.raises(ProjectError, match=message) as caught:
        read(Options(path=path), tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("gauge_id,aridity\n01013500,1\n", "there is no row for basin 02000000$"),
        (
            "gauge_id,aridity\n1013500,1\n02000000,2\n",
            r"no row for basin 01013500 \(there is '1013500': .*leading zeros",
        ),
        ("gauge_id,aridity\n01013500,1\n02000000,2\n01013500,3\n", "line 4: basin 01013500 has a second row"),
        (
            "gauge_id,aridity\n01013500,1\n02000000,2..0\n",
            "line 3: aridity of basin 02000000 is not a number: '2..0'",
        ),
        ("aridity;gauge_id\n1;01013500\n", "line 1: the first column must be the basin's id"),
        ("gauge_id,aridity\n01013500,1\n02000000,1,2,3,4\n", "not a table"),
        ("", "line 1: the first column must be the basin's id"),
    ],
)
def test_bad_attribute_tables_are_one_line_with_file_and_line(tmp_path, table, message):
    example().to_netcdf(tmp_path / "good.nc")
    path = tmp_path / "table.csv"
    path.write_text(table)
    with pytest.raises(DataError, match=message) as caught:
        read(Options(path=tmp_path / "good.nc", attributes=(path,)), tmp_path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_one_attribute_in_two_tables_is_refused(tmp_path):
    example().to_netcdf(tmp_path / "good.nc")
    tables = (tmp_path / "a.csv", tmp_path / "b.csv")
    for table in tables:
        table.write_text("gauge_id,aridity\n01013500,1\n02000000,2\n")
    with pytest.raises(DataError, match=r"b.csv: attribute 'aridity' was already given by .*a.csv"):
        read(Options(path=tmp_path / "good.nc", attributes=tables), tmp_path)


def test_files_that_do_not_exist_or_are_no_netcdf_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"there is no file .*none.nc"):
        read(Options(path=tmp_path / "none.nc"), tmp_path)
    with pytest.raises(UsageError, match=r"holds 0 \.nc files"):
        read(Options(path=tmp_path), tmp_path)
    broken = tmp_path / "broken.nc"
    broken.write_bytes(b"CDF is not what this is")
    with pytest.raises(DataError, match=r"broken.nc: cannot be read as netCDF"):
        read(Options(path=broken), tmp_path)
    example().to_netcdf(tmp_path / "good.nc")
    with pytest.raises(UsageError, match="there is no such attribute file or folder"):
        read(Options(path=tmp_path / "good.nc", attributes=(tmp_path / "none.csv",)), tmp_path)
    with pytest.raises(UsageError, match=r"start: 1999-01-01 is outside the record"):
        read(Options(path=tmp_path / "good.nc", start="1999-01-01"), tmp_path)
