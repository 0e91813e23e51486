"""The only door to subprocess: run one batch in a sandbox directory and say what became of each run.

Beside batches, it keeps the services of the project running that are processes of their own (``service``).
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from legacy_models import watchdog
from legacy_models.errors import DataError, LegacyModelError, ParameterError
from legacy_models.model import LegacyModel, Run, RunResult, days_between, implausible

LOG_NAME = "program.log"
LOG_TAIL = 2000  # characters of the log that a failed run carries

_BASE_SECONDS = 300.0
_PATIENCE = 60.0  # times the usual: a slow or crowded machine
_LEAST_FREE_BYTES = 1 << 20
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_NO_SPACE = ("No space left on device", "Disk quota exceeded", "File too large")

_active: dict[subprocess.Popen[bytes], Path] = {}
_called_off: set[Path] = set()
_active_lock = threading.Lock()


@dataclass(frozen=True, eq=False)
class BatchOutcome:
    """What became of a batch.

    Args:
        results: one per run, in order.
        fault: why the process did not end well (status, signal, time-out, refused input); empty if it did.
        seconds: wall time.
        process_seconds: wall time of the program alone.
    """

    results: tuple[RunResult, ...]
    fault: str
    seconds: float
    process_seconds: float


def run_batch(
    model: LegacyModel, runs: Sequence[Run], directory: Path, timeout: float | None = None
) -> list[RunResult]:
    """Run ``runs`` in one process and return their results, in order; arguments as in ``attempt_batch``."""
    return list(attempt_batch(model, runs, directory, timeout).results)


def attempt_batch(
    model: LegacyModel,
    runs: Sequence[Run],
    directory: Path,
    timeout: float | None = None,
    keep_failed: bool = True,
) -> BatchOutcome:
    """Run ``runs`` (one period) in one process of ``model`` and say what became of it.

    The program gets a new sandbox ``directory`` as its working directory, no input, a log of at most 0.5 MiB
    (the beginning and the end of what it writes), no core file and one thread. When it ends, when ``timeout``
    has passed or when the caller dies, every process that it started is killed (see ``watchdog``). Where the
    process failed, runs that are complete and sound are kept and all others are ``failed``.

    Args:
        model: the adapter.
        runs: what to run.
        directory: the sandbox, made here; removed unless a run failed and ``keep_failed`` is true.
        timeout: seconds; None is the rule of ``default_timeout``.
        keep_failed: whether the sandbox of a failed batch is left for inspection.

    Raises:
        LegacyModelError: if no run of this model can work: the program is missing or not executable, or the
            sandbox cannot be written (a full disk, for example). Such a batch says nothing about its runs.
    """
    started = time.monotonic()
    keep = False
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        raise _unusable(directory, error) from error
    try:
        fault, log_tail, process_seconds = _execute(model, runs, directory, timeout)
        results = _results(model, runs, directory, fault, log_tail)
        failed = bool(fault) or any(result.status != "ok" for result in results)
        if failed:
            _refuse_full_disk(directory, fault + log_tail)
        keep = failed and keep_failed
    except OSError as error:
        raise _unusable(directory, error) from error
    finally:
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)
    return BatchOutcome(tuple(results), fault, time.monotonic() - started, process_seconds)


def default_timeout(model: LegacyModel, runs: Sequence[Run]) -> float:
    """Return the time [s] a batch may take: 300 s, and 60 times what its years usually take, spin-up included."""
    return _BASE_SECONDS + _PATIENCE * model.seconds_a_year * simulated_years(model, runs)


def simulated_years(model: LegacyModel, runs: Sequence[Run]) -> float:
    """Return the years that the model simulates for ``runs``, spin-up included."""
    periods = Counter((run.start, run.end) for run in runs)
    return sum(n * (model.spinup_years + (days_between(*period) + 1) / 365.25) for period, n in periods.items())


def stop_below(directory: Path) -> None:
    """Kill every program of this process whose sandbox lies in ``directory``, now and whenever one is started."""
    with _active_lock:
        _called_off.add(directory)
        processes = [process for process, sandbox in _active.items() if sandbox.is_relative_to(directory)]
    for process in processes:
        process.terminate()


@contextmanager
def service(argv: Sequence[str], log: Path, environment: Mapping[str, str]) -> Iterator[Callable[[], str]]:
    """Keep a program of the project's own running while the block lasts; nothing that it started outlives it.

    It ends also when this process or the thread that entered the block dies, however that happens.

    Args:
        argv: the command.
        log: file for what it writes, capped.
        environment: what is added to the environment.

    Yields:
        A function that says how the program ended; empty while it runs.
    """
    process = _started(argv, Path.cwd(), log, environment)
    try:
        yield lambda: "" if (status := process.poll()) is None else _described(status) or "ended"
    finally:
        _end(process)


def _execute(model: LegacyModel, runs: Sequence[Run], directory: Path, timeout: float | None) -> tuple[str, str, float]:
    """Return fault (empty if none), end of the log, and the seconds that the program took."""
    try:
        argv = _located(model, model.prepare(directory, runs))
    except (DataError, ParameterError) as error:
        return f"input refused: {error}", "", 0.0
    limit = default_timeout(model, runs) if timeout is None else timeout
    started = time.monotonic()
    fault = _run_process(argv, directory, limit)
    log_tail = _log_tail(directory / LOG_NAME)
    if fault and log_tail.startswith(watchdog.CANNOT_START):
        raise LegacyModelError(f"the program of {model.name} cannot be run: {log_tail.strip()}")
    return fault, log_tail, time.monotonic() - started


def _located(model: LegacyModel, argv: list[str]) -> list[str]:
    """Return the command with the program's absolute path."""
    found = shutil.which(argv[0])
    if found is None:
        raise LegacyModelError(
            f"the program of {model.name}, {argv[0]!r}, is missing or not executable; "
            "give the path of an executable file"
        )
    return [os.path.abspath(found), *argv[1:]]  # noqa: PTH100 - a link must stay a link (virtual environments)


def _run_process(argv: list[str], directory: Path, timeout: float) -> str:
    """Run the command under the watchdog until it ends or time is up; return the fault, empty if none."""
    process = _started(argv, directory, directory / LOG_NAME, dict.fromkeys(_ONE_THREAD, "1") | os.environ)
    with _active_lock:
        _active[process] = directory
        called_off = any(directory.is_relative_to(place) for place in _called_off)
    try:
        if called_off:
            process.terminate()
        return _described(process.wait(timeout))
    except subprocess.TimeoutExpired:
        return f"timed out after {timeout:g} s"
    finally:
        _end(process)
        with _active_lock:
            del _active[process]


def _started(
    argv: Sequence[str], directory: Path, log_path: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start the command under the watchdog in ``directory``."""
    with log_path.open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, str(os.getpid()), *argv],
            cwd=directory,
            env=os.environ | environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _end(process: subprocess.Popen[bytes], patience: float = 15.0) -> None:
    """Make sure that the watchdog, and with it the program, is gone and reaped."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _described(status: int) -> str:
    """Return an exit status in words; empty for 0."""
    if status < 0:
        return f"killed by {signal.Signals(-status).name}"
    return f"exited with status {status}" if status else ""


def _log_tail(path: Path) -> str:
    """Return the last characters of the log."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(0, size - 4 * LOG_TAIL))
        return stream.read().decode("utf-8", errors="replace")[-LOG_TAIL:]


def _results(model: LegacyModel, runs: Sequence[Run], directory: Path, fault: str, log_tail: str) -> list[RunResult]:
    """Collect and check the results; what a failed process left is kept only where it is sound."""
    refused = fault.startswith("input refused")
    collected = [RunResult("failed", fault)] * len(runs) if refused else model.collect(directory, runs)
    if len(collected) != len(runs):
        raise LegacyModelError(f"{model.name} collected {len(collected)} results of {len(runs)} runs")
    checked = [checked_result(model, run, result) for run, result in zip(runs, collected, strict=True)]
    if not fault:
        return [r if r.status == "ok" else replace(r, log_tail=r.log_tail or log_tail) for r in checked]
    return [r if r.status == "ok" else RunResult("failed", fault, log_tail=log_tail) for r in checked]


def checked_result(model: LegacyModel, run: Run, result: RunResult) -> RunResult:
    """Return ``result``, or a failed or quarantined one if its outputs are incomplete, not finite or absurd.

    Incomplete means another shape than (day, output); absurd means outside the range of the output's
    ``Variable``. What only the model knows, such as its water balance, its adapter checks.
    """
    if result.status != "ok":
        return result
    expected = (days_between(run.start, run.end) + 1, len(model.outputs))
    received = None if result.outputs is None else result.outputs.shape
    if result.outputs is None or received != expected:
        return RunResult("failed", f"incomplete output: expected (day, output) = {expected}, received {received}")
    reason = implausible(result.outputs, model.outputs, run.start)
    return RunResult("quarantined", reason) if reason else result


def _refuse_full_disk(directory: Path, text: str) -> None:
    """Raise if the sandbox's disk is full: then the failure is not the runs' and nothing may be recorded."""
    disk = os.statvfs(directory)
    full = disk.f_bavail * disk.f_frsize < _LEAST_FREE_BYTES or (disk.f_files > 0 and disk.f_favail == 0)
    if full or "killed by SIGXFSZ" in text or any(words in text for words in _NO_SPACE):
        raise _no_space(directory)


def _unusable(directory: Path, error: OSError) -> LegacyModelError:
    """Say why nothing can be written to the sandbox."""
    if any(words in str(error) for words in _NO_SPACE):
        return _no_space(directory)
    return LegacyModelError(f"cannot use sandbox {directory}: {error.strerror or error}")


def _no_space(directory: Path) -> LegacyModelError:
    return LegacyModelError(
        f"no space left in {directory.parent}, where the model runs; what is committed is kept: "
        "make room or choose another scratch directory, then start again"
    )
