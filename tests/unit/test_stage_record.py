"""A stage is finished for a fingerprint, and its time is added up over interrupted attempts."""

import pytest

from legacy_models.errors import DataError
from pipeline.stage_record import StageRecord


def test_a_finished_stage_is_finished_for_its_fingerprint_only(tmp_path):
    record = StageRecord(tmp_path)
    with record.running("emulate-0", "a") as note:
        note["score"] = 0.5
    again = StageRecord(tmp_path)
    assert again.finished("emulate-0", "a")
    assert not again.finished("emulate-0", "b")
    assert again.note("emulate-0") == {"score": 0.5}


def test_a_stage_that_raised_is_not_finished_but_its_time_counts(tmp_path):
    record = StageRecord(tmp_path)
    with pytest.raises(RuntimeError), record.running("learn-0", "a"):
        raise RuntimeError
    assert not StageRecord(tmp_path).finished("learn-0", "a")
    assert "learn" in StageRecord(tmp_path).seconds_by_stage()


def test_the_seconds_of_rounds_add_up_to_the_total(tmp_path):
    record = StageRecord(tmp_path)
    for stage in ("emulate-0", "emulate-1", "learn-0"):
        with record.running(stage, "a"):
            pass
    seconds = record.seconds_by_stage()
    assert set(seconds) == {"emulate", "learn", "total"}
    assert seconds["total"] == pytest.approx(seconds["emulate"] + seconds["learn"], abs=0.02)


def test_a_damaged_record_is_named(tmp_path):
    (tmp_path / "stages.json").write_text("{")
    with pytest.raises(DataError, match=r"stages\.json"):
        StageRecord(tmp_path)


def test_what_a_stage_intends_is_kept_before_it_does_anything_and_taken_up_again(tmp_path):
    with StageRecord(tmp_path).running("publish", "a", publication="first"):
        killed = StageRecord(tmp_path)
    assert killed.note("publish") == {"publication": "first"}
    assert not killed.finished("publish", "a")
    for fingerprint, expected in (("a", "first"), ("b", "second")):
        with killed.running("publish", fingerprint, publication="second") as note:
            assert note == {"publication": expected}
