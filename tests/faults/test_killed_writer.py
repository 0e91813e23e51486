"""Fault 13: kill -9 during a store write, at random times and at random calls within a commit."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from stored import key
from writer import calls_of_a_commit

from legacy_models.store import RunStore


def write(path: Path, *words: str) -> subprocess.Popen[str]:
    script = Path(__file__).with_name("writer.py")
    environment = dict(os.environ, PYTHONPATH=str(script.parents[2]))
    command = [sys.executable, str(script), str(path), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)


def what_was_acknowledged_is_there(path: Path, said: str) -> int:
    """Return how many runs survived: all that the dead writer told of, and at most the one it was at."""
    told = int(said.split("\n")[-2])
    with RunStore.open(path, write=True) as store:
        counts = store.counts()
        assert store.verify() == []
        assert set(store.results(key(n) for n in range(told + 1)).values()) == {"ok"}
        assert counts.committed - (told + 1) in (0, 1)
        assert counts.planned - counts.committed in (0, 1)
    assert not list(path.rglob("*.part"))
    return counts.committed


def kill_while_writing(path: Path, survivors, seed: int, kills: int) -> int:
    """Kill writers that do nothing but commit, at random times; return how many left a file half written."""
    rng = np.random.default_rng(seed)
    interrupted = survived = 0
    for _ in range(kills):
        process = write(path, "100000")
        first = process.stdout.readline()
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(signal.SIGKILL)
        said = first + process.communicate()[0]
        interrupted += any(path.rglob("*.part"))
        survived = what_was_acknowledged_is_there(path, said)
    survivors(kills, survived=survived)
    return interrupted


@pytest.mark.fault(13)
def test_every_acknowledged_run_survives_a_kill_while_writing(tmp_path, survivors):
    kill_while_writing(tmp_path / "store", survivors, seed=0, kills=2)


@pytest.mark.slow
@pytest.mark.fault(13)
def test_every_acknowledged_run_survives_fifty_kills_while_writing(tmp_path, survivors):
    assert kill_while_writing(tmp_path / "store", survivors, seed=1, kills=50) > 0


def kill_in_a_commit(path: Path, survivors, seed: int, kills: int) -> set[tuple[bool, bool]]:
    """Kill writers at random calls within a commit; return the states (half a file, committed) they died in."""
    with RunStore.open(path, write=True) as store:
        calls = min(calls_of_a_commit(store, number) for number in range(3))
    seen = set()
    for call in np.random.default_rng(seed).integers(1, calls + 1, kills):
        process = write(path, "100000", str(call))
        said = process.communicate()[0]
        assert process.returncode == -signal.SIGKILL
        assert len(said.split()) == 1
        half = any(path.rglob("*.part"))
        seen.add((half, what_was_acknowledged_is_there(path, said) > int(said) + 1))
    survivors(kills, survived=what_was_acknowledged_is_there(path, said))
    return seen


@pytest.mark.fault(13)
def test_every_acknowledged_run_survives_a_kill_at_any_call_within_a_commit(tmp_path, survivors):
    kill_in_a_commit(tmp_path / "store", survivors, seed=0, kills=3)


@pytest.mark.slow
@pytest.mark.fault(13)
def test_every_acknowledged_run_survives_kills_at_fifty_calls_within_a_commit(tmp_path, survivors):
    seen = kill_in_a_commit(tmp_path / "store", survivors, seed=1, kills=50)
    assert {(False, False), (True, False), (False, True)} <= seen
