"""A publish that was interrupted, wherever it was, ends with one MLflow run and one version of each model."""

import json
import shutil
import subprocess
import sys
from contextlib import suppress

import pytest

from legacy_models.errors import RegistryError
from pipeline import publishing
from pipeline.job import opened
from pipeline.tracking import Tracker

pytestmark = pytest.mark.fault(29)

STEPS = ("create_run", "set_tag", "log_batch", "log_artifact", "create_registered_model", "create_model_version",
         "log_dict", "set_terminated")  # fmt: skip


class InterruptedPublishError(Exception):
    """Stands for whatever ends a process between two steps."""


@pytest.fixture(scope="module")
def empty_registry(tmp_path_factory):
    """A database that holds nothing yet; making one takes seconds."""
    from mlflow import MlflowClient

    database = tmp_path_factory.mktemp("empty") / "mlflow.db"
    MlflowClient(f"sqlite:///{database}").search_experiments()
    return database


@pytest.fixture
def unpublished(finished_run, tiny_config, empty_registry, tmp_path):
    """A verified run that was not published, and its configuration with an empty registry."""
    directory = tmp_path / "run"
    shutil.copytree(finished_run, directory)
    shutil.copy(empty_registry, tmp_path / "mlflow.db")
    stages, summary = (json.loads((directory / name).read_text()) for name in ("stages.json", "summary.json"))
    del stages["publish"]
    (directory / "stages.json").write_text(json.dumps(stages))
    (directory / "summary.json").write_text(json.dumps(summary | {"registry": {"surrogate": None, "dpl": None}}))
    tracking = tiny_config.tracking.model_copy(update={"uri": f"sqlite:///{tmp_path / 'mlflow.db'}"})
    return directory, tiny_config.model_copy(update={"tracking": tracking})


def publish(directory, config):
    with opened(config, directory) as job:
        publishing.publish(job)


def runs_and_versions(config):
    from mlflow import MlflowClient

    client = MlflowClient(config.tracking.uri, config.tracking.uri)
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    finished = [run for run in runs if run.info.status == "FINISHED"]
    versions = sorted(f"models:/{v.name}/{v.version}" for v in client.search_model_versions())
    return len(runs), len(finished), versions


def assert_published_once(directory, config):
    expected = ["models:/linear_reservoir-dpl/1", "models:/linear_reservoir-surrogate/1"]
    assert runs_and_versions(config) == (1, 1, expected)
    assert sorted(json.loads((directory / "summary.json").read_text())["registry"].values()) == expected


def interrupt(monkeypatch, step, call):
    """Let the ``call``-th ``step`` of MLflow's client raise after it took effect."""
    from mlflow import MlflowClient

    original, calls = getattr(MlflowClient, step), []

    def interrupted(self, *args, **kwargs):
        calls.append(step)
        result = original(self, *args, **kwargs)
        if len(calls) == call:
            raise InterruptedPublishError
        return result

    monkeypatch.setattr(MlflowClient, step, interrupted)


@pytest.mark.parametrize("step", STEPS)
def test_a_publish_that_broke_at_any_step_is_finished_by_the_next(unpublished, monkeypatch, step):
    directory, config = unpublished
    broken = InterruptedPublishError, RegistryError
    for call, expected in ((1, pytest.raises(broken)), (2, suppress(*broken))):  # some steps are taken only once
        with monkeypatch.context() as patched:
            interrupt(patched, step, call)
            with expected:
                publish(directory, config)
    publish(directory, config)
    assert_published_once(directory, config)


def test_an_interrupted_publish_logs_no_figure_twice(unpublished, monkeypatch):
    from mlflow import MlflowClient

    directory, config = unpublished
    with monkeypatch.context() as patched:
        interrupt(patched, "log_dict", call=1)
        with pytest.raises(InterruptedPublishError):
            publish(directory, config)
    publish(directory, config)
    client = MlflowClient(config.tracking.uri)
    run_id = json.loads((directory / "stages.json").read_text())["publish"]["note"]["run_id"]
    steps = [point.step for point in client.get_metric_history(run_id, "dpl.train_loss")]
    assert len(steps) > 1
    assert len(steps) == len(set(steps))
    assert len(client.get_metric_history(run_id, "summary.closed_loop.test.nse_median")) == 1


def test_the_summary_says_where_even_if_it_was_cut_off_after_the_last_step(unpublished, monkeypatch):
    directory, config = unpublished
    with monkeypatch.context() as patched:
        patched.setattr(publishing, "write_json", lambda path, value: (_ for _ in ()).throw(InterruptedPublishError))
        with pytest.raises(InterruptedPublishError):
            publish(directory, config)
    publish(directory, config)
    assert_published_once(directory, config)


@pytest.mark.parametrize("step", ["create_run", "create_model_version"])
def test_a_publish_killed_between_two_steps_is_finished_by_the_next(unpublished, step):
    directory, config = unpublished
    killed = f"""
import os, signal
from mlflow import MlflowClient
original = MlflowClient.{step}
def die(self, *args, **kwargs):
    original(self, *args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)
MlflowClient.{step} = die
from pathlib import Path
from pipeline import publishing
from pipeline.config import load_config
from pipeline.job import opened
with opened(load_config({str(directory / "given.yaml")!r}), Path({str(directory)!r})) as job:
    publishing.publish(job)
"""
    (directory / "given.yaml").write_text(config.to_yaml())
    ended = subprocess.run([sys.executable, "-P", "-c", killed], capture_output=True, timeout=300, check=False)
    assert ended.returncode == -9, ended.stderr.decode()
    assert runs_and_versions(config)[0] == 1
    publish(directory, config)
    assert_published_once(directory, config)


def test_another_publication_is_another_run(tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    first, again, other = (Tracker(uri, "dpl", "run", publication) for publication in ("a", "a", "b"))
    assert first.run_id == again.run_id
    assert first.run_id != other.run_id
