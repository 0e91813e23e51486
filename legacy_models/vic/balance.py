"""Checks of one cell's output: complete, finite, plausible, driven by its forcing, in balance on every day.

VIC prints the precipitation of each day as it read it; a row that was lost or shifted shows there. Its balance
may be off by 1 mm plus 1e-4 of the precipitation so far: VIC itself can lose a little (0.07 mm at one snowfall
at exactly 0 degC in 24 runs of four years), and BINARY output is float32.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from legacy_models.model import Dates, Variable
from legacy_models.parameters import Array
from legacy_models.vic.flux_file import FluxTable

TOLERANCE = 1.0
RELATIVE_TOLERANCE = 1e-4
RAIN_TOLERANCE = 0.1
LAYER_NAMES = ("OUT_SOIL_MOIST_0", "OUT_SOIL_MOIST_1", "OUT_SOIL_MOIST_2")
STORAGE_NAMES = (*LAYER_NAMES, "OUT_SWE", "OUT_WDEW", "OUT_SNOW_CANOPY")
LOSS_NAMES = ("OUT_EVAP", "OUT_RUNOFF", "OUT_BASEFLOW")
NAMES = ("OUT_PREC", *LOSS_NAMES, *STORAGE_NAMES)
_SLACK = 1e-3

Status = Literal["ok", "failed", "quarantined"]


@dataclass(frozen=True, eq=False)
class Expected:
    """What the output of a run must agree with.

    Args:
        dates: (time,) simulated days, spin-up included.
        precipitation: (time,) mm/day of the forcing.
        initial_storage: water in soil, snow and canopy before the first day [mm].
    """

    dates: Dates
    precipitation: Array
    initial_storage: float


def storage(table: FluxTable) -> Array:
    """(time,) water in soil, snow and canopy at the end of each day [mm]."""
    return np.asarray(sum(table.column(name) for name in STORAGE_NAMES))


def completeness(table: FluxTable, expected: Expected) -> str:
    """Say what is missing from the output; empty if nothing is."""
    missing = [name for name in NAMES if name not in table.names]
    if missing:
        return f"the output has no {', '.join(missing)}"
    if len(table.dates) != len(expected.dates):
        return f"incomplete output: {len(table.dates)} of {len(expected.dates)} days"
    wrong = table.dates != expected.dates
    if wrong.any():
        first = int(np.argmax(wrong))
        return f"output day {first + 1} is {table.dates[first]}; it must be {expected.dates[first]}"
    return ""


def foreign_rain(table: FluxTable, expected: Expected) -> str:
    """Say on which day the precipitation is not that of the forcing; empty if it always is."""
    fallen = table.column("OUT_PREC")
    allowed = RAIN_TOLERANCE + RELATIVE_TOLERANCE * expected.precipitation
    wrong = np.abs(fallen - expected.precipitation) > allowed
    if wrong.any():
        day = int(np.argmax(wrong))
        return (
            f"precipitation was {fallen[day]:.2f} mm on {table.dates[day]}; "
            f"the forcing has {expected.precipitation[day]:.2f} mm"
        )
    return ""


def imbalance(table: FluxTable, expected: Expected) -> str:
    """Say from when on the water balance fails; empty if it closes at the end of every day.

    initial storage + sum(precipitation - evaporation - runoff - baseflow) = storage
    """
    fallen = np.cumsum(table.column("OUT_PREC"))
    lost = np.cumsum(sum(table.column(name) for name in LOSS_NAMES))
    error = expected.initial_storage + fallen - lost - storage(table)
    tolerance = TOLERANCE + RELATIVE_TOLERANCE * fallen
    wrong = np.abs(error) > tolerance
    if wrong.any():
        day = int(np.argmax(wrong))
        return (
            f"the water balance is off by {error[day]:.3f} mm on {table.dates[day]} (tolerance {tolerance[day]:.3f} mm)"
        )
    return ""


def implausible(values: Array, dates: Dates, variables: tuple[Variable, ...]) -> str:
    """Say which of (time, variable) ``values`` is not finite or out of its range; empty if none is."""
    for variable, column in zip(variables, values.T, strict=True):
        bad = ~((column >= variable.lower - _SLACK) & (column <= variable.upper + _SLACK))
        if bad.any():
            first = int(np.argmax(bad))
            return (
                f"{variable.name} = {column[first]:g} {variable.unit} on {dates[first]}, outside "
                f"[{variable.lower:g}, {variable.upper:g}]"
            )
    return ""


def judge(table: FluxTable, expected: Expected, values: Array, variables: tuple[Variable, ...]) -> tuple[Status, str]:
    """Return a complete run's status and why: absurd values, foreign rain, a broken balance are quarantined."""
    if not np.isfinite(table.values).all():
        row, column = np.argwhere(~np.isfinite(table.values))[0]
        return "quarantined", f"{table.names[column]} is not finite on {table.dates[row]}"
    reason = implausible(values, table.dates, variables) or foreign_rain(table, expected) or imbalance(table, expected)
    return ("quarantined", reason) if reason else ("ok", "")
