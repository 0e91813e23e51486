"""The adapter and the embedded program together: files in, a program, results out."""

import numpy as np
import pytest

from legacy_models.model import Forcing, Run, Site
from legacy_models.vic import land_cover
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.disaggregation import NEEDED
from legacy_models.vic.embedded.program import main

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


def weather(seed, warmth=2.0):
    rng = np.random.default_rng(seed)
    dates = np.arange("2000-10-01", "2002-10-01", dtype="datetime64[D]")
    season = -np.cos(2 * np.pi * (np.arange(len(dates)) + 250) / 365.25)
    tmin = warmth + 12 * season + rng.normal(0, 3, len(dates))
    rain = np.where(rng.random(len(dates)) < 0.3, rng.gamma(0.8, 10, len(dates)), 0)
    srad, dayl = 300 + 120 * season, 43200 + 10000 * season
    columns = [rain, tmin, tmin + 9, srad, 610.78 * np.exp(17.269 * tmin / (237.3 + tmin)), dayl]
    return Forcing(dates, np.stack(columns, axis=1), NEEDED)


@pytest.fixture(scope="module")
def runs():
    places = [
        MODEL.site("forest", ATTRIBUTES, weather(1)),
        MODEL.site("cold grass", ATTRIBUTES | {"frac_forest": 0.1, "elev_mean": 2500.0}, weather(2, warmth=-6.0)),
        MODEL.site("southern", ATTRIBUTES | {"gauge_lat": -38.0}, weather(3, warmth=12.0)),
    ]
    draws = np.random.default_rng(5).random((40, len(MODEL.parameters)))
    values = MODEL.parameters.from_unit(draws)
    return [Run(places[i % 3], values[i], START, END) for i in range(40)]


@pytest.fixture
def simulate(tmp_path, monkeypatch):
    """Run a batch in this process, in a new folder, with the command that ``prepare`` returns."""
    count = iter(range(1000))

    def run(model, batch):
        folder = tmp_path / str(next(count))
        folder.mkdir()
        argv = model.prepare(folder, batch)
        monkeypatch.chdir(folder)
        assert main(argv[argv.index("-g") :]) == 0
        return model.collect(folder, batch)

    return run


@pytest.mark.parametrize("steps", [4, 24])
def test_every_run_closes_its_balance_and_is_plausible(simulate, runs, steps):
    model = VicModel(spinup_years=1, steps_per_day=steps)
    results = simulate(model, runs[:9])
    assert [(result.status, result.reason) for result in results] == [("ok", "")] * 9
    for result in results:
        assert result.outputs.shape == (365, 7)
        assert np.isfinite(result.drift)
    assert max(result.outputs[:, 3].max() for result in results) > 20
    assert len({result.outputs.tobytes() for result in results}) == 9


def test_forty_sets_in_one_process_equal_forty_single_runs(simulate, runs):
    together = simulate(MODEL, runs)
    assert all(result.status == "ok" for result in together)
    for run, result in zip(runs, together, strict=True):
        (alone,) = simulate(MODEL, [run])
        assert alone.outputs.tobytes() == result.outputs.tobytes()
        assert alone.drift == result.drift


def test_ascii_and_binary_output_give_the_same_numbers(simulate, runs):
    binary = simulate(MODEL, runs[:3])
    ascii_ = simulate(VicModel(spinup_years=1, output_format="ASCII"), runs[:3])
    for one, other in zip(binary, ascii_, strict=True):
        np.testing.assert_allclose(one.outputs, other.outputs, rtol=3e-7, atol=1e-9)


def test_drift_is_known_only_after_a_year_of_spin_up(simulate, runs):
    short, long = (simulate(VicModel(spinup_years=n), runs[:3]) for n in (0, 1))
    assert all(result.drift is None for result in short)
    assert all(result.drift is not None for result in long)


def test_soil_that_is_made_deeper_holds_the_same_share_of_water_at_the_start(simulate, runs):
    """Moisture is in m3/m3: a deeper layer starts from the same 0.6 of porosity."""
    run = runs[0]
    deeper = run.parameters.copy()
    deeper[MODEL.parameters.names.index("depth3")] = 2.4
    results = simulate(VicModel(spinup_years=0), [run, Run(run.site, deeper, START, END)])
    for result in results:
        assert result.outputs[0, 6] == pytest.approx(0.6 * ATTRIBUTES["soil_porosity"], abs=0.02)


def at(model, draws, warmth=2.0, **attributes):
    """Runs of ``model`` at one place, at the first ``draws`` parameter sets of a fixed sequence."""
    place = model.site("place", ATTRIBUTES | attributes, weather(1, warmth))
    values = np.random.default_rng(9).random((draws, 11))
    extra = np.full((draws, len(model.parameters) - 11), 0.5)
    return [Run(place, row, START, END) for row in model.parameters.from_unit(np.hstack([values, extra]))]


def with_properties(run, **changed):
    return Run(Site("place", dict(run.site.properties) | changed, run.site.forcing), run.parameters, START, END)


@pytest.mark.parametrize("steps", [4, 6, 12])
def test_tiles_and_bands_close_their_balance(simulate, steps):
    """Every run is judged by its balance: precipitation of the forcing = losses + change of storage."""
    model = VicModel(spinup_years=1, steps_per_day=steps, tiles=3, snow_bands=5)
    cold = at(model, 3, warmth=-4.0, frac_forest=0.4, elev_mean=2500.0)
    results = simulate(model, cold + at(model, 3, warmth=14.0, frac_forest=0.1, gvf_max=0.2, elev_mean=500.0))
    assert [(result.status, result.reason) for result in results] == [("ok", "")] * 6
    assert max(result.outputs[:, 3].max() for result in results) > 20


def test_two_equal_tiles_are_one_tile(simulate, monkeypatch):
    monkeypatch.setattr(land_cover, "GRASS", land_cover.FOREST)
    whole, halved = at(MODEL, 3), at(VicModel(spinup_years=1, tiles=2), 3, frac_forest=0.4)
    assert [len(land_cover.cover_tiles(runs[0].site.properties, 1.0, 1.0)) for runs in (whole, halved)] == [1, 2]
    for one, two in zip(simulate(MODEL, whole), simulate(MODEL, halved), strict=True):
        np.testing.assert_allclose(one.outputs, two.outputs, rtol=2e-6, atol=1e-6)


def test_bands_at_one_elevation_are_one_band(simulate):
    model = VicModel(spinup_years=1, snow_bands=4)
    level = [with_properties(run, elevation_spread=1e-14) for run in at(model, 3)]  # lost beside 350 m
    flat = [with_properties(run, elevation_spread=0.0) for run in level]
    for one, many, single in zip(simulate(MODEL, level), simulate(model, level), simulate(model, flat), strict=True):
        assert one.outputs.tobytes() == single.outputs.tobytes()
        np.testing.assert_allclose(one.outputs, many.outputs, rtol=2e-6, atol=1e-6)


def test_bands_keep_the_precipitation_and_make_the_snow_last(simulate):
    model = VicModel(spinup_years=1, snow_bands=5)
    hills = at(model, 3, elev_mean=2500.0, elev_std=500.0)
    for one, many in zip(simulate(MODEL, hills), simulate(model, hills), strict=True):
        assert (many.outputs[:, 3] > 1.0).sum() > (one.outputs[:, 3] > 1.0).sum()


def test_a_mixed_site_lies_between_its_covers(simulate):
    forest, grass, mixed = (
        simulate(MODEL, at(VicModel(spinup_years=1, tiles=tiles), 2, frac_forest=share))
        for tiles, share in ((1, 1.0), (1, 0.0), (2, 0.3))
    )
    for one, other, both in zip(forest, grass, mixed, strict=True):
        np.testing.assert_allclose(0.3 * one.outputs + 0.7 * other.outputs, both.outputs, rtol=1e-5, atol=1e-5)


def test_vics_own_temperatures_of_rain_and_snow_change_nothing_and_higher_ones_make_more_snow(simulate):
    model = VicModel(spinup_years=1, rain_snow=True)
    usual, colder = at(model, 2), at(model, 2)
    for plain, own, higher in zip(at(MODEL, 2), usual, colder, strict=True):
        own.parameters[-2:], higher.parameters[-2:] = [-0.5, 0.5], [1.0, 1.0]
        np.testing.assert_array_equal(plain.parameters, own.parameters[:-2])
    snow = [sum(r.outputs[:, 3].sum() for r in simulate(m, b)) for m, b in ((MODEL, at(MODEL, 2)), (model, colder))]
    assert snow[1] > 1.02 * snow[0]
    for plain, own in zip(simulate(MODEL, at(MODEL, 2)), simulate(model, usual), strict=True):
        assert plain.outputs.tobytes() == own.outputs.tobytes()


def test_wind_is_2_metres_a_second_unless_the_forcing_has_it(simulate):
    daily = weather(1)

    def run(*wind):
        columns = np.hstack([daily.values, np.tile(wind, (len(daily.dates), 1))])
        forcing = Forcing(daily.dates, columns, (*NEEDED, *("wind" for _ in wind)))
        return Run(MODEL.site("place", ATTRIBUTES, forcing), MODEL.parameters.defaults, START, END)

    assert MODEL.key(run()) == MODEL.key(run(2.0)) != MODEL.key(run(6.0))
    assert VicModel(spinup_years=1, wind=6.0).key(run()) == MODEL.key(run(6.0))
    assumed, windy = simulate(MODEL, [run(), run(6.0)])
    assert np.abs(windy.outputs[:, 2] - assumed.outputs[:, 2]).mean() > 0.02
