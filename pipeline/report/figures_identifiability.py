"""Recovery of hidden parameters, which only synthetic data allow: one by one, and in combinations."""

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.report.drawing import (
    CLOSED_LOOP,
    SECOND,
    SPLITS,
    Picture,
    finite,
    identity_line,
    new_figure,
    panels,
    picture,
    plain_logarithm,
)
from pipeline.report.figures_parameters import MANY_MARKS, Learned, mark_size, on_own_scale
from pipeline.report.inputs import dig, number
from pipeline.report.tables import Sheet
from pipeline.report.words import NOTHING, rounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def recovery(data: Learned | None, identifiability: dict[str, Any] | None) -> Picture | None:
    """Draw learned against hidden values of every parameter, on the parameter's own scale."""
    if data is None or data.hidden is None or not np.isfinite(data.hidden).any():
        return None
    known = {item.get("name"): item for item in dig(identifiability, "parameters") or []}
    figure, axes = panels(len(data.names), 4, 2.45)
    said = []
    for column, place in enumerate(axes):
        name, low, high = data.names[column], data.lower[column], data.upper[column]
        identity_line(place, low, high)
        for split, (label, colour, marker) in SPLITS.items():
            some = data.splits == split
            x, y = data.hidden[some, column], data.values[some, column]
            place.scatter(x, y, s=mark_size(data), color=colour, marker=marker, alpha=0.75, linewidth=0, label=label)
        on_own_scale(place, data, column, "xy")
        place.set(xlabel=f"hidden [{data.units[column]}]", ylabel=f"learned [{data.units[column]}]")
        correlation = _correlation(data, column, known.get(name))
        place.set_title(f"{name}\nr = {rounded(correlation)}{_judged(known.get(name))}")
        said.append(f"{name} {rounded(correlation)}")
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, [f"{name} basins" for name in names], loc="outside upper center", ncols=3)
    caption = (
        "Learned against hidden value in every basin; on the line the value that made the observations was "
        "found. Axes span the bounds. r: correlation over basins on the parameter's own scale. A parameter "
        "can miss the line and the flow still be right, where the flow hardly depends on it or another "
        "parameter makes up for it."
    )
    alt = f"Learned against hidden parameters. Correlations: {', '.join(said)}."
    return picture(figure, "Recovery of the hidden parameters", caption, alt, raster=data.values.size > MANY_MARKS)


def importance(identifiability: dict[str, Any] | None) -> Picture | None:
    """Draw how well each parameter and combination was recovered against how much the flow depends on it."""
    single = [_point(str(item.get("name", "")), item) for item in dig(identifiability, "parameters") or []]
    combined = [_point(f"C{i}", item) for i, item in enumerate(dig(identifiability, "combinations") or [], 1)]
    known = [point for point in single + combined if point is not None]
    if not known:
        return None
    figure = new_figure(4.1)
    axes = figure.subplots()
    _labelled(axes, [p for p in single if p], "one parameter", CLOSED_LOOP, "o", side="right")
    _labelled(axes, [p for p in combined if p], "combination", SECOND, "s", side="left")
    plain_logarithm(axes, "x")
    axes.margins(x=0.12, y=0.1)
    axes.set(xlabel="share of the flow's sensitivity [%]", ylabel="correlation, learned with hidden [-]")
    axes.axhline(0, color="#BBBBBB", linewidth=0.8)
    axes.legend(loc="lower right")
    caption = (
        "Upper right: what the flow depends on and learning recovered. Lower left: what cannot be "
        "identified from streamflow, and hardly matters for it. Combinations (C1, C2 ...) are listed in the "
        "table; a well-recovered combination of badly recovered parameters means that the flow fixes the "
        "combination only."
    )
    alt = "; ".join(f"{name}: sensitivity {rounded(x, 1)} %, correlation {rounded(y)}" for name, x, y in known)
    return picture(figure, "What the flow can and cannot tell", caption, alt)


def identifiability_sheets(identifiability: dict[str, Any] | None) -> list[Sheet]:
    """Return the recovery of single parameters and of combinations as tables."""
    single = [_single_row(item) for item in dig(identifiability, "parameters") or []]
    combined = [_combined_row(i, item) for i, item in enumerate(dig(identifiability, "combinations") or [], 1)]
    sheets = []
    if single:
        heads = (
            "parameter",
            "correlation [-]",
            "RMSE, share of range [-]",
            "share of sensitivity [%]",
            "verdict",
        )
        sheets.append(Sheet("Hidden parameters, one by one", heads, single, _summed_up(identifiability)))
    if combined:
        header = ("", "combination, in the unit cube", "correlation [-]", "share of sensitivity [%]")
        note = "Weights below 0.1 are left out."
        sheets.append(Sheet("Hidden parameters, in combinations", header, combined, note, text_columns=2))
    return sheets


def _point(name: str, item: dict[str, Any]) -> tuple[str, float, float] | None:
    """Name, share of sensitivity [%] (at least 0.0001, as its axis is logarithmic) and correlation."""
    share, correlation = number(item, "sensitivity_share"), number(item, "correlation")
    return None if share is None or correlation is None else (name, max(100 * share, 1e-4), correlation)


def _labelled(
    axes: "Axes", points: list[tuple[str, float, float]], kind: str, colour: str, marker: str, side: str
) -> None:
    """Draw marks with their names on one ``side`` of the text's anchor, so that two kinds do not collide."""
    if not points:
        return
    names, x, y = zip(*points, strict=True)
    axes.scatter(x, y, color=colour, marker=marker, s=32, label=kind, zorder=3)
    look: dict[str, Any] = {"ha": side, "fontsize": 8, "color": colour, "textcoords": "offset points"}
    for name, *at in zip(names, x, y, strict=True):
        axes.annotate(name, (at[0], at[1]), (-6 if side == "right" else 6, -3), **look)


def _single_row(item: dict[str, Any]) -> tuple[str, ...]:
    name, judged = str(item.get("name", "")), _judged(item).lstrip(", ") or NOTHING
    return (
        name,
        rounded(number(item, "correlation")),
        rounded(number(item, "rmse"), 3),
        _share(item),
        judged,
    )


def _combined_row(place: int, item: dict[str, Any]) -> tuple[str, ...]:
    formula = _formula(item.get("loadings") or {})
    return f"C{place}", formula, rounded(number(item, "correlation")), _share(item)


def _summed_up(identifiability: dict[str, Any] | None) -> str:
    items = dig(identifiability, "parameters") or []
    lost = [str(item.get("name")) for item in items if item.get("identified") is False]
    return f"Cannot be identified from streamflow: {', '.join(lost)}." if lost else ""


def _share(item: dict[str, Any]) -> str:
    share = number(item, "sensitivity_share")
    return rounded(None if share is None else 100 * share, 1)


def _judged(item: dict[str, Any] | None) -> str:
    identified = dig(item, "identified")
    return "" if identified is None else (", identified" if identified else ", not identified")


def _correlation(data: Learned, column: int, item: dict[str, Any] | None) -> float | None:
    """The correlation that the run states, else the one over the basins drawn."""
    stated = number(item, "correlation")
    if stated is not None or data.hidden is None:
        return stated
    x, y = finite(data.unit_cube(data.hidden)[:, column], data.unit_cube(data.values)[:, column])
    return float(np.corrcoef(x, y)[0, 1]) if len(x) > 2 and np.ptp(x) > 0 and np.ptp(y) > 0 else None


def _formula(loadings: dict[str, float]) -> str:
    large = sorted(((w, name) for name, w in loadings.items() if abs(w) >= 0.1), key=lambda pair: -abs(pair[0]))
    signs = {True: "+", False: "\N{MINUS SIGN}"}
    terms = [f"{signs[weight >= 0]} {abs(weight):.2f} {name}" for weight, name in large]
    return " ".join(terms).removeprefix("+ ") or NOTHING
