"""The real VIC 5 takes the adapter's files as they are, and its output is read and judged good."""

import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from legacy_models.model import Run
from legacy_models.runner import run_batch
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.disaggregation import STEPS_PER_DAY
from legacy_models.vic.flux_file import format_ascii, format_binary, read_ascii, read_binary
from legacy_models.vic.forcing_file import format_forcing, read_forcing
from legacy_models.vic.global_file import format_global, read_global
from legacy_models.vic.snow_band_file import format_snow_bands, read_snow_bands
from legacy_models.vic.soil_file import format_soil, read_soil
from legacy_models.vic.vegetation_files import format_veglib, format_vegparam, read_veglib, read_vegparam
from tests.vic_sites import ATTRIBUTES, END, START, some_runs, sound, weather

pytestmark = pytest.mark.vic5

HALF_A_FLOAT32 = 2.0**-24  # largest relative error of rounding to float32
HALF_A_DIGIT = 0.5e-8  # and of printing with %.8e


def output_files(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "out").iterdir())}


def test_forty_sets_in_one_process_are_forty_single_runs_bit_for_bit(executable, tmp_path):
    model = VicModel(executable=executable, spinup_years=1)
    runs = some_runs(model, 40)
    together = run_batch(model, runs, tmp_path / "all")
    alone = [run_batch(model, [run], tmp_path / f"{i}")[0] for i, run in enumerate(runs)]
    np.testing.assert_array_equal(sound(together), sound(alone))
    assert [result.drift for result in together] == [result.drift for result in alone]
    assert len({result.outputs.tobytes() for result in alone}) == 40


@pytest.mark.parametrize(
    "options",
    [
        {"tiles": 2},
        {"tiles": 3, "steps_per_day": 6},
        {"snow_bands": 5},
        {"tiles": 3, "snow_bands": 3, "steps_per_day": 8},
        {"rain_snow": True},
    ],
)
def test_vic_5_and_the_embedded_program_give_the_same_under_every_option(executable, tmp_path, options):
    """The same files go to both: shares of the cell, bands, zero-area bands and constants mean the same to them."""
    real, embedded = (VicModel(executable=e, spinup_years=1, **options) for e in (executable, None))
    places = [{"elev_mean": 2000.0, "frac_forest": 0.4}, {"slope_mean": 0.5, "frac_forest": 0.1, "gvf_max": 0.3}]
    values = np.stack([real.parameters.defaults, real.parameters.from_unit(np.full(len(real.parameters), 0.3))])
    values[:, 11:] = values[1, 11:]
    sites = [real.site(str(i), ATTRIBUTES | place, weather()) for i, place in enumerate(places)]
    runs = [Run(site, row, START, END) for site in sites for row in values]
    theirs, ours = (
        sound(run_batch(model, runs, tmp_path / name)) for name, model in (("real", real), ("embedded", embedded))
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("days", [365, 364, 362])
@pytest.mark.parametrize("steps", STEPS_PER_DAY)
def test_every_legal_time_step_simulates_every_day(executable, tmp_path, steps, days):
    model = VicModel(executable=executable, spinup_years=1, steps_per_day=steps)
    runs = [replace(run, end=run.start + (days - 1)) for run in some_runs(model, 3)]
    assert sound(run_batch(model, runs, tmp_path / "batch")).shape == (3, days, 7)


def test_blanks_in_the_path_of_a_sandbox_never_reach_vic(executable, tmp_path):
    model = VicModel(executable=executable, spinup_years=1)
    sound(run_batch(model, some_runs(model, 2), tmp_path / "two words" / "a b"))


def written(model, folder):
    """What the program itself writes for two runs: the bytes of its files by name."""
    folder.mkdir()
    subprocess.run(model.prepare(folder, some_runs(model, 2)), cwd=folder, check=True, capture_output=True)
    return output_files(folder)


def test_binary_and_ascii_output_of_one_run_agree_to_their_last_digit(executable, tmp_path):
    formats = {
        name: VicModel(executable=executable, spinup_years=1, output_format=name) for name in ("BINARY", "ASCII")
    }
    binary, ascii_ = (list(written(model, tmp_path / name).values()) for name, model in formats.items())
    for one, other in zip(map(read_binary, binary), map(read_ascii, map(bytes.decode, ascii_)), strict=True):
        assert one.names == other.names
        np.testing.assert_array_equal(one.dates, other.dates)
        np.testing.assert_allclose(one.values, other.values, rtol=HALF_A_FLOAT32 + HALF_A_DIGIT, atol=0)


def test_what_the_program_wrote_is_read_and_written_back_byte_for_byte(executable, tmp_path):
    binary = written(VicModel(executable=executable, spinup_years=1), tmp_path / "binary")
    for content in binary.values():
        assert format_binary(read_binary(content), steps_per_day=4) == content
    text = written(VicModel(executable=executable, spinup_years=1, output_format="ASCII"), tmp_path / "ascii")
    for content in map(bytes.decode, text.values()):
        table = read_ascii(content)
        assert format_ascii(table, "flux", "5.0.1", ["%.8e"] * len(table.names)) == content


@pytest.mark.parametrize(
    ("name", "type_", "tolerance"),
    [
        ("OUT_SWE", "OUT_TYPE_DOUBLE", 1e-4),
        ("OUT_PREC", "OUT_TYPE_USINT", 1.0),
        ("OUT_EVAP", "OUT_TYPE_SINT", 1.0),
        ("OUT_SOIL_MOIST", "OUT_TYPE_INT", 1.0),
    ],
)
def test_columns_of_other_types_are_read_as_the_program_wrote_them(executable, tmp_path, name, type_, tolerance):
    model = VicModel(executable=executable, spinup_years=1)
    argv = model.prepare(tmp_path, some_runs(model, 1))
    settings = read_global((tmp_path / "global.txt").read_text())
    (stream,) = settings.outputs
    typed = [replace(v, printf="*", type=type_, multiplier="40") if v.name == name else v for v in stream.variables]
    streams = (replace(stream, prefix="plain"), replace(stream, prefix="typed", variables=tuple(typed)))
    (tmp_path / "global.txt").write_text(format_global(replace(settings, outputs=streams)))
    subprocess.run(argv, cwd=tmp_path, check=True, capture_output=True)
    plain, changed = (read_binary(content) for content in output_files(tmp_path).values())
    assert changed.names == plain.names
    assert np.abs(changed.values - plain.values).max() < tolerance


def test_vic_5_gives_the_same_bytes_on_its_own_sample_and_on_the_sample_that_was_read_and_written_back(
    executable, shared_data, tmp_path
):
    sample = shared_data / "vic_sample" / "classic" / "Stehekin"
    original, rewritten = tmp_path / "original", tmp_path / "rewritten"
    shutil.copytree(sample, original)
    settings = replace(
        read_global((sample / "parameters" / "global_param.STEHE.txt").read_text()),
        forcing="forcings/full_data_", soil="parameters/Stehekin_soil.txt", veglib="parameters/Stehekin_veglib.txt",
        vegparam="parameters/Stehekin_vegparam.txt", snow_band_file="parameters/Stehekin_snowbands.txt",
        result_dir="out",
    )  # fmt: skip
    for folder in (original, rewritten):
        (folder / "out").mkdir(parents=True)
        (folder / "global.txt").write_text(format_global(settings))
    rewrite(original, rewritten, settings)
    for folder in (original, rewritten):
        subprocess.run([executable, "-g", "global.txt"], cwd=folder, check=True, capture_output=True)
    assert len(output_files(original)) == 16
    assert output_files(rewritten) == output_files(original)


def rewrite(source, target, settings):
    """Read every file of a case and write it anew."""
    (target / "parameters").mkdir()
    (target / "forcings").mkdir()
    text = {path: (source / path).read_text() for path in (settings.soil, settings.veglib, settings.vegparam)}
    bands = read_snow_bands((source / settings.snow_band_file).read_text(), settings.snow_bands)
    cells = read_vegparam(text[settings.vegparam], settings.root_zones, lai=settings.vegparam_lai)
    (target / settings.soil).write_text(format_soil(read_soil(text[settings.soil])))
    (target / settings.veglib).write_text(format_veglib(read_veglib(text[settings.veglib])))
    (target / settings.vegparam).write_text(format_vegparam(cells))
    (target / settings.snow_band_file).write_text(format_snow_bands(bands))
    for path in (source / "forcings").glob("full_data_*"):
        values = read_forcing(path.read_bytes(), columns=8)
        (target / "forcings" / path.name).write_bytes(format_forcing(values, [4] * 8))
