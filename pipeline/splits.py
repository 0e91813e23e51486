"""Which basins and days are for fitting, for validation, for the test, and which basins count as ungauged."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr

from legacy_models.errors import DataError, UnknownNameError, UsageError
from pipeline.basins import name_some
from pipeline.folds import Scheme, first_share, held_out, units

Split = Literal["fit", "validation", "test", "ungauged"]
SPLITS: tuple[Split, ...] = get_args(Split)
Day = np.datetime64
Span = tuple[Day, Day]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Periods:
    """First and last day of each period, both included, ``datetime64[D]``; no two may overlap.

    Periods follow each other in any order (the test period of CAMELS lies before the fit period).
    """

    fit: Span
    validation: Span
    test: Span

    def __post_init__(self) -> None:
        spans = self.by_name()
        for name, (start, end) in spans.items():
            if start > end:
                raise UsageError(f"periods.{name}: the first day ({start}) must not be after the last ({end})")
        for (one, first), (other, second) in combinations(spans.items(), 2):
            if first[0] <= second[1] and second[0] <= first[1]:
                spans_text = f"{first[0]} to {first[1]} and {second[0]} to {second[1]}"
                raise UsageError(f"periods.{one} and periods.{other} overlap: {spans_text}")

    @classmethod
    def of(
        cls,
        fit: Sequence[str | date | Day],
        validation: Sequence[str | date | Day],
        test: Sequence[str | date | Day],
    ) -> "Periods":
        """Build periods from pairs of ISO dates.

        Raises:
            UsageError: naming the key of a pair that is not two dates, is reversed, or overlaps another.
        """
        return cls(_span("fit", fit), _span("validation", validation), _span("test", test))

    def by_name(self) -> dict[str, Span]:
        """The three spans under their names."""
        return {"fit": self.fit, "validation": self.validation, "test": self.test}


@dataclass(frozen=True, slots=True)
class Splits:
    """Disjoint groups of basins, and periods; what each split of the results consists of.

    fit: fit basins, fit period. validation: fit and validation basins, validation period.
    test: fit basins, test period. ungauged: ungauged basins, test period. Validation basins are never
    fitted; they are not part of the test, since stopping and tuning have seen them.

    Args:
        fit: basins whose observations are learned from.
        validation: basins held out of fitting for stopping, tuning and gates.
        ungauged: basins held out of everything until the test.
        periods: the days.
        skipped: basins left out because they have no observation where they are needed.
    """

    fit: tuple[str, ...]
    validation: tuple[str, ...]
    ungauged: tuple[str, ...]
    periods: Periods
    skipped: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        groups = (*self.fit, *self.validation, *self.ungauged, *self.skipped)
        if len(set(groups)) != len(groups):
            raise UsageError("a basin is in two groups of the split, or twice in one")
        if not self.fit:
            raise DataError("the split leaves no basin to fit")

    def basins_of(self, split: Split) -> tuple[str, ...]:
        """Basins that ``split`` is scored on."""
        _check(split)
        groups = {"validation": self.fit + self.validation, "ungauged": self.ungauged}
        return groups.get(split, self.fit)

    def period_of(self, split: Split) -> Span:
        """First and last day that ``split`` is scored on."""
        _check(split)
        return self.periods.by_name()["test" if split == "ungauged" else split]

    def mask(self, split: Split, basins: npt.ArrayLike, dates: npt.ArrayLike) -> Mask:
        """(basin, time) whether a value belongs to ``split``."""
        start, end = self.period_of(split)
        days = np.asarray(dates).astype("datetime64[D]")
        chosen = np.isin(np.asarray(basins).astype(str), np.array(self.basins_of(split), dtype=str))
        return np.asarray(chosen[:, None] & ((days >= start) & (days <= end))[None, :])


def make_splits(
    dataset: xr.Dataset,
    periods: Periods,
    *,
    scheme: Scheme = "share",
    ungauged_share: float = 0.2,
    folds: int = 5,
    fold: int = 0,
    together: str | None = None,
    validation_share: float = 0.1,
    salt: str = "",
    skip_without_observations: bool = False,
) -> Splits:
    """Divide the basins of ``dataset`` by hash order and check that each has what its part needs.

    Args:
        dataset: in the data contract.
        periods: the days of each split.
        scheme: which basins are held out of everything: a ``share`` of them; a fold of ungauged basins, spread over
            the hydrologic units (``pub``); or a region without gauges (``pur``).
        ungauged_share: the share of all basins.
        folds: of ``pub``, how many.
        fold: of ``pub`` the fold, of ``pur`` the region of ``folds.REGIONS``, from 0.
        together: attribute whose equal values keep basins on one side of every division, such as nested ones.
        validation_share: share of the remaining basins that is held out of fitting.
        salt: another text gives another division.
        skip_without_observations: leave out, and list, basins without observations instead of refusing.

    Raises:
        UsageError: for a period outside the record, or a share or fold that is not possible, naming the key.
        DataError: naming the basins without an observation in the fit period (ungauged: test period).
    """
    _check_shares(ungauged_share, validation_share)
    _check_record(dataset, periods)
    everyone = [str(basin) for basin in dataset["basin"].to_numpy()]
    everything = units(everyone, dataset, together)
    ungauged = held_out(everything, dataset, scheme, ungauged_share, folds, fold, salt)
    training = [basin for basin in everyone if basin not in ungauged]
    validation = first_share(units(training, dataset, together), validation_share, f"{salt}validation:")
    skipped = _without_observations(dataset, periods, ungauged)
    if skipped and not skip_without_observations:
        raise DataError(
            f"{dataset.attrs.get('source', 'data')}: {name_some(skipped)} without an observation in "
            "periods.fit (ungauged basins: periods.test); take them out or allow them to be skipped"
        )
    gone = set(skipped)
    return Splits(
        fit=tuple(b for b in training if b not in validation | gone),
        validation=tuple(b for b in training if b in validation - gone),
        ungauged=tuple(b for b in everyone if b in ungauged - gone),
        periods=periods,
        skipped=tuple(skipped),
    )


def _without_observations(dataset: xr.Dataset, periods: Periods, ungauged: set[str]) -> list[str]:
    present = {}
    for name, (start, end) in periods.by_name().items():
        flow = dataset["streamflow"].sel(time=slice(start, end))
        present[name] = dict(
            zip(map(str, flow["basin"].to_numpy()), flow.notnull().any("time").to_numpy(), strict=True)
        )
    return [b for b in present["fit"] if not present["test" if b in ungauged else "fit"][b]]


def _check_record(dataset: xr.Dataset, periods: Periods) -> None:
    days = dataset["time"].to_numpy().astype("datetime64[D]")
    for name, (start, end) in periods.by_name().items():
        if start < days[0] or end > days[-1]:
            raise UsageError(f"periods.{name}: {start} to {end} is outside the record, {days[0]} to {days[-1]}")


def _check_shares(ungauged: float, validation: float) -> None:
    for key, share in (("ungauged_share", ungauged), ("validation_share", validation)):
        if not 0 <= share < 1:
            raise UsageError(f"splits.{key}: a share must be in [0, 1), received {share}")


def _check(split: str) -> None:
    if split not in SPLITS:
        raise UnknownNameError(f"no split is called {split!r}; there are: {', '.join(SPLITS)}")


def _span(key: str, pair: Sequence[str | date | Day]) -> Span:
    try:
        start, end = (np.datetime64(str(day), "D") for day in pair)
    except ValueError:
        raise UsageError(f"periods.{key}: expected two dates such as 1999-10-01, received {pair!r}") from None
    return start, end
