"""A loaded surrogate as a layer of a user's own Keras model: frozen, differentiable, and saved with that model."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest

import surrogates
from legacy_models.errors import BundleError
from surrogates import bundle
from surrogates.architectures import ARCHITECTURES
from surrogates.layer import SurrogateLayer
from surrogates.surrogate import Surrogate, new_member
from surrogates.windows import gather, spec_of
from tests.recorded_runs import vic_like_runs

ROOT = Path(__file__).parents[2]
BASINS, DAYS = 4, 60

USER = """
import sys
from pathlib import Path

import keras
import numpy as np

import surrogates
from surrogates.layer import SurrogateLayer
from surrogates.scaling import FromUnit

bundle, data, saved, results = map(Path, sys.argv[1:])
data = dict(np.load(data))
observed = data.pop("observed")

surrogate = surrogates.load(bundle)
inputs = {name: keras.Input(values.shape[1:], name=name) for name, values in data.items()}
unit = keras.layers.Dense(len(surrogate.spec.parameters), "sigmoid")(inputs["attributes"])
parameters = FromUnit.of(surrogate.spec.parameters)(unit)
outputs = SurrogateLayer(surrogate)(inputs["forcing"], inputs["antecedent"], parameters, inputs["properties"])
model = keras.Model(inputs, outputs[..., 0])
model.compile(keras.optimizers.Adam(0.05), "mse")

def weights():
    return [[w.numpy() for w in kind] for kind in (model.trainable_weights, model.non_trainable_weights)]

before = weights()
losses = model.fit(data, observed, epochs=5, batch_size=2, verbose=0).history["loss"]
own, frozen = ([bool((a != b).any()) for a, b in zip(*kinds)] for kinds in zip(before, weights()))
model.save(saved)
np.savez(results, losses=losses, own=own, frozen=frozen, simulated=model.predict(data, verbose=0))
"""


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def surrogate(request):
    """Two untrained members: all that being a layer needs."""
    runs = vic_like_runs(sites=BASINS, sets=1, days=DAYS)
    spec = spec_of(runs, gather(runs), np.arange(BASINS))
    members = tuple(new_member(spec, request.param, {}, seed).freeze() for seed in (0, 1))
    return Surrogate(spec, request.param, {}, piece=40, members=members)


@pytest.fixture(scope="module")
def data(surrogate):
    runs, rng = gather(vic_like_runs(sites=BASINS, sets=1, days=DAYS)), np.random.default_rng(0)
    return {
        "attributes": rng.normal(size=(BASINS, 3)).astype(np.float32),
        "forcing": runs.forcing[:, -DAYS:],
        "antecedent": runs.antecedent[:, 0],
        "properties": runs.properties,
    }


@pytest.fixture(scope="module")
def fitted(surrogate, data, tmp_path_factory):
    """What a user's program left: its saved model, and what it saw."""
    directory = tmp_path_factory.mktemp("user")
    bundle.save(surrogate, directory / "bundle")
    np.savez(directory / "data.npz", observed=np.ones((BASINS, DAYS), dtype=np.float32), **data)
    files = [directory / name for name in ("bundle", "data.npz", "model.keras", "results.npz")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", USER, *map(str, files)], check=True, cwd=directory, env=environment)
    return files[2], dict(np.load(files[3]))


def test_a_user_s_model_learns_through_a_loaded_bundle_of_which_no_weight_moves(surrogate, fitted):
    results = fitted[1]
    assert results["losses"][-1] < results["losses"][0]
    assert len(results["own"]) == 2
    assert results["own"].all()
    assert len(results["frozen"]) == sum(len(n.weights) for member in surrogate.members for n in member.networks)
    assert not results["frozen"].any()


def test_the_saved_model_gives_the_same_numbers_in_another_process(surrogate, data, fitted):
    path, results = fitted
    model = keras.saving.load_model(path)
    np.testing.assert_array_equal(model.predict(data, verbose=0), results["simulated"])
    (layer,) = [layer for layer in model.layers if isinstance(layer, SurrogateLayer)]
    assert layer.surrogate.spec == surrogate.spec


def test_the_layer_gives_what_the_surrogate_gives(surrogate, data):
    given = [data["forcing"], data["antecedent"], np.tile(surrogate.spec.parameters.defaults, (BASINS, 1))]
    given = [np.asarray(values, dtype=np.float32) for values in (*given, data["properties"])]
    np.testing.assert_allclose(SurrogateLayer(surrogate)(*given), surrogate.predict(*given), rtol=1e-5, atol=1e-6)


def test_it_stays_frozen_whatever_the_model_around_it_is_told(surrogate):
    model = keras.Sequential([SurrogateLayer(surrogate)])
    model.trainable = True
    assert model.layers[0].weights
    assert not model.trainable_weights
    assert not any(network.trainable_weights for member in surrogate.members for network in member.networks)


def test_a_surrogate_that_can_still_learn_is_refused(surrogate):
    thawed = replace(surrogate, members=(new_member(surrogate.spec, surrogate.architecture, {}, seed=2),))
    with pytest.raises(BundleError, match="must be frozen"):
        SurrogateLayer(thawed)


def test_loading_leaves_the_seeds_of_the_user_s_process_alone(surrogate, tmp_path):
    path = bundle.save(surrogate, tmp_path / "bundle")
    generator = np.random.RandomState(7)
    np.random.seed(7)  # noqa: NPY002 - what a user's program may have done
    surrogates.load(path)
    assert np.random.random() == generator.random_sample()  # noqa: NPY002
