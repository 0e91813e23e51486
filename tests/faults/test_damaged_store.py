"""Faults 10, 11, 13, 14 and 16: full disks, kills while writing, flipped bytes, late duplicates."""

import os
import shutil
import signal
import subprocess
import sys
import time
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from misbehaving import DAYS, END, START, Misbehaving, numbered
from writer import calls_of_a_commit, result

from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.errors import LegacyModelError, StoreError
from legacy_models.files import sha256_of_file
from legacy_models.store import RunStore

MODEL = Misbehaving()


def key(number: int) -> str:
    return MODEL.key(numbered(number)[0])


def filled(path: Path, *groups: tuple[int, ...]) -> Path:
    """Make a store with one committed batch a group."""
    with RunStore.open(path, write=True) as store:
        for numbers in groups:
            store.append(MODEL, numbered(*numbers), [result(n) for n in numbers])
    return path


def content(path: Path) -> dict[str, str]:
    return {str(p): sha256_of_file(p) for p in sorted(path.rglob("*")) if p.is_file() and p.name != "lock"}


@pytest.mark.fault(10)
@pytest.mark.parametrize(("where", "stop"), [("input", "File too large"), ("output", "no space left in")])
def test_a_full_disk_in_the_sandbox_is_a_clean_stop_and_no_run_is_blamed(
    tmp_path, misbehave, small_files, survivors, where, stop
):
    misbehave("2:fill" if where == "output" else "")
    runs = numbered(*range(8))
    with RunStore.open(tmp_path / "store", write=True) as store, local_executor(2) as executor:
        store.plan([MODEL.key(run) for run in runs], "design")
        with small_files(5 if where == "input" else 100_000), pytest.raises(LegacyModelError, match=stop):
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


def flip(path: Path, position: int) -> None:
    with path.open("r+b") as stream:
        stream.seek(position)
        byte = stream.read(1)[0]
        stream.seek(position)
        stream.write(bytes([byte ^ 0x10]))


@pytest.mark.fault(14)
def test_a_flipped_byte_in_an_output_is_detected_and_only_that_run_is_redone(tmp_path, survivors):
    path = filled(tmp_path / "store", (0, 1, 2), (3, 4))
    segment = path / "segments" / "00000001.h5"
    flip(segment, segment.read_bytes().index(np.float32(1 + DAYS - 1).tobytes() + result(2).outputs.tobytes()))
    with RunStore.open(path, write=True) as store:
        with pytest.raises(StoreError, match=rf"run {key(1)} does not match its checksum; repair"):
            store.read("1", START, END)
        assert [problem.keys for problem in store.verify()] == [(key(1),)]
        store.repair()
        assert store.verify() == []
        assert store.counts().pending == 1
        assert [n for n in range(5) if key(n) not in store] == [1]
        with local_executor(1) as executor:
            assert simulate(MODEL, numbered(*range(5)), store, executor).committed == 5
        assert store.read("1", START, END).outputs[:, 0, 0].sum() == 0 + 1 + 2 + 3 + 4
    survivors(survived=5)


@pytest.mark.fault(14)
def test_damage_to_the_frame_of_a_segment_is_detected_and_costs_no_run(tmp_path):
    path = filled(tmp_path / "store", (0, 1))
    segment = path / "segments" / "00000001.h5"
    flip(segment, segment.read_bytes().index(b"\x89HDF") + 9)
    with RunStore.open(path, write=True) as store:
        assert [problem.keys for problem in store.verify()] == [()]
        store.repair()
        assert store.verify() == []
        assert store.counts().committed == 2


@pytest.mark.fault(14)
def test_a_damaged_forcing_record_costs_the_runs_that_need_it_and_no_other(tmp_path):
    path = filled(tmp_path / "store", (0, 1))
    forcing = next((path / "forcing").glob("*.h5"))
    flip(forcing, forcing.read_bytes().index(np.float64(1).tobytes()))
    with RunStore.open(path, write=True) as store:
        with pytest.raises(StoreError, match="does not match its digest"):
            store.read("1", START, END)
        store.repair()
        assert store.counts().pending == 2
        store.append(MODEL, numbered(0, 1), [result(0), result(1)])
        assert store.verify() == []


@pytest.mark.fault(14)
def test_a_damaged_plan_is_detected_and_what_was_committed_is_kept(tmp_path):
    path = filled(tmp_path / "store", (0, 1))
    flip(path / "plan.txt", 80)
    with RunStore.open(path, write=True) as store:
        assert [problem.path.name for problem in store.verify()] == ["plan.txt"]
        assert store.counts().committed == 2
        store.repair()
        store.plan([key(0), key(1), key(2)], "design")
        assert store.verify() == []
        assert store.counts().pending == 1


def wherever_a_byte_flips(tmp_path: Path, survivors, every: int) -> None:
    """No flip anywhere in a segment or forcing file changes silently what is read, or hangs the reader."""
    path = filled(tmp_path / "store", (0, 1))
    with RunStore.open(path) as store:
        right = store.read("1", START, END)
    whole = {p: p.read_bytes() for p in path.rglob("*.h5")}
    for file, data in whole.items():
        for position in range(0, len(data), every):
            flip(file, position)
            try:
                with RunStore.open(path) as store:
                    read = store.read("1", START, END)
                same = read.keys == right.keys and np.array_equal(read.outputs, right.outputs)
                assert same, f"{file.name}: flip at {position} changed what was read"
                assert np.array_equal(read.forcing["somewhere"].values, right.forcing["somewhere"].values)
            except StoreError:
                pass
            file.write_bytes(data)
        survivors(len(range(0, len(data), every)))


@pytest.mark.fault(14)
def test_wherever_a_byte_flips_it_is_detected_or_harmless(tmp_path, survivors):
    wherever_a_byte_flips(tmp_path, survivors, every=61)


@pytest.mark.fault(14)
@pytest.mark.slow
def test_whichever_byte_flips_it_is_detected_or_harmless(tmp_path, survivors):
    wherever_a_byte_flips(tmp_path, survivors, every=1)


@pytest.mark.fault(14)
@pytest.mark.parametrize(("cut", "left"), [(0.0, 1), (0.3, 1), (0.99, 3)])
def test_of_a_segment_that_was_cut_short_what_is_lost_is_redone(tmp_path, survivors, cut, left):
    path = filled(tmp_path / "store", (0, 1), (2,))
    segment = path / "segments" / "00000001.h5"
    segment.write_bytes(segment.read_bytes()[: int(cut * segment.stat().st_size)])
    with RunStore.open(path, write=True) as store:
        assert len(store.verify()) == 1
        store.repair()
        assert store.verify() == []
        assert (store.counts().committed, store.counts().pending) == (left, 3 - left)
        with local_executor(1) as executor:
            assert simulate(MODEL, numbered(*range(3)), store, executor).committed == 3
    survivors(survived=3)


@pytest.mark.fault(16)
def test_a_late_duplicate_is_refused_and_changes_nothing(tmp_path, survivors):
    path = filled(tmp_path / "store", (0, 1))
    before = content(path)
    with RunStore.open(path, write=True) as store:
        with pytest.raises(StoreError, match=f"run {key(1)} is committed already"):
            store.append(MODEL, numbered(2, 1), [result(2), result(7)])
        with pytest.raises(StoreError, match=f"run {key(3)} is committed already"):
            store.append(MODEL, numbered(3, 3), [result(3), result(3)])
        assert content(path) == before
        assert store.output(key(1))[0, 0] == 1
    survivors(2, survived=2)


def test_a_copied_store_is_a_store(tmp_path):
    path = filled(tmp_path / "store", (0, 1))
    shutil.copytree(path, tmp_path / "copy")
    with RunStore.open(tmp_path / "copy", write=True) as store:
        assert store.verify() == []
        assert store.counts().committed == 2
