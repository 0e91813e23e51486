from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from legacy_models.errors import BundleError, UsageError
from surrogates.ensemble import mean_and_spread
from surrogates.fitting import Epoch
from surrogates.surrogate import Surrogate
from surrogates.train import TrainSettings, precision_of, train
from surrogates.windows import gather
from tests.recorded_runs import TINY, recorded_runs, tiny_surrogate


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Surrogate, list[Epoch]]:
    records: list[Epoch] = []
    return train(recorded_runs(), TINY, tmp_path_factory.mktemp("fit"), on_epoch=records.append), records


def arrays(days: int = 60) -> list[np.ndarray]:
    runs = gather(recorded_runs())
    return [
        runs.forcing[runs.site][:, :days],
        runs.antecedent[runs.site, 0],
        runs.parameters,
        runs.properties,
    ]


def test_every_epoch_is_reported(trained: tuple[Surrogate, list[Epoch]]) -> None:
    _, records = trained
    assert [r.epoch for r in records] == [1, 2, 3, 1, 2]
    assert all(np.isfinite(r.loss) and np.isfinite(r.held_out_loss) for r in records)


def test_the_loss_falls(trained: tuple[Surrogate, list[Epoch]]) -> None:
    losses = [r.loss for r in trained[1] if "sequence" in r.network]
    assert losses[-1] < losses[0]


def test_the_same_seed_gives_the_same_surrogate(trained: tuple[Surrogate, list[Epoch]], tmp_path: Path) -> None:
    again, _ = tiny_surrogate(tmp_path)
    np.testing.assert_array_equal(trained[0].predict(*arrays()), again.predict(*arrays()))


def test_a_trained_surrogate_is_frozen_and_its_parameters_have_gradients(
    trained: tuple[Surrogate, list[Epoch]],
) -> None:
    surrogate = trained[0]
    forcing, past, parameters, properties = map(tf.constant, arrays())
    with tf.GradientTape() as tape:
        tape.watch(parameters)
        flow = tf.reduce_mean(surrogate.simulate(forcing, past, parameters, properties)[..., 0])
    gradient = tape.gradient(flow, parameters).numpy()
    assert all(not network.trainable_weights for member in surrogate.members for network in member.networks)
    assert np.isfinite(gradient).all()
    assert (np.abs(gradient) > 0).all()


def test_a_surrogate_trained_in_mixed_precision_computes_in_float32(
    trained: tuple[Surrogate, list[Epoch]], tmp_path: Path
) -> None:
    records: list[Epoch] = []
    mixed = train(recorded_runs(), replace(TINY, precision="mixed_bfloat16"), tmp_path, on_epoch=records.append)
    losses, exact = ([r.loss for r in rs if "sequence" in r.network] for rs in (records, trained[1]))
    assert losses != exact
    np.testing.assert_allclose(losses, exact, rtol=0.05)
    assert {layer.compute_dtype for layer in mixed.members[0].sequence.layers} == {"float32"}
    assert mixed.predict(*arrays()).dtype == np.float32


def test_without_a_gpu_training_is_in_float32() -> None:
    assert precision_of(TINY) == "float32" or tf.config.list_physical_devices("GPU")


def test_periods_of_any_length_follow_each_other(trained: tuple[Surrogate, list[Epoch]]) -> None:
    surrogate, _ = trained
    long, short, longer = (surrogate.predict(*arrays(days)) for days in (60, 30, 90))
    np.testing.assert_allclose(short, long[:, :30], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(longer[:, :60], long, rtol=1e-4, atol=1e-5)


def test_members_differ_and_the_surrogate_is_their_mean(tmp_path: Path) -> None:
    surrogate, _ = tiny_surrogate(tmp_path, members=2, epochs=1, initial_epochs=1)
    members = np.asarray(surrogate.simulate_members(*map(tf.constant, arrays())))
    mean, spread = mean_and_spread(surrogate, *map(tf.constant, arrays()))
    np.testing.assert_allclose(mean, members.mean(axis=0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(spread, np.abs(members[0] - members[1]) / 2, rtol=1e-3, atol=1e-4)
    assert np.abs(members[0] - members[1]).max() > 0
    np.testing.assert_allclose(surrogate.predict(*arrays()), members.mean(axis=0), rtol=1e-4, atol=1e-5)


def test_refining_starts_from_the_weights_it_is_given(trained: tuple[Surrogate, list[Epoch]], tmp_path: Path) -> None:
    settings = replace(TINY, epochs=1, steps=1, initial_epochs=1, initial_steps=1, learning_rate=1e-9,
                       initial_learning_rate=1e-9)  # fmt: skip
    refined = train(recorded_runs(), settings, tmp_path, warm_start=trained[0])
    np.testing.assert_allclose(refined.predict(*arrays()), trained[0].predict(*arrays()), rtol=1e-3, atol=1e-4)


def test_refining_from_another_model_is_refused(trained: tuple[Surrogate, list[Epoch]], tmp_path: Path) -> None:
    runs = recorded_runs()
    with pytest.raises(BundleError, match="version"):
        train(replace(runs, model=replace(runs.model, version="2")), TINY, tmp_path, warm_start=trained[0])


def test_training_stops_when_held_out_runs_do_not_improve(tmp_path: Path) -> None:
    records: list[Epoch] = []
    settings = replace(TINY, epochs=30, steps=1, patience=2, learning_rate=1e-12, initial_epochs=1)
    train(recorded_runs(), settings, tmp_path, on_epoch=records.append)
    assert sum("sequence" in r.network for r in records) < 30


@pytest.mark.parametrize(("name", "value"), [("batch", 0), ("held_out_sites", 1.0), ("members", -1)])
def test_impossible_settings_are_refused_by_name(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=name):
        TrainSettings(**{name: value})
