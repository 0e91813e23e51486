"""Hydrographs of a few basins that a rule chooses, so that nobody picks the pretty ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from pipeline.report.drawing import (
    CLOSED_LOOP,
    DEFAULT,
    OBSERVED,
    SURROGATE,
    Picture,
    new_figure,
    picture,
    plain_logarithm,
)
from pipeline.report.inputs import labels, nse_by_basin
from pipeline.report.words import rounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Days = npt.NDArray[np.int64]
Flow = npt.NDArray[np.floating[Any]]

DAYS_SHOWN = 730
OBSERVED_SHARE = 0.8
SMALLEST_FLOW = 1e-3
"""Flow below this [mm/day] is drawn at this value on a logarithmic axis."""

SERIES = {
    "default_parameters": ("legacy model, default parameters", DEFAULT, "-.", 0.9),
    "closed_loop": ("legacy model, learned parameters", CLOSED_LOOP, "-", 1.9),
    "surrogate": ("through the surrogate", SURROGATE, "--", 1.1),
    "observed": ("observed", OBSERVED, "-", 0.8),
}
"""Variable of ``simulations.nc`` -> label, colour, line style, line width; later ones are drawn on top."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A basin to show and the rule that chose it."""

    basin: str
    rule: str


def chosen_basins(scores: pd.DataFrame, snow: Mapping[str, float]) -> list[Choice]:
    """Return the best, median and worst gauged basin, the snowiest of the others, and a median ungauged one.

    Args:
        scores: the rows of ``scores.csv``; closed-loop NSE of the test period decides.
        snow: basin -> fraction of precipitation that falls as snow, or another measure of it.
    """
    ranked = _ranked(scores, ungauged=False)
    choices = []
    if ranked:
        places = {"best": 0, "median": (len(ranked) - 1) // 2, "worst": len(ranked) - 1}
        choices = [Choice(ranked[place], f"{name} of {len(ranked)} gauged basins") for name, place in places.items()]
    taken = {choice.basin for choice in choices}
    snowy = [basin for basin in ranked if basin not in taken and snow.get(basin, 0.0) > 0]
    if snowy:
        choices.append(Choice(max(snowy, key=lambda basin: snow[basin]), "snowiest of the other gauged basins"))
    held_out = _ranked(scores, ungauged=True)
    if held_out:
        choices.append(Choice(held_out[(len(held_out) - 1) // 2], f"median of {len(held_out)} ungauged basins"))
    return list({choice.basin: choice for choice in reversed(choices)}.values())[::-1]


def legible_days(test: npt.NDArray[np.bool_], observed: Flow) -> Days:
    """Return the last two test years of which 80 % are observed, or the best-observed two.

    Args:
        test: (time,) whether a day belongs to the test period; if none does, the whole record counts.
        observed: (time,) observed flow, NaN in gaps.
    """
    days = np.flatnonzero(test) if test.any() else np.arange(len(test))
    share, best = -1.0, days[-DAYS_SHOWN:]
    for end in range(len(days), 0, -365):
        window = days[max(0, end - DAYS_SHOWN) : end]
        if share >= 0 and len(window) < min(DAYS_SHOWN, len(days)):
            break
        found = float(np.isfinite(observed[window]).mean())
        if found > share:
            share, best = found, window
        if found >= OBSERVED_SHARE:
            break
    return best


def hydrographs(scores: pd.DataFrame, simulations: xr.Dataset | None, parameters: xr.Dataset | None) -> list[Picture]:
    """Draw precipitation, flow on linear and logarithmic axes, and duration curves of the chosen basins."""
    if simulations is None or "closed_loop" not in simulations:
        return []
    basins = list(labels(simulations["basin"]))
    test = test_days(simulations)
    nse = pd.concat([nse_by_basin(scores, ungauged=flag) for flag in (False, True)])
    snow = _snow(simulations, parameters)
    return [
        _hydrograph(choice, simulations.isel(basin=basins.index(choice.basin)).load(), test, nse)
        for choice in chosen_basins(scores, snow)
        if choice.basin in basins
    ]


def test_days(simulations: xr.Dataset) -> npt.NDArray[np.bool_]:
    """(time,) whether a day belongs to the test period."""
    if "period" not in simulations:
        return np.zeros(simulations.sizes["time"], dtype=bool)
    return np.asarray(labels(simulations["period"]) == "test")


def _ranked(scores: pd.DataFrame, ungauged: bool) -> list[str]:
    wide = nse_by_basin(scores, ungauged)
    if "closed_loop" not in wide:
        return []
    return [str(basin) for basin in wide["closed_loop"].dropna().sort_values(ascending=False, kind="stable").index]


def _snow(simulations: xr.Dataset, parameters: xr.Dataset | None) -> dict[str, float]:
    """Basin -> snow fraction from the attributes, or else the legacy model's mean snow water."""
    if parameters is not None and "attribute_value" in parameters:
        names = list(labels(parameters["attribute"]))
        if "frac_snow" in names:
            values = np.nan_to_num(parameters["attribute_value"].to_numpy()[:, names.index("frac_snow")])
            return dict(zip(labels(parameters["basin"]), values, strict=True))
    if "legacy_swe" not in simulations:
        return {}
    mean = np.nan_to_num(simulations["legacy_swe"].mean("time").to_numpy())
    return dict(zip(labels(simulations["basin"]), mean, strict=True))


def _hydrograph(choice: Choice, series: xr.Dataset, test: npt.NDArray[np.bool_], nse: pd.DataFrame) -> Picture:
    flows = {name: series[name].to_numpy() for name in SERIES if name in series and series[name].notnull().any()}
    days = legible_days(test, flows.get("observed", np.zeros(len(test))))
    time = series["time"].to_numpy()[days]
    figure = new_figure(4.7)
    grid = figure.add_gridspec(3, 2, height_ratios=(0.55, 1.5, 1.3), width_ratios=(3.3, 1))
    rain, linear, log = (figure.add_subplot(grid[row, 0]) for row in range(3))
    _rain(rain, time, series["prcp"].to_numpy()[days] if "prcp" in series else np.zeros(len(days)))
    for name, flow in flows.items():
        label, colour, line, width = SERIES[name]
        linear.plot(time, flow[days], line, color=colour, linewidth=width, label=label)
        log.plot(time, np.maximum(flow[days], SMALLEST_FLOW), line, color=colour, linewidth=width)
    linear.set(ylabel="streamflow [mm/day]", ylim=(0, None), xlim=(time[0], time[-1]))
    log.set(ylabel="streamflow [mm/day]", xlim=(time[0], time[-1]))
    plain_logarithm(log, "y")
    for axes in (rain, linear):
        axes.tick_params(labelbottom=False)
    _calendar(log)
    _duration(figure.add_subplot(grid[:, 1]), flows, test)
    figure.legend(*linear.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return _described(figure, choice, flows, time, nse)


def _described(figure: Any, choice: Choice, flows: Mapping[str, Any], time: Any, nse: pd.DataFrame) -> Picture:
    names = {
        "closed_loop": "legacy model",
        "surrogate": "surrogate",
        "default_parameters": "default parameters",
    }
    said = ", ".join(f"{label} {rounded(_value(nse, choice.basin, key))}" for key, label in names.items())
    span = f"{np.datetime_as_string(time[0], 'D')} to {np.datetime_as_string(time[-1], 'D')}"
    caption = (
        f"Basin {choice.basin}, {choice.rule}; {span}. NSE over the whole test period: {said}. Left: "
        "precipitation, streamflow on a linear and on a logarithmic axis. Right: how often a flow is "
        "exceeded on the observed days of the test period."
    )
    drawn = ", ".join(SERIES[name][0] for name in flows)
    alt = f"Hydrograph of basin {choice.basin}, {span}, with {drawn}. NSE: {said}."
    return picture(figure, f"Basin {choice.basin}: {choice.rule}", caption, alt)


def _value(nse: pd.DataFrame, basin: str, source: str) -> float | None:
    known = basin in nse.index and source in nse.columns
    return float(nse[source].to_dict()[basin]) if known else None


def _rain(axes: "Axes", time: Any, rain: Flow) -> None:
    axes.fill_between(time, np.nan_to_num(rain), step="mid", color="#56B4E9", linewidth=0)
    top = float(np.nanmax(rain, initial=1.0))
    axes.set(ylabel="precip.\n[mm/day]", xlim=(time[0], time[-1]), ylim=(top, 0))


def _calendar(axes: "Axes") -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    locator = AutoDateLocator(minticks=5, maxticks=10)
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))


def _duration(axes: "Axes", flows: Mapping[str, Flow], test: npt.NDArray[np.bool_]) -> None:
    """Draw flow duration curves over the test days on which every series is there."""
    keep = test if test.any() else np.ones_like(test)
    keep = keep & np.logical_and.reduce([np.isfinite(flow) for flow in flows.values()])
    for name, flow in flows.items():
        _, colour, line, width = SERIES[name]
        falling = np.maximum(np.sort(flow[keep])[::-1], SMALLEST_FLOW)
        share = np.linspace(0, 100, 201)
        if falling.size:
            at = np.interp(share, (np.arange(falling.size) + 0.5) / falling.size * 100, falling)
            axes.plot(share, at, line, color=colour, linewidth=width)
    axes.set(xlim=(0, 100), xlabel="days exceeded [%]", ylabel="streamflow [mm/day]", title="duration curve")
    plain_logarithm(axes, "y")
