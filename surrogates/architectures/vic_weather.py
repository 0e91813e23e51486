"""The weather of VIC's days at each elevation band: rain, snowfall, and what plants could evaporate.

Nothing here is learned: it is what the adapter's disaggregation and VIC's own equations make of daily forcing, with
the heat of the ground as of a soil of middling moisture, and the month, by which VIC has its leaf area, read from the
length of the days.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from legacy_models.vic.disaggregation import FREEZING, STEFAN_BOLTZMANN
from legacy_models.vic.embedded import constants as c
from legacy_models.vic.parameters import WARMEST_SNOW
from legacy_models.vic.site import band_scores
from surrogates.architectures.vic_leaves import (
    SOME_SNOW,
    Evaporation,
    air_pressure,
    albedo,
    evaporation,
    ground_heat,
    leaf_area,
    light_through,
)
from surrogates.architectures.vic_sky import YEAR, Steps, disaggregated, saturation, season
from surrogates.architectures.vic_snow import losses

Tensor = Any

SOME_MELT = 0.1  # mm, even over the day: when snow melts where hardly any could


class Weather(NamedTuple):
    """What ``VicWeather`` gives, with a row for each band of a site: row = site x bands + band.

    Args:
        water: (row, time, 8 + step) rain, snowfall, potential sublimation, melt, evaporation of wet leaves and
            transpiration [mm], ease of drought [-], see ``vic_leaves.Evaporation``; logarithm of how rough snow is
            beside what is usual; share of the melt in each step [-].
        features: (row, time, 12) what matters without snow too, and more, of about size one.
        shift: (row, 1) difference of the band's temperature from the site's [K].
    """

    water: Tensor
    features: Tensor
    shift: Tensor


class Shared(NamedTuple):
    """What the bands of a site share besides ``Steps``: (row, time, step) and, from ``lai`` on, (row, time, 1).

    Args:
        heat: radiation and heat from the ground, before what is given off [W/m2].
        vapour: pressure of it in the air [Pa].
        lai: leaf area index [-].
        wind: [m/s].
        day: of the year, 0 to 365.
        precipitation: [mm].
    """

    heat: Tensor
    vapour: Tensor
    lai: Tensor
    wind: Tensor
    day: Tensor
    precipitation: Tensor


@keras.saving.register_keras_serializable(package="surrogates")
class VicWeather(keras.layers.Layer):
    """Daily forcing to what VIC makes of it at each elevation band of a site, see ``Weather``.

    Takes the forcing (site, time, forcing), properties (site, property) and parameters (site, parameter), in physical
    units.

    Args:
        forcing: names of the forcing variables.
        properties: names of the properties.
        parameters: names of the parameters.
        steps: steps a day.
        bands: elevation bands of a site.
        wind: where the forcing has none [m/s].
    """

    def __init__(
        self,
        forcing: Sequence[str],
        properties: Sequence[str],
        parameters: Sequence[str],
        steps: int,
        bands: int,
        wind: float,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.names = {"forcing": tuple(forcing), "properties": tuple(properties), "parameters": tuple(parameters)}
        self.steps, self.bands, self.wind = steps, bands, wind

    @classmethod
    def of(cls, model: Any, **kwargs: Any) -> "VicWeather":
        """Return the layer for VIC as ``model``, a ``VicModel`` or the description of one, has it."""
        options = dict(model.options)
        names = ([each.name for each in model.forcing], [each.name for each in model.properties])
        steps, bands, wind = options["steps_per_day"], options["snow_bands"], options["wind"]
        return cls(*names, model.parameters.names, steps, bands, wind, **kwargs)

    def call(self, inputs: Any) -> Weather:
        """Make the days."""
        days = dict(zip(self.names["forcing"], ops.split(inputs[0], inputs[0].shape[-1], axis=-1), strict=True))
        site = dict(zip(self.names["properties"], _columns(inputs[1]), strict=True))
        chosen = dict(zip(self.names["parameters"], _columns(inputs[2]), strict=True))
        step, shared = self._shared(days, site, chosen)
        shift = self._lapse(site)
        step, shared = Steps(*self._each(step)), Shared(*self._each(shared))
        site, chosen = (dict(zip(known, self._each(known.values()), strict=True)) for known in (site, chosen))
        step = step._replace(air=step.air + shift)
        net = shared.heat - c.EMISSIVITY * STEFAN_BOLTZMANN * (step.air + FREEZING) ** 4
        fallen = _rain_and_snow(step.air, shared.precipitation, chosen)
        leaves = evaporation(
            step, net, shared.lai, shared.wind, site["elevation"], site["forest"], chosen["rmin_factor"]
        )
        water = [*fallen, *_of_pack(step, shared, site, chosen, leaves)]
        features = _features(step.air, net, shared, [*fallen, *leaves])
        return Weather(ops.concatenate(water, axis=-1), features, shift[:, 0])

    def _shared(
        self, days: dict[str, Tensor], site: dict[str, Tensor], chosen: dict[str, Tensor]
    ) -> tuple[Steps, "Shared"]:
        """What all bands of a site have in common; the warmth of ``Steps`` is that of the site's mean elevation."""
        sky = season(days["dayl"], site["latitude"])
        step = disaggregated(days, sky.top, self.steps)
        lai = leaf_area(sky.day, site, chosen["lai_factor"])
        flux, stored = ground_heat(step.air, site["porosity"])
        heat = (1.0 - albedo(site["forest"])) * step.shortwave + step.longwave + light_through(lai) * flux + stored
        wind = days.get("wind", self.wind * ops.ones_like(sky.day))
        return step, Shared(heat, saturation(step.air) - step.deficit, lai, wind, sky.day, days["prcp"])

    def _lapse(self, site: dict[str, Tensor]) -> Tensor:
        """(row, 1, 1) difference of the band's temperature from the site's [K]."""
        if self.bands == 1:
            return ops.zeros_like(site["elevation"])
        heights = np.array(band_scores(self.bands), dtype=np.float32)[None, :, None]
        return ops.reshape(c.LAPSE_RATE * site["elevation_spread"] * heights, (-1, 1, 1))

    def _each(self, values: Iterable[Tensor]) -> list[Tensor]:
        """(site, ...) to (row, ...), every band the same."""
        return [ops.repeat(value, self.bands, axis=0) for value in values]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments."""
        own = {"steps": self.steps, "bands": self.bands, "wind": self.wind}
        return {**super().get_config(), **self.names, **own}


def _columns(values: Tensor) -> list[Tensor]:
    """(site, 1, 1) columns of (site, column)."""
    return [values[:, None, i : i + 1] for i in range(values.shape[-1])]


def _rain_and_snow(air: Tensor, precipitation: Tensor, chosen: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """(row, time, 1) rain and snowfall, with the temperatures of ``legacy_models.vic.parameters.native``."""
    cold, warm = c.SNOW_BELOW, c.RAIN_ABOVE
    if "min_rain_temp" in chosen:
        cold = chosen["min_rain_temp"]
        warm = cold + chosen["snow_temp_share"] * (WARMEST_SNOW - cold)
    share = ops.mean(ops.clip((air - cold) / (warm - cold), 0.0, 1.0), axis=-1, keepdims=True)
    return precipitation * share, precipitation * (1.0 - share)


def _of_pack(
    step: Steps, shared: Shared, site: dict[str, Tensor], chosen: dict[str, Tensor], leaves: Evaporation
) -> list[Tensor]:
    """Sublimation of pack and trees, melt [mm], ``leaves``, roughness, and the share of the melt in each step."""
    pressure, light = air_pressure(step.air, site["elevation"]), light_through(shared.lai)
    lost = losses(step, shared.vapour, light, shared.wind, pressure, site["forest"], chosen["snow_rough"])
    sublimated, melted = (ops.sum(each, axis=-1, keepdims=True) for each in (lost.sublimated, lost.melt))
    when = (lost.melt + SOME_MELT / step.air.shape[-1]) / (melted + SOME_MELT)
    rough = ops.log(chosen["snow_rough"] / SOME_SNOW) * ops.ones_like(melted)
    return [sublimated + site["forest"] * leaves.wet, melted, *leaves, rough, when]


def _features(air: Tensor, net: Tensor, shared: Shared, water: Sequence[Tensor]) -> Tensor:
    """(row, time, 12) what the learned terms read of a day; of ``water``, the ease of drought comes last."""
    mean, above, net = (ops.mean(values, axis=-1, keepdims=True) for values in (air, ops.relu(air), net))
    turn = shared.day * (2.0 * math.pi / YEAR)
    known = [ops.tanh(0.5 * mean), mean / 10.0, above / 5.0, net / 100.0, ops.sin(turn), ops.cos(turn)]
    return ops.concatenate([*known, ops.log(shared.lai), *map(ops.log1p, water[:-1]), water[-1]], axis=-1)
