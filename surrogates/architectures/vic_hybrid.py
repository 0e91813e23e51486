"""VIC's own water stores and soil equations day by day, with small learned terms where VIC resolves more.

Exact, from VIC: infiltration curve, drainage, ARNO baseflow, capacities, and the water balance. Learned:
phase of precipitation, snow melt and sublimation, evaporation by layer, and bounded factors on runoff,
drainage and baseflow, which stand for what happens within the day. What VIC keeps besides its reported
states (cold content and age of snow, water on the canopy) is left to a few learned latent states.
"""

from typing import Any

import keras
from keras import ops

from legacy_models.errors import UsageError
from legacy_models.vic.parameters import LARGEST_DSMAX
from surrogates.architectures.inputs import Inputs, scaled_inputs
from surrogates.architectures.vic_soil import Soil, limited, step
from surrogates.spec import SurrogateSpec

Tensor = Any

OUTPUTS = ("runoff", "baseflow", "evaporation", "swe", "soil_moist_0", "soil_moist_1", "soil_moist_2")
STATES = OUTPUTS[3:]
PROPERTIES = ("porosity", "wcr_fraction", "wpwp_fraction")
PARAMETERS = ("b_infilt", "k", "r", "Ws", "expt", "Ksat", "depth2", "depth3")  # as in Soil
FORCING = ("prcp", "tmin", "tmax", "dayl")
LARGEST_SENSITIVITY = 0.02
LEARNED = 10  # six demands (melt, sublimation, canopy, three layers) and four factors


def build(
    spec: SurrogateSpec,
    *,
    hidden: int = 64,
    features: int = 24,
    static: int = 32,
    latent: int = 12,
    substeps: int = 4,
) -> keras.Model:
    """Return the network; see ``surrogates.architectures`` for its inputs and outputs.

    Args:
        spec: of VIC, with the parameters and properties of this project's adapter.
        hidden: size of the learned part inside the daily loop.
        features: what the loop reads of a day's forcing.
        static: size of the description of parameters and properties.
        latent: number of learned states.
        substeps: steps a day of the soil.

    Raises:
        UsageError: if the legacy model lacks what the equations need, naming it.

    Source:
        Liang et al. (1994), doi:10.1029/94JD00483; Todini (1996), doi:10.1016/S0022-1694(96)80016-3; learned
        terms in a process model: Feng et al. (2022), doi:10.1029/2022WR032404.
    """
    _check(spec)
    inputs = scaled_inputs(spec)
    described = keras.layers.Dense(2 * static, "silu")(inputs.static)
    described = keras.layers.Dense(static, "silu")(described)
    daily, rain, snow = _daily(spec, inputs, described, features)
    soil = _soil(spec, inputs)
    constants = ops.expand_dims(ops.concatenate(list(soil), axis=-1), 1) + 0.0 * rain  # the same every day
    known = keras.layers.Concatenate()([inputs.state, described])
    hidden_state = keras.layers.Dense(latent, "tanh")(keras.layers.Dense(32, "silu")(known))
    first = ops.concatenate([_stores(soil, inputs), hidden_state], axis=-1)
    cell = VicDay(features, latent, hidden, substeps)
    days = keras.layers.Concatenate()([daily, rain, snow, constants])
    outputs = keras.layers.RNN(cell, return_sequences=True, name="days")(days, initial_state=[first])
    return keras.Model(inputs.named, outputs, name="vic_hybrid")


@keras.saving.register_keras_serializable(package="surrogates")
class VicDay(keras.layers.Layer):
    """One day of VIC: stores in mm and latent states in, outputs and the same states out.

    Args:
        features: number of features of the day's forcing; after them come rain, snowfall and the constants.
        latent: number of learned states.
        hidden: size of the learned part.
        substeps: steps of the soil.
    """

    def __init__(self, features: int, latent: int, hidden: int, substeps: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.features, self.latent, self.hidden, self.substeps = features, latent, hidden, substeps
        self.state_size, self.output_size = 4 + latent, len(OUTPUTS)
        self.inner = keras.layers.Dense(hidden, "silu")
        self.terms = keras.layers.Dense(LEARNED + 2 * latent)

    def build(self, input_shape: Any) -> None:  # noqa: ARG002 - Keras gives it, the constructor implies it
        """Create the weights."""
        self.inner.build((None, 7 + self.latent + self.features))
        self.terms.build((None, self.hidden))
        self.built = True

    def call(self, inputs: Tensor, states: Any) -> tuple[Tensor, list[Tensor]]:
        """Advance (basin, state) by a day."""
        carried = bounded_sensitivity(states[0])
        swe, *water = _columns(ops.relu(carried[:, :4]))
        latent = carried[:, 4:]
        rain, snowfall, *constants = _columns(inputs[:, self.features :])
        soil = Soil(*constants)
        known = [ops.log1p(swe / 10.0), *soil.describe(water), latent, inputs[:, : self.features]]
        terms = self.terms(self.inner(ops.concatenate(known, -1)))
        demands = _columns(ops.softplus(terms[:, :6] - 1.0))
        factors = _columns(ops.exp(ops.tanh(terms[:, 6:LEARNED])))
        inflow, swe, evaporation = _snow_and_canopy(rain, snowfall, swe, demands)
        runoff, baseflow = 0.0, 0.0
        for _ in range(self.substeps):
            share = 1.0 / self.substeps
            wanted = [share * demand for demand in demands[3:]]
            quick, slow, taken, water = step(soil, share * inflow, water, wanted, factors, share)
            runoff, baseflow, evaporation = runoff + quick, baseflow + slow, evaporation + taken
        gate, proposal = ops.split(terms[:, LEARNED:], 2, axis=-1)
        latent = latent + ops.sigmoid(gate - 1.0) * (ops.tanh(proposal) - latent)
        outputs = [runoff, baseflow, evaporation, swe, *soil.moisture(water)]
        return ops.concatenate(outputs, -1), [ops.concatenate([swe, *water, latent], -1)]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        names = ("features", "latent", "hidden", "substeps")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


@ops.custom_gradient
def bounded_sensitivity(states: Tensor) -> tuple[Tensor, Any]:
    """Return ``states`` as they are; backwards, keep every sensitivity within ``LARGEST_SENSITIVITY``.

    A few windows whose stores react steeply would otherwise decide every step. The limit is for a loss of about
    one that is a mean over some tens to hundreds of windows; with 10 in its place, training failed on one of
    three synthetic worlds.
    """

    def backward(*received: Tensor, upstream: Tensor | None = None) -> Tensor:
        given = received[0] if upstream is None else upstream
        return ops.clip(given, -LARGEST_SENSITIVITY, LARGEST_SENSITIVITY)

    return states, backward


def _snow_and_canopy(
    rain: Tensor, snowfall: Tensor, swe: Tensor, demands: list[Tensor]
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the water that reaches the soil, the snow that is left, and what evaporated of both [mm]."""
    melting, sublimating, wetting = demands[:3]
    intercepted = limited(wetting, rain)
    pack = swe + snowfall
    sublimated = limited(0.3 * sublimating, pack)
    melt = limited(5.0 * melting, pack - sublimated)
    return rain - intercepted + melt, pack - sublimated - melt, intercepted + sublimated


def _daily(spec: SurrogateSpec, inputs: Inputs, described: Tensor, features: int) -> tuple[Tensor, Tensor, Tensor]:
    """Features of each day's forcing, rain and snowfall [mm]; its change tells spring from autumn."""
    names = spec.model.forcing_names
    rainfall, coldest, warmest, length = (
        inputs.named["forcing"][..., names.index(name) : names.index(name) + 1] for name in FORCING
    )
    mean = 0.5 * (coldest + warmest)
    lengthening = (length - ops.concatenate([length[:, :1], length[:, :-1]], axis=1)) / 150.0
    forcing = keras.layers.Concatenate()([inputs.forcing, ops.log1p(rainfall), ops.tanh(0.5 * mean), lengthening])
    wide = keras.layers.Dense(2 * features)(forcing)
    scale, shift = (keras.layers.Dense(2 * features)(described) for _ in range(2))
    wide = ops.silu(wide * (1.0 + ops.expand_dims(scale, 1)) + ops.expand_dims(shift, 1))
    snowfall = rainfall * ops.sigmoid(keras.layers.Dense(1)(wide) - 2.0 * mean)
    return keras.layers.Dense(features, "silu")(wide), rainfall - snowfall, snowfall


def _soil(spec: SurrogateSpec, inputs: Inputs) -> Soil:
    """Constants of the soil from parameters and properties; Dsmax = k / r is held to its largest as in the adapter."""
    values = []
    for kind, names, wanted in (
        ("properties", spec.model.property_names, PROPERTIES),
        ("parameters", spec.parameters.names, PARAMETERS),
    ):
        places = [names.index(name) for name in wanted]
        values += [inputs.named[kind][:, place : place + 1] for place in places]
    soil = Soil(*values)
    return soil._replace(r=ops.maximum(soil.r, soil.k / LARGEST_DSMAX))


def _stores(soil: Soil, inputs: Inputs) -> Tensor:
    """(basin, 4) snow and water of the layers [mm] from the state's moisture."""
    swe, *moisture = _columns(ops.relu(inputs.named["state"]))  # a predicted state may be a little below zero
    water = [share * depth for share, depth in zip(moisture, soil.millimetres, strict=True)]
    return ops.concatenate([swe, *water], axis=-1)


def _columns(values: Tensor) -> list[Tensor]:
    """Split (basin, column) into (basin, 1) columns."""
    return [values[:, i : i + 1] for i in range(values.shape[-1])]


def _check(spec: SurrogateSpec) -> None:
    """Refuse a legacy model that is not VIC as this project runs it."""
    model = spec.model
    for kind, wanted, given in (
        ("forcing", FORCING, model.forcing_names),
        ("properties", PROPERTIES, model.property_names),
        ("parameters", PARAMETERS, model.parameters.names),
    ):
        missing = [name for name in wanted if name not in given]
        if missing:
            raise UsageError(
                f"architecture 'vic_hybrid' needs the {kind} {', '.join(missing)}, which {model.name} has "
                "not; architecture 'lstm' serves any legacy model"
            )
    if model.output_names != OUTPUTS or model.states != STATES:
        raise UsageError(
            f"architecture 'vic_hybrid' gives {', '.join(OUTPUTS)} in this order, but {model.name} has "
            f"{', '.join(model.output_names)}; architecture 'lstm' serves any legacy model"
        )
