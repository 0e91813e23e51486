"""What a configuration is brought to life with: the model reads what the data hold."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from pipeline.config import parse_config
from pipeline.experiment import prepare
from pipeline.progress import Reporter
from pipeline.summary import data_facts

DAYS = pd.date_range("2000-10-01", "2003-09-30")
BASINS = [f"{i:08d}" for i in range(1, 11)]
SERIES = {
    "prcp": (3.0, "mm/day"), "tmin": (1.0, "degC"), "tmax": (11.0, "degC"), "srad": (300.0, "W/m2"),
    "vp": (600.0, "Pa"), "dayl": (43200.0, "s"), "streamflow": (1.0, "mm/day"), "wind": (4.0, "m/s"),
    "longwave": (280.0, "W/m2"),
}  # fmt: skip
ATTRIBUTES = {
    "gauge_lat": 41.5, "elev_mean": 900.0, "soil_porosity": 0.43, "sand_frac": 40.0, "silt_frac": 40.0,
    "clay_frac": 20.0,
    "frac_forest": 0.6, "lai_max": 4.0, "lai_diff": 3.0, "gvf_max": 0.8, "slope_mean": 60.0, "area_gages2": 500.0,
}  # fmt: skip
PERIODS = {
    "fit": ["2001-10-01", "2002-09-30"],
    "validation": ["2002-10-01", "2003-09-30"],
    "test": ["2000-10-01", "2001-09-30"],
}


def configuration(folder: Path, without: tuple[str, ...] = (), **options: int):
    """Values of a configuration of VIC with ``options``, and the file of ten equal basins that it reads."""
    shape = (len(BASINS), len(DAYS))
    series = {
        name: (("basin", "time"), np.full(shape, value), {"units": unit})
        for name, (value, unit) in SERIES.items()
        if name not in without
    }
    fixed = {name: (("basin",), np.full(len(BASINS), value)) for name, value in ATTRIBUTES.items()}
    path = folder / "data.nc"
    xr.Dataset(series | fixed, coords={"basin": BASINS, "time": DAYS}).to_netcdf(path)
    values = {
        "data": {"reader": "netcdf", "options": {"path": str(path)}},
        "periods": PERIODS,
        "network": {"attributes": ["elev_mean", "frac_forest"]},
        "legacy_model": {"name": "vic", "options": options, "spinup_years": 1},
    }
    return values, path


def prepared(values, folder):
    return prepare(parse_config(values, "test"), folder, Reporter(folder))


def experiment(folder: Path, without: tuple[str, ...] = (), **options: int):
    """Ten equal basins, prepared for VIC with ``options``."""
    return prepared(configuration(folder, without, **options)[0], folder)


@pytest.mark.parametrize(
    ("without", "also"), [((), ("wind", "longwave")), (("wind",), ("longwave",)), (("wind", "longwave"), ())]
)
def test_the_model_reads_wind_and_longwave_where_the_data_have_them(tmp_path, without, also):
    made = experiment(tmp_path, without)
    names = tuple(variable.name for variable in made.model.forcing)
    assert names[6:] == also
    assert all(site.forcing.names == names for site in made.sites)


def test_options_of_the_configuration_reach_sites_and_properties(tmp_path):
    made = experiment(tmp_path, tiles=3, snow_bands=3)
    properties = made.properties[0]
    names = [variable.name for variable in made.model.properties]
    assert properties.shape == (len(names),)
    assert properties[names.index("forest")] == 0.6
    assert properties[names.index("bare")] == 0.2
    assert properties[names.index("elevation_spread")] > 100.0


@pytest.mark.fault(24)
def test_basins_that_are_skipped_and_what_the_reader_did_are_in_log_and_summary(tmp_path):
    values, path = configuration(tmp_path)
    data = xr.load_dataset(path)
    data["tmin"][0, :2] = 20.0  # above tmax
    data["elev_mean"][3] = np.nan
    data["streamflow"][5] = np.nan
    data.to_netcdf(path)
    table = tmp_path / "more.csv"
    table.write_text("\n".join(["gauge_id,huc_02", *(f"{basin},01" for basin in BASINS if basin != BASINS[8])]))
    values["data"]["options"] |= {"attributes": [str(table)], "skip_without_attributes": True}
    values["splits"] = {"skip_without_observations": True}
    made = prepared(values, tmp_path)
    facts = data_facts(made)
    assert facts["basins"].pop("skipped") == [BASINS[i] for i in (3, 5, 8)]
    assert sum(facts["basins"].values()) == len(made.basins) == 7
    assert facts["notes"] == ["tmin and tmax swapped on 2 basin-days"]
    log = (tmp_path / "run.log").read_text()
    for i, what in ((3, "an attribute"), (5, "observations"), (8, "a file or a row of attributes")):
        assert f"basin {BASINS[i]} is skipped for want of {what}\n" in log
    assert "data: tmin and tmax swapped on 2 basin-days" in log


def test_nothing_is_noted_of_data_that_are_whole(tmp_path):
    assert data_facts(experiment(tmp_path)) == {
        "basins": {"fit": 7, "validation": 1, "ungauged": 2, "skipped": []},
        "notes": [],
    }
