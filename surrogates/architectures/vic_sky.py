"""Season, light, warmth and damp of VIC's days in tensors: what the adapter's disaggregation makes of daily forcing.

Arrays are (site, time, 1) for a day and (site, time, step) for its steps.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from legacy_models.vic.disaggregation import FREEZING, SOLAR_CONSTANT, STEFAN_BOLTZMANN, WARMEST_HOUR

Tensor = Any

YEAR = 365.2425
TILT = 0.409  # of the Earth's axis, in radians
EQUINOX = 80.0  # days of the year before the sun crosses the equator northwards
LEAST_TANGENT = 0.05  # of the latitude: nearer to the equator the length of the day does not tell the season


class Season(NamedTuple):
    """Day of the year, 0 to 365, and 24 h mean of the sunlight above the atmosphere [W/m2]."""

    day: Tensor
    top: Tensor


class Steps(NamedTuple):
    """Air temperature [degC], saturation deficit of the air [Pa], shortwave and longwave [W/m2] of each step."""

    air: Tensor
    deficit: Tensor
    shortwave: Tensor
    longwave: Tensor


def season(day_length: Tensor, latitude: Tensor) -> Season:
    """Work the season out of the length of the days [s], at a latitude [degrees north].

    cos(H) = -tan(latitude) tan(declination), H half of the day; declination = 0.409 sin(2 pi (day - 80) / 365). The
    first day is the one whose wave fits best (least squares): records round the length of a day to some minutes. A
    single day does not tell spring from autumn; some weeks do.

    Source:
        Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equations 21 to 25, as in the disaggregation.
    """
    half = ops.clip(day_length * (math.pi / 86400.0), 1e-3, math.pi - 1e-3)
    phi = latitude * (math.pi / 180.0)
    tangent = ops.tan(phi)
    tangent = ops.where(tangent < 0.0, ops.minimum(tangent, -LEAST_TANGENT), ops.maximum(tangent, LEAST_TANGENT))
    seen = ops.arctan(-ops.cos(half) / tangent)
    passed = (ops.cumsum(ops.ones_like(seen), axis=1) - 1.0) * (2.0 * math.pi / YEAR)
    sine, cosine = ops.sin(passed), ops.cos(passed)
    ss, sc, cc, sy, cy = (
        ops.mean(a * b, axis=1, keepdims=True)
        for a, b in ((sine, sine), (sine, cosine), (cosine, cosine), (sine, seen), (cosine, seen))
    )
    first = ops.arctan2(cy * ss - sy * sc, sy * cc - cy * sc)
    day = ops.mod(EQUINOX + (first + passed) * (YEAR / (2.0 * math.pi)), YEAR)
    declination = TILT * ops.sin((day - EQUINOX) * (2.0 * math.pi / YEAR))
    sunset = ops.arccos(ops.clip(-tangent * ops.tan(declination), -1.0, 1.0))
    geometry = sunset * ops.sin(phi) * ops.sin(declination) + ops.cos(phi) * ops.cos(declination) * ops.sin(sunset)
    distance = 1.0 + 0.033 * ops.cos(day * (2.0 * math.pi / YEAR))
    return Season(day, SOLAR_CONSTANT / math.pi * distance * ops.relu(geometry))


def disaggregated(days: dict[str, Tensor], top: Tensor, steps: int) -> Steps:
    """Return the ``steps`` of each day, as ``disaggregation.disaggregate``.

    Args:
        days: daily forcing by name, longwave where there is one.
        top: of ``Season``.
        steps: steps a day.
    """
    air = temperatures(days["tmin"], days["tmax"], steps)
    saturated = saturation(air)
    vapour = ops.minimum(days["vp"], saturated)
    daily_mean = days["srad"] * days["dayl"] / 86400.0
    longwave = longwave_down(air, vapour, cloud_fraction(daily_mean, top))
    if "longwave" in days:
        longwave = longwave * (days["longwave"] / ops.mean(longwave, axis=-1, keepdims=True))
    return Steps(air, saturated - vapour, daily_mean * steps * light_shares(days["dayl"], steps), longwave)


def temperatures(tmin: Tensor, tmax: Tensor, steps: int) -> Tensor:
    """Air temperature [degC] of each step, as ``disaggregation.air_temperature``."""
    hours = (np.arange(steps, dtype=np.float32) + 0.5) * 24.0 / steps
    return 0.5 * (tmin + tmax) + 0.5 * ops.abs(tmax - tmin) * np.cos(2.0 * np.pi * (hours - WARMEST_HOUR) / 24.0)


def light_shares(day_length: Tensor, steps: int) -> Tensor:
    """Share of the day's sunlight in each step, as ``disaggregation.shortwave``."""
    hours = ops.clip(day_length / 3600.0, 1e-6, 24.0)
    edges = np.linspace(0.0, 24.0, steps + 1, dtype=np.float32)
    before = 0.5 * (1.0 - ops.cos(math.pi * ops.clip((edges - (12.0 - 0.5 * hours)) / hours, 0.0, 1.0)))
    return before[..., 1:] - before[..., :-1]


def saturation(temperature: Tensor) -> Tensor:
    """Saturation vapour pressure [Pa], as ``disaggregation.saturation_vapour_pressure``."""
    over_water = 610.78 * ops.exp(17.269 * temperature / (237.3 + temperature))
    ice = 1.0 + temperature * (0.00972 + 0.000042 * temperature)
    return ops.where(temperature < 0.0, over_water * ice, over_water)


def cloud_fraction(daily_mean: Tensor, top: Tensor) -> Tensor:
    """Cloud cover, as ``disaggregation.cloud_fraction``."""
    index = daily_mean / ops.maximum(top, 1.0)
    return ops.where(top < 1.0, 0.5, ops.clip((0.75 - index) / 0.5, 0.0, 1.0))


def longwave_down(temperature: Tensor, vapour: Tensor, cloud: Tensor) -> Tensor:
    """Longwave from the sky [W/m2], as ``disaggregation.longwave_down``."""
    kelvin = temperature + FREEZING
    water = 0.465 * vapour / kelvin
    clear = 1.0 - (1.0 + water) * ops.exp(-ops.sqrt(1.2 + 3.0 * water))
    return ((1.0 - 0.84 * cloud) * clear + 0.84 * cloud) * STEFAN_BOLTZMANN * kelvin**4
