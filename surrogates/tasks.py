"""What the two networks of a surrogate are fitted to: windows from recorded states, and those states."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from legacy_models import metrics
from surrogates.architectures.inputs import state_scaling
from surrogates.fitting import Batch, Task
from surrogates.scaling import ScaleState
from surrogates.spec import SurrogateSpec
from surrogates.surrogate import Member, from_state
from surrogates.windows import Index, Runs, Series, Split, draw, run_weights, with_total

SCORED_RUNS = 48
SCORED_DAYS = 730
SCORED_STATES = 8192


def sequence_task(
    name: str,
    member: Member,
    spec: SurrogateSpec,
    runs: Runs,
    rows: Split,
    *,
    window: int,
    piece: int,
    batch: int,
    steps: int,
    floor: float,
    total_weight: float,
    seed: int,
) -> Task:
    """Return the task of simulating ``window`` days from the recorded state of the day before.

    Loss = mean over days and outputs of (simulated - recorded)^2 / (std + floor)^2, std being the run's own;
    streamflow before routing counts ``total_weight`` times as one more output.
    """
    weights = run_weights(runs, rows.train, spec.runoff_indices, floor)
    shares = np.append(np.ones(len(spec.outputs)), total_weight).astype(np.float32)
    shares /= shares.sum()
    runoff, states = list(spec.runoff_indices), list(spec.state_indices)

    def errors(simulated: Any, recorded: Any, weight: Any) -> Any:
        total = tf.reduce_sum(tf.gather(simulated, runoff, axis=-1), axis=-1, keepdims=True)
        error = tf.reduce_mean(tf.square(tf.concat([simulated, total], axis=-1) - recorded), axis=1)
        return error * weight * shares

    def simulate(training: bool, forcing: Any, parameters: Any, properties: Any, state: Any) -> Any:
        inputs = {"forcing": forcing, "parameters": parameters, "properties": properties, "state": state}
        return member.sequence(inputs, training=training)

    def loss(*batch: Any) -> Any:
        *inputs, recorded, weight, _ = batch
        return tf.reduce_sum(errors(simulate(True, *inputs), recorded, weight), axis=-1)

    def windows(run: Index, first: Index, length: int) -> Batch:
        days = first[:, None] + np.arange(length)
        return (
            runs.forcing[runs.site[run][:, None], days],
            runs.parameters[run],
            runs.properties[run],
            runs.outputs[run, first - 1][:, states],
            with_total(runs.outputs[run[:, None], days], runoff),
            weights[run],
            runs.site[run],
        )

    def batches(epoch: int) -> Iterator[Batch]:
        run, first = draw(np.random.default_rng([seed, epoch]), rows.train, runs.days, window, steps * batch)
        for i in range(0, steps * batch, batch):
            yield windows(run[i : i + batch], first[i : i + batch], window)

    scored = np.random.default_rng([seed, 0]).permutation(rows.held_out)[:SCORED_RUNS]
    length = min(SCORED_DAYS, runs.days - 1)

    @tf.function
    def in_one_go(forcing: Any, parameters: Any, properties: Any, state: Any) -> Any:
        site = {"parameters": parameters, "properties": properties}
        return from_state(member.sequence, spec, piece, forcing, state, site)

    def held_out() -> tuple[float, float]:
        if not len(scored):
            return float("nan"), float("nan")
        *inputs, recorded, weight, _ = windows(scored, np.ones_like(scored), length)
        simulated = in_one_go(*inputs)
        error = float(tf.reduce_mean(tf.reduce_sum(errors(simulated, recorded, weight), axis=-1)))
        total = with_total(simulated.numpy(), runoff)
        nse = metrics.nse(recorded[..., -1].astype(np.float64), total[..., -1].astype(np.float64))
        return error, float(np.nanmedian(nse))

    def blame(batch: Batch) -> str:
        *inputs, recorded, weight, site = batch
        error = errors(simulate(False, *inputs), recorded, weight).numpy()
        return _blame(
            error,
            [*spec.output_names, "total of " + " + ".join(spec.model.runoff)],
            [runs.sites[i] for i in site],
        )

    return Task(name, loss, batches, held_out, blame)


def initial_state_task(
    name: str,
    member: Member,
    spec: SurrogateSpec,
    runs: Runs,
    rows: Split,
    *,
    batch: int,
    steps: int,
    seed: int,
) -> Task:
    """Return the task of predicting recorded states from antecedent forcing, parameters and properties.

    Loss = mean squared difference of the scaled states (``ScaleState``).
    """
    scale = ScaleState(*state_scaling(spec))
    states = list(spec.state_indices)

    def errors(training: bool, antecedent: Any, parameters: Any, properties: Any, recorded: Any) -> Any:
        inputs = {"antecedent": antecedent, "parameters": parameters, "properties": properties}
        return tf.square(scale(member.initial_state(inputs, training=training)) - scale(recorded))

    def loss(*batch: Any) -> Any:
        return tf.reduce_mean(errors(True, *batch[:-1]), axis=-1)

    def pairs(run: Index, day: Index) -> Batch:
        past, recorded = runs.antecedent[runs.site[run], day], runs.outputs[run, day - 1][:, states]
        return past, runs.parameters[run], runs.properties[run], recorded, runs.site[run]

    def batches(epoch: int) -> Iterator[Batch]:
        rng = np.random.default_rng([seed, epoch, 1])
        for _ in range(steps):
            yield pairs(rng.choice(rows.train, batch), rng.integers(1, runs.days, batch))

    rng = np.random.default_rng([seed, 0, 1])
    scored = rng.choice(rows.held_out, SCORED_STATES) if len(rows.held_out) else rows.held_out
    scored_pairs = pairs(scored, rng.integers(1, runs.days, len(scored)))

    def held_out() -> tuple[float, float]:
        if not len(scored):
            return float("nan"), float("nan")
        return float(tf.reduce_mean(errors(False, *scored_pairs[:-1]))), float("nan")

    def blame(batch: Batch) -> str:
        error = errors(False, *batch[:-1]).numpy()
        return _blame(error, spec.model.states, [runs.sites[i] for i in batch[-1]])

    return Task(name, loss, batches, held_out, blame)


def _blame(error: Series, variables: Sequence[str], sites: Sequence[str]) -> str:
    """Name the first site and variable whose (sample, variable) error is not finite."""
    bad = np.argwhere(~np.isfinite(error))
    if not len(bad):
        return "all errors of the batch are finite but the gradient is not; lower the learning rate"
    site, variable = sites[bad[0, 0]], variables[bad[0, 1]]
    return f"first at site {site}, variable {variable}: check its forcing and recorded outputs"
