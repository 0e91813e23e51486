"""What a run says of its surrogate, and the gate that keeps a poor one from being used."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest

from legacy_models.errors import GateError, UsageError
from legacy_models.metrics import nse
from legacy_models.store import RunStore
from pipeline import fidelity, gradient_trials, held_out
from pipeline.config import FidelityConfig, load_config
from pipeline.job import opened
from pipeline.stages import run_until
from surrogates.acceptance import Acceptance


@pytest.fixture(scope="module")
def figures(finished_run):
    return json.loads((finished_run / "fidelity.json").read_text())


@pytest.fixture(scope="module")
def trials(finished_run, tiny_config, tmp_path_factory):
    """Four pairs on a copy of the finished run, whose store is written to."""
    directory = tmp_path_factory.mktemp("trials") / "run"
    shutil.copytree(finished_run, directory)
    with opened(tiny_config, directory) as job:
        surrogate, period = fidelity.load_surrogate(job, 0), job.experiment.splits.periods.validation
        yield gradient_trials.draw(job.experiment, surrogate, job.experiment.sites[:3], 4, period, seed=5)


def test_the_summary_holds_the_share_of_steps_that_improve_the_model(finished_run):
    surrogate = json.loads((finished_run / "summary.json").read_text())["surrogate"]
    assert surrogate["gradient_pairs"] == 4
    assert surrogate["gradient_agreement"] in (0.0, 0.25, 0.5, 0.75, 1.0)
    with RunStore.open(finished_run / "store") as store:
        assert store.counts_by_purpose()["fidelity"].committed == 12  # target, start and end of each step


def test_held_out_runs_are_scored_by_strata(figures):
    assert set(figures["strata"]) >= {"kind", "regime", "season"}
    assert set(figures["strata"]["regime"]) == {"low", "middle", "top"}
    assert set(figures["strata"]["season"]) == {"DJF", "MAM", "JJA", "SON"}
    assert set(figures["scores"]) == {"flow", "storage", "runoff_total"}


def test_every_variable_is_kept_on_some_days_of_all_held_out_runs(figures):
    assert [one["name"] for one in figures["parity"]] == list(figures["scores"])
    assert {len(one[key]) for one in figures["parity"] for key in ("recorded", "simulated")} == {held_out.POINTS}


def test_errors_stand_beside_the_distance_from_the_training_runs(figures):
    assert len(figures["distance"]["distance"]) == len(figures["distance"]["error"]) == figures["runs"]


def test_a_pairs_target_is_the_model_at_another_set_of_the_same_site(trials):
    assert trials.target.shape[0] == 4
    assert trials.sites[3] is trials.sites[0]
    own = trials.legacy_nse(trials.start)
    assert (own < 1.0).all()
    rng = np.random.default_rng([5, gradient_trials.SETS])
    other = rng.uniform(gradient_trials.COARSE, 1 - gradient_trials.COARSE, (4, 2, 1))[:, 1]
    assert trials.legacy_nse(other) == pytest.approx(1.0)


def test_the_objective_simulates_the_same_days_as_the_model(trials):
    pairs, surrogate = trials.objective.pairs, trials.objective.surrogate
    values = surrogate.spec.parameters.from_unit(trials.start)
    flow = surrogate.predict(pairs.forcing, pairs.antecedent, values, pairs.properties)[..., 0]
    assert trials.objective.value(trials.start) == pytest.approx(
        nse(trials.target, flow, least_deviation=0.2), rel=1e-3, abs=1e-3
    )


def test_gradients_and_steps_near_optima_are_shares(trials):
    found = gradient_trials.differences(trials)
    assert found["by_parameter"]["residence_time"]["pairs"] <= 4
    assert 0.0 <= found["own_improvement"] <= 1.0
    near, tops = gradient_trials.near_optima(trials)
    assert tops.shape == trials.start.shape
    assert 0.0 <= near["sign"] <= 1.0


def test_a_surrogate_below_the_gate_ends_the_run_before_test_observations_are_read(finished_run, tiny_config, tmp_path):
    directory = tmp_path / "gated"
    shutil.copytree(finished_run, directory)
    (directory / "summary.json").unlink()
    section = FidelityConfig(gradient_pairs=4, accept=Acceptance(nse_median=0.9999))
    with pytest.raises(GateError, match=r"median NSE of held-out streamflow is .* fidelity\.accept\.nse_median"):
        run_until("report", tiny_config.model_copy(update={"fidelity": section}), directory)
    assert not (directory / "summary.json").exists()


def test_the_gate_has_an_exit_status_of_its_own(finished_run, tiny_config_file, tiny_config, tmp_path):
    directory = tmp_path / "gated"
    shutil.copytree(finished_run, directory)
    command = "from pipeline.cli import train_main; train_main()"
    finished = subprocess.run(
        [
            sys.executable, "-P", "-c", command, "--config", str(tiny_config_file), "--out", str(directory),
            "--surrogate", "linear_reservoir", "--set", f"tracking.uri={tiny_config.tracking.uri}",
            "--set", "fidelity.accept.nse_p05=0.9999",
        ],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert finished.returncode == 4, finished.stderr
    assert finished.stderr.splitlines()[-1].startswith("error: the surrogate of round")


def test_a_gate_on_the_gradient_needs_pairs():
    with pytest.raises(UsageError, match=r"fidelity: accept.gradient_agreement needs gradient_pairs"):
        load_config("synthetic", assignments=["fidelity.accept.gradient_agreement=0.9", "fidelity.gradient_pairs=0"])
