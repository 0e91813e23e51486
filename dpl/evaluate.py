"""Scores of simulated streamflow by basin and over basins, and the gap between surrogate and closed loop."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from legacy_models import metrics
from legacy_models.errors import ShapeError
from legacy_models.model import Dates
from legacy_models.parameters import Array

Scores = dict[str, int | float | None]


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of ``full_table``; an ``error`` is best at 0 and counts in size as well as with its sign."""

    name: str
    unit: str
    meaning: str
    error: bool = False


FIGURES = (
    Figure("nse", "1", "Nash-Sutcliffe efficiency"),
    Figure("kge", "1", "Kling-Gupta efficiency"),
    Figure("kge_correlation", "1", "correlation, the first part of the Kling-Gupta efficiency"),
    Figure("kge_variability", "1", "ratio of standard deviations, the second part of the Kling-Gupta efficiency"),
    Figure("kge_bias", "1", "ratio of means, the third part of the Kling-Gupta efficiency"),
    Figure("pbias", "%", "bias of the volume", error=True),
    Figure("fhv", "%", "bias of the highest 2 % of flows", error=True),
    Figure("flv", "%", "bias of the lowest 30 % of flows, in log space", error=True),
    Figure("fms", "%", "bias of the slope of the flow duration curve between 20 and 70 %", error=True),
    Figure("rmse", "mm/day", "root mean square error"),
    *(
        figure
        for flow in ("mean", "low", "high")
        for figure in (
            Figure(f"trend_{flow}_observed", "mm/day per decade", f"observed trend of a year's {flow} flow"),
            Figure(f"trend_{flow}_simulated", "mm/day per decade", f"simulated trend of a year's {flow} flow"),
            Figure(
                f"trend_{flow}_error", "mm/day per decade", f"error of the trend of a year's {flow} flow", error=True
            ),
        )
    ),
)
"""What a simulation is judged by, in this order in every table."""


def basin_table(basins: Sequence[str], observed: npt.ArrayLike, simulated: npt.ArrayLike) -> pd.DataFrame:
    """Return a row for each basin: ``days`` observed, ``nse``, ``kge`` [-], ``pbias`` [%]; NaN if undefined.

    Args:
        basins: (basin,) ids, the index of the table.
        observed: (basin, time) [mm/day], NaN is a gap or a day outside the split.
        simulated: (basin, time) [mm/day].

    Raises:
        ShapeError: if the shapes do not agree.
    """
    observed, simulated = np.asarray(observed, dtype=np.float64), np.asarray(simulated, dtype=np.float64)
    if observed.shape != simulated.shape or observed.shape[:1] != (len(basins),):
        raise ShapeError(
            f"Expected observed and simulated (basin, time) of {len(basins)} basins. "
            f"Received {observed.shape} and {simulated.shape}."
        )
    columns = {
        "days": np.isfinite(observed).sum(axis=1),
        "nse": metrics.nse(observed, simulated),
        "kge": metrics.kge(observed, simulated),
        "pbias": metrics.pbias(observed, simulated),
        "rmse": metrics.rmse(observed, simulated),
    }
    return pd.DataFrame(columns, index=pd.Index([str(b) for b in basins], name="basin"))


def full_table(basins: Sequence[str], dates: Dates, observed: Array, simulated: Array) -> pd.DataFrame:
    """Return a row for each basin: ``days`` on which both are known, and every one of ``FIGURES``; NaN if undefined.

    Args:
        basins: (basin,) ids, the index of the table.
        dates: (time,) consecutive days.
        observed: (basin, time) [mm/day], NaN is a gap or a day that does not count.
        simulated: (basin, time) [mm/day].

    Raises:
        ShapeError: if the shapes do not agree.
    """
    from dpl.trends import decadal_trends

    table = basin_table(basins, observed, simulated)
    common = np.isfinite(observed) & np.isfinite(simulated)
    parts = metrics.kge_parts(observed, simulated)._asdict()
    figures = {f"kge_{name}": values for name, values in parts.items()}
    figures |= {name: getattr(metrics, name)(observed, simulated) for name in ("fhv", "flv", "fms")}
    trends = [decadal_trends(np.where(common, flow, np.nan), dates) for flow in (observed, simulated)]
    for flow, (o, s) in {name: (trends[0][name], trends[1][name]) for name in trends[0]}.items():
        figures |= {f"trend_{flow}_observed": o, f"trend_{flow}_simulated": s, f"trend_{flow}_error": s - o}
    table = table.assign(days=common.sum(axis=1), **figures)
    return table[["days", *(figure.name for figure in FIGURES)]]


def scores(observed: npt.ArrayLike, simulated: npt.ArrayLike) -> Scores:
    """Return ``basins`` with a score, ``nse_median``, ``kge_median``, ``nse_p05`` and ``pbias_median`` [%].

    A figure that cannot be computed is None. See ``basin_table`` for the arguments.
    """
    rows = np.asarray(observed).shape[0]
    return summarise(basin_table([str(i) for i in range(rows)], observed, simulated))


def summarise(table: pd.DataFrame) -> Scores:
    """Return the scores over basins of a ``basin_table``."""
    column = {name: table[name].to_numpy(dtype=np.float64) for name in ("nse", "kge", "pbias")}
    return {
        "basins": int(np.isfinite(column["nse"]).sum()),
        "nse_median": _percentile(column["nse"], 50),
        "kge_median": _percentile(column["kge"], 50),
        "nse_p05": _percentile(column["nse"], 5),
        "pbias_median": _percentile(column["pbias"], 50),
    }


def gap(through_surrogate: Array, closed_loop: Array) -> dict[str, float | None]:
    """Return what the surrogate's score promises beyond the legacy model's: through - closed, over basins.

    Args:
        through_surrogate: (basin,) NSE of the routed surrogate.
        closed_loop: (basin,) NSE of the routed legacy model at the same parameters.

    Returns:
        ``signed_median``, ``abs_median`` and ``share_over_0.1`` of the absolute gap; None without basins.

    Raises:
        ShapeError: if the two do not have the same basins.
    """
    if np.shape(through_surrogate) != np.shape(closed_loop):
        raise ShapeError(
            f"Expected scores of the same basins. Received {np.shape(through_surrogate)} and {np.shape(closed_loop)}."
        )
    difference = np.asarray(through_surrogate, dtype=np.float64) - np.asarray(closed_loop, dtype=np.float64)
    size = np.abs(difference[np.isfinite(difference)])
    return {
        "signed_median": _percentile(difference, 50),
        "abs_median": _percentile(size, 50),
        "share_over_0.1": float((size > 0.1).mean()) if size.size else None,
    }


def _percentile(values: "npt.NDArray[Any]", percent: float) -> float | None:
    finite = values[np.isfinite(values)]
    return float(np.percentile(finite, percent)) if finite.size else None
