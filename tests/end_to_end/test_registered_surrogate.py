"""Which surrogate a run uses: its own, one that is pinned, or a registered one that was made for the same request."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from legacy_models.errors import RegistryError, UsageError
from legacy_models.files import sha256_of_file
from pipeline import registered
from pipeline.job import opened
from pipeline.stages import run_until

FIRST = "models:/linear_reservoir-surrogate/1"


def with_tracking(config, **changes):
    return config.model_copy(update={"tracking": config.tracking.model_copy(update=changes)})


@pytest.fixture(scope="module")
def searching(tiny_config):
    """The configuration of the finished run, but that the registry is searched."""
    return with_tracking(tiny_config, search=True)


@pytest.fixture(scope="module")
def second_run(finished_run, searching, tmp_path_factory):
    """Directory of the same run in a new place, with the first one's surrogate in the registry."""
    directory = tmp_path_factory.mktemp("second") / "run"
    run_until("report", searching, directory)
    return directory


def chosen(config, directory, pin=None):
    with opened(config, directory) as job:
        return registered.choose(job, pin)


def summary_of(directory):
    return json.loads((directory / "summary.json").read_text())


def test_a_surrogate_made_for_the_same_request_is_used_and_named(finished_run, second_run):
    card = "surrogate/card.json"
    assert sha256_of_file(second_run / card) == sha256_of_file(finished_run / card)
    assert summary_of(second_run)["registry"]["surrogate"] == FIRST
    stages = json.loads((second_run / "stages.json").read_text())
    assert {"simulate-0", "emulate-0", "check-1"}.isdisjoint(stages)
    (line,) = [text for text in (second_run / "run.log").read_text().splitlines() if FIRST in text]
    assert "UTC" in line
    assert "--set tracking.search=false" in line


def test_its_result_is_the_legacy_models_own_as_in_any_run(finished_run, second_run):
    one, two = summary_of(finished_run), summary_of(second_run)
    assert two["legacy_runs"]["by_purpose"]["verify"] > 0
    assert set(two["surrogate"]["at_learned"]) == set(one["surrogate"]["at_learned"])
    assert two["surrogate"]["held_out"] == one["surrogate"]["held_out"]
    assert two["default_parameters"] == one["default_parameters"]
    for split in ("fit", "validation", "test", "ungauged"):
        assert two["closed_loop"][split]["nse_median"] is not None
    table = pd.read_csv(second_run / "scores.csv")
    assert set(table["source"]) == set(pd.read_csv(finished_run / "scores.csv")["source"])


def test_it_is_not_registered_a_second_time(second_run, searching):
    from mlflow import MlflowClient

    client = MlflowClient(searching.tracking.uri, searching.tracking.uri)
    versions = client.search_model_versions("name = 'linear_reservoir-surrogate'")
    assert [version.version for version in versions] == [1]
    network = client.get_model_version("linear_reservoir-dpl", summary_of(second_run)["registry"]["dpl"][-1])
    assert network.tags["surrogate"] == FIRST


def test_the_same_command_again_keeps_the_choice_without_asking_the_registry(second_run, searching, monkeypatch):
    monkeypatch.setattr(registered, "made_for", None)
    before = (second_run / "stages.json").read_text()
    run_until("report", searching, second_run)
    assert (second_run / "stages.json").read_text() == before


def test_a_directory_with_rounds_of_its_own_goes_on_with_them(finished_run, searching):
    assert chosen(searching, finished_run) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda c: {"seed": 1},
        lambda c: {"design": replace(c.design, runs_per_basin=7)},
        lambda c: {"surrogate": replace(c.surrogate, epochs=3)},
        lambda c: {"splits": c.splits.model_copy(update={"salt": "other"})},
        lambda c: {"refine": c.refine.model_copy(update={"rounds": 2})},
        lambda c: {"legacy_model": c.legacy_model.model_copy(update={"spinup_years": 3})},
        lambda c: {"data": c.data.model_copy(update={"options": {**c.data.options, "seed": 5}})},
        lambda c: {"network": c.network.model_copy(update={"attributes": c.network.attributes[:5]})},
    ],
    ids=["seed", "design", "surrogate", "splits", "refine", "spin-up", "data", "attributes"],
)
def test_another_request_gets_a_surrogate_of_its_own(finished_run, searching, tmp_path, change):
    assert chosen(searching.model_copy(update=change(searching)), tmp_path / "run") is None


def test_parameters_may_be_learned_otherwise_through_the_same_surrogate(finished_run, searching, tmp_path):
    found = chosen(searching.model_copy(update={"dpl": replace(searching.dpl, epochs=5)}), tmp_path / "run")
    assert found
    assert found.address == FIRST


def test_a_directory_may_be_named_relative_to_the_working_one(finished_run, searching, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = chosen(searching, Path("run"))
    assert found == chosen(searching, Path("run"))
    assert found.path.is_relative_to("run")


def test_a_surrogate_trained_by_other_code_does_not_fit(finished_run, searching, tmp_path, monkeypatch):
    package = tmp_path / "surrogates"
    shutil.copytree(registered.Path(registered.surrogates.__file__).parent, package)
    (package / "train.py").write_text((package / "train.py").read_text() + "\n")
    monkeypatch.setattr(registered.surrogates, "__file__", str(package / "__init__.py"))
    assert chosen(searching, tmp_path / "run") is None


def test_the_search_can_be_forbidden(finished_run, tiny_config, tmp_path, monkeypatch):
    monkeypatch.setattr(registered, "made_for", None)
    assert chosen(tiny_config, tmp_path / "run") is None


def test_a_registry_that_does_not_answer_is_one_line_and_the_run_builds_its_own(searching, tmp_path):
    broken = tmp_path / "mlflow.db"
    broken.write_text("no database")
    assert chosen(with_tracking(searching, uri=f"sqlite:///{broken}"), tmp_path / "run") is None
    (line,) = [x for x in (tmp_path / "run" / "run.log").read_text().splitlines() if "does not answer" in x]
    assert "builds its own" in line


def test_a_version_that_fails_the_checks_is_passed_over(finished_run, searching, tmp_path, monkeypatch):
    def damaged(address, into, uri):
        shutil.copytree(finished_run / "surrogate", into)
        (into / "weights.npz").write_bytes(b"")
        return into

    monkeypatch.setattr(registered, "fetch", damaged)
    assert chosen(searching, tmp_path / "run") is None
    assert "cannot be used" in (tmp_path / "run" / "run.log").read_text()


def test_looking_into_no_registry_neither_makes_one_nor_imports_mlflow(searching, tmp_path):
    database = tmp_path / "none" / "mlflow.db"
    (tmp_path / "given.yaml").write_text(with_tracking(searching, uri=f"sqlite:///{database}").to_yaml())
    code = f"""
import sys
from pathlib import Path
from pipeline import registered
from pipeline.config import load_config
from pipeline.job import opened
with opened(load_config({str(tmp_path / "given.yaml")!r}), Path({str(tmp_path / "run")!r})) as job:
    assert registered.choose(job, None) is None
assert "mlflow" not in sys.modules
"""
    subprocess.run([sys.executable, "-P", "-c", code], check=True, timeout=300, capture_output=True)
    assert not database.parent.exists()


def test_a_pinned_surrogate_goes_through_the_whole_job(finished_run, tiny_config, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(tiny_config.tracking.uri, tiny_config.tracking.uri)
    client.set_registered_model_alias("linear_reservoir-surrogate", "champion", "1")
    other = tiny_config.model_copy(update={"seed": 3})
    run_until("report", other, tmp_path / "run", "linear_reservoir@champion")
    assert summary_of(tmp_path / "run")["registry"]["surrogate"] == FIRST


def test_a_pin_that_cannot_be_fetched_is_an_error(finished_run, tiny_config, tmp_path):
    with pytest.raises(RegistryError, match="linear_reservoir-surrogate/99 cannot be fetched"):
        run_until("learn", tiny_config, tmp_path / "run", "linear_reservoir@99")
    with pytest.raises(RegistryError, match="linear_reservoir-surrogate@nobody cannot be fetched"):
        run_until("learn", tiny_config, tmp_path / "run", "linear_reservoir@nobody")


def test_a_pin_that_is_no_name_leaves_nothing_behind(tiny_config, tmp_path):
    with pytest.raises(UsageError, match="expected a version or an alias"):
        run_until("learn", tiny_config, tmp_path / "run", "linear_reservoir@?")
    assert not (tmp_path / "run").exists()
