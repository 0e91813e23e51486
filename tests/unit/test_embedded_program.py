"""The embedded program as it is called: answers, files, errors."""

from pathlib import Path

import numpy as np
import pytest

from legacy_models.vic.embedded.program import main
from legacy_models.vic.flux_file import read_ascii, read_binary
from legacy_models.vic.forcing_file import FORCE_TYPES

STEPS, DAYS = 4, 30
VARIABLES = ("OUT_PREC", "OUT_EVAP", "OUT_RUNOFF", "OUT_BASEFLOW", "OUT_SWE", "OUT_SOIL_MOIST")
GLOBAL = """NLAYER 3
NODES 3
MODEL_STEPS_PER_DAY 4
SNOW_STEPS_PER_DAY 4
RUNOFF_STEPS_PER_DAY 4
STARTYEAR 2000
STARTMONTH 02
STARTDAY 20
ENDYEAR 2000
ENDMONTH 03
ENDDAY 20
FULL_ENERGY FALSE
FROZEN_SOIL FALSE
FORCING1 f_
FORCE_FORMAT ASCII
{types}
FORCE_STEPS_PER_DAY 4
FORCEYEAR 2000
FORCEMONTH 02
FORCEDAY 20
GRID_DECIMAL 4
WIND_H 10
SOIL soil
BASEFLOW ARNO
VEGLIB veglib
VEGPARAM vegparam
ROOT_ZONES 2
VEGPARAM_LAI FALSE
LAI_SRC FROM_VEGLIB
SNOW_BAND 1
RESULT_DIR out
OUTFILE flux
AGGFREQ NDAYS 1
OUT_FORMAT ASCII
{variables}
"""
SOIL = (
    "1 {cell} 45.0 {lon} {b} 0.02 10 0.8 2 12 12 12 500 500 500 -99 -99 -99 27 108 324 600 0.1 0.4 1.2 8 4 "
    "10 10 10 0.4 0.4 0.4 1457.5 1457.5 1457.5 2650 2650 2650 0 0.5 0.5 0.5 0.25 0.25 0.25 0.001 0.001 900 "
    "0.02 0.02 0.02 0\n"
)


@pytest.fixture
def case(tmp_path, monkeypatch):
    """Three cells with their own infiltration curve, one forcing file under three names."""
    rng = np.random.default_rng(1)
    n = STEPS * DAYS
    temperature = rng.normal(0.0, 5.0, n)
    rows = np.stack([
        rng.exponential(2.0, n), temperature, np.tile([0, 300, 300, 0], DAYS), 250 + temperature,
        np.full(n, 94.0), np.full(n, 0.4), np.full(n, 2.0),
    ], axis=1)  # fmt: skip
    np.savetxt(tmp_path / "f_45.0000_7.0010", rows, fmt="%.5f")
    for name in ("f_45.0000_7.0020", "f_45.0000_7.0030"):
        (tmp_path / name).symlink_to("f_45.0000_7.0010")
    types = "\n".join(f"FORCE_TYPE {name}" for name in FORCE_TYPES)
    variables = "\n".join(f"OUTVAR {name} %.8e" for name in VARIABLES)
    (tmp_path / "global.txt").write_text(GLOBAL.format(types=types, variables=variables))
    soil = [SOIL.format(cell=i, lon=7 + i / 1000, b=0.1 * i) for i in (1, 2, 3)]
    (tmp_path / "soil").write_text("".join(soil))
    (tmp_path / "vegparam").write_text("".join(f"{i} 1\n 1 1.0 0.1 0.3 0.9 0.7\n" for i in (1, 2, 3)))
    months = " ".join(" ".join([value] * 12) for value in ("2.0", "0.2", "0.1", "0.5"))
    (tmp_path / "veglib").write_text(f"#class\n1 0 25 120 {months} 10 100 0.5 0.5 0.2 grass\n")
    (tmp_path / "out").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def outputs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out").iterdir())


@pytest.mark.parametrize(("argv", "status"), [(["-v"], 0), (["-o"], 0), ([], 1), (["-g"], 1), (["-x", "a"], 1)])
def test_the_program_answers_like_vic(argv, status, capsys):
    assert main(argv) == status
    written = capsys.readouterr()
    assert bool(written.err) == (status == 1)


def test_every_cell_gets_a_file_and_water_is_kept_to_the_printed_digits(case):
    assert main(["-g", "global.txt"]) == 0
    assert outputs(case) == [f"flux_45.0000_7.00{i}0.txt" for i in (1, 2, 3)]
    for name in outputs(case):
        text = (case / "out" / name).read_text()
        assert text.startswith("# SIMULATION: flux\n# MODEL_VERSION: 5.0.1\nYEAR\tMONTH\tDAY\tOUT_PREC\t OUT_EVAP\t ")
        table = read_ascii(text)
        assert len(table.dates) == DAYS
        lost = table.column("OUT_PREC") - sum(table.column(f"OUT_{name}") for name in ("EVAP", "RUNOFF", "BASEFLOW"))
        stored = sum(table.column(f"OUT_{n}") for n in ("SWE", "SOIL_MOIST_0", "SOIL_MOIST_1", "SOIL_MOIST_2"))
        assert lost.sum() == pytest.approx(stored[-1] - 459.0, abs=0.3)  # the canopy holds at most 0.2 mm


def test_binary_output_is_the_ascii_output_in_float32(case):
    main(["-g", "global.txt"])
    edit(case / "global.txt", "OUT_FORMAT ASCII", "OUT_FORMAT BINARY")
    assert main(["-g", "global.txt"]) == 0
    for name in outputs(case):
        if name.endswith(".bin"):
            binary = read_binary((case / "out" / name).read_bytes())
            ascii_ = read_ascii((case / "out" / name.replace(".bin", ".txt")).read_text())
            assert binary.names == ascii_.names
            np.testing.assert_allclose(binary.values, ascii_.values, rtol=1e-6, atol=1e-12)


def test_a_cell_does_not_depend_on_the_cells_beside_it(case):
    main(["-g", "global.txt"])
    together = (case / "out" / "flux_45.0000_7.0020.txt").read_bytes()
    (case / "soil").write_text(SOIL.format(cell=2, lon=7.002, b=0.2))
    main(["-g", "global.txt"])
    assert (case / "out" / "flux_45.0000_7.0020.txt").read_bytes() == together


def test_the_same_files_give_the_same_bytes(case):
    main(["-g", "global.txt"])
    first = {name: (case / "out" / name).read_bytes() for name in outputs(case)}
    main(["-g", "global.txt"])
    assert first == {name: (case / "out" / name).read_bytes() for name in outputs(case)}


def test_a_misspelled_key_only_warns(case, capsys):
    edit(case / "global.txt", "NODES 3\n", "NODES 3\nGRID_DECIMALS 4\n")
    assert main(["-g", "global.txt"]) == 0
    assert "[WARN]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("global.txt", "FULL_ENERGY FALSE", "FULL_ENERGY TRUE", "FULL_ENERGY TRUE is not supported"),
        ("global.txt", "FROZEN_SOIL FALSE", "FROZEN_SOIL TRUE", "FROZEN_SOIL TRUE is not supported"),
        ("global.txt", "NODES 3", "NODES 3\nLAKES lakes.txt", "LAKES"),
        ("global.txt", "NODES 3", "NODES 3\nQUICK_FLUX FALSE", "QUICK_FLUX FALSE"),
        ("global.txt", "BASEFLOW ARNO", "BASEFLOW NIJSSEN2001", "NIJSSEN2001"),
        ("global.txt", "AGGFREQ NDAYS 1", "AGGFREQ NMONTHS 1", "AGGFREQ NMONTHS 1"),
        ("global.txt", "FORCE_TYPE VP\n", "", "VP"),
        ("global.txt", "OUTVAR OUT_SWE", "OUTVAR OUT_SWEE", "OUT_SWEE"),
        ("global.txt", "MODEL_STEPS_PER_DAY 4", "MODEL_STEPS_PER_DAY 5", "MODEL_STEPS_PER_DAY 5"),
        ("global.txt", "SOIL soil", "SOIL nowhere", "No such file"),
        ("global.txt", "RESULT_DIR out", "RESULT_DIR nowhere", "result directory"),
        ("global.txt", "ENDMONTH 03", "ENDMONTH 04", "rows"),
        ("global.txt", "FORCEDAY 20", "FORCEDAY 21", "after the run"),
        ("soil", " 0.1 0.4 1.2 ", " 0.5 0.4 1.2 ", "layer 1"),
        ("soil", " 0.1 0.4 1.2 ", " 0.1 -0.4 1.2 ", "depth"),
        ("soil", " 12 12 12 ", " 2 12 12 ", "expt"),
        ("soil", " 27 108 324 ", " -27 108 324 ", "initial moisture"),
        ("soil", " 1457.5 1457.5 1457.5 ", " 2650 1457.5 1457.5 ", "bulk density"),
        ("soil", " 0.25 0.25 0.25 ", " 0.6 0.25 0.25 ", "Wcr"),
        ("soil", " 0.25 0.25 0.25 ", " 0.01 0.25 0.25 ", "residual"),
        ("soil", "7.001 0.1 ", "7.001 0.0 ", "b_infilt"),
        ("soil", " 0.02 0.02 0.02 0\n", "\n", "columns"),
        ("vegparam", "2 1\n 1 1.0", "9 1\n 1 1.0", "cell 2"),
        ("vegparam", "2 1\n 1 1.0", "2 1\n 7 1.0", "class 7"),
        ("veglib", " 10 100 ", " 0 100 ", "wind height"),
    ],
)
def test_what_is_wrong_is_named_on_one_line(case, capsys, file, old, new, words):
    edit(case / file, old, new)
    assert main(["-g", "global.txt"]) == 1
    written = capsys.readouterr().err
    assert written.count("\n") == 1
    assert written.startswith("[ERROR] ")
    assert ": errno: " in written
    assert words in written


def test_cells_before_the_one_that_fails_are_complete(case, capsys):
    (case / "f_45.0000_7.0020").unlink()
    assert main(["-g", "global.txt"]) == 1
    assert "f_45.0000_7.0020" in capsys.readouterr().err
    assert outputs(case) == ["flux_45.0000_7.0010.txt"]


def test_the_temperatures_of_rain_and_snow_are_those_of_the_constants_file(case):
    def snow(constants):
        (case / "constants").write_text(constants)
        assert main(["-g", "global.txt"]) == 0
        return read_ascii((case / "out" / "flux_45.0000_7.0010.txt").read_text()).column("OUT_SWE").sum()

    usual = snow("")
    edit(case / "global.txt", "NODES 3\n", "NODES 3\nCONSTANTS constants\n")
    assert snow("# nothing\n") == snow("SNOW_MAX_SNOW_TEMP 0.5\n") == usual
    assert snow("snow_min_rain_temp 8.0 # warm\nSNOW_MAX_SNOW_TEMP 9.0\n") > usual


@pytest.mark.parametrize(
    ("constants", "words"),
    [
        ("LAPSE_RATE -0.005", "LAPSE_RATE cannot be changed"),
        ("SNOW_MIN_RAIN_TEMP 0.5", "must be below"),
        ("SNOW_MAX_SNOW_TEMP 11", "between -10 and 10"),
        ("SNOW_MAX_SNOW_TEMP", "line 1"),
        ("SNOW_MAX_SNOW_TEMP warm", "line 1"),
    ],
)
def test_a_constant_that_cannot_be_is_named(case, capsys, constants, words):
    edit(case / "global.txt", "NODES 3\n", "NODES 3\nCONSTANTS constants\n")
    (case / "constants").write_text(constants)
    assert main(["-g", "global.txt"]) == 1
    assert words in capsys.readouterr().err
