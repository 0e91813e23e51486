"""VIC's own stores and equations day by day at each elevation band, with learned terms where VIC resolves more.

Exact, from VIC: rain and snowfall, infiltration curve, drainage, ARNO baseflow, roots, capacities, and the water
balance. VIC's own but for a bounded learned factor: melt of a ripe pack, sublimation, evaporation of wet leaves and
transpiration from each layer (``vic_weather``), and runoff, drainage and baseflow, whose factors stand for what happens
within the day. What VIC keeps besides its reported states (cold content and age of snow, water and snow on
the canopy) is left to a few learned latent states.
"""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from legacy_models.errors import UsageError
from legacy_models.vic.disaggregation import NEEDED
from legacy_models.vic.parameters import LARGEST_DSMAX
from surrogates.architectures.bands import BandShares, EachBand, OverBands
from surrogates.architectures.inputs import Inputs, scaled_inputs
from surrogates.architectures.vic_days import VicDays
from surrogates.architectures.vic_leaves import root_shares
from surrogates.architectures.vic_soil import Soil
from surrogates.architectures.vic_weather import VicWeather
from surrogates.spec import SurrogateSpec

Tensor = Any

OUTPUTS = ("runoff", "baseflow", "evaporation", "swe", "soil_moist_0", "soil_moist_1", "soil_moist_2")
STATES = OUTPUTS[3:]
PROPERTIES = ("porosity", "wcr_fraction", "wpwp_fraction")
PARAMETERS = ("b_infilt", "k", "r", "Ws", "expt", "Ksat", "depth2", "depth3")  # both as in Soil
OF_PLACE, OF_SURFACE = (
    ("latitude", "elevation", "forest", "lai_max", "lai_diff"),
    ("rmin_factor", "lai_factor", "snow_rough"),
)
DESCRIBING = ("elevation", "forest", "bare")
DEGREES = 5.0  # that make about one


def build(
    spec: SurrogateSpec,
    *,
    hidden: int = 64,
    features: int = 24,
    static: int = 32,
    latent: int = 12,
) -> keras.Model:
    """Return the network; see ``surrogates.architectures`` for its inputs and outputs.

    Args:
        spec: of VIC, with the parameters and properties of this project's adapter.
        hidden: size of the learned part inside the daily loop.
        features: what the loop reads of a day's forcing.
        static: size of the description of parameters and properties.
        latent: number of learned states.

    Raises:
        UsageError: if the legacy model lacks what the equations need, naming it.

    Source:
        Liang et al. (1994), doi:10.1029/94JD00483; Todini (1996), doi:10.1016/S0022-1694(96)80016-3; learned
        terms in a process model: Feng et al. (2022), doi:10.1029/2022WR032404.
    """
    _check(spec)
    inputs = scaled_inputs(spec)
    named, soil = inputs.named, _soil(spec, inputs)
    layer = VicWeather.of(spec.model, name="weather")
    each = EachBand(layer.bands)
    weather, seen, shift = layer([named["forcing"], named["properties"], named["parameters"]])
    described = keras.layers.Dense(2 * static, "silu")(_told(spec, inputs, each, shift))
    described = keras.layers.Dense(static, "silu")(described)
    known = keras.layers.Concatenate()([each(inputs.state), described, seen[:, 0]])
    known = keras.layers.Dense(32, "silu")(known)
    stores = each(_stores(soil, inputs))
    if each.bands > 1:
        stores = _shared_out(known, stores, each(ops.concatenate(soil.capacity, axis=-1)), each.bands)
    first = ops.concatenate([stores, keras.layers.Dense(latent, "tanh")(known)], axis=-1)
    forest = _named(inputs, "properties", spec.model.property_names, ["forest"])[0]
    constants = ops.concatenate([soil.derived(), root_shares(forest, soil.depth2)], axis=-1)
    daily = _daily(each(inputs.forcing), seen, described, features)
    days = VicDays(latent, hidden, layer.steps, name="days")([daily, weather, each(constants), first])
    days = OverBands(each.bands)(days)
    depth = ops.expand_dims(ops.concatenate(soil.millimetres, axis=-1), 1)
    outputs = keras.layers.Concatenate(name="outputs")([days[..., :4], days[..., 4:] / depth])
    return keras.Model(named, outputs, name="vic_hybrid")


def _told(spec: SurrogateSpec, inputs: Inputs, each: EachBand, shift: Tensor) -> Tensor:
    """(row, ...) what learned terms may know of a site: few properties, for sites are few, and parameters.

    Not the roughness of snow: without snow it would matter through them all the same.
    """
    names, count = spec.model.property_names, len(spec.parameters)
    places = [place for place, name in enumerate(spec.parameters.names) if name != "snow_rough"]
    places += [count + names.index(name) for name in DESCRIBING if name in names]
    return ops.concatenate([each(ops.take(inputs.static, places, axis=-1)), shift / DEGREES], axis=-1)


def _shared_out(known: Tensor, stores: Tensor, capacity: Tensor, bands: int) -> Tensor:
    """(site x band, 4) a site's snow and water of the layers [mm] divided up among its bands, if they can hold it."""
    factors = BandShares(bands)(keras.layers.Dense(4, kernel_initializer="zeros")(known))
    shared = stores * factors
    return ops.concatenate([shared[:, :1], ops.minimum(shared[:, 1:], capacity)], axis=-1)


def _daily(forcing: Tensor, seen: Tensor, described: Tensor, features: int) -> Tensor:
    """(row, time, feature) of each day's weather, as seen from where it falls."""
    wide = keras.layers.Dense(2 * features)(keras.layers.Concatenate()([forcing, seen]))
    scale, shift = (keras.layers.Dense(2 * features)(described) for _ in range(2))
    wide = ops.silu(wide * (1.0 + ops.expand_dims(scale, 1)) + ops.expand_dims(shift, 1))
    return keras.layers.Dense(features, "silu")(wide)


def _named(inputs: Inputs, kind: str, names: Sequence[str], wanted: Sequence[str]) -> list[Tensor]:
    """(site, 1) columns of the parameters or properties that are wanted."""
    places = [names.index(name) for name in wanted]
    return [inputs.named[kind][:, place : place + 1] for place in places]


def _soil(spec: SurrogateSpec, inputs: Inputs) -> Soil:
    """Constants of the soil from parameters and properties; Dsmax = k / r is held to its largest as in the adapter."""
    values = _named(inputs, "properties", spec.model.property_names, PROPERTIES)
    values += _named(inputs, "parameters", spec.parameters.names, PARAMETERS)
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
        ("forcing", NEEDED, model.forcing_names),
        ("properties", (*PROPERTIES, *OF_PLACE), model.property_names),
        ("parameters", (*PARAMETERS, *OF_SURFACE), model.parameters.names),
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
