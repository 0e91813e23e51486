"""Forcing files for many cells: a real file is read, and its meteorology derived, once."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from legacy_models.errors import DataError
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import meteorology
from legacy_models.vic.embedded.constants import VAPOUR_TO_AIR_MASS
from legacy_models.vic.embedded.inputs import Band
from legacy_models.vic.forcing_file import read_forcing
from legacy_models.vic.global_file import GlobalFile

Floats = NDArray[np.float64]

ORDER = ("PREC", "AIR_TEMP", "SWDOWN", "LWDOWN", "PRESSURE", "VP", "WIND")
TO_SI = np.array([1.0, 1.0, 1.0, 1.0, 1000.0, 1000.0, 1.0])
MOST_BYTES = 256 << 20  # of forcing and meteorology in memory


class Weather:
    """Meteorology by file, elevation and band; many names may lead to one file.

    ``phases`` are the temperatures below which all precipitation is snow and above which all is rain [degC].
    """

    def __init__(self, settings: GlobalFile, days: int, phases: tuple[float, float]) -> None:
        self._settings = settings
        self._phases = phases
        self._steps = days * settings.model_steps
        self._forcing: dict[tuple[int, int], Floats] = {}
        self._tables: dict[tuple[tuple[int, int], float, float, float], Floats] = {}

    def table(self, path: str, elevation: float, band: Band) -> Floats:
        """(step, column) meteorology of one band of a cell whose forcing is at ``path``.

        Raises:
            DataError: if the file is damaged or does not cover the simulated period.
        """
        file = _identity(path)
        key = (file, elevation, band.shift, band.factor)
        if key not in self._tables:
            if sum(array.nbytes for kept in (self._forcing, self._tables) for array in kept.values()) > MOST_BYTES:
                self._forcing.clear()
                self._tables.clear()
            if file not in self._forcing:
                self._forcing[file] = self._read(path)
            self._tables[key] = meteorology(self._forcing[file], elevation, band.shift, band.factor, self._phases)
        return self._tables[key]

    def means(self, path: str, elevation: float) -> Floats:
        """(day, variable) daily means of the weather of a cell, in the order of ``layout.WEATHER_OUTPUTS``."""
        table = self.table(path, elevation, Band(1.0, 0.0, 1.0)).T
        vapour, pressure = table[at.VAPOUR_PRESSURE], table[at.PRESSURE]
        columns = [
            table[at.TEMPERATURE],
            table[at.SHORTWAVE],
            table[at.LONGWAVE],
            pressure / 1000.0,
            table[at.WIND],
            table[at.DENSITY],
            100.0 * vapour / (vapour + table[at.DEFICIT]),
            VAPOUR_TO_AIR_MASS * vapour / pressure,
            vapour / 1000.0,
            table[at.DEFICIT] / 1000.0,
        ]
        steps = self._settings.model_steps
        return np.stack([column.reshape(-1, steps).mean(axis=1) for column in columns], axis=1)

    def _read(self, path: str) -> Floats:
        """(step, 7) forcing of the simulated period in SI units."""
        settings = self._settings
        first = (settings.start - settings.force_start).days * settings.model_steps
        if first < 0:
            raise DataError(f"{path}: starts on {settings.force_start}, after the run on {settings.start}")
        try:
            rows = read_forcing(Path(path).read_bytes(), len(settings.force_types))
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
        needed = first + self._steps
        if needed > len(rows):
            raise DataError(f"{path}: {len(rows)} rows; {needed} are needed to reach {settings.end}")
        names = [name.upper() for name in settings.force_types]
        return rows[first:needed, [names.index(name) for name in ORDER]] * TO_SI


def _identity(path: str) -> tuple[int, int]:
    """What a file is known by, whatever it is called."""
    status = Path(path).stat()
    return status.st_dev, status.st_ino
