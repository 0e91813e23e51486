"""Means over 8 days or months of daily series with gaps, of observed and simulated days alike."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from legacy_models.model import Dates

Tensor = Any
Index = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

Average = Literal["day", "8-day", "month"]
AVERAGES: tuple[Average, ...] = get_args(Average)


@dataclass(frozen=True, eq=False)
class Periods:
    """Which days are averaged together.

    Args:
        index: (time,) number of the period that each day lies in, from 0.
        days: (period,) its length in the calendar, however much of it the record holds.
    """

    index: Index
    days: Index

    @classmethod
    def of(cls, dates: Dates, average: Average) -> "Periods":
        """Divide consecutive ``dates``; 8-day periods begin anew on each 1 January, and the last has 5 or 6 days."""
        days = dates.astype("datetime64[D]")
        month, year = days.astype("datetime64[M]"), days.astype("datetime64[Y]")
        if average == "day":
            start, end = days, days + 1
        elif average == "month":
            start, end = month.astype("datetime64[D]"), (month + 1).astype("datetime64[D]")
        else:
            new_year = year.astype("datetime64[D]")
            start = new_year + (days - new_year).astype(np.int64) // 8 * 8
            end = np.minimum(start + 8, (year + 1).astype("datetime64[D]"))
        _, first, index = np.unique(start, return_index=True, return_inverse=True)
        return cls(index.astype(np.int64), (end - start)[first].astype(np.int64))

    def enough(self, counted: Mask, coverage: float, index: Index | None = None) -> Mask:
        """Return which ``counted`` days lie in a period of which at least the share ``coverage`` is counted.

        Args:
            counted: (row, time).
            coverage: above 0, at most 1.
            index: (row, time) period of each day; None where every row holds all days.
        """
        index = np.broadcast_to(self.index if index is None else index, counted.shape)
        rows, size = len(counted), len(self.days)
        flat = (index + size * np.arange(rows)[:, None]).ravel()
        count = np.bincount(flat, weights=counted.ravel(), minlength=rows * size).reshape(rows, size)
        kept = count >= coverage * self.days - 1e-9
        return np.asarray(counted & np.take_along_axis(kept, index, axis=1))


def means(values: Tensor, mask: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Average ``values`` over the days of each period that count; differentiable.

    Args:
        values: (row, time) daily.
        mask: (row, time) true where a day counts; elsewhere ``values`` may be anything, NaN included.
        index: (row, time) number of each day's period, from 0 and below the number of days.

    Returns:
        (row, time) the mean of period i in column i, and whether there is one.
    """
    from keras import ops

    values = ops.convert_to_tensor(values)
    rows, days = ops.shape(values)
    index = ops.cast(index, "int32") + days * ops.arange(rows, dtype="int32")[:, None]
    counted = ops.cast(mask, values.dtype)
    values = ops.where(mask, values, ops.zeros_like(values))

    def total(daily: Tensor) -> Tensor:
        flat = ops.segment_sum(ops.reshape(daily, (-1,)), ops.reshape(index, (-1,)), num_segments=rows * days)
        return ops.reshape(flat, (rows, days))

    count = total(counted)
    return total(values) / ops.maximum(count, ops.ones_like(count)), count > 0
