"""The whole job: what it leaves behind, that it repeats nothing, and that the same seed gives the same result."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models.errors import StoreError, UsageError
from legacy_models.store import RunStore
from pipeline import emulation
from pipeline.config import load_config
from pipeline.job import opened
from pipeline.stages import STAGES, run_until

SCORES = {"basins", "nse_median", "kge_median", "nse_p05", "pbias_median"}


@pytest.fixture(scope="module")
def summary(finished_run):
    return json.loads((finished_run / "summary.json").read_text())


def test_the_run_directory_holds_what_users_look_for(finished_run):
    names = {path.name for path in finished_run.iterdir()}
    assert {
        "config.yaml", "store", "surrogate", "dpl", "parameters.nc", "simulations.nc", "scores.csv", "summary.json",
        "report.html", "run.log", "identifiability.json",
    } <= names  # fmt: skip


def test_the_summary_holds_scores_for_every_split_and_source(summary):
    assert summary["schema_version"] == 1
    assert summary["synthetic"] is True
    assert summary["basins"]["skipped"] == []
    assert [note.partition(".")[0] for note in summary["notes"]] == ["Synthetic"]
    for source in ("through_surrogate", "closed_loop", "default_parameters", "hidden_parameters"):
        for split in ("fit", "validation", "test", "ungauged"):
            assert set(summary[source][split]) == SCORES
            assert summary[source][split]["basins"] > 0
    for split in ("test", "ungauged"):
        assert set(summary["closed_loop"]["gap"][split]) == {"signed_median", "abs_median", "share_over_0.1"}


def test_every_planned_legacy_run_is_accounted_for(summary):
    runs = summary["legacy_runs"]
    assert runs["planned"] == runs["committed"] + runs["failed"] + runs["pending"]
    assert runs["pending"] == 0
    assert runs["planned"] == sum(runs["by_purpose"].values())
    assert runs["by_purpose"]["design"] == 60


def test_the_gap_is_the_surrogates_score_minus_the_closed_loops(finished_run, summary):
    table = pd.read_csv(finished_run / "scores.csv", dtype={"basin": str})
    test = table[(table["period"] == "test") & (table["split"] == "fit")].pivot(
        index="basin", columns="source", values="nse"
    )
    gap = test["surrogate"] - test["closed_loop"]
    assert summary["closed_loop"]["gap"]["test"]["signed_median"] == pytest.approx(gap.median())


def test_hidden_parameters_score_what_the_observation_error_leaves(summary):
    assert summary["hidden_parameters"]["test"]["nse_median"] > 0.9


def test_learned_parameters_lie_within_their_bounds(finished_run):
    with xr.open_dataset(finished_run / "parameters.nc") as parameters:
        assert (parameters["value"] >= parameters["lower"]).all()
        assert (parameters["value"] <= parameters["upper"]).all()


def test_simulations_hold_model_and_surrogate_beside_the_observations(finished_run):
    with xr.open_dataset(finished_run / "simulations.nc") as simulations:
        assert {"observed", "closed_loop", "surrogate", "default_parameters"} <= set(simulations)
        scored = simulations["period"].to_numpy() != "none"
        assert np.isfinite(simulations["closed_loop"].to_numpy()[:, scored]).all()


def test_the_same_command_again_repeats_no_stage(finished_run, tiny_config):
    before = json.loads((finished_run / "stages.json").read_text())
    run_until("report", tiny_config, finished_run)
    assert json.loads((finished_run / "stages.json").read_text()) == before


def test_a_changed_learning_rate_repeats_learning_but_no_legacy_run_of_the_design(finished_run, tiny_config, tmp_path):
    directory = tmp_path / "changed"
    shutil.copytree(finished_run, directory)
    before = json.loads((directory / "stages.json").read_text())
    changed = tiny_config.model_copy(update={"dpl": replace(tiny_config.dpl, learning_rate=0.02)})
    run_until("learn", changed, directory)
    after = json.loads((directory / "stages.json").read_text())
    assert after["emulate-0"] == before["emulate-0"]
    assert after["learn-0"]["fingerprint"] != before["learn-0"]["fingerprint"]
    with RunStore.open(finished_run / "store") as one, RunStore.open(directory / "store") as two:
        assert one.counts_by_purpose()["design"] == two.counts_by_purpose()["design"]


def test_a_surrogate_whose_equations_were_other_ones_is_not_gone_on_with(
    finished_run, tiny_config, tmp_path, monkeypatch
):
    package = tmp_path / "architectures"
    shutil.copytree(Path(emulation.architectures.__file__).parent, package)
    (package / "lstm.py").write_text((package / "lstm.py").read_text() + "\n")
    with opened(tiny_config, finished_run) as job:
        assert job.record.finished("emulate-0", emulation.emulate_fingerprint(job, 0))
        monkeypatch.setattr(emulation.architectures, "__file__", str(package / "__init__.py"))
        assert not job.record.finished("emulate-0", emulation.emulate_fingerprint(job, 0))


def test_the_same_seed_gives_the_same_parameters(finished_run, tiny_config, tmp_path):
    run_until("learn", tiny_config, tmp_path / "again")
    names = ("surrogate", "network")
    for name in names:
        with (
            np.load(finished_run / "rounds" / "0" / name / "weights.npz") as one,
            np.load(tmp_path / "again" / "rounds" / "0" / name / "weights.npz") as two,
        ):
            assert all((one[key] == two[key]).all() for key in one.files)


def test_a_second_process_is_refused_at_once(finished_run, tiny_config):
    with opened(tiny_config, finished_run), pytest.raises(StoreError, match="another process"):
        run_until("report", tiny_config, finished_run)


def test_a_run_that_is_refused_leaves_nothing_behind(tiny_config, tmp_path):
    wrong = tiny_config.model_copy(update={"periods": load_config("camels").periods})
    with pytest.raises(UsageError, match=r"periods\.(test|fit)"):
        run_until("report", wrong, tmp_path / "refused")
    assert not (tmp_path / "refused").exists() or {p.name for p in (tmp_path / "refused").iterdir()} <= {
        "data",
        "run.log",
        ".lock",
    }


def test_stages_stand_in_the_order_of_the_story():
    assert list(STAGES) == ["design", "simulate", "emulate", "learn", "refine", "verify", "publish", "report"]
