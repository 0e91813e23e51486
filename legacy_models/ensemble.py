"""Run many: batches on any executor, each committed as it ends; what the store has is never run again."""

import os
import shutil
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from math import ceil
from pathlib import Path
from uuid import uuid4

from legacy_models.errors import LegacyModelError, UsageError
from legacy_models.files import sha256_of_bytes
from legacy_models.ledger import Counts
from legacy_models.model import LegacyModel, Run, RunResult
from legacy_models.runner import BatchOutcome, attempt_batch, stop_below
from legacy_models.store import RunStore

_SANDBOXES_KEPT = 20
_HOPELESS = 50  # runs given up without one that worked: then the model or its installation is at fault


@dataclass(frozen=True, slots=True)
class EnsembleSettings:
    """How an ensemble is run; nothing here changes a result.

    Args:
        batch_runs: most runs per process; fewer where that keeps every processor busy.
        timeout: seconds a process may take; None is ``runner.default_timeout``.
        retries: how often a failing run is tried again before it is given up.
        scratch: where sandboxes are made; None is ``scratch`` in the store. Sandboxes of the first 20 batches
            that failed for good are left there.
        in_flight: batches handed to the executor at a time; None is twice the number of processors. More
            workers than this are idle.
    """

    batch_runs: int = 64
    timeout: float | None = None
    retries: int = 1
    scratch: Path | None = None
    in_flight: int | None = None

    def __post_init__(self) -> None:
        if self.batch_runs < 1 or (self.in_flight is not None and self.in_flight < 1):
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


def local_executor(workers: int) -> ThreadPoolExecutor:
    """Return an executor on this machine; threads, since they only wait for the model's processes."""
    return ThreadPoolExecutor(workers, thread_name_prefix="legacy-model")


def simulate(
    model: LegacyModel,
    runs: Iterable[Run],
    store: RunStore,
    executor: Executor,
    settings: EnsembleSettings | None = None,
    on_batch: Callable[[Progress], None] | None = None,
) -> Counts:
    """Run what the store does not have yet and commit it, batch by batch, from the calling thread.

    A run that the store holds, good or given up, is not run again; equal runs are run once. Where a process
    fails, its sound results are kept and the other runs are tried again in two halves, down to single runs; a
    run that fails alone, or in a process that ended well, is tried again ``retries`` times and then stored
    as failed. When this is interrupted or raises, all its processes are killed, nothing partial is committed,
    and the same call later goes on where it stopped.

    Args:
        model: the adapter; it and the runs must be picklable if the executor uses other processes.
        runs: what is wanted.
        store: open for writing.
        executor: any ``concurrent.futures`` executor; it stays the caller's.
        settings: batch size, time-out, retries.
        on_batch: told how far the ensemble is after every batch.

    Returns:
        Counts of the wanted runs.

    Raises:
        LegacyModelError: if no run of the model can work: its program is missing, the disk is full, or the
            first 50 runs were all given up.
        StoreError: if the store cannot be written.
    """
    keyed: dict[str, Run] = {}
    for run in runs:
        keyed.setdefault(model.key(run), run)
    for purpose in dict.fromkeys(run.purpose for run in keyed.values()):
        store.plan((key for key, run in keyed.items() if run.purpose == purpose), purpose)
    _Ensemble(model, keyed, store, executor, settings or EnsembleSettings(), on_batch).run()
    return store.counts(keyed)


@dataclass(frozen=True, eq=False)
class _Batch:
    """Runs for one process; ``tries`` counts how often they have failed for good reason already."""

    runs: Mapping[str, Run]
    tries: int = 0


@dataclass(eq=False)
class _Ensemble:
    """One call of ``simulate``."""

    model: LegacyModel
    wanted: Mapping[str, Run]
    store: RunStore
    executor: Executor
    settings: EnsembleSettings
    on_batch: Callable[[Progress], None] | None
    queue: deque[_Batch] = field(default_factory=deque)
    flying: dict[Future[BatchOutcome], tuple[_Batch, Path]] = field(default_factory=dict)
    kept: int = 0
    given_up: int = 0
    any_good: bool = False

    def run(self) -> None:
        """Work until nothing is pending."""
        missing = {key: run for key, run in self.wanted.items() if key not in self.store}
        self.queue.extend(batches(self.model, missing, self.settings.batch_runs))
        scratch = _fresh_scratch(self.settings.scratch, self.store.path)
        started, at_start = time.monotonic(), len(missing)
        in_flight = self.settings.in_flight or 2 * (os.cpu_count() or 1)
        try:
            while self.queue or self.flying:
                while self.queue and len(self.flying) < in_flight:
                    self._submit(self.queue.popleft(), scratch / f"run-{uuid4().hex}")
                for future in wait(self.flying, return_when=FIRST_COMPLETED).done:
                    outcome = _outcome(future)
                    self._settle(*self.flying.pop(future), outcome)
                    self._report(time.monotonic() - started, at_start)
        finally:
            self._stop(scratch)

    def _submit(self, batch: _Batch, sandbox: Path) -> None:
        keep = self.kept < _SANDBOXES_KEPT and batch.tries >= self.settings.retries
        future = self.executor.submit(
            attempt_batch, self.model, list(batch.runs.values()), sandbox, self.settings.timeout, keep
        )
        self.flying[future] = (batch, sandbox)

    def _settle(self, batch: _Batch, sandbox: Path, outcome: BatchOutcome) -> None:
        """Commit what is settled and queue what is to be tried again."""
        results = dict(zip(batch.runs, outcome.results, strict=True))
        failed = {key: batch.runs[key] for key, result in results.items() if result.status == "failed"}
        narrow = bool(outcome.fault) and len(batch.runs) > 1
        again = failed if narrow or batch.tries < self.settings.retries else {}
        settled = [key for key in results if key not in again]
        if settled:
            runs = [batch.runs[key] for key in settled]
            self.store.append(self.model, runs, [results[key] for key in settled], settled)
        if narrow:
            self.queue.extend(_Batch(half, batch.tries) for half in _halves(failed))
        elif again:
            self.queue.append(_Batch(again, batch.tries + 1))
        self._keep_sandbox(sandbox, next(iter(failed)) if failed and not again else "")
        self._refuse_hopeless([results[key] for key in settled])

    def _refuse_hopeless(self, settled: Sequence[RunResult]) -> None:
        """Raise once many runs were given up and none has worked."""
        bad = [result for result in settled if result.status != "ok"]
        self.any_good = self.any_good or len(bad) < len(settled)
        self.given_up += len(bad)
        if self.given_up >= _HOPELESS and not self.any_good:
            raise LegacyModelError(
                f"the first {self.given_up} runs of {self.model.name} all failed, the last one because: "
                f"{bad[-1].reason}; set it right, drop them from the store, and start again"
            )

    def _keep_sandbox(self, sandbox: Path, key: str) -> None:
        """Give the sandbox of a run that is given up a name of its own; remove any other that is left."""
        if not sandbox.exists():
            return
        if key:
            self.kept += 1
            final = sandbox.with_name(f"failed-{key[:16]}")
            shutil.rmtree(final, ignore_errors=True)
            sandbox.rename(final)
        else:
            shutil.rmtree(sandbox, ignore_errors=True)

    def _report(self, elapsed: float, at_start: int) -> None:
        if self.on_batch is None:
            return
        counts = self.store.counts(self.wanted)
        done = at_start - counts.pending
        left = elapsed * counts.pending / done if done else None
        self.on_batch(Progress(**asdict(counts), seconds_left=left))

    def _stop(self, scratch: Path) -> None:
        """Call off what is under way; after a good end there is nothing."""
        running = {future for future in self.flying if not future.cancel()}
        while running:
            stop_below(scratch)
            running = wait(running, timeout=0.2).not_done
        for _, sandbox in self.flying.values():
            shutil.rmtree(sandbox, ignore_errors=True)


def _outcome(future: Future[BatchOutcome]) -> BatchOutcome:
    """Return what a worker found; a worker that died is an error of one line."""
    try:
        return future.result()
    except BrokenExecutor as error:
        raise LegacyModelError(f"a worker died ({error}); what is committed is kept: start again") from error


def batches(model: LegacyModel, runs: Mapping[str, Run], size: int) -> list[_Batch]:
    """Cut ``runs`` into batches of one period and group, at most ``size`` runs each, keeping a site's runs together.

    The batches of a group are about equal, and a multiple of the number of processors.
    """
    by_group: dict[object, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for key, run in runs.items():
        by_group[run.start, run.end, model.batch_group(run)][id(run.site)].append(key)
    cut = []
    for sites in by_group.values():
        ordered = [key for keys in sites.values() for key in keys]
        processors = os.cpu_count() or 1
        rounds = ceil(len(ordered) / (size * processors))
        even = ceil(len(ordered) / (rounds * processors))
        cut += [ordered[i : i + even] for i in range(0, len(ordered), even)]
    return [_Batch({key: runs[key] for key in keys}) for keys in cut]


def _halves(runs: Mapping[str, Run]) -> Sequence[Mapping[str, Run]]:
    """Return two halves, or the one run alone."""
    keys = list(runs)
    middle = (len(keys) + 1) // 2
    return [{k: runs[k] for k in half} for half in (keys[:middle], keys[middle:]) if half]


def _fresh_scratch(configured: Path | None, store: Path) -> Path:
    """Return this store's scratch directory, without what a killed predecessor left (the store is locked)."""
    if configured is None:
        scratch = store / "scratch"
    else:
        scratch = configured / f"store-{sha256_of_bytes(str(store.resolve()).encode())[:16]}"
    for stale in scratch.glob("run-*"):
        shutil.rmtree(stale, ignore_errors=True)
    return scratch.absolute()
