"""Rules that basin ids, days and values must keep; a breach is one line with file, basin, day and rule."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from legacy_models.errors import DataError
from legacy_models.parameters import Array
from pipeline.basins import name_some
from pipeline.readers.units import QUANTITIES

Days = npt.NDArray[np.datetime64]

# What no place on earth exceeds, rounded outwards: the World Meteorological Organization's archive
# (-89.2 to 56.7 degC, 1825 mm in a day, 1084 hPa), 300 hPa on the highest mountains, and the solar constant,
# 1361 W/m2, for shortwave.
PLAUSIBLE = {
    "prcp": (0.0, 2000.0),
    "tmin": (-95.0, 65.0),
    "tmax": (-95.0, 65.0),
    "srad": (0.0, 1400.0),
    "vp": (0.0, 12000.0),
    "dayl": (0.0, 86400.0),
    "wind": (0.0, 115.0),
    "pressure": (30000.0, 110000.0),
    "longwave": (0.0, 700.0),
}

# What can be observed at all; evaporation is negative where dew falls.
OBSERVABLE = {
    "streamflow": (0.0, np.inf),
    "evaporation": (-np.inf, np.inf),
    "soil_moisture": (0.0, 1.0),
    "swe": (0.0, np.inf),
}


def basin_ids(file: xr.Dataset, name: str, path: Path) -> npt.NDArray[np.str_]:
    """Return the basin ids as text.

    Raises:
        DataError: if they are absent, numbers (whose leading zeros are lost), or not unique.
    """
    if "basin" not in file.variables:
        raise DataError(f"{path}: dim {name} has no coordinate that holds the basin ids")
    ids = file["basin"].to_numpy()
    if ids.dtype.kind in "iuf":
        raise DataError(f"{path}: {name} holds numbers (first: {ids[0]}), so leading zeros are lost; store ids as text")
    texts = np.array([i.decode() if isinstance(i, bytes) else str(i) for i in ids], dtype=str)
    texts = np.char.strip(texts, " \t\r\n\0")
    unique, counts = np.unique(texts, return_counts=True)
    if (counts > 1).any():
        raise DataError(f"{path}: {name_some(unique[counts > 1])} given twice; ids must be unique")
    return texts


def days(file: xr.Dataset, path: Path) -> Days:
    """Return the time axis as days of the (proleptic) Gregorian calendar.

    Raises:
        DataError: for a missing axis or another calendar.
    """
    if "time" not in file.variables:
        raise DataError(f"{path}: dim time has no coordinate that holds the dates")
    time = file["time"].to_numpy()
    if time.dtype.kind != "M":
        calendar = file["time"].encoding.get("calendar", "unknown")
        raise DataError(f"{path}: time is not in days of the Gregorian calendar (calendar: {calendar})")
    return np.asarray(time.astype("datetime64[D]").astype("datetime64[ns]"))


def consecutive(dates: Days, path: Path) -> None:
    """Refuse a time axis that is not one day after another.

    Raises:
        DataError: naming the first day that is given twice, missing, or out of order.
    """
    plain = dates.astype("datetime64[D]")
    steps = np.diff(plain).astype(np.int64)
    if (steps == 1).all():
        return
    first = int((steps != 1).argmax())
    what = describe_break(plain[first], plain[first + 1])
    raise DataError(f"{path}: time: {what} (every basin); days must follow one another without gaps")


def describe_break(before: np.datetime64, after: np.datetime64) -> str:
    """Return what is wrong with the day ``after``, which should be the one that follows ``before``."""
    if after == before:
        return f"{after} is given twice"
    return f"{after} comes after {before}" if after < before else f"{before + np.timedelta64(1, 'D')} is missing"


def forcing(series: dict[str, Array], basins: list[str], dates: Days, path: Path) -> None:
    """Refuse forcing with a missing or impossible value.

    Raises:
        DataError: naming file, variable, basin, day and rule of the first one.
    """
    for name, (lower, upper) in PLAUSIBLE.items():
        if name not in series:
            continue
        values, unit = series[name], QUANTITIES[name].unit
        _refuse(~np.isfinite(values), f"{name} is missing; forcing must have no gaps", basins, dates, path)
        rule = f"{name} is {{value:g}} {unit}, outside {lower:g} to {upper:g}; is its unit right?"
        _refuse((values < lower) | (values > upper), rule, basins, dates, path, values)


def observations(series: dict[str, Array], basins: list[str], dates: Days, path: Path) -> None:
    """Refuse observations that are infinite or cannot be; NaN is a gap.

    Raises:
        DataError: naming file, variable, basin, day and value of the first one.
    """
    for name, (lower, upper) in OBSERVABLE.items():
        if name not in series:
            continue
        values, unit = series[name], QUANTITIES[name].unit
        _refuse(np.isinf(values), f"{name} is infinite", basins, dates, path)
        rule = f"({{value:g}} {unit}); a code for a gap goes into options.missing_codes"
        _refuse(values < lower, f"{name} is negative {rule}", basins, dates, path, values)
        _refuse(values > upper, f"{name} is above {upper:g} {rule}", basins, dates, path, values)


def _refuse(
    bad: npt.NDArray[np.bool_], rule: str, basins: list[str], dates: Days, path: Path, values: Any = None
) -> None:
    if not bad.any():
        return
    row, column = (int(i) for i in np.argwhere(bad)[0])
    text = rule.format(value=values[row, column]) if values is not None else rule
    more = f" ({int(bad.sum())} such days in {name_some(np.array(basins)[bad.any(axis=1)])})" if bad.sum() > 1 else ""
    raise DataError(f"{path}: basin {basins[row]}, {dates[column].astype('datetime64[D]')}: {text}{more}")
