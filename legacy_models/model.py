"""The contract of a legacy model: what a run is, what comes back, and what an adapter offers."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from legacy_models.errors import DataError
from legacy_models.files import sha256_of_bytes
from legacy_models.parameters import Array, ParameterSpace

Dates = npt.NDArray[np.datetime64]


@dataclass(frozen=True, slots=True)
class Variable:
    """A named daily quantity or site property with its unit and the range that is physically plausible."""

    name: str
    unit: str
    lower: float = -np.inf
    upper: float = np.inf


@dataclass(frozen=True, eq=False)
class Forcing:
    """Daily forcing of one place.

    Args:
        dates: (time,) consecutive days, ``datetime64[D]``.
        values: (time, variable) float64, no gaps.
        names: (variable,) names, for example ``("prcp", "tmin", "tmax", "srad", "vp", "dayl")``.
    """

    dates: Dates
    values: Array
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        if self.values.shape != (len(self.dates), len(self.names)):
            raise DataError(
                f"Expected forcing values of shape {(len(self.dates), len(self.names))}. Received {self.values.shape}."
            )
        if len(self.dates) > 1 and not (np.diff(self.dates) == np.timedelta64(1, "D")).all():
            raise DataError("forcing dates must be consecutive days")

    @cached_property
    def digest(self) -> str:
        """SHA-256 of names, dates and values."""
        return sha256_of_bytes(
            ",".join(self.names).encode(),
            self.dates.astype("datetime64[D]").astype(np.int64).tobytes(),
            np.ascontiguousarray(self.values, dtype=np.float64).tobytes(),
        )

    def column(self, name: str) -> Array:
        """(time,) values of one variable."""
        return self.values[:, self.names.index(name)]

    def between(self, start: np.datetime64, end: np.datetime64) -> "Forcing":
        """Return the days from ``start`` to ``end``, both included.

        Raises:
            DataError: if the record does not reach that far.
        """
        first, last = days_between(self.dates[0], start), days_between(self.dates[0], end)
        if first < 0 or last >= len(self.dates) or last < first:
            raise DataError(f"forcing covers {self.dates[0]} to {self.dates[-1]}, which does not hold {start} to {end}")
        return Forcing(self.dates[first : last + 1], self.values[first : last + 1], self.names)


@dataclass(frozen=True, eq=False)
class Site:
    """A place: what the model reads of it besides parameters, and its whole forcing record."""

    name: str
    properties: Mapping[str, float]
    forcing: Forcing


@dataclass(frozen=True, eq=False)
class Run:
    """One simulation to be made: a site, one parameter set, and the days to record.

    Args:
        site: the place.
        parameters: (parameter,) values in the model's coordinates, in the order of its space.
        start: first recorded day; the spin-up comes before it.
        end: last recorded day.
        purpose: ``design``, ``refine``, ``verify`` ...: a label, not part of the key.
    """

    site: Site
    parameters: Array
    start: np.datetime64
    end: np.datetime64
    purpose: str = "design"


@dataclass(frozen=True, eq=False)
class RunResult:
    """What became of a run; a failure is a value with a reason.

    Args:
        status: ``ok``; ``failed`` (no usable output); ``quarantined`` (output that breaks physics).
        reason: empty when ok.
        outputs: (time, output) float32 of the recorded days when ok, else None.
        drift: change of total storage over the last spin-up year [mm]; None when unknown.
        log_tail: the end of the program's log where the run failed.
    """

    status: Literal["ok", "failed", "quarantined"]
    reason: str = ""
    outputs: npt.NDArray[np.float32] | None = field(default=None, repr=False)
    drift: float | None = None
    log_tail: str = field(default="", repr=False)


class LegacyModel(Protocol):
    """An adapter to an external program; it does file work only, ``runner`` executes.

    ``runoff`` names the outputs whose sum is streamflow before routing; ``states`` names the outputs
    that describe the state at the end of a day; ``properties`` are the numbers in ``Site.properties``
    that a surrogate of this model reads; ``options`` are plain values that decide the outcome besides these;
    ``seconds_a_year`` is what a simulated year of one run usually takes of a processor's time, which the time-out
    is a multiple of.
    """

    @property
    def name(self) -> str: ...
    @property
    def version(self) -> str: ...
    @property
    def parameters(self) -> ParameterSpace: ...
    @property
    def forcing(self) -> tuple[Variable, ...]: ...
    @property
    def properties(self) -> tuple[Variable, ...]: ...
    @property
    def outputs(self) -> tuple[Variable, ...]: ...
    @property
    def states(self) -> tuple[str, ...]: ...
    @property
    def runoff(self) -> tuple[str, ...]: ...
    @property
    def spinup_years(self) -> int: ...
    @property
    def seconds_a_year(self) -> float: ...
    @property
    def options(self) -> Mapping[str, Any]: ...

    def reading(self, available: Collection[str]) -> Self:
        """The model that reads, besides the forcing that it needs, what it can use of ``available``."""
        ...

    def site(self, name: str, attributes: Mapping[str, Any], forcing: Forcing) -> Site:
        """Build a site from a basin's attributes; every mapping and its source is the adapter's.

        Raises:
            DataError: naming basin and attribute if one that is needed is missing.
        """
        ...

    def key(self, run: Run) -> str:
        """Hash of the model version and the exact bytes of the run's input, paths and labels aside.

        A run whose input ``prepare`` refuses has a key too: it is to be stored, with the reason.
        """
        ...

    def batch_group(self, run: Run) -> Hashable:
        """What the runs of one process must have in common besides their period; None where that is nothing."""
        ...

    def prepare(self, directory: Path, runs: Sequence[Run]) -> list[str]:
        """Validate and write the input of ``runs`` (one period and group, any sites) and return the command.

        Raises:
            DataError: if an input could make the program fail silently.
        """
        ...

    def collect(self, directory: Path, runs: Sequence[Run]) -> list[RunResult]:
        """Read and validate the output of each run, in order; what is absent or wrong is a failed result."""
        ...


def days_between(start: np.datetime64, end: np.datetime64) -> int:
    """Whole days from ``start`` to ``end``."""
    return int((end.astype("datetime64[D]") - start.astype("datetime64[D]")).astype(np.int64))


def with_spinup(forcing: Forcing, start: np.datetime64, end: np.datetime64, years: int) -> Forcing:
    """Return forcing from ``years`` years before ``start`` to ``end``: the one spin-up rule.

    Days of the record before ``start`` are used as they are. Where the record begins too late, its first
    whole years are repeated in order, day of year by day of year (29 February takes 28 February's values
    where its source year has none).

    Raises:
        DataError: if the record does not hold ``start`` to ``end`` or has no whole year to repeat.
    """
    recorded = forcing.between(start, end)
    first = (pd.Timestamp(start) - pd.DateOffset(years=years)).to_datetime64().astype("datetime64[D]")
    wanted = np.arange(first, start, dtype="datetime64[D]")
    source = _recycled(wanted, forcing.dates)
    return Forcing(
        np.concatenate([wanted, recorded.dates]),
        np.concatenate([forcing.values[source], recorded.values]),
        forcing.names,
    )


def _recycled(wanted: Dates, recorded: Dates) -> npt.NDArray[np.int64]:
    """(day,) index into ``recorded`` that stands for each wanted day, whole years later where it must be."""
    whole_years = int((len(recorded) + 1) // 365.25)
    if wanted.size and wanted[0] < recorded[0] and whole_years < 1:
        raise DataError(f"a forcing record of {len(recorded)} days has no whole year to repeat for the spin-up")
    source = pd.DatetimeIndex(wanted)
    while (early := source < recorded[0]).any():
        source = source.where(~early, source + pd.DateOffset(years=whole_years))
    index = (source.to_numpy().astype("datetime64[D]") - recorded[0]).astype(np.int64)
    return np.asarray(np.minimum(index, len(recorded) - 1))
