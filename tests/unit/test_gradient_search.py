"""Direct gradient search: it finds what can be found, through the surrogate as dPL uses it, and can be interrupted."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
import xarray as xr

from dpl import losses
from dpl.baselines.gradient import GradientSettings, gradient
from dpl.baselines.objective import slopes_of
from dpl.baselines.search import advance
from dpl.routing import ROUTING, streamflow
from legacy_models.errors import UsageError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from pipeline import answers, calibration

SPACE = LinearReservoir.parameters + ROUTING
SETTINGS = GradientSettings()
CENTRE = np.full(2, 0.5)


class Reservoir:
    """The linear reservoir itself, differentiable; its storage at the start is about that of the mean inflow."""

    spec = SimpleNamespace(runoff_indices=(0,))

    def simulate(self, forcing, antecedent, parameters, properties):
        """Return (basin, time, 1) flow, as a convolution of rain with the response to a day of it."""
        rain, time = forcing[:, :, 0], parameters[:, :1]
        day, kept = tf.range(rain.shape[1], dtype=tf.float32), tf.exp(-1.0 / time)
        later = time * (1.0 - kept) ** 2 * kept ** (day - 1.0)
        response = tf.where(day == 0, 1.0 - time * (1.0 - kept), later)
        length = [2 * rain.shape[1]]
        flow = tf.signal.irfft(tf.signal.rfft(rain, length) * tf.signal.rfft(response, length), length)
        start = antecedent[:, 3:4] * time * (1.0 - kept) * kept**day
        return (flow[:, : rain.shape[1]] + start)[..., None]

    def predict(self, *arrays):
        """Simulate arrays."""
        return self.simulate(*(tf.constant(array, tf.float32) for array in arrays)).numpy()


def rosenbrock(rows, points):
    a, b = 4 * points.T - 2
    costs = 100 * (b - a**2) ** 2 + (1 - a) ** 2
    return np.stack([costs, 4 * (-400 * a * (b - a**2) - 2 * (1 - a)), 800 * (b - a**2)], axis=1)


def test_a_curved_valley_is_followed_to_its_lowest_point_which_ends_the_search():
    (outcome,) = advance([gradient(CENTRE, 0, SETTINGS)], rosenbrock, 5_000)
    assert outcome.converged
    assert outcome.improvements[-1].cost < 1e-2
    assert outcome.improvements[-1].point == pytest.approx([0.75, 0.75], abs=0.02)


def test_an_optimum_in_a_corner_of_the_cube_is_met_exactly():
    (outcome,) = advance([gradient(CENTRE, 0, SETTINGS)], lambda _, p: np.c_[p @ [1, -1], p * 0 + [1, -1]], 500)
    assert outcome.improvements[-1].point.tolist() == [0.0, 1.0]


def test_of_several_valleys_the_deepest_that_a_start_lies_in_is_the_result():
    def waves(rows, points):
        x = points[:, 0]
        return np.c_[x**2 - 0.3 * np.cos(20 * x), 2 * x + 6 * np.sin(20 * x)]

    one, many = (advance([gradient(np.array([0.9]), 0, GradientSettings(n))], waves, 2_000)[0] for n in (1, 12))
    assert one.improvements[-1].point > 0.5
    assert many.improvements[-1].point < 0.05


def test_the_first_start_is_the_known_point_and_the_seed_draws_the_others():
    first, again, other = (next(gradient(CENTRE, seed, SETTINGS)) for seed in (5, 5, 6))
    assert first.shape == (SETTINGS.starts, 2)
    assert (first[0] == CENTRE).all()
    assert (first == again).all()
    assert (first[1:] != other[1:]).all()


def test_a_smaller_budget_is_the_beginning_of_a_larger():
    long, short = (advance([gradient(CENTRE, 1, SETTINGS)], rosenbrock, n)[0] for n in (400, 90))
    assert (long.evaluations, short.evaluations) == (400, 90)
    begun = [i for i in long.improvements if i.evaluations <= 90]
    assert [(i.evaluations, i.cost) for i in begun] == [(i.evaluations, i.cost) for i in short.improvements]


def test_where_nothing_is_finite_the_search_turns_back():
    def half(rows, points):
        return np.where(points[:, :1] > 0.8, np.nan, rosenbrock(rows, points))

    (outcome,) = advance([gradient(CENTRE, 0, SETTINGS)], half, 2_000)
    assert outcome.failed > 0
    assert outcome.improvements[-1].cost < 0.1


@pytest.mark.parametrize("wrong", [{"starts": 0}, {"patience": 0}, {"rate": 0.001}, {"rate": 2.0}, {"least_gain": 1.0}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        GradientSettings(**wrong)


@pytest.fixture
def problem():
    """Slopes for three series of 400 days with gaps, the arrays that they read, and the hidden points."""
    generator = np.random.default_rng(0)
    rain = generator.exponential(4, (3, 400)) * (generator.random((3, 400)) < 0.4)
    read = (rain[..., None], np.full((3, 8), 2.0), np.zeros((3, 0)))
    hidden = generator.uniform(0.2, 0.8, (3, 3))

    def simulate(values, *inputs):
        return streamflow(Reservoir().simulate(*inputs[:1], inputs[1], values[:, :1], inputs[2]), (0,), values)

    values = SPACE.from_unit(hidden).astype(np.float32)
    observed = simulate(values, *(array.astype(np.float32) for array in read)).numpy().astype(np.float64)
    observed[:, :60] = np.nan
    observed[generator.random(observed.shape) < 0.1] = np.nan
    slopes = slopes_of(losses.weighted({"nse": 1.0}), SPACE, simulate)
    fixed = (observed, np.nanstd(observed, axis=1), *read)
    return lambda rows, points: slopes(points, *(array[rows] for array in fixed)), hidden


def test_slopes_are_those_of_each_series_alone(problem):
    evaluate, hidden = problem
    rows, points = np.arange(3), np.clip(hidden + 0.1, 0, 1)
    found, step = evaluate(rows, points), 1e-3
    for parameter in range(3):
        aside = step * np.eye(3)[parameter]
        difference = evaluate(rows, points + aside)[:, 0] - evaluate(rows, points - aside)[:, 0]
        assert found[:, 1 + parameter] == pytest.approx(difference / (2 * step), rel=0.02, abs=1e-3)
    alone = evaluate(rows[1:2], points[1:2])
    assert alone[0] == pytest.approx(found[1], rel=1e-4)


def test_hidden_parameters_of_exact_data_come_back_to_a_thousandth_of_their_range(problem):
    evaluate, hidden = problem
    start = SPACE.to_unit(SPACE.defaults)
    outcomes = advance([gradient(start, seed, SETTINGS) for seed in range(3)], evaluate, 1_500)
    found = np.array([outcome.improvements[-1].point for outcome in outcomes])
    assert found == pytest.approx(hidden, abs=1e-3)


@pytest.fixture
def through_reservoir(monkeypatch):
    """The reservoir in place of a trained surrogate."""
    monkeypatch.setattr(calibration.refine, "chosen_round", lambda job: 0)
    monkeypatch.setattr(calibration.emulation, "emulate_fingerprint", lambda job, number: "exact")
    monkeypatch.setattr(calibration.emulation, "load_surrogate", lambda job, number: Reservoir())


GRADIENT = ("calibrate.method=gradient", "calibrate.on=surrogate", "calibrate.evaluations=400")


def test_in_the_synthetic_world_hidden_parameters_come_back_and_the_legacy_model_is_scored_there(
    through_reservoir, calibrated, directory
):
    place = calibrated(*GRADIENT)
    assert place == directory / "calibrate" / "gradient-surrogate" / "400"
    with xr.open_dataset(place / "parameters.nc") as found, xr.open_dataset(*directory.glob("data/*.nc")) as data:
        hidden = np.stack([data[f"hidden_{name}"].sel(basin=found["basin"]) for name in found["parameter"].values], 1)
        assert found["value"].values[0] == pytest.approx(hidden, rel=0.02)
    scores = pd.read_csv(place / "scores.csv")
    assert scores["nse"].min() > 0.999
    assert set(scores["source"]) == {"closed_loop", "surrogate"}
    summary = json.loads((place / "summary.json").read_text())
    assert summary["settings"]["starts"] == 4
    assert not (place / "answers.npy").exists()


@pytest.mark.parametrize("method", ["gradient", "sceua"])
def test_a_search_through_the_surrogate_goes_on_where_it_was_interrupted(
    method, through_reservoir, calibrated, directory, tmp_path, monkeypatch
):
    shutil.copytree(directory, tmp_path / "whole")
    assignments = (f"calibrate.method={method}", "calibrate.on=surrogate", "calibrate.evaluations=80")
    asked = []

    def counted(make):
        def made(*args):
            evaluate = make(*args)

            def answer(rows, points):
                if len(asked) == stop_after:
                    raise KeyboardInterrupt
                asked.append(len(rows))
                return evaluate(rows, points)

            return answer

        return made

    for name in ("by_slope", "evaluator"):
        monkeypatch.setattr(calibration, name, counted(getattr(answers, name)))
    stop_after = -1
    whole = calibrated(*assignments, where=tmp_path / "whole")
    rounds = asked.copy()
    asked.clear()
    stop_after = len(rounds) // 2
    with pytest.raises(KeyboardInterrupt):
        calibrated(*assignments)
    kept = next(directory.glob("calibrate/*/80/answers.npy"))
    with kept.open("ab") as stream:
        stream.write(b"half a record")
    stop_after = -1
    again = calibrated(*assignments)
    assert asked == rounds
    for name in ("curves.csv", "scores.csv"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()
