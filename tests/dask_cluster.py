"""A Dask cluster that somebody else has started: its scheduler and each of its workers a process."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from legacy_models.executors import ExecutorSettings

Process = subprocess.Popen[bytes]


@contextmanager
def cluster(
    folder: Path, workers: int = 2, wrapped: Sequence[str] = ()
) -> Iterator[tuple[ExecutorSettings, Process, list[Process]]]:
    """Yield the settings to reach it, its scheduler and its workers, which stay dead once killed."""
    with ExitStack() as stack:

        def start(*words: str, before: Sequence[str] = ()) -> Process:
            options = ["--no-dashboard", "--host", "127.0.0.1", "--scheduler-file", str(folder / "scheduler.json")]
            command = [*before, sys.executable, "-m", *words, *options]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            stack.callback(process.wait)
            stack.callback(process.kill)
            return process

        folder.mkdir(exist_ok=True)
        scheduler = start("distributed.cli.dask_scheduler", "--port", "0")
        options = ("--no-nanny", "--nthreads", "1", "--local-directory", str(folder))
        started = [start("distributed.cli.dask_worker", *options, before=wrapped) for _ in range(workers)]
        yield ExecutorSettings("dask", address=_address(folder), worker_timeout=60.0), scheduler, started


def _address(folder: Path) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            return str(json.loads((folder / "scheduler.json").read_text())["address"])
        except (OSError, ValueError):
            time.sleep(0.05)
    raise TimeoutError("the scheduler did not start")
