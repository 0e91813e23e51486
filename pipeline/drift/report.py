"""What a drift check says: one line for a schedule, a page in Markdown for a person."""

from collections.abc import Mapping, Sequence
from typing import Any

KINDS = ("forcing", "parameters", "performance")


def line(found: Mapping[str, Any]) -> str:
    """Return one line: which kinds drifted, and their figures."""
    drifted = {text.partition(":")[0] for text in found["exceeded"]}
    parts = [f"{kind} {'DRIFTED' if kind in drifted else 'ok'} ({_figure(kind, found)})" for kind in KINDS]
    return f"drift {found['period'][0]} to {found['period'][1]}: {', '.join(parts)}"


def markdown(name: str, found: Mapping[str, Any]) -> str:
    """Return the report of a check of the run called ``name``."""
    basins, data = found["basins"], " (synthetic data)" if found["synthetic"] else ""
    parts = [
        f"# Drift of {name}{data}",
        f"{found['period'][0]} to {found['period'][1]}; {basins['known']} basins of the run, {basins['new']} new ones.",
        line(found),
        "## Gates",
        _table(
            ("kind", "figure", "value", "threshold", "exceeded"),
            [
                (g["kind"], g["name"], _number(g["value"]), _number(g["threshold"]), "yes" if g["exceeded"] else "no")
                for g in found["gates"]
            ],
        ),
        "## Forcing",
        "Share of the basins whose new forcing is outside the domain at the learned parameters, in the days "
        f"{found['forcing']['judged_days'][0]} to {found['forcing']['judged_days'][1]}; usual are windows of the fit "
        "period as long.",
        _shares(found["forcing"], ("flagged", "known_basins", "new_basins", "usual")),
        _shifts(found["forcing"]["shifts"]),
        "## Parameters",
        "Share of the basins whose learned parameters are outside the domain under the climate of the fit period.",
        _shares(found["parameters"], ("flagged",)),
        _moves(found["parameters"]["moved"]),
        "## Performance",
        _performance(found["performance"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figure(kind: str, found: Mapping[str, Any]) -> str:
    part = found[kind]
    if kind == "forcing":
        usual = part["usual"]["any"] if part["usual"] else None
        worst = max((shift["statistic"] - shift["usual"] for shift in (part["shifts"] or {}).values()), default=None)
        return f"{_percent(part['flagged']['any'])} flagged, usual {_percent(usual)}, largest shift {_number(worst)}"
    if kind == "parameters":
        moved = part["moved"]["rms_median"] if part["moved"] else None
        flagged = part["flagged"]["any"] if part["flagged"] else None
        return f"{_percent(flagged)} flagged, moved {_number(moved)}"
    return f"NSE {_number(part['before'])} to {_number(part['after'])}, {part['basins']} basins"


def _shares(part: Mapping[str, Any], names: tuple[str, ...]) -> str:
    measures = ("any", "box", "distance", "climate")
    rows = [(n.replace("_", " "), *(_percent(part[n][m]) for m in measures)) for n in names if part[n]]
    return _table(("", *measures), rows) if rows else "No basin of the run is in the data."


def _shifts(shifts: Mapping[str, Mapping[str, float]] | None) -> str:
    if not shifts:
        return ""
    rows = [(name, _number(shift["statistic"]), _number(shift["usual"])) for name, shift in shifts.items()]
    text = "Kolmogorov-Smirnov statistic of daily values against the fit period, median over basins:"
    return f"{text}\n\n{_table(('variable', 'statistic', 'usual'), rows)}"


def _moves(moved: Mapping[str, Any] | None) -> str:
    if not moved:
        return "No earlier run was given to compare them with."
    rows = [(name, _number(value)) for name, value in moved["by_parameter"].items()]
    text = f"Median change against the earlier run at {moved['basins']} basins, as a share of the box:"
    return f"{text}\n\n{_table(('parameter', 'change'), rows)}"


def _performance(part: Mapping[str, Any]) -> str:
    if part["drop"] is None:
        return "No basin of the validation has observations in both periods."
    ends = " to ".join(_number(end) for end in part["interval"])
    what = "legacy model" if part["on"] == "legacy" else "surrogate"
    return (
        f"Median NSE of the {what} at {part['basins']} basins: {_number(part['before'])} over validation, "
        f"{_number(part['after'])} over the new days. Median loss {_number(part['drop'])}, 90 % interval {ends} "
        "(bootstrap over basins)."
    )


def _table(header: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [header, tuple("---" for _ in header), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100.0 * value:.1f} %"
