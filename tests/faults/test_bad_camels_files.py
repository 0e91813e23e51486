"""Bad files of CAMELS-US give one line that names file, basin, line and rule (FAULTS: bad data)."""

from pathlib import Path
from shutil import copy, rmtree

import pytest

from legacy_models.errors import ProjectError, UsageError
from pipeline.readers.camels_us import Options, read
from tests.camels_folder import BASINS, LOWER, Change, change, flow_file, forcing_file, write, write_camels

pytestmark = pytest.mark.fault(25)
BAD = BASINS[1]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_camels(tmp_path / "one")


def line(number: int, old: str, new: str) -> Change:
    """Return a change of ``old`` to ``new`` in one line, counted from 1."""

    def put(lines: list[str]) -> list[str]:
        assert old in lines[number - 1]
        return [*lines[: number - 1], lines[number - 1].replace(old, new), *lines[number:]]

    return put


def order(*numbers: int) -> Change:
    """Return a change that leaves the four header lines and these rows, counted from 1."""
    return lambda lines: [*lines[:4], *(lines[3 + number] for number in numbers)]


def into_december(*days: str) -> Change:
    """Return a change of the first rows' dates."""
    return lambda lines: [
        *lines[:4],
        *(day + row[10:] for day, row in zip(days, lines[4:], strict=False)),
    ]


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (line(3, "20000000", "-5"), "line 3 must be the basin's area in m2, a number above 0; received '-5'"),
        (line(3, "20000000", "0"), "line 3 must be the basin's area in m2"),
        (lambda lines: [*lines[:2], *lines[3:]], "line 3 must be the basin's area in m2.*; received 'Year Mnth"),
        (lambda lines: [*lines[:3], *lines[4:]], "line 4 names no column year, mnth, day, prcp"),
        (lambda lines: lines[:4], "expected four header lines and a row for each day, received 4 lines"),
        (lambda lines: [], "expected four header lines and a row for each day, received 1 lines"),
        (line(4, LOWER, LOWER.replace(" vp(Pa)", "")), "line 4 names no column vp; received 'Year .*'$"),
        (line(4, "tmax(C)", "tmean(C)"), "line 4 names no column tmax; received"),
        (line(4, "prcp(mm/day)", "prcp(inches)"), "line 4: unit 'inches' of prcp is not known; known: mm/day"),
        (line(4, " swe(mm)", ""), "line 5: expected 10 values .*, received 11"),
        (line(7, "\t700.00", "\t700.00\t1"), "line 7: expected 11 values, received 12"),
        (line(7, "\t700.00", ""), "2000-02-22: vp is missing"),
        (line(7, "300.00", "-999.00"), "2000-02-22: srad is missing; forcing must have no gaps"),
        (line(7, "300.00", "NaN"), "2000-02-22: srad is missing"),
        (line(7, "300.00", "3OO"), "line 7: srad is not a number: '3OO'"),
        (line(7, "11.00", "284.15"), "2000-02-22: tmax is 284.15 degC, outside .*; is its unit right"),
        (line(7, "2000 02 22", "2000 02 xx"), "line 7: day is not a number: 'xx'"),
        (line(7, "2000 02 22", "2000 02 30"), "line 7: there is no day 2000-2-30"),
        (lambda lines: [*lines[:6], "", *lines[7:]], "line 7: there is no day"),
        (order(1, 2, 4), "line 7: 2000-02-22 is missing"),
        (order(1, 2, 2, 3), "line 7: 2000-02-21 is given twice"),
        (order(3, 2), "line 6: 2000-02-21 comes after 2000-02-22"),
        (order(*range(1, 10), 11), "line 14: 2000-02-29 is missing"),
        (into_december("2000 12 30", "2001 01 01"), "line 6: 2000-12-31 is missing; Daymet's calendar leaves it out"),
    ],
)
def test_a_bad_forcing_file_is_one_line_with_file_basin_and_place(root, spoil, message):
    path = forcing_file(root, "daymet", BAD)
    change(path, spoil)
    refuse(root, path, message)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (line(5, "104.00", "-1.00"), r"line 5: discharge is -1.0 ft3/s; only -999 and the flags M stand for a gap"),
        (line(5, "104.00", "inf"), "line 5: discharge is inf ft3/s"),
        (line(5, "104.00 A", ""), "line 5: discharge is nan ft3/s"),
        (line(5, "104.00", "Ice"), "line 5: discharge is not a number: 'Ice'"),
        (line(5, BAD, "01013500"), "line 5: the row is of gauge 01013500"),
        (line(5, "2000 02 24", "2000 13 24"), "line 5: there is no day 2000-13-24"),
        (line(5, "2000 02 24", "2000 02 22"), "line 5: 2000-02-22 comes after 2000-02-23"),
        (line(5, "2000 02 24", "2000 02 23"), "line 5: 2000-02-23 is given twice"),
        (line(5, " A", " A e"), "line 5: expected 6 values, received 7"),
        (line(1, " A", " A e"), r"line 1: expected 6 values \(gauge, year, mnth, day, discharge, flag\), received 7"),
        (lambda lines: [], "line 1: expected 6 values .*, received 0"),
    ],
)
def test_a_bad_streamflow_file_is_one_line_with_file_basin_and_place(root, spoil, message):
    path = flow_file(root, BAD)
    change(path, spoil)
    refuse(root, path, message)


def test_files_that_are_no_text_are_named(root):
    path = flow_file(root, BAD)
    path.write_bytes(b"\xff\xfe\x00")
    refuse(root, path, "cannot be read: .*can't decode byte 0xff")


def test_two_files_of_one_basin_are_refused(root):
    path = forcing_file(root, "daymet", BAD)
    other = path.parents[1] / "02"
    other.mkdir()
    copy(path, other)
    refuse(root, path.parents[1], "there is more than one file for basin 02000000")


def test_an_area_of_gages2_that_is_missing_is_named(root, tmp_path):
    table = root.parent / "camels_attributes_v2.0" / "camels_topo.txt"
    change(table, line(3, "20.0", "NA"))
    with pytest.raises(ProjectError, match="area_gages2 of basin 02000000 is nan; expected above 0 km2"):
        read(Options(path=root, area="gages2"), tmp_path)
    table.unlink()
    with pytest.raises(UsageError, match=r"area: no attribute is called area_gages2 in .*camels_clim.txt"):
        read(Options(path=root, area="gages2"), tmp_path)


def test_folders_that_do_not_exist_are_named(root, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"path: there is no folder .*/nowhere"):
        read(Options(path=tmp_path / "nowhere"), tmp_path)
    with pytest.raises(UsageError, match=r"neither .*/empty nor a folder up to two levels below it holds basin_mean"):
        read(Options(path=tmp_path / "empty"), tmp_path)
    write_camels(tmp_path / "two")
    with pytest.raises(UsageError, match=r"holds 2 data sets \(.*/one/.*, .*/two/.*\); name one"):
        read(Options(path=tmp_path), tmp_path)
    rmtree(root.parent / "camels_attributes_v2.0")
    with pytest.raises(UsageError, match=r"attributes: there are no camels_\*.txt"):
        read(Options(path=root), tmp_path)
    (root / "basin_mean_forcing" / "spare").mkdir()
    table = write(tmp_path / "table.csv", ["gauge_id,aridity", f"{BAD},1"])
    with pytest.raises(UsageError, match=r"spare holds no file that ends in _forcing_leap.txt"):
        read(Options(path=root, forcing="spare", attributes=(table,)), tmp_path)


def refuse(root: Path, path: Path, message: str) -> None:
    """Check that reading is refused by one line that starts with ``path``."""
    with pytest.raises(ProjectError, match=message) as caught:
        read(Options(path=root), root)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert f"basin {BAD}" in text
    assert "\n" not in text
