"""Figures of the surrogate beside the legacy model, both run at the learned parameters."""

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from legacy_models.metrics import nse
from pipeline.report.drawing import (
    CLOSED_LOOP,
    SURROGATE,
    Picture,
    finite,
    identity_line,
    panels,
    picture,
    plain_logarithm,
)
from pipeline.report.figures_hydrographs import legible_days, test_days
from pipeline.report.inputs import labels
from pipeline.report.words import rounded

Series = npt.NDArray[np.floating[Any]]

POINTS = 150_000
"""Days drawn in one density panel at most; the NSE beside it counts all."""

SMALLEST_FLOW = 1e-3
SKEWED = 20.0
"""A flux whose 99th percentile exceeds its median this many times is drawn on logarithmic axes."""


def outputs(simulations: xr.Dataset | None) -> list[str]:
    """Return the outputs for which both the legacy model's and the surrogate's series are there."""
    if simulations is None:
        return []
    names = [str(name).removeprefix("legacy_") for name in simulations.data_vars if str(name).startswith("legacy_")]
    return [name for name in names if f"surrogate_{name}" in simulations]


def units(simulations: xr.Dataset | None) -> dict[str, str]:
    """Return the unit of every output."""
    if simulations is None:
        return {}
    return {name: str(simulations[f"legacy_{name}"].attrs.get("units", "-")) for name in outputs(simulations)}


def parity(simulations: xr.Dataset | None) -> Picture | None:
    """Draw the density of surrogate against legacy model for every output, days and basins pooled."""
    names = outputs(simulations)
    if simulations is None or not names:
        return None
    unit = units(simulations)
    figure, axes = panels(len(names), 4, 2.7)
    said = []
    for place, name in zip(axes, names, strict=True):
        legacy, surrogate = (simulations[f"{kind}_{name}"].to_numpy() for kind in ("legacy", "surrogate"))
        median = _median_nse(legacy, surrogate)
        density(place, *_thinned(legacy, surrogate), unit=unit[name])
        place.set_title(f"{name}\nmedian NSE {rounded(median, 3)}")
        said.append(f"{name} {rounded(median, 3)}")
    caption = (
        "Daily outputs before routing, all basins at their learned parameters; darker cells hold more days "
        "(logarithmic). On the line the surrogate equals the legacy model. The NSE is the median over "
        "basins of the surrogate's agreement with the legacy model. Strongly skewed fluxes have logarithmic "
        f"axes, values below {SMALLEST_FLOW} drawn there."
    )
    alt = f"Density of surrogate against legacy model for {len(names)} outputs. Median NSE: {', '.join(said)}."
    return picture(figure, "Surrogate against legacy model, output by output", caption, alt, raster=True)


def example(simulations: xr.Dataset | None) -> Picture | None:
    """Draw both models' outputs over two test years in the basin of median runoff agreement."""
    names = outputs(simulations)
    if simulations is None or not names:
        return None
    decisive = "runoff" if "runoff" in names else names[0]
    agreement = nse(*(simulations[f"{kind}_{decisive}"].to_numpy() for kind in ("legacy", "surrogate")))
    ranked = [i for i in np.argsort(agreement, kind="stable") if np.isfinite(agreement[i])]
    if not ranked:
        return None
    index = int(ranked[(len(ranked) - 1) // 2])
    basin = str(labels(simulations["basin"])[index])
    series = simulations.isel(basin=index).load()
    days = legible_days(test_days(series), series[f"legacy_{decisive}"].to_numpy())
    figure = _stacked(series, names, units(simulations), days)
    caption = (
        f"Basin {basin}, where the surrogate's {decisive} agrees with the legacy model as well as in the "
        f"median basin (NSE {rounded(float(agreement[index]), 3)}). Both are run at the basin's learned "
        "parameters; before routing."
    )
    alt = f"Time series of {', '.join(names)} from legacy model and surrogate in basin {basin}."
    return picture(figure, "Surrogate and legacy model in the basin of median agreement", caption, alt)


def _stacked(series: xr.Dataset, names: list[str], unit: dict[str, str], days: npt.NDArray[np.int64]) -> Any:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    figure, axes = panels(len(names), 1, 1.05, sharex=True)
    time = series["time"].to_numpy()[days]
    for place, name in zip(axes, names, strict=True):
        place.plot(time, series[f"legacy_{name}"].to_numpy()[days], color=CLOSED_LOOP, label="legacy model")
        place.plot(time, series[f"surrogate_{name}"].to_numpy()[days], "--", color=SURROGATE, label="surrogate")
        place.set_ylabel(f"{name}\n[{unit[name]}]", rotation=0, ha="right", va="center")
    axes[0].set_xlim(time[0], time[-1])
    locator = AutoDateLocator(minticks=5, maxticks=10)
    axes[-1].xaxis.set_major_locator(locator)
    axes[-1].xaxis.set_major_formatter(ConciseDateFormatter(locator))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


def _median_nse(legacy: Series, surrogate: Series) -> float | None:
    (values,) = finite(nse(legacy, surrogate))
    return float(np.median(values)) if values.size else None


def _thinned(legacy: Series, surrogate: Series) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Every n-th pair, about ``POINTS`` of them; the step shares no factor with the length of a year."""
    step = max(1, legacy.size // POINTS)
    step += step % 5 == 0 or step % 73 == 0
    x, y = finite(legacy.ravel()[::step], surrogate.ravel()[::step])
    return x, y


def density(axes: Any, legacy: npt.NDArray[np.float64], surrogate: npt.NDArray[np.float64], unit: str) -> None:
    """Draw how many days lie where; a strongly skewed flux on logarithmic axes."""
    from matplotlib.colors import LogNorm

    axes.set(xlabel=f"legacy model [{unit}]", ylabel=f"surrogate [{unit}]")
    if not legacy.size:
        return
    median, high = np.percentile(legacy, [50, 99])
    log = unit == "mm/day" and high > SKEWED * max(median, SMALLEST_FLOW)
    if log:
        legacy, surrogate = np.maximum(legacy, SMALLEST_FLOW), np.maximum(surrogate, SMALLEST_FLOW)
    low, high = float(min(legacy.min(), surrogate.min())), float(max(legacy.max(), surrogate.max()))
    high = high if high > low else low + 1
    scale = "log" if log else "linear"
    extent = (np.log10(low), np.log10(high)) * 2 if log else (low, high) * 2
    axes.hexbin(
        legacy,
        surrogate,
        gridsize=45,
        norm=LogNorm(vmin=0.2),
        mincnt=1,
        cmap="Blues",
        xscale=scale,
        yscale=scale,
        extent=extent,
    )
    if log:
        plain_logarithm(axes, "xy")
    identity_line(axes, low, high)
    axes.set_aspect("equal", adjustable="box")
