"""``dpl evaluate``: read finished runs, compare their methods, write the tables, show the headline.

per_basin.csv, per_basin.nc   every figure of every method and basin
summary.csv                   medians over basins with intervals, signed and absolute, in all subsets
paired.csv                    methods in pairs
trends.csv                    simulated against observed trends
evaluation.json               which runs, and how
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from dpl.comparison import LEVEL
from legacy_models.errors import UsageError
from legacy_models.files import write_json, write_text
from pipeline.evaluation import tables
from pipeline.evaluation.runs import LEARNED, ScoredRun, Setup, is_held_out, parse, read_setup, score_run
from pipeline.evaluation.subsets import blocks, describe, headline, subsets
from pipeline.progress import Reporter
from pipeline.result_files import write_dataset

SCHEMA_VERSION = 1
SHOWN = {
    "nse": "NSE",
    "kge": "KGE",
    "abs_pbias": "|PBIAS| %",
    "fhv": "FHV %",
    "flv": "FLV %",
    "fms": "FMS %",
}
"""Figure -> what it is called on the terminal."""


def evaluate(
    runs: Sequence[str],
    out: Path | None = None,
    attributes: Sequence[Path] = (),
    lists: Sequence[Path] = (),
    resamples: int = 1000,
) -> None:
    """Compare the methods of finished runs on their test and ungauged basins and write the tables.

    Args:
        runs: ``RUN`` or ``NAME=RUN``; runs of one name, or without one, are seeds and folds of one set-up.
        out: where to write; the folder ``evaluation`` of the run by default, if there is but one.
        attributes: tables that say more of the basins than the runs do: ``subsets.DESCRIBED``.
        lists: text files of basin ids, each a subset of its own.
        resamples: of the bootstrap.

    Raises:
        UsageError: for runs that cannot be compared.
        DataError: naming a file that is missing or cannot be used.
    """
    requests = parse(runs)
    if out is None and len(requests) > 1:
        raise UsageError("several runs are compared outside of them: give --out")
    place = out or requests[0].directory / "evaluation"
    setups = [read_setup(request) for request in requests]
    _check(setups)
    scored = [score_run(setup) for setup in setups]
    scores = tables.average_folds(pd.concat([run.scores for run in scored], ignore_index=True))
    described = describe(sorted(scores["basin"].unique()), (run.attributes for run in scored), attributes)
    block_of, block = blocks(described)
    chosen = subsets(described, lists)
    reporter = Reporter(place)
    for line in _said(scored, block):
        reporter.say(line)
    made = _tables(tables.groups(scores, chosen, block_of, resamples), setups)
    _write(place, made, scores, described)
    about = {"resamples": resamples, "blocks": block, "level": LEVEL, "seed": tables.SEED}
    write_json(place / "evaluation.json", _provenance(scored, about))
    for text in _headlines(made["summary"]):
        reporter.say(text)
    reporter.say(f"tables: {place}")


def _check(setups: Sequence[Setup]) -> None:
    """Refuse runs that no table can hold together."""
    first: dict[str, Setup] = {}
    replicates: dict[tuple[Any, ...], Setup] = {}
    for setup in setups:
        directory, name = setup.request.directory, setup.request.name
        if setup.test != setups[0].test:
            raise UsageError(
                f"{directory} was tested from {' to '.join(setup.test)}, {setups[0].request.directory} from "
                f"{' to '.join(setups[0].test)}; one table compares one test period"
            )
        one = first.setdefault(name, setup)
        same = replicates.setdefault((name, setup.scheme, setup.fold, setup.salt, setup.seed), setup)
        if what := _difference(one, setup):
            why = f"differs from {one.request.directory} in {what}"
        elif same is not setup:
            why = f"has the seed and the fold of {same.request.directory}"
        else:
            continue
        raise UsageError(f"{directory} {why}: runs that are not seeds or folds of one set-up need names, NAME=RUN")


def _difference(one: Setup, other: Setup) -> str | None:
    """What two runs differ in that seeds and folds of one set-up have in common; None if nothing."""
    if one.transductive != other.transductive:
        return "whether the surrogate saw legacy runs at ungauged basins"
    return next((section for section, digest in one.sections.items() if other.sections[section] != digest), None)


def _said(scored: Sequence[ScoredRun], block: str) -> Iterable[str]:
    """What the reader of the tables has to know."""
    first = scored[0].setup
    for run in scored:
        setup = run.setup
        fold = "" if setup.scheme == "share" else f", {setup.scheme} fold {setup.fold}"
        kind = {True: "transductive", False: "inductive", None: "unknown whether transductive"}[setup.transductive]
        yield f"{setup.request.directory}: seed {setup.seed}{fold}, {kind}; test observations are read"
        for place, why in run.left_out.items():
            yield f"{place}: this calibration is not in the tables: it {why}"
    others = {run.setup.request.name for run in scored if run.setup.sections["data"] != first.sections["data"]}
    for name in sorted(others):
        yield f"{name or 'unnamed runs'}: other data than {first.request.directory}; pairs do not tell methods apart"
    if block == "basin":
        yield "hydrologic units are unknown (--attributes): intervals take basins for independent and are too narrow"


def _tables(groups: Iterable[tables.Group], setups: Sequence[Setup]) -> dict[str, pd.DataFrame]:
    """Return the tables over basins by name; the summary says of learned parameters whether they are transductive."""
    made: dict[str, list[dict[str, Any]]] = {"summary": [], "paired": [], "trends": []}
    for group in groups:
        made["summary"] += tables.summary(group)
        made["paired"] += tables.pairs(group)
        made["trends"] += tables.trends(group)
    kind = {f"{s.request.name}/{LEARNED}".removeprefix("/"): s.transductive for s in setups}
    for row in made["summary"]:
        row["transductive"] = kind.get(row["method"]) if is_held_out(row["split"]) else None
    return {name: pd.DataFrame(rows) for name, rows in made.items()}


def _write(place: Path, made: Mapping[str, pd.DataFrame], scores: pd.DataFrame, described: pd.DataFrame) -> None:
    """Write every table."""
    for name, table in {"per_basin": scores.join(described, on="basin"), **made}.items():
        write_text(place / f"{name}.csv", table.to_csv(index=False, float_format="%.6g"))
    write_dataset(place / "per_basin.nc", tables.dataset(scores, described).assign_attrs(Conventions="CF-1.11"))


def _provenance(scored: Sequence[ScoredRun], about: dict[str, Any]) -> dict[str, Any]:
    """What ``evaluation.json`` holds."""
    return {
        "schema_version": SCHEMA_VERSION,
        "test": scored[0].setup.test,
        "runs": [
            {
                "name": run.setup.request.name or None,
                "directory": str(run.setup.request.directory),
                "seed": run.setup.seed,
                "scheme": run.setup.scheme,
                "fold": run.setup.fold,
                "salt": run.setup.salt,
                "transductive": run.setup.transductive,
                "hashes": run.setup.hashes,
                "calibrations_left_out": {str(place): why for place, why in run.left_out.items()},
            }
            for run in scored
        ],
        "bootstrap": about,
    }


def _headlines(summary: pd.DataFrame) -> Iterable[str]:
    """The medians of every method as text, for each split, over the basins that matter most."""
    for split, rows in summary.groupby("split", sort=False):
        subset = headline(rows["subset"].unique())
        lines = []
        for method, own in rows[rows["subset"] == subset].groupby("method", sort=False):
            row = own.set_index("figure")
            interval = f"{_text(row, 'nse', 'median_low')} to {_text(row, 'nse', 'median_high')}"
            shown = {label: _text(row, figure, "median") for figure, label in SHOWN.items()}
            lines.append(
                {"method": method, "basins": row.loc["nse", "basins"], **shown, f"{LEVEL:.0%} of NSE": interval}
            )
        yield f"\n{split}: medians over basins ({subset})\n{pd.DataFrame(lines).to_string(index=False)}"


def _text(row: pd.DataFrame, figure: str, column: str) -> str:
    value = float(row[column][figure])
    return "-" if np.isnan(value) else f"{value:.{3 if row['unit'][figure] == '1' else 1}f}"
