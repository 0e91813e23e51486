"""g_Z reads the past of fit years, never what it is to predict, and does without where there is none."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from keras import ops

from dpl.attributes import AttributeScaler
from dpl.history import FLOOR, History, HistoryScaler
from dpl.model import DifferentiableModel
from dpl.networks import Blindfold, ParameterNetwork
from dpl.routing import ROUTING, route
from dpl.settings import LearningData, LearningSettings
from dpl.steps import Stepper
from dpl.train import learn
from dpl.windows import Draws, training_windows, validation_windows
from legacy_models.errors import DataError, ShapeError, TrainingError
from legacy_models.parameters import Parameter, ParameterSpace

BASINS, DAYS, FIT = 9, 900, 700
PAST = 100
SPACE = ParameterSpace((Parameter("coefficient", 0.1, 1.0, 0.5, "-", "linear", "test"),)) + ROUTING
SETTINGS = LearningSettings(
    epochs=2,
    steps_per_epoch=3,
    warmup_days=60,
    loss_days=120,
    min_observed_days=30,
    learning_rate=0.02,
    weight_decay=1e-3,
    seed=3,
)


class Share:
    """A surrogate without error: a share of the rain runs off."""

    def simulate(self, forcing, antecedent, parameters, properties):
        return parameters[:, :1, None] * forcing


@pytest.fixture(scope="module")
def frame():
    """Attributes that tell nothing: every basin has the same."""
    return pd.DataFrame({"same": np.ones(BASINS)}, index=[f"b{i}" for i in range(BASINS)])


@pytest.fixture(scope="module")
def world():
    """Forcing and flow of basins that differ in their coefficient; 200 days of validation; the last two held out."""
    generator = np.random.default_rng(1)
    rain = generator.exponential(4, (BASINS, DAYS)) * (generator.random((BASINS, DAYS)) < 0.4)
    forcing = rain[..., None].astype(np.float32)
    values = SPACE.from_unit(np.column_stack([np.linspace(0.1, 0.9, BASINS), np.full((BASINS, 2), 0.5)]))
    shape, delay = values[:, 1:].T.astype(np.float32)
    flow = np.array(route(values[:, :1].astype(np.float32) * rain.astype(np.float32), shape, delay))
    flow[generator.random(flow.shape) < 0.1] = np.nan
    fit, validation = np.zeros((2, BASINS, DAYS), bool)
    fit[:7, :FIT] = True
    validation[:, FIT:] = True
    return forcing, flow, fit, validation


@pytest.fixture(scope="module")
def scaler(world):
    forcing, flow, fit, _ = world
    return HistoryScaler.fit(("prcp",), forcing, flow, fit, PAST)


@pytest.fixture(scope="module")
def data(frame, world, scaler):
    return data_of(frame, scaler, *world)


def data_of(frame, scaler, forcing, flow, fit, validation, history=True):
    return LearningData(
        basins=tuple(frame.index),
        attributes=AttributeScaler.fit(frame).transform(frame),
        properties=np.zeros((BASINS, 1), np.float32),
        forcing=forcing,
        antecedent=np.zeros((BASINS, DAYS, 1), np.float32),
        observed=np.where(fit | validation, flow, np.nan).astype(np.float32),
        dates=np.arange("2000-01-01", DAYS, dtype="datetime64[D]"),
        fit=fit,
        validation=validation,
        forcing_names=("prcp",),
        history=History.of(scaler, forcing, flow, fit) if history else None,
    )


def new_model(frame, scaler, name="g_Z", **options):
    options = {"seed": 0, "dropout": 0.0, "hidden": (16,)} | ({"units": 8} if name == "g_Z" else {}) | options
    network = ParameterNetwork.create(name, AttributeScaler.fit(frame), SPACE, scaler, **options)
    return DifferentiableModel(network, Share(), (0,))


def weights(model):
    return [np.array(w) for w in model.network.model.get_weights()]


def equal(first, second):
    return all((a == b).all() for a, b in zip(first, second, strict=True))


def test_constants_come_from_fit_days_of_fit_basins(world, scaler):
    forcing, flow, fit, _ = world
    assert scaler.mean[0] == pytest.approx(forcing[fit].mean(), rel=1e-4)
    logs = np.log(flow[fit & np.isfinite(flow)] + FLOOR)
    assert (scaler.mean[1], scaler.std[1]) == pytest.approx((logs.mean(), logs.std()), rel=1e-4)
    spoiled = np.where(fit[..., None], forcing, 1e6).astype(np.float32)
    assert HistoryScaler.fit(("prcp",), spoiled, np.where(fit, flow, 1e6), fit, PAST) == scaler
    assert HistoryScaler.from_dict(json.loads(json.dumps(scaler.to_dict()))) == scaler
    with pytest.raises(DataError, match="no streamflow is observed"):
        HistoryScaler.fit(("prcp",), forcing, np.full_like(flow, np.nan), fit, PAST)


def test_a_gap_is_zero_and_says_so(world, scaler, data):
    _, flow, fit, _ = world
    features = data.history.features
    seen = fit & np.isfinite(flow)
    np.testing.assert_array_equal(features[..., -1] == 1.0, seen)
    assert (features[..., 1][~seen] == 0.0).all()
    expected = (np.log(flow[seen] + FLOOR) - scaler.mean[1]) / scaler.std[1]
    np.testing.assert_allclose(features[..., 1][seen], expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("start", [-30, 0, 90, 300, 560, 640])
def test_histories_lie_in_the_fit_period_and_beside_the_window(data, start):
    end = start + 180
    places = data.history.beside(start, end)
    assert places.size == len(set(places.tolist())) > 0
    every = {p for p in range(FIT - PAST + 1) if p + PAST <= start or p >= end}
    assert set(places.tolist()) == every


def test_no_day_of_a_window_is_in_its_history(frame, world, scaler):
    """Each observation is the number of its day, which the history can be asked for."""
    forcing, flow, fit, validation = world
    number = np.broadcast_to(np.arange(DAYS, dtype=float) + 1, flow.shape).copy()
    plain = HistoryScaler(("prcp",), (0.0, 0.0), (1.0, 1.0), PAST)
    data = data_of(frame, plain, forcing, number, fit, validation)
    windows = training_windows(data, SETTINGS)
    for batch in Draws(windows, SETTINGS, np.random.default_rng(0)).epoch(20):
        days = np.round(np.exp(batch.history[..., 1]) - FLOOR - 1).astype(int)
        assert batch.history.shape == (7, PAST, 3)
        assert ((days >= 0) & (days < FIT)).all()
        window = batch.starts[:, None] + np.arange(windows.length)
        assert not any(np.isin(past, own).any() for past, own in zip(days, window, strict=True))


def test_parameters_are_given_from_the_last_days_of_the_fit_period(data):
    windows = validation_windows(training_windows(data, SETTINGS))
    batch = windows.batch(np.arange(7), np.full(7, FIT - 60))
    np.testing.assert_array_equal(batch.history, data.history.features[:7, FIT - PAST : FIT])


def test_observations_after_the_fit_period_change_nothing(frame, world, scaler, data, tmp_path):
    """Those of the test lie in no mask, those of validation decide when to stop and nothing else."""
    forcing, flow, fit, validation = world
    test = np.zeros_like(fit)
    validation, test[:, 800:] = validation.copy(), True
    validation[:, 800:] = False
    found = []
    for i, other in enumerate((flow, np.where(test | ~(fit | validation), 1e6, flow))):
        some = data_of(frame, HistoryScaler.fit(("prcp",), forcing, other, fit, PAST), forcing, other, fit, validation)
        model = new_model(frame, scaler)
        learn(model, some, SETTINGS, tmp_path / str(i))
        past = some.history.cut(np.arange(BASINS), np.full(BASINS, some.history.latest))
        found.append([*weights(model), model.network.values(frame, past)])
    assert equal(*found)


def test_the_same_seed_gives_the_same_weights_and_another_does_not(frame, scaler, data, tmp_path):
    models = [new_model(frame, scaler, seed=seed, dropout=0.2) for seed in (0, 0, 1)]
    assert equal(weights(models[0]), weights(models[1]))
    assert not equal(weights(models[0]), weights(models[2]))
    for i, model in enumerate(models):
        learn(model, data, SETTINGS, tmp_path / str(i))
    assert equal(weights(models[0]), weights(models[1]))


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(frame, scaler, data, tmp_path):
    settings = replace(SETTINGS, checkpoint_seconds=0)
    whole, parts = (new_model(frame, scaler, dropout=0.3) for _ in range(2))
    learn(whole, data, settings, tmp_path / "whole")

    def stop(record):
        if record.epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(parts, data, settings, tmp_path / "parts", on_epoch=stop)
    resumed = new_model(frame, scaler, dropout=0.3)
    learn(resumed, data, settings, tmp_path / "parts")
    assert equal(weights(resumed), weights(whole))


def test_the_past_tells_what_attributes_do_not(frame, scaler, data, tmp_path):
    settings = replace(SETTINGS, epochs=12, steps_per_epoch=15, patience=12)
    learned = {}
    for name in ("g_A", "g_Z"):
        model = new_model(frame, scaler, name, **({"blind": 0.1} if name == "g_Z" else {}))
        one = learn(model, data, settings, tmp_path / name)
        learned[name] = one.history[one.best_epoch].validation_nse_median
        if name == "g_Z":
            past = data.history.cut(np.arange(7), np.full(7, data.history.latest))
            found = one.network.values(frame.iloc[:7], past)[:, 0]
            assert np.corrcoef(found, np.linspace(0.1, 0.9, BASINS)[:7])[0, 1] > 0.9
    assert learned["g_Z"] > learned["g_A"] + 0.05


def test_an_ungauged_basin_has_parameters_within_bounds_from_its_attributes_alone(frame, scaler, data):
    network = new_model(frame, scaler).network
    generator = np.random.default_rng(5)
    network.model.set_weights([generator.normal(0, 3, w.shape) for w in network.model.get_weights()])
    past = data.history.cut(np.arange(BASINS), np.full(BASINS, data.history.latest))
    assert (past[7:] == 0.0).all()
    assert (past[:7, :, 0] != 0.0).any()
    values = network.values(frame, past)
    SPACE.check(values)
    np.testing.assert_array_equal(values[7:], network.values(frame)[7:])
    assert (values[:7] != network.values(frame)[:7]).any()


def test_the_blindfold_hides_whole_pasts_in_training_only():
    layer, past = Blindfold(0.4, seed=1), ops.ones((500, 6, 2))
    np.testing.assert_array_equal(layer(past, training=False), past)
    first, second = (np.asarray(layer(past, training=True)) for _ in range(2))
    assert ((first == 0).all(axis=(1, 2)) | (first == 1).all(axis=(1, 2))).all()
    assert (first[:, 0, 0] == 0).mean() == pytest.approx(0.4, abs=0.08)
    assert (first != second).any()
    np.testing.assert_array_equal(np.asarray(Blindfold(0.4, seed=1)(past, training=True)), first)


def test_every_weight_has_a_gradient_after_one_step(frame, scaler, data):
    model = new_model(frame, scaler, blind=0.0)
    windows = training_windows(data, SETTINGS)
    stepper = Stepper(model, windows.targets, SETTINGS)
    batches = Draws(windows, SETTINGS, np.random.default_rng(0)).epoch(2)
    _, _, gradient = stepper.gradient(next(batches))
    stepper.apply(gradient, 0.01)
    _, _, gradient = stepper.gradient(next(batches))
    assert len(gradient) == len(weights(model))
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in map(np.asarray, gradient))


def test_a_history_that_does_not_fit_is_answered_with_the_longest_that_does(frame, world, scaler, tmp_path):
    long = data_of(frame, replace(scaler, days=300), *world)
    with pytest.raises(DataError, match=r"300 days does not fit beside every window of 180 .* of 700; at most 260 do"):
        learn(new_model(frame, scaler), long, SETTINGS, tmp_path)
    with pytest.raises(DataError, match="a history takes 701 days, the fit period has 700"):
        data_of(frame, replace(scaler, days=701), *world)


def test_a_network_that_reads_the_past_must_be_told_how(frame, scaler):
    with pytest.raises(ShapeError, match="Expected a history for g_Z"):
        ParameterNetwork.create("g_Z", AttributeScaler.fit(frame), SPACE)
    assert ParameterNetwork.create("g_A", AttributeScaler.fit(frame), SPACE, scaler).history is None


@pytest.mark.fault(23)
def test_a_nan_in_the_past_is_named(frame, scaler, data, tmp_path):
    features = data.history.features.copy()
    features[4, :, 0] = np.nan
    spoiled = replace(data, history=replace(data.history, features=features))
    with pytest.raises(TrainingError, match="basin b4: history prcp is not finite"):
        learn(new_model(frame, scaler, blind=0.0), spoiled, SETTINGS, tmp_path)
