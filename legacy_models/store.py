"""RunStore: a directory of finished runs that survives crashes, has one writer, and is the source of truth.

    store.json      schema version
    plan.txt        the keys of all runs that were asked for, each with its purpose
    segments/       one immutable HDF5 file per committed batch (see ``segments``)
    forcing/        one HDF5 file per forcing record, named by its digest
    lock            held by the one writer

Planned = committed + failed with a reason + pending, at every moment: a run is pending while it is in the
plan and in no readable segment.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout

from legacy_models.errors import StoreError
from legacy_models.keys import forcing_digest
from legacy_models.ledger import Counts, check_place, check_schema, make_store, read_plan, write_plan
from legacy_models.model import LegacyModel, Run, RunResult, with_spinup
from legacy_models.retrieval import (
    Holding,
    Problem,
    damaged_contents,
    gather,
    holdings,
    outputs_by_key,
    rewrite_without,
)
from legacy_models.run_set import ModelInfo, RunSet
from legacy_models.segments import (
    Block,
    Record,
    Segment,
    Status,
    read_index,
    write_forcing,
    write_segment,
)

__all__ = ["Counts", "Holding", "ModelInfo", "Problem", "Record", "RunSet", "RunStore"]


class RunStore:
    """An open run store; use ``RunStore.open``.

    Readers need no lock: they see the segments that were there when they opened it.
    """

    def __init__(self, path: Path, writable: bool) -> None:
        self.path = path
        self._writable = writable
        self._planned: dict[str, str] = {}
        self._load()

    @classmethod
    @contextmanager
    def open(cls, path: Path, write: bool = False) -> Iterator["RunStore"]:
        """Open the store at ``path``; with ``write``, make it where it does not exist and lock it.

        Raises:
            StoreError: at once if another process is writing to it, or if there is no store, or a newer one.
        """
        path = Path(path)
        if not write:
            check_schema(path)
            yield cls(path, writable=False)
            return
        check_place(path)
        lock = FileLock(path / "lock", timeout=0, thread_local=False)
        try:
            lock.acquire()
        except Timeout:
            raise StoreError(f"the run store {path} is being written to by another process; wait for it") from None
        try:
            make_store(path)
            yield cls(path, writable=True)
        finally:
            lock.release()

    def plan(self, keys: Iterable[str], purpose: str) -> None:
        """Note durably that the runs ``keys`` are wanted; a key keeps the first purpose it was given."""
        self._require_write()
        new = {key: purpose for key in keys if key not in self._planned}
        if new:
            planned = self._planned | new
            try:
                write_plan(self.path / "plan.txt", planned)
            except OSError as error:
                raise StoreError(f"cannot write to {self.path}: {error}; the plan is as it was") from error
            self._planned = planned

    def append(
        self,
        model: LegacyModel,
        runs: Sequence[Run],
        results: Sequence[RunResult],
        keys: Sequence[str] | None = None,
    ) -> None:
        """Commit finished runs, durably when this returns; those of one period together or not at all.

        Args:
            model: the model that made them.
            runs: what was run.
            results: what became of each.
            keys: ``model.key`` of each run where the caller has them already.

        Raises:
            StoreError: if a run is in the store already (nothing is written), or if writing fails.
        """
        self._require_write()
        keys = model.keys(runs) if keys is None else keys
        if len(set(keys)) < len(runs) or any(key in self for key in keys):
            twice = next(key for key in keys if key in self or keys.count(key) > 1)
            raise StoreError(f"run {twice} is committed already; a late duplicate is refused")
        for purpose in dict.fromkeys(run.purpose for run in runs):
            self.plan((k for k, run in zip(keys, runs, strict=True) if run.purpose == purpose), purpose)
        items = list(zip(keys, runs, results, strict=True))
        try:
            for period in dict.fromkeys((run.start, run.end) for run in runs):
                self._commit(model, period, [i for i in items if (i[1].start, i[1].end) == period])
        except OSError as error:
            self._load()
            raise StoreError(f"cannot write to {self.path}: {error}; what was committed is kept") from error
        except BaseException:
            self._load()
            raise

    def __contains__(self, key: object) -> bool:
        return key in self._index

    def record(self, key: str) -> Record:
        """Return what is known of a finished run.

        Raises:
            StoreError: if it is not in the store.
        """
        return self._find(key)[1]

    def results(self, keys: Iterable[str]) -> dict[str, Status | Literal["pending"]]:
        """Return the status of each key; ``pending`` if it is not in the store."""
        return {key: self._index[key][1].status if key in self else "pending" for key in keys}

    def counts(self, keys: Iterable[str] | None = None) -> Counts:
        """Count all runs that were planned, or those of ``keys``."""
        wanted = list(self._planned) if keys is None else list(dict.fromkeys(keys))
        statuses = Counter(self.results(wanted).values())
        failed = statuses["failed"] + statuses["quarantined"]
        return Counts(len(wanted), statuses["ok"], failed, statuses["pending"])

    def counts_by_purpose(self) -> dict[str, Counts]:
        """Count all runs that were planned, by the purpose they were first planned for."""
        purposes = dict.fromkeys(self._planned.values())
        return {p: self.counts(k for k, purpose in self._planned.items() if purpose == p) for p in purposes}

    def holdings(self) -> tuple[Holding, ...]:
        """Return what is here by model and period, in the words that ``read`` asks for."""
        return holdings(self._index.values())

    def read(
        self,
        model_version: str,
        start: np.datetime64 | None = None,
        end: np.datetime64 | None = None,
        purposes: Collection[str] | None = None,
        keys: Collection[str] | None = None,
        scratch: Path | None = None,
    ) -> RunSet:
        """Read the good runs of one model, all of one length, checking every checksum.

        Args:
            model_version: version of the model.
            start: first recorded day; None for any.
            end: last recorded day; None for any.
            purposes: only runs committed for these.
            keys: only these; needed to tell apart runs that differ in an option of the adapter.
            scratch: directory on whose disk the outputs lie while they are used; None is in memory.

        Raises:
            StoreError: if there is no such run, if data are damaged (naming the remedy), or if the runs
                differ in length or in the model's description, for example the length of the spin-up.
        """
        wanted = None if keys is None else set(keys)
        chosen = [
            (segment, record)
            for key, (segment, record) in self._index.items()
            if record.status == "ok"
            and segment.model.version == model_version
            and (start is None or segment.start == start)
            and (end is None or segment.end == end)
            and (purposes is None or record.purpose in purposes)
            and (wanted is None or key in wanted)
        ]
        if not chosen:
            raise StoreError(
                f"{self.path} holds no finished run of model version {model_version} from {start or 'any day'} to "
                f"{end or 'any day'} for {', '.join(purposes) if purposes else 'any purpose'}"
            )
        return gather(chosen, self.path / "forcing", scratch)

    def output(self, key: str) -> npt.NDArray[np.float32]:
        """Return the (time, output) outputs of a good run.

        Raises:
            StoreError: if it is not in the store, not good, or damaged.
        """
        return self.outputs([key])[0]

    def outputs(self, keys: Sequence[str]) -> list[npt.NDArray[np.float32]]:
        """Return the (time, output) outputs of each of many good runs, reading no segment twice.

        Raises:
            StoreError: if one is not in the store, not good, or damaged.
        """
        found = [self._find(key) for key in keys]
        for _, record in found:
            if record.status != "ok":
                raise StoreError(f"run {record.key} is {record.status}: {record.reason}")
        by_key = outputs_by_key(found)
        return [by_key[key] for key in keys]

    def verify(self) -> list[Problem]:
        """Read every byte and return what is damaged; an empty list means that all is sound."""
        return self._problems + damaged_contents(self._segments(), self.path / "forcing")

    def repair(self) -> list[Problem]:
        """Remove what is damaged, so that its runs are pending again, and return what it was."""
        self._require_write()
        problems = self.verify()
        damaged = {problem.path for problem in problems}
        lost = {key for problem in problems for key in problem.keys}
        try:
            for segment in self._segments():
                if segment.path in damaged or not lost.isdisjoint(r.key for r in segment.records):
                    rewrite_without(segment, lost)
            for path in damaged.difference(segment.path for segment in self._segments()):
                path.unlink(missing_ok=True)
        finally:
            self._load()
        return problems

    def drop(self, keys: Iterable[str]) -> None:
        """Remove finished runs, so that they are pending again: given-up runs that deserve another try."""
        self._require_write()
        unwanted = set(keys)
        try:
            for segment in self._segments():
                if not unwanted.isdisjoint(record.key for record in segment.records):
                    rewrite_without(segment, unwanted)
        finally:
            self._load()

    def _commit(
        self,
        model: LegacyModel,
        period: tuple[np.datetime64, np.datetime64],
        items: Sequence[tuple[str, Run, RunResult]],
    ) -> None:
        """Write one segment and the forcing that it needs."""
        digests = {key: forcing_digest(run, model.spinup_years) for key, run, r in items if r.status == "ok"}
        self._keep_forcing(model, {digests[key]: run for key, run, _ in items if key in digests})
        records = [Record.of(key, run, result, digests.get(key, "")) for key, run, result in items]
        names = [variable.name for variable in model.properties]
        block = Block(
            np.array([run.parameters for _, run, _ in items], np.float64).reshape(len(items), -1),
            np.array([[run.site.properties[n] for n in names] for _, run, _ in items], np.float64),
            [np.asarray(r.outputs, np.float32) for _, _, r in items if r.status == "ok"],
        )
        self._last += 1
        path = self.path / "segments" / f"{self._last:08d}.h5"
        self._add(write_segment(path, ModelInfo.of(model), period, records, block))

    def _keep_forcing(self, model: LegacyModel, runs: Mapping[str, Run]) -> None:
        """Make sure that each forcing is stored, given by its digest and a run that has it."""
        for digest, run in runs.items():
            path = self.path / "forcing" / f"{digest}.h5"
            if not path.exists():
                write_forcing(path, with_spinup(run.site.forcing, run.start, run.end, model.spinup_years))

    def _load(self) -> None:
        """Build the index from what is on disk."""
        self._index: dict[str, tuple[Segment, Record]] = {}
        self._problems: list[Problem] = []
        paths = sorted((self.path / "segments").glob("*.h5"))
        self._last = max((int(path.stem) for path in paths if path.stem.isdigit()), default=0)
        for path in paths:
            try:
                self._add(read_index(path))
            except StoreError as error:
                self._problems.append(Problem(path, str(error)))
        try:
            plan = read_plan(self.path / "plan.txt")
        except StoreError as error:
            plan = {}
            self._problems.append(Problem(self.path / "plan.txt", str(error)))
        self._planned = plan | {k: r.purpose for k, (_, r) in self._index.items() if k not in plan}

    def _add(self, segment: Segment) -> None:
        """Take a segment into the index."""
        twice = [record.key for record in segment.records if record.key in self._index]
        if twice:
            raise StoreError(f"{segment.path}: holds run {twice[0]}, which another segment holds already")
        self._index.update((record.key, (segment, record)) for record in segment.records)

    def _segments(self) -> list[Segment]:
        return list({segment.path: segment for segment, _ in self._index.values()}.values())

    def _find(self, key: str) -> tuple[Segment, Record]:
        try:
            return self._index[key]
        except KeyError:
            raise StoreError(f"run {key} is not in {self.path}") from None

    def _require_write(self) -> None:
        if not self._writable:
            raise StoreError(f"{self.path} was opened for reading; open it with write=True")
