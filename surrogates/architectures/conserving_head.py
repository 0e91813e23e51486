"""An output head that neither creates nor destroys water: each day's is divided among fluxes and stores by shares.

    P_t + S_{t-1} = (sum of fluxes)_t + S_t,        S_t = (sum of stores)_t

Flux or store i of day t is share_i (P_t + S_{t-1}); the network gives the shares, as a softmax, so that the balance
holds and nothing is negative whatever the weights are. What is kept follows S_t = kept_t (P_t + S_{t-1}), kept being
the sum of the stores' shares: one linear recurrence a basin, solved over all days at once.

What this takes for granted, and a legacy model may not do:

- The outputs hold all water. VIC keeps some on its canopy besides (rain and snow, up to some millimetres), which is
  not among them: over its outputs VIC's own balance is off by the change of that store from day to day, and this head
  cannot follow it. Over years the change is small; ``fidelity.created_water`` is the figure.
- No flux brings water in. VIC's evaporation is a little below zero on days of dew and frost; here it is zero at
  least.
- Stores have no largest value: a layer may be given more than its pores hold.

Source:
    Hoedt et al. (2021), arXiv:2101.05186 (MC-LSTM: shares of what enters and of what is stored); Frame et al. (2023),
    doi:10.1002/hyp.14847 (what the constraint costs in rainfall-runoff). Here the LSTM's memory is free; its outputs
    are what is constrained.
"""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from legacy_models.errors import UsageError
from legacy_models.model import Variable
from legacy_models.vic.parameters import DEPTH_1
from surrogates.architectures.inputs import Inputs
from surrogates.spec import SurrogateSpec

Tensor = Any

ENTERING = Variable("prcp", "mm/day")
FLUX, STORE, MOISTURE = "mm/day", "mm", "m3/m3"
MM = 1000.0  # mm of water in a metre

DEPTHS: dict[str, dict[str, float | str]] = {
    "vic": {"soil_moist_0": DEPTH_1, "soil_moist_1": "depth2", "soil_moist_2": "depth3"}
}
"""Depth of the layers of legacy models that report moisture: metres, or the parameter that has them."""


def conserving_outputs(spec: SurrogateSpec, inputs: Inputs, features: Tensor) -> Tensor:
    """Map (basin, time, feature) to physical outputs in balance with precipitation and state.

    Shares begin at those of the outputs' means. A state below zero, which a network may predict, counts as zero.

    Raises:
        UsageError: if the description of the legacy model does not say how an output counts in the water balance.
    """
    millimetres = _millimetres(spec, inputs.named["parameters"])
    state = ops.relu(inputs.named["state"]) * ops.take(millimetres, spec.state_indices, axis=-1)
    place = spec.model.forcing_names.index(ENTERING.name)
    entering = inputs.named["forcing"][..., place : place + 1]
    stored = [name in spec.model.states for name in spec.output_names]
    usual = np.maximum(spec.scaling.output_mean, 1e-3 * np.asarray(spec.scaling.output_std)).astype(np.float32)
    wanted = keras.layers.Dense(len(stored), dtype="float32", name="head")(features)
    wanted = wanted + ops.expand_dims(ops.log(millimetres * usual), 1)
    water = DivideWater(stored, name="water")([wanted, entering, ops.sum(state, axis=-1, keepdims=True)])
    return water / ops.expand_dims(millimetres, 1)


@keras.saving.register_keras_serializable(package="surrogates")
class DivideWater(keras.layers.Layer):
    """Fluxes and stores [mm] of each day that share what enters and what was stored.

    Takes (basin, time, part) logarithms of the shares, up to a constant a day; (basin, time, 1) water that enters [mm];
    and (basin, 1) water that is stored before the first day [mm]. Gives (basin, time, part) [mm].

    Args:
        stored: (part,) whether it is a store; the others leave.
    """

    def __init__(self, stored: Sequence[bool], **kwargs: Any) -> None:
        super().__init__(**{"dtype": "float32", **kwargs})
        self.stored = tuple(stored)

    def call(self, inputs: Any) -> Tensor:
        """Divide the water of all days; their number must be known when traced."""
        wanted, entering, first = inputs
        shares = ops.softmax(wanted, axis=-1)
        kept = ops.sum(shares * ops.convert_to_tensor(self.stored, shares.dtype), axis=-1, keepdims=True)
        storage = running_storage(kept, entering, first)
        before = ops.concatenate([ops.expand_dims(first, 1), storage[:, :-1]], axis=1)
        return shares * (entering + before)

    def compute_output_shape(self, input_shape: Any) -> tuple[int | None, ...]:
        """That of the shares."""
        return tuple(input_shape[0])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        return {**super().get_config(), "stored": self.stored}


def running_storage(kept: Tensor, entering: Tensor, first: Tensor) -> Tensor:
    """(basin, time, 1) storage at the end of each day, S_t = kept_t (S_{t-1} + entering_t), from ``first`` (basin, 1).

    Spans of 1, 2, 4 ... days are joined pairwise, so that no loop runs over the days; every number is a sum of products
    of numbers that are not negative, and nothing cancels.

    Source:
        Hillis and Steele (1986), doi:10.1145/7902.7903.
    """
    carried, gained, span = kept, kept * entering, 1
    while span < kept.shape[1]:
        earlier = ops.pad(gained[:, :-span], ((0, 0), (span, 0), (0, 0)))
        gained = gained + carried * earlier
        carried = carried * ops.pad(carried[:, :-span], ((0, 0), (span, 0), (0, 0)), constant_values=1.0)
        span *= 2
    return carried * ops.expand_dims(first, 1) + gained


def _millimetres(spec: SurrogateSpec, parameters: Tensor) -> Tensor:
    """(basin, output) mm of water in one unit of each output; a flux is what leaves in a day."""
    columns = []
    for factor in _factors(spec):
        if isinstance(factor, str):
            place = spec.parameters.names.index(factor)
            columns.append(MM * parameters[:, place : place + 1])
        else:
            columns.append(factor * ops.ones_like(parameters[:, :1]))
    return ops.concatenate(columns, axis=-1)


def _factors(spec: SurrogateSpec) -> list[float | str]:
    """Mm of water in one unit of each output, or the parameter that is the layer's depth [m].

    Raises:
        UsageError: naming what the description does not tell.
    """
    model = spec.model
    if (ENTERING.name, ENTERING.unit) not in [(v.name, v.unit) for v in model.forcing]:
        raise UsageError(_refusal(model.name, f"no forcing {ENTERING.name!r} in {ENTERING.unit}"))
    factors: list[float | str] = []
    for output in model.outputs:
        is_state = output.name in model.states
        depth = DEPTHS.get(model.name, {}).get(output.name)
        if output.unit == (STORE if is_state else FLUX):
            factors.append(1.0)
        elif is_state and output.unit == MOISTURE and depth is not None:
            factors.append(depth if isinstance(depth, str) else MM * depth)
        else:
            kind = "state" if is_state else "flux"
            raise UsageError(_refusal(model.name, f"the {kind} {output.name!r} in {output.unit}"))
    return factors


def _refusal(model: str, what: str) -> str:
    return (
        f"head 'conserving' needs precipitation and fluxes in {FLUX} and every state in {STORE}, or as a soil layer's "
        f"{MOISTURE} whose depth is known; {model} has {what}; head 'free' serves any legacy model"
    )
