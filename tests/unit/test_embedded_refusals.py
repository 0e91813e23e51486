"""What the embedded program refuses, by name and before it writes anything, and what it does not."""

import pytest

from legacy_models.vic.embedded.program import main
from tests.vic_case import edit, outputs, write_case

DEFAULTS = """COMPRESS FALSE
CALENDAR standard
LAKES FALSE
INIT_STATE FALSE
QUICK_FLUX TRUE
QUICK_SOLVE FALSE
TFALLBACK TRUE
SNOW_DENSITY DENS_BRAS
GRND_FLUX_TYPE GF_410
AERO_RESIST_CANSNOW AR_406_FULL
RC_MODE RC_JARVIS
SHARE_LAYER_MOIST TRUE
CORRPREC FALSE
MAX_SNOW_ALBEDO FALSE
FCAN_SRC FROM_DEFAULT
ALB_SRC FROM_VEGLIB
EQUAL_AREA FALSE
RESOLUTION 0.125
CANOPY_LAYERS 3
NRECS 120
STARTSEC 0
FORCESEC 0"""


@pytest.fixture
def case(tmp_path, monkeypatch):
    """Folder of the small run, the working directory."""
    write_case(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        ("global.txt", "FULL_ENERGY FALSE", "FULL_ENERGY TRUE", "FULL_ENERGY TRUE is not supported"),
        ("global.txt", "FROZEN_SOIL FALSE", "FROZEN_SOIL TRUE", "FROZEN_SOIL TRUE is not supported"),
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


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("LAKES lakes.txt", "FALSE"),
        ("INIT_STATE state.txt", "FALSE"),
        ("STATENAME state", "FALSE"),
        ("CORRPREC TRUE", "FALSE"),
        ("MAX_SNOW_ALBEDO TRUE", "FALSE"),
        ("BULK_DENSITY_COMB TRUE", "FALSE"),
        ("EXP_TRANS TRUE", "FALSE"),
        ("QUICK_FLUX FALSE", "TRUE"),
        ("TFALLBACK FALSE", "TRUE"),
        ("LAI_SRC FROM_VEGHIST", "FROM_VEGLIB"),
        ("LAI_SRC FROM_VEGPARAM", "FROM_VEGLIB"),  # of which the file, without VEGPARAM_LAI TRUE, has none
        ("FCAN_SRC FROM_VEGLIB", "FROM_DEFAULT"),
        ("ALB_SRC FROM_VEGPARAM", "FROM_VEGLIB"),
        ("CALENDAR NOLEAP", "PROLEPTIC_GREGORIAN"),
        ("NRECS 100", "120"),
        ("STARTSEC 21600", "0"),
        ("FORCESEC 21600", "0"),
        ("COMPRESS TRUE", "FALSE"),
        ("COMPRESS 6", "FALSE"),
        ("HISTFREQ NYEARS 1", "NEVER"),
    ],
)
def test_what_is_not_supported_is_refused_by_name_with_what_is(case, capsys, line, right):
    edit(case / "global.txt", "OUT_FORMAT ASCII", f"OUT_FORMAT ASCII\n{line}")
    assert main(["-g", "global.txt"]) == 1
    key, value = line.split()[:2]
    expected = f"{key} {value.upper()} is not supported by the embedded program; use {key} {right}\n"
    assert capsys.readouterr().err.endswith(expected)
    assert outputs(case) == []


def test_the_defaults_of_vic_may_be_spelt_out(case):
    edit(case / "global.txt", "OUT_FORMAT ASCII", f"OUT_FORMAT ASCII\n{DEFAULTS}")
    edit(case / "global.txt", "OUTVAR OUT_SWE %.8e", "OUTVAR OUT_SWE %.8e OUT_TYPE_FLOAT 1 AGG_TYPE_DEFAULT")
    assert main(["-g", "global.txt"]) == 0


@pytest.mark.parametrize("words", ["OUT_TYPE_USINT 40", "* 100", "* * AGG_TYPE_MAX"])
def test_an_output_wanted_otherwise_than_vic_writes_it_by_default_is_refused(case, capsys, words):
    edit(case / "global.txt", "OUTVAR OUT_SWE %.8e", f"OUTVAR OUT_SWE %.8e {words}")
    assert main(["-g", "global.txt"]) == 1
    assert "OUTVAR OUT_SWE: " in capsys.readouterr().err


@pytest.mark.parametrize("line", ["TIME_STEP 24", "MIN_RAIN_TEMP -0.5", "MAX_SNOW_TEMP 0.5", "BINARY_OUTPUT TRUE"])
def test_a_key_of_vic_4_is_refused_as_vic_5_does(case, capsys, line):
    edit(case / "global.txt", "NODES 3", f"NODES 3\n{line}")
    assert main(["-g", "global.txt"]) == 1
    assert f"{line.split()[0]} is a key of VIC 4" in capsys.readouterr().err


def test_cells_before_the_one_that_fails_are_complete(case, capsys):
    (case / "f_45.0000_7.0020").unlink()
    assert main(["-g", "global.txt"]) == 1
    assert "f_45.0000_7.0020" in capsys.readouterr().err
    assert outputs(case) == ["flux_45.0000_7.0010.txt"]


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
