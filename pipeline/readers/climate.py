"""Climate attributes of CAMELS, computed from daily weather by their published definitions."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from legacy_models.parameters import Array
from pipeline.readers.weather import WARMEST_DAY, extraterrestrial_radiation, saturation_pressure

PRIESTLEY_TAYLOR = 1.26
STEFAN_BOLTZMANN = 4.903e-9  # MJ/K4/m2/day
ALBEDO = 0.23  # of the reference crop, Allen et al. (1998)
LATENT_HEAT = 2.45  # MJ/kg


def climate_attributes(
    weather: dict[str, Array], dates: npt.NDArray[np.datetime64], latitude: float, elevation: float
) -> dict[str, float]:
    """Return the attributes of one basin.

    Args:
        weather: (time,) series as the weather generator gives them.
        dates: (time,) consecutive days.
        latitude: [degrees north].
        elevation: [m].

    Returns:
        p_mean, pet_mean [mm/day], p_seasonality, frac_snow, aridity [-], high_prec_freq, low_prec_freq
        [day/year], high_prec_dur, low_prec_dur [day].

    Source:
        Addor et al. (2017), doi:10.5194/hess-21-5293-2017, table 2; seasonality: Woods (2009),
        doi:10.1016/j.advwatres.2009.06.011, equation 14.
    """
    prcp, mean = weather["prcp"], (weather["tmin"] + weather["tmax"]) / 2
    day_of_year = pd.DatetimeIndex(dates).day_of_year.to_numpy().astype(np.float64)
    potential = float(potential_evaporation(weather, day_of_year, latitude, elevation).mean())
    high, low = prcp >= 5 * prcp.mean(), prcp < 1.0
    return {
        "p_mean": float(prcp.mean()),
        "pet_mean": potential,
        "p_seasonality": _seasonality(prcp, day_of_year),
        "frac_snow": float(prcp[mean < 0].sum() / prcp.sum()),
        "aridity": potential / float(prcp.mean()),
        "high_prec_freq": float(high.mean() * 365.25),
        "high_prec_dur": _mean_spell(high),
        "low_prec_freq": float(low.mean() * 365.25),
        "low_prec_dur": _mean_spell(low),
    }


def potential_evaporation(weather: dict[str, Array], day_of_year: Array, latitude: float, elevation: float) -> Array:
    """Priestley-Taylor evaporation, 1.26 Delta / (Delta + gamma) Rn / lambda, not below 0.

    Args:
        weather: (time,) series.
        day_of_year: (time,) 1 to 366.
        latitude: [degrees north].
        elevation: [m].

    Returns:
        (time,) [mm/day].

    Source:
        Priestley and Taylor (1972), doi:10.1175/1520-0493(1972)100<0081:OTAOSH>2.3.CO;2; Delta, gamma and net
        radiation Rn: Allen et al. (1998), FAO Irrigation and Drainage Paper 56, equations 7, 8, 13, 37 to 40.
    """
    mean = (weather["tmin"] + weather["tmax"]) / 2
    slope = 4098 * saturation_pressure(mean) / 1000 / (mean + 237.3) ** 2
    pressure = 101.3 * ((293 - 0.0065 * elevation) / 293) ** 5.26
    gamma = 0.665e-3 * pressure
    shortwave = weather["srad"] * weather["dayl"] / 1e6
    clear = (0.75 + 2e-5 * elevation) * extraterrestrial_radiation(latitude, day_of_year)
    clouds = 1.35 * np.clip(shortwave / np.maximum(clear, 1e-6), 0.3, 1.0) - 0.35
    fourth = ((weather["tmin"] + 273.16) ** 4 + (weather["tmax"] + 273.16) ** 4) / 2
    longwave = STEFAN_BOLTZMANN * fourth * (0.34 - 0.14 * np.sqrt(weather["vp"] / 1000)) * clouds
    net = (1 - ALBEDO) * shortwave - longwave
    return np.asarray(np.maximum(PRIESTLEY_TAYLOR * slope / (slope + gamma) * net / LATENT_HEAT, 0.0))


def _seasonality(prcp: Array, day_of_year: Array) -> float:
    """Relative amplitude of the yearly wave in precipitation, positive where it peaks with temperature."""
    angle = 2 * np.pi * day_of_year / 365.25
    cosine, sine = 2 * (prcp * np.cos(angle)).mean(), 2 * (prcp * np.sin(angle)).mean()
    lag = np.arctan2(sine, cosine) - 2 * np.pi * WARMEST_DAY / 365.25
    return float(np.hypot(cosine, sine) / prcp.mean() * np.cos(lag))


def _mean_spell(days: npt.NDArray[np.bool_]) -> float:
    """Mean number of consecutive days that are true; 0 where none is."""
    starts = int(np.diff(np.concatenate([[0], days.astype(np.int8)])).clip(0).sum())
    return float(days.sum() / starts) if starts else 0.0
