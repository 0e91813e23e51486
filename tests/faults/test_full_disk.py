"""Faults 10 and 11: a disk that is full, in a sandbox and in the store."""

import os
import subprocess
from itertools import count

import pytest
from misbehaving import numbered
from stored import MODEL, content, filled, key
from writer import result

from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.errors import LegacyModelError, StoreError
from legacy_models.store import RunStore


@pytest.mark.fault(10)
@pytest.mark.parametrize("where", ["input", "output"])
def test_a_full_disk_in_the_sandbox_is_a_clean_stop_and_no_run_is_blamed(
    tmp_path, misbehave, small_files, survivors, where
):
    misbehave("2:fill" if where == "output" else "")
    runs = numbered(*range(8))
    with RunStore.open(tmp_path / "store", write=True) as store, local_executor(2) as executor:
        store.plan([MODEL.key(run) for run in runs], "design")
        with small_files(5 if where == "input" else 100_000), pytest.raises(LegacyModelError, match="no space left in"):
            simulate(MODEL, runs, store, executor, EnsembleSettings(batch_runs=1))
        assert store.counts().failed == 0
        misbehave("")
        assert simulate(MODEL, runs, store, executor).committed == 8
    survivors(survived=8)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(disk)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.fault(10)
def test_a_sandbox_disk_of_its_own_that_is_full_is_a_clean_stop(tmp_path, misbehave, small_disk, survivors):
    misbehave("5:fill")
    settings = EnsembleSettings(batch_runs=1, scratch=small_disk)
    with RunStore.open(tmp_path / "store", write=True) as store, local_executor(2) as executor:
        with pytest.raises(LegacyModelError, match="no space left in"):
            simulate(MODEL, numbered(*range(8)), store, executor, settings)
        assert store.counts().failed == 0
        misbehave("")
        assert simulate(MODEL, numbered(*range(8)), store, executor).committed == 8
    survivors(survived=8)


def append_for_ever(store):
    for number in count():
        store.append(MODEL, numbered(number), [result(number)])


@pytest.mark.fault(11)
def test_a_store_on_a_disk_that_fills_up_keeps_all_it_acknowledged_and_goes_on_when_there_is_room(
    small_disk, survivors
):
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(100_000))
    with RunStore.open(small_disk / "store", write=True) as store:
        with pytest.raises(StoreError, match="No space left on device"):
            append_for_ever(store)
        acknowledged = store.counts().committed
        assert acknowledged > 3
    with RunStore.open(small_disk / "store") as store:
        assert (store.counts().committed, store.verify()) == (acknowledged, [])
        assert all(store.output(key(number))[0, 0] == number for number in range(acknowledged))
    ballast.unlink()
    with RunStore.open(small_disk / "store", write=True) as store:
        store.append(MODEL, numbered(acknowledged), [result(acknowledged)])
        assert (store.counts().committed, store.counts().pending) == (acknowledged + 1, 0)
    survivors(survived=acknowledged)


@pytest.mark.fault(11)
def test_a_full_disk_in_the_store_keeps_what_was_committed_and_commits_nothing_partial(
    tmp_path, small_files, survivors
):
    path = filled(tmp_path / "store", (0, 1), (2, 3))
    before = content(path)
    with RunStore.open(path, write=True) as store:
        store.plan([key(4), key(5)], "design")
        planned = content(path)
        with small_files(2000), pytest.raises(StoreError, match="what was committed is kept"):
            store.append(MODEL, numbered(4, 5), [result(4), result(5)])
        assert content(path) == planned
        assert {k: v for k, v in planned.items() if not k.endswith("plan.txt")}.items() <= before.items()
        assert store.counts().pending == 2
        assert store.verify() == []
        store.append(MODEL, numbered(4, 5), [result(4), result(5)])
        assert store.counts().committed == 6
    survivors(survived=6)


@pytest.mark.fault(11)
def test_a_full_disk_while_planning_leaves_the_old_plan(tmp_path, small_files):
    path = filled(tmp_path / "store", (0, 1))
    with RunStore.open(path, write=True) as store:
        with small_files(100), pytest.raises(StoreError, match="the plan is as it was"):
            store.plan([key(2)], "design")
        assert store.counts().planned == 2
