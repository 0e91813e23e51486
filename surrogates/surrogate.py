"""A trained surrogate: members that simulate a legacy model, differentiably, from any day."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf
from keras import ops

from legacy_models.errors import ShapeError
from surrogates import initial_state
from surrogates.architectures import ARCHITECTURES
from surrogates.calibration import Calibration
from surrogates.domain import Domain
from surrogates.spec import SurrogateSpec

Tensor = Any
Series = npt.NDArray[np.float32]

BATCH_DAYS, LEAST_BATCH = 60_000, 16  # days of all basins simulated at once, and basins at least


@dataclass(frozen=True, eq=False)
class Member:
    """One trained pair of networks: the sequence network and the one that gives its first state."""

    sequence: keras.Model
    initial_state: keras.Model

    @property
    def networks(self) -> tuple[keras.Model, keras.Model]:
        """Both networks, in the order in which their weights are saved."""
        return self.sequence, self.initial_state

    def freeze(self) -> "Member":
        """Make no weight trainable."""
        for network in self.networks:
            network.trainable = False
        return self


@dataclass(frozen=True, eq=False, repr=False)
class Surrogate:
    """Members that emulate one legacy model; physical units in, physical units out.

    Args:
        spec: the legacy model and the scaling constants.
        architecture: name in ``ARCHITECTURES``.
        options: arguments of its ``build``.
        piece: days simulated from one state, then the predicted states are handed over; 0 for any length in
            one go.
        members: trained networks, at least one.
        domain: where the surrogate may be trusted; None when not fitted yet.
        card: what is known about its making; plain values.
        calibration: what error to expect, from the spread of the members; None where no run was held out.
    """

    spec: SurrogateSpec
    architecture: str
    options: Mapping[str, Any]
    piece: int
    members: tuple[Member, ...]
    domain: Domain | None = None
    card: Mapping[str, Any] = field(default_factory=dict)
    calibration: Calibration | None = None

    def __repr__(self) -> str:
        return f"Surrogate({self.spec.model.name}, {self.architecture}, members={len(self.members)})"

    @property
    def form(self) -> dict[str, Any]:
        """What the networks are built from, as plain values for JSON; ``unfilled`` builds them."""
        return {
            "architecture": self.architecture,
            "options": dict(self.options),
            "piece": self.piece,
            "members": len(self.members),
            "spec": self.spec.to_dict(),
        }

    def simulate(self, forcing: Tensor, antecedent: Tensor, parameters: Tensor, properties: Tensor) -> Tensor:
        """Simulate with every member and return their mean; differentiable, for use under ``tf.function``.

        Args:
            forcing: (basin, time, forcing) daily forcing in physical units; time must be known when traced.
            antecedent: (basin, antecedent) row of ``initial_state.antecedent`` for the first day.
            parameters: (basin, parameter) values of the legacy model's parameters.
            properties: (basin, property) site properties.

        Returns:
            (basin, time, output) daily outputs in physical units.
        """
        return ops.mean(self.simulate_members(forcing, antecedent, parameters, properties), axis=0)

    def simulate_members(self, forcing: Tensor, antecedent: Tensor, parameters: Tensor, properties: Tensor) -> Tensor:
        """Simulate as ``simulate`` does and return each member, (member, basin, time, output).

        The members are parts of one graph, which run side by side; as one batched part (``tf.vectorized_map`` over
        stacked weights) four LSTMs took 1.2 to 1.4 times the processor time.
        """
        site = {"parameters": parameters, "properties": properties}
        states = (member.initial_state({"antecedent": antecedent, **site}, training=False) for member in self.members)
        return ops.stack(
            [
                from_state(member.sequence, self.spec, self.piece, forcing, state, site)
                for member, state in zip(self.members, states, strict=True)
            ]
        )

    def predict(
        self,
        forcing: npt.ArrayLike,
        antecedent: npt.ArrayLike,
        parameters: npt.ArrayLike,
        properties: npt.ArrayLike,
        batch: int | None = None,
    ) -> Series:
        """Simulate arrays in batches and return the mean of the members; see ``simulate`` and ``member_batches``.

        Raises:
            ShapeError: if an array does not fit the surrogate, naming it.
        """
        parts = self.member_batches(forcing, antecedent, parameters, properties, batch=batch)
        return np.concatenate([members.mean(axis=0) for members in parts])

    def member_batches(
        self,
        forcing: npt.ArrayLike,
        antecedent: npt.ArrayLike,
        parameters: npt.ArrayLike,
        properties: npt.ArrayLike,
        *,
        batch: int | None = None,
    ) -> Iterator[Series]:
        """Simulate arrays batch by batch, all members in one compiled call, and yield (member, basin, time, output).

        A batch has ``batch`` basins, by default so many that memory stays the same whatever the number of days.

        Raises:
            ShapeError: if an array does not fit the surrogate, naming it.
        """
        arrays = [np.asarray(item, dtype=np.float32) for item in (forcing, antecedent, parameters, properties)]
        self._check(arrays)
        days = arrays[0].shape[1]
        batch = batch or max(LEAST_BATCH, BATCH_DAYS // days)
        if days not in self._by_length:
            self._by_length[days] = tf.function(self.simulate_members, reduce_retracing=True)
        for first in range(0, len(arrays[0]), batch):
            yield self._by_length[days](*(tf.constant(item[first : first + batch]) for item in arrays)).numpy()

    @cached_property
    def _by_length(self) -> dict[int, Any]:
        """Compiled ``simulate_members`` by number of days, which must be known when it is traced."""
        return {}

    def _check(self, arrays: Sequence[Series]) -> None:
        basins = arrays[0].shape[0]
        wanted = {
            "forcing": (basins, arrays[0].shape[1], len(self.spec.model.forcing)),
            "antecedent": (basins, len(self.spec.scaling.antecedent_mean)),
            "parameters": (basins, len(self.spec.parameters)),
            "properties": (basins, len(self.spec.model.properties)),
        }
        for (name, shape), item in zip(wanted.items(), arrays, strict=True):
            if item.shape != shape:
                raise ShapeError(f"Expected {name} of shape {shape}. Received {item.shape}.")


def from_state(
    sequence: keras.Model,
    spec: SurrogateSpec,
    piece: int,
    forcing: Tensor,
    state: Tensor,
    site: Mapping[str, Tensor],
) -> Tensor:
    """Simulate (basin, time, output) from ``state``, by pieces of ``piece`` days (0: in one go)."""
    pieces = []
    days = piece or forcing.shape[1]
    for first in range(0, forcing.shape[1], days):
        inputs = {"forcing": forcing[:, first : first + days], "state": state, **site}
        pieces.append(sequence(inputs, training=False))
        state = ops.take(pieces[-1][:, -1], spec.state_indices, axis=-1)
    return ops.concatenate(pieces, axis=1)


def unfilled(form: Mapping[str, Any]) -> Surrogate:
    """Build the frozen networks that a ``Surrogate.form`` describes; their weights are still to be filled in."""
    spec, architecture, options = SurrogateSpec.from_dict(form["spec"]), form["architecture"], form["options"]
    members = (new_member(spec, architecture, options, seed=None).freeze() for _ in range(int(form["members"])))
    return Surrogate(spec, architecture, options, int(form["piece"]), tuple(members))


def new_member(
    spec: SurrogateSpec, architecture: str, options: Mapping[str, Any], seed: int | None, precision: str = "float32"
) -> Member:
    """Build untrained networks whose weights depend on ``seed`` only.

    Args:
        spec: the legacy model and the scaling constants.
        architecture: name in ``ARCHITECTURES``.
        options: arguments of its ``build``.
        seed: decides the weights; None, for weights that will be replaced, leaves the process's seeds as they are.
        precision: a Keras dtype policy for the sequence network; weights are float32 under any.
    """
    if seed is not None:
        keras.utils.set_random_seed(seed)
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(precision)
    try:
        sequence = ARCHITECTURES.resolve(architecture)(spec, **options)
    finally:
        keras.config.set_dtype_policy(before)
    return Member(sequence, initial_state.build(spec))
