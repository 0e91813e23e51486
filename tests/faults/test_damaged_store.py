"""Faults 14 and 16: flipped bytes, cut files and late duplicates."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from misbehaving import DAYS, END, START, numbered
from stored import MODEL, content, filled, key
from writer import result

from legacy_models.ensemble import local_executor, simulate
from legacy_models.errors import StoreError
from legacy_models.store import RunStore


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
@pytest.mark.parametrize(("cut", "left"), [(0.0, 1), (0.3, 1), (0.99, 1)])
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
