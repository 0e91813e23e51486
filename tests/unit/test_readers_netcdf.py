"""The netcdf reader: units, selection, periods and attributes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models.errors import UnknownNameError, UsageError
from pipeline.basins import Selection
from pipeline.readers import READERS, parse_options
from pipeline.readers.contract import TARGETS
from pipeline.readers.netcdf import Options, read
from pipeline.readers.units import convert, discharge_to_depth

BASINS = ["01013500", "02", "12345678"]
DAYS = pd.date_range("2000-01-01", "2000-12-31")


def example(**units: str) -> xr.Dataset:
    """A year of three basins with values that differ between basins."""
    usual = {
        "prcp": "mm/day",
        "tmin": "degC",
        "tmax": "degC",
        "srad": "W/m2",
        "vp": "Pa",
        "dayl": "s",
        "q_cfs": "ft3/s",
    }
    base = {
        "prcp": 3.0,
        "tmin": 1.0,
        "tmax": 11.0,
        "srad": 300.0,
        "vp": 700.0,
        "dayl": 43200.0,
        "q_cfs": 100.0,
    }
    scale = np.arange(1.0, 4.0)[:, None] * np.ones(len(DAYS))
    variables = {
        name: (
            ("gauge_id", "time"),
            np.where(name == "dayl", 1.0, scale) * value,
            {"units": units.get(name, usual[name])},
        )
        for name, value in base.items()
    }
    variables["area_km2"] = (("gauge_id",), np.array([10.0, 20.0, 30.0]), {"units": "km2"})
    return xr.Dataset(variables, coords={"gauge_id": np.array(BASINS), "time": DAYS})


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "data.nc"
    example().to_netcdf(path)
    return path


def write_table(path: Path, text: str) -> Path:
    path.write_bytes(text.encode())
    return path


def test_every_reader_gives_its_options_by_name():
    for name in READERS:
        assert callable(READERS.resolve(name))
    with pytest.raises(UnknownNameError, match=r"data.options.pathh: .*did you mean 'path'"):
        parse_options("netcdf", {"pathh": "x"})
    with pytest.raises(UsageError, match=r"data.options.srad_mean: .*received 'noon'"):
        parse_options("netcdf", {"path": "x", "srad_mean": "noon"})


def test_a_cubic_foot_a_second_over_a_square_kilometre_is_2_446575545549_mm_a_day():
    depth = discharge_to_depth(np.ones((1, 1)), "ft3/s", np.ones(1))
    assert depth.item() == pytest.approx(0.3048**3 * 86400 * 1000 / 1e6, rel=1e-15)
    assert depth.item() == pytest.approx(2.446575545549, abs=1e-12)
    assert discharge_to_depth(np.ones((1, 1)), "m3/s", np.ones(1)).item() == pytest.approx(86.4, rel=1e-15)


@pytest.mark.parametrize(
    ("variable", "unit", "value", "right"),
    [
        ("tmin", "K", 273.15, 0.0),
        ("tmax", "degF", 212.0, 100.0),
        ("tmin", "celsius", 3.5, 3.5),
        ("vp", "kPa", 1.0, 1000.0),
        ("vp", "hPa", 1.0, 100.0),
        ("dayl", "hours", 12.0, 43200.0),
        ("prcp", "kg m-2 s-1", 1 / 86400, 1.0),
        ("prcp", "in/day", 1.0, 25.4),
        ("prcp", "mm/d", 1.0, 1.0),
        ("area", "mi2", 1.0, 2.589988110336),
        ("srad", "MJ/m2/day", 8.64, 100.0),
        ("wind", "km/h", 36.0, 10.0),
    ],
)
def test_units_convert_exactly(variable, unit, value, right):
    assert convert(np.array([value]), variable, unit, "file").item() == pytest.approx(right, abs=1e-10)


def test_discharge_becomes_depth_over_the_basin(written, tmp_path):
    flow = read(Options(path=written), tmp_path)["streamflow"]
    np.testing.assert_allclose(flow.to_numpy(), 2.4465755455488 * 10.0, rtol=1e-12)
    assert flow.attrs["units"] == "mm/day"
    assert flow.dims == ("basin", "time")


def test_foreign_units_and_names_give_the_same_dataset(written, tmp_path):
    other = example()
    for name in ("tmin", "tmax"):
        other[name] = (other[name] + 273.15).assign_attrs(units="K")
    other["vp"] = (other["vp"] / 1000).assign_attrs(units="kPa")
    other["dayl"] = (other["dayl"] / 3600).assign_attrs(units="h")
    other["srad"] = (other["srad"] / 2).assign_attrs(units="W m-2")  # over the whole day: half of it is light
    other["q_cfs"] = (other["q_cfs"] * 0.3048**3).assign_attrs(units="m3/s")
    other = other.rename({"prcp": "rain", "gauge_id": "basin", "q_cfs": "Q"}).transpose("time", "basin")
    other["rain"].attrs.clear()
    other.to_netcdf(tmp_path / "other.nc")
    options = Options(
        path=tmp_path / "other.nc",
        variables={"prcp": "rain", "streamflow": "Q"},
        units={"prcp": "mm/day"},
        srad_mean="day",
    )
    ours, theirs = read(Options(path=written), tmp_path), read(options, tmp_path)
    xr.testing.assert_allclose(ours, theirs, rtol=1e-12)


def test_what_else_is_observed_is_read_in_its_own_units_gaps_included(tmp_path):
    data = example()
    for name, value, unit in (("ET", 2.0 / 86400, "kg m-2 s-1"), ("soil_moisture", 30.0, "%"), ("swe", 0.12, "m")):
        data[name] = (data["prcp"].dims, np.full(data["prcp"].shape, value), {"units": unit})
    data["ET"][2, 7] = -999.0
    data["swe"][0, 3] = np.nan
    data.to_netcdf(tmp_path / "data.nc")
    found = read(Options(path=tmp_path / "data.nc", variables={"evaporation": "ET"}), tmp_path)
    for name, value, unit in (("evaporation", 2.0, "mm/day"), ("soil_moisture", 0.3, "m3/m3"), ("swe", 120.0, "mm")):
        assert (found[name].dims, found[name].attrs["units"]) == (("basin", "time"), unit)
        np.testing.assert_allclose(found[name].dropna("basin"), value, rtol=1e-12)
    gaps = {name: np.argwhere(found[name].isnull().to_numpy()).tolist() for name in TARGETS}
    assert gaps == {"evaporation": [[2, 7]], "soil_moisture": [], "swe": [[0, 3]]}
    fewer = read(Options(path=tmp_path / "data.nc"), tmp_path)
    assert "evaporation" not in fewer


def test_missing_codes_are_gaps_in_flow(tmp_path):
    data = example()
    data["q_cfs"][1, 5] = -999.0
    data["q_cfs"][1, 6] = np.nan
    data["q_cfs"].encoding = {"dtype": "int32", "scale_factor": 0.01, "_FillValue": -1}
    data.to_netcdf(tmp_path / "data.nc")
    flow = read(Options(path=tmp_path / "data.nc"), tmp_path)["streamflow"]
    assert np.flatnonzero(flow.isnull().to_numpy()).tolist() == [366 + 5, 366 + 6]


def test_tmin_above_tmax_is_swapped_and_counted(tmp_path):
    data = example()
    data["tmin"][0, 3] = 20.0
    data.to_netcdf(tmp_path / "data.nc")
    read_back = read(Options(path=tmp_path / "data.nc"), tmp_path)
    assert read_back.attrs["swapped_tmin_tmax"] == 1
    assert (read_back["tmin"][0, 3].item(), read_back["tmax"][0, 3].item()) == (11.0, 20.0)


def test_only_the_chosen_basins_and_days_are_kept(written, tmp_path):
    options = Options(path=written, start="2000-03-01", end="2000-03-10")
    data = read(options, tmp_path, selection=Selection(ids=("12345678", "01013500")))
    assert data["basin"].to_numpy().tolist() == ["01013500", "12345678"]
    assert data.sizes["time"] == 10
    assert data["prcp"][:, 0].to_numpy().tolist() == [3.0, 9.0]


def test_attribute_tables_survive_bom_crlf_and_either_separator(written, tmp_path):
    (tmp_path / "tables").mkdir()
    ids = "\r\n".join(f"{b};{i}.5;0{i};  Mixed Forests" for i, b in enumerate(BASINS))
    write_table(tmp_path / "tables" / "one.txt", f"\ufeffgauge_id;aridity;huc_02;cover\r\n{ids}\r\n")
    write_table(tmp_path / "tables" / "camels_hydro.csv", "basin,signature\n" + "\n".join(f"{b},1" for b in BASINS))
    write_table(tmp_path / "tables" / "readme.txt", "A few words, about the tables.\n")
    data = read(Options(path=written, attributes=(tmp_path / "tables",)), tmp_path)
    assert data["aridity"].to_numpy().tolist() == [0.5, 1.5, 2.5]
    assert data["huc_02"].to_numpy().tolist() == ["00", "01", "02"]
    assert data["cover"].to_numpy().tolist() == ["Mixed Forests"] * 3
    assert data["signature"].attrs["derived_from_streamflow"] == 1
    assert "derived_from_streamflow" not in data["aridity"].attrs


def test_missing_attribute_values_are_nan(written, tmp_path):
    table = write_table(tmp_path / "a.csv", "gauge_id,depth\n01013500,NA\n02,-999\n12345678,2.5\n")
    depth = read(Options(path=written, attributes=(table,)), tmp_path)["depth"].to_numpy()
    np.testing.assert_array_equal(depth, [np.nan, np.nan, 2.5])


@pytest.mark.fault(24)
def test_basins_without_attributes_are_skipped_and_listed_when_told_to(written, tmp_path):
    table = write_table(tmp_path / "a.csv", "gauge_id,aridity\n01013500,1\n12345678,2\n")
    data = read(Options(path=written, attributes=(table,), skip_without_attributes=True), tmp_path)
    assert data["basin"].to_numpy().tolist() == ["01013500", "12345678"]
    assert data.attrs["skipped_basins"] == "02"


def test_camels_is_read_as_it_is(shared_data, tmp_path):
    options = Options(path=shared_data / "camels_us", start="1989-10-01", end="1992-09-30")
    data = read(options, tmp_path, selection=Selection(number=5, query="frac_snow > 0.3"))
    assert data.sizes == {"basin": 5, "time": 1096}
    assert (data["frac_snow"] > 0.3).all()
    assert not data["streamflow"].isnull().any()
    hydro = (
        (shared_data / "camels_us/camels_attributes_v2.0/camels_hydro.txt").read_text().splitlines()[0].split(";")[1:]
    )
    assert all(data[name].attrs["derived_from_streamflow"] == 1 for name in hydro)
    tagged = {str(n) for n in data.data_vars if data[n].attrs.get("derived_from_streamflow")}
    assert tagged == set(hydro)


def test_camels_streamflow_agrees_with_the_original_text_files(shared_data, tmp_path):
    data = read(
        Options(path=shared_data / "camels_us", start="1999-10-01", end="2000-09-30"),
        tmp_path,
        selection=Selection(ids=("01022500",)),
    )
    found = list((shared_data / "camels_us/original_layout").rglob("01022500_streamflow_qc.txt"))
    rows = pd.read_csv(found[0], sep=r"\s+", header=None, names=["id", "y", "m", "d", "q", "flag"], dtype={"id": str})
    year = rows[(rows.y * 100 + rows.m).between(199910, 200009)]
    expected = year.q.to_numpy() * 2.446575545549 / data["area_km2"].item()
    np.testing.assert_allclose(data["streamflow"].to_numpy()[0], expected, rtol=1e-6)
