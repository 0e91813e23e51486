"""``dpl drift`` on a finished run: a year like the others, another climate, other observations, new basins."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from legacy_models.errors import DataError, UsageError
from pipeline.drift.check import drift
from pipeline.drift.report import line

LIKE, NEW = ("2002-10-01", "2003-09-30"), ("2005-10-01", "2006-09-30")


@pytest.fixture(scope="module")
def run(finished_run, tmp_path_factory):
    """A copy of a finished run's directory."""
    return shutil.copytree(finished_run, tmp_path_factory.mktemp("copy") / "run")


@pytest.fixture(scope="module")
def recorded(finished_run):
    """The data of the run, and behind them a year of the fit period once more."""
    (path,) = (finished_run / "data").glob("synthetic-*.nc")
    with xr.open_dataset(path) as file:
        data = file.load()
    again = data.sel(time=slice(*LIKE))
    days = np.arange(NEW[0], "2006-10-01", dtype="datetime64[D]").astype("datetime64[ns]")
    again = again.assign_coords(time=days)
    static = [name for name in data.data_vars if "time" not in data[name].dims]
    return xr.concat([data.drop_vars(static), again.drop_vars(static)], "time").merge(data[static])


def written(dataset, path, **changes):
    """Write data in which some variables of the new days are another; returns what ``--data`` is given."""
    changed = dataset.copy(deep=True)
    new = changed["time"] >= np.datetime64(NEW[0])
    for name, change in changes.items():
        changed[name] = changed[name].where(~new, change(changed[name]))
    for name in changed.variables:
        changed[name].encoding = {}
    changed.to_netcdf(path)
    return f"netcdf:{path}"


def exceeded(found):
    return {text.partition(":")[0] for text in found["exceeded"]}


# what two epochs have learned is of no use: what is looked at is what changes
LENIENT = ("drift.parameters_flagged=1",)


def test_a_year_like_the_others_exceeds_no_gate(run, recorded, tmp_path):
    found = drift(run, written(recorded, tmp_path / "new.nc"), LENIENT)
    assert found["exceeded"] == []
    assert found["period"] == [NEW[0], "2006-09-30"]
    assert found["basins"] == {"known": 10, "new": 0}
    assert found["performance"]["basins"] > 0
    assert found["forcing"]["flagged"]["any"] <= found["forcing"]["usual"]["any"] + 0.1
    assert json.loads((run / "drift.json").read_text()) == found
    page = (run / "drift.md").read_text()
    assert "## Forcing" in page
    assert line(found) in page
    assert "ok" in line(found)
    assert "DRIFTED" not in line(found)


def test_another_climate_is_forcing_drift(run, recorded, tmp_path):
    data = written(recorded, tmp_path / "wet.nc", prcp=lambda rain: 4.0 * rain + 3.0)
    found = drift(run, data, (*LENIENT, "drift.nse_drop=100"))
    assert exceeded(found) == {"forcing"}
    assert found["forcing"]["shifts"]["prcp"]["statistic"] > 0.5
    assert found["forcing"]["flagged"]["climate"] > 0.5
    assert found["forcing"]["usual"]["any"] < 0.5


def test_another_product_of_the_whole_record_is_forcing_drift_too(run, recorded, tmp_path):
    whole = recorded.assign(prcp=4.0 * recorded["prcp"] + 3.0)
    found = drift(run, written(whole, tmp_path / "product.nc"), (*LENIENT, "drift.nse_drop=100"))
    assert exceeded(found) == {"forcing"}
    assert found["forcing"]["usual"]["climate"] < 0.5 < found["forcing"]["flagged"]["climate"]


def test_observations_that_follow_something_else_are_performance_drift(run, recorded, tmp_path):
    data = written(recorded, tmp_path / "gauge.nc", streamflow=lambda flow: flow.max("time") - flow)
    found = drift(run, data, LENIENT)
    assert exceeded(found) == {"performance"}
    low, high = found["performance"]["interval"]
    assert 0.0 < low <= found["performance"]["drop"] <= high


def test_parameters_that_moved_since_an_earlier_run_are_parameter_drift(run, recorded, tmp_path):
    earlier = shutil.copytree(run, tmp_path / "earlier")
    with xr.open_dataset(earlier / "parameters.nc") as file:
        table = file.load()
    table["value"] = table["lower"] + 0.9 * (table["upper"] - table["lower"]) + 0.0 * table["value"]
    table.to_netcdf(earlier / "parameters.nc")
    found = drift(run, written(recorded, tmp_path / "new.nc"), LENIENT, earlier)
    assert exceeded(found) == {"parameters"}
    assert found["parameters"]["moved"]["basins"] == 10


def test_new_basins_get_parameters_from_the_network_and_are_judged_apart(run, recorded, tmp_path):
    another = recorded.isel(basin=[0]).assign_coords(basin=["99999999"])
    data = written(xr.concat([recorded, another], "basin"), tmp_path / "more.nc")
    found = drift(run, data, LENIENT)
    assert found["basins"] == {"known": 10, "new": 1}
    assert found["forcing"]["new_basins"] is not None


def test_the_legacy_model_can_be_scored_in_place_of_the_surrogate(run, recorded, tmp_path):
    found = drift(run, written(recorded, tmp_path / "new.nc"), (*LENIENT, "drift.on=legacy", "drift.nse_drop=100"))
    assert found["performance"]["on"] == "legacy"
    assert found["performance"]["basins"] > 0


def test_the_command_says_one_line_and_ends_with_four_where_a_gate_is_exceeded(run, recorded, tmp_path):
    data = written(recorded, tmp_path / "wet.nc", prcp=lambda rain: 4.0 * rain + 3.0)
    assignments = [item for text in (*LENIENT, "drift.nse_drop=100") for item in ("--set", text)]
    done = subprocess.run(
        [sys.executable, "-P", "-c", "from pipeline.cli import main; main()",
         "drift", "--out", str(run), "--data", data, *assignments],
        capture_output=True, text=True, timeout=600, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert done.returncode == 4, done.stderr
    (said,) = done.stdout.strip().splitlines()
    assert said.startswith("drift 2005-10-01 to 2006-09-30: ")
    assert "forcing DRIFTED" in said
    assert "drifted beyond forcing: flagged_excess" in done.stderr


def test_without_new_days_and_on_test_days_it_is_refused(run, tmp_path):
    with pytest.raises(UsageError, match="no day after the run's periods"):
        drift(run)
    with pytest.raises(UsageError, match="overlaps the test period"):
        drift(run, assignments=("drift.period=[2001-01-01, 2001-12-31]",))
    with pytest.raises(DataError, match=r"no config\.yaml"):
        drift(tmp_path)
