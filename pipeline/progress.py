"""Progress of long work: bars on a terminal, plain lines elsewhere, and ``run.log`` always."""

import datetime as dt
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

PLAIN_INTERVAL = 10.0
"""Seconds between two plain lines of one bar."""


class Reporter:
    """Tells a person how a run is going.

    Args:
        directory: the run's directory, whose ``run.log`` is appended to; None writes no log.
        console: where to write; a terminal gets bars, anything else plain lines.
    """

    def __init__(self, directory: Path | None = None, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True)
        self._log = directory / "run.log" if directory else None

    def say(self, text: str) -> None:
        """Write one line to console and log."""
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)
        self._write(text)

    @contextmanager
    def bar(self, title: str, total: int) -> Iterator[Callable[[int, str], None]]:
        """Yield ``advance(completed, remark)`` for work of ``total`` steps."""
        if self.console.is_terminal:
            with self._progress() as progress:
                task = progress.add_task(title, total=total, remark="")
                yield lambda completed, remark: progress.update(task, completed=completed, remark=remark)
        else:
            yield self._plain_lines(title, total)
        self._write(f"{title}: finished")

    def closing(self, directory: Path) -> None:
        """Print the table of a finished run's scores and the path of its report."""
        summary = json.loads((directory / "summary.json").read_text(encoding="utf-8"))
        self.console.print(score_table(summary))
        self.say(f"report: {directory / 'report.html'}")

    def _progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[remark]}"),
            console=self.console,
        )

    def _plain_lines(self, title: str, total: int) -> Callable[[int, str], None]:
        """Return an ``advance`` that writes at most one line in ``PLAIN_INTERVAL`` seconds, and the last one."""
        last = time.monotonic()

        def advance(completed: int, remark: str) -> None:
            nonlocal last
            now = time.monotonic()
            if now - last >= PLAIN_INTERVAL or completed >= total:
                last = now
                self.say(f"{title}: {completed}/{total} {remark}".rstrip())

        return advance

    def _write(self, text: str) -> None:
        if self._log is not None:
            self._log.parent.mkdir(parents=True, exist_ok=True)
            stamp = dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            with self._log.open("a", encoding="utf-8") as stream:
                stream.write(f"{stamp} {text}\n")


def score_table(summary: dict[str, Any]) -> Table:
    """The scores of a summary as a table: a row for each source and split."""
    title = "Median scores over basins" + (" (synthetic data)" if summary["synthetic"] else "")
    table = Table("", "split", "basins", "NSE", "NSE 5 %", "KGE", "bias %", title=title)
    for source in ("closed_loop", "through_surrogate", "default_parameters", "hidden_parameters"):
        for split, scores in (summary.get(source) or {}).items():
            if split != "gap" and scores:
                figures = (scores[key] for key in ("nse_median", "nse_p05", "kge_median", "pbias_median"))
                table.add_row(source.replace("_", " "), split, str(scores["basins"]), *map(_figure, figures))
    for split, gap in summary["closed_loop"]["gap"].items():
        if gap:
            table.add_row("|gap|", split, "", _figure(gap["abs_median"]), "", "", "")
    return table


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
