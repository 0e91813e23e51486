"""The VIC project's own sample in the embedded program: 16 cells, hourly, five elevation bands, its own settings."""

import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from legacy_models.vic.embedded.program import main
from legacy_models.vic.flux_file import read_ascii
from legacy_models.vic.global_file import GlobalFile, OutputVariable, format_global, read_global

pytestmark = pytest.mark.reference

BALANCE = ("OUT_WDEW", "OUT_SNOW_CANOPY")  # what closes the water balance besides the outputs of the sample
STATES = ("OUT_SWE", "OUT_SOIL_MOIST_0", "OUT_SOIL_MOIST_1", "OUT_SOIL_MOIST_2", *BALANCE)
FLUXES_OUT = ("OUT_EVAP", "OUT_RUNOFF", "OUT_BASEFLOW")


@pytest.fixture(scope="module")
def sample(shared_data) -> GlobalFile:
    """The sample's settings, its files where they are here, ten digits of each of its outputs."""
    folder = shared_data / "vic_sample" / "classic" / "Stehekin"
    settings = read_global((folder / "parameters" / "global_param.STEHE.txt").read_text())

    def here(path: str) -> str:
        return str(folder / "parameters" / Path(path).name)

    (stream,) = settings.outputs
    names = [variable.name for variable in stream.variables] + list(BALANCE)
    return replace(
        settings,
        forcing=f"{folder}/forcings/full_data_",
        soil=here(settings.soil),
        veglib=here(settings.veglib),
        vegparam=here(settings.vegparam),
        snow_band_file=here(settings.snow_band_file),
        outputs=(replace(stream, variables=tuple(OutputVariable(name, "%.10e") for name in names)),),
    )


def write(settings: GlobalFile, folder: Path) -> Path:
    """Write a global file whose results go to ``folder``; return its path."""
    (folder / "out").mkdir(parents=True)
    path = folder / "global.txt"
    path.write_text(format_global(replace(settings, result_dir=str(folder / "out"))))
    return path


@pytest.fixture(scope="module")
def simulated(sample, tmp_path_factory):
    """Output of each cell by file name."""
    folder = tmp_path_factory.mktemp("stehekin")
    assert main(["-g", str(write(sample, folder))]) == 0
    return {path.name: read_ascii(path.read_text()) for path in sorted((folder / "out").iterdir())}


def test_every_cell_of_the_sample_is_simulated_on_all_of_its_days(simulated):
    assert len(simulated) == 16
    for table in simulated.values():
        assert (str(table.dates[0]), str(table.dates[-1]), len(table.dates)) == ("1949-01-01", "1949-01-10", 10)
        assert np.isfinite(table.values).all()


def test_water_of_the_sample_is_neither_made_nor_lost(simulated):
    for name, table in simulated.items():
        stored = sum(table.column(state) for state in STATES)
        kept = table.column("OUT_PREC") - sum(table.column(flux) for flux in FLUXES_OUT)
        np.testing.assert_allclose(np.diff(stored), kept[1:], atol=1e-7, err_msg=name)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("FULL_ENERGY", "TRUE"),
        ("FROZEN_SOIL", "TRUE"),
        ("ORGANIC_FRACT", "TRUE"),
        ("JULY_TAVG_SUPPLIED", "TRUE"),
        ("COMPUTE_TREELINE", "TRUE"),
        ("BASEFLOW", "NIJSSEN2001"),
    ],
)
def test_options_that_the_sample_could_ask_for_are_refused_by_name(sample, tmp_path, capsys, key, value):
    path = write(sample, tmp_path)
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{key} ")]
    path.write_text("\n".join([f"{key} {value}", *lines]) + "\n")
    assert main(["-g", str(path)]) == 1
    assert f"{key} {value}" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.vic5
def test_vic_5_prints_the_same_digits(sample, simulated, tmp_path):
    executable = os.environ.get("DPL_VIC_EXE")
    if not executable:
        pytest.skip("DPL_VIC_EXE does not name a VIC 5 executable")
    subprocess.run([executable, "-g", str(write(sample, tmp_path))], check=True, capture_output=True)
    for path in sorted((tmp_path / "out").iterdir()):
        vic, embedded = read_ascii(path.read_text()), simulated[path.name]
        assert vic.names == embedded.names
        np.testing.assert_allclose(embedded.values, vic.values, rtol=1e-9, atol=1e-11, err_msg=path.name)
