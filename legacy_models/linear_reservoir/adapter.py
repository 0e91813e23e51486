"""LinearReservoir: the smallest complete adapter, and the tutorial for writing one.

An adapter does file work only. It says what the model is (name, version, parameters, what it reads and
gives), writes the input of a batch of runs and returns the command (``prepare``), and reads what the
program left (``collect``). It never starts a process and never decides what a failure means: the runner does
both. One line in ``legacy_models.LEGACY_MODELS`` makes it known.
"""

import sys
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import Any, Self
from zipfile import BadZipFile

import numpy as np

from legacy_models.errors import DataError
from legacy_models.files import sha256_of_bytes, sha256_of_file
from legacy_models.keys import run_key
from legacy_models.linear_reservoir import program
from legacy_models.model import Forcing, Run, RunResult, Site, Variable, days_between, with_spinup
from legacy_models.parameters import Array, Parameter, ParameterSpace

_INPUT, _OUTPUT = "input.npz", "output.npz"

_READING = Lock()
"""Held while an array's header is parsed: two threads at it at a time now and then fail in CPython (gh-106905)."""


class LinearReservoir:
    """A linear reservoir, dS/dt = P - S / K, run by an external program (equations there).

    Args:
        executable: a program that takes the same two arguments; None is the one in this package.
        spinup_years: years simulated before the first recorded day, from an empty reservoir.
    """

    name = "linear_reservoir"
    parameters = ParameterSpace(
        (
            Parameter(
                "residence_time",
                lower=0.5,
                upper=200.0,
                default=10.0,
                unit="day",
                scale="log",
                source="half a day (flashy headwater) to 200 days (groundwater): a choice, not a measurement",
            ),
        )
    )
    forcing = (Variable("prcp", "mm/day", lower=0.0),)
    properties: tuple[Variable, ...] = ()
    outputs = (Variable("flow", "mm/day", lower=0.0), Variable("storage", "mm", lower=0.0))
    states = ("storage",)
    runoff = ("flow",)
    seconds_a_year = 0.001

    def __init__(self, executable: str | Path | None = None, spinup_years: int = 10) -> None:
        self.executable = executable
        self.spinup_years = spinup_years

    @property
    def options(self) -> dict[str, Any]:
        """Nothing else decides a run."""
        return {}

    @cached_property
    def version(self) -> str:
        """Hash of the executable; for the packaged program, of its source and the version of NumPy."""
        if self.executable is not None:
            return sha256_of_file(Path(self.executable))
        return sha256_of_bytes(Path(program.__file__).read_bytes(), np.__version__.encode())

    def site(self, name: str, attributes: Mapping[str, Any], forcing: Forcing) -> Site:  # noqa: ARG002
        """Build a site: this model reads no attributes and only rain.

        Raises:
            DataError: naming the site if there is no rain.
        """
        if "prcp" not in forcing.names:
            raise DataError(f"site {name}: {self.name} needs forcing 'prcp'; there is {', '.join(forcing.names)}")
        return Site(name, {}, Forcing(forcing.dates, forcing.column("prcp")[:, None], ("prcp",)))

    def reading(self, available: Collection[str]) -> Self:  # noqa: ARG002
        """Return itself: there is nothing besides rain that it could read."""
        return self

    def batch_group(self, run: Run) -> None:
        """Any runs of one period can share a process."""

    def key(self, run: Run) -> str:
        """Return the hash of the model version and of all that the program reads."""
        return run_key(self.version, run, self.spinup_years)

    def keys(self, runs: Sequence[Run]) -> list[str]:
        """Return the key of each run."""
        return [self.key(run) for run in runs]

    def prepare(self, directory: Path, runs: Sequence[Run]) -> list[str]:
        """Write the input of ``runs``, each site's rain once, and return the command.

        Raises:
            DataError: if rain is negative or missing.
            ParameterError: if a residence time is out of bounds.
        """
        parameters = self.parameters.check(np.array([run.parameters for run in runs]))
        sites = list(dict.fromkeys(run.site for run in runs))
        np.savez(
            directory / _INPUT,
            rain=np.array([self._rain(site, runs[0]) for site in sites]),
            place=np.array([sites.index(run.site) for run in runs]),
            residence_time=parameters[:, 0],
        )
        return [*self._command(), str(directory / _INPUT), str(directory / _OUTPUT)]

    def collect(self, directory: Path, runs: Sequence[Run]) -> list[RunResult]:
        """Read the output of ``runs``; the runner checks that it is complete, finite and plausible."""
        try:
            with _READING, np.load(directory / _OUTPUT, allow_pickle=False) as written:
                flow, storage = written["flow"], written["storage"]
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            return [RunResult("failed", f"no usable output: {error}")] * len(runs)
        if len(flow) != len(runs) or flow.shape != storage.shape:
            return [RunResult("failed", f"incomplete output: shape {flow.shape} for {len(runs)} runs")] * len(runs)
        days = days_between(runs[0].start, runs[0].end) + 1
        return [_result(*series, days) for series in zip(flow, storage, strict=True)]

    def _command(self) -> list[str]:
        """Return the program and what comes before its two arguments."""
        if self.executable is not None:
            return [str(self.executable)]
        return [sys.executable, "-P", "-m", program.__name__]

    def _rain(self, site: Site, run: Run) -> Array:
        """Return (time,) rain of a site from the first day of spin-up to the end of ``run``."""
        rain = with_spinup(site.forcing, run.start, run.end, self.spinup_years).column("prcp")
        if not (rain >= 0).all():
            raise DataError(f"site {site.name}: rain must be 0 or more on every day, found {rain[~(rain >= 0)][0]}")
        return rain


def _result(flow: Array, storage: Array, days: int) -> RunResult:
    """Return the recorded last ``days`` of one run, and the drift over the year before them."""
    before = len(storage) - days - 1
    drift = float(storage[before] - storage[before - 365]) if before >= 365 else None
    outputs = np.stack([flow[-days:], storage[-days:]], axis=1).astype(np.float32)
    return RunResult("ok", outputs=outputs, drift=drift)
