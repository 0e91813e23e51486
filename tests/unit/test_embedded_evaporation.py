"""Evaporation, canopy and roots of the embedded program: limits that hold whatever the weather."""

import numpy as np
import pytest

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import meteorology, rain_and_snow, saturation
from legacy_models.vic.embedded.evaporation import (
    bare_soil,
    moisture_stress,
    penman_monteith,
    share_demand,
    stomatal_resistance,
    wet_canopy,
)
from legacy_models.vic.embedded.inputs import bands_of_cell, root_shares
from legacy_models.vic.snow_band_file import SnowBands

LAYERS = np.array([[45.0, 180.0, 540.0], [2.0, 8.0, 24.0], [20.0, 80.0, 240.0], [9.0, 36.0, 108.0]])


def test_reference_evaporation_agrees_with_fao_56():
    """Allen et al. (1998), example 18: 3.9 mm/day of grass at Brussels with rc = 70 s/m and ra = 208 / u2."""
    slope, gamma, wind = 122.0, 66.6, 2.078
    drying = 1.0 * 1.19 * 1013.0 * (1997.0 - 1409.0)
    rate = penman_monteith(13.28e6 / 86400.0, slope, gamma, 2.45e6, drying, 208.0 / wind, 70.0)
    assert rate == pytest.approx(3.9, abs=0.1)


def test_penman_monteith_is_not_negative_in_dry_air():
    assert penman_monteith(-500.0, 60.0, 66.0, 2.45e6, 10.0, 50.0, 0.0) == 0.0


def test_stomata_close_as_the_soil_dries_and_never_beyond_the_largest_resistance():
    wet, dry, shut = (stomatal_resistance(150.0, 2.0, 1.5, 0.8, stress) for stress in (1.0, 0.5, 1e-9))
    assert wet < dry < shut == 5000.0


def test_moisture_stress_is_linear_between_wilting_and_critical_point():
    assert [moisture_stress(m, 10.0, 30.0) for m in (5.0, 10.0, 20.0, 30.0, 99.0)] == [
        0.0,
        0.0,
        0.5,
        1.0,
        1.0,
    ]


def test_wet_layers_give_what_dry_layers_cannot():
    uptake = np.zeros(3)
    share_demand(3.0, np.array([9.0, 150.0, 300.0]), LAYERS, np.array([0.5, 0.3, 0.2]), uptake)
    assert uptake[0] == 0.0
    assert uptake.sum() == pytest.approx(3.0)
    assert uptake[1] / uptake[2] == pytest.approx(1.5)


@pytest.mark.parametrize(("storage", "rain", "potential"), [(0.1, 5.0, 0.4), (0.0, 0.05, 1.0), (0.2, 0.0, 9.0)])
def test_a_wet_canopy_keeps_its_water_balance_and_its_capacity(storage, rain, potential):
    evaporation, throughfall, after, dry = wet_canopy(storage, rain, 0.2, potential, 86400.0)
    assert storage + rain == pytest.approx(evaporation + throughfall + after)
    assert 0.0 <= after <= 0.2
    assert 0.0 <= dry <= 1.0


def test_bare_soil_evaporates_at_the_potential_rate_when_full_and_not_below_residual():
    assert bare_soil(2.0, 45.0, 45.0, 2.0, 0.2) == pytest.approx(2.0)
    assert bare_soil(2.0, 2.0, 45.0, 2.0, 0.2) == 0.0
    assert 0.0 < bare_soil(2.0, 10.0, 45.0, 2.0, 0.2) < 2.0


def test_roots_sum_to_one_and_those_below_the_column_go_to_its_lowest_layer():
    shares = root_shares([0.1, 0.6, 2.0], [0.2, 0.5, 0.3], np.array([0.1, 0.4, 0.5]))
    np.testing.assert_allclose(shares, [0.2, 0.5 * 4 / 6, 0.5 * 2 / 6 + 0.3])


def test_layers_with_hardly_any_roots_have_none():
    shares = root_shares([0.1, 0.40002], [0.5, 0.5], np.array([0.1, 0.4, 0.5]))
    assert shares[2] == 0.0
    assert shares.sum() == 1.0


def test_bands_share_the_area_and_keep_precipitation_and_mean_temperature():
    bands, elevation = bands_of_cell(SnowBands(1, (0.2, 0.5, 0.3), (500.0, 900.0, 1600.0), (0.1, 0.4, 0.5)), 700.0)
    assert elevation == pytest.approx(1030.0)
    assert sum(band.share for band in bands) == pytest.approx(1.0)
    assert sum(band.share * band.factor for band in bands) == pytest.approx(1.0)
    assert sum(band.share * band.shift for band in bands) == pytest.approx(0.0)
    assert bands[0].shift - bands[1].shift == pytest.approx(0.0065 * 400.0)


def test_a_cell_keeps_its_elevation_where_the_mean_of_its_bands_is_within_a_metre():
    bands, elevation = bands_of_cell(SnowBands(1, (0.5, 0.5), (500.0, 901.0), (0.5, 0.5)), 700.0)
    assert elevation == 700.0
    assert [band.shift for band in bands] == pytest.approx([0.0065 * 200.0, -0.0065 * 201.0])


@pytest.mark.parametrize(("temperature", "rain"), [(-3.0, 0.0), (-0.5, 0.0), (0.0, 2.0), (0.5, 4.0), (9.0, 4.0)])
def test_rain_and_snow_sum_to_precipitation(temperature, rain):
    assert rain_and_snow(temperature, 4.0) == pytest.approx((rain, 4.0 - rain))


def test_a_trace_of_snow_does_not_fall():
    assert rain_and_snow(-3.0, 9e-6) == (0.0, 0.0)


def test_vapour_above_saturation_is_capped():
    table = meteorology(np.array([[0.0, 10.0, 0.0, 300.0, 9e4, 5000.0, 2.0]]), 500.0, 0.0, 1.0)
    assert table[0, at.DEFICIT] == 0.0
    assert table[0, at.VAPOUR_PRESSURE] == pytest.approx(saturation(10.0))
