"""What the two networks of a surrogate are fitted to: windows from recorded states, and those states."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from legacy_models import metrics
from surrogates.architectures.inputs import state_scaling
from surrogates.balance import Draws
from surrogates.fitting import Batch, Task
from surrogates.scaling import ScaleState
from surrogates.settings import TrainSettings
from surrogates.spec import SurrogateSpec
from surrogates.surrogate import Member, from_state
from surrogates.windows import ROOT_OFFSET, Index, Runs, Series, Split, from_days, on_days, run_weights, targets

SCORED_RUNS = 48
SCORED_DAYS = 730
SCORED_STATES = 8192


def sequence_task(
    name: str,
    member: Member,
    spec: SurrogateSpec,
    runs: Runs,
    rows: Split,
    settings: TrainSettings,
    seed: int,
) -> Task:
    """Return the task of simulating a window of days from the recorded state of the day before.

    Loss = mean over days and outputs of (simulated - recorded)^2 / (std + floor)^2, std being the run's own;
    streamflow before routing counts ``total_weight`` times as one more output, and its root, to which high and low
    flows matter alike, ``root_weight`` times as another. Which windows are drawn: ``surrogates.balance``.
    """
    weights = run_weights(runs, rows.train, settings.floor)
    shares = np.append(np.ones(len(spec.outputs)), (settings.total_weight, settings.root_weight)).astype(np.float32)
    shares /= shares.sum()
    runoff, states = list(spec.runoff_indices), list(spec.state_indices)

    def errors(simulated: Any, recorded: Any, weight: Any) -> Any:
        total = tf.reduce_sum(tf.gather(simulated, runoff, axis=-1), axis=-1, keepdims=True)
        root = tf.sqrt(tf.nn.relu(total) + ROOT_OFFSET)
        error = tf.reduce_mean(tf.square(tf.concat([simulated, total, root], axis=-1) - recorded), axis=1)
        return error * weight * shares

    def simulate(training: bool, forcing: Any, parameters: Any, properties: Any, state: Any) -> Any:
        inputs = {"forcing": forcing, "parameters": parameters, "properties": properties, "state": state}
        return member.sequence(inputs, training=training)

    def loss(*batch: Any) -> Any:
        *inputs, recorded, weight, _ = batch
        return tf.reduce_sum(errors(simulate(True, *inputs), recorded, weight), axis=-1)

    def windows(run: Index, first: Index, length: int) -> Batch:
        return (
            from_days(runs.forcing, runs.site[run], first, length),
            runs.parameters[run],
            runs.properties[run],
            on_days(runs.outputs, run, first - 1)[:, states],
            targets(from_days(runs.outputs, run, first, length), runoff),
            weights[run],
            runs.site[run],
        )

    def batches(epoch: int) -> Iterator[Batch]:
        rng, count = np.random.default_rng([seed, epoch]), settings.steps * settings.batch
        run, first = draws.windows(rng, settings.window, count, settings.regime_share)
        for i in range(0, count, settings.batch):
            yield windows(run[i : i + settings.batch], first[i : i + settings.batch], settings.window)

    draws = Draws.of(runs, rows.train, settings.tail_weight)
    scored = np.random.default_rng([seed, 0]).permutation(rows.held_out)[:SCORED_RUNS]
    length = min(SCORED_DAYS, runs.days - 1)

    @tf.function
    def in_one_go(forcing: Any, parameters: Any, properties: Any, state: Any) -> Any:
        site = {"parameters": parameters, "properties": properties}
        return from_state(member.sequence, spec, settings.piece, forcing, state, site)

    def held_out() -> tuple[float, float]:
        if not len(scored):
            return float("nan"), float("nan")
        *inputs, recorded, weight, _ = windows(scored, np.ones_like(scored), length)
        simulated = in_one_go(*inputs)
        error = float(tf.reduce_mean(tf.reduce_sum(errors(simulated, recorded, weight), axis=-1)))
        total = simulated.numpy()[..., runoff].sum(axis=-1, dtype=np.float64)
        nse = metrics.nse(recorded[..., -2].astype(np.float64), total)
        return error, float(np.nanmedian(nse))

    def blame(batch: Batch) -> str:
        *inputs, recorded, weight, site = batch
        error = errors(simulate(False, *inputs), recorded, weight).numpy()
        total_name = "total of " + " + ".join(spec.model.runoff)
        return _blame(
            error,
            [*spec.output_names, total_name, f"root of the {total_name}"],
            [runs.sites[i] for i in site],
        )

    return Task(name, loss, batches, held_out, blame)


def initial_state_task(
    name: str,
    member: Member,
    spec: SurrogateSpec,
    runs: Runs,
    rows: Split,
    settings: TrainSettings,
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
        past = on_days(runs.antecedent, runs.site[run], day)
        recorded = on_days(runs.outputs, run, day - 1)[:, states]
        return past, runs.parameters[run], runs.properties[run], recorded, runs.site[run]

    def batches(epoch: int) -> Iterator[Batch]:
        rng, count = np.random.default_rng([seed, epoch, 1]), settings.initial_steps * settings.initial_batch
        run, day = draws.runs(rng, count), rng.integers(1, runs.days, count)
        for i in range(0, count, settings.initial_batch):
            yield pairs(run[i : i + settings.initial_batch], day[i : i + settings.initial_batch])

    draws = Draws.of(runs, rows.train, settings.tail_weight)
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
