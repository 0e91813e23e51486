"""Attributes to streamflow in one differentiable pass: network, bounds, frozen surrogate, routing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt

from dpl.networks import ParameterNetwork
from dpl.routing import LENGTH, ROUTING, streamflow
from legacy_models.errors import BundleError
from legacy_models.parameters import ParameterSpace
from surrogates.scaling import ToUnit
from surrogates.surrogate import Surrogate

Tensor = Any


class FrozenSurrogate(Protocol):
    """What learning needs of a surrogate: its simulation, differentiable with respect to the parameters."""

    def simulate(self, forcing: Any, antecedent: Any, parameters: Any, properties: Any) -> Tensor:
        """Return (basin, time, output) daily outputs.

        Args:
            forcing: (basin, time, variable).
            antecedent: (basin, feature) what came before the first day.
            parameters: (basin, parameter) values of the legacy model.
            properties: (basin, property) site properties.
        """
        ...


@dataclass(frozen=True, eq=False)
class DifferentiableModel:
    """Streamflow at every basin as a function of the network's weights and of nothing else that can change.

    Args:
        network: gives the surrogate's parameters followed by those of ``ROUTING``.
        surrogate: frozen.
        runoff: positions of the outputs whose sum is streamflow before routing.
        length: days of the unit hydrograph.
        output_names: of the surrogate, for targets that are no streamflow.
    """

    network: ParameterNetwork
    surrogate: FrozenSurrogate
    runoff: tuple[int, ...]
    length: int = LENGTH
    output_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if any(network.trainable_weights for network in self._frozen_networks):
            raise BundleError("a surrogate must be frozen before parameters are learned through it")
        if self.space.names[-len(ROUTING) :] != ROUTING.names:
            raise BundleError(
                f"a parameter network must end with {', '.join(ROUTING.names)}, received {', '.join(self.space.names)}"
            )

    @classmethod
    def of(cls, network: ParameterNetwork, surrogate: Surrogate, length: int = LENGTH) -> "DifferentiableModel":
        """Put ``network`` before ``surrogate``, whose spec says which outputs are runoff.

        Raises:
            BundleError: if the network does not give what the surrogate takes, bounds included.
        """
        expected = surrogate.spec.parameters + ROUTING
        if network.space != expected:
            differ = sorted({p.name for p in set(network.space.parameters) ^ set(expected.parameters)})
            raise BundleError(
                f"the parameter network gives {', '.join(network.space.names)}; the surrogate and routing "
                f"take {', '.join(expected.names)}; they differ in {', '.join(differ)}"
            )
        return cls(network, surrogate, surrogate.spec.runoff_indices, length, surrogate.spec.output_names)

    @property
    def frozen_weights(self) -> list[npt.NDArray[Any]]:
        """All weights of the surrogate, none of which learning may move."""
        return [weight for network in self._frozen_networks for weight in network.get_weights()]

    @property
    def _frozen_networks(self) -> list[Any]:
        """The surrogate's Keras models; an exact stand-in has none."""
        return [network for member in getattr(self.surrogate, "members", ()) for network in member.networks]

    @property
    def space(self) -> ParameterSpace:
        """All parameters: the surrogate's, then routing's."""
        return self.network.space

    def parameters(self, attributes: Tensor, history: Tensor | None = None, training: bool = False) -> Tensor:
        """(basin, parameter) values from (basin, column) scaled attributes and, for some networks, the past."""
        return self.network(attributes, history, training)

    def unit(self, values: Tensor) -> Tensor:
        """(basin, parameter) points of the unit cube."""
        return ToUnit.of(self.space)(values)

    def outputs(self, values: Tensor, forcing: Tensor, antecedent: Tensor, properties: Tensor) -> Tensor:
        """(basin, time, output) of the surrogate at (basin, parameter) ``values``, routing's ignored."""
        return self.surrogate.simulate(forcing, antecedent, values[:, : -len(ROUTING)], properties)

    def streamflow(self, values: Tensor, forcing: Tensor, antecedent: Tensor, properties: Tensor) -> Tensor:
        """(basin, time) routed streamflow [mm/day]; the first ``length`` - 1 days lack earlier water."""
        return self.observable(self.outputs(values, forcing, antecedent, properties), values, {})

    def observable(self, outputs: Tensor, values: Tensor, shares: Mapping[str, float]) -> Tensor:
        """(basin, time) of one observed variable, from (basin, time, output) at (basin, parameter) ``values``.

        Args:
            outputs: of the surrogate.
            values: for the routing.
            shares: output -> its share in the variable; none for streamflow, which is the runoff, routed.
        """
        if not shares:
            return streamflow(outputs, self.runoff, values, self.length)
        parts = (share * outputs[..., self.output_names.index(name)] for name, share in shares.items())
        return sum(parts)
