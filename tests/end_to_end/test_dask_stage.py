"""A stage of the main job on a Dask cluster, asked for in the configuration as a user would."""

import subprocess
import sys

import pytest

from legacy_models.store import RunStore

pytestmark = pytest.mark.slow
RESERVOIR = (
    "data.options={basins: 3, legacy_model: linear_reservoir}",
    "legacy_model.options={}",
    "design.runs_per_basin=4",
)


def simulate(directory, executor):
    assignments = (*RESERVOIR, f"legacy_model.executor={executor}")
    options = [word for assignment in assignments for word in ("--set", assignment)]
    code = "from pipeline.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, "simulate", "--surrogate", "linear_reservoir", *options, "--out", "run"],
        capture_output=True, text=True, timeout=300, cwd=directory, check=False,
    )  # fmt: skip


def test_a_stage_runs_on_processes_that_it_starts_and_then_has_nothing_left_to_do(tmp_path):
    first = simulate(tmp_path, "{name: dask, workers: 2}")
    assert first.returncode == 0, first.stderr
    assert "12 of 12 committed, 0 failed" in first.stderr
    with RunStore.open(tmp_path / "run" / "store") as store:
        assert (store.counts().committed, store.verify()) == (12, [])
    again = simulate(tmp_path, "{name: threads, workers: 1}")
    assert again.returncode == 0, again.stderr
    assert "committed" not in again.stderr


def test_a_cluster_that_is_not_there_is_one_line_and_another_executor_goes_on(tmp_path):
    refused = simulate(tmp_path, "{name: dask, address: 'tcp://127.0.0.1:9', worker_timeout: 1}")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1].startswith("error: no Dask scheduler answers at tcp://127.0.0.1:9")
    assert "Traceback" not in refused.stderr
    assert "12 of 12 committed, 0 failed" in simulate(tmp_path, "{workers: 1}").stderr
