"""The drift check: forcing, parameters and performance, told apart, and the gates."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dpl.evaluate import basin_table
from dpl.routing import LENGTH
from legacy_models.errors import BundleError, DataError
from legacy_models.files import write_json, write_text
from legacy_models.model import Forcing, Site, days_between
from legacy_models.parameters import Array
from pipeline.closed_loop import period_inputs, routed, run_outputs, simulate_surrogate
from pipeline.drift import report
from pipeline.drift.inputs import Evidence, gather, saved_parameters
from pipeline.drift.measures import YEAR, Gate, drop, flagged_shares, mean_shares, moved, shifts, windows_like
from pipeline.experiment import LEAD_DAYS, Experiment
from pipeline.progress import Reporter
from pipeline.sections import DriftConfig
from pipeline.splits import Span

if TYPE_CHECKING:
    from surrogates.domain import Judgement

Flags = npt.NDArray[np.bool_]

SCHEMA_VERSION = 1


def drift(
    directory: Path, data: str | None = None, assignments: Sequence[str] = (), earlier: Path | None = None
) -> dict[str, Any]:
    """Check a finished run against new data; write ``drift.json`` and ``drift.md`` into its directory.

    Args:
        directory: of the run.
        data: ``reader:path`` of the new data; the run's own, read again, where None.
        assignments: ``key=value`` for this check, for example ``drift.nse_drop=0.05``.
        earlier: directory of an earlier run to compare parameters with.

    Returns:
        What ``drift.json`` holds.

    Raises:
        ProjectError: if the run is not finished or the data cannot be used.
    """
    evidence = gather(directory, data, assignments, Reporter(directory))
    section = evidence.now.config.drift
    parts = {
        "forcing": forcing(evidence),
        "parameters": parameters(evidence, earlier),
        "performance": performance(evidence, section),
    }
    judged = [{**asdict(gate), "exceeded": gate.exceeded} for gate in gates(parts, section)]
    found = {
        "schema_version": SCHEMA_VERSION,
        "synthetic": bool(evidence.run.dataset.attrs.get("synthetic")),
        "period": [str(day) for day in evidence.span],
        "basins": {"known": int(evidence.known.sum()), "new": int((~evidence.known).sum())},
        **parts,
        "gates": judged,
        "exceeded": [f"{gate['kind']}: {gate['name']}" for gate in judged if gate["exceeded"]],
    }
    write_json(directory / "drift.json", found)
    write_text(directory / "drift.md", report.markdown(directory.resolve().name, found))
    return found


def forcing(evidence: Evidence) -> dict[str, Any]:
    """Where the new forcing lies in the domain at the learned parameters, and how its distributions moved.

    A year at least is judged by the domain, the last one where the new days are fewer. What is ``usual`` are windows of
    the fit period that are as long, at the basins of the run.
    """
    fit, span = evidence.run.splits.periods.fit, _a_year_at_least(evidence)
    windows = windows_like(span, fit)
    found: dict[str, Any] = {"judged_days": [str(day) for day in span]}
    for name, rows in (("known", evidence.known), ("new", ~evidence.known)):
        found[f"{name}_basins"] = flagged_shares(_judged(evidence, evidence.now, rows, span)) if rows.any() else None
    usual, moves, known = None, None, evidence.known
    if known.any():
        usual = mean_shares([flagged_shares(_judged(evidence, evidence.run, known, window)) for window in windows])
        before, after = (_forcings(one, evidence, known) for one in (evidence.run, evidence.now))
        moves = shifts(before, after, evidence.span, fit)
    everything = flagged_shares(_judged(evidence, evidence.now, np.ones_like(known), span))
    return found | {"flagged": everything, "usual": usual, "shifts": moves}


def parameters(evidence: Evidence, earlier: Path | None) -> dict[str, Any]:
    """Where the learned parameters lie in the domain under the climate of the fit period, and how far they moved."""
    found: dict[str, Any] = {"flagged": None, "moved": None}
    if evidence.known.any():
        fit = evidence.run.splits.periods.fit
        found["flagged"] = flagged_shares(_judged(evidence, evidence.run, evidence.known, fit))
    if earlier is not None:
        now, then = saved_parameters(evidence.run.directory), saved_parameters(earlier)
        common = [basin for basin in now["basin"].to_numpy() if basin in then["basin"].to_numpy()]
        names = list(evidence.run.space.names)
        if not common or list(then["parameter"].to_numpy()) != names:
            raise DataError(f"{earlier}: no basin in common, or other parameters than {', '.join(names)}")
        values = [table["value"].sel(basin=common, parameter=names).to_numpy() for table in (now, then)]
        found["moved"] = moved(evidence.run.space, *values)
    return found


def performance(evidence: Evidence, section: DriftConfig) -> dict[str, Any]:
    """NSE of the basins of the validation over the new days against that over the validation period."""
    run, now = evidence.run, evidence.now
    rows = np.isin(now.basins, run.splits.basins_of("validation"))
    before = _scores(evidence, run, rows, run.splits.periods.validation)
    after = _scores(evidence, now, rows, evidence.span)
    return {"on": section.on, **drop(before, after, section.resamples, now.config.seed)}


def gates(parts: Mapping[str, Any], section: DriftConfig) -> list[Gate]:
    """Every gate, exceeded or not."""
    forcing, parameters, performance = parts["forcing"], parts["parameters"], parts["performance"]
    usual = forcing["usual"]["any"] if forcing["usual"] else 0.0
    listed = [Gate("forcing", "flagged_excess", forcing["flagged"]["any"] - usual, section.flagged_excess)]
    for name, shift in (forcing["shifts"] or {}).items():
        excess = shift["statistic"] - shift["usual"]
        listed.append(Gate("forcing", f"shift_excess of {name}", excess, section.shift_excess))
    flagged, moved_by = parameters["flagged"], parameters["moved"]
    listed += [
        Gate("parameters", "parameters_flagged", flagged["any"] if flagged else None, section.parameters_flagged),
        Gate("parameters", "parameters_moved", moved_by["rms_median"] if moved_by else None, section.parameters_moved),
    ]
    proven = performance["interval"] is not None and performance["interval"][0] > 0.0
    return [*listed, Gate("performance", "nse_drop", performance["drop"], section.nse_drop, proven)]


def _judged(evidence: Evidence, experiment: Experiment, rows: Flags, span: Span) -> "Judgement":
    """The domain's judgement of the learned parameters at some basins under the forcing that ``experiment`` has."""
    from surrogates.queries import Queries

    domain, sites = evidence.surrogate.domain, _sites(experiment, evidence, rows)
    if domain is None:
        raise BundleError("the surrogate has no domain; it was saved by something that did not fit one")
    properties = np.array([[site.properties[v.name] for v in experiment.model.properties] for site in sites])
    forcings = [site.forcing.between(*span) for site in sites]
    return domain.judge(Queries.at(experiment.model.parameters, evidence.parameters[rows], properties, forcings))


def _sites(experiment: Experiment, evidence: Evidence, rows: Flags) -> list[Site]:
    """Sites of ``experiment`` for some of the new data's basins."""
    by_name = {site.name: site for site in experiment.sites}
    return [by_name[basin] for basin, chosen in zip(evidence.now.basins, rows, strict=True) if chosen]


def _forcings(experiment: Experiment, evidence: Evidence, rows: Flags) -> list[Forcing]:
    return [site.forcing for site in _sites(experiment, evidence, rows)]


def _a_year_at_least(evidence: Evidence) -> Span:
    start, end = evidence.span
    begin = max(site.forcing.dates[0] for site in evidence.now.sites)
    return max(begin, min(start, end - np.timedelta64(YEAR - 1, "D"))), end


def _scores(evidence: Evidence, experiment: Experiment, rows: Flags, span: Span) -> Array:
    """(row,) NSE over ``span``, forcing and observations as ``experiment`` has them, of what is to be scored."""
    sites = _sites(experiment, evidence, rows)
    names = [site.name for site in sites]
    observed = experiment.dataset["streamflow"].sel(basin=names, time=slice(*span)).to_numpy().astype(np.float64)
    if not np.isfinite(observed).any():
        return np.full(len(names), np.nan)
    simulated = _streamflow(evidence, sites, evidence.parameters[rows], span)
    return basin_table(names, observed, simulated)["nse"].to_numpy(dtype=np.float64)


def _streamflow(evidence: Evidence, sites: list[Site], parameters: Array, span: Span) -> Array:
    """(row, time) routed streamflow of ``span``, fed by the flow of the year before."""
    now = replace(evidence.now, sites=tuple(sites))
    begin = max(site.forcing.dates[0] for site in sites)
    led = max(begin, span[0] - np.timedelta64(LEAD_DAYS, "D")), span[1]
    if now.config.drift.on == "legacy":
        flow = routed(now, run_outputs(now, now.runs(parameters, led, "drift")), parameters)
    else:
        flow = simulate_surrogate(now, evidence.surrogate, period_inputs(now, sites, led), parameters).streamflow
    flow[:, : LENGTH - 1] = np.nan
    return flow[:, -(days_between(*span) + 1) :]
