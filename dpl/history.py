"""The past that a parameter network may read: forcing and observed streamflow of fit days, gaps masked."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError

Float32 = npt.NDArray[np.float32]
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

FLOOR = 0.1
"""Added to flow before its logarithm is taken [mm/day]."""


@dataclass(frozen=True)
class HistoryScaler:
    """From forcing and streamflow to what a network reads of each day, by constants of fit basins and fit days.

    Args:
        forcing: names of the forcing variables.
        mean: of each of them, and last of the logarithm of streamflow + ``FLOOR``.
        std: the same.
        days: length of a history.
    """

    forcing: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    days: int

    @classmethod
    def fit(
        cls, names: Sequence[str], forcing: Float32, observed: npt.NDArray[np.floating[Any]], fit: Mask, days: int
    ) -> "HistoryScaler":
        """Learn the constants from the days in ``fit``.

        Args:
            names: (variable,) of the forcing.
            forcing: (basin, time, variable).
            observed: (basin, time) streamflow [mm/day], NaN is a gap.
            fit: (basin, time) days of fit basins in the fit period.
            days: length of a history.

        Raises:
            DataError: if no flow is observed on these days.
        """
        seen = fit & np.isfinite(observed)
        if not seen.any():
            raise DataError("no streamflow is observed at fit basins in the fit period")
        columns = [forcing[..., i][fit] for i in range(len(names))] + [_log(observed[seen])]
        spread = [float(column.std(dtype=np.float64)) for column in columns]
        mean = tuple(float(column.mean(dtype=np.float64)) for column in columns)
        return cls(tuple(names), mean, tuple(s if s > 0 else 1.0 for s in spread), days)

    @property
    def columns(self) -> tuple[str, ...]:
        """What each feature of a day is."""
        return (*self.forcing, "streamflow", "streamflow is observed")

    def transform(self, forcing: Float32, observed: npt.NDArray[np.floating[Any]]) -> Float32:
        """Return (basin, time, feature) in the order of ``columns``; a gap has streamflow 0 and says so.

        Args:
            forcing: (basin, time, variable).
            observed: (basin, time) streamflow [mm/day], NaN where it is a gap or may not be read.
        """
        mean, std = (np.array(numbers, dtype=np.float32) for numbers in (self.mean, self.std))
        seen = np.isfinite(observed)
        flow = np.where(seen, (_log(np.where(seen, observed, 0.0)) - mean[-1]) / std[-1], 0.0)
        scaled = (forcing - mean[:-1]) / std[:-1]
        return np.concatenate([scaled, flow[..., None], seen[..., None]], axis=-1, dtype=np.float32)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "HistoryScaler":
        """Rebuild a scaler from ``to_dict``."""
        numbers = {name: tuple(map(float, values[name])) for name in ("mean", "std")}
        return cls(tuple(values["forcing"]), days=int(values["days"]), **numbers)


@dataclass(frozen=True, eq=False)
class History:
    """What may be read of the past of every basin, ``days`` at a time.

    A basin without an observed day in a history has zeros throughout: the network then goes by attributes alone.

    Args:
        features: (basin, time, feature) from a ``HistoryScaler``; no observation but on fit days.
        days: length of a history.
        first: position of the first fit day.
        end: position after the last.
    """

    features: Float32
    days: int
    first: int
    end: int

    @classmethod
    def of(
        cls, scaler: HistoryScaler, forcing: Float32, observed: npt.NDArray[np.floating[Any]], fit: Mask
    ) -> "History":
        """Scale forcing and the observations on ``fit`` days; arguments as for ``HistoryScaler.fit``.

        Raises:
            DataError: if the fit period is shorter than a history.
        """
        fit_days = np.flatnonzero(fit.any(axis=0))
        length = int(fit_days[-1] - fit_days[0] + 1) if fit_days.size else 0
        if length < scaler.days:
            raise DataError(f"a history takes {scaler.days} days, the fit period has {length}")
        features = scaler.transform(forcing, np.where(fit, observed, np.nan))
        return cls(features, scaler.days, int(fit_days[0]), int(fit_days[-1] + 1))

    @property
    def latest(self) -> int:
        """First day of the last history that there is, which parameters are given from once learning is over."""
        return self.end - self.days

    def require_room(self, window: int) -> None:
        """Refuse histories that do not fit beside every window of so many days.

        Raises:
            DataError: with the longest that would.
        """
        longest = (self.end - self.first - window) // 2
        if self.days > longest:
            raise DataError(
                f"a history of {self.days} days does not fit beside every window of {window} in a fit period of "
                f"{self.end - self.first}; at most {max(longest, 0)} do"
            )

    def beside(self, start: int, end: int) -> Index:
        """First days of all histories that share no day with those from ``start`` to before ``end``."""
        before = np.arange(self.first, start - self.days + 1)
        return np.concatenate([before, np.arange(max(end, self.first), self.latest + 1)])

    def cut(self, basins: Index, starts: Index) -> Float32:
        """Return the (row, day, feature) histories of ``basins`` that begin on ``starts``."""
        chosen = self.features[basins[:, None], starts[:, None] + np.arange(self.days)]
        seen = chosen[..., -1].any(axis=1)
        return np.where(seen[:, None, None], chosen, np.float32(0.0))


def _log(flow: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.floating[Any]]:
    return np.log(np.maximum(flow, 0.0) + FLOOR)
