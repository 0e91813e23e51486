"""Faults 12 and 15, and interrupts: the orchestrating process dies, and the next start finishes the plan."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from misbehaving import DAYS, Misbehaving, numbered

from legacy_models.errors import StoreError
from legacy_models.store import RunStore

RUNS = 24
LIFE = 1.2  # seconds from the first word of an orchestrator to about its end
PLAN = [Misbehaving().key(run) for run in numbered(*range(RUNS))]


def orchestrate(store: Path, executor: str = "threads") -> subprocess.Popen[str]:
    script = Path(__file__).with_name("orchestrator.py")
    environment = dict(os.environ, PYTHONPATH=os.pathsep.join((str(script.parents[2]), str(script.parent))))
    return subprocess.Popen(
        [sys.executable, str(script), str(store), str(RUNS), executor],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def acknowledged(process: subprocess.Popen[str]) -> int:
    """Return how many runs the process said it had committed."""
    lines = process.communicate()[0].split()
    return max((int(line) for line in lines if line.isdigit()), default=0)


def everything_is_there(path: Path) -> None:
    with RunStore.open(path) as store:
        assert (store.counts().planned, store.counts().committed) == (RUNS, RUNS)
        good = store.read("1", np.datetime64("2001-01-01"), np.datetime64("2001-01-20"))
        assert store.verify() == []
    assert sorted(good.keys) == sorted(PLAN)
    assert list((path / "scratch").glob("run-*")) == []
    assert np.allclose(good.outputs[:, :, 0], good.parameters + np.arange(DAYS))


def nobody(alive) -> bool:
    deadline = time.monotonic() + 5
    while alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive()


def whatever_survived_is_accounted_for(path: Path, told: int) -> None:
    """Nothing acknowledged is lost, nothing is damaged, and the sum is even."""
    with RunStore.open(path, write=True) as store:
        counts = store.counts()
        assert store.verify() == []
    assert counts.committed >= told
    assert counts.planned in (0, RUNS)
    assert counts.planned == counts.committed + counts.failed + counts.pending


def kill_at_random_points(folder: Path, alive, survivors, seed: int, kills: int) -> None:
    """Kill as many orchestrators at points spread over their lives; each time the next start must finish."""
    rng = np.random.default_rng(seed)
    landed = point = 0
    while landed < kills:
        path, point = folder / str(point), point + 1
        process = orchestrate(path)
        process.stdout.readline()
        time.sleep(rng.uniform(0, LIFE))
        landed += process.poll() is None
        process.send_signal(signal.SIGKILL)
        told = acknowledged(process)
        assert nobody(alive)
        whatever_survived_is_accounted_for(path, told)
        assert f"done {RUNS}" in orchestrate(path).communicate()[0]
        everything_is_there(path)
    survivors(landed, survived=point * RUNS)


@pytest.mark.fault(12)
def test_killed_at_random_points_the_next_start_finishes_exactly_the_plan(tmp_path, misbehave, alive, survivors):
    misbehave("*:slow")
    kill_at_random_points(tmp_path, alive, survivors, seed=1, kills=2)


@pytest.mark.slow
@pytest.mark.fault(12)
def test_killed_at_fifty_random_points_the_next_start_finishes_exactly_the_plan(tmp_path, misbehave, alive, survivors):
    misbehave("*:slow")
    kill_at_random_points(tmp_path, alive, survivors, seed=2, kills=50)


@pytest.mark.slow
@pytest.mark.fault(12)
@pytest.mark.parametrize("seed", range(2))
def test_killed_over_and_over_nothing_is_lost(tmp_path, misbehave, alive, survivors, seed):
    misbehave("*:slow")
    rng = np.random.default_rng(seed)
    told, kills = 0, 0
    while told < RUNS:
        process = orchestrate(tmp_path / "store")
        process.stdout.readline()
        time.sleep(rng.uniform(0, LIFE))
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        told = max(told, acknowledged(process))
        assert nobody(alive)
        whatever_survived_is_accounted_for(tmp_path / "store", told)
    everything_is_there(tmp_path / "store")
    survivors(kills, survived=RUNS)


@pytest.mark.fault(12)
def test_a_killed_orchestrator_leaves_no_model_running(tmp_path, misbehave, alive):
    misbehave("*:hangchildren")
    process = orchestrate(tmp_path / "store")
    process.stdout.readline()
    deadline = time.monotonic() + 10
    while sum("sleep(1000)" in command for command in alive()) < 4 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert sum("sleep(1000)" in command for command in alive()) >= 4
    process.kill()
    process.communicate()
    assert nobody(alive)


def test_an_interrupt_kills_the_models_and_keeps_what_is_committed(tmp_path, misbehave, alive):
    misbehave("*:slow,23:hang")
    process = orchestrate(tmp_path / "store")
    while not process.stdout.readline().strip().isdigit():
        pass
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=15)
    assert errors.rstrip().endswith("KeyboardInterrupt")
    assert alive() == []
    assert list((tmp_path / "store" / "scratch").glob("run-*")) == []
    misbehave("")
    assert f"done {RUNS}" in orchestrate(tmp_path / "store").communicate()[0]
    everything_is_there(tmp_path / "store")


@pytest.mark.fault(15)
def test_a_second_writer_is_refused_at_once_and_nothing_is_touched(tmp_path, misbehave, survivors):
    misbehave("*:slow")
    process = orchestrate(tmp_path / "store")
    while not process.stdout.readline().strip().isdigit():
        pass
    started = time.monotonic()
    with pytest.raises(StoreError, match="being written to by another process"):
        RunStore.open(tmp_path / "store", write=True).__enter__()
    assert time.monotonic() - started < 1
    with RunStore.open(tmp_path / "store") as reader:
        reader.counts()
    assert f"done {RUNS}" in process.communicate()[0]
    everything_is_there(tmp_path / "store")
    survivors(survived=RUNS)
