"""A frozen surrogate as a layer of anybody's Keras model."""

from collections.abc import Mapping
from typing import Any

import keras

from legacy_models.errors import BundleError
from surrogates.surrogate import Surrogate, unfilled

Tensor = Any
Shape = tuple[int | None, ...]


@keras.saving.register_keras_serializable(package="surrogates")
class SurrogateLayer(keras.layers.Layer):
    """Daily outputs of the legacy model, differentiable with respect to its parameters.

    It is called with forcing (basin, time, forcing), antecedent (basin, antecedent), parameters (basin, parameter) and
    properties (basin, property), and gives (basin, time, output): the mean of the members. All are in the physical
    units of ``surrogate.spec.model``, but antecedent, which is a row of ``surrogates.initial_state.antecedent`` for the
    first day. The number of days must be known, as in ``keras.Input((365, 6))``. What a sigmoid gives becomes
    parameters within their bounds by ``surrogates.scaling.FromUnit.of(surrogate.spec.parameters)``.

    It stays frozen whatever the model around it is told, and is saved with that model, weights included; card, domain
    and calibration stay in the bundle. To load such a model, import this module first, so that Keras knows the layer.

    Args:
        surrogate: from ``surrogates.load``.

    Raises:
        BundleError: if the surrogate can still learn.
    """

    def __init__(self, surrogate: Surrogate, **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.surrogate = surrogate
        self.networks = [network for member in surrogate.members for network in member.networks]
        if any(network.trainable_weights for network in self.networks):
            raise BundleError("a surrogate must be frozen before it is a layer of another model")

    def call(self, forcing: Tensor, antecedent: Tensor, parameters: Tensor, properties: Tensor) -> Tensor:
        """Simulate (basin, time, output)."""
        return self.surrogate.simulate(forcing, antecedent, parameters, properties)

    def compute_output_shape(
        self,
        forcing_shape: Shape,
        antecedent_shape: Shape,  # noqa: ARG002 - Keras asks by these names
        parameters_shape: Shape,  # noqa: ARG002
        properties_shape: Shape,  # noqa: ARG002
    ) -> Shape:
        """(basin, time, output)."""
        return (*forcing_shape[:2], len(self.surrogate.spec.outputs))

    @property
    def trainable(self) -> bool:
        """Never; setting it changes nothing."""
        return False

    @trainable.setter
    def trainable(self, value: bool) -> None:
        pass

    def get_config(self) -> dict[str, Any]:
        """Return plain values that the networks can be built from."""
        return {**super().get_config(), "surrogate": self.surrogate.form}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "SurrogateLayer":
        """Build the networks by the architecture's name; Keras then fills in their weights."""
        return cls(**{**config, "surrogate": unfilled(config["surrogate"])})
