"""The reader of CAMELS-US as it is published: products, areas, flags, selection, and agreement with the netCDF file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models.errors import DataError, UnknownNameError, UsageError
from pipeline.basins import Selection, in_hash_order
from pipeline.readers import netcdf, parse_options
from pipeline.readers.camels_us import Options, read
from pipeline.readers.contract import FORCING
from pipeline.readers.weather import extraterrestrial_radiation
from tests.camels_folder import (
    BASINS,
    DAYS,
    UPPER,
    change,
    flow_file,
    forcing_file,
    write,
    write_camels,
)

CUBIC_FOOT = 2.4465755455488  # mm/day over 1 km2


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_camels(tmp_path / "camels")


def get(path: Path, selection: Selection | None = None, **options: object) -> xr.Dataset:
    return read(Options(path=path, **options), path, selection=selection or Selection())


def test_the_dataset_keeps_the_contract(root):
    data = get(root)
    assert data["basin"].to_numpy().tolist() == list(BASINS)
    assert (data["time"].to_numpy() == DAYS.to_numpy()).all()
    assert np.datetime64("2000-02-29") in data["time"].to_numpy()
    for name in (*FORCING, "streamflow"):
        assert data[name].dims == ("basin", "time")
        assert data[name].dtype == np.float64
    units = {name: data[name].attrs["units"] for name in (*FORCING, "streamflow", "area_km2")}
    assert list(units.values()) == ["mm/day", "degC", "degC", "W/m2", "Pa", "s", "mm/day", "km2"]
    np.testing.assert_allclose(data["prcp"], np.arange(3)[:, None] + np.arange(len(DAYS)) / 10, rtol=1e-12)
    values = [float(data[name][0, 0]) for name in ("tmin", "tmax", "srad", "vp", "dayl")]
    assert values == [1.0, 11.0, 300.0, 700.0, 43200.0]
    assert data["huc_02"].to_numpy().tolist() == ["01", "03", "17"]
    assert data["q_mean"].attrs["derived_from_streamflow"] == 1
    assert "derived_from_streamflow" not in data["aridity"].attrs
    assert data.attrs["synthetic"] == 0


def test_the_data_set_is_found_from_the_folders_above_it(root, tmp_path):
    for path in (root.parent, tmp_path):
        xr.testing.assert_identical(get(root), get(path))


def test_attributes_are_looked_for_in_the_data_set_first(root):
    write(root / "camels_clim.txt", ["gauge_id;aridity", *(f"{basin};9" for basin in BASINS)])
    assert get(root)["aridity"].to_numpy().tolist() == [9.0, 9.0, 9.0]


def test_products_differ_in_their_headers_only(root):
    expected = get(root, forcing="nldas", mean_temperature="accept")
    maurer = forcing_file(root, "maurer", BASINS[0])
    change(maurer, lambda lines: [*lines[:3], UPPER.removeprefix("Year Mnth Day Hr\t").lower(), *lines[4:]])
    for basin in BASINS[1:]:  # as in maurer_extended: tabs throughout, no leading zeros in dates
        file = forcing_file(root, "maurer", basin)
        change(file, lambda lines: [line.replace(" 12\t", "\t12\t").replace(" 0", "\t") for line in lines])
    data = get(root, forcing="maurer", mean_temperature="accept")
    xr.testing.assert_equal(expected, data)


def test_a_mean_temperature_given_twice_is_refused_unless_accepted(root):
    rule = r"nldas/01/01013500_lump_nldas_forcing_leap.txt: basin 01013500: tmin equals tmax on every day"
    with pytest.raises(DataError, match=rule):
        get(root, forcing="nldas")
    data = get(root, forcing="nldas", mean_temperature="accept")
    xr.testing.assert_equal(data["tmin"].drop_attrs(), data["tmax"].drop_attrs())
    assert data.attrs["notes"] == "tmin and tmax are both the mean of the day"
    assert get(root).attrs["notes"] == ""


def test_tmin_above_tmax_is_swapped_and_counted(root):
    change(
        forcing_file(root, "daymet", BASINS[1]), lambda lines: [*lines[:-1], lines[-1].replace("11.00\t1.00", "2\t5")]
    )
    data = get(root)
    assert data.attrs["swapped_tmin_tmax"] == 1
    assert (float(data["tmin"][1, -1]), float(data["tmax"][1, -1])) == (2.0, 5.0)


def test_flow_is_spread_over_the_forcing_files_area_or_that_of_gages2(root):
    header, gages = get(root), get(root, area="gages2")
    assert header["area_km2"].to_numpy().tolist() == [10.0, 20.0, 30.5]
    assert gages["area_km2"].to_numpy().tolist() == [12.5, 20.0, 30.5]
    last = np.array([19.0, 119.0, 219.0])
    np.testing.assert_allclose(header["streamflow"][:, -1], CUBIC_FOOT * last / [10.0, 20.0, 30.5], rtol=1e-12)
    np.testing.assert_allclose(gages["streamflow"][:, -1], CUBIC_FOOT * last / [12.5, 20.0, 30.5], rtol=1e-12)


def test_flags_decide_which_days_are_gaps(root):
    change(flow_file(root, BASINS[0]), lambda lines: [*lines[:4], lines[4].replace(" A", " M"), *lines[5:]])
    change(flow_file(root, BASINS[1]), lambda lines: [line.removesuffix(" A") for line in lines])
    for flags, gaps in ((("M",), [[2, 4], [2], [2]]), (("M", "A:e"), [[1, 2, 4], [1, 2], [1, 2]])):
        missing = get(root, gap_flags=flags)["streamflow"].isnull().to_numpy()
        assert [np.flatnonzero(row).tolist() for row in missing] == gaps


def test_days_without_a_row_of_flow_are_gaps(root):
    change(flow_file(root, BASINS[0]), lambda lines: [*lines[5:10], *lines[12:15]])
    longer = [f"{BASINS[1]} 1999 12 31 7.00 A", f"{BASINS[1]} 2000 02 20 8.00 A", f"{BASINS[1]} 2001 01 01 9.00 A"]
    write(flow_file(root, BASINS[1]), longer)
    flow = get(root)["streamflow"].to_numpy() * [[10.0], [20.0], [30.5]] / CUBIC_FOOT
    assert np.flatnonzero(~np.isnan(flow[0])).tolist() == [5, 6, 7, 8, 9, 12, 13, 14]
    assert flow[0, 12] == pytest.approx(12.0)
    assert np.flatnonzero(~np.isnan(flow[1])).tolist() == [0]
    assert flow[1, 0] == pytest.approx(8.0)


def test_basins_are_chosen_as_by_the_netcdf_reader(root, tmp_path):
    ids = write(tmp_path / "basins.txt", ["12345678  # far west", "01013500"])
    for selection, right in (
        (Selection(ids=("12345678", "01013500")), ["01013500", "12345678"]),
        (Selection(file=ids), ["01013500", "12345678"]),
        (Selection(query="aridity > 1"), ["02000000", "12345678"]),
        (Selection(number=1), in_hash_order(BASINS)[:1]),
    ):
        assert get(root, selection)["basin"].to_numpy().tolist() == right
    with pytest.raises(UsageError, match="computed from streamflow"):
        get(root, Selection(query="q_mean > 1"))


def test_files_of_other_basins_are_not_opened(root):
    forcing_file(root, "daymet", BASINS[1]).write_text("not a forcing file")
    assert get(root, Selection(ids=(BASINS[0],))).sizes["basin"] == 1


def test_byte_order_marks_and_carriage_returns_make_no_difference(root):
    expected = get(root)
    for path in (forcing_file(root, "daymet", BASINS[0]), flow_file(root, BASINS[0])):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    xr.testing.assert_identical(expected, get(root))


def test_days_are_given_where_records_differ(root):
    change(forcing_file(root, "daymet", BASINS[1]), lambda lines: [*lines[:4], *lines[6:-1]])
    with pytest.raises(
        DataError, match=r"02000000_.*: basin 02000000 has forcing from 2000-02-22 to 2000-03-09, basin"
    ):
        get(root)
    with pytest.raises(DataError, match=r"give options.start and .*end \(every basin has 2000-02-22 to 2000-03-09\)"):
        get(root, start="2000-02-22")
    with pytest.raises(UsageError, match=r"start: 2000-02-21 is outside .*.txt: basin 02000000, 2000-02-22"):
        get(root, start="2000-02-21", end="2000-03-09")
    with pytest.raises(UsageError, match="start: 2000-03-02 is after end, 2000-03-01"):
        get(root, start="2000-03-02", end="2000-03-01")
    data = get(root, start="2000-02-28", end="2000-03-01")
    assert data["prcp"][1].to_numpy().tolist() == [1.8, 1.9, 2.0]
    np.testing.assert_allclose(data["streamflow"][1] * 20 / CUBIC_FOOT, [108, 109, 110], rtol=1e-12)


def test_what_else_is_observed_comes_from_a_file_of_other_basins_and_days(root, tmp_path):
    beside, days = tmp_path / "beside.nc", DAYS[3:].append(DAYS[-1:] + pd.Timedelta(days=1))
    swe = 1.0 + np.arange(2 * len(days)).reshape(2, -1)
    series = {"swe": (("gauge_id", "time"), swe, {"units": "cm"})}
    xr.Dataset(series, {"gauge_id": ["99999999", BASINS[1]], "time": days}).to_netcdf(beside)
    data = get(root, targets=beside)
    assert data["swe"].attrs["units"] == "mm"
    assert data["swe"].isnull().all("time").to_numpy().tolist() == [True, False, True]
    assert data["swe"][1, :3].isnull().all()
    np.testing.assert_allclose(data["swe"][1, 3:], 10.0 * swe[1, :-1], rtol=1e-12)
    assert "swe" not in get(root)
    with pytest.raises(UsageError, match=r"targets: there is no file .*nowhere.nc"):
        get(root, targets=tmp_path / "nowhere.nc")


@pytest.mark.fault(24)
def test_basins_that_lack_a_file_or_a_row_are_refused_or_skipped_when_told_to(root):
    flow_file(root, BASINS[0]).unlink()
    with pytest.raises(DataError, match=r"usgs_streamflow: there is no file of streamflow for basin 01013500; options"):
        get(root)
    data = get(root, without_streamflow=True)
    assert data["streamflow"].isnull().all("time").to_numpy().tolist() == [True, False, False]
    forcing_file(root, "daymet", BASINS[1]).unlink()
    with pytest.raises(
        DataError, match=r"mean_forcing/daymet: there is no file of forcing for basin 02000000; options"
    ):
        get(root, without_streamflow=True)
    data = get(root, skip_incomplete=True)
    assert data["basin"].to_numpy().tolist() == [BASINS[2]]
    assert data.attrs["skipped_basins"] == "01013500 02000000"
    change(root.parent / "camels_attributes_v2.0/camels_clim.txt", lambda lines: lines[:-1])
    with pytest.raises(DataError, match=r"camels_clim.txt: there is no row for basin 12345678"):
        get(root, Selection(ids=(BASINS[2],)))


def test_options_name_what_there_is(root):
    with pytest.raises(
        UnknownNameError, match=r"holds no product 'dayment' \(did you mean 'daymet'\?\); there are: day"
    ):
        get(root, forcing="dayment")
    with pytest.raises(UsageError, match=r"data.options.area: .*'header' or 'gages2', received 'GAGES-II'"):
        parse_options("camels_us", {"path": "x", "area": "GAGES-II"})


# The rest is about the real files.


def test_daymet_files_hold_what_the_netcdf_file_holds_to_its_packing(shared_data, tmp_path):
    chosen, days = Selection(ids=("01031500",)), {"start": "1980-10-01", "end": "2010-09-30"}
    ours = get(shared_data / "camels_us", chosen, without_streamflow=True, **days)
    theirs = netcdf.read(netcdf.Options(path=shared_data / "camels_us", **days), tmp_path, selection=chosen)
    for name, step in (("prcp", 0.01), ("tmin", 0.01), ("tmax", 0.01), ("srad", 0.01), ("vp", 0.01), ("dayl", 1.0)):
        np.testing.assert_allclose(ours[name], theirs[name], rtol=0, atol=step / 2 + 1e-9, err_msg=name)
    attributes = [name for name in theirs.data_vars if theirs[name].dims == ("basin",) and name != "area_km2"]
    xr.testing.assert_identical(ours[attributes].drop_attrs(deep=False), theirs[attributes].drop_attrs(deep=False))


def test_streamflow_files_hold_what_the_netcdf_file_holds_to_its_packing(shared_data, tmp_path):
    days = {"start": "1993-10-08", "end": "2010-09-30"}
    options = {"forcing": "nldas", "mean_temperature": "accept", **days}
    with xr.open_dataset(shared_data / "camels_us/daymet_streamflow.nc") as file:
        held = set(file["gauge_id"].to_numpy().astype(str))
    ours = get(shared_data / "camels_us", skip_incomplete=True, **options)
    ours = ours.sel(basin=[basin for basin in ours["basin"].to_numpy() if basin in held])
    both = Selection(ids=tuple(map(str, ours["basin"].to_numpy())))
    theirs = netcdf.read(netcdf.Options(path=shared_data / "camels_us", **days), tmp_path, selection=both)
    assert theirs.sizes["basin"] == 14
    np.testing.assert_allclose(ours["area_km2"], theirs["area_km2"], rtol=1e-6)
    step = (CUBIC_FOOT * 0.01 / theirs["area_km2"]).to_numpy()[:, None]
    difference = np.abs(ours["streamflow"].to_numpy() - theirs["streamflow"].to_numpy())
    assert (difference <= step / 2 + 1e-6 * theirs["streamflow"].to_numpy()).all()


def test_estimated_flow_can_be_left_out_of_the_real_files(shared_data):
    chosen, options = Selection(ids=("01022500",)), {"forcing": "nldas", "mean_temperature": "accept"}
    counts = [
        int(get(shared_data / "camels_us", chosen, gap_flags=flags, **options)["streamflow"].isnull().sum())
        for flags in (("M",), ("M", "A:e"))
    ]
    assert counts == [92, 92 + 1854]


@pytest.mark.parametrize(("product", "basin"), [("daymet", "01031500"), ("nldas", "10259000")])
def test_shortwave_radiation_of_the_real_files_is_a_mean_over_daylight(shared_data, product, basin):
    options = {"forcing": product, "mean_temperature": "accept", "without_streamflow": True}
    data = get(shared_data / "camels_us", Selection(ids=(basin,)), **options)
    day = data["time"].dt.dayofyear.to_numpy().astype(float)
    above = extraterrestrial_radiation(data["gauge_lat"].item(), day) * 1e6  # J/m2/day
    daylight, whole = (data["srad"] * data["dayl"]).to_numpy()[0] / above, data["srad"].to_numpy()[0] * 86400 / above
    assert (daylight < 1).mean() > 0.999
    assert (whole > 1).mean() > 0.25
