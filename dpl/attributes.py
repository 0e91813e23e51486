"""From a table of basin attributes to the numbers a parameter network reads, learned on fit basins only."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from legacy_models.errors import DataError

LIMIT = 5.0
"""Standard deviations beyond which an attribute is cut off, so that no odd basin throws the network out."""


@dataclass(frozen=True)
class NumericAttribute:
    """One attribute in numbers: z = (value - mean) / std, with ``median`` in place of a missing value."""

    name: str
    mean: float
    std: float
    median: float


@dataclass(frozen=True)
class CategoricalAttribute:
    """One attribute in words: a column for each category that a fit basin has, all zero for any other."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class AttributeScaler:
    """Standardises numeric attributes and one-hot encodes categorical ones; plain values throughout."""

    numeric: tuple[NumericAttribute, ...]
    categorical: tuple[CategoricalAttribute, ...] = ()

    def __post_init__(self) -> None:
        if not self.columns:
            raise DataError("a parameter network needs at least one attribute")

    @classmethod
    def fit(cls, attributes: pd.DataFrame, fit_basins: Sequence[str] | None = None) -> "AttributeScaler":
        """Learn constants and categories from the rows ``fit_basins`` (all rows if None).

        Args:
            attributes: a row for each basin, a column for each attribute; columns that are not numeric are
                categorical; NaN, None or an empty text is a missing value.
            fit_basins: index labels of the basins to learn from.

        Raises:
            DataError: naming an attribute that no fit basin has.
        """
        rows = attributes if fit_basins is None else attributes.loc[list(fit_basins)]
        for name in rows.columns:
            if missing(rows[name]).all():
                raise DataError(f"attribute {name!r} is missing at every fit basin; leave it out of the inputs")
        is_number = {name: pd.api.types.is_numeric_dtype(rows[name]) for name in rows.columns}
        return cls(
            tuple(_numeric(str(name), rows[name]) for name in rows.columns if is_number[name]),
            tuple(
                CategoricalAttribute(str(name), tuple(sorted({str(v) for v in rows[name][~missing(rows[name])]})))
                for name in rows.columns
                if not is_number[name]
            ),
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Attributes that ``transform`` reads."""
        return (*(a.name for a in self.numeric), *(a.name for a in self.categorical))

    @property
    def columns(self) -> tuple[str, ...]:
        """What each column of the transformed attributes is, categories as ``name=category``."""
        words = (f"{a.name}={category}" for a in self.categorical for category in a.categories)
        return (*(a.name for a in self.numeric), *words)

    def transform(self, attributes: pd.DataFrame) -> npt.NDArray[np.float32]:
        """Return (basin, column) scaled attributes, in the order of ``columns``; never NaN.

        Raises:
            DataError: naming an attribute that the table lacks.
        """
        self._require(attributes)
        parts = [_scaled(a, attributes[a.name]) for a in self.numeric]
        for a in self.categorical:
            words = attributes[a.name].astype("string").fillna("").to_numpy(dtype=str)
            parts += [(words == category).astype(np.float64) for category in a.categories]
        return np.stack(parts, axis=1).astype(np.float32)

    def filled(self, attributes: pd.DataFrame) -> list[str]:
        """Return one line for each value that ``transform`` has to replace, for the summary and the log."""
        self._require(attributes)
        lines = []
        for a in self.numeric:
            lines += [
                f"basin {basin}: {a.name} is missing, the fit basins' median {a.median:g} is used"
                for basin in attributes.index[~np.isfinite(_as_float(attributes[a.name]))]
            ]
        for c in self.categorical:
            words = attributes[c.name].astype("string").where(~missing(attributes[c.name]), "missing")
            lines += [
                f"basin {basin}: {c.name} is {word!r}, which no fit basin has; read as none of them"
                for basin, word in words.items()
                if word not in c.categories
            ]
        return lines

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "AttributeScaler":
        """Rebuild a scaler from ``to_dict``."""
        return cls(
            tuple(NumericAttribute(**item) for item in values["numeric"]),
            tuple(CategoricalAttribute(item["name"], tuple(item["categories"])) for item in values["categorical"]),
        )

    def _require(self, attributes: pd.DataFrame) -> None:
        lacking = [name for name in self.names if name not in attributes.columns]
        if lacking:
            raise DataError(f"the attribute table lacks {', '.join(lacking)}, which the network was learned with")


def missing(column: "pd.Series[Any]") -> "pd.Series[bool]":
    """Return where a column of attributes, numbers or texts, has no value."""
    return column.isna() | (column.astype("string") == "").fillna(True)


def _as_float(column: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    return column.to_numpy(dtype=np.float64, na_value=np.nan)


def _numeric(name: str, column: "pd.Series[Any]") -> NumericAttribute:
    values = _as_float(column)
    values = values[np.isfinite(values)]
    std = float(values.std())
    constant = std <= 1e-9 * max(1.0, float(np.abs(values).max()))
    return NumericAttribute(name, float(values.mean()), 1.0 if constant else std, float(np.median(values)))


def _scaled(attribute: NumericAttribute, column: "pd.Series[Any]") -> npt.NDArray[np.float64]:
    values = _as_float(column)
    values = np.where(np.isfinite(values), values, attribute.median)
    return np.clip((values - attribute.mean) / attribute.std, -LIMIT, LIMIT)
