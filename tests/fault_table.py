"""The faults that the project must survive, and a table of how often each was injected and what survived.

A test says which faults it injects (``@pytest.mark.fault(12)``) and, where runs are at stake, how many survived
(fixture ``survivors``). ``pytest -m faults --fault-table`` prints the table; a fault without a test is missing.
"""

import shutil
import textwrap
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import zip_longest

import pytest

FAULTS = {
    1: ("the model exits non-zero", "a failed run with its log's tail, retried at most N times"),
    2: ("exits 0 with truncated output", "incomplete, failed"),
    3: ("NaN or infinite output", "quarantined, never trained on"),
    4: ("absurd output, or an open water balance", "quarantined"),
    5: ("hangs", "its process group is killed on time, the others finish"),
    6: ("leaves a grandchild", "none alive afterwards"),
    7: ("SIGSEGV, SIGFPE", "the signal is recorded, no core file"),
    8: ("endless log", "capped"),
    9: ("program missing or not executable", "one clear error before any run"),
    10: ("disk full in a sandbox", "clean stop, resumable"),
    11: ("disk full in the store", "what was committed stays readable, no partial commit"),
    12: ("kill -9 of the orchestrating process", "the next start finishes; keys are unique and equal the plan"),
    13: ("kill -9 during a store write", "every acknowledged run survives"),
    14: ("a flipped byte in stored data", "detected, that run redone"),
    15: ("two processes, one store", "the second is refused at once, nothing truncated"),
    16: ("a late duplicate of a run", "refused"),
    17: ("a Dask worker dies", "only what was uncommitted runs again"),
    18: ("a task that always kills its worker", "the flow ends, with the reason, in bounded time"),
    19: ("the Prefect server goes away", "retried or recorded; the store consistent"),
    20: ("two schedules overlap", "one trainer; the other is told"),
    21: ("kill -9 in training", "the resumed loss curve equals the uninterrupted one"),
    22: ("kill -9 while a checkpoint is written", "the one before loads"),
    23: ("a NaN loss or gradient", "stop, name basin and variable, keep the last good weights"),
    24: ("a missing attribute, a basin without observations", "named; skipped only when told to"),
    25: ("bad data", "converted where the format says so, otherwise one line naming file, row and rule"),
    26: ("unknown key, reversed dates, lower > upper", "exit 2, the key's path and the nearest right one"),
    27: ("surrogate and request disagree", "refused"),
    28: ("a malicious surrogate file", "refused, nothing executed"),
    29: ("the registry is down, or dies in between", "champion unchanged; running it again is harmless"),
    30: ("learned parameters outside the domain", "promotion blocked, runs planned"),
}  # fmt: skip


@dataclass(slots=True)
class Seen:
    """What the tests of one fault have shown."""

    injected: int = 0
    survived: int = 0
    lost: int = 0
    counted: bool = False
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def verdict(self) -> str:
        """One word."""
        if self.failed:
            return f"FAILED ({self.failed} of {self.failed + self.passed} tests)"
        if self.passed:
            return "held" + (f" ({self.skipped} skipped)" if self.skipped else "")
        return "skipped" if self.skipped else "missing"


_seen: dict[int, Seen] = defaultdict(Seen)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-table", action="store_true", help="print what became of each injected fault")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.get_closest_marker("fault"):
            item.add_marker(pytest.mark.faults)


@pytest.fixture
def survivors(request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that adds to the table: injections, runs that survived, runs without a good result."""

    def add(injected: int = 1, survived: int = 0, lost: int = 0) -> None:
        request.node.user_properties.append(("survivors", (injected, survived, lost)))

    return add


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    numbers = {number for mark in item.iter_markers("fault") for number in mark.args}
    if numbers and (report.when == "call" or report.outcome != "passed"):
        for number in numbers:
            _add(_seen[number], report)
    return report


def _add(seen: Seen, report: pytest.TestReport) -> None:
    setattr(seen, report.outcome, getattr(seen, report.outcome) + 1)
    counts = [value for name, value in report.user_properties if name == "survivors"]
    seen.counted = seen.counted or bool(counts)
    if report.outcome != "skipped":
        seen.injected += sum(injected for injected, _, _ in counts) or 1
        seen.survived += sum(survived for _, survived, _ in counts)
        seen.lost += sum(lost for _, _, lost in counts)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--fault-table"):
        return
    terminalreporter.write_sep("=", "faults")
    for line in table(_seen, shutil.get_terminal_size((150, 24)).columns):
        terminalreporter.write_line(line)


def table(seen: dict[int, Seen], width: int) -> list[str]:
    """Return the lines of the table: number, fault, expected, injections, runs survived / lost, verdict."""
    text = max(24, (width - 50) // 2)
    layout = f"{{:>3}}  {{:{text}}}  {{:{text}}}  {{:>8}}  {{:>13}}  {{}}"
    lines = [layout.format("#", "fault", "expected", "injected", "survived/lost", "verdict")]
    for number, (fault, expected) in FAULTS.items():
        one = seen.get(number, Seen())
        runs = f"{one.survived}/{one.lost}" if one.counted else "-"
        first, *rest = zip_longest(textwrap.wrap(fault, text), textwrap.wrap(expected, text), fillvalue="")
        lines.append(layout.format(number, *first, one.injected or "-", runs, one.verdict))
        lines += [layout.format("", *row, "", "", "").rstrip() for row in rest]
    return lines
