"""The text files of CAMELS-US: a basin's forcing under four header lines, and its gauged flow with quality flags.

Quirks of the files that end here: the case of the column names differs between products; four Maurer files do
not name the columns of the date; -999 is a missing value; a flag may be absent.
"""

import io
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from legacy_models.errors import DataError
from legacy_models.parameters import Array
from pipeline.readers import checks, units
from pipeline.readers.checks import Days
from pipeline.readers.contract import FORCING

MISSING = -999.0
DATE = ("year", "mnth", "day")
FLOW_COLUMNS = ("gauge", *DATE, "discharge", "flag")
FIRST_ROW = 5  # line of a forcing file, under four header lines


@dataclass(frozen=True, eq=False)
class ForcingRecord:
    """Forcing of one basin on consecutive days, in the project's units, and its area [km2]."""

    path: Path
    basin: str
    area: float
    dates: Days
    series: Mapping[str, Array]

    @property
    def span(self) -> str:
        """First and last day, for messages."""
        return f"{self.dates[0]} to {self.dates[-1]}"

    def between(self, days: Days) -> dict[str, Array]:
        """Return (time,) every series on ``days``, which the record covers."""
        first = int((days[0] - self.dates[0]).astype(np.int64))
        return {name: values[first : first + len(days)] for name, values in self.series.items()}


@dataclass(frozen=True, eq=False)
class FlowRecord:
    """Discharge of one basin [ft3/s]; NaN, and a day that is not there, is a gap."""

    dates: Days
    discharge: Array

    def on(self, days: Days) -> Array:
        """Return (time,) discharge on consecutive ``days``, NaN outside the record."""
        found = np.full(len(days), np.nan)
        places = (self.dates - days[0]).astype(np.int64)
        inside = (places >= 0) & (places < len(days))
        found[places[inside]] = self.discharge[inside]
        return found


def read_forcing(path: Path, basin: str) -> ForcingRecord:
    """Read one ``*_forcing_leap.txt``: latitude, elevation [m], area [m2], column names with units, a row a day.

    Raises:
        DataError: naming file, basin, line and rule where the file breaks one.
    """
    where = f"{path}: basin {basin}"
    lines = _text(path, where).split("\n", FIRST_ROW - 1)
    if len(lines) < FIRST_ROW:
        raise DataError(f"{where}: expected four header lines and a row for each day, received {len(lines)} lines")
    area = _area(lines[2], where)
    unit_of = _columns(lines[3], where)
    rows = _rows(lines[4], tuple(unit_of), len(unit_of), FIRST_ROW, where)
    dates = rows.dates(longest_step=1)
    series = {name: _without_code(rows.numbers(name)) for name in FORCING}
    series = {n: units.convert(values, n, unit_of[n], f"{where}: line 4") for n, values in series.items()}
    return ForcingRecord(path, basin, area, dates, series)


def read_flow(path: Path, basin: str, gap_flags: Collection[str]) -> FlowRecord:
    """Read one ``*_streamflow_qc.txt``: gauge, year, month, day, discharge [ft3/s], quality flag.

    Args:
        path: the file.
        basin: id of the basin, which every row must name.
        gap_flags: flags whose days are gaps.

    Raises:
        DataError: naming file, basin, line and rule where the file breaks one.
    """
    where = f"{path}: basin {basin}"
    rows = _rows(_text(path, where), FLOW_COLUMNS, len(FLOW_COLUMNS) - 1, 1, where)
    gauges = rows.table["gauge"].astype(str)
    rows.refuse(gauges.str.lstrip("0") != basin.lstrip("0"), "the row is of gauge {}", gauges)
    dates = rows.dates()
    discharge = rows.numbers("discharge")
    discharge = np.where(rows.table["flag"].isin(list(gap_flags)), MISSING, discharge)
    sound = (discharge == MISSING) | ((discharge >= 0) & np.isfinite(discharge))
    rule = f"discharge is {{}} ft3/s; only {MISSING:g} and the flags {', '.join(gap_flags)} stand for a gap"
    rows.refuse(~sound, rule, discharge)
    return FlowRecord(dates, _without_code(discharge))


@dataclass(frozen=True, eq=False)
class _Rows:
    """The rows of a file, the first of which is on line ``first``; ``where`` is how messages begin."""

    table: pd.DataFrame
    first: int
    where: str

    def refuse(self, bad: npt.ArrayLike, rule: str, values: Array | pd.Series) -> None:
        """Raise for the first bad row, with its line, and its value in the rule's place for it."""
        found = np.flatnonzero(np.asarray(bad))
        if found.size:
            value = np.asarray(values)[found[0]]
            raise DataError(f"{self.where}: line {self.first + int(found[0])}: {rule.format(value)}")

    def numbers(self, name: str) -> Array:
        """Return a column as numbers, NaN where there is none."""
        column = self.table[name]
        numbers = pd.to_numeric(column, errors="coerce")
        self.refuse(numbers.isna() & column.notna(), f"{name} is not a number: {{!r}}", column)
        return numbers.to_numpy(dtype=np.float64)

    def dates(self, longest_step: int | None = None) -> Days:
        """Return the day of every row, each after the one before and at most ``longest_step`` days later."""
        parts = {part: self.numbers(name) for part, name in zip(("year", "month", "day"), DATE, strict=True)}
        dates = pd.to_datetime(pd.DataFrame(parts), errors="coerce")
        texts = pd.Series(list(zip(*parts.values(), strict=True))) if dates.isna().any() else dates
        self.refuse(dates.isna(), "there is no day {0[0]:g}-{0[1]:g}-{0[2]:g}", texts)
        days = dates.to_numpy().astype("datetime64[D]")
        steps = np.diff(days).astype(np.int64)
        broken = (steps < 1) | (steps > (longest_step or np.inf))
        if broken.any():
            at = int(broken.argmax())
            what = checks.describe_break(days[at], days[at + 1])
            raise DataError(f"{self.where}: line {self.first + at + 1}: {what}{_calendar(days[at], days[at + 1])}")
        return days


def _calendar(before: np.datetime64, after: np.datetime64) -> str:
    if str(before).endswith("-12-30") and str(after).endswith("-01-01"):
        return "; Daymet's calendar leaves it out in leap years, the files of CAMELS that end in _leap.txt have it"
    return ""


def _without_code(values: Array) -> Array:
    return np.where(values == MISSING, np.nan, values)


def _text(path: Path, where: str) -> str:
    try:
        return path.read_text(encoding="utf-8-sig").rstrip()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{where}: cannot be read: {error}") from None


def _area(line: str, where: str) -> float:
    try:
        area = float(line)
    except ValueError:
        area = np.nan
    if not 0 < area < np.inf:
        raise DataError(f"{where}: line 3 must be the basin's area in m2, a number above 0; received {line.strip()!r}")
    return float(units.AREA.convert(np.array(area), "m2"))


def _columns(line: str, where: str) -> dict[str, str]:
    """Return the unit of every column by its name in lower case; columns of the date have none."""
    found = {name.lower(): unit for name, unit in re.findall(r"(\w+)(?:\(([^()\s]*)\))?", line)}
    if set(FORCING) <= found.keys() and "year" not in found:  # Maurer: 02108000, 05120500, 07067000, 09492400
        found = dict.fromkeys((*DATE, "hr"), "") | found
    lacking = [name for name in (*DATE, *FORCING) if name not in found]
    if lacking:
        raise DataError(f"{where}: line 4 names no column {', '.join(lacking)}; received {' '.join(line.split())!r}")
    return found


def _rows(text: str, names: Sequence[str], least: int, first: int, where: str) -> _Rows:
    """Return the rows of ``text`` under ``names``; the first must have ``least`` values or more."""
    width = len(text.split("\n", 1)[0].split())
    if not least <= width <= len(names):
        raise DataError(f"{where}: line {first}: expected {len(names)} values ({', '.join(names)}), received {width}")
    kinds = {name: str for name in ("gauge", "flag") if name in names}
    try:
        table = pd.read_csv(
            io.StringIO(text), sep=r"\s+", header=None, names=list(names), dtype=kinds, skip_blank_lines=False
        )
    except pd.errors.ParserError as error:
        found = re.search(r"in line (\d+), saw (\d+)", str(error))
        at, count = (int(number) for number in found.groups()) if found else (1, width)
        raise DataError(f"{where}: line {at + first - 1}: expected {len(names)} values, received {count}") from None
    return _Rows(table, first, where)
