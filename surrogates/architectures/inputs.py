"""What every architecture begins and ends with: named inputs, scaled, and outputs in physical units."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from surrogates.scaling import ScaleState, Standardize, ToPhysical, ToUnit
from surrogates.spec import SurrogateSpec


@dataclass(frozen=True)
class Inputs:
    """Named inputs of an architecture and their scaled values.

    Args:
        named: the dict of inputs in physical units.
        forcing: (basin, time, forcing) standardised.
        static: (basin, parameter + property) parameters in [-1, 1] and standardised properties.
        state: (basin, state) scaled.
    """

    named: dict[str, Any]
    forcing: Any
    static: Any
    state: Any


def scaled_inputs(spec: SurrogateSpec) -> Inputs:
    """Return the inputs of a network that simulates ``spec``, in physical units and scaled."""
    named = {
        "forcing": keras.Input((None, len(spec.model.forcing)), name="forcing"),
        "parameters": keras.Input((len(spec.parameters),), name="parameters"),
        "properties": keras.Input((len(spec.model.properties),), name="properties"),
        "state": keras.Input((len(spec.model.states),), name="state"),
    }
    forcing = Standardize(spec.scaling.forcing_mean, spec.scaling.forcing_std)(named["forcing"])
    mean, std, heavy = state_scaling(spec)
    return Inputs(named, forcing, scaled_static(spec, named), ScaleState(mean, std, heavy)(named["state"]))


def scaled_static(spec: SurrogateSpec, named: dict[str, Any]) -> Any:
    """Return (basin, parameter + property): parameters in [-1, 1] and standardised properties."""
    unit = ToUnit.of(spec.parameters)(named["parameters"])
    properties = Standardize(spec.scaling.property_mean, spec.scaling.property_std)(named["properties"])
    return keras.layers.Concatenate()([keras.layers.Rescaling(2.0, -1.0)(unit), properties])


def state_scaling(spec: SurrogateSpec) -> tuple[tuple[float, ...], tuple[float, ...], tuple[bool, ...]]:
    """Return mean, std and whether the tail is long (not negative, and std above the mean) of each state."""
    mean = tuple(spec.scaling.output_mean[i] for i in spec.state_indices)
    std = tuple(spec.scaling.output_std[i] for i in spec.state_indices)
    heavy = tuple(spec.outputs[i].lower >= 0 and s > m for i, m, s in zip(spec.state_indices, mean, std, strict=True))
    return mean, std, heavy


def physical_outputs(spec: SurrogateSpec, features: Any) -> Any:
    """Map (..., feature) to physical outputs, beginning at their means; none is negative that cannot be."""
    nonnegative = [bool(output.lower >= 0) for output in spec.outputs]
    mean, std = spec.scaling.output_mean, spec.scaling.output_std
    start = [_inverse_softplus(m / s) if low else 0.0 for m, s, low in zip(mean, std, nonnegative, strict=True)]
    head = keras.layers.Dense(len(start), name="head")
    values = head(features)
    head.bias.assign(start)
    return ToPhysical(mean, std, nonnegative, name="outputs")(values)


def _inverse_softplus(value: float) -> float:
    """The x of softplus(x) = value, for values from a thousandth on."""
    return float(np.log(np.expm1(max(value, 1e-3))))
