"""Figures of the learned parameters: what they depend on, and whether they crowd at their bounds."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from pipeline.report.drawing import (
    CLOSED_LOOP,
    DEFAULT,
    SPLITS,
    Picture,
    finite,
    new_figure,
    panels,
    picture,
    plain_logarithm,
)
from pipeline.report.inputs import flagged_basins, labels
from pipeline.report.words import percent, rounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = npt.NDArray[np.float64]

MANY_MARKS = 1500
"""A scatter figure of more marks than this is a PNG: as SVG it would be large and slow."""

NEAR_BOUND = 0.02
"""A value this close to a bound, as a share of the parameter's range, counts as lying at it."""

ATTRIBUTE_UNITS = {
    "gauge_lat": "degrees north",
    "gauge_lon": "degrees east",
    "elev_mean": "m",
    "slope_mean": "m/km",
    "area_gages2": "km2",
    "p_mean": "mm/day",
    "pet_mean": "mm/day",
    "high_prec_freq": "days/year",
    "high_prec_dur": "days",
    "low_prec_freq": "days/year",
    "low_prec_dur": "days",
    "root_depth_50": "m",
    "soil_depth_pelletier": "m",
    "soil_depth_statsgo": "m",
    "soil_conductivity": "cm/hour",
    "max_water_content": "m",
    "sand_frac": "%",
    "silt_frac": "%",
    "clay_frac": "%",
    "geol_permeability": "log10 m2",
}
"""CAMELS attributes that have a unit (Addor et al. 2017, doi:10.5194/hess-21-5293-2017)."""


@dataclass(frozen=True, eq=False)
class Learned:
    """Learned parameters and the attributes that they were read from.

    Args:
        values: (basin, parameter) values in their own units.
        lower, upper, default: (parameter,) bounds and defaults.
        is_log: (parameter,) whether the scale is logarithmic.
        attributes: (basin, attribute) values; NaN where missing.
        splits, flagged: (basin,) split, and whether the basin left the training domain.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    values: Array
    lower: Array
    upper: Array
    default: Array
    is_log: npt.NDArray[np.bool_]
    attribute_names: tuple[str, ...]
    attribute_units: tuple[str, ...]
    attributes: Array
    splits: npt.NDArray[np.str_]
    flagged: npt.NDArray[np.bool_]
    hidden: Array | None

    def unit_cube(self, values: Array) -> Array:
        """Map (..., parameter) values to [0, 1] on each parameter's own scale."""
        safe = np.where(self.is_log, np.maximum(values, 1e-300), values)
        low, high, at = (
            np.where(self.is_log, np.log(np.where(self.is_log, v, 1)), v) for v in (self.lower, self.upper, safe)
        )
        return np.asarray((at - low) / (high - low))


def learned(parameters: xr.Dataset | None) -> Learned | None:
    """Return the content of ``parameters.nc`` as arrays, None where there are no values."""
    if parameters is None or "value" not in parameters or not parameters["value"].notnull().any():
        return None
    count = parameters.sizes["basin"]
    has_attributes = "attribute_value" in parameters
    attributes = tuple(labels(parameters["attribute"])) if has_attributes else ()
    return Learned(
        names=tuple(labels(parameters["parameter"])),
        units=tuple(labels(parameters["unit"])),
        values=parameters["value"].to_numpy().astype(np.float64),
        lower=parameters["lower"].to_numpy().astype(np.float64),
        upper=parameters["upper"].to_numpy().astype(np.float64),
        default=parameters["default"].to_numpy().astype(np.float64),
        is_log=labels(parameters["scale"]) == "log",
        attribute_names=attributes,
        attribute_units=_attribute_units(parameters, attributes),
        attributes=parameters["attribute_value"].to_numpy().astype(float) if has_attributes else np.empty((count, 0)),
        splits=labels(parameters["split"]) if "split" in parameters else np.full(count, "fit"),
        flagged=np.isin(labels(parameters["basin"]), flagged_basins(parameters)),
        hidden=parameters["hidden"].to_numpy().astype(float) if "hidden" in parameters else None,
    )


def rank_correlation(values: Array, attributes: Array) -> Array:
    """(parameter, attribute) Spearman correlation over basins; NaN where one is constant or too short."""
    result = np.full((values.shape[1], attributes.shape[1]), np.nan)
    for row, column in np.ndindex(result.shape):
        x, y = finite(values[:, row], attributes[:, column])
        if len(x) > 3 and np.ptp(x) > 0 and np.ptp(y) > 0:
            result[row, column] = np.corrcoef(_ranks(x), _ranks(y))[0, 1]
    return result


def against_attributes(data: Learned | None) -> Picture | None:
    """Draw every parameter against the attribute with which its rank correlation is strongest."""
    if data is None or not data.attribute_names:
        return None
    correlation = rank_correlation(data.values, data.attributes)
    figure, axes = panels(len(data.names), 4, 2.2)
    said = []
    for row, place in enumerate(axes):
        strength = np.nan_to_num(np.abs(correlation[row]), nan=-1.0)
        column = int(np.argmax(strength))
        _scatter(place, data, row, data.attributes[:, column])
        unit = data.attribute_units[column]
        place.set_xlabel(f"{data.attribute_names[column]} [{unit}]")
        place.set_title(f"rank correlation {rounded(correlation[row, column])}")
        said.append(f"{data.names[row]} with {data.attribute_names[column]} {rounded(correlation[row, column])}")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=6)
    caption = (
        f"Each learned parameter against the one of {len(data.attribute_names)} attributes that it follows "
        "most closely (Spearman rank correlation over basins; the strongest of many, so weak ones may be "
        "chance). Dashed: default value; solid grey: bounds, on the parameter's own scale. Learned "
        "parameters are effective values for this forcing, time step, disaggregation and one mean cell per "
        "basin."
    )
    alt = f"Scatter plots of parameters with their attribute and rank correlation: {'; '.join(said)}."
    return picture(figure, "Parameters against attributes", caption, alt, raster=data.values.size > MANY_MARKS)


def correlations(data: Learned | None) -> Picture | None:
    """Draw the rank correlation of every parameter with every attribute."""
    if data is None or not data.attribute_names:
        return None
    correlation = rank_correlation(data.values, data.attributes)
    figure = new_figure(1.6 + 0.22 * len(data.names))
    axes = figure.subplots()
    image = axes.imshow(correlation, cmap="PuOr", vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(
        range(len(data.attribute_names)),
        data.attribute_names,
        rotation=60,
        ha="right",
        rotation_mode="anchor",
    )
    axes.set_yticks(range(len(data.names)), data.names)
    axes.grid(False)
    axes.set_facecolor("#DDDDDD")
    figure.colorbar(image, ax=axes, label="rank correlation [-]")
    caption = (
        "Spearman rank correlation over basins of learned parameters (rows) with attributes (columns). "
        "Purple: the parameter grows with the attribute; orange: it falls; grey: one of the two is constant."
    )
    rows, columns = correlation.shape
    alt = f"Heat map of rank correlations, {rows} parameters by {columns} attributes."
    return picture(figure, "All parameters and all attributes", caption, alt)


def crowding(data: Learned | None) -> Picture | None:
    """Draw each parameter's histogram in the unit cube, with the share of basins that lie at a bound."""
    from matplotlib.ticker import MaxNLocator

    if data is None:
        return None
    unit = data.unit_cube(data.values)
    default = data.unit_cube(data.default)
    at_bound = (np.abs(unit - 0.5) > 0.5 - NEAR_BOUND).mean(axis=0)
    figure, axes = panels(len(data.names), 4, 1.55)
    for column, place in enumerate(axes):
        place.hist(np.clip(unit[:, column], 0, 1), bins=np.linspace(0, 1, 26).tolist(), color=CLOSED_LOOP)
        for low in (0.0, 1 - NEAR_BOUND):
            place.axvspan(low, low + NEAR_BOUND, color="#D55E00", alpha=0.35, linewidth=0)
        place.axvline(default[column], color=DEFAULT, linestyle="--")
        place.set(xlim=(0, 1), title=f"{data.names[column]}: {percent(float(at_bound[column]))} at bounds")
        place.set(xlabel="position between bounds [-]", ylabel="basins [-]")
        place.yaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    crowded = [name for name, share in zip(data.names, at_bound, strict=True) if share > 0.2]
    caption = (
        "Where the learned values lie between the lower bound (0) and the upper bound (1), on each "
        f"parameter's own scale. Shaded: the outer {percent(NEAR_BOUND)} of the range at either end; dashed: "
        f"default. {_crowds(crowded)}"
    )
    shares = ", ".join(f"{name} {percent(float(share))}" for name, share in zip(data.names, at_bound, strict=True))
    alt = f"Histograms of {len(data.names)} parameters. At bounds: {shares}."
    return picture(figure, "Crowding at the bounds", caption, alt)


def on_own_scale(axes: "Axes", data: Learned, column: int, names: str) -> None:
    """Let the axes called ``names`` span a parameter's bounds on its scale, with room for marks there."""
    for name in names:
        low, high, line = data.lower[column], data.upper[column], {"x": axes.axvline, "y": axes.axhline}[name]
        pad = 0.04
        if data.is_log[column]:
            margin = (high / low) ** pad
            axes.set(**{f"{name}lim": (low / margin, high * margin)})
            plain_logarithm(axes, name)
        else:
            axes.set(**{f"{name}lim": (low - pad * (high - low), high + pad * (high - low))})
        for bound in (low, high):
            line(bound, color="#AAAAAA", linewidth=0.7, zorder=0)


def mark_size(data: Learned) -> float:
    """Area of a basin's mark [point2]: smaller where there are many."""
    return 16 if len(data.splits) <= 100 else 7


def _scatter(axes: "Axes", data: Learned, row: int, attribute: Array) -> None:
    for split, (label, colour, marker) in SPLITS.items():
        some = data.splits == split
        if some.any():
            x, y = attribute[some], data.values[some, row]
            axes.scatter(x, y, s=mark_size(data), color=colour, marker=marker, alpha=0.7, linewidth=0, label=label)
    if data.flagged.any():
        x, y = attribute[data.flagged], data.values[data.flagged, row]
        axes.scatter(x, y, s=46, facecolors="none", edgecolors="black", linewidths=0.8, label="outside the domain")
    axes.axhline(data.default[row], color=DEFAULT, linestyle="--", label="default")
    axes.set_ylabel(f"{data.names[row]} [{data.units[row]}]")
    on_own_scale(axes, data, row, "y")


def _crowds(names: list[str]) -> str:
    if not names:
        return "For no parameter do more than a fifth of the basins lie there."
    return f"More than a fifth of the basins lie there for {', '.join(names)}."


def _ranks(values: Array) -> Array:
    """Ranks from 0, equal values sharing their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    first = np.cumsum(counts) - counts
    return np.asarray((first + (counts - 1) / 2)[inverse], dtype=np.float64)


def _attribute_units(parameters: xr.Dataset, names: tuple[str, ...]) -> tuple[str, ...]:
    if "attribute_unit" in parameters:
        return tuple(labels(parameters["attribute_unit"]))
    return tuple(ATTRIBUTE_UNITS.get(name, "-") for name in names)
