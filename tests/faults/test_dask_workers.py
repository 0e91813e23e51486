"""Faults 12, 17 and 18 on a real Dask cluster, scheduler and workers each a process: whoever dies, nothing is lost."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from misbehaving import DAYS, Misbehaving, numbered
from test_killed_orchestrator import RUNS, everything_is_there, nobody, orchestrate

from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.errors import LegacyModelError, UsageError
from legacy_models.executors import ExecutorSettings, open_executor
from legacy_models.store import RunStore

FOLDER = Path(__file__).parent
MODEL = Misbehaving()
OWN = ExecutorSettings("dask", workers=2)


@pytest.fixture(autouse=True)
def importable(monkeypatch):
    """Workers find the misbehaving model."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(FOLDER.parents[1]), str(FOLDER))))


@contextmanager
def cluster(folder, workers=2, wrapped=()):
    """Yield address, scheduler and workers of a cluster that somebody else has started; its workers stay dead."""
    with ExitStack() as stack:

        def start(*words, before=()):
            options = ["--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(folder / "scheduler.json")]
            command = [*before, sys.executable, "-m", *words, *options]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        folder.mkdir(exist_ok=True)
        scheduler = start("distributed.cli.dask_scheduler", "--port", "0")
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
        started = [start("distributed.cli.dask_worker", *options, before=wrapped) for _ in range(workers)]
        yield ExecutorSettings("dask", address=_address(folder), worker_timeout=60.0), scheduler, started


def _address(folder):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return json.loads((folder / "scheduler.json").read_text())["address"]
        except (OSError, ValueError):
            time.sleep(0.05)
    raise TimeoutError("the scheduler did not start")


def ensemble(path, runs, executor, on_batch=None, **settings):
    """Return the counts, and {number: record} of what is in the store, after an ensemble."""
    with RunStore.open(path, write=True) as store:
        counts = simulate(MODEL, runs, store, executor, EnsembleSettings(**settings), on_batch)
        assert store.verify() == []
        return counts, {int(run.parameters[0]): store.record(MODEL.key(run)) for run in runs}


def committed_in(path):
    """Return the numbers of the runs that are committed."""
    with RunStore.open(path) as store:
        return {n for n in range(RUNS) if store.results([MODEL.key(numbered(n)[0])]).popitem()[1] == "ok"}


def outputs_are_right(path, count):
    with RunStore.open(path) as store:
        good = store.read("1", np.datetime64("2001-01-01"), np.datetime64("2001-01-20"))
    assert len(good) == count
    assert np.allclose(good.outputs[:, :, 0], good.parameters + np.arange(DAYS))


@pytest.mark.fault(17)
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
def test_when_a_worker_dies_only_what_was_uncommitted_runs_again(
    tmp_path, misbehave, executions, alive, survivors, seed
):
    misbehave("*:slow")
    rng = np.random.default_rng(seed)
    path, committed = tmp_path / "store", set()
    point = int(rng.integers(1, RUNS - 4))

    with cluster(tmp_path / "dask") as (settings, _, workers), open_executor(settings) as executor:

        def kill(progress):
            if progress.committed >= point and not committed:
                committed.update(committed_in(path))
                time.sleep(rng.uniform(0, 0.1))
                workers[int(rng.integers(2))].kill()

        counts, records = ensemble(path, numbered(*range(RUNS)), executor, kill, batch_runs=2)
        assert sorted(worker.poll() is None for worker in workers) == [False, True]
    assert (counts.committed, counts.failed, counts.pending) == (RUNS, 0, 0)
    assert {record.status for record in records.values()} == {"ok"}
    everything_is_there(path)
    begun = executions()
    again = {number for number, times in begun.items() if times > 1}
    assert set(begun) == set(range(RUNS))
    assert again.isdisjoint(committed)
    assert len(again) <= 4  # the batch that it ran, and one that waited for it
    assert alive() == []
    survivors(survived=RUNS)


@pytest.mark.slow
@pytest.mark.fault(17)
def test_a_worker_of_our_own_that_dies_is_replaced_and_every_run_survives(tmp_path, misbehave, alive, survivors):
    misbehave("*:slow")
    with open_executor(OWN) as executor:
        doomed = executor.submit(os.getpid).result(30)
        threading.Timer(0.5, os.kill, (doomed, signal.SIGKILL)).start()
        counts, _ = ensemble(tmp_path / "store", numbered(*range(RUNS)), executor, batch_runs=2)
        assert counts.committed == RUNS
    everything_is_there(tmp_path / "store")
    assert nobody(alive)
    survivors(survived=RUNS)


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("batch_runs", "retries", "deaths"),
    [
        (2, 0, 4),  # as one of two runs, again, once more when nothing else is under way, and as the only run
        pytest.param(8, 2, 3 + 3 + 2, marks=pytest.mark.slow),
    ],
)
def test_a_run_that_always_kills_its_worker_is_given_up_and_no_other_is_lost(
    tmp_path, misbehave, executions, alive, survivors, batch_runs, retries, deaths
):
    misbehave("13:killworker")
    started = time.monotonic()
    with open_executor(OWN) as executor:
        counts, records = ensemble(
            tmp_path / "store", numbered(*range(RUNS)), executor, batch_runs=batch_runs, retries=retries
        )
    assert time.monotonic() - started < 90
    assert (counts.committed, counts.failed, counts.pending) == (RUNS - 1, 1, 0)
    assert [n for n, record in records.items() if record.status != "ok"] == [13]
    assert "killed its worker" in records[13].reason
    assert executions()[13] == deaths
    outputs_are_right(tmp_path / "store", RUNS - 1)
    assert nobody(alive)
    assert list((tmp_path / "store" / "scratch").glob("run-*")) == []
    survivors(deaths, survived=RUNS - 1, lost=1)


@pytest.mark.slow
@pytest.mark.fault(18)
def test_if_it_has_killed_all_workers_there_are_the_ensemble_ends_with_that_reason_and_can_go_on(
    tmp_path, misbehave, alive, survivors
):
    misbehave("13:killworker")
    with (
        cluster(tmp_path / "dask") as (settings, _, workers),
        open_executor(replace(settings, worker_timeout=4.0)) as executor,
    ):
        started = time.monotonic()
        with pytest.raises(LegacyModelError, match=r"has had no worker for 4 s; what is committed is kept"):
            ensemble(tmp_path / "store", numbered(*range(RUNS)), executor, batch_runs=4)
        assert time.monotonic() - started < 60
        assert all(worker.poll() == -signal.SIGKILL for worker in workers)
    before = committed_in(tmp_path / "store")
    with RunStore.open(tmp_path / "store") as store:
        assert (store.counts().failed, store.counts().pending) == (0, RUNS - len(before))
    misbehave("")
    with local_executor(2) as executor:
        assert ensemble(tmp_path / "store", numbered(*range(RUNS)), executor)[0].committed == RUNS
    everything_is_there(tmp_path / "store")
    survivors(len(workers), survived=RUNS)


@pytest.mark.slow
@pytest.mark.fault(17)
def test_when_the_scheduler_dies_the_ensemble_says_so_and_what_is_committed_is_kept(
    tmp_path, misbehave, executions, alive, survivors
):
    misbehave("*:slow")
    committed = set()
    with cluster(tmp_path / "dask") as (settings, scheduler, _), open_executor(settings) as executor:

        def kill(progress):
            committed.update(committed_in(tmp_path / "store"))
            scheduler.kill()

        started = time.monotonic()
        with pytest.raises(LegacyModelError, match=r"connection to the Dask scheduler at tcp://.* is lost"):
            ensemble(tmp_path / "store", numbered(*range(RUNS)), executor, kill, batch_runs=2)
        assert time.monotonic() - started < 30
    with local_executor(2) as executor:
        assert ensemble(tmp_path / "store", numbered(*range(RUNS)), executor)[0].committed == RUNS
    everything_is_there(tmp_path / "store")
    assert all(executions()[number] == 1 for number in committed)
    survivors(survived=RUNS)


@pytest.mark.slow
@pytest.mark.fault(12)
def test_a_killed_orchestrator_leaves_neither_cluster_nor_model_running(tmp_path, misbehave, alive, survivors):
    misbehave("*:slow,20:hangchildren")
    process = orchestrate(tmp_path / "store", "dask")
    while not process.stdout.readline().strip().isdigit():
        pass
    assert any("dask_scheduler" in command for command in alive())
    process.kill()
    process.communicate()
    assert nobody(alive)
    misbehave("")
    assert f"done {RUNS}" in orchestrate(tmp_path / "store").communicate()[0]
    everything_is_there(tmp_path / "store")
    survivors(survived=RUNS)


def test_an_ensemble_that_is_called_off_stops_the_models_of_workers_that_live_on(tmp_path, misbehave, alive):
    misbehave("*:slow,1:hangchildren,9:hangchildren")

    def call_off(progress):
        raise KeyboardInterrupt

    with cluster(tmp_path / "dask") as (settings, _, workers), open_executor(settings) as executor:
        with pytest.raises(KeyboardInterrupt):
            ensemble(tmp_path / "store", numbered(2, 1, 3, 9, 4, 5), executor, call_off, batch_runs=1)
        assert nobody(lambda: [command for command in alive() if "misbehaving" in command or "sleep" in command])
        assert all(worker.poll() is None for worker in workers)
        assert list((tmp_path / "store" / "scratch").iterdir()) == []
        counts, _ = ensemble(tmp_path / "again", numbered(2, 3, 4, 5), executor)
        assert counts.committed == 4


@pytest.mark.slow
def test_workers_share_nothing_with_the_caller_but_arguments_and_results(tmp_path, misbehave):
    hidden = tmp_path / "scratch"
    hidden.mkdir()
    elsewhere = ("unshare", "--mount", "sh", "-c", f'mount -t tmpfs none {hidden} && exec "$@"', "sh")
    if os.getuid() != 0 or subprocess.run([*elsewhere, "true"], capture_output=True).returncode:
        pytest.skip("a disk that only the workers see needs root")
    misbehave("5:exit")
    with cluster(tmp_path / "dask", wrapped=elsewhere) as (settings, _, _), open_executor(settings) as executor:
        counts, records = ensemble(
            tmp_path / "store", numbered(*range(8)), executor, batch_runs=4, retries=0, scratch=hidden
        )
        (theirs,) = executor.submit(list_below, hidden).result(30)
    assert (counts.committed, counts.failed) == (7, 1)
    assert "the soil file makes no sense" in records[5].log_tail
    assert theirs.name == f"failed-{records[5].key[:16]}"
    assert list(hidden.iterdir()) == []
    outputs_are_right(tmp_path / "store", 7)


def list_below(folder):
    return list(folder.glob("*/*"))


@pytest.mark.slow
def test_a_worker_with_another_version_of_the_model_is_refused_before_any_run(tmp_path, monkeypatch):
    with cluster(tmp_path / "dask") as (settings, _, _), open_executor(settings) as executor:
        monkeypatch.setenv("MODEL_VERSION", "2")
        with pytest.raises(LegacyModelError, match="has version 1 of misbehaving, the runs need 2; install the same"):
            ensemble(tmp_path / "store", numbered(*range(8)), executor, batch_runs=4)
    with RunStore.open(tmp_path / "store") as store:
        assert store.counts().pending == 8


def test_dask_that_is_not_installed_is_one_clear_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UsageError, match=r"pip install 'dpl-hydrology\[dask\]'"), open_executor(OWN):
        pass


def test_a_scheduler_that_does_not_answer_is_one_clear_line():
    with (
        pytest.raises(LegacyModelError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9 within 1 s"),
        open_executor(ExecutorSettings("dask", address="tcp://127.0.0.1:9", worker_timeout=1.0)),
    ):
        pass
