"""The stage refine: run the legacy model at learned parameters, retrain, learn on, and keep what the model confirms."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from legacy_models.errors import BundleError
from legacy_models.files import sha256_of_json
from legacy_models.model import Run
from legacy_models.parameters import Array
from pipeline import emulation, learning
from pipeline.closed_loop import (
    score_table,
    simulate_legacy,
    simulate_surrogate,
    span_inputs,
    split_gaps,
    split_scores,
)
from pipeline.design import spans_of
from pipeline.experiment import Experiment
from pipeline.job import Job

if TYPE_CHECKING:
    from surrogates.queries import Queries
    from surrogates.surrogate import Surrogate


def refine(job: Job) -> None:
    """Check round 0 against the legacy model, then refine."""
    check(job, 0)
    for number in range(1, rounds(job) + 1):
        emulation.simulate(job, number, new_runs(job, number))
        emulation.emulate(job, number)
        learning.learn(job, number)
        check(job, number)


def rounds(job: Job) -> int:
    """Rounds of refinement; a surrogate from the registry is not retrained, so it gets none."""
    return 0 if job.registered else job.experiment.config.refine.rounds


def check(job: Job, number: int) -> None:
    """Run the legacy model at a round's learned parameters and score fit and validation, nothing else."""
    stage, fingerprint = f"check-{number}", check_fingerprint(job, number)
    if job.record.finished(stage, fingerprint):
        return
    experiment = job.experiment
    with job.record.running(stage, fingerprint) as note:
        parameters = learning.learned_parameters(job, number)
        surrogate = emulation.load_surrogate(job, number)
        title = f"closed loop, round {number}"
        with job.reporter.bar(title, len(experiment.basins)) as advance:
            closed = simulate_legacy(
                experiment,
                parameters,
                "verify",
                lambda p: advance(p.committed + p.failed, emulation.remaining(p)),
            )
        through = simulate_surrogate(experiment, surrogate, span_inputs(experiment), parameters)
        table = score_table(experiment, {"closed_loop": closed, "surrogate": through}, ("fit", "validation"))
        note["closed_loop"] = split_scores(table, "closed_loop")["validation"]
        note["gap"] = split_gaps(table, ("validation",))["validation"]
        note["flagged_share"] = float(np.mean(flagged(job, surrogate, parameters)))
    job.reporter.say(
        f"{title}: validation NSE {note['closed_loop']['nse_median']:.3f} (median), "
        f"|gap| {note['gap']['abs_median']:.3f}, outside the domain {note['flagged_share']:.0%}"
    )


def flagged(job: Job, surrogate: "Surrogate", parameters: Array) -> "npt.NDArray[np.bool_]":
    """(basin,) whether (basin, parameter) values lie outside the surrogate's training domain."""
    if surrogate.domain is None:
        raise BundleError("the surrogate has no domain; it was saved by something that did not fit one")
    return surrogate.domain.flag(fit_queries(job.experiment, parameters))


def fit_queries(experiment: Experiment, parameters: Array) -> "Queries":
    """What (basin, parameter) values ask of a surrogate under the forcing of the fit period."""
    from surrogates.queries import Queries

    forcings = [site.forcing.between(*experiment.splits.periods.fit) for site in experiment.sites]
    return Queries.at(experiment.model.parameters, parameters, experiment.properties, forcings)


def new_runs(job: Job, number: int) -> list[Run]:
    """Draw a round's runs: around the parameters learned before, and a share that continues the global design."""
    from surrogates.acquisition import propose

    experiment, section = job.experiment, job.experiment.config.refine
    space, sites = experiment.model.parameters, experiment.design_sites
    rows = [experiment.basins.index(site.name) for site in sites]
    learned = learning.learned_parameters(job, number - 1)[rows, : len(space)]
    drawn = len(sites) * (experiment.config.design.runs_per_basin + (number - 1) * section.runs_per_basin)
    sets = propose(
        space,
        learned,
        section.runs_per_basin,
        experiment.config.seed,
        section.spread,
        section.global_share,
        drawn,
        experiment.config.design.sampler,
    )
    spans = [spans_of(experiment, site) for site in sites]
    return [
        Run(site, values, *spans[i][j % len(spans[i])], "refine")
        for i, site in enumerate(sites)
        for j, values in enumerate(sets[i])
    ]


def chosen_round(job: Job) -> int:
    """The round whose parameters scored best in the closed loop on validation."""
    scores = [job.record.note(f"check-{number}")["closed_loop"]["nse_median"] for number in range(rounds(job) + 1)]
    return int(np.nanargmax(np.array(scores, dtype=np.float64)))


def check_fingerprint(job: Job, number: int) -> str:
    """Hash of all that decides a round's closed-loop score."""
    return sha256_of_json([learning.learn_fingerprint(job, number), job.experiment.fingerprint("periods", "splits")])
