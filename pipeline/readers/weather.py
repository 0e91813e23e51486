"""A seeded stochastic generator of daily weather: rain, temperature, shortwave, humidity, day length."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.signal import lfilter

from legacy_models.parameters import Array

SOLAR_CONSTANT = 0.0820  # MJ/m2/min, Allen et al. (1998)
WARMEST_DAY = 200  # day of the year at which air temperature peaks, about a month after the solstice
PERSISTENCE = 0.35  # lag-1 autocorrelation of wet and dry days
TEMPERATURE_MEMORY = 0.7  # lag-1 autocorrelation of temperature anomalies, Richardson (1981)


@dataclass(frozen=True, slots=True)
class Climate:
    """What the weather of one place is drawn from.

    Args:
        latitude: [degrees north].
        elevation: [m].
        precipitation: long-term mean [mm/day].
        amplitude: relative seasonal amplitude of precipitation, 0 to 1.
        peak: day of the year with most precipitation.
        wet_share: share of days with precipitation.
        temperature: annual mean of daily means [degC].
        swing: half the annual range of temperature [degC].
        diurnal: mean range of a dry day [degC].
        depression: how far the dew point lies below the night's minimum on dry days [degC].
    """

    latitude: float
    elevation: float
    precipitation: float
    amplitude: float
    peak: float
    wet_share: float
    temperature: float
    swing: float
    diurnal: float
    depression: float


def generate(climate: Climate, dates: npt.NDArray[np.datetime64], rng: np.random.Generator) -> dict[str, Array]:
    """Draw daily weather for one place.

    Wet and dry days are a first-order Markov chain, amounts a mixed exponential (Wilks 1999), temperatures
    seasonal means with AR(1) anomalies, cooler and with a smaller range on wet days (Richardson 1981).
    Transmissivity follows the range, dimmer on wet days (Thornton and Running 1999); the dew point
    lies at the night's minimum in humid places and below it in dry ones (Kimball et al. 1997).

    Args:
        climate: the place.
        dates: (time,) consecutive days.
        rng: the random numbers; the same generator state gives the same weather.

    Returns:
        (time,) prcp [mm/day], tmin, tmax [degC], srad [W/m2, mean over daylight], vp [Pa], dayl [s].

    Source:
        Richardson (1981), doi:10.1029/WR017i001p00182; Wilks (1999), doi:10.1016/S0168-1923(99)00037-4;
        Thornton and Running (1999), doi:10.1016/S0168-1923(98)00126-9; Kimball et al. (1997),
        doi:10.1016/S0168-1923(96)02366-0.
    """
    day_of_year = pd.DatetimeIndex(dates).day_of_year.to_numpy().astype(np.float64)
    prcp = _precipitation(climate, dates, day_of_year, rng)
    wet = prcp > 0
    tmin, tmax = _temperature(climate, day_of_year, wet, rng)
    dayl = day_length(climate.latitude, day_of_year)
    energy = extraterrestrial_radiation(climate.latitude, day_of_year)
    share = _transmissivity(climate.elevation, tmax - tmin, wet, rng)
    srad = np.divide(energy * share * 1e6, dayl, out=np.zeros_like(dayl), where=dayl > 0)
    drop = np.maximum(climate.depression * np.where(wet, 0.3, 1.0) + rng.normal(0.0, 0.7, len(dates)), -0.5)
    vp = np.minimum(saturation_pressure(tmin - drop), saturation_pressure((tmin + tmax) / 2))
    return {"prcp": prcp, "tmin": tmin, "tmax": tmax, "srad": srad, "vp": vp, "dayl": dayl}


def day_length(latitude: float, day_of_year: Array) -> Array:
    """Seconds from sunrise to sunset, N = 86400 omega / pi with cos(omega) = -tan(phi) tan(delta).

    Args:
        latitude: phi [degrees north].
        day_of_year: (time,) 1 to 366.

    Returns:
        (time,) day length [s]: 0 in the polar night, 86400 in the polar day.

    Source:
        Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equations 24, 25 and 34.
    """
    return np.asarray(86400.0 / np.pi * _sunset_angle(latitude, declination(day_of_year)))


def declination(day_of_year: Array) -> Array:
    """Solar declination [rad]; Allen et al. (1998), equation 24."""
    return np.asarray(0.409 * np.sin(2 * np.pi * day_of_year / 365.0 - 1.39))


def extraterrestrial_radiation(latitude: float, day_of_year: Array) -> Array:
    """(time,) daily sum of shortwave above the atmosphere [MJ/m2]; Allen et al. (1998), equation 21."""
    phi, delta = np.radians(latitude), declination(day_of_year)
    omega = _sunset_angle(latitude, delta)
    distance = 1 + 0.033 * np.cos(2 * np.pi * day_of_year / 365.0)
    sines, cosines = np.sin(phi) * np.sin(delta), np.cos(phi) * np.cos(delta)
    return np.asarray(24 * 60 / np.pi * SOLAR_CONSTANT * distance * (omega * sines + cosines * np.sin(omega))).clip(0)


def saturation_pressure(temperature: Array) -> Array:
    """Saturation vapour pressure over water [Pa] at [degC]; Allen et al. (1998), equation 11."""
    return np.asarray(610.8 * np.exp(17.27 * temperature / (temperature + 237.3)))


def autoregressive(rng: np.random.Generator, days: int, memory: float) -> Array:
    """(time,) standard normal series with lag-1 autocorrelation ``memory``, stationary from its first day."""
    noise = rng.normal(size=days)
    noise[1:] *= np.sqrt(1 - memory**2)
    return np.asarray(lfilter([1.0], [1.0, -memory], noise))


def _sunset_angle(latitude: float, delta: Array) -> Array:
    return np.asarray(np.arccos(np.clip(-np.tan(np.radians(latitude)) * np.tan(delta), -1.0, 1.0)))


def _season(day_of_year: Array, peak: float) -> Array:
    """Cosine of one year's length, 1 on day ``peak``."""
    return np.asarray(np.cos(2 * np.pi * (day_of_year - peak) / 365.25))


def _precipitation(
    climate: Climate, dates: npt.NDArray[np.datetime64], day_of_year: Array, rng: np.random.Generator
) -> Array:
    """Daily amounts; water years differ by a factor, since daily generators alone make years too alike."""
    season = 1 + climate.amplitude * _season(day_of_year, climate.peak)
    share = np.clip(climate.wet_share * (1 + 0.6 * (season - 1)), 0.02, 0.9)
    wet = _wet_days(share, rng.random(len(dates)))
    mean = climate.precipitation * np.maximum(season, 0.03) / share
    heavy = rng.random(len(dates)) > 0.65  # mixed exponential of mean 1
    amount = mean * rng.exponential(np.where(heavy, (1 - 0.65 * 0.55) / 0.35, 0.55))
    water_year = pd.DatetimeIndex(dates + np.timedelta64(92, "D")).year.to_numpy()
    spread = 0.12 + 0.10 * (climate.precipitation < 1.5)
    factors = np.exp(rng.normal(-(spread**2) / 2, spread, int(np.ptp(water_year)) + 1))
    return np.where(wet, np.round(np.maximum(amount * factors[water_year - water_year[0]], 0.1), 2), 0.0)


def _wet_days(share: Array, uniform: Array) -> npt.NDArray[np.bool_]:
    """Markov chain: P(wet | wet) = share + rho (1 - share), P(wet | dry) = share (1 - rho)."""
    after_dry = share * (1 - PERSISTENCE)
    after_wet = share + PERSISTENCE * (1 - share)
    wet = np.zeros(len(share), dtype=bool)
    state = bool(uniform[0] < share[0])
    for day in range(len(share)):
        state = bool(uniform[day] < (after_wet[day] if state else after_dry[day]))
        wet[day] = state
    return wet


def _temperature(
    climate: Climate, day_of_year: Array, wet: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Array, Array]:
    season = _season(day_of_year, WARMEST_DAY)
    anomaly = autoregressive(rng, len(wet), TEMPERATURE_MEMORY) * (0.28 * climate.swing + 0.5) * (1 - 0.3 * season)
    mean = climate.temperature + climate.swing * season + anomaly - 1.0 * (wet - climate.wet_share) * (season > 0)
    spread = climate.diurnal * np.where(wet, 0.65, 1.0) * (1 + 0.12 * season)
    spread = spread * np.exp(rng.normal(-0.02, 0.2, len(wet)))
    return mean - spread / 2, mean + spread / 2


def _transmissivity(elevation: float, spread: Array, wet: npt.NDArray[np.bool_], rng: np.random.Generator) -> Array:
    """Share of radiation that arrives: tau (1 - 0.9 exp(-B dT^1.5)), and 0.75 of that on wet days."""
    clear = 0.72 + 2e-5 * elevation
    rate = 0.031 + 0.201 * np.exp(-0.185 * spread.mean())
    share = clear * (1 - 0.9 * np.exp(-rate * spread**1.5)) * np.where(wet, 0.75, 1.0)
    return np.asarray(np.clip(share * np.exp(rng.normal(0.0, 0.05, len(spread))), 0.05, 0.85))
