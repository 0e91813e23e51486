"""VIC's file formats: what is read, what is refused, and what each message names."""

import struct

import numpy as np
import pytest

from legacy_models.errors import DataError
from legacy_models.vic.flux_file import FluxTable, format_ascii, format_binary, read_ascii, read_binary
from legacy_models.vic.forcing_file import format_forcing, read_forcing
from legacy_models.vic.global_file import format_global, read_global
from legacy_models.vic.snow_band_file import read_snow_bands
from legacy_models.vic.soil_file import concatenate, format_soil, read_soil
from legacy_models.vic.vegetation_files import read_veglib, read_vegparam

GLOBAL = """
# a comment
nlayer 3   # keys in any case, comments after the value
NODES 3
MODEL_STEPS_PER_DAY 4
SNOW_STEPS_PER_DAY 4
RUNOFF_STEPS_PER_DAY 4
STARTYEAR 1989
STARTMONTH 10
STARTDAY 01
ENDYEAR 1993
ENDMONTH 9
ENDDAY 30
FROZEN_SOIL FALSE
FORCING1 forcing/f_
FORCE_TYPE PREC
FORCE_TYPE AIR_TEMP
FORCE_STEPS_PER_DAY 4
FORCEYEAR 1989
FORCEMONTH 10
FORCEDAY 1
SOIL soil.txt
VEGLIB veglib.txt
VEGPARAM vegparam.txt
ROOT_ZONES 3
LAKES FALSE
SNOW_BAND 5 bands.txt
RESULT_DIR out
OUTFILE flux
OUT_FORMAT BINARY
OUTVAR OUT_PREC %.8e
OUTVAR OUT_SWE * OUT_TYPE_DOUBLE *
OUTFILE other
AGGFREQ NMONTHS 1
OUTVAR OUT_EVAP
"""
SOIL_ROW = (
    "1 7 41.5 -75.25 0.2 0.02 10 0.8 2 12 12 12 500 500 500 -99 -99 -99 25 100 300 350 0.1 0.4 1.2 8.4 4 "
    "16 16 16 0.5 0.5 0.5 1500 1500 1500 2650 2650 2650 0 0.4 0.4 0.4 0.2 0.2 0.2 0.001 0.0005 1167 "
    "0.02 0.02 0.02 0"
)
DATES = np.arange("1999-12-30", "2000-03-02", dtype="datetime64[D]")


def table(columns=2):
    values = np.random.default_rng(1).normal(size=(len(DATES), columns)).astype(np.float32).astype(float)
    return FluxTable(tuple(f"OUT_SOIL_MOIST_{i}" for i in range(columns)), DATES, values)


def test_a_global_file_is_read_as_vic_reads_it():
    read = read_global(GLOBAL)
    assert (read.nlayer, read.model_steps, read.force_types) == (3, 4, ("PREC", "AIR_TEMP"))
    assert (str(read.start), str(read.end)) == ("1989-10-01", "1993-09-30")
    assert (read.snow_bands, read.snow_band_file) == (5, "bands.txt")
    assert read.other == (("LAKES", "FALSE"),)
    assert [stream.prefix for stream in read.outputs] == ["flux", "other"]
    assert read.outputs[0].format == "BINARY"
    assert read.outputs[1].format == "ASCII"
    assert read.outputs[0].variables[0].printf == "%.8e"
    assert read.outputs[0].variables[1].type == "OUT_TYPE_DOUBLE"
    assert read.label(41.37024, -106.5) == "41.3702_-106.5000"
    assert read_global(format_global(read)) == read


def test_a_key_that_vic_does_not_have_is_named_and_one_that_it_has_is_not():
    assert read_global(GLOBAL + "SNOW_DENSTY DENS_BRAS\n").unknown_keys == ("SNOW_DENSTY",)


def test_the_second_forcing_file_does_not_overwrite_the_first():
    second = (("FORCING2", "lai/f_"), ("FORCE_TYPE", "LAI"), ("FORCE_STEPS_PER_DAY", "24"), ("FORCEYEAR", "1990"))
    text = GLOBAL + "".join(f"{key} {rest}\n" for key, rest in second)
    read = read_global(text)
    assert read.other == (("LAKES", "FALSE"), *second)
    assert (read.force_types, read.force_steps, read.force_start.year) == (("PREC", "AIR_TEMP"), 4, 1989)
    assert read.unknown_keys == ()
    assert read_global(format_global(read)) == read


def test_a_binary_forcing_type_keeps_its_sign_and_multiplier_and_an_ascii_one_no_comment():
    types = GLOBAL.replace("FORCE_TYPE PREC", "FORCE_TYPE PREC UNSIGNED 40")
    assert read_global(types).force_types[0] == "PREC"
    binary = read_global(types + "FORCE_FORMAT BINARY\n")
    assert binary.force_types[0] == "PREC UNSIGNED 40"
    assert read_global(format_global(binary)) == binary


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("NODES 3", "", "NODES"),
        ("ENDYEAR 1993", "ENDYEAR 1980", "before"),
        ("STARTMONTH 10", "STARTMONTH 13", "STARTYEAR"),
        ("NODES 3", "NODES three", "three"),
        ("OUT_FORMAT BINARY", "OUT_FORMAT NETCDF4", "NETCDF4"),
        ("FROZEN_SOIL FALSE", "", "FROZEN_SOIL"),
        ("OUTFILE flux", "", "OUTFILE"),
        ("SOIL soil.txt", "SOIL", "SOIL"),
        ("VEGPARAM vegparam.txt", "VEGPARM vegparam.txt", "VEGPARAM"),
    ],
)
def test_a_global_file_that_cannot_be_used_is_refused_by_name(old, new, named):
    with pytest.raises(DataError, match=named):
        read_global(GLOBAL.replace(old, new, 1))


def test_a_soil_row_is_read_by_its_53_columns():
    soil = read_soil(f"# comment\n{SOIL_ROW}\n{SOIL_ROW}\n")
    assert len(soil) == 2
    assert soil.layers == 3
    assert (soil.cell[0], soil.lat[0], soil.ds[0], soil.annual_prec[0]) == (7, 41.5, 0.02, 1167)
    assert soil.init_moist[1].tolist() == [25, 100, 300]
    assert soil.max_moist[0] == pytest.approx(1000 * np.array([0.1, 0.4, 1.2]) * (1 - 1500 / 2650))
    assert format_soil(soil.row(1)) == SOIL_ROW + "\n"
    assert format_soil(concatenate([soil, soil.row(0)])) == 3 * (SOIL_ROW + "\n")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (SOIL_ROW[:-2], "row 1: 52 columns"),
        (f"{SOIL_ROW}\n{SOIL_ROW} 3", "row 2"),
        (SOIL_ROW.replace("350", "x"), "x"),
    ],
)
def test_a_soil_row_that_is_short_long_or_no_number_is_refused(text, named):
    with pytest.raises(DataError, match=named):
        read_soil(text)


@pytest.mark.parametrize(
    "text",
    [
        "7 1\n 1 1.0 0.1 0.1 0.4 0.6\n",
        "7 2\n 1 1.0 0.1 0.1 0.4 0.6 1.2 0.3\n",
        "7\n",
        "7 1\n 1 x 1 1 1 1 1 1",
    ],
)
def test_damaged_vegetation_parameters_are_refused(text):
    with pytest.raises(DataError, match="vegetation"):
        read_vegparam(text, 3)


@pytest.mark.parametrize(
    ("text", "lines", "named"),
    [
        ("7 1\n 1 1 0.1 0.5\n 1 2 3\n", {"lai": True}, "3 values of lai; 12"),
        ("7 1\n 1 1 0.1 0.5\n 1 2 3\n", {"lai": True, "albedo": True}, "2 lines for 1 tiles of 3"),
        ("7 1\n 1 1 0.1 0.5\n", {"blowing": True}, "3 numbers on the terrain"),
    ],
)
def test_vegetation_lines_that_the_global_file_promises_are_missed(text, lines, named):
    with pytest.raises(DataError, match=f"cell 7.*{named}"):
        read_vegparam(text, 1, **lines)


def test_a_photosynthetic_pathway_may_be_spelled_out():
    row = "3 0 25 220 " + " ".join(["0.2"] * 48) + " 2 100 0.5 0.5 0.2 C4 39e-6 0.14 0.06 1 0.2 0.1 Corn Field"
    (corn,) = read_veglib(row, photosynthesis=True)
    assert corn.photosynthesis == (1.0, 39e-6, 0.14, 0.06, 1.0, 0.2, 0.1)
    assert (corn.trunk_ratio, corn.comment) == (0.2, "Corn Field")


def test_a_short_library_row_is_refused_and_comment_lines_are_not_classes():
    with pytest.raises(DataError, match="class 1 has 3 columns"):
        read_veglib("#class\nClass over\n1 1 60\n")


@pytest.mark.parametrize("text", ["1 0.5 0.5 100 200 0.5\n", "1 0.5 0.5 100 200 0.5 x\n"])
def test_a_damaged_snow_band_row_is_refused(text):
    with pytest.raises(DataError, match="line 1"):
        read_snow_bands(text, 2)


def test_forcing_may_begin_with_comments_and_have_any_white_space():
    assert read_forcing(b"# header\n1\t2  3\n4 5 6", 3).tolist() == [[1, 2, 3], [4, 5, 6]]
    assert read_forcing(b"", 3).shape == (0, 3)


@pytest.mark.filterwarnings("ignore:string or file could not be read")
@pytest.mark.parametrize(
    ("text", "named"),
    [(b"1 2 3\n4 5\n", "row 2: 2 columns"), (b"1 2 3\n4 5 x\n", "row 2"), (b"1 2\n3 4 5 6\n", "row 1")],
)
def test_a_forcing_row_that_would_shift_the_others_is_refused(text, named):
    with pytest.raises(DataError, match=named):
        read_forcing(text, 3)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_a_forcing_value_that_is_not_finite_is_never_written(bad):
    with pytest.raises(DataError, match="NaN, infinite"):
        format_forcing(np.array([[1.0], [bad]]), [2])


def test_the_binary_header_is_that_of_vic_5():
    content = format_binary(table(), steps_per_day=4)
    assert content[:8] == b"\xff" * 8
    total, part_1, steps, year, month, day, second, variables = struct.unpack_from("<HHQiHHIQ", content, 8)
    assert (part_1, steps, variables) == (30, 4 * len(DATES), 3 + 1)
    assert (year, month, day, second) == (1999, 12, 30, 0)
    (part_2,) = struct.unpack_from("<H", content, 40)
    assert total == 8 + 2 + part_1 + part_2
    assert content[42:52] == b"\x04YEAR\x04" + struct.pack("<f", 1.0)
    assert len(content) == total + len(DATES) * (3 * 4 + 2 * 4)


def test_binary_output_of_other_types_is_read_and_a_multiplier_changes_nothing_as_in_the_program():
    names = [("YEAR", 4, 1.0), ("MONTH", 4, 1.0), ("DAY", 4, 1.0), ("OUT_PREC", 3, 40.0), ("OUT_SWE", 6, 1.0)]
    part_2 = b"".join(struct.pack("<b", len(n)) + n.encode() + struct.pack("<bf", code, m) for n, code, m in names)
    header = struct.pack("<HQiHHIQ", 30, 4, 2000, 2, 29, 0, 5) + struct.pack("<H", 2 + len(part_2)) + part_2
    content = b"\xff" * 8 + struct.pack("<H", 10 + len(header)) + header + struct.pack("<iiiHd", 2000, 2, 29, 100, 7.25)
    read = read_binary(content)
    assert read.names == ("OUT_PREC", "OUT_SWE")
    assert read.values.tolist() == [[100.0, 7.25]]
    assert str(read.dates[0]) == "2000-02-29"


@pytest.mark.parametrize("cut", [4, 20, 60, -1, -3])
def test_truncated_binary_output_is_refused(cut):
    with pytest.raises(DataError, match="output file"):
        read_binary(format_binary(table(), 4)[:cut])


def test_ascii_output_has_vics_header_and_default_format():
    lines = format_ascii(table(), "flux", "5.0.1").splitlines()
    assert lines[:3] == [
        "# SIMULATION: flux",
        "# MODEL_VERSION: 5.0.1",
        "YEAR\tMONTH\tDAY\tOUT_SOIL_MOIST_0\t OUT_SOIL_MOIST_1",
    ]
    assert lines[3] == "1999\t12\t30\t{:.4f}\t {:.4f}".format(*table().values[0])


@pytest.mark.parametrize(
    "damage",
    [lambda t: t[:-9], lambda t: t.replace("YEAR", "Y"), lambda t: t.replace("\t02\t29", "\t13\t29")],
)
def test_damaged_ascii_output_is_refused(damage):
    with pytest.raises(DataError, match="output file"):
        read_ascii(damage(format_ascii(table(), "flux", "5.0.1")))


def test_a_column_that_is_not_there_is_named():
    with pytest.raises(DataError, match="OUT_RUNOFF"):
        table().column("OUT_RUNOFF")
