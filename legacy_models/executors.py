"""Where legacy programs are run: threads of this process, or workers that are processes of their own."""

from abc import abstractmethod
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from legacy_models import EXECUTORS
from legacy_models.errors import UsageError


@dataclass(frozen=True, slots=True)
class ExecutorSettings:
    """Which executor runs the programs.

    Args:
        name: ``threads`` of this process, which only wait for the programs; or ``dask``, workers of a Dask
            cluster.
        workers: programs at a time; None is 2. Not with an address: that cluster has the workers it has.
        address: of a Dask scheduler that is there already, for example ``tcp://10.0.0.1:8786``; what secures
            it is Dask's own configuration. None starts a scheduler and workers on this machine, each a process,
            which live as long as they are needed.
        worker_timeout: seconds to wait for a Dask worker where there is none, before giving up.
    """

    name: str = "threads"
    workers: int | None = None
    address: str | None = None
    worker_timeout: float = 60.0

    def __post_init__(self) -> None:
        key = "legacy_model.executor"
        EXECUTORS.check(self.name)
        if self.address is not None and self.name != "dask":
            raise UsageError(f"{key}.address: is for name: dask, received name: {self.name}")
        if self.address is not None and "://" not in self.address:
            raise UsageError(f"{key}.address: expected protocol://host:port, received {self.address!r}")
        if self.workers is not None and (self.workers < 1 or self.address is not None):
            raise UsageError(f"{key}.workers: at least 1, and none beside an address, received {self.workers}")
        if self.worker_timeout <= 0:
            raise UsageError(f"{key}.worker_timeout: above 0 seconds, received {self.worker_timeout}")

    @property
    def worker_count(self) -> int:
        """Workers that are started here."""
        return self.workers or 2


class WorkerDiedError(Exception):
    """The worker that had a task died; its executor lives on."""


class RemoteExecutor(Executor):
    """An executor whose workers are other processes, which may die one by one.

    A task whose worker died raises ``WorkerDiedError``; each task ends or is known to be lost in bounded time,
    as long as ``check`` is called now and then.
    """

    @property
    @abstractmethod
    def worker_count(self) -> int:
        """Tasks that are run at a time, just now."""

    @abstractmethod
    def check(self) -> None:
        """Look at the workers.

        Raises:
            LegacyModelError: if nothing has been there for too long that could do any work.
        """

    @abstractmethod
    def everywhere(self, function: Callable[..., object], *args: object) -> None:
        """Call ``function`` in every worker that can be reached soon; what it returns or raises is ignored."""


def open_executor(settings: ExecutorSettings) -> AbstractContextManager[Executor]:
    """Return the executor that ``settings`` ask for, to be used in a ``with`` block.

    Raises:
        UsageError: if a package that it needs is not installed.
        LegacyModelError: if its workers cannot be reached or started.
    """
    opened: AbstractContextManager[Executor] = EXECUTORS.resolve(settings.name)(settings)
    return opened


def threads(settings: ExecutorSettings) -> ThreadPoolExecutor:
    """Return an executor of this process's threads, which only wait for the model's processes."""
    return local_executor(settings.worker_count)


def local_executor(workers: int) -> ThreadPoolExecutor:
    """Return an executor on this machine; threads, since they only wait for the model's processes."""
    return _Threads(workers, thread_name_prefix="legacy-model")


class _Threads(ThreadPoolExecutor):
    @property
    def worker_count(self) -> int:
        return self._max_workers
