"""Recovery of hidden parameters, which only synthetic data allow: one by one, and in combinations."""

from typing import Any

import numpy as np

from pipeline.report.drawing import (
    SPLITS,
    Picture,
    finite,
    identity_line,
    new_figure,
    panels,
    picture,
    plain_logarithm,
)
from pipeline.report.figures_parameters import MANY_MARKS, Learned, on_own_scale
from pipeline.report.inputs import dig, number
from pipeline.report.tables import Sheet
from pipeline.report.words import NOTHING, percent, rounded


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
            place.scatter(x, y, s=14, color=colour, marker=marker, alpha=0.75, linewidth=0, label=label)
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
    return picture(
        figure, "Recovery of the hidden parameters", caption, alt, raster=data.values.size > MANY_MARKS
    )


def importance(identifiability: dict[str, Any] | None) -> Picture | None:
    """Draw how well each parameter and combination was recovered against how much the flow depends on it."""
    groups = {
        "one parameter": (
            [item.get("name", "") for item in dig(identifiability, "parameters") or []],
            "parameters",
        ),
        "combination": (
            [f"C{i + 1}" for i in range(len(dig(identifiability, "combinations") or []))],
            "combinations",
        ),
    }
    points = [
        (kind, name, number(item, "sensitivity_share"), number(item, "correlation"))
        for kind, (names, key) in groups.items()
        for name, item in zip(names, dig(identifiability, key) or [], strict=True)
    ]
    points = [point for point in points if point[2] is not None and point[3] is not None]
    if not points:
        return None
    figure = new_figure(4.1)
    axes = figure.subplots()
    looks = {"one parameter": ("#0072B2", "o"), "combination": ("#D55E00", "s")}
    for kind, (colour, marker) in looks.items():
        some = [(max(share or 0, 1e-6) * 100, r) for k, _, share, r in points if k == kind]
        if some:
            x, y = zip(*some, strict=True)
            axes.scatter(x, y, color=colour, marker=marker, s=32, label=kind, zorder=3)
    for kind, name, share, r in points:
        at = (max(share or 0, 1e-6) * 100, r or 0.0)
        side, shift = ("right", -6) if kind == "one parameter" else ("left", 6)
        look: dict[str, Any] = {"ha": side, "fontsize": 8, "color": looks[kind][0]}
        axes.annotate(name, at, (shift, -3), textcoords="offset points", **look)
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
    alt = "; ".join(
        f"{name}: sensitivity {percent(share)}, correlation {rounded(r)}" for _, name, share, r in points
    )
    return picture(figure, "What the flow can and cannot tell", caption, alt)


def identifiability_sheets(identifiability: dict[str, Any] | None) -> list[Sheet]:
    """Return the recovery of single parameters and of combinations as tables."""
    single = [_single_row(item) for item in dig(identifiability, "parameters") or []]
    combined = [
        _combined_row(i, item) for i, item in enumerate(dig(identifiability, "combinations") or [], 1)
    ]
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


def _single_row(item: dict[str, Any]) -> tuple[str, ...]:
    name, judged = str(item.get("name", "")), _judged(item).lstrip(", ") or NOTHING
    return (
        name,
        rounded(number(item, "correlation")),
        rounded(number(item, "rmse_unit"), 3),
        _share(item),
        judged,
    )


def _combined_row(place: int, item: dict[str, Any]) -> tuple[str, ...]:
    formula = _formula(item.get("weights") or {})
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


def _formula(weights: dict[str, float]) -> str:
    large = sorted(
        ((w, name) for name, w in weights.items() if abs(w) >= 0.1), key=lambda pair: -abs(pair[0])
    )
    signs = {True: "+", False: "\N{MINUS SIGN}"}
    terms = [f"{signs[weight >= 0]} {abs(weight):.2f} {name}" for weight, name in large]
    return " ".join(terms).removeprefix("+ ") or NOTHING
