"""The stage design: the legacy runs that the first surrogate learns from."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from legacy_models.files import write_text
from legacy_models.model import Run, Site
from pipeline.basins import attribute_frame
from pipeline.experiment import Experiment
from pipeline.job import Job
from pipeline.splits import Span
from surrogates.climates import changed, draw_changes, wet_and_dry
from surrogates.design import gradient_pairs, parameter_sets


def planned_runs(experiment: Experiment) -> list[Run]:
    """Draw the runs of the design, those of a site together; a site's gradient pairs come last.

    A site's runs take its spans in turn, and a share of them its changed climates in turn.
    """
    section, sites = experiment.config.design, experiment.design_sites
    space, seed = experiment.model.parameters, experiment.config.seed
    rows = [experiment.basins.index(site.name) for site in sites]
    sets = parameter_sets(space, experiment.features[rows], section, seed)
    origin, neighbours = gradient_pairs(space, sets, section.gradient_pairs)
    climates, share = _changed_sites(experiment, sites), section.climates.share
    runs = []
    for i, site in enumerate(sites):
        spans, own = spans_of(experiment, site), []
        for j, values in enumerate(sets[i]):
            before, after = int(j * share), int((j + 1) * share)
            place = climates[i][before % len(climates[i])] if climates[i] and after > before else site
            own.append(Run(place, values, *spans[j % len(spans)], "design"))
        pairs = [
            Run(own[j].site, values, own[j].start, own[j].end, "gradient")
            for j, values in zip(origin, neighbours[i], strict=True)
        ]
        runs += [*own, *pairs]
    return runs


def spans_of(experiment: Experiment, site: Site) -> list[Span]:
    """First and last recorded days of a site's runs: the whole design period, or its wet and dry years."""
    years = experiment.config.design.years
    period = experiment.design_period
    return [period] if years is None else wet_and_dry(site.forcing, period, years)


def write_design(job: Job) -> None:
    """Write the planned runs of the design to ``design.csv``."""
    runs = planned_runs(job.experiment)
    path = job.directory / "design.csv"
    write_text(path, table(job.experiment, runs).to_csv(index=False))
    job.reporter.say(f"{len(runs)} legacy runs planned: {path}")


def table(experiment: Experiment, runs: Sequence[Run]) -> pd.DataFrame:
    """A row for each run: site, purpose, period, which forcing, and parameter values."""
    frame = pd.DataFrame(
        {
            "site": [run.site.name for run in runs],
            "purpose": [run.purpose for run in runs],
            "start": [run.start for run in runs],
            "end": [run.end for run in runs],
            "forcing": [run.site.forcing.digest[:8] for run in runs],
        }
    )
    frame[list(experiment.model.parameters.names)] = np.array([run.parameters for run in runs])
    return frame


def _changed_sites(experiment: Experiment, sites: Sequence[Site]) -> list[list[Site]]:
    """Return each site under its changed climates, rebuilt from its attributes: the model may derive from forcing."""
    section = experiment.config.design.climates
    if not section.per_site:
        return [[] for _ in sites]
    changes = draw_changes(
        len(sites), section.per_site, section.precipitation, section.temperature, experiment.config.seed
    )
    attributes = attribute_frame(experiment.dataset)

    def under(site: Site, factor: float, shift: float) -> Site:
        known = {str(name): value for name, value in attributes.loc[site.name].items()}
        return experiment.model.site(site.name, known, changed(site.forcing, factor, shift))

    return [[under(site, *change) for change in own] for site, own in zip(sites, changes, strict=True)]
