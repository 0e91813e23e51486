"""The adapter and the embedded program together: files in, a program, results out."""

import numpy as np
import pytest

from legacy_models.model import Forcing, Run
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
