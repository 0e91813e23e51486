"""A surrogate's gradient put to the test: the legacy model itself run at the points that it points to."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from legacy_models import metrics
from legacy_models.model import Site
from legacy_models.parameters import Array
from pipeline.closed_loop import OnBatch, period_inputs, run_outputs
from pipeline.experiment import Experiment
from pipeline.splits import Span
from surrogates.fidelity import LEAST_DEVIATION, quantile
from surrogates.gradient_agreement import (
    Objective,
    Pairs,
    agreement,
    ascend,
    central_differences,
    improved,
    same_sign,
    stencil,
    step_along,
)
from surrogates.surrogate import Surrogate

PURPOSE = "fidelity"
COARSE, FINE = 0.02, 0.01
"""Step sizes of the central differences [share of the box]."""

RANDOM_STEPS = 3
"""Steps in random directions near each optimum, beside the one along the gradient."""

SETS, DIRECTIONS = 1, 2
"""Streams of random numbers of one seed."""


@dataclass(frozen=True, eq=False)
class Trials:
    """Pairs of a site and a random parameter set, each with a series to agree with: the model at another set.

    Args:
        experiment: whose legacy model is run.
        sites: (pair,) places.
        period: first and last day, the same for model and surrogate.
        start: (pair, parameter) points of the unit cube, far enough inside for central differences.
        target: (pair, time) streamflow before routing [mm/day].
        objective: NSE of the surrogate against ``target``.
        seed: of the directions near optima.
        on_batch: hears of the legacy runs.
    """

    experiment: Experiment
    sites: tuple[Site, ...]
    period: Span
    start: Array
    target: Array
    objective: Objective
    seed: int
    on_batch: OnBatch | None = None

    def legacy_nse(self, unit: Array) -> Array:
        """Run the legacy model and return (pair, ...) NSE at (pair, ..., parameter) ``unit``; NaN where one failed."""
        points = unit.reshape(-1, unit.shape[-1])
        rows = np.repeat(np.arange(len(self.sites)), len(points) // len(self.sites))
        return self.legacy_nse_of(rows, points).reshape(unit.shape[:-1])

    def legacy_nse_of(self, rows: npt.NDArray[np.int64], points: Array) -> Array:
        """Run the legacy model and return (point,) NSE at (point, parameter) ``points`` of the pairs ``rows``."""
        sites = [self.sites[row] for row in rows]
        flow = _streamflow(self.experiment, sites, points, self.period, self.on_batch)
        return metrics.nse(self.target[rows], flow, least_deviation=LEAST_DEVIATION)


def draw(
    experiment: Experiment,
    surrogate: Surrogate,
    sites: Sequence[Site],
    count: int,
    period: Span,
    seed: int,
    on_batch: OnBatch | None = None,
) -> Trials:
    """Draw ``count`` pairs over ``sites`` in turn; the first of more pairs are the same.

    Args:
        experiment: whose legacy model is run.
        surrogate: of that model.
        sites: places, for a fair trial such that training has not seen.
        count: number of pairs.
        period: first and last day.
        seed: of the parameter sets.
        on_batch: hears of the legacy runs.
    """
    places = [sites[i % len(sites)] for i in range(count)]
    rng = np.random.default_rng([seed, SETS])
    sets = rng.uniform(COARSE, 1.0 - COARSE, (count, 2, len(experiment.model.parameters)))
    target = _streamflow(experiment, places, sets[:, 1], period, on_batch)
    sound = np.flatnonzero(np.isfinite(target).all(axis=1))
    chosen = [places[i] for i in sound]
    unique = list({site.name: site for site in chosen}.values())
    inputs, row = period_inputs(experiment, unique, period), {site.name: i for i, site in enumerate(unique)}
    rows = [row[site.name] for site in chosen]
    names = [variable.name for variable in experiment.model.properties]
    properties = np.array([[site.properties[name] for name in names] for site in chosen], dtype=np.float32)
    pairs = Pairs(inputs.forcing[rows], inputs.antecedent[rows, 0], properties, target[sound].astype(np.float32))
    objective = Objective(surrogate, pairs)
    return Trials(experiment, tuple(chosen), period, sets[sound, 0], target[sound], objective, seed, on_batch)


def improvement(trials: Trials) -> float | None:
    """Return how often a step of 5 % of the box along the surrogate's gradient improves the legacy model's NSE."""
    _, slope = trials.objective.value_and_gradient(trials.start)
    moved = step_along(trials.start, slope)
    before, after = trials.legacy_nse(np.stack([trials.start, moved], axis=1)).T
    return improved(before, after)


def near_optima(trials: Trials) -> tuple[dict[str, float | None], Array]:
    """Climb through the surrogate, step on from the top, and compare the predicted change of NSE with the model's.

    Returns:
        ``sign``: share of steps of 5 % of the box whose change has the predicted sign; ``sign_along_gradient`` and
        ``sign_random``: of one step along the surrogate's gradient and of three in random directions;
        ``nse_median``: of the model at the tops. And the tops, (pair, parameter) points of the unit cube.
    """
    tops = ascend(trials.objective, trials.start)
    value, slope = trials.objective.value_and_gradient(tops)
    random = np.random.default_rng([trials.seed, DIRECTIONS]).normal(size=(RANDOM_STEPS, *tops.shape))
    ends = [step_along(tops, direction) for direction in (slope, *random)]
    predicted = np.stack([trials.objective.value(end) - value for end in ends], axis=1)
    found = trials.legacy_nse(np.stack([tops, *ends], axis=1))
    change = found[:, 1:] - found[:, :1]
    figures = {
        "sign": same_sign(predicted, change),
        "sign_along_gradient": same_sign(predicted[:, 0], change[:, 0]),
        "sign_random": same_sign(predicted[:, 1:], change[:, 1:]),
        "nse_median": quantile(found[:, 0], 0.5),
    }
    return figures, tops


def differences(trials: Trials) -> dict[str, Any]:
    """Compare gradients with central differences of the legacy model; see ``gradient_agreement.agreement``.

    ``own_improvement`` is how often a step of 5 % along the model's own differences improves it.
    """
    names = trials.experiment.model.parameters.names
    coarse, fine = (
        central_differences(points, trials.legacy_nse(points))
        for points in (stencil(trials.start, COARSE), stencil(trials.start, FINE))
    )
    moved = step_along(trials.start, np.nan_to_num(fine))
    before, after = trials.legacy_nse(np.stack([trials.start, moved], axis=1)).T
    _, slope = trials.objective.value_and_gradient(trials.start)
    return agreement(names, slope, coarse, fine, before) | {"own_improvement": improved(before, after)}


def _streamflow(
    experiment: Experiment,
    sites: Sequence[Site],
    unit: Array,
    period: Span,
    on_batch: OnBatch | None,
) -> npt.NDArray[np.float64]:
    """(run, time) streamflow before routing of the legacy model; NaN where a run failed."""
    values = experiment.model.parameters.from_unit(unit)
    outputs = run_outputs(experiment, experiment.runs(values, period, PURPOSE, sites), on_batch)
    names = [variable.name for variable in experiment.model.outputs]
    places = [names.index(name) for name in experiment.model.runoff]
    return np.asarray(outputs[..., places].sum(axis=-1, dtype=np.float64))
