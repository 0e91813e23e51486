"""The domain in Keras operations: a penalty on the error to expect, differentiable in the parameters."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from legacy_models.errors import UsageError
from surrogates.domain import Domain
from surrogates.expected_error import SMALLEST, ErrorModel
from surrogates.scaled_space import NEIGHBOURS, TINY

Tensor = Any


@dataclass(frozen=True, eq=False)
class DomainPenalty:
    """What parameters cost for where they are: weight x mean over rows of max(0, log(error / tolerance))^2 and the box.

    The error is what is expected from distance, climate and parameters (``expected_error``); the spread of the members
    is left out, which a second simulation of every step would be needed for. Where no error could be learned it is the
    score of the distance. Being zero up to the tolerance, it moves nothing where the surrogate is trusted, and rises
    without end outside. What lies beyond the range of the training runs in a parameter costs the square of how far,
    in standard deviations of that parameter.

    Called with points alone, as ``dpl.train.learn`` calls its penalty, it takes the distance to the nearest runs at any
    site, in parameters alone; with the sites, the distance in all coordinates.

    Args:
        domain: of the surrogate.
        weight: beside the loss.
        tolerance: error from which on it is felt; what 99 % of held-out runs were expected to have where None.
    """

    domain: Domain
    weight: float = 1.0
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if self.weight < 0.0 or (self.tolerance is not None and self.tolerance <= 0.0):
            raise UsageError(
                f"a penalty needs a weight of 0 or more and a tolerance above 0, received {self.weight} and "
                f"{self.tolerance}"
            )

    def __call__(self, unit: Tensor, properties: Tensor | None = None, climate: Tensor | None = None) -> Tensor:
        """Return the scalar to add to the loss.

        Args:
            unit: (row, parameter) points of the unit cube; columns after those of the model, routing's, are ignored.
            properties: (row, property) of the sites.
            climate: (row, feature) of the sites, ``climate_summary``; both or none.
        """
        error = self.expected(unit, properties, climate)
        model = self._model
        tolerance = self.tolerance or (model.usual if model else 1.0)
        excess = ops.relu(ops.log(error / tolerance))
        return self.weight * (ops.mean(ops.square(excess)) + ops.mean(self.beyond(unit)))

    def expected(self, unit: Tensor, properties: Tensor | None = None, climate: Tensor | None = None) -> Tensor:
        """Return (row,) the error to expect, or the distance's score where none could be learned from."""
        distance, model = self.distance(unit, properties, climate), self._model
        if model is None:
            return distance
        strata = self._strata(unit, climate)
        near = ops.clip(distance, SMALLEST, 1.0)
        within = model.intercept + model.slopes[0] * ops.log(near) + ops.sum(strata * _constant(model.strata), axis=-1)
        return ops.exp(within) * ops.maximum(distance, 1.0)

    def distance(self, unit: Tensor, properties: Tensor | None = None, climate: Tensor | None = None) -> Tensor:
        """Return (row,) ``Judgement.distance``, or that in parameters alone where the site is not given."""
        queries = self._scaled(unit, properties, climate)
        everywhere = properties is None
        points = self.domain.space.points[:, : self.domain.parameters if everywhere else None]
        known = ops.convert_to_tensor(points)
        still = ops.stop_gradient(queries)
        squared = ops.sum(ops.square(known), axis=1) - 2.0 * ops.matmul(still, ops.transpose(known))
        _, places = ops.top_k(-squared, min(NEIGHBOURS, len(points)))
        apart = ops.expand_dims(queries, 1) - ops.take(known, places, axis=0)
        reach = self.domain.parameter_reach if everywhere else self.domain.reach
        return ops.mean(ops.sqrt(ops.sum(ops.square(apart), axis=-1) + TINY), axis=-1) / reach

    def beyond(self, unit: Tensor) -> Tensor:
        """Return (row,) squares of how far parameters lie beyond the box, summed over them."""
        low, high = self.domain.box
        count = self.domain.parameters
        spread = self.domain.space.width[:count] / np.sqrt(2.0 * count)
        far = ops.relu(unit[:, :count] - _constant(high)) + ops.relu(_constant(low) - unit[:, :count])
        return ops.sum(ops.square(far / _constant(spread)), axis=-1)

    @property
    def _model(self) -> ErrorModel | None:
        return self.domain.errors.get("distance")

    def _scaled(self, unit: Tensor, properties: Tensor | None, climate: Tensor | None) -> Tensor:
        """(row, coordinate) points of the domain's space, or of its parameters alone."""
        if (properties is None) != (climate is None):
            raise UsageError("the penalty takes properties and climate of the sites together, or neither")
        domain, parts = self.domain, [unit[:, : self.domain.parameters]]
        if properties is not None and climate is not None:
            parts += [properties, climate[:, : len(domain.features)]]
        columns = slice(0, None if properties is not None else domain.parameters)
        centre, width = domain.space.centre[columns], domain.space.width[columns]
        return (ops.concatenate(parts, axis=-1) - _constant(centre)) / _constant(width)

    def _strata(self, unit: Tensor, climate: Tensor | None) -> Tensor:
        """(row, stratum) as ``Domain.strata`` has them; the mean climate where the site is not given."""
        domain = self.domain
        own = np.sqrt(12.0).astype(np.float32) * (unit[:, : domain.parameters] - 0.5)
        if climate is None:
            rest = ops.zeros_like(own[:, :1]) * np.zeros(len(domain.features), np.float32)
            return ops.concatenate([own, rest], axis=-1)
        centre, spread = domain.climate_scale
        return ops.concatenate([own, (climate[:, : len(domain.features)] - _constant(centre)) / _constant(spread)], -1)


def _constant(values: npt.ArrayLike) -> Tensor:
    return ops.convert_to_tensor(np.asarray(values, dtype=np.float32))
