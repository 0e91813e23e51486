"""Fit one network by steps: schedule, clipping, averaged weights, checkpoint and exact resume."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from legacy_models.errors import TrainingError
from legacy_models.files import written_aside

Batch = tuple[npt.NDArray[Any], ...]
Weights = list[npt.NDArray[np.float32]]


@dataclass(frozen=True)
class Epoch:
    """What is reported after each epoch.

    Args:
        network: which network of which member, for example ``"member 0 sequence"``.
        epoch: number of this epoch, from 1.
        epochs: number of epochs planned.
        loss: mean training loss.
        held_out_loss: loss of the held-out runs with the averaged weights; NaN where nothing is held out.
        held_out_nse: median NSE of their runoff; NaN where it was not computed.
        seconds: wall time of the epoch.
    """

    network: str
    epoch: int
    epochs: int
    loss: float
    held_out_loss: float
    held_out_nse: float
    seconds: float


@dataclass(frozen=True)
class Budget:
    """How long and how fast to fit one network.

    Args:
        epochs: number of epochs.
        steps: steps of each epoch.
        learning_rate: the highest, reached after ``warmup`` of all steps; a cosine leads to 1 % of it.
        warmup: share of the steps over which the rate rises.
        clip: largest global norm of the gradient.
        averaging: decay of the exponential mean of the weights, a step; 0 for none.
        patience: epochs without a better held-out loss before it stops; 0 for never.
        seconds: stop after the epoch in which this time is up; results then depend on the machine's speed.
    """

    epochs: int
    steps: int
    learning_rate: float
    warmup: float = 0.05
    clip: float = 0.2
    averaging: float = 0.98
    patience: int = 0
    seconds: float | None = None


@dataclass(frozen=True)
class Task:
    """What to fit, as functions.

    Args:
        name: shown in reports and messages.
        loss: batch -> (sample,) loss, built with tensors.
        batches: epoch -> the batches of that epoch; must depend on the epoch only, for exact resume.
        held_out: () -> (loss, NSE) of the held-out runs with the weights as they are.
        blame: batch -> what to say about a batch whose loss is not finite: site and variable.
    """

    name: str
    loss: Callable[..., Any]
    batches: Callable[[int], Any]
    held_out: Callable[[], tuple[float, float]]
    blame: Callable[[Batch], str]


def fit(
    network: keras.Model,
    task: Task,
    budget: Budget,
    checkpoint: Path,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Fit ``network`` in place and leave it with the averaged weights that were best on held-out runs.

    After every epoch all that decides the next one is written to ``checkpoint``; where that file exists
    already, fitting goes on from it as if it had never stopped, and ``on_epoch`` is told of its epochs too.

    Returns:
        One record an epoch, earlier ones from the checkpoint included.

    Raises:
        TrainingError: if a loss or gradient is not finite; the network keeps its last good weights.
    """
    progress = _Progress(network, budget)
    if checkpoint.exists():
        progress.restore(checkpoint)
    told = on_epoch or (lambda _: None)
    for earlier in progress.history:
        told(earlier)
    step = _step_function(network, task.loss, progress)
    while not _finished(progress.history, budget):
        record = _epoch(network, task, budget, progress, step)
        progress.remember(record)
        progress.save(checkpoint)
        told(record)
    network.set_weights(progress.best)
    return progress.history


class _Progress:
    """All that decides how fitting goes on: weights, their average, optimizer, seeds, history, best so far."""

    def __init__(self, network: keras.Model, budget: Budget) -> None:
        total = budget.epochs * budget.steps
        rising = max(1, int(budget.warmup * total))
        rate = keras.optimizers.schedules.CosineDecay(
            budget.learning_rate / 25.0,
            max(1, total - rising),
            alpha=0.01,
            warmup_target=budget.learning_rate,
            warmup_steps=rising,
        )
        self.network = network
        self.optimizer = keras.optimizers.Adam(rate)
        self.optimizer.build(network.trainable_variables)
        weights = {id(weight) for weight in network.weights}
        self.seeds = [variable for variable in network.variables if id(variable) not in weights]  # of dropout
        self.average = [tf.Variable(weight, trainable=False) for weight in network.get_weights()]
        self.averaging = budget.averaging
        self.clip = budget.clip
        self.history: list[Epoch] = []
        self.best: Weights = network.get_weights()

    def averaged(self) -> Weights:
        """The averaged weights."""
        return [variable.numpy() for variable in self.average]

    def remember(self, record: Epoch) -> None:
        """Add ``record`` and keep the averaged weights if they are the best so far."""
        earlier = [past.held_out_loss for past in self.history]
        if not earlier or not record.held_out_loss >= min(earlier):
            self.best = self.averaged()
        self.history.append(record)

    def save(self, path: Path) -> None:
        """Write everything to ``path``, whole or not at all, without pickle."""
        groups = {
            "weight": self.network.get_weights(),
            "average": self.averaged(),
            "best": self.best,
            "optimizer": [np.asarray(variable) for variable in self.optimizer.variables],
            "seed": [np.asarray(variable) for variable in self.seeds],
        }
        arrays = {f"{name}.{i}": item for name, items in groups.items() for i, item in enumerate(items)}
        history = json.dumps([asdict(record) for record in self.history])
        with written_aside(path) as aside, aside.open("wb") as stream:
            np.savez(stream, history=np.frombuffer(history.encode(), np.uint8), **arrays)

    def restore(self, path: Path) -> None:
        """Read what ``save`` wrote."""
        with np.load(path, allow_pickle=False) as saved:
            self.network.set_weights(_numbered(saved, "weight"))
            for variable, value in zip(self.average, _numbered(saved, "average"), strict=True):
                variable.assign(value)
            for variable, value in zip(self.optimizer.variables, _numbered(saved, "optimizer"), strict=True):
                variable.assign(value)
            for variable, value in zip(self.seeds, _numbered(saved, "seed"), strict=False):  # older ones have none
                variable.assign(value)
            self.best = _numbered(saved, "best")
            self.history = [Epoch(**record) for record in json.loads(saved["history"].tobytes().decode())]


def _finished(history: Sequence[Epoch], budget: Budget) -> bool:
    """Whether the epochs or the time are used up, or held-out loss has not improved for too long."""
    if len(history) >= budget.epochs:
        return True
    if budget.seconds is not None and sum(record.seconds for record in history) >= budget.seconds:
        return True
    losses = [record.held_out_loss for record in history]
    return budget.patience > 0 and len(losses) - int(np.argmin(losses or [0.0])) > budget.patience


def _epoch(network: keras.Model, task: Task, budget: Budget, progress: _Progress, step: Any) -> Epoch:
    """Run one epoch and score its averaged weights on the held-out runs."""
    begun, number = time.perf_counter(), len(progress.history) + 1
    losses = []
    for batch in task.batches(number):
        loss, usable = (item.numpy() for item in step(*batch))
        if not usable:
            raise TrainingError(f"{task.name}, epoch {number}: loss or gradient is not finite; {task.blame(batch)}")
        losses.append(float(loss))
    current = network.get_weights()
    network.set_weights(progress.averaged())
    held_out_loss, held_out_nse = task.held_out()
    network.set_weights(current)
    record = Epoch(task.name, number, budget.epochs, float(np.mean(losses)), held_out_loss, held_out_nse, 0.0)
    return replace(record, seconds=time.perf_counter() - begun)


def _step_function(network: keras.Model, loss_of: Callable[..., Any], progress: _Progress) -> Any:
    """Compile one step: loss, clipped gradient, Adam, average; nothing moves where it is not finite."""
    optimizer, variables = progress.optimizer, network.trainable_variables
    values = [weight.value for weight in network.weights]

    @tf.function(reduce_retracing=True)
    def step(*batch: Any) -> tuple[Any, Any]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(loss_of(*batch))
        gradients = tape.gradient(loss, variables)
        gradients, norm = tf.clip_by_global_norm(gradients, progress.clip)
        usable = tf.math.is_finite(loss) & tf.math.is_finite(norm)
        if usable:
            optimizer.apply(gradients, variables)
            # the average forgets its start faster than it settles later: Adam's first steps are poor
            decay = tf.minimum(progress.averaging, 1.0 - 1.0 / tf.cast(optimizer.iterations + 1, tf.float32))
            for average, value in zip(progress.average, values, strict=True):
                average.assign(decay * average + (1.0 - decay) * value)
        return loss, usable

    return step


def _numbered(saved: Any, name: str) -> list[Any]:
    """The arrays ``name.0``, ``name.1`` ... in order."""
    count = sum(key.startswith(f"{name}.") for key in saved.files)
    return [saved[f"{name}.{i}"] for i in range(count)]
