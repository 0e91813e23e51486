"""The embedded program against the real VIC 5 on random soils, plants, elevation bands and weather.

Twelve steps a day are left out: there VIC 5 ends its days one step late and writes one day too few.
"""

import os
import subprocess

import numpy as np
import pytest

from legacy_models.metrics import nse
from legacy_models.vic.embedded.program import main
from legacy_models.vic.flux_file import read_ascii
from tests.random_vic_cases import write_case
from tests.recorded_vic_runs import VARIABLES, series

pytestmark = pytest.mark.vic5

LITTLE = 1e-3  # mm: what varies less is compared by its size alone


@pytest.fixture
def executable():
    path = os.environ.get("DPL_VIC_EXE")
    if not path:
        pytest.skip("DPL_VIC_EXE does not name a VIC 5 executable")
    return path


@pytest.mark.parametrize("steps", [4, 6, 8, 24])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_any_soil_plants_bands_and_weather_give_what_vic_5_gives(executable, tmp_path, monkeypatch, seed, steps):
    write_case(tmp_path, 100 * steps + seed, steps)
    monkeypatch.chdir(tmp_path)
    subprocess.run([executable, "-g", "global.txt"], check=True, capture_output=True)
    (tmp_path / "out").rename(tmp_path / "vic")
    (tmp_path / "out").mkdir()
    assert main(["-g", "global.txt"]) == 0
    for path in sorted((tmp_path / "vic").iterdir()):
        vic, embedded = read_ascii(path.read_text()), read_ascii((tmp_path / "out" / path.name).read_text())
        for variable in VARIABLES:
            expected, found = series(vic, variable), series(embedded, variable)
            if expected.std() > LITTLE:
                assert nse(expected[None], found[None])[0] > 0.999, f"{path.name}: {variable}"
            else:
                np.testing.assert_allclose(found, expected, atol=LITTLE, err_msg=f"{path.name}: {variable}")
