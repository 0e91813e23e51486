"""Figures of skill: how the basins' scores are distributed, where, and what the surrogate made of them."""

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from pipeline.report.drawing import SOURCES, SPLITS, Picture, identity_line, new_figure, panels, picture
from pipeline.report.inputs import labels, nse_by_basin
from pipeline.report.words import rounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LOWEST = -0.5
"""NSE below this is drawn at this value: the tail of bad basins would hide all others."""

LARGE_GAP = 0.1


def nse_distribution(scores: pd.DataFrame, kind: str) -> Picture | None:
    """Draw the cumulative distribution of NSE over basins, test and ungauged; ``kind`` is the surrogate's."""
    groups = {
        "test period, gauged basins": nse_by_basin(scores, ungauged=False),
        f"test period, ungauged basins ({kind})": nse_by_basin(scores, ungauged=True),
    }
    groups = {name: wide for name, wide in groups.items() if wide.notna().any(axis=None)}
    if not groups:
        return None
    figure, axes = panels(len(groups), len(groups), 4.2, sharey=True)
    said = []
    for place, (name, wide) in zip(axes, groups.items(), strict=True):
        said += [f"{name}, {text}" for text in _curves(place, wide)]
        place.set(xlim=(LOWEST, 1), ylim=(0, 1.01), xlabel="NSE [-]", title=f"{name}, n = {len(wide)}")
        place.axhline(0.5, color="#BBBBBB", linewidth=0.8)
        place.legend(loc="upper left", bbox_to_anchor=(0, -0.16))
    axes[0].set_ylabel("share of basins with NSE up to this [-]")
    lowest = rounded(LOWEST, 1)
    caption = (
        "Cumulative distribution of NSE over basins: the further right and the lower a curve, the better. "
        "The solid curve is the result; where the dashed one lies to its right, the surrogate flatters. NSE "
        f"below {lowest} is drawn at {lowest}; the grey line marks the medians."
    )
    return picture(figure, "Distribution of NSE over basins", caption, "; ".join(said))


def gap(scores: pd.DataFrame) -> Picture | None:
    """Draw NSE through the surrogate against closed-loop NSE, and the gap's distribution."""
    rows = scores[scores["period"] == "test"]
    wide = rows.pivot_table(index=["basin", "split"], columns="source", values="nse", aggfunc="first")
    wide = wide.reindex(columns=["closed_loop", "surrogate"]).astype(float).dropna().reset_index()
    if wide.empty:
        return None
    figure = new_figure(3.9)
    left, right = figure.subplots(1, 2)
    groups = [(look, wide[wide["split"] == split]) for split, look in SPLITS.items()]
    groups = [(look, some) for look, some in groups if not some.empty]
    _gap_scatter(left, groups)
    right.hist(
        [(some["surrogate"] - some["closed_loop"]).clip(-0.5, 0.5).to_numpy() for _, some in groups],
        bins=np.linspace(-0.5, 0.5, 41).tolist(),
        color=[colour for (_, colour, _), _ in groups],
        stacked=True,
    )
    right.axvline(0, color="#444444", linewidth=0.8)
    right.set(xlabel="gap: surrogate minus closed loop, NSE [-]", ylabel="number of basins (stacked)")
    size = (wide["surrogate"] - wide["closed_loop"]).abs()
    caption = (
        "Each mark is a basin in the test period, the grey band a gap of up to 0.1. Marks above the line are "
        "basins where the surrogate promises more than the legacy model keeps. "
        f"{int((size > LARGE_GAP).sum())} of {len(wide)} basins lie outside the band; the median of |gap| is "
        f"{rounded(float(size.median()))}. Values beyond the axes are drawn at their ends."
    )
    alt = f"Surrogate NSE against closed-loop NSE for {len(wide)} basins, and a histogram of the difference."
    return picture(figure, "Gap between surrogate and legacy model", caption, alt, raster=len(wide) > 1000)


def score_map(scores: pd.DataFrame, parameters: xr.Dataset | None) -> Picture | None:
    """Draw closed-loop test NSE where the basins are, if their coordinates are among the attributes."""
    places = _coordinates(parameters)
    rows = scores[(scores["period"] == "test") & (scores["source"] == "closed_loop")]
    if places is None or rows.empty:
        return None
    rows = rows.join(places, on="basin").dropna(subset=["nse", *places.columns])
    if rows.empty:
        return None
    figure = new_figure(4.2)
    axes = figure.subplots()
    look: dict[str, Any] = {
        "cmap": "cividis",
        "vmin": 0,
        "vmax": 1,
        "edgecolor": "#333333",
        "linewidth": 0.5,
        "s": 34,
    }
    for split, (label, _, marker) in SPLITS.items():
        some = rows[rows["split"] == split]
        marks = axes.scatter(
            some["gauge_lon"],
            some["gauge_lat"],
            c=some["nse"].astype(float),
            marker=marker,
            label=label,
            **look,
        )
    figure.colorbar(marks, ax=axes, label="closed-loop NSE [-]", extend="min")
    stretch = 1 / max(np.cos(np.radians(float(rows["gauge_lat"].mean()))), 0.2)
    axes.set(xlabel="longitude [degrees east]", ylabel="latitude [degrees north]", aspect=stretch)
    axes.legend(title="basins", loc="best", frameon=True)
    caption = (
        f"Closed-loop NSE in the test period at each gauge. {int((rows['nse'] < 0).sum())} of {len(rows)} "
        "basins are below 0, where the observed mean does better."
    )
    alt = f"Map of {len(rows)} basins coloured by closed-loop NSE."
    return picture(figure, "Where the model does well", caption, alt)


def _curves(axes: "Axes", wide: pd.DataFrame) -> list[str]:
    """Draw one curve a source and return their legends."""
    said = []
    for source, (label, colour, line) in SOURCES.items():
        if source not in wide or wide[source].isna().all():
            continue
        values = np.sort(wide[source].dropna().to_numpy(float))
        share = np.concatenate([[0], np.arange(1, len(values) + 1) / len(values)])
        drawn = np.concatenate([[LOWEST], np.clip(values, LOWEST, 1)])
        said.append(f"{label}: median {rounded(float(np.median(values)))}")
        axes.step(drawn, share, line, where="post", color=colour, label=said[-1], linewidth=1.8)
    return said


def _gap_scatter(axes: "Axes", groups: list[tuple[tuple[str, str, str], pd.DataFrame]]) -> None:
    identity_line(axes, LOWEST, 1)
    ends = np.array([LOWEST, 1.0])
    axes.fill_between(ends, ends - LARGE_GAP, ends + LARGE_GAP, color="#EFEFEF", zorder=0)
    for (label, colour, marker), some in groups:
        x, y = (some[name].clip(LOWEST, 1) for name in ("closed_loop", "surrogate"))
        text = f"{label} basins ({len(some)})"
        axes.scatter(x, y, s=22, color=colour, marker=marker, alpha=0.75, linewidth=0, label=text)
    axes.set(xlim=(LOWEST - 0.02, 1), ylim=(LOWEST - 0.02, 1), aspect="equal")
    axes.set(xlabel="closed-loop NSE (legacy model) [-]", ylabel="NSE through the surrogate [-]")
    axes.legend(loc="upper left")


def _coordinates(parameters: xr.Dataset | None) -> pd.DataFrame | None:
    if parameters is None or "attribute_value" not in parameters:
        return None
    names = list(labels(parameters["attribute"]))
    values = pd.DataFrame(parameters["attribute_value"].to_numpy(), labels(parameters["basin"]), names)
    wanted = ["gauge_lat", "gauge_lon"]
    return values[wanted] if set(wanted) <= set(names) else None
