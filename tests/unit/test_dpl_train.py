"""Learning finds hidden parameters, stops and resumes exactly, and reads no more than it may."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from keras import ops

from dpl.attributes import AttributeScaler
from dpl.identifiability import flow_jacobian
from dpl.model import DifferentiableModel
from dpl.networks import ParameterNetwork
from dpl.routing import ROUTING, route, route_arrays
from dpl.settings import LearningData, LearningSettings
from dpl.steps import Stepper
from dpl.targets import targets_of
from dpl.train import CHECKPOINT, learn
from dpl.validation import Validation
from dpl.windows import Draws, training_windows, validation_windows
from legacy_models.errors import (
    BundleError,
    DataError,
    ShapeError,
    TrainingError,
    UsageError,
)
from legacy_models.parameters import Parameter, ParameterSpace

BUCKET = ParameterSpace(
    (
        Parameter("coefficient", 0.1, 1.0, 0.7, "-", "linear", "test"),
        Parameter("residence", 1.0, 30.0, 5.0, "day", "log", "test"),
    )
)
SPACE = BUCKET + ROUTING
SETTINGS = LearningSettings(
    epochs=6,
    steps_per_epoch=5,
    warmup_days=60,
    loss_days=90,
    min_observed_days=30,
    learning_rate=0.02,
    weight_decay=1e-3,
    seed=3,
)


class ExactBucket:
    """A surrogate without error: a share of the rain runs off, through a linear reservoir, exactly."""

    def simulate(self, forcing, antecedent, parameters, properties):
        """Return (basin, time, 2): fast runoff, and slow runoff from the reservoir."""
        effective = parameters[:, :1] * forcing[:, :, 0]
        ones = ops.ones_like(parameters[:, 1])
        return ops.stack([0.3 * effective, 0.7 * route(effective, ones, parameters[:, 1])], axis=-1)


def hidden_parameters(attributes):
    unit = 1 / (1 + np.exp(-attributes @ np.array([[1.0, -1.0, 0, 0.5], [0.5, 1.0, 0.3, 0]])))
    return SPACE.from_unit(unit)


@pytest.fixture(scope="module")
def frame():
    values = np.random.default_rng(0).normal(size=(10, 2))
    return pd.DataFrame(values, columns=["wet", "deep"], index=[f"b{i}" for i in range(10)])


@pytest.fixture(scope="module")
def data(frame):
    """Ten basins, the last two held out; 600 days, the last 150 for validation; gaps in the record."""
    generator = np.random.default_rng(1)
    rain = generator.exponential(4, (10, 600)) * (generator.random((10, 600)) < 0.4)
    hidden = hidden_parameters(frame.to_numpy()).astype(np.float32)
    forcing = rain[..., None].astype(np.float32)
    runoff = np.asarray(ExactBucket().simulate(forcing, None, hidden, None)).sum(axis=-1)
    observed = route_arrays(runoff, hidden[:, 2], hidden[:, 3])
    observed[generator.random(observed.shape) < 0.1] = np.nan
    fit, validation = np.zeros((2, 10, 600), bool)
    fit[:8, :450] = True
    validation[:, 450:] = True
    return LearningData(
        basins=tuple(frame.index),
        attributes=AttributeScaler.fit(frame).transform(frame),
        properties=np.zeros((10, 1), np.float32),
        forcing=forcing,
        antecedent=np.zeros((10, 600, 1), np.float32),
        observed=observed.astype(np.float32),
        dates=np.arange("2000-01-01", 600, dtype="datetime64[D]"),
        fit=fit,
        validation=validation,
        forcing_names=("prcp",),
    )


@pytest.fixture
def new_model(frame):
    def build(**options):
        network = ParameterNetwork.create(
            "g_A", AttributeScaler.fit(frame), SPACE, **{"seed": 0, "dropout": 0.0, **options}
        )
        return DifferentiableModel(network, ExactBucket(), (0, 1))

    return build


def weights(model):
    return [np.array(w) for w in model.network.model.get_weights()]


def equal(first, second):
    return all((a == b).all() for a, b in zip(first, second, strict=True))


def test_hidden_parameters_come_back_and_the_score_with_them(new_model, data, frame, tmp_path):
    settings = replace(SETTINGS, epochs=20, steps_per_epoch=10)
    learned = learn(new_model(), data, settings, tmp_path)
    first, best = learned.history[0], learned.history[learned.best_epoch]
    assert first.train_loss is None
    assert best.validation_nse_median > 0.97 > first.validation_nse_median
    assert learned.history[-1].train_loss < 0.2 * learned.history[1].train_loss
    hidden, found = (SPACE.to_unit(v) for v in (hidden_parameters(frame.to_numpy()), learned.network.values(frame)))
    assert np.corrcoef(hidden[:8, 0], found[:8, 0])[0, 1] > 0.9


def test_the_same_seed_gives_the_same_weights_and_another_does_not(new_model, data, tmp_path):
    models = [new_model(dropout=0.2) for _ in range(3)]
    for i, (model, seed) in enumerate(zip(models, (3, 3, 4), strict=True)):
        learn(model, data, replace(SETTINGS, epochs=2, seed=seed), tmp_path / str(i))
    assert equal(weights(models[0]), weights(models[1]))
    assert not equal(weights(models[0]), weights(models[2]))


def test_an_interrupted_run_goes_on_as_if_nothing_had_happened(new_model, data, tmp_path):
    settings = replace(SETTINGS, schedule="plateau", plateau_epochs=1, checkpoint_seconds=0)
    whole = new_model(dropout=0.3)
    uninterrupted = learn(whole, data, settings, tmp_path / "whole")

    def stop(record):
        if record.epoch == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        learn(new_model(dropout=0.3), data, settings, tmp_path / "parts", on_epoch=stop)
    resumed, told = new_model(dropout=0.3), []
    history = learn(resumed, data, settings, tmp_path / "parts", on_epoch=told.append).history
    assert told[0].epoch == 4
    assert [r.train_loss for r in history] == [r.train_loss for r in uninterrupted.history]
    assert equal(weights(resumed), weights(whole))


def test_what_is_finished_is_not_learned_again_and_other_checkpoints_are_refused(new_model, data, tmp_path):
    settings = replace(SETTINGS, epochs=1)
    first = learn(new_model(), data, settings, tmp_path)
    again, told = new_model(), []
    assert learn(again, data, settings, tmp_path, told.append).history == first.history
    assert told == []
    assert equal(weights(again), weights(replace(again, network=first.network)))
    with pytest.raises(TrainingError, match="other data, settings"):
        learn(new_model(), data, replace(settings, epochs=2), tmp_path)
    (tmp_path / CHECKPOINT).write_bytes(b"PK not an archive")
    with pytest.raises(TrainingError, match="damaged"):
        learn(new_model(), data, settings, tmp_path)


def test_observations_outside_fit_and_validation_are_never_read(new_model, data, tmp_path):
    neither = ~(data.fit | data.validation)
    assert neither[8:, :450].all()
    other = replace(data, observed=np.where(neither, np.float32(1e6), data.observed))
    models = [new_model(), new_model()]
    for i, (model, chosen) in enumerate(zip(models, (data, other), strict=True)):
        learn(model, chosen, replace(SETTINGS, epochs=2), tmp_path / str(i))
    assert equal(weights(models[0]), weights(models[1]))


def test_learning_never_ends_below_the_defaults_on_validation(new_model, data, tmp_path):
    wild = replace(SETTINGS, learning_rate=5.0, epochs=3, clip_norm=1e6)
    learned = learn(new_model(), data, wild, tmp_path)
    scores = [r.validation_nse_median for r in learned.history]
    assert scores[learned.best_epoch] == max(scores)


def test_learning_stops_when_validation_does_not_improve(new_model, data, tmp_path):
    still = replace(SETTINGS, learning_rate=1e-12, weight_decay=0.0, epochs=6, patience=2)
    assert len(learn(new_model(), data, still, tmp_path).history) <= 4


@pytest.mark.fault(23)
def test_a_nan_in_the_forcing_names_basin_and_variable_and_keeps_the_weights(new_model, data, tmp_path):
    forcing = data.forcing.copy()
    forcing[5, 100:400] = np.nan
    model = new_model()
    with pytest.raises(TrainingError, match=r"epoch 1, step 1: basin b5: forcing prcp is not finite"):
        learn(model, replace(data, forcing=forcing), SETTINGS, tmp_path)
    assert equal(weights(model), weights(new_model()))
    assert (tmp_path / CHECKPOINT).exists()


@pytest.mark.fault(23)
def test_a_surrogate_that_gives_nan_is_named(new_model, data, tmp_path):
    class Broken(ExactBucket):
        def simulate(self, forcing, antecedent, parameters, properties):
            return super().simulate(forcing, antecedent, parameters, properties) * np.float32(np.nan)

    model = replace(new_model(), surrogate=Broken())
    with pytest.raises(TrainingError, match="output of the surrogate 0 is not finite"):
        learn(model, data, SETTINGS, tmp_path)


def test_weight_decay_shrinks_kernels_and_leaves_biases(new_model, data, tmp_path):
    model = new_model()
    before = weights(model)
    stepper = Stepper(model, targets_of(data, SETTINGS), replace(SETTINGS, weight_decay=5.0))
    stepper.apply([np.zeros_like(w) for w in before], learning_rate=0.1)
    for old, new in zip(before, weights(model), strict=True):
        np.testing.assert_allclose(new, old * (0.5 if old.ndim == 2 else 1.0), rtol=1e-5)


def test_the_mean_of_the_weights_takes_their_place_for_a_while(new_model, data):
    model = new_model()
    stepper = Stepper(model, targets_of(data, SETTINGS), replace(SETTINGS, averaging=0.5, weight_decay=0.0))
    path = [weights(model)]
    for step in range(6):
        stepper.apply([np.ones_like(w) for w in path[0]], learning_rate=0.1 / (step + 1))
        path.append(weights(model))
    mean = path[0]
    for step, now in enumerate(path[1:], start=1):
        decay = min(0.5, step / (10.0 + step))
        mean = [decay * old + (1.0 - decay) * new for old, new in zip(mean, now, strict=True)]
    with stepper.averaged():
        for found, expected in zip(weights(model), mean, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    for found, own in zip(weights(model), path[-1], strict=True):
        np.testing.assert_array_equal(found, own)


def test_no_single_basin_decides_when_to_stop():
    """Where one basin gets much worse and all others better, the bounded score rises and the loss need not fall."""
    before, after = Validation(0.5, 0.5, 0.66), Validation(9.0, 0.6, 0.7)
    assert after.score(SETTINGS) < before.score(SETTINGS)
    assert after.score(replace(SETTINGS, stop_on="loss")) > before.score(replace(SETTINGS, stop_on="loss"))
    assert Validation(0.5, None, None).score(SETTINGS) == 0.5


def test_a_penalty_acts_on_the_unit_cube(new_model, data, tmp_path):
    """One that pulls every parameter to the middle wins when it is heavy enough."""
    model = new_model()
    settings = replace(SETTINGS, epochs=10, steps_per_epoch=20, stop_on="loss", patience=99)
    no_validation = replace(data, validation=np.zeros_like(data.validation))
    learn(model, no_validation, settings, tmp_path, penalty=lambda unit: 1e4 * ops.mean((unit - 0.5) ** 2))
    unit = np.asarray(model.unit(model.parameters(data.attributes)))
    np.testing.assert_allclose(unit, 0.5, atol=0.06)


def test_warm_up_days_and_gaps_never_count(data):
    windows = training_windows(data, SETTINGS)
    for batch in Draws(windows, SETTINGS, np.random.default_rng(0)).epoch(4):
        observed, mask, *_ = batch.scored["streamflow"]
        assert not mask[:, : SETTINGS.warmup_days].any()
        assert np.isfinite(observed[mask]).all()
        assert (mask.sum(axis=1) >= SETTINGS.min_observed_days).all()
        assert (batch.basins < 8).all()


def test_every_basin_comes_once_before_any_comes_again(data):
    settings = replace(SETTINGS, basins_per_step=4)
    batches = list(Draws(training_windows(data, settings), settings, np.random.default_rng(0)).epoch(2))
    assert sorted(np.concatenate([b.basins for b in batches])) == list(range(8))


def test_validation_windows_cover_every_observed_validation_day_once(data):
    windows = validation_windows(training_windows(data, SETTINGS))
    counted = np.zeros(data.observed.shape, int)
    for basin, start in windows.cover():
        batch = windows.batch(np.array([basin]), np.array([start]))
        counted[basin, start + np.flatnonzero(batch.scored["streamflow"].mask[0])] += 1
    np.testing.assert_array_equal(counted > 0, data.validation & np.isfinite(data.observed))


def test_basins_without_enough_observed_days_are_named(new_model, data, tmp_path):
    observed = data.observed.copy()
    observed[2, 20:450] = np.nan
    with pytest.raises(DataError, match="30 observed fit days at: b2"):
        learn(new_model(), replace(data, observed=observed), SETTINGS, tmp_path)


def test_data_that_do_not_fit_together_are_refused(data):
    with pytest.raises(ShapeError, match="observed"):
        replace(data, observed=data.observed[:, :5])
    with pytest.raises(DataError, match="both fit and validation"):
        replace(data, validation=data.fit)
    with pytest.raises(DataError, match="record has 600"):
        training_windows(data, replace(SETTINGS, loss_days=700))


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 0}, {"learning_rate": 0.0}, {"schedule": "linear"}, {"stop_on": "kge"}, {"weight_decay": -1}],
)
def test_impossible_settings_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        LearningSettings(**wrong)


def test_a_warm_up_too_short_for_the_unit_hydrograph_is_refused(new_model, data, tmp_path):
    with pytest.raises(UsageError, match="warmup_days must be at least 59"):
        learn(new_model(), data, replace(SETTINGS, warmup_days=58), tmp_path)


def test_the_jacobian_of_flow_is_that_of_the_exact_solution(new_model, data):
    """Flow is proportional to the coefficient, so its sensitivity is flow over the coefficient."""
    model, coefficient = new_model(), SPACE.parameters[0]
    values = np.tile([0.5, *SPACE.defaults[1:]], (10, 1))
    inputs = data.forcing, data.antecedent[:, 0], data.properties
    jacobian = flow_jacobian(model, values, *inputs, warmup_days=60)
    flow = np.asarray(model.streamflow(values.astype(np.float32), *inputs))[:, 60:]
    exact = flow / 0.5 * (coefficient.upper - coefficient.lower)
    np.testing.assert_allclose(jacobian[..., 0], exact, rtol=1e-3, atol=1e-3)
    assert (np.abs(jacobian).max(axis=(0, 1)) > 0.01).all()


def test_a_space_without_routing_at_its_end_is_refused(frame):
    unrouted = ParameterNetwork.create("g_A", AttributeScaler.fit(frame), BUCKET)
    with pytest.raises(BundleError, match="must end with route_shape, route_delay"):
        DifferentiableModel(unrouted, ExactBucket(), (0,))
