"""A Dask cluster as an executor; the only door to dask and distributed, which are an optional installation."""

import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from legacy_models.errors import LegacyModelError, UsageError
from legacy_models.executors import ExecutorSettings, RemoteExecutor, WorkerDiedError
from legacy_models.runner import service

if TYPE_CHECKING:
    from distributed import Client, Security
    from distributed import Future as Task

_REACHED_WITHIN = 10.0  # seconds for a word to all workers
_OWN_CLUSTER = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
"""The death of a worker is told at once: the ensemble knows the runs, and decides what is tried again."""


@contextmanager
def dask_cluster(settings: ExecutorSettings) -> Iterator["DaskExecutor"]:
    """Yield an executor on the cluster at ``settings.address``, or on one that is started here and ends with it.

    Raises:
        UsageError: if Dask is not installed.
        LegacyModelError: if no scheduler or no worker answers in time.
    """
    try:
        import distributed  # noqa: F401
    except ImportError:
        raise UsageError(
            "legacy_model.executor.name: dask needs the package distributed, which is not installed; "
            "install it with: pip install 'dpl-hydrology[dask]'"
        ) from None
    seconds = settings.worker_timeout
    with ExitStack() as stack:
        if settings.address is None:
            cluster = stack.enter_context(_own_cluster(settings.worker_count, seconds))
        else:
            cluster = _Cluster(settings.address)
        executor = DaskExecutor(stack.enter_context(_connected(cluster, seconds)), cluster, seconds)
        executor.wait_for_workers(1 if settings.address else settings.worker_count)
        yield executor


@dataclass(frozen=True, slots=True)
class _Cluster:
    """What is known of a cluster: where it is, the key to it, and the log of workers that were started here."""

    address: str
    security: "Security | None" = None
    log: Path | None = None


class DaskExecutor(RemoteExecutor):
    """Runs tasks on the workers of a Dask cluster.

    Args:
        client: connected to its scheduler.
        cluster: the cluster, for messages.
        worker_timeout: seconds without any worker after which ``check`` gives up.
    """

    def __init__(self, client: "Client", cluster: _Cluster, worker_timeout: float) -> None:
        self._client, self._cluster, self._worker_timeout = client, cluster, worker_timeout
        self._worker_seen = time.monotonic()
        self._count = 0

    @property
    def worker_count(self) -> int:
        """Threads of all workers when they were last looked at."""
        return self._count

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand ``function`` to a worker; a task that is cancelled is forgotten, but not interrupted."""
        import dask

        future: Future[Any] = Future()
        call = partial(function, *args, **kwargs)  # as one opaque value: Dask would search arguments for tasks
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):  # runs carry their forcing
            task = self._client.submit(call, key=f"batch-{uuid4().hex}", pure=False, retries=0)
        future.add_done_callback(lambda done: task.cancel() if done.cancelled() else None)
        task.add_done_callback(partial(_hand_over, future, self._cluster.address))
        return future

    def check(self) -> None:
        """Count the workers; see ``RemoteExecutor``."""
        if self._client.status != "running":
            raise _lost(self._cluster.address)
        try:
            self._count = sum(self._client.nthreads().values())
        except OSError as error:
            raise _lost(self._cluster.address) from error
        now = time.monotonic()
        if self._count:
            self._worker_seen = now
        elif now - self._worker_seen > self._worker_timeout:
            said = _last_line(self._cluster.log) if self._cluster.log else ""
            raise LegacyModelError(
                f"the Dask scheduler at {self._cluster.address} has had no worker for {self._worker_timeout:g} s"
                f"{said and f' ({said})'}; what is committed is kept: start workers, then start again"
            )

    def wait_for_workers(self, number: int) -> None:
        """Return when there are so many workers, or fewer once they have had their time.

        Raises:
            LegacyModelError: if there is none by then.
        """
        deadline = time.monotonic() + self._worker_timeout
        self.check()
        while self._count < number and not (self._count and time.monotonic() > deadline):
            time.sleep(0.1)
            self.check()

    def everywhere(self, function: Callable[..., object], *args: object) -> None:
        """Call ``function`` in every worker; see ``RemoteExecutor``."""
        if self._client.status != "running":
            return

        def call() -> None:
            with suppress(Exception):
                self._client.run(function, *args, on_error="ignore")

        thread = threading.Thread(target=call, daemon=True)  # a worker that hangs must not hang us
        thread.start()
        thread.join(_REACHED_WITHIN)


def _hand_over(future: Future[Any], address: str, task: "Task[Any]") -> None:
    """Pass on how a task ended."""
    from distributed import KilledWorker

    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(task.result())
    except KilledWorker as error:
        future.set_exception(WorkerDiedError(f"the Dask worker at {error.last_worker.address} died"))
    except CancelledError:
        future.set_exception(_lost(address))
    except BaseException as error:
        future.set_exception(error)


def _connected(cluster: _Cluster, seconds: float) -> "Client":
    """Return a client of the cluster's scheduler."""
    from distributed import Client

    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # our errors say it in one line
    try:
        return Client(cluster.address, timeout=seconds, security=cluster.security, set_as_default=False)
    except (OSError, ValueError) as error:
        raise LegacyModelError(
            f"no Dask scheduler answers at {cluster.address} within {seconds:g} s: {error}"
        ) from error


def _lost(address: str) -> LegacyModelError:
    return LegacyModelError(
        f"the connection to the Dask scheduler at {address} is lost; what is committed is kept: start again"
    )


@contextmanager
def _own_cluster(workers: int, seconds: float) -> Iterator[_Cluster]:
    """Start a scheduler and workers of one thread on this machine, and yield them.

    It listens on this machine only, and to this user only: a key that nobody else can read is made for it. A worker
    that dies is started again by its nanny.
    """
    from distributed import Security

    with TemporaryDirectory(prefix="dpl-dask-") as name, ExitStack() as stack:
        folder, secured = Path(name), Security.temporary()
        certificate, key, file = folder / "certificate.pem", folder / "key.pem", folder / "scheduler.json"
        certificate.write_text(secured.tls_ca_file)
        key.write_text(secured.tls_client_key)
        tls = ["--tls-ca-file", str(certificate), "--tls-cert", str(certificate), "--tls-key", str(key)]
        common = [*tls, "--protocol", "tls", "--host", "127.0.0.1", "--no-dashboard", "--scheduler-file", str(file)]
        ended = stack.enter_context(_program("scheduler", folder, [*common, "--port", "0"]))
        address = _address(file, ended, folder / "scheduler.log", seconds)
        each = ["--nthreads", "1", "--memory-limit", "0", "--local-directory", str(folder)]
        stack.enter_context(_program("worker", folder, [*common, *each, "--nworkers", str(workers)]))
        yield _Cluster(address, secured, folder / "worker.log")


def _program(name: str, folder: Path, options: list[str]) -> AbstractContextManager[Callable[[], str]]:
    """Keep one of Dask's programs running."""
    command = [sys.executable, "-P", "-m", f"distributed.cli.dask_{name}", *options]
    return service(command, folder / f"{name}.log", _OWN_CLUSTER)


def _address(file: Path, ended: Callable[[], str], log: Path, seconds: float) -> str:
    """Return the scheduler's address from the file that it writes once it listens."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not (fault := ended()):
        with suppress(OSError, ValueError):
            return str(json.loads(file.read_text())["address"])
        time.sleep(0.05)
    raise LegacyModelError(f"a Dask scheduler did not start ({fault or 'no answer'}): {_last_line(log)}")


def _last_line(log: Path) -> str:
    return (["", *log.read_text(errors="replace").strip().splitlines()])[-1].strip()
