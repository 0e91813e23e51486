"""From attributes to site properties: order of the moisture limits, leaf area, and what is refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy_models.errors import DataError
from legacy_models.model import Forcing
from legacy_models.vic.disaggregation import NEEDED
from legacy_models.vic.site import (
    ATTRIBUTES,
    FLAT,
    GREENNESS,
    OTHER_PROPERTIES,
    RELIEF,
    SMALLEST_SHARE,
    SMALLEST_SPAN,
    band_scores,
    cover_shares,
    elevation_bands,
    properties_read,
    site_properties,
)

ATTRIBUTE_VALUES = {
    "gauge_lat": 41.5,
    "elev_mean": 350.0,
    "soil_porosity": 0.43,
    "sand_frac": 40.0,
    "silt_frac": 40.0,
    "clay_frac": 18.0,
    "frac_forest": 0.8,
    "lai_max": 5.0,
    "lai_diff": 4.0,
    "gvf_max": 0.7,
    "slope_mean": 40.0,
    "area_gages2": 600.0,
}
DATES = np.arange("2000-01-01", "2001-01-01", dtype="datetime64[D]")
DAILY = Forcing(DATES, np.tile([2.0, -5.0, 15.0, 300.0, 700.0, 43200.0], (len(DATES), 1)), NEEDED)


def properties(tiles=1, snow_bands=1, **changed):
    return site_properties("01013500", ATTRIBUTE_VALUES | changed, DAILY, tiles, snow_bands)


@given(sand=st.floats(0, 100), clay_share=st.floats(0, 1), scale=st.floats(0.2, 1))
def test_moisture_limits_are_in_order_for_every_texture(sand, clay_share, scale):
    clay = (100 - sand) * clay_share
    made = properties(sand_frac=scale * sand, clay_frac=scale * clay, silt_frac=scale * (100 - sand - clay))
    assert made["wpwp_fraction"] > 0
    assert made["wcr_fraction"] <= 1
    assert made["wcr_fraction"] - made["wpwp_fraction"] >= SMALLEST_SPAN - 1e-12
    assert made["bubbling_pressure"] > 0


@pytest.mark.parametrize("tiles", [1, 2, 3])
@pytest.mark.parametrize("snow_bands", [1, 5])
def test_every_property_that_is_read_is_within_its_stated_range(tiles, snow_bands):
    made = properties(tiles, snow_bands)
    for variable in (*properties_read(tiles, snow_bands), *OTHER_PROPERTIES):
        assert variable.lower <= made[variable.name] <= variable.upper, variable.name


def test_climate_means_are_those_of_the_forcing():
    made = properties()
    assert made["avg_temp"] == pytest.approx(5.0)
    assert made["annual_prec"] == pytest.approx(2.0 * 365.25)


@pytest.mark.parametrize("name", [variable.name for variable in (*ATTRIBUTES, GREENNESS, *RELIEF)])
@pytest.mark.parametrize("value", [None, np.nan, "unknown", -1e6])
def test_a_missing_or_impossible_attribute_is_named_with_its_basin(name, value):
    with pytest.raises(DataError, match=f"01013500.*{name}"):
        properties(3, 5, **{name: value})


@pytest.mark.parametrize("name", [variable.name for variable in (GREENNESS, *RELIEF)])
def test_an_attribute_that_only_tiles_or_bands_need_may_be_missing_without_them(name):
    assert properties(2, 1, **{name: None})["forest"] == 0.8


def test_an_absent_attribute_is_named_with_its_basin():
    with pytest.raises(DataError, match=r"01013500.*clay_frac"):
        site_properties("01013500", {k: v for k, v in ATTRIBUTE_VALUES.items() if k != "clay_frac"}, DAILY)


def test_half_a_basin_of_forest_is_forest_where_there_is_one_tile():
    assert properties(frac_forest=0.5)["forest"] == 1.0
    assert properties(frac_forest=0.49)["forest"] == 0.0


@given(forest=st.floats(0, 1), green=st.floats(0, 1), tiles=st.sampled_from([1, 2, 3]))
def test_shares_of_the_cell_sum_to_one_and_none_is_too_small_to_matter(forest, green, tiles):
    made, bare = cover_shares(forest, green, tiles)
    rest = 1 - made - bare
    for share in (made, bare, rest):
        assert abs(share) < 1e-9 or share >= SMALLEST_SHARE - 1e-4
    assert tiles == 3 or bare == 0.0


def test_land_that_is_never_green_and_no_forest_is_bare():
    assert cover_shares(0.3, 0.6, 3) == (0.3, 0.4)
    assert cover_shares(0.7, 0.6, 3) == (0.7, 0.3)
    assert cover_shares(0.99, 0.6, 3) == (1.0, 0.0)
    assert cover_shares(0.3, 0.6, 2) == (0.3, 0.0)


def test_the_leaf_area_of_the_basin_stands_on_its_vegetated_part():
    sparse, whole = properties(3, frac_forest=0.2, gvf_max=0.5), properties(2, frac_forest=0.2, gvf_max=0.5)
    for name in ("lai_max", "lai_diff"):
        assert sparse[name] * (1.0 - sparse["bare"]) == pytest.approx(whole[name])


@pytest.mark.parametrize("count", [2, 3, 5, 10])
def test_bands_of_equal_area_keep_mean_and_order_and_have_the_spread_of_the_basin(count):
    made = properties(snow_bands=count, elev_mean=2000.0)
    bands = elevation_bands(made, 7, count)
    heights, areas = np.array(bands.elevations), np.array(bands.areas)
    assert areas.sum() == pytest.approx(1.0)
    assert bands.precipitation == bands.areas
    assert (areas * heights).sum() == pytest.approx(2000.0)
    assert (np.diff(heights) > 0).all()
    spread = np.sqrt((areas * (heights - 2000.0) ** 2).sum())
    assert 0.75 * made["elevation_spread"] < spread < made["elevation_spread"]


def test_bands_are_the_means_of_parts_of_a_normal_distribution():
    draws = np.sort(np.random.default_rng(0).normal(size=500_000)).reshape(5, -1).mean(axis=1)
    np.testing.assert_allclose(band_scores(5), draws, atol=0.01)


def test_a_spread_that_is_given_is_used_and_a_small_one_is_flat():
    assert properties(snow_bands=3, elev_mean=900.0, elev_std=210.0)["elevation_spread"] == 210.0
    flat = properties(snow_bands=3, elev_std=0.9 * FLAT)
    assert flat["elevation_spread"] == 0.0
    bands = elevation_bands(flat, 1, 3)
    assert (bands.areas, bands.elevations, bands.precipitation) == ((1.0, 0.0, 0.0), (350.0, 0.0, 0.0), (1.0, 0.0, 0.0))


def test_no_band_lies_below_the_sea():
    made = properties(snow_bands=5, elev_mean=60.0, elev_std=400.0)
    assert min(elevation_bands(made, 1, 5).elevations) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize(
    ("elevation", "slope", "area", "known"),
    [(250.31, 21.64152, 2252.7, 81.8), (2837.34, 71.34178, 98.7, 174.5), (1862.77, 69.12091, 133.18, 218.7)],
)
def test_spread_from_slope_and_area_is_within_its_error_of_what_gages_ii_has(elevation, slope, area, known):
    made = properties(snow_bands=5, elev_mean=elevation, elev_std=None, slope_mean=slope, area_gages2=area)
    assert abs(np.log(made["elevation_spread"] / known)) < 0.35
