"""Faults 1 to 9: whatever a model program does wrong, the other runs are kept and nothing is left behind."""

import resource
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from misbehaving import DAYS, Misbehaving, numbered

from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.errors import LegacyModelError
from legacy_models.model import Run
from legacy_models.runner import LOG_TAIL, attempt_batch, run_batch
from legacy_models.store import RunStore
from legacy_models.vic.adapter import VicModel
from legacy_models.watchdog import HEAD, TAIL
from tests import vic_sites

MODEL = Misbehaving()
FOLDER = Path(__file__).parent


def ensemble(path, runs, **settings):
    """Return {number: record}, and the store's own sum, after an ensemble of ``runs``."""
    with RunStore.open(path, write=True) as store, local_executor(2) as executor:
        counts = simulate(MODEL, runs, store, executor, EnsembleSettings(**settings))
        assert counts.pending == 0
        assert counts.planned == len(runs) == counts.committed + counts.failed
        assert store.verify() == []
        return {int(run.parameters[0]): store.record(MODEL.key(run)) for run in runs}


@pytest.mark.parametrize(
    ("fault", "status", "reason"),
    [
        pytest.param("exit", "failed", "exited with status 3", marks=pytest.mark.fault(1)),
        pytest.param("truncate", "failed", "incomplete output", marks=pytest.mark.fault(2)),
        pytest.param("nan", "quarantined", "flow = nan mm/day on 2001-01-20", marks=pytest.mark.fault(3)),
        pytest.param("inf", "quarantined", "flow = -inf mm/day on 2001-01-01", marks=pytest.mark.fault(3)),
        pytest.param("absurd", "quarantined", "flow = 1e+12 mm/day on", marks=pytest.mark.fault(4)),
        pytest.param("segv", "failed", "killed by SIGSEGV", marks=pytest.mark.fault(7)),
        pytest.param("fpe", "failed", "killed by SIGFPE", marks=pytest.mark.fault(7)),
    ],
)
def test_only_the_runs_that_fail_are_lost_and_the_reason_is_kept(tmp_path, misbehave, survivors, fault, status, reason):
    misbehave(f"5:{fault},11:{fault}")
    records = ensemble(tmp_path / "store", numbered(*range(16)), batch_runs=8)
    assert [n for n, record in records.items() if record.status != "ok"] == [5, 11]
    for number in (5, 11):
        assert (records[number].status, records[number].reason[: len(reason)]) == (status, reason)
    survivors(2, survived=14, lost=2)


@pytest.mark.fault(2, 3, 4)
def test_what_is_not_finite_or_absurd_is_never_handed_out_for_training(tmp_path, misbehave):
    misbehave("2:nan,3:inf,4:absurd,5:truncate")
    runs = numbered(*range(8))
    ensemble(tmp_path / "store", runs)
    with RunStore.open(tmp_path / "store") as store:
        good = store.read(MODEL.version, runs[0].start, runs[0].end)
    assert sorted(good.parameters[:, 0]) == [0, 1, 6, 7]
    assert np.allclose(good.outputs[:, :, 0], good.parameters + np.arange(DAYS))


@pytest.mark.fault(1)
def test_a_failed_run_carries_the_end_of_the_log(tmp_path, misbehave):
    misbehave("0:exit")
    assert "the soil file makes no sense" in ensemble(tmp_path / "store", numbered(0))[0].log_tail


@pytest.mark.fault(1)
@pytest.mark.parametrize("retries", [0, 2])
def test_a_failing_run_is_tried_again_as_often_as_asked(tmp_path, misbehave, executions, survivors, retries):
    misbehave("0:exit")
    assert ensemble(tmp_path / "store", numbered(0), retries=retries)[0].status == "failed"
    assert executions() == {0: retries + 1}
    survivors(retries + 1, lost=1)


@pytest.mark.fault(1)
def test_of_a_failing_batch_only_what_may_have_failed_runs_again_in_ever_smaller_parts(
    tmp_path, misbehave, executions, survivors
):
    misbehave("9:exit")
    records = ensemble(tmp_path / "store", numbered(*range(64)), batch_runs=64, retries=0)
    assert [n for n, record in records.items() if record.status != "ok"] == [9]
    begun = executions()
    assert set(begun) == set(range(64))
    assert begun[9] <= 1 + int(np.log2(64))
    assert all(begun[n] == 1 for n in range(9))  # what was complete when the process failed is kept
    survivors(begun[9], survived=63, lost=1)


@pytest.mark.fault(1)
def test_a_run_that_fails_once_is_saved_by_a_retry(tmp_path, misbehave, monkeypatch):
    misbehave("0:once")
    monkeypatch.setenv("MISBEHAVED", str(tmp_path / "flag"))
    assert ensemble(tmp_path / "store", numbered(0), retries=1)[0].status == "ok"


@pytest.mark.fault(5)
def test_a_hanging_run_is_killed_on_time_and_the_others_finish(tmp_path, misbehave, alive, survivors):
    misbehave("3:hangchildren")
    started = time.monotonic()
    records = ensemble(tmp_path / "store", numbered(*range(6)), batch_runs=4, timeout=1.0, retries=0)
    assert time.monotonic() - started < 15
    assert [n for n, record in records.items() if record.status != "ok"] == [3]
    assert records[3].reason == "timed out after 1 s"
    assert alive() == []
    survivors(survived=5, lost=1)


@pytest.mark.fault(6)
def test_grandchildren_do_not_outlive_a_run_even_in_a_session_of_their_own(tmp_path, misbehave, alive, survivors):
    misbehave("0:children")
    started = time.monotonic()
    assert run_batch(MODEL, numbered(0), tmp_path / "sandbox")[0].status == "ok"
    assert alive() == []
    assert time.monotonic() - started < 5
    survivors(2, survived=1)


@pytest.mark.fault(7)
def test_a_crash_leaves_no_core_file(tmp_path, misbehave):
    misbehave("0:segv")
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))  # the caller would let it write one
    try:
        outcome = attempt_batch(MODEL, numbered(0), tmp_path / "sandbox")
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))
    assert outcome.fault == "killed by SIGSEGV"
    assert sorted(p.name for p in (tmp_path / "sandbox").iterdir()) == ["program.log", "runs.json"]


@pytest.mark.fault(8)
def test_a_long_log_keeps_its_beginning_and_its_end_and_stops_nothing(tmp_path, misbehave, survivors):
    misbehave("0:talk,1:exit")
    result = run_batch(MODEL, numbered(0, 1), tmp_path / "sandbox")[0]
    log = (tmp_path / "sandbox" / "program.log").read_bytes()
    assert result.status == "ok"
    assert log.startswith(b"first words\n")
    assert b"last words\n" in log[-LOG_TAIL:]
    assert b"bytes of the log left out" in log
    assert len(log) < HEAD + TAIL + 100
    survivors(survived=1)


@pytest.mark.fault(8)
def test_an_endless_log_is_capped_and_the_others_survive(tmp_path, misbehave, alive, survivors):
    misbehave("3:talkforever")
    records = ensemble(tmp_path / "store", numbered(*range(6)), batch_runs=6, timeout=1.5, retries=0)
    assert [n for n, record in records.items() if record.status != "ok"] == [3]
    assert (records[3].reason, len(records[3].log_tail)) == ("timed out after 1.5 s", LOG_TAIL)
    (kept,) = (tmp_path / "store" / "scratch").iterdir()
    assert HEAD < (kept / "program.log").stat().st_size < HEAD + TAIL + 100
    assert alive() == []
    survivors(survived=5, lost=1)


@pytest.mark.fault(1)
def test_if_every_run_fails_the_ensemble_still_ends(tmp_path, misbehave, survivors):
    misbehave("*:exit")
    records = ensemble(tmp_path / "store", numbered(*range(8)), retries=0)
    assert {record.status for record in records.values()} == {"failed"}
    survivors(8, lost=8)


@pytest.mark.fault(9)
@pytest.mark.parametrize("program", ["no-such-program", "not_executable"])
def test_a_program_that_cannot_be_run_is_one_error_before_any_run(tmp_path, survivors, program):
    (tmp_path / "not_executable").write_text("data")
    model = Misbehaving(str(tmp_path / program))
    with RunStore.open(tmp_path / "store", write=True) as store, local_executor(2) as executor:
        with pytest.raises(LegacyModelError, match="missing or not executable"):
            simulate(model, numbered(*range(20)), store, executor, EnsembleSettings(batch_runs=2))
        assert store.counts().pending == store.counts().planned == 20
        assert simulate(MODEL, numbered(*range(20)), store, executor).committed == 20
    survivors(survived=20)


@pytest.mark.fault(9)
def test_a_program_in_a_foreign_format_is_one_error_before_any_run(tmp_path):
    program = tmp_path / "foreign"
    program.write_bytes(b"\x7fELF not really")
    program.chmod(0o755)
    with pytest.raises(LegacyModelError, match=r"cannot be run: .*Exec format error"):
        run_batch(Misbehaving(str(program)), numbered(0), tmp_path / "sandbox")
    assert not (tmp_path / "sandbox").exists()


@pytest.mark.fault(4)
@pytest.mark.parametrize(("lost", "status"), [(-5.0, "quarantined"), (5.0, "quarantined"), (0.07, "ok")])
def test_a_water_balance_that_does_not_close_is_quarantined_unless_vic_itself_is_no_better(
    tmp_path, monkeypatch, survivors, lost, status
):
    program = tmp_path / "leaking_vic"
    program.write_text(f"#!{sys.executable} -P\n" + (FOLDER / "leaking_vic.py").read_text())
    program.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parents[1]))
    monkeypatch.setenv("LEAK", f"2:{lost}")
    model = VicModel(executable=str(program), spinup_years=1)
    site = vic_sites.site(model, "rainy")
    sets = model.parameters.from_unit(np.linspace(0.3, 0.7, 4)[:, None] * np.ones(len(model.parameters)))
    days = site.forcing.dates
    runs = [Run(site, values, days[400], days[-1]) for values in sets]
    with RunStore.open(tmp_path / "store", write=True) as store, local_executor(1) as executor:
        counts = simulate(model, runs, store, executor)
        records = [store.record(model.key(run)) for run in runs]
    assert [record.status for record in records] == ["ok", "ok", status, "ok"]
    assert status == "ok" or f"the water balance is off by {-lost:.1f}" in records[2].reason
    survivors(survived=counts.committed, lost=counts.failed)
