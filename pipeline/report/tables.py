"""The tables of the report as rows of text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr

from pipeline.report.drawing import SOURCES
from pipeline.report.inputs import dig, flagged_basins, number
from pipeline.report.words import NOTHING, duration, percent, rounded, signed, surrogate_kind

SPLIT_ORDER = ("test", "ungauged", "validation", "fit")
SUMMARY_KEYS = {"surrogate": "through_surrogate"}
SHORT = {
    "closed_loop": "closed loop",
    "surrogate": "surrogate",
    "default_parameters": "default",
    "hidden_parameters": "hidden",
}
SCORE_HEADER = ("NSE median [-]", "NSE 5th percentile [-]", "KGE median [-]", "bias median [%]")
SCORES = ("basins", "nse_median", "nse_p05", "kge_median", "pbias_median")


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for the page; the first ``text_columns`` columns are text, the others numbers.

    ``strong`` rows stand out; ``grouped`` says that rows with the same first cell belong together.
    """

    title: str
    header: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""
    text_columns: int = 1
    strong: frozenset[int] = frozenset()
    grouped: bool = False


def skill(summary: dict[str, Any]) -> Sheet:
    """Return the scores of every source and baseline by split, the closed loop first."""
    baselines = dig(summary, "baselines") or {}
    sources = {SUMMARY_KEYS.get(key, key): label for key, (label, _, _) in SOURCES.items()}
    trees = {key: (label, dig(summary, key)) for key, label in sources.items()}
    trees |= {f"baseline {name}": (f"baseline: {name}", tree) for name, tree in baselines.items()}
    rows: list[tuple[str, ...]] = []
    strong = set()
    for split in SPLIT_ORDER:
        name = f"ungauged ({surrogate_kind(summary)})" if split == "ungauged" else split
        for key, (label, tree) in trees.items():
            scores = [number(tree, split, score) for score in SCORES]
            if key == "closed_loop":
                strong.add(len(rows))
            elif all(value is None for value in scores[1:]):
                continue
            rows.append((name, label, *_score_texts(scores)))
    header = ("split", "source", "basins [-]", *SCORE_HEADER)
    note = (
        "Test: basins whose record was learned from, in a period that was not. Ungauged: basins held out of "
        "learning, in the test period. A dash means that the figure was not computed."
    )
    return Sheet("Scores by split", header, rows, note, text_columns=2, strong=frozenset(strong), grouped=True)


def gaps(summary: dict[str, Any]) -> Sheet:
    """Return the distance between surrogate and legacy model by split."""
    rows = [
        (
            split,
            signed(number(summary, "closed_loop", "gap", split, "signed_median")),
            rounded(number(summary, "closed_loop", "gap", split, "abs_median")),
            percent(number(summary, "closed_loop", "gap", split, "share_over_0.1")),
        )
        for split in ("test", "ungauged")
    ]
    note = "NSE through the surrogate minus closed-loop NSE, basin by basin; above 0 the surrogate flatters."
    return Sheet("Gap", ("split", "median [-]", "median of |gap| [-]", "basins with |gap| > 0.1 [%]"), rows, note)


def fidelity(summary: dict[str, Any], units: dict[str, str]) -> Sheet:
    """Return how closely the surrogate follows the legacy model, held out and at the learned parameters."""
    places = {"held_out": "held-out runs", "at_learned": "learned parameters"}
    rows = [
        (
            label,
            str(output),
            rounded(number(scores, "nse_median"), 3),
            rounded(number(scores, "nse_p05"), 3),
            rounded(number(scores, "rmse_median"), 3),
            units.get(output, NOTHING),
        )
        for place, label in places.items()
        for output, scores in (dig(summary, "surrogate", place) or {}).items()
    ]
    agreement = number(summary, "surrogate", "gradient_agreement")
    members = number(summary, "surrogate", "members")
    note = (
        f"Members: {rounded(members, 0)}; gradient agreement with the legacy model: {rounded(agreement)}; "
        f"{surrogate_kind(summary)}."
    )
    header = (
        "compared on",
        "output",
        "NSE median [-]",
        "NSE 5th percentile [-]",
        "RMSE median",
        "unit of RMSE",
    )
    return Sheet("Surrogate against legacy model", header, rows, note, text_columns=2, grouped=True)


def legacy_runs(summary: dict[str, Any]) -> Sheet:
    """Return the account of legacy-model runs; planned must equal committed + failed + pending."""
    runs = dig(summary, "legacy_runs") or {}
    counts = {name: number(runs, name) for name in ("planned", "committed", "failed", "pending")}
    rows = [(name, rounded(value, 0)) for name, value in counts.items()]
    purposes = dig(runs, "by_purpose") or {}
    rows += [(f"of these for {name}", rounded(number(purposes, name), 0)) for name in purposes]
    parts = [value for name, value in counts.items() if name != "planned"]
    note = ""
    if None not in counts.values() and sum(v for v in parts if v is not None) != counts["planned"]:
        note = "The account does not close: planned is not committed + failed + pending."
    return Sheet("Runs of the legacy model", ("", "runs"), rows, note)


def seconds(summary: dict[str, Any]) -> Sheet:
    """Return the wall-clock time of every stage."""
    stages = dig(summary, "seconds") or {}
    rows = [(name, duration(number(stages, name))) for name in stages if name != "total"]
    rows.append(("total", duration(number(stages, "total"))))
    return Sheet("Time", ("stage", "wall clock"), rows, strong=frozenset({len(rows) - 1}))


def provenance(summary: dict[str, Any]) -> Sheet:
    """Return what this result was made from and where it is registered."""
    seeds = dig(summary, "seeds") or []
    rows = [("data", "synthetic" if dig(summary, "synthetic") else "observations")]
    groups, periods = ("fit", "validation", "ungauged"), ("fit", "validation", "test")
    rows += [(f"basins, {name}", rounded(number(summary, "basins", name), 0)) for name in groups]
    rows += [(f"period, {name}", _span(dig(summary, "periods", name))) for name in periods]
    rows.append(("seeds", ", ".join(map(str, seeds)) or NOTHING))
    for kind, tree in (("registered", "registry"), ("sha256 of", "hashes")):
        rows += [(f"{kind} {name}", str(value or NOTHING)) for name, value in (dig(summary, tree) or {}).items()]
    return Sheet("What it was made from", ("", ""), rows, text_columns=2)


def domain(summary: dict[str, Any], parameters: xr.Dataset | None) -> Sheet:
    """Return how many basins left the surrogate's training domain, and which."""
    rows = [
        ("share of basins flagged", percent(number(summary, "domain", "flagged_share"))),
        ("rounds of refinement", rounded(number(summary, "domain", "rounds"), 0)),
    ]
    if parameters is not None and "flagged" in parameters:
        names = flagged_basins(parameters)
        shown = ", ".join(names[:40]) + (f" and {len(names) - 40} more" if len(names) > 40 else "")
        rows.append(("basins flagged", shown or "none"))
    note = "In a flagged basin the surrogate was hardly trained for such parameters; closed-loop scores hold."
    return Sheet("Domain", ("", ""), rows, note, text_columns=2)


def basins(scores: pd.DataFrame, flagged: frozenset[str]) -> Sheet | None:
    """Return the test-period scores of every basin, best closed loop first; None where there are none."""
    rows = scores[scores["period"] == "test"]
    if rows.empty:
        return None
    values = ["nse", "kge", "pbias"]
    wide = rows.pivot_table(index=["basin", "split"], columns="source", values=values, aggfunc="first")
    wide = wide.reindex(columns=pd.MultiIndex.from_product([values, list(SOURCES)])).astype(float)
    wide = wide.sort_values(("nse", "closed_loop"), ascending=False)
    known = [key for key in SOURCES if wide["nse"][key].notna().any()]
    skills = (f"NSE {SHORT[key]} [-]" for key in known)
    header = ("basin", "split", *skills, "gap [-]", "KGE [-]", "bias [%]", "domain")
    body = [_basin_row(index, row, known, flagged) for index, row in wide.iterrows()]
    note = "KGE and bias are those of the legacy model at the learned parameters. Best closed loop first."
    return Sheet("Every basin in the test period", header, body, note, text_columns=2)


def _basin_row(index: Any, row: "pd.Series[float]", known: Sequence[str], flagged: frozenset[str]) -> tuple[str, ...]:
    basin, split = index
    gap = row[("nse", "surrogate")] - row[("nse", "closed_loop")]
    return (
        basin,
        split,
        *(rounded(row[("nse", key)]) for key in known),
        signed(gap),
        rounded(row[("kge", "closed_loop")]),
        signed(row[("pbias", "closed_loop")], 1),
        "flagged" if basin in flagged else "",
    )


def _score_texts(scores: Sequence[float | None]) -> tuple[str, ...]:
    count, median, low, kge, bias = scores
    return rounded(count, 0), rounded(median), rounded(low), rounded(kge), signed(bias, 1)


def _span(period: Any) -> str:
    return " to ".join(map(str, period)) if period else NOTHING
