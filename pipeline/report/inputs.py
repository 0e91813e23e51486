"""What the report reads: the files of one run's directory, each of them optional but ``summary.json``."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from legacy_models.errors import DataError

SCORE_COLUMNS = ("basin", "split", "period", "source", "nse", "kge", "pbias", "rmse")
SURROGATE_HISTORY = ("epoch", "train_loss", "held_out_loss", "held_out_nse", "seconds", "round")
DPL_HISTORY = ("epoch", "train_loss", "validation_loss", "validation_nse", "seconds", "round")


@dataclass(frozen=True, eq=False)
class RunFiles:
    """The content of a run's directory; a file that is not there is None, an empty table or empty text.

    ``simulations`` is read lazily, one variable at a time: it can be larger than memory should be.
    """

    summary: dict[str, Any]
    scores: pd.DataFrame
    simulations: xr.Dataset | None
    parameters: xr.Dataset | None
    surrogate_history: pd.DataFrame
    dpl_history: pd.DataFrame
    identifiability: dict[str, Any] | None
    fidelity: dict[str, Any] | None
    config: str
    log: str


@contextmanager
def opened_run(directory: Path) -> Iterator[RunFiles]:
    """Yield the files of ``directory``; the NetCDF files are closed afterwards.

    Raises:
        DataError: naming the file that is missing (``summary.json``) or cannot be read.
    """
    if not (directory / "summary.json").is_file():
        raise DataError(f"{directory} holds no summary.json, so it is not the directory of a finished run")
    with ExitStack() as stack:
        yield RunFiles(
            summary=_json(directory / "summary.json") or {},
            scores=_table(directory / "scores.csv", SCORE_COLUMNS),
            simulations=_dataset(directory / "simulations.nc", stack),
            parameters=_dataset(directory / "parameters.nc", stack),
            surrogate_history=_sequence_rows(_table(directory / "surrogate_history.csv", SURROGATE_HISTORY)),
            dpl_history=_table(directory / "dpl_history.csv", DPL_HISTORY),
            identifiability=_json(directory / "identifiability.json"),
            fidelity=_json(directory / "fidelity.json"),
            config=_text(directory / "config.yaml"),
            log=_text(directory / "run.log"),
        )


def opened_dataset(path: Path) -> xr.Dataset:
    """Open a NetCDF file, to be closed by the caller; its values are read when they are asked for.

    Raises:
        DataError: naming the file if it cannot be read.
    """
    try:
        return xr.open_dataset(path, engine="netcdf4")
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is not a readable NetCDF file: {error}") from error


def dig(tree: Any, *path: str) -> Any:
    """Return ``tree[path[0]][path[1]]...``, or None where a level is absent or null."""
    for key in path:
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def number(tree: Any, *path: str) -> float | None:
    """Return the finite number at ``path``, or None where there is none."""
    value = dig(tree, *path)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
        return None
    return float(value)


def labels(values: xr.DataArray) -> npt.NDArray[np.str_]:
    """Return a text variable as ``str``, whether it was stored as text, objects or bytes."""
    return np.array([v.decode() if isinstance(v, bytes) else str(v) for v in values.to_numpy()], dtype=np.str_)


def flagged_basins(parameters: xr.Dataset | None) -> list[str]:
    """Return the basins whose learned parameters lie outside the surrogate's training domain."""
    if parameters is None or "flagged" not in parameters:
        return []
    flags = np.nan_to_num(parameters["flagged"].to_numpy().astype(float)) > 0
    return [str(name) for name in labels(parameters["basin"])[flags]]


def nse_by_basin(scores: pd.DataFrame, ungauged: bool) -> pd.DataFrame:
    """Return the NSE of the test period, one row a basin and one column a source.

    Args:
        scores: the rows of ``scores.csv``.
        ungauged: the held-out basins if true, else all the others (fit and validation basins).
    """
    rows = scores[(scores["period"] == "test") & ((scores["split"] == "ungauged") == ungauged)]
    return rows.pivot_table(index="basin", columns="source", values="nse", aggfunc="first")


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""


def _json(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{path} is not valid JSON: {error}") from error
    if value is not None and not isinstance(value, dict):
        raise DataError(f"{path}: expected an object, received {type(value).__name__}")
    return value


def _table(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a table whose text columns stay text; ids keep their leading zeros."""
    if not path.is_file() or not path.stat().st_size:
        return pd.DataFrame(columns=list(columns))
    try:
        table = pd.read_csv(path, dtype={"basin": str, "split": str, "period": str, "source": str})
    except ValueError as error:
        raise DataError(f"{path} is not a readable CSV file: {error}") from error
    missing = [name for name in columns if name not in table.columns]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}; its columns must be {', '.join(columns)}")
    return table


def _sequence_rows(history: pd.DataFrame) -> pd.DataFrame:
    """Leave out the epochs of the small network that gives the first state."""
    if "network" not in history.columns:
        return history
    return history[history["network"].astype(str).str.endswith("sequence")]


def _dataset(path: Path, stack: ExitStack) -> xr.Dataset | None:
    return stack.enter_context(opened_dataset(path)) if path.is_file() else None
