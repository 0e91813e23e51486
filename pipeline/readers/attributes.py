"""Basin attributes from ``,`` or ``;`` separated text, as one table indexed by the basin's id (text)."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from legacy_models.errors import DataError, UsageError
from pipeline.basins import Lack

ID_COLUMNS = ("gauge_id", "basin", "basin_id", "gauge", "id")
MISSING = ("", "NA", "NaN", "nan", "NULL", "null", "None", "-999", "-999.0", "-9999", "-9999.0")

# All of CAMELS' camels_hydro (Addor et al. 2017, doi:10.5194/hess-21-5293-2017, table 3), and quantities of
# flow that tables made from CAMELS carry.
DERIVED_FROM_STREAMFLOW = frozenset(
    (
        *("q_mean", "runoff_ratio", "slope_fdc", "baseflow_index", "stream_elas", "q5", "q95"),
        *("high_q_freq", "high_q_dur", "low_q_freq", "low_q_dur", "zero_q_freq", "hfd_mean"),
        *("mean_q_mm_d", "n_days_q_zero", "cfs_quantisation_residual"),
    )
)

# Units as in Addor et al. (2017), tables 1 to 6; slope in m/km as in its data files.
ATTRIBUTE_UNITS = {
    **dict.fromkeys(("gauge_lat",), "degrees_north"),
    **dict.fromkeys(("gauge_lon",), "degrees_east"),
    "elev_mean": "m",
    "slope_mean": "m/km",
    **dict.fromkeys(("area_gages2", "area_geospa_fabric", "area_km2"), "km2"),
    **dict.fromkeys(("p_mean", "pet_mean", "q_mean", "q5", "q95"), "mm/day"),
    **dict.fromkeys(("high_prec_freq", "low_prec_freq", "high_q_freq", "low_q_freq", "zero_q_freq"), "day/year"),
    **dict.fromkeys(("high_prec_dur", "low_prec_dur", "high_q_dur", "low_q_dur"), "day"),
    **dict.fromkeys(("soil_depth_pelletier", "soil_depth_statsgo", "max_water_content"), "m"),
    **dict.fromkeys(("root_depth_50", "root_depth_99"), "m"),
    "soil_conductivity": "cm/h",
    **dict.fromkeys(("sand_frac", "silt_frac", "clay_frac", "water_frac", "organic_frac", "other_frac"), "%"),
    "geol_permeability": "log10(m2)",
}


@dataclass(frozen=True, eq=False)
class AttributeTable:
    """Attributes of basins, the ids in each file, and the attributes that are computed from streamflow."""

    values: pd.DataFrame
    rows: dict[Path, frozenset[str]]
    derived: frozenset[str]

    def lacking(self, basins: Sequence[str]) -> dict[str, Lack]:
        """Return what is missing for each of ``basins`` that a table has no row for."""
        return {
            basin: _no_row(basin, table, rows)
            for table, rows in self.rows.items()
            for basin in basins
            if basin not in rows
        }


def read_attributes(places: Sequence[Path], id_column: str | None = None) -> AttributeTable:
    """Read every attribute table among ``places`` (files, or folders of ``.csv`` and ``.txt`` files).

    In a folder, files without an id column first (a readme) are passed over; a file that is named must
    be a table. A basin that a table lacks has missing values there.

    Raises:
        UsageError: if a place does not exist or a folder holds no table.
        DataError: naming file, line and rule where a table breaks one, or two tables give one attribute.
    """
    joined, derived = pd.DataFrame(), set[str]()
    files, rows = dict[str, Path](), dict[Path, frozenset[str]]()
    for path in _files(places, id_column):
        table = _read_table(path, id_column)
        rows[path] = frozenset(table.index)
        for name in table.columns:
            if name in files:
                raise DataError(f"{path}: attribute {name!r} was already given by {files[name]}")
            files[name] = path
            if name in DERIVED_FROM_STREAMFLOW or path.stem.startswith("camels_hydro"):
                derived.add(name)
        joined = joined.join(table, how="outer") if len(joined.columns) else table
    return AttributeTable(joined, rows, frozenset(derived))


def _no_row(basin: str, table: Path, rows: frozenset[str]) -> Lack:
    short = next((row for row in rows if row.lstrip("0") == basin.lstrip("0")), None)
    why = f" (there is {short!r}: the table has lost leading zeros)" if short is not None else ""
    return Lack(f"{table}: there is no row", why)


def _files(places: Sequence[Path], id_column: str | None) -> list[Path]:
    found: list[Path] = []
    for place in places:
        if place.is_dir():
            tables = [p for p in sorted(place.iterdir()) if p.suffix in (".csv", ".txt") and _is_table(p, id_column)]
            if not tables:
                raise UsageError(f"{place}: the folder holds no attribute table (.csv or .txt with an id column)")
            found += tables
        elif place.is_file():
            found.append(place)
        else:
            raise UsageError(f"{place}: there is no such attribute file or folder")
    return found


def _is_table(path: Path, id_column: str | None) -> bool:
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        header = stream.readline()
    return _names_ids(_split(header)[0], id_column)


def _read_table(path: Path, id_column: str | None) -> pd.DataFrame:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: not UTF-8 text (byte {error.start})") from None
    names = _split(text.split("\n", 1)[0])
    if not _names_ids(names[0], id_column):
        wanted = id_column or " or ".join(ID_COLUMNS)
        raise DataError(f"{path}: line 1: the first column must be the basin's id ({wanted}), received {names[0]!r}")
    table = _parse(path, text)
    ids = table.iloc[:, 0].str.strip()
    if (repeated := ids.duplicated()).any():
        line = int(repeated.to_numpy().argmax()) + 2
        raise DataError(f"{path}: line {line}: basin {ids[repeated].iloc[0]} has a second row; ids must be unique")
    table = table.iloc[:, 1:].set_axis(pd.Index(ids, name="basin"))
    return pd.DataFrame({name.strip(): _column(path, str(name), table[name]) for name in table.columns})


def _parse(path: Path, text: str) -> pd.DataFrame:
    separator = _separator(text.split("\n", 1)[0])
    try:
        return pd.read_csv(io.StringIO(text), sep=separator, dtype=str, keep_default_na=False, index_col=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(f"{path}: not a table: {' '.join(str(error).split())}") from None


def _column(path: Path, name: str, texts: pd.Series) -> pd.Series:
    """Return the column as numbers where it holds numbers, else as stripped text; missing is NaN."""
    texts = texts.astype(object).where(texts.notna(), "").map(str.strip)
    present = texts[~texts.isin(MISSING)]
    numbers = pd.to_numeric(present, errors="coerce")
    coded = present.str.fullmatch(r"0\d+").any()  # such as HUC 01: an id whose zeros count
    if coded or numbers.isna().mean() > 0.5:
        return texts.where(~texts.isin(MISSING), "")
    if (wrong := numbers.isna()).any():
        basin = present.index[int(wrong.to_numpy().argmax())]
        line = list(texts.index).index(basin) + 2
        raise DataError(f"{path}: line {line}: {name.strip()} of basin {basin} is not a number: {present[basin]!r}")
    return numbers.reindex(texts.index).astype("float64")


def _separator(header: str) -> str:
    return max(";,\t", key=header.count)


def _split(header: str) -> list[str]:
    return [name.strip().strip('"') for name in header.split(_separator(header))]


def _names_ids(name: str, id_column: str | None) -> bool:
    return name == id_column if id_column else name in ID_COLUMNS
