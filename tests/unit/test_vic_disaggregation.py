"""Daily to sub-daily forcing: what is conserved, and limits that are known exactly."""

import numpy as np
import pytest

from legacy_models.errors import DataError
from legacy_models.model import Forcing
from legacy_models.vic.disaggregation import (
    NEEDED,
    STEPS_PER_DAY,
    Place,
    air_temperature,
    cloud_fraction,
    disaggregate,
    extraterrestrial,
    longwave_down,
    pressure,
    saturation_vapour_pressure,
    shortwave,
)

PLACE = Place(latitude=45.0, elevation=500.0)


def weather(days=730, seed=0, **extra):
    rng = np.random.default_rng(seed)
    tmin = rng.normal(0, 12, days)
    values = {
        "prcp": rng.gamma(0.3, 10, days),
        "tmin": tmin,
        "tmax": tmin + rng.normal(9, 5, days),
        "srad": rng.uniform(20, 700, days),
        "vp": rng.uniform(50, 3000, days),
        "dayl": rng.uniform(0, 86400, days),
        **extra,
    }
    dates = np.datetime64("1999-01-01") + np.arange(days)
    return Forcing(dates, np.stack(list(values.values()), axis=1), tuple(values))


@pytest.mark.parametrize("steps", STEPS_PER_DAY)
def test_daily_totals_and_means_are_conserved(steps):
    daily = weather()
    made = disaggregate(daily, PLACE, steps).reshape(-1, steps, 7)
    np.testing.assert_allclose(made[:, :, 0].sum(axis=1), daily.column("prcp"), rtol=1e-12)
    np.testing.assert_allclose(made[:, :, 1].mean(axis=1), (daily.column("tmin") + daily.column("tmax")) / 2, atol=1e-9)
    energy = daily.column("srad") * daily.column("dayl") / 86400
    np.testing.assert_allclose(made[:, :, 2].mean(axis=1), energy, atol=1e-9)


def test_every_step_is_possible():
    made = disaggregate(weather(), PLACE, 24)
    assert np.isfinite(made).all()
    assert (made[:, [0, 2, 3, 4, 5, 6]] >= 0).all()
    assert (made[:, 5] * 1000 <= saturation_vapour_pressure(made[:, 1]) * (1 + 1e-12)).all()


def test_temperature_stays_between_tmin_and_tmax_and_exchanges_them_where_reversed():
    made = air_temperature(np.array([-5.0, 10.0]), np.array([10.0, -5.0]), 24)
    np.testing.assert_array_equal(made[0], made[1])
    assert made.min() >= -5
    assert made.max() <= 10
    assert made[0].argmax() in (14, 15)


def test_shortwave_is_the_exact_integral_of_a_half_sine():
    day_length, mean, steps = 9.5 * 3600, 120.0, 8
    hours = np.linspace(0, 24, 24 * 36000 + 1)
    half = day_length / 7200
    curve = np.where(np.abs(hours - 12) < half, np.cos(np.pi * (hours - 12) / (2 * half)), 0)
    curve *= mean * 24 / np.trapezoid(curve, hours)
    expected = [
        np.trapezoid(part, dx=hours[1]) / 3 for part in (curve[i * 108000 : (i + 1) * 108000 + 1] for i in range(8))
    ]
    np.testing.assert_allclose(
        shortwave(np.array([mean]), np.array([day_length]), steps)[0], expected, rtol=1e-6, atol=1e-6
    )


def test_no_sun_gives_no_shortwave_and_a_polar_day_loses_none():
    made = shortwave(np.array([0.0, 300.0]), np.array([0.0, 86400.0]), 4)
    assert (made[0] == 0).all()
    assert made[1].mean() == pytest.approx(300)


def test_saturation_pressure_at_0_degrees_is_610_78_pascal_and_lower_over_ice():
    assert saturation_vapour_pressure(np.array([0.0]))[0] == pytest.approx(610.78)
    over_water = 610.78 * np.exp(17.269 * -10 / 227.3)
    assert saturation_vapour_pressure(np.array([-10.0]))[0] == pytest.approx(over_water * (1 - 0.0972 + 0.0042))


def test_pressure_is_the_standard_atmosphere():
    assert pressure(0.0) == pytest.approx(101325)
    assert pressure(1000.0) == pytest.approx(89874, rel=1e-3)


def test_extraterrestrial_radiation_is_that_of_fao_56_example_8():
    """20 degrees south on 3 September: 32.2 MJ/m2/day with a solar constant of 0.0820 MJ/m2/min."""
    top = extraterrestrial(np.array(["2001-09-03"], dtype="datetime64[D]"), -20.0)[0] * 0.0864
    assert top * (0.0820e6 / 60) / 1367 == pytest.approx(32.2, abs=0.05)


def test_an_overcast_sky_radiates_more_than_a_clear_one_and_less_than_a_black_body():
    temperature, vapour = np.array([10.0]), np.array([800.0])
    clear, cloudy = (longwave_down(temperature, vapour, np.array([c]))[0] for c in (0.0, 1.0))
    assert clear < cloudy < 5.670374e-8 * 283.15**4


def test_polar_night_has_half_a_cover_of_clouds():
    night = extraterrestrial(np.array(["2001-12-21"], dtype="datetime64[D]"), 80.0)
    assert night[0] == 0
    assert cloud_fraction(np.array([0.0]), night)[0] == 0.5


def test_wind_pressure_and_longwave_are_used_where_they_are_given():
    given = {"wind": np.full(10, 3.5), "pressure": np.full(10, 90000.0), "longwave": np.full(10, 250.0)}
    made = disaggregate(weather(10, **given), PLACE, 6)
    assert (made[:, 6] == 3.5).all()
    assert (made[:, 4] == 90.0).all()
    np.testing.assert_allclose(made[:, 3].reshape(10, 6).mean(axis=1), 250.0)


def test_a_missing_variable_is_named():
    forcing = weather(10)
    with pytest.raises(DataError, match="dayl"):
        disaggregate(Forcing(forcing.dates, forcing.values[:, :5], NEEDED[:5]), PLACE, 4)
