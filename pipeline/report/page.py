"""The page: sections of text, tables and figures in one file that needs no other."""

import re
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path

from legacy_models.files import write_text
from pipeline.report import (
    figures_fidelity,
    figures_hydrographs,
    figures_identifiability,
    figures_learning,
    figures_parameters,
    figures_skill,
    figures_surrogate,
    tables,
)
from pipeline.report.drawing import Picture, styled
from pipeline.report.inputs import RunFiles, flagged_basins, opened_run
from pipeline.report.tables import Sheet
from pipeline.report.words import headlines, surrogate_kind, verdict

LOG_LINES = 25


@dataclass(frozen=True, eq=False)
class Section:
    """One part of the page; what is missing from it is said in ``absent``."""

    key: str
    title: str
    text: str = ""
    sheets: list[Sheet] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)
    absent: str = ""


def write_report(directory: Path) -> Path:
    """Write ``report.html`` from the files of a run's directory and return its path.

    Everything but ``summary.json`` may be missing: the report then says what it cannot show.

    Raises:
        DataError: naming the file that is missing or cannot be read.
    """
    with opened_run(directory) as run, styled():
        text = _rendered(directory.resolve().name, run)
    path = directory / "report.html"
    write_text(path, text)
    return path


def _rendered(name: str, run: RunFiles) -> str:
    from jinja2 import Environment, StrictUndefined

    template = files("pipeline.report").joinpath("template.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    lines = _without_passwords(run.log).splitlines()
    return environment.from_string(template).render(
        name=name,
        synthetic=bool(run.summary.get("synthetic")),
        verdict=verdict(run.summary),
        headlines=headlines(run.summary),
        sections=_sections(run),
        config=_without_passwords(run.config),
        warnings=[line for line in lines if "WARNING" in line or "ERROR" in line][:LOG_LINES],
        log="\n".join(lines[-LOG_LINES:]),
    )


def _without_passwords(text: str) -> str:
    """Hide the password in ``postgresql://user:password@host`` and the like: reports are handed around."""
    return re.sub(r"(://[^/\s:@]*):[^/\s@]+@", r"\1:***@", text)


def _sections(run: RunFiles) -> list[Section]:
    sections = [
        _skill(run),
        _hydrographs(run),
        _gap(run),
        _surrogate(run),
        _parameters(run),
        _learning(run),
        _provenance(run),
        _basins(run),
    ]
    if run.summary.get("synthetic"):
        sections.insert(5, _recovery(run))
    return sections


def _skill(run: RunFiles) -> Section:
    pictures = [
        figures_skill.nse_distribution(run.scores, surrogate_kind(run.summary)),
        figures_skill.score_map(run.scores, run.parameters),
    ]
    text = (
        "The closed loop is the result: the legacy model itself, run again with the learned parameters, "
        "against observed streamflow."
    )
    absent = "No basin has a score in the test period."
    return _section("skill", "Skill", pictures, absent, text, [tables.skill(run.summary)])


def _hydrographs(run: RunFiles) -> Section:
    pictures = figures_hydrographs.hydrographs(run.scores, run.simulations, run.parameters)
    text = (
        "The basins are chosen by rule from closed-loop NSE in the test period: best, median, worst, the "
        "snowiest of the others, and the median ungauged basin. Shown are the last two years of the test "
        "period with at least 80 % of days observed, or the best-observed two years. The logarithmic axis "
        "shows recessions and low flow."
    )
    return _section(
        "hydrographs",
        "Hydrographs",
        list(pictures),
        "No simulations or scores to draw hydrographs from.",
        text,
    )


def _gap(run: RunFiles) -> Section:
    text = "Learning sees only the surrogate; the gap is what it promises beyond what the legacy model keeps."
    absent = "No basin has both a closed-loop score and one through the surrogate."
    return _section("gap", "Gap", [figures_skill.gap(run.scores)], absent, text, [tables.gaps(run.summary)])


def _surrogate(run: RunFiles) -> Section:
    sheets = [
        tables.fidelity(run.summary, figures_surrogate.units(run.simulations)),
        figures_fidelity.strata(run.fidelity),
    ]
    pictures = [
        figures_surrogate.parity(run.simulations),
        figures_surrogate.example(run.simulations),
        figures_fidelity.parity(run.fidelity),
        figures_fidelity.hydrographs(run.fidelity),
        figures_fidelity.against_distance(run.fidelity),
    ]
    absent = "The run holds no outputs of surrogate and legacy model side by side."
    return _section("surrogate", "Surrogate", pictures, absent, "", [sheet for sheet in sheets if sheet.rows])


def _parameters(run: RunFiles) -> Section:
    data = figures_parameters.learned(run.parameters)
    pictures = [
        figures_parameters.against_attributes(data),
        figures_parameters.correlations(data),
        figures_parameters.crowding(data),
    ]
    absent = "The run holds no learned parameters."
    sheet = tables.domain(run.summary, run.parameters)
    return _section("parameters", "Learned parameters", pictures, absent, "", [sheet])


def _recovery(run: RunFiles) -> Section:
    data = figures_parameters.learned(run.parameters)
    pictures = [
        figures_identifiability.recovery(data, run.identifiability),
        figures_identifiability.importance(run.identifiability),
    ]
    text = "The data are synthetic, so the parameters that made them are known; learning never saw them."
    sheets = figures_identifiability.identifiability_sheets(run.identifiability)
    absent = "The run does not compare with hidden parameters."
    return _section("recovery", "Hidden parameters", pictures, absent, text, sheets)


def _learning(run: RunFiles) -> Section:
    pictures = [
        figures_learning.surrogate_curve(run.surrogate_history),
        figures_learning.dpl_curve(run.dpl_history),
    ]
    return _section("learning", "Learning curves", pictures, "The run holds no history of training.")


def _provenance(run: RunFiles) -> Section:
    sheets = [tables.provenance(run.summary), tables.legacy_runs(run.summary), tables.seconds(run.summary)]
    return Section("provenance", "Provenance, runs and time", sheets=sheets)


def _basins(run: RunFiles) -> Section:
    sheet = tables.basins(run.scores, frozenset(flagged_basins(run.parameters)))
    absent = "" if sheet else "No basin has a score in the test period."
    return Section("basins", "Basin by basin", sheets=[sheet] if sheet else [], absent=absent)


def _section(
    key: str,
    title: str,
    pictures: "list[Picture | None]",
    absent: str,
    text: str = "",
    sheets: list[Sheet] | None = None,
) -> Section:
    """Return a section; ``absent`` is shown only where none of its pictures could be made."""
    made = [picture for picture in pictures if picture is not None]
    return Section(key, title, text, sheets or [], made, "" if made else absent)
