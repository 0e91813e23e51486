"""Daily forcing to the sub-daily forcing that VIC 5 asks for, in local solar time.

Every daily total or mean is kept: precipitation in equal parts, shortwave as a half sine integrated exactly
over each step, temperature as a cosine with its maximum at 15 h; vapour pressure, air pressure and wind are the
same all day, vapour pressure up to saturation. What the daily forcing has not is estimated:

- longwave from temperature, vapour pressure and the clearness of the day (Prata 1996; Unsworth and Monteith 1975);
  where there is a daily longwave, this gives its course over the day;
- air pressure from elevation (standard atmosphere);
- wind as one constant, 2 m/s unless told otherwise: the mean over 2000 weather stations, for want of anything better
  (Allen et al. 1998, FAO Irrigation and Drainage Paper 56, chapter 3).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.model import Dates, Forcing
from legacy_models.parameters import Array

STEPS_PER_DAY = (4, 6, 8, 12, 24)
NEEDED = ("prcp", "tmin", "tmax", "srad", "vp", "dayl")
WARMEST_HOUR = 15.0
DEFAULT_WIND = 2.0
SOLAR_CONSTANT = 1367.0
STEFAN_BOLTZMANN = 5.670374e-8
FREEZING = 273.15


@dataclass(frozen=True, slots=True)
class Place:
    """What disaggregation reads of a site: latitude [degrees north] and elevation [m]."""

    latitude: float
    elevation: float


def disaggregate(forcing: Forcing, place: Place, steps: int, wind: float = DEFAULT_WIND) -> Array:
    """Return sub-daily forcing in the order of VIC's columns.

    Args:
        forcing: daily prcp [mm/day], tmin, tmax [degC], srad [W/m2, mean of the daylight hours], vp [Pa],
            dayl [s]; wind [m/s], pressure [Pa] and longwave [W/m2] are used where given.
        place: latitude and elevation.
        steps: steps a day.
        wind: assumed where the forcing has none [m/s].

    Returns:
        (time x steps, 7) PREC [mm/step], AIR_TEMP [degC], SWDOWN, LWDOWN [W/m2], PRESSURE, VP [kPa],
        WIND [m/s].

    Raises:
        DataError: if a variable is missing.
    """
    missing = [name for name in NEEDED if name not in forcing.names]
    if missing:
        raise DataError(f"forcing has no {', '.join(missing)}; it has {', '.join(forcing.names)}")
    column = {name: forcing.column(name) for name in forcing.names}
    shortwave_mean = column["srad"] * column["dayl"] / 86400.0
    temperature = air_temperature(column["tmin"], column["tmax"], steps)
    vapour = np.minimum(column["vp"][:, None], saturation_vapour_pressure(temperature))
    cloud = cloud_fraction(shortwave_mean, extraterrestrial(forcing.dates, place.latitude))
    longwave = longwave_down(temperature, vapour, cloud[:, None])
    if "longwave" in column:
        longwave *= (column["longwave"] / longwave.mean(axis=1))[:, None]
    daily = {
        "prcp": column["prcp"] / steps,
        "pressure": column.get("pressure", np.full(len(forcing.dates), pressure(place.elevation))) / 1000.0,
        "wind": column.get("wind", np.full(len(forcing.dates), wind)),
    }
    result = np.empty((len(forcing.dates), steps, 7))
    result[:, :, 0] = daily["prcp"][:, None]
    result[:, :, 1] = temperature
    result[:, :, 2] = shortwave(shortwave_mean, column["dayl"], steps)
    result[:, :, 3] = longwave
    result[:, :, 4] = daily["pressure"][:, None]
    result[:, :, 5] = vapour / 1000.0
    result[:, :, 6] = daily["wind"][:, None]
    return result.reshape(-1, 7)


def air_temperature(tmin: Array, tmax: Array, steps: int) -> Array:
    """(time, step) temperature at the step's centre [degC]; tmin and tmax are exchanged where tmin > tmax.

    T(h) = (tmin + tmax) / 2 + (tmax - tmin) / 2 cos(2 pi (h - 15) / 24)
    """
    hours = (np.arange(steps) + 0.5) * 24.0 / steps
    wave = np.cos(2.0 * np.pi * (hours - WARMEST_HOUR) / 24.0)
    mean, half_range = (tmin + tmax) / 2.0, np.abs(tmax - tmin) / 2.0
    return np.asarray(mean[:, None] + half_range[:, None] * wave)


def shortwave(daily_mean: Array, day_length: Array, steps: int) -> Array:
    """(time, step) mean shortwave of each step [W/m2], a half sine from sunrise to sunset centred at noon.

    The share of the day's energy before t is (1 - cos(pi x)) / 2, x = (t - sunrise) / daylight in [0, 1].

    Args:
        daily_mean: (time,) mean over 24 h [W/m2].
        day_length: (time,) daylight [s].
        steps: steps a day.
    """
    daylight = np.clip(day_length / 3600.0, 1e-6, 24.0)[:, None]
    edges = np.linspace(0.0, 24.0, steps + 1)
    elapsed = np.clip((edges - (12.0 - daylight / 2.0)) / daylight, 0.0, 1.0)
    share = np.diff((1.0 - np.cos(np.pi * elapsed)) / 2.0, axis=1)
    return np.asarray(daily_mean[:, None] * steps * share)


def saturation_vapour_pressure(temperature: Array) -> Array:
    """Saturation vapour pressure [Pa] at a temperature [degC], as in VIC.

    e_s = 610.78 exp(17.269 T / (237.3 + T)), times 1 + 0.00972 T + 0.000042 T^2 below 0 degC.
    """
    over_water = 610.78 * np.exp(17.269 * temperature / (237.3 + temperature))
    ice = 1.0 + 0.00972 * temperature + 0.000042 * temperature**2
    return np.where(temperature < 0.0, over_water * ice, over_water)


def pressure(elevation: float) -> float:
    """Air pressure [Pa] of the standard atmosphere at an elevation [m]."""
    return float(101325.0 * (1.0 - 2.25577e-5 * elevation) ** 5.25588)


def extraterrestrial(dates: Dates, latitude: float) -> Array:
    """(time,) 24 h mean shortwave at the top of the atmosphere [W/m2].

    Source: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equations 21 to 25; solar constant
    1367 W/m2.
    """
    day = (dates - dates.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    angle = 2.0 * np.pi * day / 365.0
    distance = 1.0 + 0.033 * np.cos(angle)
    declination = 0.409 * np.sin(angle - 1.39)
    phi = np.deg2rad(latitude)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1.0, 1.0))
    geometry = sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return np.asarray(SOLAR_CONSTANT / np.pi * distance * np.maximum(geometry, 0.0))


def cloud_fraction(daily_mean: Array, top: Array) -> Array:
    """(time,) cloud cover [-] from the clearness index kt: (0.75 - kt) / 0.5 within 0 and 1.

    Where the sun gives less than 1 W/m2 (polar night) the index says nothing and 0.5 is taken.
    """
    index = daily_mean / np.maximum(top, 1.0)
    return np.where(top < 1.0, 0.5, np.clip((0.75 - index) / 0.5, 0.0, 1.0))


def longwave_down(temperature: Array, vapour: Array, cloud: Array) -> npt.NDArray[np.float64]:
    """Downward longwave [W/m2] from temperature [degC], vapour pressure [Pa] and cloud cover [-].

    Clear sky: e = 1 - (1 + w) exp(-sqrt(1.2 + 3 w)), w = 46.5 vapour[hPa] / T[K]; with clouds
    (1 - 0.84 c) e + 0.84 c.

    Source:
        Prata (1996), doi:10.1002/qj.49712253306; Unsworth and Monteith (1975), doi:10.1002/qj.49710142703.
    """
    kelvin = temperature + FREEZING
    water = 46.5 * (vapour / 100.0) / kelvin
    clear = 1.0 - (1.0 + water) * np.exp(-np.sqrt(1.2 + 3.0 * water))
    emissivity = (1.0 - 0.84 * cloud) * clear + 0.84 * cloud
    return np.asarray(emissivity * STEFAN_BOLTZMANN * kelvin**4)
