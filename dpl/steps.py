"""One update of a parameter network through the frozen surrogate, and one pass for validation."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from dpl.losses import Loss, crowding
from dpl.model import DifferentiableModel
from dpl.settings import Float32, LearningSettings
from dpl.windows import Batch

Tensor = Any
Penalty = Callable[[Tensor], Tensor]
"""From (basin, parameter) points of the unit cube to a scalar that is added to the loss."""


class Stepper:
    """Holds the optimiser and the two compiled passes; only the network's weights are ever handed to it.

    Args:
        model: whose network learns.
        loss: of ``losses``.
        settings: rates, clipping, penalties.
        penalty: added to the loss, for example a distance from the surrogate's domain.
    """

    def __init__(
        self,
        model: DifferentiableModel,
        loss: Loss,
        settings: LearningSettings,
        penalty: Penalty | None = None,
    ) -> None:
        self.model, self.loss, self.settings, self.penalty = model, loss, settings, penalty
        self.weights = model.network.model.trainable_variables
        self.optimizer = keras.optimizers.AdamW(settings.learning_rate, weight_decay=settings.weight_decay)
        self.optimizer.exclude_from_weight_decay(var_list=[w for w in self.weights if w.name == "bias"])
        self.optimizer.build(self.weights)
        self._gradient = tf.function(self._value_and_gradient, autograph=False)
        self._apply = tf.function(self._update, autograph=False)
        self._simulate = tf.function(self._streamflow, autograph=False)

    def gradient(self, batch: Batch) -> tuple[float, float, list[Tensor]]:
        """Return loss, global norm of the gradient before clipping, and the clipped gradient."""
        scored = (batch.observed, batch.mask, batch.basin_std)
        loss, norm, gradient = self._gradient(*_tensors(*_read(batch)), *_tensors(*scored))
        return float(loss), float(norm), gradient

    def apply(self, gradient: list[Tensor], learning_rate: float) -> None:
        """Take one step of Adam with decoupled weight decay."""
        self.optimizer.learning_rate.assign(learning_rate)
        self._apply(gradient)

    def streamflow(self, batch: Batch) -> Float32:
        """(row, time) streamflow [mm/day] of the batch's windows, dropout off."""
        return np.asarray(self._simulate(*_tensors(*_read(batch))))

    def _value_and_gradient(
        self,
        attributes: Tensor,
        properties: Tensor,
        forcing: Tensor,
        antecedent: Tensor,
        observed: Tensor,
        mask: Tensor,
        basin_std: Tensor,
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([w.value for w in self.weights])
            values = self.model.parameters(attributes, training=True)
            simulated = self.model.streamflow(values, forcing, antecedent, properties)
            loss = self.loss(observed, simulated, mask, basin_std)
            total = loss + self._penalties(values)
        gradient = tape.gradient(total, [w.value for w in self.weights])
        clipped, norm = tf.clip_by_global_norm(gradient, self.settings.clip_norm)
        return loss, norm, clipped

    def _penalties(self, values: Tensor) -> Tensor:
        unit = self.model.unit(values)
        total = self.settings.crowding * crowding(unit)
        return total if self.penalty is None else total + self.penalty(unit)

    def _update(self, gradient: list[Tensor]) -> None:
        self.optimizer.apply(gradient, self.weights)

    def _streamflow(self, attributes: Tensor, properties: Tensor, forcing: Tensor, antecedent: Tensor) -> Tensor:
        values = self.model.parameters(attributes, training=False)
        return self.model.streamflow(values, forcing, antecedent, properties)


def _read(batch: Batch) -> tuple[Float32, ...]:
    return batch.attributes, batch.properties, batch.forcing, batch.antecedent


def _tensors(*arrays: Any) -> list[Tensor]:
    return [tf.convert_to_tensor(array) for array in arrays]
