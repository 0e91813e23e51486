"""Ensembles: what is batched with what, what is run again, and what is told on the way."""

import os
from collections import Counter
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context

import numpy as np
import pytest

from legacy_models.batching import FIRST_RUNS
from legacy_models.ensemble import EnsembleSettings, Pace, local_executor, simulate
from legacy_models.errors import LegacyModelError, UsageError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run, RunResult
from legacy_models.runner import BatchOutcome
from legacy_models.store import RunStore

MODEL = LinearReservoir(spinup_years=1)
DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2004-01-01"))
PERIOD = np.datetime64("2002-01-01"), np.datetime64("2002-03-31")
LATER = np.datetime64("2003-01-01"), np.datetime64("2003-03-31")
SITES = [MODEL.site(f"s{i}", {}, Forcing(DATES, np.full((len(DATES), 1), 1.0 + i), ("prcp",))) for i in range(3)]


class Inline(Executor):
    """Works at once, in the calling thread, and remembers how many runs each batch had."""

    def __init__(self):
        self.sizes = []

    def submit(self, function, /, *args, **kwargs):
        self.sizes.append(len(args[2]))
        future = Future()
        try:
            future.set_result(function(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def attempted(model, runs, directory, timeout, keep_failed):
    """Stand in for a process: good results, without any."""
    days = (runs[0].end - runs[0].start).astype(int) + 1
    good = RunResult("ok", outputs=np.ones((days, 2), np.float32))
    return BatchOutcome((good,) * len(runs), "", 0.0, 0.0)


@pytest.fixture
def without_processes(monkeypatch):
    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", attempted)


@pytest.fixture
def store(tmp_path):
    with RunStore.open(tmp_path / "store", write=True) as opened:
        yield opened


def runs(count, period=PERIOD, purpose="design"):
    return [Run(SITES[i % 3], np.array([1.0 + i]), *period, purpose) for i in range(count)]


def test_everything_wanted_is_run_once_and_never_again(store, without_processes):
    executor = Inline()
    assert simulate(MODEL, runs(6), store, executor).committed == 6
    before = len(executor.sizes)
    counts = simulate(MODEL, runs(8), store, executor)
    assert (counts.planned, counts.committed) == (8, 8)
    assert sum(executor.sizes[before:]) == 2


def test_equal_runs_are_run_once(store, without_processes):
    executor = Inline()
    assert simulate(MODEL, runs(3) + runs(3, purpose="verify"), store, executor).planned == 3
    assert sum(executor.sizes) == 3


def test_nothing_to_do_is_done_at_once(store, without_processes):
    assert simulate(MODEL, [], store, Inline()).planned == 0


def test_runs_are_counted_by_the_purpose_they_were_first_wanted_for(store, without_processes):
    simulate(MODEL, runs(4) + runs(6, purpose="refine"), store, Inline())
    by_purpose = store.counts_by_purpose()
    assert {purpose: counts.committed for purpose, counts in by_purpose.items()} == {"design": 4, "refine": 2}


def test_the_plan_is_durable_before_the_first_run(store):
    class Dead(Inline):
        def submit(self, *args, **kwargs):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(MODEL, runs(5), store, Dead())
    with RunStore.open(store.path) as reader:
        assert reader.counts().pending == 5


def test_both_periods_are_stored(store, without_processes):
    simulate(MODEL, runs(3) + runs(3, LATER), store, Inline())
    assert len(store.read(MODEL.version, *PERIOD)) == len(store.read(MODEL.version, *LATER)) == 3


def test_progress_adds_up_after_every_batch_and_ends_with_nothing_left(store, without_processes):
    heard = []
    with local_executor(2) as executor:
        simulate(MODEL, runs(6), store, executor, EnsembleSettings(batch_runs=2), heard.append)
    assert all(p.planned == 6 == p.committed + p.failed + p.pending for p in heard)
    assert [p.committed for p in heard] == sorted(p.committed for p in heard)
    assert (heard[-1].committed, heard[-1].pending, heard[-1].seconds_left) == (6, 0, 0.0)
    assert all(p.seconds_left is not None and p.seconds_left > 0 for p in heard[:-1])


def test_no_more_batches_are_handed_out_than_may_be_in_flight(store, without_processes):
    class Lazy(Inline):
        def __init__(self):
            super().__init__()
            self.most = self.now = 0

        def submit(self, function, /, *args, **kwargs):
            self.now += 1
            self.most = max(self.most, self.now)
            return super().submit(function, *args, **kwargs)

    lazy = Lazy()

    def ended(progress):
        lazy.now -= 1

    simulate(MODEL, runs(8), store, lazy, EnsembleSettings(batch_runs=1, in_flight=3), ended)
    assert lazy.most == 3


def failing(monkeypatch, bad):
    """Make the process fail whenever it has one of the ``bad`` residence times in its batch."""
    attempts = Counter()

    def attempt(model, runs, directory, timeout, keep_failed):
        numbers = [float(run.parameters[0]) for run in runs]
        attempts.update(numbers)
        if not bad.intersection(numbers):
            return attempted(model, runs, directory, timeout, keep_failed)
        failed = RunResult("failed", "exited with status 1")
        return BatchOutcome((failed,) * len(runs), "exited with status 1", 0.0, 0.0)

    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", attempt)
    return attempts


def test_a_failing_batch_is_narrowed_down_to_the_run_that_fails(store, monkeypatch):
    failing(monkeypatch, {3.0})
    counts = simulate(MODEL, runs(6), store, Inline(), EnsembleSettings(batch_runs=6, retries=0))
    assert (counts.committed, counts.failed) == (5, 1)
    statuses = store.results(MODEL.key(run) for run in runs(6))
    assert list(statuses.values()).index("failed") == 2


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_run_that_fails_alone_gets_its_retries_and_is_then_given_up(store, monkeypatch, retries):
    attempts = failing(monkeypatch, {1.0})
    simulate(MODEL, runs(1), store, Inline(), EnsembleSettings(retries=retries))
    assert attempts[1.0] == retries + 1
    simulate(MODEL, runs(1), store, Inline(), EnsembleSettings(retries=retries))
    assert attempts[1.0] == retries + 1


def test_if_nothing_works_the_ensemble_stops_early_and_says_why(store, monkeypatch):
    attempts = failing(monkeypatch, {1.0 + n for n in range(1000)})
    with pytest.raises(LegacyModelError, match=r"first 50 runs of linear_reservoir all failed, .* status 1"):
        simulate(MODEL, runs(1000), store, Inline(), EnsembleSettings(batch_runs=1, retries=0))
    assert len(attempts) < 60
    assert (store.counts().failed, store.counts().pending) == (50, 950)


def test_only_runs_that_worked_tell_how_fast_the_model_is(store, monkeypatch):
    def attempt(model, runs, directory, timeout, keep_failed):
        return BatchOutcome((RunResult("failed", "no output"),) * len(runs), "", 1e-6, 1e-6)

    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", attempt)
    executor = Inline()
    with pytest.raises(LegacyModelError, match="no output"):
        simulate(MODEL, runs(1000), store, executor, EnsembleSettings(retries=0))
    assert set(executor.sizes) == {FIRST_RUNS}


def test_a_pace_that_is_handed_on_spares_later_calls_the_small_first_batches(store, monkeypatch):
    def attempt(*args):
        return replace(attempted(*args), process_seconds=1.0)

    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", attempt)
    executor, pace = Inline(), Pace(MODEL, None, None)
    executor.worker_count = 2
    for count in (100, 200):
        simulate(MODEL, runs(count), store, executor, pace=pace)
    assert max(executor.sizes[:2]) <= FIRST_RUNS
    assert executor.sizes[-2:] == [50, 50]


def test_a_given_up_run_can_be_dropped_and_tried_again(store, monkeypatch):
    failing(monkeypatch, {1.0})
    simulate(MODEL, runs(2), store, Inline(), EnsembleSettings(retries=0))
    failing(monkeypatch, set())
    key = MODEL.key(runs(1)[0])
    assert store.record(key).reason == "exited with status 1"
    store.drop([key])
    assert simulate(MODEL, runs(2), store, Inline()).committed == 2


def test_sandboxes_go_away_but_for_those_of_runs_that_were_given_up(tmp_path, store):
    class Silent(LinearReservoir):
        def collect(self, directory, runs):
            return [RunResult("failed", "nothing there") for _ in runs]

    scratch = tmp_path / "scratch"
    simulate(MODEL, runs(2), store, Inline(), EnsembleSettings(scratch=scratch))
    assert [p for p in scratch.rglob("*") if p.is_file()] == []
    silent = Silent(spinup_years=1)
    wanted = runs(4, LATER)[3:]
    simulate(silent, wanted, store, Inline(), EnsembleSettings(scratch=scratch, retries=2))
    (kept,) = scratch.glob("*/*")
    assert kept.name == f"failed-{silent.key(wanted[0])[:16]}"
    assert (kept / "program.log").exists()


def unless_it_is_kept(model, runs, directory, timeout, keep):
    """Stand in for a process that always fails and leaves something behind."""
    if keep:
        (directory / "out").mkdir(parents=True)
    return BatchOutcome((RunResult("failed", "why"),) * len(runs), "", 0.0, 0.0)


def test_few_sandboxes_of_failed_runs_are_kept_however_many_fail_and_however_often(store, monkeypatch):
    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", unless_it_is_kept)
    scratch = store.path / "scratch"
    for period in (PERIOD, LATER):
        with local_executor(3) as executor:
            counts = simulate(MODEL, runs(45, period), store, executor, EnsembleSettings(batch_runs=1))
        assert counts.failed == 45
        names = [path.name for path in scratch.iterdir()]
        assert len(names) == 20
        assert all(name.startswith("failed-") for name in names)


def test_the_sandbox_of_a_failed_run_goes_away_when_the_run_is_made_after_all(store, monkeypatch):
    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", unless_it_is_kept)
    simulate(MODEL, runs(2), store, Inline(), EnsembleSettings(batch_runs=1, retries=0))
    first, second = (f"failed-{MODEL.key(run)[:16]}" for run in runs(2))
    assert {path.name for path in (store.path / "scratch").iterdir()} == {first, second}
    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", attempted)
    store.drop([MODEL.key(runs(1)[0])])
    simulate(MODEL, runs(2), store, Inline())
    assert {path.name for path in (store.path / "scratch").iterdir()} == {second}


def test_what_a_killed_predecessor_left_in_the_scratch_directory_is_cleared(store, without_processes):
    stale = store.path / "scratch" / "run-of-the-past"
    stale.mkdir(parents=True)
    simulate(MODEL, runs(1), store, Inline())
    assert not stale.exists()


def test_other_processes_can_do_the_work(store):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        assert simulate(MODEL, runs(4), store, executor).committed == 4


def test_a_worker_that_dies_is_one_clear_error_and_nothing_is_blamed_on_the_runs(store, monkeypatch):
    with (
        ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor,
        pytest.raises(LegacyModelError, match="a worker died"),
    ):
        simulate(Deadly(spinup_years=1), runs(4), store, executor)
    assert store.counts().pending == 4


class Deadly(LinearReservoir):
    """Kills the process that prepares a batch."""

    def prepare(self, directory, runs):
        os._exit(9)


def test_an_error_in_a_batch_stops_the_ensemble_and_later_it_goes_on(store, monkeypatch):
    calls = []

    def attempt(*args):
        calls.append(args)
        if len(calls) == 2:
            raise LegacyModelError("no space left")
        return attempted(*args)

    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", attempt)
    settings = EnsembleSettings(batch_runs=2, in_flight=1)
    with pytest.raises(LegacyModelError, match="no space left"):
        simulate(MODEL, runs(6), store, Inline(), settings)
    assert (store.counts().committed, store.counts().failed) == (2, 0)
    assert simulate(MODEL, runs(6), store, Inline(), settings).committed == 6


@pytest.mark.parametrize("wrong", [{"batch_runs": 0}, {"retries": -1}, {"timeout": 0.0}, {"in_flight": 0}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        EnsembleSettings(**wrong)
