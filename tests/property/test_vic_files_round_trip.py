"""What is written to a VIC file is read back exactly, whatever the numbers are."""

from dataclasses import fields
from datetime import date, timedelta

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy_models.vic.flux_file import FluxTable, format_ascii, format_binary, read_ascii, read_binary
from legacy_models.vic.forcing_file import DECIMALS, format_forcing, read_forcing
from legacy_models.vic.global_file import (
    GlobalFile,
    OutputStream,
    OutputVariable,
    format_global,
    read_global,
)
from legacy_models.vic.snow_band_file import SnowBands, format_snow_bands, read_snow_bands
from legacy_models.vic.soil_file import COLUMNS, SoilTable, format_soil, read_soil
from legacy_models.vic.vegetation_files import (
    VegetationCell,
    VegetationClass,
    VegetationTile,
    format_veglib,
    format_vegparam,
    read_veglib,
    read_vegparam,
)

number = st.floats(allow_nan=False, allow_infinity=False)
word = st.from_regex(r"[A-Za-z0-9_./%-]{1,12}", fullmatch=True)
day = st.dates(date(1850, 1, 1), date(2150, 1, 1))
monthly = st.tuples(*[number] * 12)
SECOND_FORCING = (("FORCING2", "lai_"), ("FORCE_TYPE", "LAI"), ("FORCEYEAR", "1990"), ("LAKES", "FALSE"))
few = settings(max_examples=30, deadline=None)


@st.composite
def soil_tables(draw):
    rows, extra = draw(st.integers(0, 4)), draw(st.integers(0, 2))
    organic = draw(st.booleans()) and rows > 0
    columns = {}
    for name, layered in COLUMNS:
        whole = name in ("run", "cell", "fs_active")
        shape = (rows, 3) if layered else (rows,)
        count = rows * 3 if layered else rows
        values = draw(st.lists(st.integers(0, 10**9) if whole else number, min_size=count, max_size=count))
        columns[name] = np.array(values, dtype=np.int64 if whole else np.float64).reshape(shape)
    last = draw(st.lists(number, min_size=rows * extra, max_size=rows * extra))
    columns["extra"] = np.array(last, dtype=np.float64).reshape(rows, extra)
    if organic:
        values = draw(st.lists(number, min_size=rows * 9, max_size=rows * 9))
        columns["organic"] = np.array(values, dtype=np.float64).reshape(rows, 9)
    return SoilTable(**columns)


@few
@given(soil_tables())
def test_soil_rows_are_read_back_exactly(table):
    again = read_soil(format_soil(table), organic=table.organic.size > 0)
    for f in fields(table):
        given_values, read_values = getattr(table, f.name), getattr(again, f.name)
        if len(table):
            np.testing.assert_array_equal(read_values, given_values)
        assert read_values.dtype == given_values.dtype


@st.composite
def vegetation_cells(draw):
    given_lines = draw(st.fixed_dictionaries(dict.fromkeys(("lai", "fcanopy", "albedo", "blowing"), st.booleans())))
    lines = {name: (monthly if name != "blowing" else st.tuples(number, number, number)) for name in given_lines}
    tile = st.builds(
        VegetationTile,
        number=st.integers(1, 99),
        fraction=number,
        root_depths=st.tuples(number, number, number),
        root_fractions=st.tuples(number, number, number),
        **{name: lines[name] if there else st.just(()) for name, there in given_lines.items()},
    )
    cell = st.builds(VegetationCell, st.integers(1, 10**6), st.lists(tile, max_size=3).map(tuple))
    return given_lines, tuple(draw(st.lists(cell, max_size=4)))


@few
@given(vegetation_cells())
def test_vegetation_tiles_are_read_back_exactly(drawn):
    lines, cells = drawn
    assert read_vegparam(format_vegparam(cells), 3, **lines) == cells


@st.composite
def vegetation_classes(draw):
    optional = {"fcanopy": monthly, "max_snow_albedo": number, "photosynthesis": st.tuples(*[number] * 7)}
    columns = draw(st.fixed_dictionaries(dict.fromkeys(optional, st.booleans())))
    kind = st.builds(
        VegetationClass,
        number=st.integers(1, 10**5),
        overstory=st.booleans(),
        rarc=number,
        rmin=number,
        lai=monthly,
        albedo=monthly,
        roughness=monthly,
        displacement=monthly,
        wind_height=number,
        rgl=number,
        rad_atten=number,
        wind_atten=number,
        trunk_ratio=number,
        comment=st.from_regex(r"([A-Za-z]{1,8}( [A-Za-z()]{1,8})?)?", fullmatch=True),
        **{name: values for name, values in optional.items() if columns[name]},
    )
    return columns, tuple(draw(st.lists(kind, max_size=3)))


@few
@given(vegetation_classes())
def test_vegetation_classes_are_read_back_exactly(drawn):
    columns, classes = drawn
    assert read_veglib(format_veglib(classes), **columns) == classes


@few
@given(st.integers(1, 5), st.data())
def test_snow_bands_are_read_back_exactly(bands, data):
    shares = st.tuples(*[number] * bands)
    row = st.builds(SnowBands, st.integers(1, 10**6), shares, shares, shares)
    rows = tuple(data.draw(st.lists(row, max_size=4)))
    assert read_snow_bands(format_snow_bands(rows), bands) == rows


@st.composite
def global_files(draw):
    start = draw(day)
    streams = st.builds(
        OutputStream,
        prefix=word,
        variables=st.lists(
            st.one_of(
                st.builds(OutputVariable, word),
                st.builds(OutputVariable, word, word),
                st.builds(OutputVariable, word, word, word, word, word),
            ),
            max_size=4,
        ).map(tuple),
        format=st.sampled_from(["ASCII", "BINARY"]),
        frequency=st.sampled_from([("NDAYS", "1"), ("NMONTHS", "1"), ("NEVER",)]),
        other=st.sampled_from([(), (("COMPRESS", "FALSE"),)]),
    )
    whole = st.integers(1, 100)
    bands = draw(st.integers(1, 10))
    return GlobalFile(
        nlayer=draw(whole),
        nodes=draw(whole),
        model_steps=draw(whole),
        snow_steps=draw(whole),
        runoff_steps=draw(whole),
        start=start,
        end=start + timedelta(draw(st.integers(0, 20000))),
        forcing=draw(word),
        force_types=tuple(draw(st.lists(word, max_size=8))),
        force_steps=draw(whole),
        force_start=draw(day),
        soil=draw(word),
        veglib=draw(word),
        vegparam=draw(word),
        root_zones=draw(whole),
        result_dir=draw(word),
        outputs=tuple(draw(st.lists(streams, max_size=3))),
        calendar=draw(word),
        full_energy=draw(st.booleans()),
        frozen_soil=draw(st.booleans()),
        continue_on_error=draw(st.booleans()),
        grid_decimal=draw(whole),
        wind_h=draw(number),
        vegparam_lai=draw(st.booleans()),
        lai_src=draw(word),
        snow_bands=bands,
        snow_band_file=draw(word) if bands > 1 else "",
        other=draw(
            st.sampled_from([(), (("LAKES", "FALSE"), ("EQUAL_AREA", "TRUE")), (("TYPO", ""),), SECOND_FORCING])
        ),
    )


@few
@given(global_files())
def test_global_files_are_read_back_exactly(settings_):
    assert read_global(format_global(settings_)) == settings_


@st.composite
def flux_tables(draw):
    days, columns = draw(st.integers(0, 5)), draw(st.integers(1, 5))
    start = np.datetime64(draw(day), "D")
    narrow = st.floats(width=32, allow_nan=False, allow_infinity=False)
    values = draw(st.lists(narrow, min_size=days * columns, max_size=days * columns))
    names = tuple(f"OUT_{i}" for i in range(columns))
    return FluxTable(names, start + np.arange(days), np.array(values, dtype=np.float64).reshape(days, columns))


@few
@given(flux_tables())
def test_binary_output_keeps_every_float32(table):
    again = read_binary(format_binary(table, 4))
    assert again.names == table.names
    np.testing.assert_array_equal(again.dates, table.dates)
    np.testing.assert_array_equal(again.values, table.values)


@few
@given(flux_tables())
def test_ascii_output_keeps_seventeen_digits(table):
    again = read_ascii(format_ascii(table, "flux", "5.0.1", ["%.16e"] * len(table.names)))
    assert again.names == table.names
    np.testing.assert_array_equal(again.dates, table.dates)
    np.testing.assert_array_equal(again.values, table.values)


@few
@given(st.lists(st.tuples(*[st.floats(-1e6, 1e6)] * 7), min_size=1, max_size=20))
def test_forcing_is_kept_to_half_a_unit_of_the_last_decimal(rows):
    values = np.array(rows)
    text = format_forcing(values)
    read = read_forcing(text)
    half_unit = 0.5 * 10.0 ** -np.array(DECIMALS)
    assert (np.abs(read - values) <= half_unit * (1 + 1e-6)).all()
    assert format_forcing(read) == text
    np.testing.assert_array_equal(read, np.array([line.split() for line in text.splitlines()], dtype=float))


@given(st.lists(st.integers(-(10**14), 10**14), min_size=1, max_size=30), st.integers(1, 9))
def test_forcing_text_is_what_printf_gives(whole, decimals):
    values = np.array(whole, dtype=np.float64)[:, None] / 10.0**decimals
    printed = [line.strip().decode() for line in format_forcing(values, [decimals]).splitlines()]
    expected = [f"{'-' if n < 0 else ''}{abs(n) // 10**decimals}.{abs(n) % 10**decimals:0{decimals}d}" for n in whole]
    assert printed == expected
