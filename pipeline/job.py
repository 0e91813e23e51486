"""A run under way: what it works on, what is finished, and whom to tell."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from legacy_models.errors import StoreError
from legacy_models.files import write_text
from pipeline.config import Config
from pipeline.experiment import Experiment, prepare
from pipeline.progress import Reporter
from pipeline.stage_record import StageRecord


@dataclass(frozen=True)
class Registered:
    """A registered surrogate: the address of its version, and the directory of its fetched bundle."""

    address: str
    path: Path


@dataclass(frozen=True, eq=False)
class Job:
    """What every stage is given.

    ``registered`` is the surrogate of the registry that is used instead of training one.
    """

    experiment: Experiment
    record: StageRecord
    reporter: Reporter
    registered: Registered | None = None

    @property
    def directory(self) -> Path:
        """The run's directory."""
        return self.experiment.directory

    def round_directory(self, number: int) -> Path:
        """Where round ``number`` keeps its runs, surrogate, network and checkpoints."""
        return self.directory / "rounds" / str(number)


@contextmanager
def opened(config: Config, directory: Path) -> Iterator[Job]:
    """Yield the job of ``directory``, in which no other process can work meanwhile.

    Args:
        config: the whole configuration.
        directory: the run's directory, made where it does not exist.

    Raises:
        StoreError: if another process is at work there.
        ProjectError: for a configuration or data that cannot be used; nothing is written then.
    """
    existed = directory.exists()
    directory.mkdir(parents=True, exist_ok=True)
    lock = FileLock(directory / ".lock", timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise StoreError(f"{directory}: another process is at work there; wait for it or give another --out") from None
    try:
        reporter, begin = Reporter(directory), time.monotonic()
        experiment = prepare(config, directory, reporter)
        write_text(directory / "config.yaml", config.to_yaml())
        record = StageRecord(directory)
        record.add("data", experiment.data_hash, time.monotonic() - begin)
        yield Job(experiment, record, reporter)
    finally:
        lock.release()
        if not existed:
            _remove_if_untouched(directory)


def _remove_if_untouched(directory: Path) -> None:
    """Remove a directory that holds nothing but the lock: a run that was refused leaves nothing behind."""
    if {path.name for path in directory.iterdir()} <= {".lock"}:
        (directory / ".lock").unlink(missing_ok=True)
        directory.rmdir()
