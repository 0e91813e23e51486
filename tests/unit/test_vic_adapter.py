"""The VIC adapter: what it writes and what it refuses."""

import json
from dataclasses import replace

import numpy as np
import pytest

from legacy_models import LEGACY_MODELS
from legacy_models.batching import Pile
from legacy_models.errors import DataError, UsageError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Site, with_spinup
from legacy_models.run_set import ModelInfo
from legacy_models.vic import inputs
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.constants_file import read_constants
from legacy_models.vic.disaggregation import NEEDED
from legacy_models.vic.forcing_file import read_forcing
from legacy_models.vic.global_file import read_global
from legacy_models.vic.snow_band_file import read_snow_bands
from legacy_models.vic.soil_file import read_soil
from legacy_models.vic.vegetation_files import read_veglib, read_vegparam
from tests import vic_sites
from tests.vic_sites import END, START, with_parameters, with_weather

MODEL = VicModel(spinup_years=1)


def site(name="01013500", seed=0, model=MODEL, **attributes):
    return vic_sites.site(model, name, seed, **attributes)


def some_runs(count, sites=(), start=START, end=END, model=MODEL):
    return vic_sites.some_runs(model, count, sites or [site(model=model)], start, end)


def read_inputs(folder):
    settings = read_global((folder / "global.txt").read_text())
    soil = read_soil((folder / settings.soil).read_text())
    cells = read_vegparam((folder / settings.vegparam).read_text(), settings.root_zones)
    return settings, soil, cells, read_veglib((folder / settings.veglib).read_text())


def test_the_adapter_is_the_entry_called_vic():
    model = LEGACY_MODELS.resolve("vic")(steps_per_day=6)
    assert (model.name, model.steps_per_day, model.spinup_years) == ("vic", 6, 10)
    assert set(model.states) <= {variable.name for variable in model.outputs}
    assert set(model.runoff) <= {variable.name for variable in model.outputs}
    assert {variable.name for variable in model.properties} <= set(site().properties)


@pytest.mark.parametrize(
    "options",
    [
        {"steps_per_day": 5},
        {"spinup_years": -1},
        {"output_format": "NETCDF"},
        {"tiles": 4},
        {"snow_bands": 0},
        {"rain_snow": "yes"},
        {"extra_forcing": ("humidity",)},
        {"wind": -1.0},
    ],
)
def test_an_impossible_option_is_refused_by_name(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        VicModel(**options)


def test_runs_become_cells_of_one_process(tmp_path):
    runs = some_runs(7, [site("a", 1), site("b", 2, gauge_lat=-33.0, frac_forest=0.1)])
    argv = MODEL.prepare(tmp_path, runs)
    settings, soil, cells, library = read_inputs(tmp_path)
    assert argv[1:] == ["-P", "-m", "legacy_models.vic.embedded.program", "-g", "global.txt"]
    assert settings.unknown_keys == ()
    assert not settings.continue_on_error
    assert (str(settings.start), str(settings.end)) == ("2000-10-01", "2002-09-30")
    assert [cell.cell for cell in cells] == soil.cell.tolist() == list(range(1, 8))
    assert (np.sign(soil.lat) == [1, -1, 1, -1, 1, -1, 1]).all()
    by_number = {c.number: c for c in library}
    assert len(by_number) == len(library)
    assert {by_number[cells[0].tiles[0].number].comment, by_number[cells[1].tiles[0].number].comment} == {
        "forest",
        "grass",
    }


def test_tiles_and_bands_become_rows_of_every_cell(tmp_path):
    model = VicModel(spinup_years=1, tiles=3, snow_bands=3)
    places = [site("mixed", 1, model, frac_forest=0.3, elev_mean=1500.0), site("flat forest", 2, model, slope_mean=0.1)]
    MODEL.prepare(tmp_path / "plain", some_runs(2))
    model.prepare(tmp_path / "made", some_runs(2, places))
    settings, soil, cells, library = read_inputs(tmp_path / "made")
    assert [[tile.fraction for tile in cell.tiles] for cell in cells] == [[0.3, 0.4], [0.8]]
    assert [len({tile.number for tile in cell.tiles}) for cell in cells] == [2, 1]
    assert {c.number: c.comment for c in library}[cells[0].tiles[1].number] == "grass"
    mixed, flat = read_snow_bands((tmp_path / "made" / settings.snow_band_file).read_text(), settings.snow_bands)
    assert (mixed.cell, flat.cell) == tuple(soil.cell)
    assert np.mean(mixed.elevations) == pytest.approx(1500.0)
    assert flat.areas == (1.0, 0.0, 0.0)
    assert not (tmp_path / "plain" / settings.snow_band_file).exists()


def test_temperatures_of_rain_and_snow_are_written_for_the_process(tmp_path):
    model = VicModel(spinup_years=1, rain_snow=True)
    (run,) = some_runs(1, model=model)
    run = replace(run, parameters=np.append(run.parameters[:-2], [0.25, 0.8]))
    model.prepare(tmp_path, [run])
    settings, *_ = read_inputs(tmp_path)
    constants = read_constants((tmp_path / dict(settings.other)["CONSTANTS"]).read_text())
    assert constants == {"SNOW_MIN_RAIN_TEMP": 0.25, "SNOW_MAX_SNOW_TEMP": 1.25}


def test_runs_share_a_process_only_if_they_share_the_temperatures_of_rain_and_snow(tmp_path):
    model = VicModel(spinup_years=1, rain_snow=True)
    first, second = some_runs(2, model=model)
    same = replace(second, parameters=np.append(second.parameters[:-2], first.parameters[-2:]))
    assert model.batch_group(first) == model.batch_group(same) != model.batch_group(second)
    model.prepare(tmp_path / "same", [first, same])
    with pytest.raises(DataError, match="temperatures of rain and snow"):
        model.prepare(tmp_path / "different", [first, second])
    assert len({MODEL.batch_group(run) for run in some_runs(5)}) == 1


def test_an_ensemble_is_cut_by_the_temperatures_of_rain_and_snow():
    model = VicModel(spinup_years=1, rain_snow=True)
    wanted = some_runs(12, model=model)
    for i, run in enumerate(wanted):
        run.parameters[-2:] = [0.0, (0.2, 0.5, 0.9)[i % 3]]
    pile, cut = Pile(model, {str(i): run for i, run in enumerate(wanted)}), []
    while pile:
        cut.append(pile.cut(100, 1))
    assert [len(batch.runs) for batch in cut] == [4, 4, 4]
    assert all(len({model.batch_group(run) for run in batch.runs.values()}) == 1 for batch in cut)


@pytest.mark.parametrize("temperatures", [[2.0, 0.0], [1.5, 0.5], [-20.0, 0.5]])
def test_temperatures_of_rain_and_snow_that_vic_refuses_are_refused_before(tmp_path, temperatures):
    model = VicModel(spinup_years=1, rain_snow=True)
    (run,) = some_runs(1, model=model)
    run.parameters[-2:] = temperatures
    with pytest.raises(DataError, match=r"01013500.*rain"):
        model.prepare(tmp_path, [run])


def test_a_run_that_prepare_refuses_has_a_batch_group():
    model = VicModel(spinup_years=1, rain_snow=True)
    bad, good = some_runs(2, model=model)
    bad.parameters[-1] = np.nan
    assert model.batch_group(bad) == model.batch_group(bad) != model.batch_group(good)
    assert MODEL.batch_group(with_parameters(MODEL, some_runs(1)[0], k=np.nan)) == MODEL.batch_group(some_runs(1)[0])


def test_a_site_made_without_bands_is_refused_where_there_are_bands(tmp_path):
    with pytest.raises(DataError, match=r"01013500.*elevation_spread"):
        VicModel(spinup_years=1, snow_bands=5).prepare(tmp_path, some_runs(1))
    low = VicModel(spinup_years=1, snow_bands=5)
    with pytest.raises(DataError, match=r"dead.*-80"):
        low.prepare(tmp_path, some_runs(1, [site("dead", model=low, elev_mean=-80.0)]))


def test_tiles_larger_than_their_cell_are_refused(tmp_path):
    run = some_runs(1)[0]
    over = Site("01013500", dict(run.site.properties) | {"forest": 1.2}, run.site.forcing)
    with pytest.raises(DataError, match=r"01013500.*1\.2.*sum to 1"):
        MODEL.prepare(tmp_path, [replace(run, site=over)])


def test_wind_pressure_and_longwave_are_read_where_there_are_any():
    assert VicModel().reading({"prcp", "streamflow"}) == VicModel()
    model = VicModel(steps_per_day=8).reading({"longwave", "wind", "prcp"})
    assert [variable.name for variable in model.forcing] == [*NEEDED, "wind", "longwave"]
    assert model.steps_per_day == 8
    assert LinearReservoir().reading({"wind"}).forcing == LinearReservoir.forcing


def test_what_a_surrogate_reads_of_a_site_follows_the_options():
    names = [[v.name for v in VicModel(tiles=t, snow_bands=b).properties] for t, b in ((1, 1), (2, 1), (3, 1), (1, 5))]
    plain = names[0]
    assert names == [plain, plain, [*plain, "bare"], [*plain, "elevation_spread"]]
    assert ModelInfo.of(VicModel(tiles=2)) != ModelInfo.of(VicModel())
    info = ModelInfo.of(VicModel(tiles=2))
    assert ModelInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info


def test_each_different_forcing_is_written_once_and_found_under_every_label(tmp_path):
    places = [site("a", 1), site("b", 2), site("c", 1)]
    MODEL.prepare(tmp_path, some_runs(9, places))
    settings, soil, _, _ = read_inputs(tmp_path)
    names = [f"{settings.forcing}{settings.label(*pair)}" for pair in zip(soil.lat, soil.lon, strict=True)]
    assert len(set(names)) == 9
    assert len({(tmp_path / name).stat().st_ino for name in names}) == 2
    forcing = read_forcing((tmp_path / names[0]).read_bytes())
    simulated = with_spinup(places[0].forcing, START, END, 1)
    assert forcing.shape == (4 * len(simulated.dates), 7)
    np.testing.assert_allclose(forcing[:, 0].reshape(-1, 4).sum(axis=1), simulated.column("prcp"), atol=1e-6)


def test_labels_stay_different_beyond_ten_thousand_cells():
    longitudes = inputs.label_longitude(30000)
    assert len({f"{value:.4f}" for value in longitudes.tolist()}) == 30000
    assert np.abs(longitudes).max() <= 180


def test_labels_keep_the_hemisphere_at_the_equator():
    assert [f"{value:.4f}" for value in inputs.label_latitude(np.array([-1e-6, 0.0, 1e-6]))] == [
        "-0.0001",
        "0.0001",
        "0.0001",
    ]


@pytest.mark.parametrize("name", NEEDED)
def test_a_missing_forcing_value_is_refused_by_site_variable_and_day(tmp_path, name):
    with pytest.raises(DataError, match=f"01013500.*{name} = nan.*2001-01-19"):
        MODEL.prepare(tmp_path, [with_weather(some_runs(1)[0], name, 110, np.nan)])


def test_negative_and_absurd_forcing_is_refused(tmp_path):
    for name, value in (("prcp", -9999.0), ("prcp", np.inf), ("vp", -1.0), ("srad", 1e5), ("dayl", 90000.0)):
        with pytest.raises(DataError, match=name):
            MODEL.prepare(tmp_path, [with_weather(some_runs(1)[0], name, 50, value)])


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"Ws": 1.0}, "Ws"),
        ({"Ws": 0.0}, "Ws"),
        ({"Ws": -0.1, "r": -0.1}, "Dsmax"),
        ({"r": 0.0}, "Dsmax"),
        ({"Ws": np.nan}, "Ws"),
        ({"b_infilt": np.nan}, "b_infilt"),
        ({"b_infilt": 0.0}, "b_infilt"),
        ({"b_infilt": 10.0}, "b_infilt"),
        ({"Ksat": 0.0}, "Ksat"),
        ({"Ksat": -5.0}, "Ksat"),
        ({"k": -1.0}, "Dsmax"),
        ({"k": np.nan}, "k "),
        ({"r": 3.0}, "Ds"),
        ({"expt": 2.0}, "expt"),
        ({"depth2": 0.05}, "depth"),
        ({"depth3": 0.0}, "depth"),
        ({"snow_rough": 0.0}, "snow roughness"),
        ({"rmin_factor": 0.0}, "rmin"),
        ({"lai_factor": np.inf}, "lai_factor"),
    ],
)
def test_a_parameter_that_vic_would_take_in_silence_is_refused(tmp_path, parameters, named):
    with pytest.raises(DataError, match=f"01013500.*{named}"):
        MODEL.prepare(tmp_path, [some_runs(1)[0], with_parameters(MODEL, some_runs(1)[0], **parameters)])


def test_a_batch_of_two_periods_or_of_none_is_refused(tmp_path):
    later = replace(some_runs(1)[0], end=END - 1)
    with pytest.raises(DataError, match="one period"):
        MODEL.prepare(tmp_path, [some_runs(1)[0], later])
    with pytest.raises(DataError, match="at least one run"):
        MODEL.prepare(tmp_path, [])
