"""``dpl calibrate`` and ``dpl lstm`` on a finished run: with the legacy model itself, and through its surrogate."""

import json
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import xarray as xr

from pipeline.evaluation.evaluate import evaluate
from pipeline.stages import run_calibration, run_lstm

SMALL = ("calibrate.evaluations=24", "calibrate.basins=2", "calibrate.sceua.complexes=2")


@pytest.fixture(scope="module")
def run(finished_run, tmp_path_factory):
    """A copy of a finished run's directory."""
    return shutil.copytree(finished_run, tmp_path_factory.mktemp("copy") / "run")


def command(*arguments, cwd):
    return subprocess.run(
        [sys.executable, "-P", "-c", "from pipeline.cli import main; main()", "calibrate", *arguments],
        capture_output=True, text=True, timeout=600, cwd=cwd, check=False,
    )  # fmt: skip


def test_the_command_calibrates_on_the_legacy_model_and_the_summary_takes_it_up(run, tiny_config_file, tmp_path):
    assignments = [item for text in SMALL[1:] for item in ("--set", text)]
    finished = command(
        "--surrogate", "linear_reservoir", "--config", str(tiny_config_file), "--out", str(run),
        "--method", "sceua", "--on", "legacy", "--evaluations", "24", *assignments, cwd=tmp_path,
    )  # fmt: skip
    assert finished.returncode == 0, finished.stderr
    place = run / "calibrate" / "sceua-legacy" / "24"
    with xr.open_dataset(place / "parameters.nc") as parameters:
        assert parameters["value"].shape == (1, 2, 3)
        assert (parameters["evaluations"] == 24).all()
    summary = json.loads((run / "summary.json").read_text())
    own = json.loads((place / "summary.json").read_text())
    assert summary["baselines"] == {"sceua-legacy-24": own["closed_loop"]}
    assert own["closed_loop"]["test"]["basins"] == 2
    assert own["closed_loop"]["ungauged"] is None
    assert summary["closed_loop"]["ungauged"] is not None  # the rest of the summary is as it was


@pytest.mark.parametrize("method", ["sceua", "gradient"])
def test_on_the_surrogate_a_search_runs_no_legacy_model_until_it_is_over(method, run, tiny_config):
    before = {path: path.stat().st_mtime_ns for path in (run / "surrogate").iterdir()}
    config = load_config_like(tiny_config, "calibrate.on=surrogate", f"calibrate.method={method}")
    run_calibration(config, run)
    place = run / "calibrate" / f"{method}-surrogate"
    assert [path.name for path in place.iterdir()] == ["24"]
    summary = json.loads((place / "24" / "summary.json").read_text())
    table = pd.read_csv(place / "24" / "scores.csv")
    assert set(table["source"]) == {"closed_loop", "surrogate"}
    assert summary["through_surrogate"]["test"]["basins"] == summary["closed_loop"]["test"]["basins"] == 2
    curve = pd.read_csv(place / "24" / "curves.csv")
    assert curve.groupby("basin")["cost"].is_monotonic_decreasing.all()
    assert {path: path.stat().st_mtime_ns for path in (run / "surrogate").iterdir()} == before
    assert set(json.loads((run / "summary.json").read_text())["baselines"]) >= {f"{method}-surrogate-24"}


def test_what_was_calibrated_is_carried_to_ungauged_basins_without_another_search(run, tiny_config):
    run_calibration(load_config_like(tiny_config), run)
    curves = run / "calibrate" / "sceua-legacy" / "24" / "curves.csv"
    before = curves.stat().st_mtime_ns
    run_calibration(load_config_like(tiny_config, "calibrate.regionalise=nearest"), run)
    assert curves.stat().st_mtime_ns == before
    found = json.loads((run / "summary.json").read_text())
    assert found["baselines"]["sceua-legacy-nearest-24"]["ungauged"]["basins"] == found["basins"]["ungauged"] == 2
    assert found["baselines"]["sceua-legacy-24"]["ungauged"] is None


def test_the_regional_lstm_stands_beside_them_in_the_summary(run, tiny_config):
    small = [f"lstm.{text}" for text in ("hidden=4", "warmup_days=60", "batch=16", "epochs=1", "steps=2")]
    run_lstm(load_config_like(tiny_config, *small), run)
    found = json.loads((run / "summary.json").read_text())
    assert found["baselines"]["regional-lstm"]["test"]["basins"] == found["closed_loop"]["test"]["basins"]


def test_evaluate_finds_the_calibrations_of_a_run_by_itself(run, tmp_path):
    evaluate([str(run)], out=tmp_path, resamples=100)
    table = pd.read_csv(tmp_path / "summary.csv").query("figure == 'nse' and subset == 'all'")
    medians = table.set_index(["split", "method"])["median"]
    for on in ("legacy", "surrogate"):
        own = json.loads((run / "calibrate" / f"sceua-{on}" / "24" / "summary.json").read_text())
        expected = own["closed_loop"]["test"]["nse_median"]
        assert medians[("test", f"sceua-{on}-24")] == pytest.approx(expected, abs=1e-3)
    expected = own["through_surrogate"]["test"]["nse_median"]
    assert medians[("test", "sceua-surrogate-24 surrogate")] == pytest.approx(expected, abs=1e-3)
    assert ("test", "learned_parameters") in medians.index
    baselines = json.loads((run / "summary.json").read_text())["baselines"]
    for split in ("test", "ungauged"):
        for name in ("sceua-legacy-nearest-24", "regional-lstm"):
            assert medians[(split, name)] == pytest.approx(baselines[name][split]["nse_median"], abs=1e-3)
    assert set(medians["ungauged"].index) & set(baselines) == {"sceua-legacy-nearest-24", "regional-lstm"}


def load_config_like(config, *assignments):
    """Return the tiny configuration with a small calibration and other changes."""
    values = config.model_dump(mode="json")
    for text in (*SMALL, *assignments):
        *path, last = text.partition("=")[0].split(".")
        section = values
        for name in path:
            section = section[name]
        section[last] = text.partition("=")[2]
    return type(config).model_validate(values)
