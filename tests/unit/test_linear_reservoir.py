"""The linear reservoir: its exact solution, and its adapter from input file to result."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from legacy_models import LEGACY_MODELS
from legacy_models.errors import DataError, ParameterError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.linear_reservoir.program import simulate
from legacy_models.model import Forcing, LegacyModel, Run, with_spinup
from legacy_models.runner import run_batch

MODEL = LinearReservoir(spinup_years=2)
DATES = np.arange(np.datetime64("1990-01-01"), np.datetime64("1996-01-01"))
START, END = np.datetime64("1994-10-01"), np.datetime64("1995-09-30")


def site(name="a", seed=0):
    rain = np.random.default_rng(seed).gamma(0.3, 10.0, (len(DATES), 1))
    return MODEL.site(name, {}, Forcing(DATES, rain, ("prcp",)))


def run(residence_time=10.0, place=None):
    return Run(place or site(), np.array([residence_time]), START, END)


def test_steady_rain_fills_an_empty_reservoir_as_the_exact_solution_says():
    rain, k = 3.0, 20.0
    _, storage = simulate(np.full((1, 300), rain), np.array([k]), np.zeros(1))
    days = np.arange(1, 301)
    assert storage[0] == pytest.approx(rain * k * (1 - np.exp(-days / k)), rel=1e-12)


def test_without_rain_flow_recedes_by_the_same_factor_every_day():
    flow, storage = simulate(np.zeros((1, 50)), np.array([7.0]), np.array([100.0]))
    assert flow[0, 1:] / flow[0, :-1] == pytest.approx(np.exp(-1 / 7.0))
    assert storage[0] == pytest.approx(100 * np.exp(-np.arange(1, 51) / 7.0))


def test_a_steady_state_stays():
    flow, storage = simulate(np.full((1, 100), 2.5), np.array([12.0]), np.array([30.0]))
    assert flow[0] == pytest.approx(2.5)
    assert storage[0] == pytest.approx(30.0)


def test_the_mean_residence_time_is_the_parameter():
    rain = np.zeros((1, 4000))
    rain[0, 0] = 1.0
    flow, _ = simulate(rain, np.array([50.0]), np.zeros(1))
    # rain falls evenly over its day, so the mean time of flow is half a day plus K after midnight
    assert (flow[0] * (np.arange(4000) + 0.5)).sum() == pytest.approx(50.5, rel=1e-4)


def test_the_external_program_gives_the_exact_solution(tmp_path):
    places = [site("a", 0), site("b", 1)]
    runs = [run(k, place) for k, place in [(2.0, places[0]), (30.0, places[1]), (90.0, places[0])]]
    results = run_batch(MODEL, runs, tmp_path / "sandbox")
    for one, result in zip(runs, results, strict=True):
        rain = with_spinup(one.site.forcing, START, END, 2).column("prcp")[None]
        flow, storage = simulate(rain, one.parameters, np.zeros(1))
        assert result.status == "ok"
        assert result.outputs == pytest.approx(np.stack([flow[0], storage[0]], axis=1)[-365:], rel=1e-6)
        assert result.drift == pytest.approx(storage[0, -366] - storage[0, -366 - 365])
    assert not (tmp_path / "sandbox").exists()


def test_the_adapter_keeps_the_contract():
    model: LegacyModel = LEGACY_MODELS.resolve("linear_reservoir")()
    names = [variable.name for variable in model.outputs]
    assert set(model.states) <= set(names)
    assert set(model.runoff) <= set(names)
    assert model.version == LinearReservoir().version


def test_the_key_is_of_what_the_program_reads_and_of_nothing_else():
    same = [run(), replace(run(), purpose="verify"), run(place=site("another name"))]
    other = [run(10.1), run(place=site(seed=1)), replace(run(), end=END - 1), replace(run(), start=START + 1)]
    assert len({MODEL.key(r) for r in same}) == 1
    assert len({MODEL.key(r) for r in [same[0], *other]}) == 5
    assert LinearReservoir(spinup_years=3).key(run()) != MODEL.key(run())


def test_forcing_outside_of_the_simulated_days_does_not_change_the_key():
    changed = site()
    changed.forcing.values[-1] += 1.0  # after the last recorded day
    assert MODEL.key(run(place=changed)) == MODEL.key(run())


def test_only_rain_is_kept_of_the_forcing_and_its_absence_is_named():
    rich = Forcing(DATES, np.ones((len(DATES), 2)), ("tmin", "prcp"))
    assert MODEL.site("a", {}, rich).forcing.names == ("prcp",)
    with pytest.raises(DataError, match="site a: linear_reservoir needs forcing 'prcp'; there is tmin"):
        MODEL.site("a", {}, Forcing(DATES, np.ones((len(DATES), 1)), ("tmin",)))


@pytest.mark.parametrize("bad", [-1.0, np.nan])
def test_rain_that_cannot_be_is_refused_before_the_program_starts(tmp_path, bad):
    place = site()
    place.forcing.values[-200] = bad
    with pytest.raises(DataError, match="site a: rain must be 0 or more"):
        MODEL.prepare(tmp_path, [run(place=place)])


def test_a_parameter_out_of_bounds_is_refused_before_the_program_starts(tmp_path):
    with pytest.raises(ParameterError, match=r"residence_time = 500.0 day is outside \[0.5, 200.0\]"):
        MODEL.prepare(tmp_path, [run(500.0)])


@pytest.mark.parametrize("content", [b"", b"not an archive", None])
def test_unusable_output_is_a_failed_result_not_an_exception(tmp_path, content):
    if content is not None:
        (tmp_path / "output.npz").write_bytes(content)
    assert [r.status for r in MODEL.collect(tmp_path, [run(), run(2.0)])] == ["failed", "failed"]


def test_called_without_files_the_program_says_how_to_call_it():
    command = [sys.executable, "-P", "-m", "legacy_models.linear_reservoir.program"]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: ")
