"""Which basins a figure is over: all, a standard list, those of one climate, those that every method has."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from legacy_models.errors import DataError, UsageError
from pipeline.basins import name_some, read_ids
from pipeline.folds import HUC, two_digits
from pipeline.readers.attributes import read_attributes
from surrogates.strata import aridity_classes, snow_classes

STANDARD = "in_531_list"
"""Attribute, 1 or 0: is the basin one of the 531 of Newman et al. (2017), doi:10.1175/JHM-D-16-0284.1?

The rule by which they were chosen (areas that disagree by less than 10 %, and below 2000 km2) does not give the list
from the published attributes: a few more basins fulfil it. So the list has to be given.
"""
ALL, COMMON = "all", "common"
STRATA = {"frac_snow": snow_classes, "aridity": aridity_classes}

DESCRIBED = (HUC, *STRATA, "gauge_lat", "gauge_lon", STANDARD)
"""Attributes that a run keeps beside its simulations, where the data hold them."""


def describe(basins: Sequence[str], from_runs: Iterable[pd.DataFrame], files: Sequence[Path]) -> pd.DataFrame:
    """Return what is known of each basin: one row a basin, columns of ``DESCRIBED`` where some source has them.

    Args:
        basins: the rows.
        from_runs: attributes that runs kept, one row a basin.
        files: attribute tables, which count before what runs kept.

    Raises:
        DataError: if a table has no row for some of the basins, or a hydrologic unit is missing or none.
    """
    table = pd.DataFrame(index=pd.Index(basins, name="basin"))
    for path in files:
        given = read_attributes([path]).values
        if lacking := [basin for basin in basins if basin not in given.index]:
            raise DataError(f"{path}: there is no row for {name_some(lacking)}")
        table = table.join(given[[n for n in given.columns if n in DESCRIBED and n not in table.columns]])
    for kept in from_runs:
        wanted = kept[[name for name in kept.columns if name in DESCRIBED]]
        table = table.combine_first(wanted.loc[[basin for basin in wanted.index if basin in table.index]])
    if HUC in table.columns:
        codes = two_digits(table[HUC])
        table[HUC] = [codes[str(basin)] for basin in table.index]
    return table


def blocks(described: pd.DataFrame) -> tuple["pd.Series[str]", str]:
    """Return the block of each basin and its name: the hydrologic unit, or each basin alone where that is unknown."""
    if HUC in described.columns:
        return described[HUC], HUC
    return pd.Series(described.index, index=described.index), "basin"


def subsets(described: pd.DataFrame, lists: Sequence[Path]) -> dict[str, set[str]]:
    """Return the basins of each subset: all, the standard list where it is known, the lists given, climates.

    Raises:
        UsageError: for a list that does not exist, has the name of another subset, or of which there is no basin.
    """
    found = {ALL: set(described.index)}
    if STANDARD in described.columns:
        found[STANDARD] = set(described.index[described[STANDARD] == 1])
    for path in lists:
        if path.stem in found:
            raise UsageError(f"--list {path}: there is a subset {path.stem!r} already; give the file another name")
        found[path.stem] = {basin for basin, _ in read_ids(path)} & found[ALL]
        if not found[path.stem]:
            raise UsageError(f"--list {path}: no basin of it is in the runs")
    for attribute, classes in STRATA.items():
        if attribute in described.columns:
            for name, mask in classes(described[attribute]).items():
                found[f"{attribute} {name}"] = set(described.index[mask])
    return found


def headline(names: Iterable[str]) -> str:
    """Return the subset that is shown first: where methods differ in their basins, those that all have; or a list."""
    named = [name for name in names if name != ALL and name.partition(" ")[0] not in STRATA]
    return COMMON if COMMON in named else next(iter(named), ALL)


def with_common(chosen: Mapping[str, set[str]], by_method: Iterable[set[str]]) -> dict[str, set[str]]:
    """Return the subsets, with the basins that every method has where the methods do not have the same ones."""
    members = list(by_method)
    shared = set.intersection(*members)
    return dict(chosen) if shared == set.union(*members) else {**chosen, COMMON: shared}
