"""What the weather of some years is like, in a few figures: coordinates of a query beside parameters and properties."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.model import Dates, Forcing
from legacy_models.parameters import Array
from legacy_models.run_set import RunSet

YEAR, DAYS_A_YEAR = 365, 365.25
"""Days of a block that counts as a year where years are compared, and days of a year on average."""

LEAST_PRECIPITATION = 0.05
"""Added to mean precipitation before ratios and logarithms are taken, which a dry year would make infinite [mm/day]."""


@dataclass(frozen=True, eq=False)
class Weather:
    """Daily columns, as far as they are there.

    Args:
        precipitation: (time,) [mm/day].
        temperature: (time,) mean of minimum and maximum [degC].
        day_length: (time,) [hours].
        season: (time,) angle of the day in its year.
    """

    precipitation: Array | None
    temperature: Array | None
    day_length: Array
    season: Array

    @classmethod
    def of(cls, forcing: Forcing) -> "Weather":
        """Pick the columns by the project's names."""
        days, names = forcing.dates, set(forcing.names)
        warm = {"tmin", "tmax"} <= names
        return cls(
            precipitation=forcing.column("prcp") if "prcp" in names else None,
            temperature=0.5 * (forcing.column("tmin") + forcing.column("tmax")) if warm else None,
            day_length=forcing.column("dayl") / 3600.0 if "dayl" in names else np.full(len(days), 12.0),
            season=_season(days),
        )


def feature_names(variables: Sequence[str]) -> tuple[str, ...]:
    """Return which features can be told from the daily ``variables``: none of a model that reads neither."""
    there = set(variables)
    return tuple(name for name, (needs, _) in FEATURES.items() if there.issuperset(needs))


def summarise(forcing: Forcing) -> Array:
    """Return the ``feature_names`` of daily forcing, each about as even on its scale as sites are.

    precipitation             log of its mean [mm/day]
    precipitation_seasonality amplitude of its annual harmonic over its mean [-]
    precipitation_variability standard deviation of the days over the mean [-]
    temperature               mean [degC]
    temperature_range         of its annual harmonic, summer less winter [degC]
    snow_share                of precipitation that falls on days below zero [-]
    aridity                   log of potential evaporation over precipitation [-]

    Args:
        forcing: of one place and of the period in question, without spin-up; whole years are best.

    Raises:
        DataError: if there is no day, or a gap.

    Source:
        Hamon (1961) as in Haith and Shoemaker (1987), doi:10.1111/j.1752-1688.1987.tb00825.x, for potential
        evaporation, which needs temperature and day length alone (12 hours where it is not known).
    """
    if not len(forcing.dates) or not np.isfinite(forcing.values).all():
        raise DataError(f"a forcing of {len(forcing.dates)} days cannot be summed up: it is empty or has gaps")
    weather = Weather.of(forcing)
    return np.array([FEATURES[name][1](weather) for name in feature_names(forcing.names)], dtype=np.float64)


def summaries(forcings: Sequence[Forcing]) -> Array:
    """Return (place, feature) summaries of forcings with the same variables."""
    return np.stack([summarise(forcing) for forcing in forcings])


def annual(forcing: Forcing) -> Array:
    """Return (year, feature) summaries of the whole years of a record, counted from its end."""
    last = len(forcing.dates)
    blocks = [slice(end - YEAR, end) for end in range(last, YEAR - 1, -YEAR)]
    years = [summarise(Forcing(forcing.dates[days], forcing.values[days], forcing.names)) for days in blocks]
    return np.array(years).reshape(len(years), len(feature_names(forcing.names)))


def recorded(run_set: RunSet) -> dict[str, Forcing]:
    """Return the forcing of the recorded days at each site of ``run_set``."""
    sites, first = np.unique(run_set.sites, return_index=True)
    days = np.timedelta64(run_set.days - 1, "D")
    starts = run_set.starts[first].astype("datetime64[D]")
    return {
        str(site): run_set.forcing[str(site)].between(start, start + days)
        for site, start in zip(sites, starts, strict=True)
    }


def of_runs(run_set: RunSet) -> Array:
    """Return (run, feature) summaries of the forcing under which each run was recorded."""
    if not len(run_set):
        return np.zeros((0, len(feature_names(run_set.model.forcing_names))))
    by_site = {site: summarise(forcing) for site, forcing in recorded(run_set).items()}
    return np.stack([by_site[str(site)] for site in run_set.sites])


def _season(days: Dates) -> Array:
    """(time,) angle in the year."""
    into = (days.astype("datetime64[D]") - days.astype("datetime64[Y]")).astype(np.float64)
    return np.asarray(into * (2.0 * np.pi / DAYS_A_YEAR))


def _amplitude(values: Array, season: Array) -> float:
    """Amplitude of the annual harmonic of (time,) values."""
    return float(2.0 * np.hypot((values * np.cos(season)).mean(), (values * np.sin(season)).mean()))


def _mean_precipitation(weather: Weather) -> float:
    return float(_there(weather.precipitation).mean()) + LEAST_PRECIPITATION


def _snow_share(weather: Weather) -> float:
    rain, temperature = _there(weather.precipitation), _there(weather.temperature)
    return float(np.where(temperature < 0.0, rain, 0.0).mean() / _mean_precipitation(weather))


def _aridity(weather: Weather) -> float:
    temperature = _there(weather.temperature)
    pressure = 0.6108 * np.exp(17.27 * temperature / (temperature + 237.3))  # saturation [kPa]
    demand = np.where(temperature > 0.0, 2.1 * weather.day_length**2 * pressure / (temperature + 273.3), 0.0)
    return float(np.log((demand.mean() + LEAST_PRECIPITATION) / _mean_precipitation(weather)))


def _there(values: Array | None) -> npt.NDArray[np.float64]:
    assert values is not None  # ``feature_names`` asks for what is there only
    return values


PRECIPITATION, TEMPERATURE = ("prcp",), ("tmin", "tmax")

FEATURES: dict[str, tuple[tuple[str, ...], Callable[[Weather], float]]] = {
    "precipitation": (PRECIPITATION, lambda w: float(np.log(_mean_precipitation(w)))),
    "precipitation_seasonality": (
        PRECIPITATION,
        lambda w: _amplitude(_there(w.precipitation), w.season) / _mean_precipitation(w),
    ),
    "precipitation_variability": (
        PRECIPITATION,
        lambda w: float(_there(w.precipitation).std()) / _mean_precipitation(w),
    ),
    "temperature": (TEMPERATURE, lambda w: float(_there(w.temperature).mean())),
    "temperature_range": (TEMPERATURE, lambda w: 2.0 * _amplitude(_there(w.temperature), w.season)),
    "snow_share": ((*PRECIPITATION, *TEMPERATURE), _snow_share),
    "aridity": ((*PRECIPITATION, *TEMPERATURE), _aridity),
}
"""Name of each feature -> the variables that it needs, and how it is computed."""
