"""Which legacy runs a surrogate is scored on: each kind shares less with those that it was trained on."""

from dataclasses import dataclass

import numpy as np

from legacy_models.model import Run, Site
from legacy_models.parameters import Array
from pipeline import emulation
from pipeline.experiment import Experiment
from pipeline.gradient_trials import PURPOSE
from pipeline.job import Job
from pipeline.splits import Span
from surrogates.surrogate import Surrogate

MOST_SITES = 100
"""Training sites that the kinds with seen sites are scored at, at most."""

AT_BOUND = 0.5
"""Share of the coordinates of a boundary draw that lie on a bound."""


@dataclass(frozen=True, eq=False)
class Trained:
    """What the surrogate was trained on: (run,) sites and (run, parameter) values."""

    sites: tuple[str, ...]
    parameters: Array

    @classmethod
    def of(cls, job: Job, surrogate: Surrogate) -> "Trained":
        """Read the runs of round 0 that training did not hold out."""
        table = emulation.training_table(job, 0)
        table = table[~table["key"].isin(surrogate.card["held_out_keys"])]
        names = list(job.experiment.model.parameters.names)
        return cls(tuple(table["site"]), table[names].to_numpy(dtype=np.float64))

    def at(self, site: str) -> Array:
        """(set, parameter) values at one site."""
        return self.parameters[[name == site for name in self.sites]]


def unseen_runs(experiment: Experiment, trained: Trained, sets: int) -> dict[str, list[Run]]:
    """Return the runs of every kind.

    ``all_unseen``: sites, sets and years that training has not seen; ``boundary``: the same with half of the
    coordinates on a bound; ``unseen_sites``, ``unseen_sets`` and ``unseen_years``: only that is new.

    Args:
        experiment: its ungauged basins are the unseen sites, its test period the unseen years.
        trained: what training has seen.
        sets: sets a site of ``all_unseen``; the other kinds have a quarter of them.
    """
    space, few = experiment.model.parameters, max(1, sets // 4)
    rng = np.random.default_rng([experiment.config.seed, 3])
    new = [site for site in experiment.sites if site.name in experiment.splits.ungauged]
    seen = [site for site in experiment.sites if site.name in set(trained.sites)][:MOST_SITES]
    years, other_years = experiment.design_period, experiment.splits.periods.test

    def random(count: int) -> Array:
        return space.from_unit(rng.random((count, len(space))))

    def boundary(count: int) -> Array:
        unit = rng.random((count, len(space)))
        return space.from_unit(np.where(rng.random(unit.shape) < AT_BOUND, np.round(unit), unit))

    def drawn(values: Array) -> Array:
        return rng.choice(values, min(few, len(values)), replace=False)

    return {
        "all_unseen": [run for site in new for run in _runs(site, random(sets), other_years)],
        "unseen_sites": [run for site in new for run in _runs(site, drawn(trained.parameters), years)],
        "unseen_sets": [run for site in seen for run in _runs(site, random(few), years)],
        "unseen_years": [run for site in seen for run in _runs(site, drawn(trained.at(site.name)), other_years)],
        "boundary": [run for site in new for run in _runs(site, boundary(few), other_years)],
    }


def _runs(site: Site, sets: Array, period: Span) -> list[Run]:
    return [Run(site, values, *period, PURPOSE) for values in sets]
