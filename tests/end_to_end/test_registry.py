"""What is registered in MLflow: tags, signature, figures, and models that load and answer as the bundle does."""

import json

import numpy as np
import pytest
import xarray as xr

import surrogates
from legacy_models.errors import RegistryError
from pipeline.registered import surrogate_uri
from pipeline.tracking import fetch

TAGS = {"data_hash", "config_hash", "commit", "model_version", "parameter_bounds", "seeds", "periods"}


@pytest.fixture(scope="module")
def registry(finished_run):
    return json.loads((finished_run / "summary.json").read_text())["registry"]


@pytest.fixture(scope="module")
def client(tiny_config, finished_run):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tiny_config.tracking.uri, registry_uri=tiny_config.tracking.uri)


@pytest.mark.parametrize("kind", ["surrogate", "dpl"])
def test_both_models_are_registered_with_their_lineage(kind, registry, client):
    assert registry[kind] == f"models:/linear_reservoir-{kind}/1"
    version = client.get_model_version(f"linear_reservoir-{kind}", "1")
    assert set(version.tags) >= TAGS


def test_all_figures_are_logged(finished_run, client, registry):
    version = client.get_model_version("linear_reservoir-dpl", "1")
    metrics = client.get_run(version.run_id).data.metrics
    summary = json.loads((finished_run / "summary.json").read_text())
    assert metrics["summary.closed_loop.test.nse_median"] == pytest.approx(summary["closed_loop"]["test"]["nse_median"])
    curves = "surrogate.sequence.train_loss", "surrogate.initial_state.train_loss", "dpl.train_loss"
    assert set(curves) <= set(metrics)


def test_a_single_member_has_no_run_of_its_own(client, registry):
    run = client.get_model_version("linear_reservoir-dpl", "1").run_id
    everything = client.search_runs([client.get_run(run).info.experiment_id])
    assert not [r for r in everything if r.data.tags.get("mlflow.parentRunId") == run]


def test_the_fetched_surrogate_gives_the_same_numbers(finished_run, tiny_config, registry, tmp_path):
    fetched = surrogates.load(fetch(registry["surrogate"], tmp_path, tiny_config.tracking.uri))
    local = surrogates.load(finished_run / "surrogate")
    inputs = _inputs(local)
    assert (fetched.predict(*inputs) == local.predict(*inputs)).all()


def test_the_served_surrogate_enforces_its_signature(tiny_config, registry, finished_run):
    import mlflow

    mlflow.set_tracking_uri(tiny_config.tracking.uri)
    served = mlflow.pyfunc.load_model(registry["surrogate"])
    local = surrogates.load(finished_run / "surrogate")
    inputs = dict(zip(("forcing", "antecedent", "parameters", "properties"), _inputs(local), strict=True))
    assert np.allclose(served.predict(inputs), local.predict(*inputs.values()))
    with pytest.raises(mlflow.exceptions.MlflowException, match="properties"):
        served.predict({name: value for name, value in inputs.items() if name != "properties"})


def test_the_served_network_gives_the_learned_parameters(tiny_config, registry, finished_run):
    import mlflow

    mlflow.set_tracking_uri(tiny_config.tracking.uri)
    served = mlflow.pyfunc.load_model(registry["dpl"])
    with xr.open_dataset(finished_run / "parameters.nc") as parameters:
        table = parameters["attribute_value"].to_pandas()
        expected = parameters["value"].to_pandas()
    answer = served.predict(table)
    assert np.allclose(answer[expected.columns], expected, rtol=1e-6)


def test_a_pinned_name_is_an_address():
    assert surrogate_uri("vic") is None
    assert surrogate_uri("vic@3") == "models:/vic-surrogate/3"
    assert surrogate_uri("vic@champion") == "models:/vic-surrogate@champion"


def test_what_the_registry_does_not_hold_is_one_clear_line(tiny_config, finished_run, tmp_path):
    with pytest.raises(RegistryError, match="models:/nothing/1 cannot be fetched"):
        fetch("models:/nothing/1", tmp_path, tiny_config.tracking.uri)


def _inputs(surrogate):
    model = surrogate.spec.model
    generator = np.random.default_rng(0)
    values = model.parameters.from_unit(generator.random((3, len(model.parameters))))
    return (
        generator.gamma(0.5, 4.0, (3, 200, len(model.forcing))).astype(np.float32),
        np.tile(np.array(surrogate.spec.scaling.antecedent_mean, dtype=np.float32), (3, 1)),
        values.astype(np.float32),
        np.zeros((3, len(model.properties)), dtype=np.float32),
    )
