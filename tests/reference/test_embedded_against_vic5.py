"""The embedded program against the real VIC 5 on random soils, plants, elevation bands and weather, and on odd files.

Twelve steps a day are left out: there VIC 5 ends its days one step late and writes one day too few.
"""

import os
import subprocess

import numpy as np
import pytest

from legacy_models.metrics import nse
from legacy_models.vic.embedded.program import main
from legacy_models.vic.flux_file import read_ascii
from tests import random_vic_cases, vic_case
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
    random_vic_cases.write_case(tmp_path, 100 * steps + seed, steps)
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


@pytest.mark.parametrize("shares", [(0.98, 0.9899), (0.9901, 0.999), (1.001, 1.3)])
def test_what_tiles_leave_of_a_cell_is_bare_above_a_hundredth_and_too_much_is_scaled_down(
    executable, tmp_path, monkeypatch, shares
):
    vic_case.write_case(tmp_path)
    rows = [f"{i} 1\n 1 {share} 0.1 0.3 0.9 0.7\n" for i, share in enumerate((1.0, *shares), 1)]
    (tmp_path / "vegparam").write_text("".join(rows))
    monkeypatch.chdir(tmp_path)
    subprocess.run([executable, "-g", "global.txt"], check=True, capture_output=True)
    names = vic_case.outputs(tmp_path)
    vic = [(tmp_path / "out" / name).read_text() for name in names]
    assert main(["-g", "global.txt"]) == 0
    for name, text in zip(names, vic, strict=True):
        expected, found = read_ascii(text), read_ascii((tmp_path / "out" / name).read_text())
        np.testing.assert_allclose(found.values, expected.values, rtol=1e-5, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("line", ["TIME_STEP 24", "MIN_RAIN_TEMP -0.5", "LAI_SRC FROM_VEGPARAM", "QUICK_FLUX FALSE"])
def test_both_stop_at_a_key_of_vic_4_and_at_what_cannot_be(executable, tmp_path, monkeypatch, line):
    vic_case.write_case(tmp_path)
    vic_case.edit(tmp_path / "global.txt", "OUT_FORMAT ASCII", f"OUT_FORMAT ASCII\n{line}")
    monkeypatch.chdir(tmp_path)
    assert subprocess.run([executable, "-g", "global.txt"], check=False, capture_output=True).returncode == 1
    assert main(["-g", "global.txt"]) == 1
