"""VIC as a `LegacyModel`: real VIC 5 or the embedded program, called with the very same files."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from legacy_models.errors import DataError, UsageError
from legacy_models.files import sha256_of_bytes
from legacy_models.keys import run_key
from legacy_models.model import Forcing, Run, RunResult, Site, Variable, days_between, with_spinup
from legacy_models.parameters import Array, ParameterSpace
from legacy_models.vic import inputs
from legacy_models.vic.balance import Expected, completeness, judge, storage
from legacy_models.vic.disaggregation import DEFAULT_WIND, STEPS_PER_DAY
from legacy_models.vic.executables import command, version
from legacy_models.vic.flux_file import FluxTable, read_ascii, read_binary
from legacy_models.vic.global_file import GlobalFile
from legacy_models.vic.input_texts import GLOBAL_NAME, input_texts
from legacy_models.vic.parameters import PARAMETERS, parameter_space
from legacy_models.vic.site import properties_read, site_properties
from legacy_models.vic.soil_file import SoilTable
from legacy_models.vic.sub_daily import FORCING, OPTIONAL_FORCING, SubDailyTexts, check_forcing, period

MOST_BANDS = 20
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
    """VIC in water balance mode, three layers.

    Args:
        executable: of the real VIC 5 (classic driver); None is the embedded program.
        steps_per_day: 4, 6, 8, 12 or 24.
        spinup_years: simulated before the recorded days, from 0.6 of the soil's capacity.
        output_format: of the program's output, BINARY (float32) or ASCII.
        tiles: 1, the dominant cover; 2, forest and short vegetation; 3, these and bare soil.
        snow_bands: elevation bands of equal area.
        rain_snow: whether the temperatures between which rain and snow mix are parameters. VIC has them for the
            whole process, so that every different pair of values costs a start of the program.
        extra_forcing: which of wind, pressure and longwave the forcing has; the others are estimated as
            ``legacy_models.vic.disaggregation`` says. A surrogate reads them too.
        wind: assumed where the forcing has none [m/s].

    Raises:
        UsageError: if an option is none of what is possible.
    """

    executable: str | None = None
    steps_per_day: int = 4
    spinup_years: int = 10
    output_format: inputs.OutputFormat = "BINARY"
    tiles: int = 1
    snow_bands: int = 1
    rain_snow: bool = False
    extra_forcing: tuple[str, ...] = ()
    wind: float = DEFAULT_WIND
    _texts: SubDailyTexts = field(init=False, repr=False, compare=False)

    name = "vic"
    outputs = OUTPUTS
    states = ("swe", "soil_moist_0", "soil_moist_1", "soil_moist_2")
    runoff = ("runoff", "baseflow")

    def __post_init__(self) -> None:
        for name, possible in (
            ("steps_per_day", STEPS_PER_DAY),
            ("output_format", ("BINARY", "ASCII")),
            ("tiles", (1, 2, 3)),
            ("snow_bands", range(1, MOST_BANDS + 1)),
            ("rain_snow", (False, True)),
        ):
            if getattr(self, name) not in possible:
                raise UsageError(f"{name} must be one of {tuple(possible)}, received {getattr(self, name)!r}")
        unknown = [name for name in self.extra_forcing if name not in (v.name for v in OPTIONAL_FORCING)]
        if unknown:
            raise UsageError(f"extra_forcing: {unknown[0]!r} is none of {', '.join(v.name for v in OPTIONAL_FORCING)}")
        if self.spinup_years < 0:
            raise UsageError(f"spinup_years must be 0 or more, received {self.spinup_years!r}")
        if not 0.0 <= self.wind <= 100.0:
            raise UsageError(f"wind must lie between 0 and 100 m/s, received {self.wind!r}")
        object.__setattr__(self, "_texts", SubDailyTexts(self.spinup_years, self.steps_per_day, self.wind))

    @property
    def parameters(self) -> ParameterSpace:
        """Soil, snow and vegetation; the temperatures of rain and snow where they are wanted."""
        return parameter_space(self.rain_snow)

    @property
    def forcing(self) -> tuple[Variable, ...]:
        """The six daily variables that are needed, and those of ``extra_forcing``."""
        return (*FORCING, *(variable for variable in OPTIONAL_FORCING if variable.name in self.extra_forcing))

    @property
    def properties(self) -> tuple[Variable, ...]:
        """What the program reads of a site besides parameters and forcing."""
        return properties_read(self.tiles, self.snow_bands)

    @property
    def options(self) -> dict[str, Any]:
        """What else decides a run: steps a day, tiles, bands and the wind that is assumed."""
        return {name: getattr(self, name) for name in ("steps_per_day", "tiles", "snow_bands", "wind")}

    def reading(self, available: Collection[str]) -> "VicModel":
        """Return the model that also reads wind, pressure and longwave as far as they are ``available``."""
        return replace(self, extra_forcing=tuple(v.name for v in OPTIONAL_FORCING if v.name in available))

    @property
    def seconds_a_year(self) -> float:
        """CPU time of a year of a cell: for each tile, band and step a day 8 ms of VIC 5, 0.5 ms embedded."""
        return (0.0005 if self.executable is None else 0.008) * self.steps_per_day * self.tiles * self.snow_bands

    def __getstate__(self) -> dict[str, Any]:
        """Options only: another machine works out the version of what it has."""
        return {name: value for name, value in self.__dict__.items() if name != "version"}

    @cached_property
    def version(self) -> str:
        """SHA-256 of the executable, or of the embedded program's sources and its numba and numpy versions.

        Raises:
            LegacyModelError: if the executable is not there or may not be executed.
        """
        return version(self.executable)

    def site(self, name: str, attributes: Mapping[str, Any], forcing: Forcing) -> Site:
        """Build a site from CAMELS attributes; see `legacy_models.vic.site`."""
        check_forcing(name, forcing)
        return Site(name, site_properties(name, attributes, forcing, self.tiles, self.snow_bands), forcing)

    def key(self, run: Run) -> str:
        """Hash of the version and of every byte that decides the outcome of ``run``; see the protocol."""
        try:
            return self._input_key(run)
        except DataError:
            options = {f.name: getattr(self, f.name) for f in fields(self) if f.init and f.name != "executable"}
            return run_key(self.version, run, self.spinup_years, options)

    def _input_key(self, run: Run) -> str:
        table = inputs.unlabelled(inputs.soil_table([run], self.parameters))
        texts = input_texts([run], table, self._settings(run), self.parameters)
        return sha256_of_bytes(
            self.version.encode(),
            *(part.encode() for item in sorted(texts.items()) for part in item),
            period(run)[0].encode(),
            self._texts.digest(run).encode(),
        )

    def batch_group(self, run: Run) -> Hashable:
        """The parameters of rain and snow, whatever they are: VIC has one pair for the whole process."""
        return run.parameters[len(PARAMETERS) :].tobytes()

    def prepare(self, directory: Path, runs: Sequence[Run]) -> list[str]:
        """Validate and write the input of ``runs``, one cell each, to a new folder; return the command.

        Raises:
            DataError: if an input is impossible, or the runs are not of one period and group.
            FileExistsError: if the folder holds an earlier batch.
            LegacyModelError: if the executable cannot be used.
        """
        self._check_batch(runs)
        argv = command(self.executable)
        table = inputs.soil_table(runs, self.parameters)
        inputs.check_soil(table, runs)
        texts = input_texts(runs, table, self._settings(runs[0]), self.parameters)
        self._write_forcing(directory, runs, table)
        (directory / "out").mkdir()
        for name, text in texts.items():
            (directory / name).write_text(text)
        return [*argv, "-g", GLOBAL_NAME]

    def collect(self, directory: Path, runs: Sequence[Run]) -> list[RunResult]:
        """Read and validate the output of each run; soil moisture becomes m3/m3 by the run's depths."""
        table = inputs.soil_table(runs, self.parameters)
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
        options = (self.steps_per_day, self.output_format, self.snow_bands, self.rain_snow)
        return _settings(*period(run), self.spinup_years, *options)

    def _check_batch(self, runs: Sequence[Run]) -> None:
        """Refuse an empty batch, two periods, or two groups."""
        if not runs:
            raise DataError("a batch needs at least one run")
        periods = sorted({period(run) for run in runs})
        if len(periods) > 1:
            raise DataError(f"the runs of a batch must be of one period, received {periods[0]} and {periods[1]}")
        if len({self.batch_group(run) for run in runs}) > 1:
            raise DataError("the runs of a batch must have the same temperatures of rain and snow; see batch_group")

    def _write_forcing(self, directory: Path, runs: Sequence[Run], table: SoilTable) -> None:
        """Write one file for each different forcing, and a link to it under every cell's label."""
        folder = directory / "forcing"
        folder.mkdir(parents=True, exist_ok=True)
        settings = self._settings(runs[0])
        written: dict[str, str] = {}
        for index, run in enumerate(runs):
            digest = self._texts.digest(run)
            if digest not in written:
                written[digest] = f"site_{len(written)}"
                content = self._texts.text(run).content
                (folder / written[digest]).write_bytes(content)
            label = settings.label(table.lat[index], table.lon[index])
            (folder / f"data_{label}").symlink_to(written[digest])


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
def _settings(
    start: str, end: str, spinup_years: int, steps: int, output_format: inputs.OutputFormat, bands: int, rain_snow: bool
) -> GlobalFile:
    first = (pd.Timestamp(start) - pd.DateOffset(years=spinup_years)).date()
    return inputs.settings(first, pd.Timestamp(end).date(), steps, output_format, bands, rain_snow)
