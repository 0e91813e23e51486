"""The embedded program as it is called: answers and files."""

import numpy as np
import pytest

from legacy_models.vic.embedded.program import main
from legacy_models.vic.flux_file import read_ascii, read_binary
from tests.vic_case import DAYS, SOIL, STEPS, VARIABLES, edit, outputs, write_case


@pytest.fixture
def case(tmp_path, monkeypatch):
    """Folder of the small run, the working directory."""
    write_case(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


def test_water_is_kept_to_the_precision_of_binary_output_with_trees_and_bands(case):
    asked = (*VARIABLES, "OUT_WDEW", "OUT_SNOW_CANOPY")
    edit(case / "global.txt", "OUT_FORMAT ASCII", "OUT_FORMAT BINARY")
    edit(case / "global.txt", "SNOW_BAND 1", "SNOW_BAND 2 bands")
    edit(case / "global.txt", "OUTVAR OUT_SWE ", "OUTVAR OUT_WDEW\nOUTVAR OUT_SNOW_CANOPY\nOUTVAR OUT_SWE ")
    edit(case / "veglib", "1 0 25 120", "1 1 25 120")
    (case / "bands").write_text("".join(f"{i} 0.4 0.6 500 800 0.3 0.7\n" for i in (1, 2, 3)))
    assert main(["-g", "global.txt"]) == 0
    for name in outputs(case):
        table = read_binary((case / "out" / name).read_bytes())
        assert {column.rstrip("_012") for column in table.names} == {column.rstrip("_012") for column in asked}
        states = [n for n in table.names if n.startswith(("OUT_S", "OUT_W"))]
        stored = sum(table.column(state) for state in states)
        lost = table.column("OUT_PREC") - sum(table.column(f"OUT_{n}") for n in ("EVAP", "RUNOFF", "BASEFLOW"))
        assert table.column("OUT_SNOW_CANOPY").max() > 0.1
        np.testing.assert_allclose(np.diff(stored), lost[1:], atol=2.0**-23 * stored.max())


def test_weather_is_given_as_the_daily_means_of_the_forcing(case):
    names = ("OUT_AIR_TEMP", "OUT_SWDOWN", "OUT_PRESSURE", "OUT_VP", "OUT_VPD", "OUT_REL_HUMID", "OUT_WIND")
    edit(case / "global.txt", "OUTVAR OUT_SWE ", "".join(f"OUTVAR {name} %.8e\n" for name in names) + "OUTVAR OUT_SWE ")
    assert main(["-g", "global.txt"]) == 0
    table = read_ascii((case / "out" / outputs(case)[0]).read_text())
    daily = np.loadtxt(case / "f_45.0000_7.0010").reshape(DAYS, STEPS, 7).mean(axis=1)
    for name, column in (("OUT_AIR_TEMP", 1), ("OUT_SWDOWN", 2), ("OUT_PRESSURE", 4), ("OUT_WIND", 6)):
        np.testing.assert_allclose(table.column(name), daily[:, column], rtol=1e-7, atol=1e-7)
    assert (table.column("OUT_VP") <= daily[:, 5] + 1e-7).all()
    assert ((table.column("OUT_REL_HUMID") <= 100.0) & (table.column("OUT_VPD") >= 0.0)).all()


def test_soil_is_the_less_warm_or_cold_the_deeper(case):
    edit(case / "global.txt", "OUTVAR OUT_SWE ", "OUTVAR OUT_SOIL_TEMP %.8e\nOUTVAR OUT_SWE ")
    assert main(["-g", "global.txt"]) == 0
    table = read_ascii((case / "out" / outputs(case)[0]).read_text())
    variation = [table.column(f"OUT_SOIL_TEMP_{i}").std() for i in range(3)]
    assert variation[0] > variation[1] > variation[2] > 0.0


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


def test_the_temperatures_of_rain_and_snow_are_those_of_the_constants_file(case):
    def snow(constants):
        (case / "constants").write_text(constants)
        assert main(["-g", "global.txt"]) == 0
        return read_ascii((case / "out" / "flux_45.0000_7.0010.txt").read_text()).column("OUT_SWE").sum()

    usual = snow("")
    edit(case / "global.txt", "NODES 3\n", "NODES 3\nCONSTANTS constants\n")
    assert snow("# nothing\n") == snow("SNOW_MAX_SNOW_TEMP 0.5\n") == usual
    assert snow("snow_min_rain_temp 8.0 # warm\nSNOW_MAX_SNOW_TEMP 9.0\n") > usual
