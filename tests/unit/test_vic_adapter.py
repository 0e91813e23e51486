"""The VIC adapter: what it writes, what it refuses, what identifies a run, and how it judges output."""

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from legacy_models import LEGACY_MODELS
from legacy_models.batching import Pile
from legacy_models.errors import DataError, LegacyModelError, UsageError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run, Site, with_spinup
from legacy_models.run_set import ModelInfo
from legacy_models.vic import inputs
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.balance import NAMES
from legacy_models.vic.constants_file import read_constants
from legacy_models.vic.disaggregation import NEEDED
from legacy_models.vic.flux_file import FluxTable, format_ascii, format_binary
from legacy_models.vic.forcing_file import read_forcing
from legacy_models.vic.global_file import read_global
from legacy_models.vic.snow_band_file import read_snow_bands
from legacy_models.vic.soil_file import read_soil
from legacy_models.vic.vegetation_files import read_veglib, read_vegparam

START, END = np.datetime64("2001-10-01"), np.datetime64("2002-09-30")
ATTRIBUTES = {
    "gauge_lat": 41.5,
    "elev_mean": 350.0,
    "soil_porosity": 0.43,
    "sand_frac": 40.0,
    "silt_frac": 40.0,
    "clay_frac": 18.0,
    "frac_forest": 0.8,
    "lai_max": 5.0,
    "lai_diff": 4.0,
    "gvf_max": 0.7,
    "slope_mean": 60.0,
    "area_gages2": 600.0,
}
MODEL = VicModel(spinup_years=1)


def weather(seed=0):
    rng = np.random.default_rng(seed)
    dates = np.arange("2000-10-01", "2003-01-01", dtype="datetime64[D]")
    season = -np.cos(2 * np.pi * (np.arange(len(dates)) + 250) / 365.25)
    tmin = 2 + 12 * season + rng.normal(0, 3, len(dates))
    rain = np.where(rng.random(len(dates)) < 0.3, rng.gamma(0.8, 10, len(dates)), 0)
    srad, dayl = 300 + 120 * season, 43200 + 10000 * season
    columns = [rain, tmin, tmin + 9, srad, 610.78 * np.exp(17.269 * tmin / (237.3 + tmin)), dayl]
    return Forcing(dates, np.stack(columns, axis=1), NEEDED)


def site(name="01013500", seed=0, model=MODEL, **attributes):
    return model.site(name, ATTRIBUTES | attributes, weather(seed))


def some_runs(count, places=None, start=START, end=END, model=MODEL):
    places = places or [site(model=model)]
    draws = np.random.default_rng(5).random((count, len(model.parameters)))
    values = model.parameters.from_unit(draws)
    return [Run(places[i % len(places)], values[i], start, end) for i in range(count)]


def changed(run, **parameters):
    values = run.parameters.copy()
    for name, value in parameters.items():
        values[MODEL.parameters.names.index(name)] = value
    return replace(run, parameters=values)


def with_forcing(run, name, day, value):
    values = run.site.forcing.values.copy()
    values[day, NEEDED.index(name)] = value
    forcing = Forcing(run.site.forcing.dates, values, NEEDED)
    return replace(run, site=Site(run.site.name, run.site.properties, forcing))


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
    assert MODEL.batch_group(changed(some_runs(1)[0], k=np.nan)) == MODEL.batch_group(some_runs(1)[0])


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
    assert len({(tmp_path / name).resolve() for name in names}) == 2
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
        MODEL.prepare(tmp_path, [with_forcing(some_runs(1)[0], name, 110, np.nan)])


def test_negative_and_absurd_forcing_is_refused(tmp_path):
    for name, value in (("prcp", -9999.0), ("prcp", np.inf), ("vp", -1.0), ("srad", 1e5), ("dayl", 90000.0)):
        with pytest.raises(DataError, match=name):
            MODEL.prepare(tmp_path, [with_forcing(some_runs(1)[0], name, 50, value)])


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
        MODEL.prepare(tmp_path, [some_runs(1)[0], changed(some_runs(1)[0], **parameters)])


def test_a_batch_of_two_periods_or_of_none_is_refused(tmp_path):
    later = replace(some_runs(1)[0], end=END - 1)
    with pytest.raises(DataError, match="one period"):
        MODEL.prepare(tmp_path, [some_runs(1)[0], later])
    with pytest.raises(DataError, match="at least one run"):
        MODEL.prepare(tmp_path, [])


def test_labels_purpose_and_name_are_not_part_of_the_key():
    run = some_runs(1)[0]
    other = Site("another name", dict(run.site.properties), weather())
    assert MODEL.key(run) == MODEL.key(replace(run, site=other, purpose="verify"))
    assert len({MODEL.key(one) for one in some_runs(20)}) == 20


def test_everything_that_decides_the_outcome_is_part_of_the_key():
    run = some_runs(1)[0]
    south = Site("s", dict(run.site.properties) | {"latitude": -41.5}, run.site.forcing)
    keys = [
        MODEL.key(run),
        *(
            MODEL.key(changed(run, **{n: v * 1.01}))
            for n, v in zip(MODEL.parameters.names, run.parameters, strict=True)
        ),
        *(MODEL.key(with_forcing(run, name, 300, 1.25)) for name in NEEDED),
        MODEL.key(replace(run, start=START + 1)),
        MODEL.key(replace(run, end=END - 1)),
        MODEL.key(replace(run, site=south)),
        *(
            MODEL.key(replace(run, site=Site("p", dict(run.site.properties) | {name: value}, run.site.forcing)))
            for name, value in (
                ("porosity", 0.44),
                ("forest", 0.0),
                ("avg_temp", 3.0),
                ("elevation", 351.0),
                ("lai_max", 4.9),
            )
        ),
        *(VicModel(spinup_years=1, **o).key(run) for o in ({"steps_per_day": 8}, {"output_format": "ASCII"})),
        VicModel(spinup_years=0).key(run),
        VicModel(spinup_years=1, snow_bands=2).key(replace(run, site=site(model=VicModel(snow_bands=2)))),
        *(
            VicModel(spinup_years=1, tiles=n).key(replace(run, site=site(model=VicModel(tiles=n), frac_forest=0.4)))
            for n in (2, 3)
        ),
        *(
            VicModel(spinup_years=1, rain_snow=True).key(replace(run, parameters=np.append(run.parameters, pair)))
            for pair in ([-0.5, 0.5], [-0.5, 0.6], [0.0, 0.5])
        ),
    ]
    assert len(set(keys)) == len(keys)


def test_a_run_that_prepare_refuses_has_a_key_of_its_own():
    run = some_runs(1)[0]
    bad = [changed(run, k=np.nan), changed(run, Ws=np.nan), with_forcing(run, "vp", 5, np.nan)]
    bad += [replace(run, end=np.datetime64("2030-01-01")), replace(run, site=Site("a", {}, run.site.forcing))]
    nowhere = Site("a", dict(run.site.properties) | {"latitude": np.nan}, run.site.forcing)
    keys = [MODEL.key(one) for one in (*bad, replace(run, site=nowhere))]
    assert len({*keys, MODEL.key(run), VicModel(spinup_years=2).key(bad[0])}) == len(keys) + 2


def test_the_version_follows_the_executable(tmp_path):
    program = tmp_path / "vic_classic.exe"
    program.write_text("one")
    program.chmod(0o755)
    first = VicModel(executable=str(program))
    assert first.version != MODEL.version
    assert first.prepare(tmp_path, some_runs(1, start=np.datetime64("2002-01-01")))[0] == str(program)
    program.write_text("two")
    assert VicModel(executable=str(program)).version != first.version
    program.chmod(0o644)
    with pytest.raises(LegacyModelError, match="chmod"):
        _ = VicModel(executable=str(program)).version
    with pytest.raises(LegacyModelError, match="no VIC 5 program"):
        VicModel(executable=str(tmp_path / "absent")).prepare(tmp_path, some_runs(1))


def test_an_adapter_pickles_without_what_it_remembers():
    run = some_runs(1)[0]
    model = VicModel(spinup_years=1)
    key = model.key(run)
    copy = pickle.loads(pickle.dumps(model))
    assert copy == model
    assert len(pickle.dumps(model)) < 1000
    assert copy.key(run) == key


def balanced_output(run):
    """Output in which all rain runs off and nothing else happens."""
    forcing = with_spinup(run.site.forcing, run.start, run.end, 1)
    soil = inputs.soil_table([run])
    values = np.zeros((len(forcing.dates), len(NAMES)))
    values[:, NAMES.index("OUT_PREC")] = values[:, NAMES.index("OUT_RUNOFF")] = forcing.column("prcp")
    first = NAMES.index("OUT_SOIL_MOIST_0")
    values[:, first : first + 3] = soil.init_moist[0]
    return FluxTable(NAMES, forcing.dates, values)


def judged(tmp_path, table, model=MODEL):
    """What becomes of a run whose output is ``table``."""
    run = some_runs(1)[0]
    soil = inputs.soil_table([run])
    folder = tmp_path / "out"
    folder.mkdir()
    name = f"flux_{soil.lat[0]:.4f}_{soil.lon[0]:.4f}"
    if model.output_format == "ASCII":
        (folder / f"{name}.txt").write_text(format_ascii(table, "flux", "5", ["%.8e"] * len(table.names)))
    else:
        (folder / f"{name}.bin").write_bytes(format_binary(table, 4))
    (result,) = model.collect(tmp_path, [run])
    return result


@pytest.mark.parametrize("model", [MODEL, VicModel(spinup_years=1, output_format="ASCII")])
def test_good_output_is_recorded_without_its_spin_up(tmp_path, model):
    run = some_runs(1)[0]
    result = judged(tmp_path, balanced_output(run), model)
    assert (result.status, result.reason) == ("ok", "")
    assert result.outputs.shape == (365, 7)
    assert result.outputs.dtype == np.float32
    rain = run.site.forcing.between(START, END).column("prcp")
    np.testing.assert_allclose(result.outputs[:, 0], rain, rtol=1e-6)
    np.testing.assert_allclose(result.outputs[:, 4:], 0.6 * ATTRIBUTES["soil_porosity"], rtol=1e-6)
    assert result.drift == pytest.approx(0, abs=1e-3)


def test_drift_is_the_change_of_storage_over_the_last_year_of_spin_up(tmp_path):
    table = balanced_output(some_runs(1)[0])
    table.values[:, NAMES.index("OUT_SWE")] = np.arange(len(table.dates)) * 0.01
    table.values[:, NAMES.index("OUT_RUNOFF")] -= 0.01
    table.values[0, NAMES.index("OUT_RUNOFF")] += 0.01
    table.values[:, NAMES.index("OUT_RUNOFF")] = np.maximum(table.values[:, NAMES.index("OUT_RUNOFF")], 0)
    table.values[:, NAMES.index("OUT_EVAP")] = (
        table.column("OUT_PREC") - table.column("OUT_RUNOFF") - np.diff(table.column("OUT_SWE"), prepend=0)
    )
    result = judged(tmp_path, table)
    assert result.status == "ok", result.reason
    assert result.drift == pytest.approx(3.64, abs=1e-3)


def _cut(table, days):
    return FluxTable(table.names, table.dates[:days], table.values[:days])


def _with(table, name, day, value):
    values = table.values.copy()
    values[day, table.names.index(name)] = value
    return FluxTable(table.names, table.dates, values)


def _scaled(table, name, factor):
    values = table.values.copy()
    values[:, table.names.index(name)] *= factor
    return FluxTable(table.names, table.dates, values)


@pytest.mark.parametrize(
    ("damage", "status", "reason"),
    [
        (lambda t: _cut(t, 300), "failed", "300 of 730 days"),
        (lambda t: FluxTable(t.names, t.dates + 1, t.values), "failed", "must be 2000-10-01"),
        (lambda t: FluxTable(t.names[:-1], t.dates, t.values[:, :-1]), "failed", "OUT_SNOW_CANOPY"),
        (lambda t: _with(t, "OUT_EVAP", 500, np.nan), "quarantined", "OUT_EVAP is not finite on 2002-02-13"),
        (lambda t: _with(t, "OUT_SWE", 3, np.inf), "quarantined", "OUT_SWE"),
        (lambda t: _with(t, "OUT_RUNOFF", 400, 1e6), "quarantined", "runoff = 1e"),
        (lambda t: _with(t, "OUT_BASEFLOW", 400, -5.0), "quarantined", "baseflow = -5"),
        (lambda t: _with(t, "OUT_SOIL_MOIST_1", 9, 1e5), "quarantined", "soil_moist_1"),
        (
            lambda t: _with(t, "OUT_RUNOFF", 400, 12.0 + t.values[400, 2]),
            "quarantined",
            "water balance is off",
        ),
        (lambda t: _with(t, "OUT_SOIL_MOIST_2", -1, 1.0), "quarantined", "water balance is off"),
        (
            lambda t: _scaled(_scaled(t, "OUT_PREC", 0.5), "OUT_RUNOFF", 0.5),
            "quarantined",
            "precipitation was",
        ),
    ],
)
def test_output_that_cannot_be_trusted_is_a_value_with_its_reason(tmp_path, damage, status, reason):
    result = judged(tmp_path, damage(balanced_output(some_runs(1)[0])))
    assert result.status == status
    assert reason in result.reason
    assert result.outputs is None


def test_a_missing_or_truncated_file_fails_its_run_and_no_other(tmp_path):
    runs = some_runs(3)
    soil = inputs.soil_table(runs)
    (tmp_path / "out").mkdir()
    for i in (0, 1):
        content = format_binary(balanced_output(runs[i]), 4)
        name = f"flux_{soil.lat[i]:.4f}_{soil.lon[i]:.4f}.bin"
        (tmp_path / "out" / name).write_bytes(content[:-10] if i == 1 else content)
    results = MODEL.collect(tmp_path, runs)
    assert [result.status for result in results] == ["ok", "failed", "failed"]
    assert "whole number of rows" in results[1].reason
    assert "no output" in results[2].reason
