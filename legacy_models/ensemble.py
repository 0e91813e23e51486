"""Run many: batches on any executor, each committed as it ends; what the store has is never run again."""

import os
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from uuid import uuid4

from legacy_models import sandboxes
from legacy_models.batching import Batch, Pace, Pile, halves
from legacy_models.errors import LegacyModelError, UsageError
from legacy_models.executors import RemoteExecutor, WorkerDiedError, local_executor
from legacy_models.ledger import Counts
from legacy_models.model import LegacyModel, Run, RunResult
from legacy_models.runner import BatchOutcome, stop_below
from legacy_models.store import RunStore

__all__ = ["EnsembleSettings", "Pace", "Progress", "local_executor", "simulate"]

_SANDBOXES_KEPT = 20
_HOPELESS = 50  # runs given up without one that worked: then the model or its installation is at fault
_LOOK = 5.0  # seconds between two looks at whether there are workers at all
_COINCIDENCE = 1  # deaths of its workers after which a batch is tried again as if nothing had been


@dataclass(frozen=True, slots=True)
class EnsembleSettings:
    """How an ensemble is run; nothing here changes a result.

    Args:
        batch_runs: most runs per process; None is the rule of ``batching.Pace``.
        timeout: seconds a process may take; None is the rule of ``batching.Pace``.
        retries: how often a failing run is tried again before it is given up.
        scratch: where sandboxes are made, on each machine that runs batches; None is ``scratch`` in the store.
            At most 20 sandboxes, of runs that failed for good, are left there.
        in_flight: batches handed to the executor at a time; None is two a worker (the executor's
            ``worker_count`` where it has one, else the number of processors), and one while the first are timed.
            More workers than this are idle.
    """

    batch_runs: int | None = None
    timeout: float | None = None
    retries: int = 1
    scratch: Path | None = None
    in_flight: int | None = None

    def __post_init__(self) -> None:
        if any(number is not None and number < 1 for number in (self.batch_runs, self.in_flight)):
            raise UsageError(f"batch_runs and in_flight must be at least 1, received {self}")
        if self.retries < 0 or (self.timeout is not None and self.timeout <= 0):
            raise UsageError(f"retries must be 0 or more and timeout above 0 seconds, received {self}")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an ensemble is; ``seconds_left`` is None until the first batch has ended."""

    planned: int
    committed: int
    failed: int
    pending: int
    seconds_left: float | None


def simulate(
    model: LegacyModel,
    runs: Iterable[Run],
    store: RunStore,
    executor: Executor,
    settings: EnsembleSettings | None = None,
    on_batch: Callable[[Progress], None] | None = None,
    pace: Pace | None = None,
) -> Counts:
    """Run what the store does not have yet and commit it, batch by batch, from the calling thread.

    A run that the store holds, good or given up, is not run again; equal runs are run once. Where a process
    fails, its sound results are kept and the other runs are tried again in two halves, down to single runs; a
    run that fails alone, or in a process that ended well, is tried again ``retries`` times and then stored
    as failed. A batch whose worker died is tried again; if its worker dies once more, it is run alone once all
    others are done, so that no other run is blamed, and is narrowed down as above. When this is interrupted or
    raises, all its processes are killed, nothing partial is committed, and the same call later goes on where it
    stopped.

    Args:
        model: the adapter; it and the runs must be picklable if the executor uses other processes.
        runs: what is wanted.
        store: open for writing.
        executor: any ``concurrent.futures`` executor (``executors.open_executor`` opens those that a configuration
            can name); it stays the caller's.
        settings: batch size, time-out, retries.
        on_batch: told how far the ensemble is after every batch.
        pace: what earlier calls with these settings have learnt of the model, so that no batch is small for want of it.

    Returns:
        Counts of the wanted runs.

    Raises:
        LegacyModelError: if no run of the model can work: its program is missing or of another version where it
            is run, the disk is full, there is no worker left, or the first 50 runs were all given up.
        StoreError: if the store cannot be written.
    """
    runs = list(runs)
    keyed: dict[str, Run] = {}
    for key, run in zip(model.keys(runs), runs, strict=True):
        keyed.setdefault(key, run)
    for purpose in dict.fromkeys(run.purpose for run in keyed.values()):
        store.plan((key for key, run in keyed.items() if run.purpose == purpose), purpose)
    if any(key not in store for key in keyed):
        settings = settings or EnsembleSettings()
        pace = pace or Pace(model, settings.batch_runs, settings.timeout)
        _Ensemble(model, keyed, store, executor, settings, on_batch, pace).run()
    return store.counts(keyed)


@dataclass(eq=False)
class _Ensemble:
    """One call of ``simulate``.

    ``queue`` has what is tried again, ``suspects`` what may have killed its workers, ``flying`` each task's batch
    and whether its sandbox is kept if it fails.
    """

    model: LegacyModel
    wanted: Mapping[str, Run]
    store: RunStore
    executor: Executor
    settings: EnsembleSettings
    on_batch: Callable[[Progress], None] | None
    pace: Pace
    queue: deque[Batch] = field(default_factory=deque)
    suspects: deque[Batch] = field(default_factory=deque)
    flying: dict[Future[BatchOutcome], tuple[Batch, bool]] = field(default_factory=dict)
    given_up: int = 0
    any_good: bool = False

    def __post_init__(self) -> None:
        self.counts = self.store.counts(self.wanted)
        self.at_start, self.started = self.counts.pending, time.monotonic()
        missing = {key: run for key, run in self.wanted.items() if key not in self.store}
        self.pile = Pile(self.model, missing)
        self.scratch = sandboxes.scratch_of(self.store.path, self.settings.scratch)
        self.place = self.scratch / f"run-{uuid4().hex}"
        self._everywhere(sandboxes.clear_stale, self.scratch, frozenset(missing))
        self.kept = {path.name for path in sandboxes.kept_in(self.scratch)}

    def run(self) -> None:
        """Work until nothing is pending."""
        try:
            while self._fill():
                for future in wait(self.flying, _LOOK, FIRST_COMPLETED).done:
                    self._settle(future)
                    self._report()
                if isinstance(self.executor, RemoteExecutor):
                    self.executor.check()
        finally:
            self._stop()

    def _fill(self) -> bool:
        """Hand out batches while there is room; return whether any are under way."""
        while len(self.flying) < self._room() and (batch := self._next()):
            keep = batch.tries >= self.settings.retries and self._kept() < _SANDBOXES_KEPT
            timeout = self.pace.timeout(list(batch.runs.values()))
            future = self.executor.submit(
                sandboxes.attempt, self.model, self.model.version, batch.runs, self.place, timeout, keep
            )
            self.flying[future] = (batch, keep)
        return bool(self.flying)

    def _room(self) -> int:
        """Batches that may be under way."""
        return self.settings.in_flight or self._workers() * (2 if self.pace.known else 1)

    def _workers(self) -> int:
        return getattr(self.executor, "worker_count", None) or os.cpu_count() or 1

    def _kept(self) -> int:
        """Sandboxes that are kept or may be."""
        return len(self.kept) + sum(keep for _, keep in self.flying.values())

    def _next(self) -> Batch | None:
        """Take the next batch; suspects go one by one, when nothing else is left that their worker could take along."""
        if self.queue:
            return self.queue.popleft()
        if self.pile:
            return self.pile.cut(self.pace.size(self.pile.top), self._workers())
        return self.suspects.popleft() if self.suspects and not self.flying else None

    def _settle(self, future: Future[BatchOutcome]) -> None:
        """Commit what is settled and queue what is to be tried again."""
        batch, keep = self.flying.pop(future)
        outcome = self._outcome(batch, future)
        if outcome is None:
            return
        results = dict(zip(batch.runs, outcome.results, strict=True))
        failed = {key: batch.runs[key] for key, result in results.items() if result.status == "failed"}
        narrow = bool(outcome.fault) and len(batch.runs) > 1
        again = failed if narrow or batch.tries < self.settings.retries else {}
        if narrow:
            for half in halves(failed):
                self._enqueue(replace(batch, runs=half))
        elif again:
            self._enqueue(replace(batch, runs=again, tries=batch.tries + 1))
        elif keep and (bad := [key for key, result in results.items() if result.status != "ok"]):
            self.kept.add(sandboxes.kept(self.scratch, bad[0]).name)
        self._commit(batch.runs, {key: result for key, result in results.items() if key not in again})

    def _outcome(self, batch: Batch, future: Future[BatchOutcome]) -> BatchOutcome | None:
        """Return what a worker found, or that a suspect killed it; None if the batch gets another chance."""
        try:
            outcome = future.result()
        except WorkerDiedError as error:
            if batch.deaths <= _COINCIDENCE:
                self._enqueue(replace(batch, deaths=batch.deaths + 1))
                return None
            reason = f"killed its worker, not for the first time: {error}"
            return BatchOutcome((RunResult("failed", reason),) * len(batch.runs), reason, 0.0, 0.0)
        except BrokenExecutor as error:
            raise LegacyModelError(f"a worker died ({error}); what is committed is kept: start again") from error
        if not outcome.fault and all(result.status == "ok" for result in outcome.results):
            self.pace.learn(list(batch.runs.values()), outcome.process_seconds)
        return outcome

    def _enqueue(self, batch: Batch) -> None:
        (self.suspects if batch.deaths > _COINCIDENCE else self.queue).append(batch)

    def _commit(self, runs: Mapping[str, Run], results: Mapping[str, RunResult]) -> None:
        """Commit finished runs; raise once many were given up and none has worked."""
        if not results:
            return
        self.store.append(self.model, [runs[key] for key in results], list(results.values()), list(results))
        bad = [result for result in results.values() if result.status != "ok"]
        good = len(results) - len(bad)
        done = self.counts
        self.counts = Counts(done.planned, done.committed + good, done.failed + len(bad), done.pending - len(results))
        self.any_good = self.any_good or good > 0
        self.given_up += len(bad)
        if self.given_up >= _HOPELESS and not self.any_good:
            raise LegacyModelError(
                f"the first {self.given_up} runs of {self.model.name} all failed, the last one because: "
                f"{bad[-1].reason}; set it right, drop them from the store, and start again"
            )

    def _report(self) -> None:
        if self.on_batch is None:
            return
        done = self.at_start - self.counts.pending
        left = (time.monotonic() - self.started) * self.counts.pending / done if done else None
        self.on_batch(Progress(**asdict(self.counts), seconds_left=left))

    def _stop(self) -> None:
        """Call off what is under way and remove its sandboxes; after a good end there is nothing."""
        running = {future for future in self.flying if not future.cancel()}
        while running:
            self._everywhere(stop_below, self.place)
            running = wait(running, timeout=0.2).not_done
        self._everywhere(sandboxes.clear, self.place)

    def _everywhere(self, function: Callable[..., None], *args: object) -> None:
        """Call ``function`` in every process that may have sandboxes."""
        function(*args)
        if isinstance(self.executor, RemoteExecutor):
            self.executor.everywhere(function, *args)
