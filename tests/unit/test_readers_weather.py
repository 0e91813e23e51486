"""The stochastic weather generator and the climate attributes computed from it."""

import numpy as np
import pandas as pd
import pytest

from pipeline.readers.climate import climate_attributes, potential_evaporation
from pipeline.readers.landscape import draw_basin, land_attributes
from pipeline.readers.regions import REGIONS
from pipeline.readers.weather import (
    autoregressive,
    day_length,
    declination,
    extraterrestrial_radiation,
    generate,
    saturation_pressure,
)

DATES = np.arange("1990-10-01", "2004-10-01", dtype="datetime64[D]")
DAY_OF_YEAR = pd.DatetimeIndex(DATES).day_of_year.to_numpy().astype(float)


def world(count: int) -> pd.DataFrame:
    rows = []
    for index in range(count):
        basin = draw_basin(index, np.random.default_rng([7, index, 0]))
        weather = generate(basin.climate, DATES, np.random.default_rng([7, index, 1]))
        climate = climate_attributes(weather, DATES, basin.climate.latitude, basin.climate.elevation)
        land = land_attributes(basin, climate, np.random.default_rng([7, index, 2]))
        rows.append({"region": basin.region, **climate, **land})
    return pd.DataFrame(rows)


@pytest.fixture(scope="module")
def basins() -> pd.DataFrame:
    return world(60)


def test_day_and_night_are_equal_at_the_equinox_everywhere():
    days = np.arange(1.0, 366.0)
    spring = days[50 + np.abs(declination(days[50:110])).argmin()]
    for latitude in (-60.0, 0.0, 35.0, 60.0):
        assert day_length(latitude, np.array([spring])).item() == pytest.approx(43200, abs=300)


def test_day_length_over_the_year_averages_twelve_hours_and_is_longest_in_june():
    days = np.arange(1.0, 366.0)
    length = day_length(45.0, days)
    assert length.mean() == pytest.approx(43200, rel=5e-3)
    assert days[length.argmax()] == pytest.approx(172, abs=2)
    assert length.max() / 3600 == pytest.approx(15.6, abs=0.2)  # 45 degrees north, without refraction
    np.testing.assert_allclose(length + day_length(-45.0, days), 86400)
    assert day_length(80.0, np.array([172.0])).item() == 86400
    assert day_length(80.0, np.array([355.0])).item() == 0


def test_radiation_above_the_atmosphere_is_that_of_the_published_example():
    # Allen et al. (1998), example 8: 20 degrees south, 3 September (day 246): 32.2 MJ/m2/day
    assert extraterrestrial_radiation(-20.0, np.array([246.0])).item() == pytest.approx(32.2, abs=0.1)


def test_saturation_pressure_is_that_of_the_published_table():
    # Allen et al. (1998), annex 2, table 2.3
    published = {1.0: 657, 10.0: 1228, 20.0: 2338, 30.0: 4243}
    for temperature, pressure in published.items():
        assert saturation_pressure(np.array(temperature)).item() == pytest.approx(pressure, abs=1.5)


def test_anomalies_are_standard_normal_with_the_stated_memory():
    series = autoregressive(np.random.default_rng(0), 200_000, 0.7)
    assert series.std() == pytest.approx(1.0, abs=0.02)
    assert np.corrcoef(series[1:], series[:-1])[0, 1] == pytest.approx(0.7, abs=0.01)


def test_the_same_generator_state_gives_the_same_weather():
    climate = draw_basin(3, np.random.default_rng(1)).climate
    one, other = (generate(climate, DATES, np.random.default_rng(5)) for _ in range(2))
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


@pytest.mark.parametrize("index", range(len(REGIONS)))
def test_weather_is_physically_possible_and_has_the_climate_it_was_drawn_from(index):
    climate = draw_basin(index, np.random.default_rng([1, index])).climate
    weather = generate(climate, DATES, np.random.default_rng([2, index]))
    assert all(np.isfinite(values).all() for values in weather.values())
    assert (weather["prcp"] >= 0).all()
    assert (weather["tmin"] < weather["tmax"]).all()
    assert (weather["vp"] > 0).all()
    assert (weather["vp"] <= saturation_pressure(weather["tmax"])).all()
    above = extraterrestrial_radiation(climate.latitude, DAY_OF_YEAR) * 1e6
    assert (weather["srad"] * weather["dayl"] < 0.86 * above).all()
    assert weather["prcp"].mean() == pytest.approx(climate.precipitation, rel=0.25)
    assert (weather["prcp"] > 0).mean() == pytest.approx(climate.wet_share, rel=0.25)
    mean = (weather["tmin"] + weather["tmax"]) / 2
    assert mean.mean() == pytest.approx(climate.temperature, abs=0.7)


def test_wet_days_are_dimmer_and_follow_wet_days():
    climate = draw_basin(0, np.random.default_rng(0)).climate
    weather = generate(climate, DATES, np.random.default_rng(0))
    wet = weather["prcp"] > 0
    assert weather["srad"][wet].mean() < 0.85 * weather["srad"][~wet].mean()
    assert wet[1:][wet[:-1]].mean() > wet[1:][~wet[:-1]].mean() + 0.2


def test_regions_keep_their_climate_order(basins):
    mean = basins.groupby("region").mean(numeric_only=True)
    assert mean.loc["arid southwest", "aridity"] > 2
    assert mean.loc["pacific northwest", "aridity"] < 0.6
    assert mean.loc["rocky mountains", "frac_snow"] > 0.4
    assert mean.loc["snowy sierra", "frac_snow"] > 0.4
    assert mean.loc["humid subtropics", "frac_snow"] < 0.05
    assert mean.loc["mediterranean coast", "p_seasonality"] < -0.5
    assert mean.loc["great plains", "p_seasonality"] > 0.4
    assert mean.loc["arid southwest", "low_prec_dur"] > 2 * mean.loc["humid east", "low_prec_dur"]


def test_attributes_correlate_with_climate_and_soil_as_real_ones_do(basins):
    rank = basins.corr("spearman", numeric_only=True)
    for one, other, sign in (
        ("aridity", "p_mean", -1),
        ("aridity", "frac_forest", -1),
        ("aridity", "lai_max", -1),
        ("elev_mean", "frac_snow", 1),
        ("elev_mean", "slope_mean", 1),
        ("gauge_lat", "pet_mean", -1),
        ("sand_frac", "soil_porosity", -1),
        ("sand_frac", "soil_conductivity", 1),
        ("clay_frac", "soil_conductivity", -1),
        ("slope_mean", "soil_depth_pelletier", -1),
        ("frac_forest", "lai_max", 1),
    ):
        assert sign * rank.loc[one, other] > 0.3, (one, other, rank.loc[one, other])


def test_textures_sum_to_one_hundred_percent_and_fractions_stay_in_bounds(basins):
    np.testing.assert_allclose(basins[["sand_frac", "silt_frac", "clay_frac"]].sum(axis=1), 100)
    assert (basins[["sand_frac", "silt_frac", "clay_frac"]] > 0).all(axis=None)
    shares = basins[["frac_forest", "frac_snow", "gvf_max", "carbonate_rocks_frac", "dom_land_cover_frac"]]
    assert ((shares >= 0) & (shares <= 1)).all(axis=None)
    assert (basins["lai_diff"] < basins["lai_max"]).all()
    assert (basins["max_water_content"] < basins["soil_depth_statsgo"]).all()


def test_seasonality_is_one_with_temperature_and_minus_one_against_it():
    season = np.cos(2 * np.pi * (DAY_OF_YEAR - 200) / 365.25)
    dry = {"tmin": 5 + 10 * season, "tmax": 15 + 10 * season, "srad": 250 + 0 * season}
    for sign in (1, -1):
        weather = {
            **dry,
            "prcp": 2 * (1 + 0.8 * sign * season),
            "vp": 800 + 0 * season,
            "dayl": 43200 + 0 * season,
        }
        found = climate_attributes(weather, DATES, 40.0, 300.0)
        assert found["p_seasonality"] == pytest.approx(0.8 * sign, abs=0.01)
        assert found["p_mean"] == pytest.approx(2.0, abs=0.01)
        assert found["frac_snow"] == 0.0
        assert found["low_prec_dur"] > 50


def test_evaporation_needs_energy():
    weather = {
        name: np.full(3, value) for name, value in {"tmin": 5.0, "tmax": 15.0, "vp": 800.0, "dayl": 43200.0}.items()
    }
    weather["srad"] = np.array([0.0, 200.0, 400.0])
    evaporation = potential_evaporation(weather, np.full(3, 100.0), 40.0, 300.0)
    assert evaporation[0] == 0
    assert 0 < evaporation[1] < evaporation[2] < 10
