"""The small parent of every model program: it sees to it that nothing of the program outlives the caller.

``runner`` starts this file as ``python -I -S watchdog.py CALLER_PID COMMAND ...``; it needs nothing but the
standard library. It starts the command in a session of its own, passes on a capped log, and when the command
ends, when it is told to stop (SIGTERM) or when the caller is gone, it kills all that the command started: its
process group and, on Linux, also what left that group (orphans are adopted by the watchdog). Its own exit
status, or the signal it dies of, is the command's.
"""

import ctypes
import os
import resource
import select
import signal
import sys
import time
from collections import deque
from contextlib import suppress
from typing import NoReturn

HEAD = 256 * 1024  # bytes of the log kept from its beginning
TAIL = 256 * 1024  # and from its end
CANNOT_START = "watchdog: cannot start"
_POLL = 1.0  # seconds between looks at whether the caller still lives
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36  # linux/prctl.h


class CappedLog:
    """Passes on the first ``head`` bytes, holds the last ``tail``, and forgets what is between."""

    def __init__(self, descriptor: int, head: int = HEAD, tail: int = TAIL) -> None:
        self._descriptor, self._head, self._tail = descriptor, head, tail
        self._held: deque[bytes] = deque()
        self._held_bytes = self._forgotten = 0

    def add(self, chunk: bytes) -> None:
        """Take what the command wrote."""
        first, rest = chunk[: self._head], chunk[self._head :]
        self._head -= len(first)
        self._write(first)
        if rest:
            self._held.append(rest)
            self._held_bytes += len(rest)
        while self._held_bytes > self._tail:
            surplus = self._held_bytes - self._tail
            oldest = self._held.popleft()
            kept = oldest[surplus:]
            if kept:
                self._held.appendleft(kept)
            self._held_bytes -= len(oldest) - len(kept)
            self._forgotten += len(oldest) - len(kept)

    def close(self) -> None:
        """Pass on the end of the log, saying what was left out."""
        if self._forgotten:
            self._write(f"\n... {self._forgotten} bytes of the log left out ...\n".encode())
        for chunk in self._held:
            self._write(chunk)

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            return  # a full disk costs the log, not the command


def main(argv: list[str]) -> None:
    """Run ``argv[1:]`` until it ends or the caller, process ``argv[0]``, is gone; then end as it did."""
    caller, command = int(argv[0]), argv[1:]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    wake = _wake_on_signals()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)  # the thread that started the watchdog waits for it
    log_end, command_end = os.pipe()
    watchdog = os.getpid()
    child = os.fork()
    if child == 0:
        _become(command, command_end, watchdog)
    os.close(command_end)
    log = CappedLog(descriptor=1)
    status = _watch(child, caller, log_end, wake, log)
    _kill_all(child)
    _drain(log_end, log)
    log.close()
    _mirror(status)


_stopped = False


def _stop(number: int, frame: object) -> None:  # noqa: ARG001 - the signature of a signal handler
    global _stopped
    _stopped = True


def _wake_on_signals() -> int:
    """Return a descriptor that becomes readable when the command ends or the watchdog is told to stop."""
    readable, writable = os.pipe()
    os.set_blocking(readable, False)
    os.set_blocking(writable, False)
    signal.set_wakeup_fd(writable, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # noqa: ARG005
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    return readable


def _become(command: list[str], output: int, watchdog: int) -> NoReturn:
    """Turn the forked child into the command, in a session of its own that dies with the watchdog."""
    try:
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != watchdog:
            os._exit(1)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(output, 1)
        os.dup2(output, 2)
        for number in (
            signal.SIGPIPE,
            signal.SIGXFSZ,
        ):  # Python ignores both; the command must not inherit that
            signal.signal(number, signal.SIG_DFL)
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, f"{CANNOT_START} {command[0]}: {error.strerror}\n".encode())
    finally:
        os._exit(127)


def _watch(child: int, caller: int, log_end: int, wake: int, log: CappedLog) -> int:
    """Return the wait status of ``child``, killing it when the watchdog is stopped or the caller gone."""
    sources = [wake, log_end]
    while True:
        ready, _, _ = select.select(sources, [], [], _POLL)
        if log_end in ready:
            chunk = os.read(log_end, 1 << 16)
            log.add(chunk)
            if not chunk:
                sources.remove(log_end)
        if wake in ready:
            os.read(wake, 4096)
        if _stopped or os.getppid() != caller:
            os.kill(child, signal.SIGKILL)
            return os.waitpid(child, 0)[1]
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status


def _kill_all(group: int, patience: float = 10.0) -> None:
    """Kill the command's group and every process that the watchdog has adopted."""
    with suppress(ProcessLookupError, PermissionError):  # the group is empty; macOS says so with EPERM
        os.killpg(group, signal.SIGKILL)
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            for pid in _children(os.getpid()):
                os.kill(pid, signal.SIGKILL)
            time.sleep(0.002)


def _children(parent: int) -> list[int]:
    """Return the ids of the children of ``parent``, zombies included; empty where there is no /proc."""
    children = []
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:  # noqa: PTH112, PTH208 - pathlib is slow to import
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat", "rb") as stream:  # noqa: PTH123
                    fields = stream.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent:
                children.append(int(entry))
    return children


def _drain(log_end: int, log: CappedLog) -> None:
    """Take what is left in the pipe without waiting for more."""
    os.set_blocking(log_end, False)
    try:
        while chunk := os.read(log_end, 1 << 16):
            log.add(chunk)
    except BlockingIOError:
        return


def _mirror(status: int) -> NoReturn:
    """End as the command did."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 1)


def _prctl(option: int, value: int) -> None:
    """Call Linux's prctl; elsewhere do nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    main(sys.argv[1:])
