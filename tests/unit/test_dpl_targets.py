"""Several observed variables at once: each with its own mask, weight, averaging and mix of outputs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf
from keras import ops

from dpl.attributes import AttributeScaler
from dpl.averaging import AVERAGES, Periods, means
from dpl.losses import EPSILON
from dpl.model import DifferentiableModel
from dpl.networks import ParameterNetwork
from dpl.routing import ROUTING, route
from dpl.settings import LearningData, LearningSettings, TargetSettings
from dpl.steps import Stepper
from dpl.targets import targets_of, total
from dpl.train import learn
from dpl.windows import training_windows
from legacy_models.errors import DataError, UnknownNameError, UsageError
from legacy_models.parameters import Parameter, ParameterSpace

DATES = np.arange("1999-10-01", "2002-10-01", dtype="datetime64[D]")
BASINS = 5
SPACE = (
    ParameterSpace(
        (
            Parameter("coefficient", 0.1, 1.0, 0.7, "-", "linear", "test"),
            Parameter("melt", 1.0, 30.0, 5.0, "day", "log", "test"),
        )
    )
    + ROUTING
)
SETTINGS = LearningSettings(
    epochs=2,
    steps_per_epoch=4,
    warmup_days=60,
    loss_days=120,
    min_observed_days=20,
    learning_rate=0.03,
    weight_decay=1e-3,
    targets={
        "swe": TargetSettings(weight=0.5, average="8-day", coverage=0.4),
        "soil_moisture": TargetSettings(
            weight=2.0, average="month", losses={"rmse": 1.0, "kge": 0.5}, outputs={"upper": 0.25, "lower": 0.75}
        ),
    },
)


class Layers:
    """A surrogate without error, whose outputs are runoff, snow and two layers of soil."""

    def simulate(self, forcing, antecedent, parameters, properties):
        rain = forcing[:, :, 0]
        ones = ops.ones_like(parameters[:, 1])
        snow = route(rain, ones, parameters[:, 1])
        return ops.stack([parameters[:, :1] * rain, 10.0 * snow, 0.02 * rain, 0.1 * snow], axis=-1)


@pytest.fixture(scope="module")
def frame():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(BASINS, 2)), columns=["a", "b"], index=list("vwxyz"))


@pytest.fixture(scope="module")
def data(frame):
    """Three years, the last for validation; the last basin is held out; gaps of every kind."""
    generator = np.random.default_rng(1)
    shape = (BASINS, len(DATES))
    rain = (generator.exponential(4, shape) * (generator.random(shape) < 0.4)).astype(np.float32)
    unit = 1 / (1 + np.exp(-frame.to_numpy() @ np.array([[1.0, -1.0, 0, 0.5], [0.5, 1.0, 0.3, 0]])))
    hidden = SPACE.from_unit(unit).astype(np.float32)
    outputs = np.asarray(Layers().simulate(rain[..., None], None, hidden, None))
    flow = np.asarray(route(outputs[..., 0], hidden[:, -2], hidden[:, -1]))
    swe, soil = outputs[..., 1].copy(), outputs[..., 2:] @ np.float32([0.25, 0.75])
    for series in (flow := flow.copy(), swe, soil):
        series[generator.random(shape) < 0.2] = np.nan
    swe[0] = np.nan
    soil[:, 100:180] = np.nan
    fit, validation = np.zeros((2, *shape), bool)
    fit[:-1, :731] = True
    validation[:, 731:] = True
    return LearningData(
        basins=tuple(frame.index),
        attributes=AttributeScaler.fit(frame).transform(frame),
        properties=np.zeros((BASINS, 1), np.float32),
        forcing=rain[..., None],
        antecedent=np.zeros((*shape, 1), np.float32),
        observed=flow,
        others={"swe": swe, "soil_moisture": soil},
        dates=DATES,
        fit=fit,
        validation=validation,
    )


@pytest.fixture
def model(frame):
    network = ParameterNetwork.create("g_A", AttributeScaler.fit(frame), SPACE, seed=0, dropout=0.0)
    return DifferentiableModel(network, Layers(), (0,), output_names=("runoff", "swe", "upper", "lower"))


def test_months_are_those_of_the_calendar_and_eight_days_begin_anew_each_year():
    months = Periods.of(DATES, "month")
    assert months.days[:6].tolist() == [31, 30, 31, 31, 29, 31]
    assert len(months.days) == 36
    eight = Periods.of(DATES, "8-day")
    new_year = int((np.datetime64("2001-01-01") - DATES[0]).astype(int))
    assert eight.days[eight.index[new_year - 1]] == 6
    assert eight.days[eight.index[new_year]] == 8
    assert (eight.index[new_year : new_year + 9] - eight.index[new_year]).tolist() == [0] * 8 + [1]
    assert eight.days[eight.index[365 + new_year - 1]] == 5
    assert Periods.of(DATES, "day").index.tolist() == list(range(len(DATES)))


def label(dates, average):
    """What pandas calls the period of each day."""
    days = pd.DatetimeIndex(dates)
    return days.year * 100 + (days.month if average == "month" else (days.day_of_year - 1) // 8)


@pytest.mark.parametrize("average", ["8-day", "month"])
def test_means_are_those_of_pandas_over_the_days_that_count(average):
    generator = np.random.default_rng(0)
    values = generator.normal(size=(3, len(DATES)))
    mask = generator.random(values.shape) < 0.4
    labels = label(DATES, average)
    index = np.broadcast_to(Periods.of(DATES, average).index, values.shape)
    found, counted = (np.asarray(a) for a in means(np.where(mask, values, np.nan), mask, index))
    for row in range(3):
        expected = pd.Series(values[row]).where(mask[row]).groupby(labels).mean().to_numpy()
        size = len(expected)
        np.testing.assert_array_equal(counted[row, :size], np.isfinite(expected))
        np.testing.assert_allclose(found[row, :size][counted[row, :size]], expected[counted[row, :size]], rtol=1e-6)
        assert not counted[row, size:].any()


def test_a_period_counts_from_its_least_share_of_days_on():
    months = Periods.of(DATES, "month")
    counted = np.zeros((2, len(DATES)), bool)
    counted[0, :15] = True  # of October's 31
    counted[1, :16] = True
    kept = months.enough(counted, 0.5)
    assert not kept[0].any()
    np.testing.assert_array_equal(kept[1], counted[1])
    np.testing.assert_array_equal(months.enough(counted, 1e-6), counted)
    assert not months.enough(counted, 1.0).any()


def by_hand(data, name, simulated, rows, days, average, coverage):
    """Of each basin (observed, simulated) means over the periods with enough observations on ``days``."""
    length = label(np.arange("1999-01-01", "2003-01-01", dtype="datetime64[D]"), average).value_counts()
    pairs = []
    for row in rows:
        table = pd.DataFrame({"o": data.observations[name][row], "s": simulated[row], "label": label(DATES, average)})
        periods = table.iloc[days].dropna().astype({"o": float}).groupby("label")
        kept = periods["o"].size() >= coverage * length.reindex(list(periods.groups))
        pairs.append((periods["o"].mean()[kept].to_numpy(), periods["s"].mean()[kept].to_numpy()))
    return pairs


def one_window(data, start=40):
    windows = training_windows(data, SETTINGS)
    rows = np.arange(BASINS - 1)
    return windows, windows.batch(rows, np.full(len(rows), start)), slice(start + 60, start + 180)


def test_an_8_day_target_is_the_normalised_error_of_8_day_means_with_gaps(data):
    windows, batch, days = one_window(data)
    simulated = np.random.default_rng(2).gamma(2.0, 8.0, data.observed.shape).astype(np.float32)
    swe = next(t for t in windows.targets if t.name == "swe")
    found = float(swe.score(simulated[: BASINS - 1, 40 : 40 + windows.length], batch.scored["swe"]))
    fit_days = slice(0, 731)
    every = by_hand(data, "swe", simulated, range(1, BASINS - 1), fit_days, "8-day", 0.4)
    std = [o.std() for o, _ in every]
    scale = np.mean(std)  # of the basins that have observations
    pairs = by_hand(data, "swe", simulated, range(1, BASINS - 1), days, "8-day", 0.4)
    expected = np.mean(
        [np.mean((s - o) ** 2) / (std_b + EPSILON * scale) ** 2 for (o, s), std_b in zip(pairs, std, strict=True)]
    )
    assert found == pytest.approx(expected, rel=1e-4)


def test_a_monthly_target_is_its_losses_over_monthly_means_with_gaps(data):
    windows, batch, days = one_window(data, start=200)
    simulated = np.random.default_rng(2).gamma(2.0, 0.3, data.observed.shape).astype(np.float32)
    soil = next(t for t in windows.targets if t.name == "soil_moisture")
    only = replace(soil, loss=lambda o, s, mask, std: ops.sum(ops.where(mask, (s - o) ** 2, 0.0)))
    found = float(only.score(simulated[: BASINS - 1, 200 : 200 + windows.length], batch.scored["soil_moisture"]))
    pairs = by_hand(data, "soil_moisture", simulated, range(BASINS - 1), days, "month", 0.5)
    assert sum(len(o) for o, _ in pairs) >= 2 * (BASINS - 1)
    expected = sum(((s - o) ** 2).sum() for o, s in pairs) / soil.scale**2
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_total_is_the_sum_of_weight_times_loss(data, model):
    windows, batch, _ = one_window(data)
    simulated = Stepper(model, windows.targets, SETTINGS).simulate(batch)
    alone = {t.name: float(t.score(simulated[t.name], batch.scored[t.name])) for t in windows.targets}
    assert min(alone.values()) > 0.01
    expected = alone["streamflow"] + 0.5 * alone["swe"] + 2.0 * alone["soil_moisture"]
    assert float(total(windows.targets, simulated, batch.scored)) == pytest.approx(expected, rel=1e-5)


def test_a_variable_is_the_mix_of_outputs_that_it_is_said_to_be(data, model):
    windows, batch, _ = one_window(data)
    simulated = Stepper(model, windows.targets, SETTINGS).simulate(batch)
    values = model.parameters(batch.attributes)
    outputs = np.asarray(model.outputs(values, batch.forcing, batch.antecedent, batch.properties))
    np.testing.assert_allclose(simulated["soil_moisture"], 0.25 * outputs[..., 2] + 0.75 * outputs[..., 3], rtol=1e-5)
    np.testing.assert_allclose(simulated["swe"], outputs[..., 1], rtol=1e-5)
    np.testing.assert_allclose(simulated["streamflow"], model.streamflow(values, *_rest(batch)), rtol=1e-5)


def _rest(batch):
    return batch.forcing, batch.antecedent, batch.properties


@pytest.mark.parametrize("name", ["nse", "rmse", "kge", "sqrt_nse", "log_rmse"])
def test_the_unit_of_a_variable_does_not_matter(data, name):
    settings = replace(SETTINGS, losses={name: 1.0}, targets={"swe": TargetSettings()})
    in_metres = replace(data, others={"swe": data.others["swe"] / 1000})
    simulated = np.random.default_rng(2).gamma(2.0, 8.0, data.observed.shape).astype(np.float32)
    found = []
    for some, factor in ((data, 1.0), (in_metres, 1e-3)):
        windows = training_windows(some, settings)
        batch = windows.batch(np.arange(BASINS), np.zeros(BASINS, int))
        target = windows.targets[1]
        found.append(float(target.score(simulated[:, : windows.length] * np.float32(factor), batch.scored["swe"])))
    assert found[0] == pytest.approx(found[1], rel=1e-4)


@pytest.mark.parametrize("average", AVERAGES)
def test_a_variable_that_is_missing_everywhere_in_a_window_adds_nothing_to_the_gradient(data, model, average):
    settings = replace(SETTINGS, targets={"swe": TargetSettings(weight=5.0, average=average)})
    swe = data.others["swe"].copy()
    swe[:, 100:220] = np.nan
    gradients = []
    for weight in (5.0, 0.0):
        targets = {"swe": replace(settings.targets["swe"], weight=weight)}
        some = replace(data, others={"swe": swe})
        windows = training_windows(some, replace(settings, targets=targets))
        batch = windows.batch(np.arange(BASINS), np.full(BASINS, 40))
        _, _, gradient = Stepper(model, windows.targets, settings).gradient(batch)
        gradients.append([np.asarray(g) for g in gradient])
    for with_it, without in zip(*gradients, strict=True):
        assert np.isfinite(with_it).all()
        np.testing.assert_allclose(with_it, without, atol=1e-7)


def test_where_nothing_at_all_is_observed_the_gradient_is_finite(data, model):
    windows = training_windows(data, SETTINGS)
    batch = windows.batch(np.full(2, BASINS - 1), np.array([0, 50]))  # the held-out basin, in the fit period
    assert not any(scored.mask.any() for scored in batch.scored.values())
    loss, norm, gradient = Stepper(model, windows.targets, SETTINGS).gradient(batch)
    assert loss == 0.0
    assert np.isfinite(norm)
    assert all(np.isfinite(np.asarray(g)).all() for g in gradient)


def test_one_variable_teaches_what_flow_does_not_feel(data, model, tmp_path):
    """Flow does not depend on the melt; snow does, with streamflow left out altogether."""
    targets = {"streamflow": TargetSettings(weight=0.0), "swe": TargetSettings(average="8-day")}
    settings = replace(SETTINGS, epochs=8, steps_per_epoch=10, targets=targets, stop_on="loss")
    learned = learn(model, data, settings, tmp_path)
    assert learned.history[learned.best_epoch].validation_loss < 0.2 * learned.history[0].validation_loss
    unit = np.asarray(model.unit(model.parameters(data.attributes)))
    start = SPACE.to_unit(SPACE.defaults)
    assert np.abs(unit[:, 1] - start[1]).max() > 0.05
    np.testing.assert_allclose(unit[:, 0], start[0], atol=0.03)  # only decay and the penalty move it


def test_the_validation_loss_is_that_of_whole_series(data, model, tmp_path):
    learned = learn(model, data, replace(SETTINGS, epochs=1, learning_rate=1e-9, weight_decay=0.0), tmp_path)
    values = model.parameters(data.attributes)
    outputs = model.outputs(values, data.forcing, data.antecedent[:, 0], data.properties)
    rows, days = np.arange(BASINS)[:, None], np.broadcast_to(np.arange(len(DATES)), data.observed.shape)
    expected = 0.0
    for target in targets_of(data, SETTINGS):
        scored = target.cut(rows[:, 0], days, data.validation & np.isfinite(target.observed))
        expected += target.weight * float(target.score(model.observable(outputs, values, target.shares), scored))
    assert learned.history[0].validation_loss == pytest.approx(expected, rel=0.02)  # windows start with empty storage


def test_other_observations_outside_fit_and_validation_are_never_read(data, model, frame, tmp_path):
    neither = ~(data.fit | data.validation)
    spoiled = {name: np.where(neither, np.float32(1e6), series) for name, series in data.others.items()}
    found = []
    for i, some in enumerate((data, replace(data, others=spoiled))):
        network = ParameterNetwork.create("g_A", AttributeScaler.fit(frame), SPACE, seed=0)
        own = replace(model, network=network)
        learn(own, some, replace(SETTINGS, epochs=2), tmp_path / str(i))
        found.append(network.model.get_weights())
    assert all((a == b).all() for a, b in zip(*found, strict=True))


def test_constants_of_a_target_come_from_fit_days_of_fit_basins(data):
    spoiled = {name: np.where(data.fit, series, np.float32(1e6)) for name, series in data.others.items()}
    for one, other in zip(targets_of(data, SETTINGS), targets_of(replace(data, others=spoiled), SETTINGS), strict=True):
        assert one.scale == other.scale
        np.testing.assert_array_equal(one.basin_std, other.basin_std)


def test_streamflow_stays_in_its_unit_and_daily_unless_told_otherwise(data):
    flow = targets_of(data, SETTINGS)[0]
    assert (flow.name, flow.scale, flow.averaged) == ("streamflow", 1.0, False)
    np.testing.assert_array_equal(flow.basin_std, data.basin_std)
    monthly = targets_of(data, replace(SETTINGS, targets={"streamflow": TargetSettings(average="month")}))
    assert len(monthly) == 1
    assert monthly[0].averaged
    assert (monthly[0].basin_std < flow.basin_std).all()


def test_a_target_that_the_data_or_the_model_lack_is_named(data, model, tmp_path):
    with pytest.raises(UsageError, match=r"dpl.targets.evaporation: the data hold no .*: streamflow, swe, soil_moist"):
        learn(model, data, replace(SETTINGS, targets={"evaporation": TargetSettings()}), tmp_path)
    wrong = {"swe": TargetSettings(outputs={"snow": 1.0})}
    with pytest.raises(UsageError, match=r"dpl.targets.swe.outputs: .* no output 'snow'; there are: runoff, swe"):
        learn(model, data, replace(SETTINGS, targets=wrong), tmp_path)
    nowhere = replace(data, others={"swe": np.full_like(data.observed, np.nan)})
    with pytest.raises(DataError, match="no basin has two values of swe in the fit period"):
        learn(model, nowhere, replace(SETTINGS, targets={"swe": TargetSettings()}), tmp_path)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weight": -1.0}, "dpl.targets.swe.weight must not be negative"),
        ({"average": "week"}, "dpl.targets.swe.average must be one of day, 8-day, month, received 'week'"),
        ({"coverage": 0.0}, r"dpl.targets.swe.coverage must lie in \(0, 1\]"),
        ({"outputs": {"swe": 0.0}}, "dpl.targets.swe.outputs: one share must differ from 0"),
        ({"losses": {"nse": -1.0}}, "dpl.targets.swe.losses: loss weights"),
        ({"losses": {"nsee": 1.0}}, "no loss is called 'nsee'"),
    ],
)
def test_impossible_targets_are_refused_by_name(wrong, message):
    with pytest.raises(UsageError, match=message):
        LearningSettings(targets={"swe": TargetSettings(**wrong)})


def test_impossible_losses_are_refused_before_anything_is_run():
    with pytest.raises(UnknownNameError, match="did you mean 'nse'"):
        LearningSettings(losses={"nsee": 1.0})
    with pytest.raises(UsageError, match="one must have a weight above 0"):
        LearningSettings(targets={"streamflow": TargetSettings(weight=0.0)})
    with pytest.raises(UsageError, match="streamflow is the routed runoff"):
        LearningSettings(targets={"streamflow": TargetSettings(outputs={"runoff": 1.0})})


def test_the_mean_of_a_period_hands_its_gradient_to_its_days_in_equal_parts():
    mask = np.array([[True, True, False, True]])
    values = tf.Variable([[1.0, 2.0, np.nan, 4.0]])
    with tf.GradientTape() as tape:
        found, _ = means(values, mask, np.array([[0, 0, 0, 1]]))
        summed = ops.sum(found)
    np.testing.assert_allclose(np.asarray(tape.gradient(summed, values)), [[0.5, 0.5, 0.0, 1.0]])
