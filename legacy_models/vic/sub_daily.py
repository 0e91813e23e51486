"""The text of a site's sub-daily forcing file, checked, made once and remembered within a bound of memory."""

from collections import OrderedDict
from dataclasses import dataclass, field
from threading import Lock

import numpy as np

from legacy_models.errors import DataError
from legacy_models.files import sha256_of_bytes
from legacy_models.model import Forcing, Run, Variable, with_spinup
from legacy_models.vic.disaggregation import DEFAULT_WIND, Place, disaggregate
from legacy_models.vic.forcing_file import format_forcing

FORCING = (
    Variable("prcp", "mm/day", 0.0, 2000.0),
    Variable("tmin", "degC", -90.0, 60.0),
    Variable("tmax", "degC", -90.0, 60.0),
    Variable("srad", "W/m2", 0.0, 1500.0),
    Variable("vp", "Pa", 0.0, 12000.0),
    Variable("dayl", "s", 0.0, 86400.0),
)
OPTIONAL_FORCING = (
    Variable("wind", "m/s", 0.0, 100.0),
    Variable("pressure", "Pa", 30000.0, 120000.0),
    Variable("longwave", "W/m2", 10.0, 800.0),
)
_MOST_BYTES = 128 * 2**20

Key = tuple[str, str, str, float, float]


@dataclass(frozen=True, slots=True)
class SubDailyText:
    """The bytes of one forcing file and their SHA-256."""

    content: bytes = field(repr=False)
    digest: str


class SubDailyTexts:
    """Remembers texts (the latest, up to 128 MB) and digests (all); safe to share between threads.

    It pickles as an empty one.

    Args:
        spinup_years: simulated before the recorded days.
        steps: steps a day.
        wind: assumed where the forcing has none [m/s].
    """

    def __init__(self, spinup_years: int, steps: int, wind: float = DEFAULT_WIND) -> None:
        self._made_for = (spinup_years, steps, wind)
        self._lock = Lock()
        self._digests: dict[Key, str] = {}
        self._texts: OrderedDict[Key, SubDailyText] = OrderedDict()
        self._bytes = 0

    def __reduce__(self) -> tuple[type["SubDailyTexts"], tuple[int, int, float]]:
        return SubDailyTexts, self._made_for

    def digest(self, run: Run) -> str:
        """SHA-256 of the forcing file of ``run``; see `text`."""
        with self._lock:
            known = self._digests.get(_key(run))
        return known or self.text(run).digest

    def text(self, run: Run) -> SubDailyText:
        """Return the forcing file of ``run``, spin-up included.

        Raises:
            DataError: naming site, variable and day if a value is missing or impossible.
        """
        key = _key(run)
        with self._lock:
            if key in self._texts:
                self._texts.move_to_end(key)
                return self._texts[key]
        content = sub_daily_text(run, *self._made_for)
        made = SubDailyText(content, sha256_of_bytes(content))
        with self._lock:
            self._remember(key, made)
        return made

    def _remember(self, key: Key, made: SubDailyText) -> None:
        self._digests[key] = made.digest
        if key not in self._texts:
            self._texts[key] = made
            self._bytes += len(made.content)
        while self._bytes > _MOST_BYTES and len(self._texts) > 1:
            _, dropped = self._texts.popitem(last=False)
            self._bytes -= len(dropped.content)


def sub_daily_text(run: Run, spinup_years: int, steps: int, wind: float = DEFAULT_WIND) -> bytes:
    """Check the daily forcing of ``run`` and return its sub-daily forcing file."""
    properties = run.site.properties
    forcing = with_spinup(run.site.forcing, run.start, run.end, spinup_years)
    check_forcing(run.site.name, forcing)
    place = Place(properties["latitude"], properties["elevation"])
    return format_forcing(disaggregate(forcing, place, steps, wind))


def check_forcing(site: str, forcing: Forcing) -> None:
    """Refuse what VIC would take in silence: missing variables, NaN, and values outside the possible.

    Raises:
        DataError: naming site, variable, day and value.
    """
    missing = [variable.name for variable in FORCING if variable.name not in forcing.names]
    if missing:
        raise DataError(f"site {site}: forcing has no {', '.join(missing)}; it has {', '.join(forcing.names)}")
    for variable in (*FORCING, *(v for v in OPTIONAL_FORCING if v.name in forcing.names)):
        column = forcing.column(variable.name)
        bad = ~((column >= variable.lower) & (column <= variable.upper))
        if bad.any():
            day = int(np.argmax(bad))
            raise DataError(
                f"site {site}: {variable.name} = {column[day]} {variable.unit} on {forcing.dates[day]} must "
                f"lie in [{variable.lower:g}, {variable.upper:g}]"
            )


def period(run: Run) -> tuple[str, str]:
    """First and last recorded day of ``run`` as text."""
    return str(run.start.astype("datetime64[D]")), str(run.end.astype("datetime64[D]"))


def _key(run: Run) -> Key:
    properties = run.site.properties
    return (run.site.forcing.digest, *period(run), float(properties["latitude"]), float(properties["elevation"]))
