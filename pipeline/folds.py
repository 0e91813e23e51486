"""Which basins are held out together: folds of ungauged basins (PUB), regions without gauges (PUR), nested basins.

Basins whose order matters are taken in the order of a hash of their ids, so that nobody picks.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr

from legacy_models.errors import DataError, UnknownNameError, UsageError
from pipeline.basins import attribute_frame, in_hash_order, name_some

Scheme = Literal["share", "pub", "pur"]

HUC = "huc_02"
"""Attribute that holds the hydrologic unit of two digits; those that a USGS gauge id begins with are other ones."""

REGIONS: dict[str, tuple[str, ...]] = {
    "north_east": ("01", "02"),
    "south_east": ("03", "06"),
    "great_lakes": ("04", "05", "07"),
    "northern_plains": ("09", "10"),
    "southern_plains": ("08", "11", "12", "13"),
    "south_west": ("14", "15", "16", "18"),
    "north_west": ("17",),
}
"""Contiguous groups of hydrologic units of the conterminous US, as in Feng et al. (2021), doi:10.1029/2021GL092999."""

Units = dict[str, list[str]]
"""Basins that are held out together or not at all, under a name that gives them their place in hash order."""


def units(basins: Sequence[str], dataset: xr.Dataset, together: str | None) -> Units:
    """Return the units of ``basins``: those with the same value of the attribute ``together``, each other one alone.

    Raises:
        UnknownNameError: if the data hold no such attribute.
    """
    if together is None:
        return {basin: [basin] for basin in basins}
    found: Units = {}
    for basin, value in zip(basins, _attribute(dataset, together, "splits.together").loc[list(basins)], strict=True):
        alone = pd.isna(value) or str(value).strip() == ""
        found.setdefault(basin if alone else f"{together} {value}", []).append(basin)
    return found


def first_share(of: Units, share: float, salt: str) -> set[str]:
    """Return the first ``share`` of the basins in salted hash order of their units, at least one where any is asked."""
    number = sum(map(len, of.values()))
    count = max(1, round(share * number)) if share > 0 and number > 1 else 0
    chosen = set[str]()
    for unit in in_hash_order(of, salt):
        if len(chosen) >= count:
            break
        chosen.update(of[unit])
    return chosen


def stratified_folds(of: Units, huc: Mapping[str, str], folds: int, salt: str) -> dict[str, int]:
    """Return the fold of each basin, every hydrologic unit spread evenly over the folds.

    Units are dealt in hash order, those of one hydrologic unit after the other, each to the fold that has the fewest
    basins there, and the fewest of all where that leaves a choice. A unit belongs where its first basin does.

    Args:
        of: what stays together.
        huc: basin -> hydrologic unit.
        folds: how many.
        salt: another text gives other folds.
    """
    place = {unit: huc[min(basins)] for unit, basins in of.items()}
    fold_of: dict[str, int] = {}
    total = np.zeros(folds, dtype=int)
    for stratum in sorted(set(place.values())):
        there = np.zeros(folds, dtype=int)
        for unit in in_hash_order((u for u in of if place[u] == stratum), salt):
            fold = int(np.lexsort((total, there))[0])
            fold_of.update(dict.fromkeys(of[unit], fold))
            there[fold] += len(of[unit])
            total[fold] += len(of[unit])
    return fold_of


def basins_of_region(of: Units, huc: Mapping[str, str], number: int) -> set[str]:
    """Return the basins of one of ``REGIONS``, by its place there; a unit belongs where its first basin does.

    Raises:
        DataError: naming a basin whose hydrologic unit is in none of the regions.
    """
    region_of = {code: name for name, codes in REGIONS.items() for code in codes}
    if strange := sorted(basin for basin, code in huc.items() if code not in region_of):
        raise DataError(
            f"{HUC} of basin {strange[0]} is {huc[strange[0]]!r}; splits.scheme pur knows the hydrologic units of the "
            f"conterminous US, 01 to 18"
        )
    wanted = list(REGIONS)[number]
    return {basin for basins in of.values() if region_of[huc[min(basins)]] == wanted for basin in basins}


def held_out(
    of: Units, dataset: xr.Dataset, scheme: Scheme, share: float, folds: int, fold: int, salt: str
) -> set[str]:
    """Return the ungauged basins of one fold of a scheme.

    Args:
        of: all basins, by what stays together.
        dataset: in the data contract.
        scheme: ``share`` of the basins, a fold of ungauged basins (``pub``) or a region without gauges (``pur``).
        share: for ``share``.
        folds: for ``pub``, how many.
        fold: for ``pub`` and ``pur``, which, from 0.
        salt: another text gives other basins, or other folds.

    Raises:
        UsageError: for a fold that the scheme does not have, or that holds none of the basins, or all of them.
        DataError: if a basin's hydrologic unit is missing.
    """
    check_fold(scheme, folds, fold)
    if scheme == "share":
        return first_share(of, share, f"{salt}ungauged:")
    huc = hydrologic_units(dataset)
    if scheme == "pub":
        fold_of = stratified_folds(of, huc, folds, f"{salt}pub:")
        chosen, what = {basin for basin, number in fold_of.items() if number == fold}, f"fold {fold} of {folds}"
    else:
        chosen, what = basins_of_region(of, huc, fold), f"region {fold}, {list(REGIONS)[fold]},"
    if not chosen or len(chosen) == len(huc):
        raise UsageError(f"splits.fold: {what} holds {'all' if chosen else 'none'} of the {len(huc)} basins")
    return chosen


def hydrologic_units(dataset: xr.Dataset) -> dict[str, str]:
    """Return basin -> its hydrologic unit, two digits as text.

    Raises:
        UnknownNameError: if the data hold no such attribute.
        DataError: naming the basins that lack it, or a value that is no such unit.
    """
    return two_digits(_attribute(dataset, HUC, "splits.scheme"))


def two_digits(values: "pd.Series[str]") -> dict[str, str]:
    """Return basin -> hydrologic unit from a column of texts or numbers.

    Raises:
        DataError: naming the basins that lack it, or a value that is no such unit.
    """
    texts = values.map(lambda value: "" if pd.isna(value) else str(value).strip().removesuffix(".0").zfill(2))
    if (lacking := texts.isin(["", "00"])).any():
        raise DataError(f"{HUC} is missing for {name_some(texts.index[lacking])}")
    if (wrong := ~texts.str.fullmatch(r"\d\d")).any():
        basin = texts.index[wrong][0]
        raise DataError(f"{HUC} of basin {basin} is {values[basin]!r}, expected two digits such as 01")
    return dict(zip(map(str, texts.index), texts, strict=True))


def check_fold(scheme: Scheme, folds: int, fold: int) -> None:
    """Refuse a fold that the scheme does not have.

    Raises:
        UsageError: naming the last one.
    """
    last = {"share": 0, "pub": folds - 1, "pur": len(REGIONS) - 1}[scheme]
    if not 0 <= fold <= last:
        raise UsageError(f"splits.fold: scheme {scheme} has folds 0 to {last}, received {fold}")


def _attribute(dataset: xr.Dataset, name: str, key: str) -> "pd.Series[str]":
    table = attribute_frame(dataset)
    if name not in table.columns:
        raise UnknownNameError(f"{key}: needs attribute {name!r}, which the data do not hold")
    return table[name]
