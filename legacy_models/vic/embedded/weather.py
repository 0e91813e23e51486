"""Forcing files for many cells: a real file is read, and its meteorology derived, once."""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from legacy_models.errors import DataError
from legacy_models.vic.embedded.atmosphere import meteorology
from legacy_models.vic.embedded.inputs import Band
from legacy_models.vic.forcing_file import read_forcing
from legacy_models.vic.global_file import GlobalFile

Floats = NDArray[np.float64]

ORDER = ("PREC", "AIR_TEMP", "SWDOWN", "LWDOWN", "PRESSURE", "VP", "WIND")
TO_SI = np.array([1.0, 1.0, 1.0, 1.0, 1000.0, 1000.0, 1.0])
KEPT = 16  # forcing files in memory


class Weather:
    """Meteorology by real path, elevation and band; many names may lead to one file.

    ``phases`` are the temperatures below which all precipitation is snow and above which all is rain [degC].
    """

    def __init__(self, settings: GlobalFile, days: int, phases: tuple[float, float]) -> None:
        self._settings = settings
        self._phases = phases
        self._steps = days * settings.model_steps
        self._forcing: dict[str, Floats] = {}
        self._tables: dict[tuple[str, float, float, float], Floats] = {}

    def table(self, path: str, elevation: float, band: Band) -> Floats:
        """(step, column) meteorology of one band of a cell whose forcing is at ``path``.

        Raises:
            DataError: if the file is damaged or does not cover the simulated period.
        """
        real = os.path.realpath(path)
        key = (real, elevation, band.shift, band.factor)
        if key not in self._tables:
            if real not in self._forcing:
                if len(self._forcing) >= KEPT:
                    self._forcing.clear()
                    self._tables.clear()
                self._forcing[real] = self._read(path)
            self._tables[key] = meteorology(self._forcing[real], elevation, band.shift, band.factor, *self._phases)
        return self._tables[key]

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
