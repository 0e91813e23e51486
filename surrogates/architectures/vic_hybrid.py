"""VIC's own water stores and soil equations day by day, with small learned terms where VIC resolves more.

Exact, from VIC: infiltration curve, drainage, ARNO baseflow, capacities, and the water balance. Learned:
phase of precipitation, snow melt and sublimation, evaporation by layer, and bounded factors on runoff,
drainage and baseflow, which stand for what happens within the day. What VIC keeps besides its reported
states (cold content and age of snow, water on the canopy) is left to a few learned latent states. Where VIC has
elevation bands, each of them has days of its own, as in VIC, and what comes out is their mean.
"""

from typing import Any

import keras
from keras import ops

from legacy_models.errors import UsageError
from legacy_models.vic.parameters import LARGEST_DSMAX
from legacy_models.vic.site import ELEVATION_SPREAD
from surrogates.architectures.bands import BandShares, BandShift, EachBand, OverBands
from surrogates.architectures.inputs import Inputs, scaled_inputs
from surrogates.architectures.vic_days import VicDays
from surrogates.architectures.vic_soil import Soil
from surrogates.spec import SurrogateSpec

Tensor = Any

OUTPUTS = ("runoff", "baseflow", "evaporation", "swe", "soil_moist_0", "soil_moist_1", "soil_moist_2")
STATES = OUTPUTS[3:]
PROPERTIES = ("porosity", "wcr_fraction", "wpwp_fraction")
PARAMETERS = ("b_infilt", "k", "r", "Ws", "expt", "Ksat", "depth2", "depth3")  # as in Soil
FORCING = ("prcp", "tmin", "tmax", "dayl")
DEGREES = 5.0  # that make about one


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
    soil = _soil(spec, inputs)
    each, shift = _bands(spec, inputs)
    told = [each(inputs.static)] if shift is None else [each(inputs.static), shift / DEGREES]
    described = keras.layers.Dense(2 * static, "silu")(ops.concatenate(told, axis=-1))
    described = keras.layers.Dense(static, "silu")(described)
    daily, rain, snow = _daily(spec, inputs, each, shift, described, features)
    known = keras.layers.Concatenate()([each(inputs.state), described])
    known = keras.layers.Dense(32, "silu")(known)
    stores = each(_stores(soil, inputs))
    if shift is not None:
        stores = _shared_out(known, stores, each(ops.concatenate(soil.capacity, axis=-1)), each.bands)
    first = ops.concatenate([stores, keras.layers.Dense(latent, "tanh")(known)], axis=-1)
    forced = keras.layers.Concatenate()([daily, rain, snow])
    days = VicDays(latent, hidden, substeps, name="days")([forced, each(soil.derived()), first])
    days = OverBands(each.bands)(days)
    depth = ops.expand_dims(ops.concatenate(soil.millimetres, axis=-1), 1)
    outputs = keras.layers.Concatenate(name="outputs")([days[..., :4], days[..., 4:] / depth])
    return keras.Model(inputs.named, outputs, name="vic_hybrid")


def _bands(spec: SurrogateSpec, inputs: Inputs) -> tuple[EachBand, Tensor | None]:
    """What repeats a site for its bands, and their difference in temperature [K]; None where there is one band."""
    bands = int(dict(spec.model.options).get("snow_bands", 1))
    if bands == 1:
        return EachBand(1), None
    place = spec.model.property_names.index(ELEVATION_SPREAD.name)
    return EachBand(bands), BandShift(bands)(inputs.named["properties"][:, place : place + 1])


def _shared_out(known: Tensor, stores: Tensor, capacity: Tensor, bands: int) -> Tensor:
    """(site x band, 4) a site's snow and water of the layers [mm] divided up among its bands, if they can hold it."""
    factors = BandShares(bands)(keras.layers.Dense(4, kernel_initializer="zeros")(known))
    shared = stores * factors
    return ops.concatenate([shared[:, :1], ops.minimum(shared[:, 1:], capacity)], axis=-1)


def _daily(
    spec: SurrogateSpec, inputs: Inputs, each: EachBand, shift: Tensor | None, described: Tensor, features: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Features of each day's forcing, rain and snowfall [mm]; its change tells spring from autumn."""
    names = spec.model.forcing_names
    rainfall, coldest, warmest, length = (
        each(inputs.named["forcing"][..., names.index(name) : names.index(name) + 1]) for name in FORCING
    )
    mean = 0.5 * (coldest + warmest)
    if shift is not None:
        mean = mean + ops.expand_dims(shift, 1)
    lengthening = (length - ops.concatenate([length[:, :1], length[:, :-1]], axis=1)) / 150.0
    known = [each(inputs.forcing), ops.log1p(rainfall), ops.tanh(0.5 * mean), lengthening]
    if shift is not None:
        known.append(mean / DEGREES)
    wide = keras.layers.Dense(2 * features)(keras.layers.Concatenate()(known))
    scale, shifted = (keras.layers.Dense(2 * features)(described) for _ in range(2))
    wide = ops.silu(wide * (1.0 + ops.expand_dims(scale, 1)) + ops.expand_dims(shifted, 1))
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
