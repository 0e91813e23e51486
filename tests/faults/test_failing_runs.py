"""Faults 1 to 9: whatever a model program does wrong, the other runs are kept and nothing is left behind."""

import time

import numpy as np
import pytest
from misbehaving import DAYS, Misbehaving, numbered

from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.errors import LegacyModelError
from legacy_models.runner import LOG_TAIL, attempt_batch, run_batch
from legacy_models.store import RunStore
from legacy_models.watchdog import HEAD, TAIL

MODEL = Misbehaving()


def ensemble(path, runs, **settings):
    """Return {number: record}, and the store's own sum, after an ensemble of ``runs``."""
    with RunStore.open(path, write=True) as store, local_executor(2) as executor:
        counts = simulate(MODEL, runs, store, executor, EnsembleSettings(**settings))
        assert counts.pending == 0
        assert counts.planned == len(runs) == counts.committed + counts.failed
        assert store.verify() == []
        return {int(run.parameters[0]): store.record(MODEL.key(run)) for run in runs}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("exit", "exited with status 3"),
        ("segv", "killed by SIGSEGV"),
        ("fpe", "killed by SIGFPE"),
        ("truncate", "incomplete output"),
        ("nan", "flow = nan mm/day on 2001-01-20"),
        ("inf", "flow = -inf mm/day on 2001-01-01"),
        ("absurd", "flow = 999999995904.0 mm/day on 2001-01-01"),
    ],
)
def test_only_the_runs_that_fail_are_lost_and_the_reason_is_kept(tmp_path, misbehave, fault, reason):
    misbehave(f"5:{fault},11:{fault}")
    records = ensemble(tmp_path / "store", numbered(*range(16)), batch_runs=8)
    lost = [n for n, record in records.items() if record.status != "ok"]
    assert lost == [5, 11]
    assert reason in records[5].reason
    assert records[5].status == ("quarantined" if fault in ("nan", "inf", "absurd") else "failed")


def test_what_is_not_finite_or_absurd_is_never_handed_out_for_training(tmp_path, misbehave):
    misbehave("2:nan,3:inf,4:absurd,5:truncate")
    runs = numbered(*range(8))
    ensemble(tmp_path / "store", runs)
    with RunStore.open(tmp_path / "store") as store:
        good = store.read(MODEL.version, runs[0].start, runs[0].end)
    assert sorted(good.parameters[:, 0]) == [0, 1, 6, 7]
    assert np.allclose(good.outputs[:, :, 0], good.parameters + np.arange(DAYS))


def test_a_failed_run_carries_the_end_of_the_log(tmp_path, misbehave):
    misbehave("0:exit")
    assert "the soil file makes no sense" in ensemble(tmp_path / "store", numbered(0))[0].log_tail


@pytest.mark.parametrize("retries", [0, 2])
def test_a_failing_run_is_tried_again_as_often_as_asked(tmp_path, misbehave, monkeypatch, retries):
    misbehave("0:exit")
    sandboxes = []
    prepare = Misbehaving.prepare
    monkeypatch.setattr(Misbehaving, "prepare", lambda *a: sandboxes.append(a[1]) or prepare(*a))
    ensemble(tmp_path / "store", numbered(0), retries=retries)
    assert len(sandboxes) == retries + 1


def test_a_run_that_fails_once_is_saved_by_a_retry(tmp_path, misbehave, monkeypatch):
    misbehave("0:once")
    monkeypatch.setenv("MISBEHAVED", str(tmp_path / "flag"))
    assert ensemble(tmp_path / "store", numbered(0), retries=1)[0].status == "ok"


def test_a_hanging_run_is_killed_on_time_and_the_others_finish(tmp_path, misbehave, alive):
    misbehave("3:hangchildren")
    records = ensemble(tmp_path / "store", numbered(*range(6)), batch_runs=4, timeout=1.0, retries=0)
    assert [n for n, record in records.items() if record.status != "ok"] == [3]
    assert records[3].reason == "timed out after 1 s"
    assert alive() == []


def test_grandchildren_do_not_outlive_a_run_even_in_a_session_of_their_own(tmp_path, misbehave, alive):
    misbehave("0:children")
    started = time.monotonic()
    assert run_batch(MODEL, numbered(0), tmp_path / "sandbox")[0].status == "ok"
    assert alive() == []
    assert time.monotonic() - started < 5


def test_a_crash_leaves_no_core_file(tmp_path, misbehave):
    misbehave("0:segv")
    outcome = attempt_batch(MODEL, numbered(0), tmp_path / "sandbox")
    assert outcome.fault == "killed by SIGSEGV"
    assert sorted(p.name for p in (tmp_path / "sandbox").iterdir()) == ["program.log", "runs.json"]


def test_a_long_log_keeps_its_beginning_and_its_end_and_stops_nothing(tmp_path, misbehave):
    misbehave("0:talk,1:exit")
    result = run_batch(MODEL, numbered(0, 1), tmp_path / "sandbox")[0]
    log = (tmp_path / "sandbox" / "program.log").read_bytes()
    assert result.status == "ok"
    assert log.startswith(b"first words\n")
    assert b"last words\n" in log[-LOG_TAIL:]
    assert b"bytes of the log left out" in log
    assert len(log) < HEAD + TAIL + 100


def test_an_endless_log_is_capped(tmp_path, misbehave, alive):
    misbehave("0:talkforever")
    outcome = attempt_batch(MODEL, numbered(0), tmp_path / "sandbox", timeout=1.5)
    assert outcome.fault == "timed out after 1.5 s"
    assert HEAD < (tmp_path / "sandbox" / "program.log").stat().st_size < HEAD + TAIL + 100
    assert len(outcome.results[0].log_tail) == LOG_TAIL
    assert alive() == []


def test_if_every_run_fails_the_ensemble_still_ends(tmp_path, misbehave):
    misbehave("*:exit")
    records = ensemble(tmp_path / "store", numbered(*range(8)), retries=0)
    assert {record.status for record in records.values()} == {"failed"}


@pytest.mark.parametrize("program", ["no-such-program", "not_executable"])
def test_a_program_that_cannot_be_run_is_one_error_before_any_run(tmp_path, program):
    (tmp_path / "not_executable").write_text("data")
    model = Misbehaving(str(tmp_path / program))
    with RunStore.open(tmp_path / "store", write=True) as store, local_executor(2) as executor:
        with pytest.raises(LegacyModelError, match="missing or not executable"):
            simulate(model, numbered(*range(20)), store, executor, EnsembleSettings(batch_runs=2))
        assert store.counts().pending == store.counts().planned == 20


def test_a_program_in_a_foreign_format_is_one_error_before_any_run(tmp_path):
    program = tmp_path / "foreign"
    program.write_bytes(b"\x7fELF not really")
    program.chmod(0o755)
    with pytest.raises(LegacyModelError, match=r"cannot be run: .*Exec format error"):
        run_batch(Misbehaving(str(program)), numbered(0), tmp_path / "sandbox")
    assert not (tmp_path / "sandbox").exists()
