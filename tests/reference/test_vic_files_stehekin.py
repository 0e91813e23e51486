"""The VIC project's own sample files are read, and written back without loss."""

from dataclasses import fields

import numpy as np
import pytest

from legacy_models.vic.forcing_file import format_forcing, read_forcing
from legacy_models.vic.global_file import format_global, read_global
from legacy_models.vic.snow_band_file import format_snow_bands, read_snow_bands
from legacy_models.vic.soil_file import format_soil, read_soil
from legacy_models.vic.vegetation_files import format_veglib, format_vegparam, read_veglib, read_vegparam

pytestmark = pytest.mark.reference


@pytest.fixture
def stehekin(shared_data):
    return shared_data / "vic_sample" / "classic" / "Stehekin"


def text(folder, name):
    return (folder / "parameters" / name).read_text()


def numbers(content):
    return [
        float(w) for line in content.splitlines() if not line.startswith("#") for w in line.split() if _is_number(w)
    ]


def _is_number(word):
    try:
        float(word)
    except ValueError:
        return False
    return True


def test_the_global_file_is_read_and_written_back(stehekin):
    read = read_global(text(stehekin, "global_param.STEHE.txt"))
    assert (read.nlayer, read.model_steps, read.snow_bands, read.lai_src) == (3, 24, 5, "FROM_VEGPARAM")
    assert len(read.force_types) == 8
    assert read.force_types[4] == "SKIP"
    assert len(read.outputs[0].variables) == 20
    assert read.unknown_keys == ()
    assert read_global(format_global(read)) == read


@pytest.mark.parametrize("name", ["Stehekin_soil.txt", "Stehekin_soil.FROZEN_SOIL.txt"])
def test_the_soil_file_is_read_and_written_back(stehekin, name):
    soil = read_soil(text(stehekin, name))
    assert (len(soil), soil.layers, soil.extra.shape) == (16, 3, (16, 1))
    assert numbers(format_soil(soil)) == numbers(text(stehekin, name))
    again = read_soil(format_soil(soil))
    assert all(np.array_equal(getattr(again, f.name), getattr(soil, f.name)) for f in fields(soil))


def test_the_vegetation_files_are_read_and_written_back(stehekin):
    cells = read_vegparam(text(stehekin, "Stehekin_vegparam.txt"), 3, lai=True)
    assert len(cells) == 16
    assert numbers(format_vegparam(cells)) == numbers(text(stehekin, "Stehekin_vegparam.txt"))
    classes = read_veglib(text(stehekin, "Stehekin_veglib.txt"))
    assert [c.comment for c in classes][:2] == ["Evergreen Needleleaf", "Evergreen Broadleaf"]
    assert numbers(format_veglib(classes)) == numbers(text(stehekin, "Stehekin_veglib.txt"))


def test_the_snow_bands_are_read_and_written_back(stehekin):
    rows = read_snow_bands(text(stehekin, "Stehekin_snowbands.txt"), 5)
    assert len(rows) == 16
    assert numbers(format_snow_bands(rows)) == numbers(text(stehekin, "Stehekin_snowbands.txt"))


def test_the_forcing_is_read_and_written_back(stehekin):
    paths = sorted((stehekin / "forcings").glob("full_data_*"))
    assert len(paths) == 16
    for path in paths:
        values = read_forcing(path.read_bytes(), columns=8)
        assert len(values) == 240
        np.testing.assert_array_equal(read_forcing(format_forcing(values, [4] * 8), columns=8), values)
