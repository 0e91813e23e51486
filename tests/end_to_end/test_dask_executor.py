"""A stage of the main job, and all of it, on a Dask cluster asked for in the configuration as a user would."""

import subprocess
import sys

import numpy as np
import pytest
import yaml
from distributed import Client

from legacy_models.store import RunStore
from tests.dask_cluster import cluster

pytestmark = pytest.mark.slow
RESERVOIR = (
    "data.options={basins: 3, legacy_model: linear_reservoir}",
    "legacy_model.options={}",
    "design.runs_per_basin=4",
)


def command(directory, entry, *words):
    code = f"from pipeline.cli import {entry}; {entry}()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *words, "--surrogate", "linear_reservoir", "--out", "run"],
        capture_output=True, text=True, timeout=500, cwd=directory, check=False,
    )  # fmt: skip


def simulate(directory, executor):
    assignments = (*RESERVOIR, f"legacy_model.executor={executor}")
    return command(directory, "main", "simulate", *(word for one in assignments for word in ("--set", one)))


def runs_in(path):
    """{key: outputs} of every good run of a sound store, and how many runs there are by purpose."""
    with RunStore.open(path) as store:
        assert store.verify() == []
        sets = [store.read(held.model.version, held.start, held.end) for held in store.holdings()]
        outputs = {key: values for runs in sets for key, values in zip(runs.keys, runs.outputs, strict=True)}
        return outputs, store.counts_by_purpose()


def batches_done(address):
    """How many batches of runs the workers of the cluster at ``address`` have finished."""
    with Client(address, set_as_default=False) as client:
        return client.run_on_scheduler(lambda dask_scheduler: dask_scheduler.task_prefixes["batch"].state_counts)[
            "memory"
        ]


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


def test_the_whole_job_on_a_cluster_leaves_the_runs_that_threads_leave(tiny_config_file, finished_run, tmp_path):
    config = yaml.safe_load(tiny_config_file.read_text())
    with cluster(tmp_path / "dask") as (settings, _, workers):
        config["legacy_model"]["executor"] = {"name": settings.name, "address": settings.address}
        config["tracking"]["uri"] = f"sqlite:///{tmp_path / 'mlflow.db'}"
        (tmp_path / "dask.yaml").write_text(yaml.safe_dump(config))
        done = command(tmp_path, "train_main", "--config", "dask.yaml")
        assert done.returncode == 0, done.stderr
        assert batches_done(settings.address) >= len(workers)
        assert all(worker.poll() is None for worker in workers)
    (outputs, counts), (expected, counts_of_threads) = (
        runs_in(run / "store") for run in (tmp_path / "run", finished_run)
    )
    assert counts == counts_of_threads
    assert outputs.keys() == expected.keys()
    assert all(np.array_equal(outputs[key], expected[key]) for key in expected)
