"""The command line: quick to say what it can do, one line for a user's mistake, and the right exit status."""

import subprocess
import sys

import pytest

HEAVY = ("tensorflow", "keras", "prefect", "mlflow", "numba", "dask", "distributed")


def run(*arguments, cwd=None, entry="train_main"):
    return subprocess.run(
        [sys.executable, "-P", "-c", f"from pipeline.cli import {entry}; {entry}()", *arguments],
        capture_output=True, text=True, timeout=300, cwd=cwd, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("entry", ["train_main", "main"])
def test_help_imports_nothing_heavy(entry):
    code = (
        f"import sys; sys.argv = ['dpl', '--help']\nfrom pipeline.cli import {entry}\n"
        f"try: {entry}()\nexcept SystemExit: pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    finished = subprocess.run(
        [sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert finished.stderr.strip() == "[]"
    assert "Usage" in finished.stdout


@pytest.mark.parametrize(
    ("arguments", "status", "fragment"),
    [
        (["--set", "dpl.epoch=3"], 2, "did you mean 'epochs'"),
        (["--config", "nowhere.yaml"], 2, "nowhere.yaml"),
        (["--set", "network.attributes=[p_mean, q_mean]"], 2, "q_mean"),
        (["--config", "camels", "--data", "netcdf:nowhere.nc"], 2, "nowhere.nc"),
        (
            ["--set", "legacy_model={name: vic, options: {snow_band: 3}}"],
            2,
            "legacy_model.options.snow_band: no such option (did you mean 'snow_bands'?); there are: steps_per_day, ",
        ),
        (
            ["--set", "legacy_model.options={tiles: 1}"],
            2,
            "legacy_model.options.tiles: no such option; there are: none",
        ),
        (
            ["--set", "data.options.legacy_options={tiles: 1}"],
            2,
            "data.options.legacy_options.tiles: no such option; there are: executable, spinup_years",
        ),
        (
            ["--set", "network.options={hiden: [8]}"],
            2,
            "network.options.hiden: no such option (did you mean 'hidden'?); there are: hidden, activation, dropout",
        ),
        (
            ["--set", "surrogate.options={units: 8}"],
            2,
            "surrogate.options.units: no such option; there are: hidden, features, static, latent",
        ),
        (["--no-such-option"], 2, "--no-such-option"),
    ],
)
def test_a_mistake_is_answered_in_one_line_and_nothing_is_left(tmp_path, arguments, status, fragment):
    options = [
        "--set",
        "data.options={basins: 2, legacy_model: linear_reservoir}",
        "--set",
        "legacy_model={name: linear_reservoir}",
    ]
    if "camels" in arguments:
        options = []
    finished = run(*options, *arguments, "--out", str(tmp_path / "run"), cwd=tmp_path)
    assert finished.returncode == status, finished.stderr
    assert fragment in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "run" / "config.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["--method", "sceau"], "no search is called 'sceau' (did you mean 'sceua'?)"),
        (["--set", "calibrate.basins=3"], "calibrate.basins: 3 basins asked for, 1 are there to fit"),
    ],
)
def test_a_mistake_in_what_to_calibrate_is_answered_in_one_line(tmp_path, arguments, fragment):
    world = ["--set", "data.options={basins: 2, legacy_model: linear_reservoir}", "--set", "legacy_model.options={}"]
    options = ["--surrogate", "linear_reservoir", *world, "--out", str(tmp_path / "run")]
    finished = run("calibrate", *options, *arguments, cwd=tmp_path, entry="main")
    assert finished.returncode == 2, finished.stderr
    assert finished.stderr.splitlines()[-1].startswith("error: ")
    assert fragment in finished.stderr
    assert "Traceback" not in finished.stderr
    assert not (tmp_path / "run" / "calibrate").exists()
