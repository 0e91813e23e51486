"""The LSTM with the head that divides water: an exact balance whatever the weights, for any model that tells units."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

import surrogates
from legacy_models.errors import UsageError
from legacy_models.model import Variable
from legacy_models.run_set import RunSet
from legacy_models.vic.parameters import native
from surrogates import bundle
from surrogates.architectures.conserving_head import DivideWater, running_storage
from surrogates.spec import SurrogateSpec
from surrogates.surrogate import Surrogate, new_member
from surrogates.windows import gather, spec_of
from tests.recorded_runs import recorded_runs, vic_like_runs

RUNS: dict[str, Callable[[], RunSet]] = {"reservoir": recorded_runs, "vic": vic_like_runs}
OPTIONS = {"hidden": 8, "features": 4, "static": 4, "head": "conserving"}
DAYS = 40


@cache
def spec(name: str) -> SurrogateSpec:
    runs = RUNS[name]()
    return spec_of(runs, gather(runs), np.arange(len(runs)))


@cache
def inputs(name: str) -> dict[str, np.ndarray]:
    runs = gather(RUNS[name]())
    return {
        "forcing": runs.forcing[runs.site][:, :DAYS],
        "parameters": runs.parameters,
        "properties": runs.properties,
        "state": runs.outputs[:, 0][:, spec(name).state_indices],
    }


@cache
def network(name: str, size: float = 1.0) -> keras.Model:
    """Untrained weights, and biases drawn anew, all ``size`` times as large."""
    made, rng = new_member(spec(name), "lstm", OPTIONS, seed=0).sequence, np.random.default_rng(0)
    made.set_weights([size * (w if w.ndim > 1 else rng.normal(size=w.shape)) for w in made.get_weights()])
    return made


def depth(name: str) -> np.ndarray:
    """(run, state) mm of water in one unit of each state."""
    if name == "reservoir":
        return np.ones((len(recorded_runs()), 1))
    layers = 1000.0 * native(inputs(name)["parameters"])["depth"]
    return np.concatenate([np.ones((len(layers), 1)), layers], axis=1)


def stores_and_fluxes(name: str, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(run, time) water in all stores [mm], and what leaves [mm/day]."""
    states = list(spec(name).state_indices)
    stored = (outputs[..., states] * depth(name)[:, None]).sum(axis=-1, dtype=np.float64)
    return stored, np.delete(outputs, states, axis=-1).sum(axis=-1, dtype=np.float64)


@pytest.mark.parametrize("size", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("name", RUNS)
def test_what_falls_leaves_or_is_stored_on_every_day_whatever_the_weights_are(name: str, size: float) -> None:
    given = inputs(name)
    outputs = np.asarray(network(name, size)(given))
    stored, left = stores_and_fluxes(name, outputs)
    first = (given["state"] * depth(name)).sum(axis=1, dtype=np.float64)
    change = np.diff(np.concatenate([first[:, None], stored], axis=1), axis=1)
    fallen = given["forcing"][..., spec(name).model.forcing_names.index("prcp")]
    np.testing.assert_allclose(fallen, left + change, atol=2e-6 * (stored.max() + fallen.max()))
    np.testing.assert_allclose(fallen.sum(axis=1), left.sum(axis=1) + stored[:, -1] - first, rtol=1e-5)


@pytest.mark.parametrize("size", [1.0, 30.0])
@pytest.mark.parametrize("name", RUNS)
def test_nothing_is_negative_even_from_a_state_that_is(name: str, size: float) -> None:
    given = {**inputs(name), "state": inputs(name)["state"] - 0.2}
    outputs = np.asarray(network(name, size)(given))
    assert np.isfinite(outputs).all()
    assert (outputs >= 0.0).all()


@pytest.mark.parametrize("name", RUNS)
def test_the_gradient_reaches_every_weight_and_every_input(name: str) -> None:
    made, given = network(name), {key: tf.constant(value) for key, value in inputs(name).items()}
    with tf.GradientTape() as tape:
        tape.watch(given)
        outputs = made(given)
        loss = tf.reduce_mean(tf.square(outputs / tf.constant(spec(name).scaling.output_std)))
    gradients = tape.gradient(loss, [*made.trainable_weights, *given.values()])
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in gradients)


@pytest.mark.parametrize("name", RUNS)
def test_today_does_not_depend_on_tomorrow(name: str) -> None:
    made, given = network(name), inputs(name)
    later = {**given, "forcing": given["forcing"].copy()}
    later["forcing"][:, 20:] += 5.0
    outputs, changed = made(given), made(later)
    np.testing.assert_allclose(outputs[:, :20], changed[:, :20], rtol=1e-5)
    assert np.abs(outputs[:, 20:] - changed[:, 20:]).max() > 0


def test_untrained_it_divides_water_as_the_recorded_means_do() -> None:
    given, means = inputs("reservoir"), np.asarray(spec("reservoir").scaling.output_mean)
    made = new_member(spec("reservoir"), "lstm", OPTIONS, seed=0).sequence
    made.set_weights([0.0 * weight for weight in made.get_weights()])
    outputs = np.asarray(made(given))
    np.testing.assert_allclose(
        outputs / outputs.sum(axis=-1, keepdims=True), means / means.sum() + 0 * outputs, rtol=1e-5
    )


def test_storage_over_all_days_at_once_is_that_of_day_by_day() -> None:
    rng = np.random.default_rng(0)
    kept, entering = (rng.random((3, 100, 1), dtype=np.float32) for _ in range(2))
    first, expected = np.full((3, 1), 50.0, dtype=np.float32), []
    storage = first
    for day in range(100):
        storage = kept[:, day] * (storage + entering[:, day])
        expected.append(storage)
    np.testing.assert_allclose(running_storage(kept, entering, first), np.stack(expected, axis=1), rtol=1e-5)


def test_the_layer_survives_saving() -> None:
    layer = DivideWater([True, False])
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    rng = np.random.default_rng(0)
    values = [rng.random(shape, dtype=np.float32) for shape in ((2, 9, 2), (2, 9, 1), (2, 1))]
    np.testing.assert_array_equal(layer(values), again(values))


def test_a_bundle_gives_the_same_numbers(tmp_path: Path) -> None:
    member = new_member(spec("vic"), "lstm", OPTIONS, seed=3).freeze()
    loaded = surrogates.load(bundle.save(Surrogate(spec("vic"), "lstm", OPTIONS, 0, (member,)), tmp_path / "bundle"))
    np.testing.assert_array_equal(loaded.members[0].sequence(inputs("vic")), member.sequence(inputs("vic")))


def test_balance_is_exact_in_a_network_trained_in_mixed_precision() -> None:
    made, given = new_member(spec("vic"), "lstm", OPTIONS, seed=0, precision="mixed_bfloat16").sequence, inputs("vic")
    stored, left = stores_and_fluxes("vic", np.asarray(made(given)))
    first = (given["state"] * depth("vic")).sum(axis=1)
    fallen = given["forcing"][..., 0].sum(axis=1)
    np.testing.assert_allclose(fallen, left.sum(axis=1) + stored[:, -1] - first, rtol=1e-5)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"outputs": (Variable("runoff", "mm/day"), Variable("storage", "m3/m3"))}, "the state 'storage' in m3/m3"),
        ({"outputs": (Variable("runoff", "m3/s"), Variable("storage", "mm"))}, "the flux 'runoff' in m3/s"),
        ({"states": ()}, "the flux 'storage' in mm;"),
        ({"forcing": tuple(Variable(name, "K") for name in ("prcp", "tmin", "tmax"))}, "no forcing 'prcp' in mm/day"),
    ],
)
def test_a_model_whose_description_does_not_tell_its_water_is_refused(changes: dict[str, object], named: str) -> None:
    known = spec("reservoir")
    with pytest.raises(UsageError, match=named):
        new_member(replace(known, model=replace(known.model, **changes)), "lstm", OPTIONS, seed=0)


def test_another_head_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'conserving', received 'closed'"):
        new_member(spec("reservoir"), "lstm", {"head": "closed"}, seed=0)
