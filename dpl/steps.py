"""One update of a parameter network through the frozen surrogate, and one pass for validation."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dpl.losses import crowding
from dpl.model import DifferentiableModel
from dpl.settings import Float32, LearningSettings
from dpl.targets import Scored, Target, total
from dpl.windows import Batch

Tensor = Any
Penalty = Callable[[Tensor], Tensor]
"""From (basin, parameter) points of the unit cube to a scalar that is added to the loss."""


class Stepper:
    """Holds the optimiser and the two compiled passes; only the network's weights are ever handed to it.

    Args:
        model: whose network learns.
        targets: what is simulated and compared.
        settings: rates, clipping, penalties.
        penalty: added to the loss, for example a distance from the surrogate's domain.
    """

    def __init__(
        self,
        model: DifferentiableModel,
        targets: Sequence[Target],
        settings: LearningSettings,
        penalty: Penalty | None = None,
    ) -> None:
        self.model, self.targets, self.settings, self.penalty = model, tuple(targets), settings, penalty
        self.weights = model.network.model.trainable_variables
        self.optimizer = keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay)
        self.optimizer.exclude_from_weight_decay(var_list=[w for w in self.weights if w.name == "bias"])
        self.optimizer.build(self.weights)
        self.averages = [tf.Variable(weight) for weight in self.weights]
        self._gradient = tf.function(self._value_and_gradient, autograph=False)
        self._apply = tf.function(self._update, autograph=False)
        self._simulate = tf.function(self._series, autograph=False)

    def gradient(self, batch: Batch) -> tuple[float, float, list[Tensor]]:
        """Return loss, global norm of the gradient before clipping, and the clipped gradient."""
        loss, norm, gradient = self._gradient(_tensors(_read(batch)), _tensors(dict(batch.scored)))
        return float(loss), float(norm), gradient

    def apply(self, gradient: list[Tensor], learning_rate: float) -> None:
        """Take one step of Adam with decoupled weight decay."""
        self.optimizer.learning_rate.assign(learning_rate)
        self._apply(gradient)

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Put the mean of the weights over the last steps in their place, for a while."""
        own = [np.asarray(weight) for weight in self.weights]
        try:
            _assign(self.weights, self.averages)
            yield
        finally:
            _assign(self.weights, own)

    def simulate(self, batch: Batch) -> dict[str, Float32]:
        """(row, time) of every target over the batch's windows, dropout off."""
        return {name: np.asarray(series) for name, series in self._simulate(_tensors(_read(batch))).items()}

    def _value_and_gradient(
        self, read: dict[str, Tensor], scored: Mapping[str, Scored]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([w.value for w in self.weights])
            values = self._parameters(read, training=True)
            loss = total(self.targets, self._simulated(values, read), scored)
            penalised = loss + self._penalties(values)
        gradient = tape.gradient(penalised, [w.value for w in self.weights])
        clipped, norm = tf.clip_by_global_norm(gradient, self.settings.clip_norm)
        return loss, norm, clipped

    def _parameters(self, read: dict[str, Tensor], training: bool) -> Tensor:
        return self.model.parameters(read["attributes"], read.get("history"), training)

    def _simulated(self, values: Tensor, read: dict[str, Tensor]) -> dict[str, Tensor]:
        """(row, time) of every target at (row, parameter) ``values``."""
        outputs = self.model.outputs(values, read["forcing"], read["antecedent"], read["properties"])
        return {t.name: self.model.observable(outputs, values, t.shares) for t in self.targets}

    def _penalties(self, values: Tensor) -> Tensor:
        unit = self.model.unit(values)
        total = self.settings.crowding * crowding(unit)
        return total if self.penalty is None else total + self.penalty(unit)

    def _update(self, gradient: list[Tensor]) -> None:
        self.optimizer.apply(gradient, self.weights)
        steps = tf.cast(self.optimizer.iterations, tf.float32)
        decay = tf.minimum(self.settings.averaging, steps / (10.0 + steps))  # at first, the start hardly counts
        for average, weight in zip(self.averages, self.weights, strict=True):
            average.assign(decay * average + (1.0 - decay) * weight)

    def _series(self, read: dict[str, Tensor]) -> dict[str, Tensor]:
        return self._simulated(self._parameters(read, training=False), read)


def _read(batch: Batch) -> dict[str, Float32]:
    """What the model reads, without what it reads nothing of."""
    names = ("attributes", "history", "properties", "forcing", "antecedent")
    return {name: array for name in names if (array := getattr(batch, name)) is not None}


def _assign(variables: Sequence[Any], values: Sequence[Any]) -> None:
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


def _tensors(arrays: Any) -> Any:
    return tf.nest.map_structure(tf.convert_to_tensor, arrays)
