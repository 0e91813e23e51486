"""Learning curves of the surrogate and of the parameter network."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.report.drawing import CLOSED_LOOP, SECOND, Picture, new_figure, picture
from pipeline.report.words import duration, rounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def surrogate_curve(history: pd.DataFrame) -> Picture | None:
    """Draw the losses and held-out NSE of the surrogate by epoch."""
    return _curve(history, "held_out", "held-out runs", "Learning curve of the surrogate")


def dpl_curve(history: pd.DataFrame) -> Picture | None:
    """Draw the losses and validation NSE of the parameter network by epoch, the mean over its members."""
    epochs = history.groupby(["round", "epoch"], as_index=False, dropna=False)
    history = epochs.mean(numeric_only=True).assign(seconds=epochs["seconds"].sum(min_count=1)["seconds"])
    return _curve(history, "validation", "validation", "Learning curve of the parameter network")


def _curve(history: pd.DataFrame, prefix: str, words: str, title: str) -> Picture | None:
    columns = {"train_loss": "training", f"{prefix}_loss": words}
    if history.empty or history[list(columns)].isna().all(axis=None):
        return None
    figure = new_figure(2.9)
    left, right = figure.subplots(1, 2)
    step = np.arange(1, len(history) + 1)
    for (column, label), colour, line in zip(columns.items(), (CLOSED_LOOP, SECOND), ("-", "--"), strict=True):
        left.plot(step, history[column], line, color=colour, marker=".", markersize=4, label=label)
    positive = (history[list(columns)].stack().dropna() > 0).all()
    left.set(xlabel="epoch, all rounds in sequence", ylabel="loss [-]", yscale="log" if positive else "linear")
    score = history[f"{prefix}_nse"]
    right.plot(step, score, color=SECOND, marker=".", markersize=4)
    right.set(xlabel="epoch, all rounds in sequence", ylabel=f"median NSE, {words} [-]")
    borders = np.flatnonzero(history["round"].ffill().diff().fillna(0) != 0)
    _rounds(left, borders, history["round"], top=1)
    _rounds(right, borders, history["round"], top=0)
    left.legend()
    caption = _caption(history, score, words, borders)
    return picture(figure, title, caption, f"{title}: {caption}")


def _caption(history: pd.DataFrame, score: "pd.Series[float]", words: str, borders: np.ndarray) -> str:
    total = history["seconds"].sum() if history["seconds"].notna().any() else None
    text = f"{len(history)} epochs"
    text += f" in {duration(float(total))}" if total is not None else ""
    if score.notna().any():
        best = int(np.nanargmax(score.to_numpy(float)))
        text += f"; the best NSE on {words} is {rounded(float(score.iloc[best]), 3)}, in epoch {best + 1}"
    return text + (". Grey lines mark where a new round of refinement begins." if borders.size else ".")


def _rounds(axes: "Axes", borders: np.ndarray, rounds: "pd.Series[float]", top: int) -> None:
    for border in borders:
        axes.axvline(border + 0.5, color="#999999", linewidth=1)
        axes.annotate(
            f"round {rounds.iloc[border]:.0f}",
            (border + 0.5, top),
            xycoords=("data", "axes fraction"),
            xytext=(3, -10 if top else 5),
            textcoords="offset points",
            color="#555555",
            fontsize=8,
        )
