"""VIC as a `LegacyModel`: real VIC 5 or the embedded program, called with the very same files."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from legacy_models.errors import DataError, LegacyModelError, UsageError
from legacy_models.files import sha256_of_bytes, sha256_of_file
from legacy_models.keys import run_key
from legacy_models.model import Forcing, Run, RunResult, Site, Variable, days_between, with_spinup
from legacy_models.parameters import Array
from legacy_models.vic import inputs
from legacy_models.vic.balance import Expected, completeness, judge, storage
from legacy_models.vic.disaggregation import STEPS_PER_DAY
from legacy_models.vic.flux_file import FluxTable, read_ascii, read_binary
from legacy_models.vic.global_file import GlobalFile, format_global
from legacy_models.vic.parameters import PARAMETERS
from legacy_models.vic.site import PROPERTIES, site_properties, tiles
from legacy_models.vic.soil_file import SoilTable, format_soil
from legacy_models.vic.sub_daily import FORCING, SubDailyTexts, check_forcing, period
from legacy_models.vic.vegetation_files import format_class, format_tiles

GLOBAL_NAME = "global.txt"
FORMAT_MODULES = (
    "global_file",
    "soil_file",
    "vegetation_files",
    "snow_band_file",
    "forcing_file",
    "flux_file",
)

OUTPUTS = (
    Variable("runoff", "mm/day", 0.0, 2000.0),
    Variable("baseflow", "mm/day", 0.0, 1000.0),
    Variable("evaporation", "mm/day", -20.0, 50.0),
    Variable("swe", "mm", 0.0, 100000.0),
    Variable("soil_moist_0", "m3/m3", 0.0, 1.0),
    Variable("soil_moist_1", "m3/m3", 0.0, 1.0),
    Variable("soil_moist_2", "m3/m3", 0.0, 1.0),
)
_COLUMNS = (
    "OUT_RUNOFF",
    "OUT_BASEFLOW",
    "OUT_EVAP",
    "OUT_SWE",
    "OUT_SOIL_MOIST_0",
    "OUT_SOIL_MOIST_1",
    "OUT_SOIL_MOIST_2",
)


@dataclass(frozen=True)
class VicModel:
    """VIC in water balance mode, three layers, one tile, one snow band.

    Args:
        executable: of the real VIC 5 (classic driver); None is the embedded program.
        steps_per_day: 4, 6, 8, 12 or 24.
        spinup_years: simulated before the recorded days, from 0.6 of the soil's capacity.
        output_format: of the program's output, BINARY (float32) or ASCII.

    Raises:
        UsageError: if an option is none of what is possible.
    """

    executable: str | None = None
    steps_per_day: int = 4
    spinup_years: int = 10
    output_format: inputs.OutputFormat = "BINARY"
    _texts: SubDailyTexts = field(default_factory=SubDailyTexts, init=False, repr=False, compare=False)

    name = "vic"
    parameters = PARAMETERS
    forcing = FORCING
    properties = PROPERTIES
    outputs = OUTPUTS
    states = ("swe", "soil_moist_0", "soil_moist_1", "soil_moist_2")
    runoff = ("runoff", "baseflow")

    def __post_init__(self) -> None:
        if self.steps_per_day not in STEPS_PER_DAY:
            raise UsageError(f"steps_per_day must be one of {STEPS_PER_DAY}, received {self.steps_per_day!r}")
        if self.spinup_years < 0:
            raise UsageError(f"spinup_years must be 0 or more, received {self.spinup_years!r}")
        if self.output_format not in ("BINARY", "ASCII"):
            raise UsageError(f"output_format must be BINARY or ASCII, received {self.output_format!r}")

    @property
    def seconds_a_year(self) -> float:
        """CPU time of VIC 5 for a year of one cell, tile and band: 0.03 s at 4 steps a day, 0.19 s at 24."""
        return 0.008 * self.steps_per_day

    def __getstate__(self) -> dict[str, Any]:
        """Options only: another machine works out the version of what it has."""
        return {name: value for name, value in self.__dict__.items() if name != "version"}

    @cached_property
    def version(self) -> str:
        """SHA-256 of the executable, or of the embedded program's sources and its numba and numpy versions.

        Raises:
            LegacyModelError: if the executable is not there or may not be executed.
        """
        if self.executable is None:
            return embedded_version()
        return sha256_of_file(usable(self.executable))

    def site(self, name: str, attributes: Mapping[str, Any], forcing: Forcing) -> Site:
        """Build a site from CAMELS attributes; see `legacy_models.vic.site.site_properties`."""
        check_forcing(name, forcing)
        return Site(name, site_properties(name, attributes, forcing), forcing)

    def key(self, run: Run) -> str:
        """Hash of the version and of every byte that decides the outcome of ``run``; see the protocol."""
        try:
            return self._input_key(run)
        except DataError:
            options = {f.name: getattr(self, f.name) for f in fields(self) if f.init and f.name != "executable"}
            return run_key(self.version, run, self.spinup_years, options)

    def _input_key(self, run: Run) -> str:
        table = inputs.unlabelled(inputs.soil_table([run]))
        (vegetation,) = inputs.vegetation([run])
        return sha256_of_bytes(
            self.version.encode(),
            format_soil(table).encode(),
            format_class(vegetation).encode(),
            format_tiles(tiles(run.site.properties, 0)).encode(),
            self._global_text(run).encode(),
            period(run)[0].encode(),
            self._texts.digest(run, self.spinup_years, self.steps_per_day).encode(),
        )

    def prepare(self, directory: Path, runs: Sequence[Run]) -> list[str]:
        """Validate and write the input of ``runs``, one cell each, to a new folder; return the command.

        Raises:
            DataError: if an input is impossible, or the runs are not of one period.
            FileExistsError: if the folder holds an earlier batch.
            LegacyModelError: if the executable cannot be used.
        """
        _check_one_period(runs)
        command = self._command()
        table = inputs.soil_table(runs)
        inputs.check_soil(table, runs)
        self._write_vegetation(directory, runs)
        self._write_forcing(directory, runs, table)
        (directory / "out").mkdir()
        (directory / "soil.txt").write_text(format_soil(table))
        (directory / GLOBAL_NAME).write_text(self._global_text(runs[0]))
        return [*command, "-g", GLOBAL_NAME]

    def collect(self, directory: Path, runs: Sequence[Run]) -> list[RunResult]:
        """Read and validate the output of each run; soil moisture becomes m3/m3 by the run's depths."""
        table = inputs.soil_table(runs)
        settings = self._settings(runs[0])
        expected: dict[int, Expected] = {}
        results = []
        for index, run in enumerate(runs):
            known = expected.get(id(run.site.forcing)) or self._expected(run)
            expected[id(run.site.forcing)] = known
            moisture = float(table.init_moist[index].sum())
            label = settings.label(table.lat[index], table.lon[index])
            filled = replace(known, initial_storage=moisture)
            results.append(self._result(directory, label, run, filled, table.depth[index]))
        return results

    def _result(self, directory: Path, label: str, run: Run, expected: Expected, depth: Array) -> RunResult:
        binary = self.output_format == "BINARY"
        path = directory / "out" / f"{inputs.STREAM}_{label}.{'bin' if binary else 'txt'}"
        try:
            table = read_binary(path.read_bytes()) if binary else read_ascii(path.read_text())
        except FileNotFoundError:
            return RunResult("failed", "the program wrote no output for this run")
        except (DataError, UnicodeDecodeError) as error:
            return RunResult("failed", str(error))
        if reason := completeness(table, expected):
            return RunResult("failed", reason)
        values = np.stack([table.column(name) for name in _COLUMNS], axis=1)
        values[:, -len(depth) :] /= 1000.0 * depth
        status, reason = judge(table, expected, values, OUTPUTS)
        if status != "ok":
            return RunResult(status, reason)
        recorded = values[expected.dates >= run.start].astype(np.float32)
        return RunResult("ok", outputs=recorded, drift=drift(table, run, expected))

    def _expected(self, run: Run) -> Expected:
        forcing = with_spinup(run.site.forcing, run.start, run.end, self.spinup_years)
        return Expected(forcing.dates, forcing.column("prcp"), 0.0)

    def _settings(self, run: Run) -> GlobalFile:
        return _settings(*period(run), self.spinup_years, self.steps_per_day, self.output_format)

    def _global_text(self, run: Run) -> str:
        return _global_text(self._settings(run))

    def _command(self) -> list[str]:
        if self.executable is None:
            return [sys.executable, "-P", "-m", "legacy_models.vic.embedded.program"]
        return [str(usable(self.executable))]

    def _write_vegetation(self, directory: Path, runs: Sequence[Run]) -> None:
        """Write the library, each different class once, and the tiles in the order of the soil file."""
        numbers: dict[str, int] = {}
        cells = []
        for cell, (run, made) in enumerate(zip(runs, inputs.vegetation(runs), strict=True), start=1):
            number = numbers.setdefault(format_class(made), len(numbers) + 1)
            cells.append(f"{cell} {format_tiles(tiles(run.site.properties, number))}")
        (directory / "veglib.txt").write_text("".join(f"{number} {row}\n" for row, number in numbers.items()))
        (directory / "vegparam.txt").write_text("".join(cells))

    def _write_forcing(self, directory: Path, runs: Sequence[Run], table: SoilTable) -> None:
        """Write one file for each different forcing, and a link to it under every cell's label."""
        folder = directory / "forcing"
        folder.mkdir(parents=True, exist_ok=True)
        settings = self._settings(runs[0])
        written: dict[str, str] = {}
        for index, run in enumerate(runs):
            digest = self._texts.digest(run, self.spinup_years, self.steps_per_day)
            if digest not in written:
                written[digest] = f"site_{len(written)}"
                content = self._texts.text(run, self.spinup_years, self.steps_per_day).content
                (folder / written[digest]).write_bytes(content)
            label = settings.label(table.lat[index], table.lon[index])
            (folder / f"data_{label}").symlink_to(written[digest])


def embedded_version() -> str:
    """SHA-256 of the embedded program's sources, its file formats, and the versions of numba and numpy."""
    folder = Path(__file__).parent
    sources = [
        *sorted((folder / "embedded").glob("*.py")),
        *(folder / f"{name}.py" for name in FORMAT_MODULES),
    ]
    libraries = [f"{name} {metadata.version(name)}".encode() for name in ("numba", "numpy")]
    texts = [part for path in sources for part in (path.name.encode(), path.read_bytes())]
    return sha256_of_bytes(*texts, *libraries)


def usable(executable: str) -> Path:
    """The absolute path of an executable file.

    Raises:
        LegacyModelError: if it is not there or may not be executed.
    """
    path = Path(executable).expanduser().resolve()
    if not path.is_file():
        raise LegacyModelError(f"no VIC 5 program at {path}; leave out 'executable' for the embedded program")
    if not os.access(path, os.X_OK):
        raise LegacyModelError(f"the VIC 5 program {path} may not be executed; chmod +x it")
    return path


def drift(table: FluxTable, run: Run, expected: Expected) -> float | None:
    """Change of total storage [mm] over the last year of spin-up; None where that is shorter than a year."""
    first = days_between(expected.dates[0], run.start)
    year_before = (pd.Timestamp(run.start) - pd.DateOffset(years=1)).to_datetime64()
    earlier = days_between(expected.dates[0], year_before)
    if earlier < 0:
        return None
    water = storage(table)
    return float(water[first - 1] - (water[earlier - 1] if earlier else expected.initial_storage))


@lru_cache(maxsize=64)
def _global_text(settings: GlobalFile) -> str:
    return format_global(settings)


@lru_cache(maxsize=64)
def _settings(start: str, end: str, spinup_years: int, steps: int, output_format: inputs.OutputFormat) -> GlobalFile:
    first = pd.Timestamp(start) - pd.DateOffset(years=spinup_years)
    return inputs.settings(first.date(), pd.Timestamp(end).date(), steps, output_format)


def _check_one_period(runs: Sequence[Run]) -> None:
    if not runs:
        raise DataError("a batch needs at least one run")
    periods = sorted({period(run) for run in runs})
    if len(periods) > 1:
        raise DataError(f"the runs of a batch must be of one period, received {periods[0]} and {periods[1]}")
