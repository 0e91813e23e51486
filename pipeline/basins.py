"""Which basins take part: by list, by file, by a query on attributes, or the first N in hash order."""

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import xarray as xr

from dpl.attributes import missing
from legacy_models.errors import DataError, UnknownNameError, UsageError


@dataclass(frozen=True, slots=True)
class Selection:
    """What the user asks for; the steps are taken in this order, and nothing asked for is every basin.

    Args:
        file: a text file with one id a line; ``#`` starts a comment.
        ids: the ids themselves, as text; not together with a file.
        query: an expression on attributes, such as ``aridity < 1 and frac_snow < 0.3``.
        number: the first N of what is left, by SHA-256 of the id, so that nobody picks.
    """

    file: Path | None = None
    ids: tuple[str, ...] | None = None
    query: str | None = None
    number: int | None = None

    def __post_init__(self) -> None:
        if self.file is not None and self.ids is not None:
            raise UsageError("basins: give file or ids, not both")
        if numbers := [item for item in self.ids or () if not isinstance(item, str)]:
            raise UsageError(f"basins.ids: ids are text, since leading zeros count; put quotes around {numbers[0]}")
        if self.number is not None and self.number < 1:
            raise UsageError(f"basins.number: at least 1, received {self.number}")


EVERY_BASIN = Selection()


def select(
    basins: Sequence[str],
    selection: Selection,
    attributes: pd.DataFrame | None = None,
    derived: Collection[str] = (),
) -> list[str]:
    """Return the chosen basins in the order of ``basins``.

    Args:
        basins: every basin that the data hold.
        selection: what is asked for.
        attributes: one row a basin (index: ids), needed by a query.
        derived: attributes computed from streamflow, which a query may not use.

    Raises:
        UsageError: for an id that is not in the data, a query that cannot be evaluated, more basins
            asked for than are left, or a selection that leaves no basin.
    """
    chosen = _named(basins, selection)
    if selection.query is not None:
        _refuse_derived(selection.query, derived)
        chosen = _queried(chosen, selection.query, attributes)
    if selection.number is not None:
        if selection.number > len(chosen):
            raise UsageError(
                f"basins.number: {selection.number} basins asked for, {len(chosen)} are there to choose from"
            )
        wanted = set(in_hash_order(chosen)[: selection.number])
        chosen = [basin for basin in chosen if basin in wanted]
    if not chosen:
        raise UsageError("basins: the selection leaves no basin")
    return chosen


class Lack(NamedTuple):
    """What a basin has not, as ``FILE: there is no row``, and a hint at the cause or the remedy."""

    what: str
    hint: str = ""


def select_complete(
    basins: Sequence[str],
    selection: Selection,
    attributes: pd.DataFrame,
    derived: Collection[str],
    lacking: Mapping[str, Lack],
    skip: bool = False,
) -> tuple[list[str], list[str]]:
    """Return the chosen basins in the order of ``basins``, and those left out because they lack something.

    Args:
        basins: as for ``select``, like ``selection``, ``attributes`` and ``derived``.
        selection: what is asked for.
        attributes: one row a basin (index: ids).
        derived: attributes computed from streamflow, which a query may not use.
        lacking: what is missing, for each basin that cannot be read.
        skip: choose among the other basins instead of refusing.

    Raises:
        UsageError: as ``select`` does.
        DataError: naming what is missing, and the chosen basins that lack it.
    """
    if skip:
        whole = [basin for basin in basins if basin not in lacking]
        return select(whole, selection, attributes, derived), [basin for basin in basins if basin in lacking]
    chosen = select(basins, selection, attributes, derived)
    bad = [basin for basin in chosen if basin in lacking]
    if bad:
        what, hint = lacking[bad[0]]
        raise DataError(f"{what} for {name_some(b for b in bad if lacking[b].what == what)}{hint}")
    return chosen, []


def in_hash_order(basins: Iterable[str], salt: str = "") -> list[str]:
    """Return ``basins`` sorted by the SHA-256 of salt + id: an order that nobody chose and none can steer."""
    return sorted(basins, key=lambda basin: hashlib.sha256(f"{salt}{basin}".encode()).hexdigest())


def attribute_frame(dataset: xr.Dataset) -> pd.DataFrame:
    """Return the (basin,) variables of ``dataset`` as a table indexed by basin."""
    names = [str(name) for name in dataset.data_vars if dataset[name].dims == ("basin",)]
    return pd.DataFrame({name: dataset[name].to_numpy() for name in names}, index=dataset["basin"].to_numpy())


def check_inputs(dataset: xr.Dataset, names: Sequence[str], skip: bool = False) -> tuple[xr.Dataset, list[str]]:
    """Return ``dataset`` with the basins that have all attributes in ``names``, and the basins left out.

    Args:
        dataset: in the data contract.
        names: attributes that a network or a legacy model is to read.
        skip: leave out basins that lack one instead of refusing.

    Raises:
        UnknownNameError: for an attribute that the data do not hold, with the nearest.
        UsageError: for an attribute that is computed from streamflow, or hidden.
        DataError: naming attribute and basins where values are missing.
    """
    table = attribute_frame(dataset)
    for name in names:
        _check_name(dataset, table, name)
    lacking = table[list(names)].apply(missing)
    bad = lacking.any(axis=1)
    if bad.any() and not skip:
        name = str(lacking.columns[lacking.any(axis=0)][0])
        raise DataError(
            f"{dataset.attrs.get('source', 'data')}: attribute {name!r} is missing for "
            f"{name_some(table.index[lacking[name]])}; leave it out of the inputs, or skip such basins"
        )
    return dataset.isel(basin=~bad.to_numpy()), [str(basin) for basin in table.index[bad]]


def name_some(basins: Iterable[str], most: int = 5) -> str:
    """Return ``basin 01013500`` or ``3 basins (01013500, ...)`` for a message."""
    names = list(basins)
    if len(names) == 1:
        return f"basin {names[0]}"
    shown = ", ".join(names[:most]) + (", ..." if len(names) > most else "")
    return f"{len(names)} basins ({shown})"


def _check_name(dataset: xr.Dataset, table: pd.DataFrame, name: str) -> None:
    if name not in table.columns:
        usable = [column for column in table.columns if not column.startswith("hidden_")]
        raise UnknownNameError(f"no attribute is called {name!r}{_hint(name, usable)}")
    if dataset[name].attrs.get("derived_from_streamflow"):
        raise UsageError(f"attribute {name!r} is computed from streamflow, which is what is to be predicted")
    if name.startswith("hidden_"):
        raise UsageError(f"{name!r} is an answer of the synthetic data, not an attribute")


def _named(basins: Sequence[str], selection: Selection) -> list[str]:
    if selection.file is not None:
        wanted = read_ids(selection.file)
    elif selection.ids is not None:
        wanted = [(basin, "basins.ids") for basin in selection.ids]
    else:
        return list(basins)
    known = set(basins)
    for basin, where in wanted:
        if basin not in known:
            raise UsageError(f"{where}: no basin is called {basin!r}{_nearest_basin(basin, basins)}")
    chosen = {basin for basin, _ in wanted}
    return [basin for basin in basins if basin in chosen]


def read_ids(path: Path) -> list[tuple[str, str]]:
    """Return (id, ``file: line n``) for every id in a text file, one a line.

    Raises:
        UsageError: if the file does not exist or holds no id.
    """
    if not path.is_file():
        raise UsageError(f"basins.file: there is no file {path}")
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    ids = [(line.split("#")[0].strip(), f"{path}: line {i}") for i, line in enumerate(lines, start=1)]
    ids = [item for item in ids if item[0]]
    if not ids:
        raise UsageError(f"{path}: the file holds no basin id")
    return ids


def _queried(basins: Sequence[str], query: str, attributes: pd.DataFrame | None) -> list[str]:
    table = pd.DataFrame(index=list(basins)) if attributes is None else attributes.reindex(list(basins))
    if "@" in query:
        raise UsageError(f"basins.query: {query!r} cannot be evaluated: '@' reaches outside the attributes")
    try:
        mask = table.eval(query, engine="python")
    except pd.errors.UndefinedVariableError as error:
        found = re.search(r"'([^']*)'", str(error))
        name = found[1] if found else str(error)
        raise UnknownNameError(
            f"basins.query: no attribute is called {name!r}{_hint(name, list(table.columns))}"
        ) from None
    except (SyntaxError, ValueError, TypeError, NotImplementedError, AttributeError) as error:
        raise UsageError(f"basins.query: {query!r} cannot be evaluated: {' '.join(str(error).split())}") from None
    if not isinstance(mask, pd.Series) or mask.dtype != bool:
        raise UsageError(f"basins.query: {query!r} must be true or false for each basin, such as 'aridity < 1'")
    return [basin for basin, keep in zip(basins, mask, strict=True) if keep]


def _refuse_derived(query: str, derived: Collection[str]) -> None:
    """Refuse a query on what is to be predicted: it would choose basins by their streamflow."""
    for name in re.findall(r"[A-Za-z_]\w*", query):
        if name in derived or name.startswith("hidden_"):
            raise UsageError(
                f"basins.query: attribute {name!r} is computed from streamflow, which is what is to be predicted"
            )


def _nearest_basin(basin: str, basins: Sequence[str]) -> str:
    padded = [known for known in basins if known.lstrip("0") == basin.lstrip("0")]
    if padded:
        return f"; there is {padded[0]!r}: ids are text and leading zeros count"
    return _hint(basin, basins)


def _hint(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else f"; there are {len(known)}"
