"""What the injected faults share: the misbehaving model, a way to see who is alive, and little disks."""

import os
import resource
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """Return a function that lists the processes that were started, at any remove, by this test."""
    if not Path("/proc/self/environ").exists():
        pytest.skip("needs /proc")
    token = uuid.uuid4().hex
    monkeypatch.setenv("FAULT_TOKEN", token)
    mine = str(os.getpid())

    def living() -> list[str]:
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdigit() and process.name != mine:
                try:
                    if token in (process / "environ").read_text(errors="replace"):
                        found.append((process / "cmdline").read_text().replace("\0", " "))
                except OSError:
                    continue
        return found

    return living


@pytest.fixture
def misbehave(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that says what the misbehaving program is to do wrong."""
    return lambda faults: monkeypatch.setenv("MISBEHAVE", faults)


@pytest.fixture
def executions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[], Counter[int]]:
    """Return a function that counts how often each run number was begun by a misbehaving program."""
    path = tmp_path / "executions.txt"
    path.touch()
    monkeypatch.setenv("EXECUTIONS", str(path))
    return lambda: Counter(int(line) for line in path.read_text().split())


@pytest.fixture
def small_files() -> Callable[[int], AbstractContextManager[None]]:
    """Return a context in which no file can grow above some bytes: a disk that is full just then."""

    @contextmanager
    def limited(most: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
