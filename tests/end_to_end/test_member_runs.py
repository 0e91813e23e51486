"""Learning curves in MLflow: those of several members in runs nested under the training's, each once and whole."""

from collections import Counter
from dataclasses import replace

import pandas as pd
import pytest

from legacy_models.errors import RegistryError
from pipeline.emulation import learning_curves
from pipeline.publishing import log_curves
from pipeline.tracking import Tracker
from surrogates.train import train
from tests.recorded_runs import TINY, recorded_runs

SETTINGS = replace(TINY, members=2, epochs=2, initial_epochs=1)


@pytest.fixture(scope="module")
def curves(tmp_path_factory):
    """The learning curves of two members over a round and its refinement."""
    records = []
    train(recorded_runs(), SETTINGS, tmp_path_factory.mktemp("fit"), on_epoch=records.append)
    return pd.concat([learning_curves(records, number) for number in (0, 1)])


@pytest.fixture
def directory(curves, tmp_path):
    curves.to_csv(tmp_path / "surrogate_history.csv", index=False)
    return tmp_path


@pytest.fixture
def tracker(tmp_path):
    return Tracker(f"sqlite:///{tmp_path / 'mlflow.db'}", "dpl", "run", "a")


def children(tracker):
    """The runs nested under the tracker's, by name; no name is there twice."""
    experiment = tracker.client.get_run(tracker.run_id).info.experiment_id
    runs = [r for r in tracker.client.search_runs([experiment]) if r.info.run_id != tracker.run_id]
    assert {r.data.tags["mlflow.parentRunId"] for r in runs} <= {tracker.run_id}
    assert set(Counter(r.info.run_name for r in runs).values()) <= {1}
    return {r.info.run_name: r for r in runs}


def logged(tracker, run, name):
    return [(point.step, point.value) for point in tracker.client.get_metric_history(run.info.run_id, name)]


def assert_every_member_has_its_curve(tracker, curves):
    found = children(tracker)
    assert set(found) == {"member 0", "member 1"}
    for name, run in found.items():
        rows = curves[curves["network"] == f"{name} sequence"]
        assert logged(tracker, run, "surrogate.sequence.train_loss") == list(enumerate(rows["train_loss"]))
        assert len(logged(tracker, run, "surrogate.initial_state.held_out_loss")) == 2
        assert run.info.status == "FINISHED"
    assert not tracker.client.get_run(tracker.run_id).data.metrics


def test_each_of_several_members_has_a_nested_run_with_its_curve(tracker, directory, curves):
    log_curves(directory, tracker)
    assert_every_member_has_its_curve(tracker, curves)


def test_the_curve_of_a_single_member_is_the_run_s_own(tracker, directory, curves):
    curves[curves["network"].str.startswith("member 0 ")].to_csv(directory / "surrogate_history.csv", index=False)
    log_curves(directory, tracker)
    assert not children(tracker)
    assert len(logged(tracker, tracker.client.get_run(tracker.run_id), "surrogate.sequence.train_loss")) == 4


@pytest.mark.fault(29)
@pytest.mark.parametrize(
    ("step", "call"), [("create_run", 1), ("create_run", 2), ("log_batch", 7), ("set_terminated", 1)]
)
def test_curves_cut_off_by_a_registry_that_went_away_are_whole_after_the_next_try(
    tracker, directory, curves, monkeypatch, step, call
):
    original, calls = getattr(type(tracker.client), step), []

    def away(self, *args, **kwargs):
        calls.append(step)
        if len(calls) == call:
            raise ConnectionError("the server went away")
        return original(self, *args, **kwargs)

    with monkeypatch.context() as patched:
        patched.setattr(type(tracker.client), step, away)
        with pytest.raises((RegistryError, ConnectionError), match="went away"):
            log_curves(directory, tracker)
    log_curves(directory, tracker)
    assert_every_member_has_its_curve(tracker, curves)
