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
    OTHER_PROPERTIES,
    PROPERTIES,
    land_cover,
    site_properties,
    tiles,
    vegetation_class,
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
}
DATES = np.arange("2000-01-01", "2001-01-01", dtype="datetime64[D]")
DAILY = Forcing(DATES, np.tile([2.0, -5.0, 15.0, 300.0, 700.0, 43200.0], (len(DATES), 1)), NEEDED)


def properties(**changed):
    return site_properties("01013500", ATTRIBUTE_VALUES | changed, DAILY)


@given(sand=st.floats(0, 100), clay_share=st.floats(0, 1), scale=st.floats(0.2, 1))
def test_moisture_limits_are_in_order_for_every_texture(sand, clay_share, scale):
    clay = (100 - sand) * clay_share
    made = properties(sand_frac=scale * sand, clay_frac=scale * clay, silt_frac=scale * (100 - sand - clay))
    assert 0 < made["wpwp_fraction"] <= made["wcr_fraction"] <= 1
    assert made["bubbling_pressure"] > 0


def test_every_property_is_within_its_stated_range():
    made = properties()
    assert set(made) == {variable.name for variable in (*PROPERTIES, *OTHER_PROPERTIES)}
    for variable in (*PROPERTIES, *OTHER_PROPERTIES):
        assert variable.lower <= made[variable.name] <= variable.upper, variable.name


def test_climate_means_are_those_of_the_forcing():
    made = properties()
    assert made["avg_temp"] == pytest.approx(5.0)
    assert made["annual_prec"] == pytest.approx(2.0 * 365.25)


@pytest.mark.parametrize("name", [variable.name for variable in ATTRIBUTES])
@pytest.mark.parametrize("value", [None, np.nan, "unknown", -1e6])
def test_a_missing_or_impossible_attribute_is_named_with_its_basin(name, value):
    with pytest.raises(DataError, match=f"01013500.*{name}"):
        properties(**{name: value})


def test_an_absent_attribute_is_named_with_its_basin():
    with pytest.raises(DataError, match=r"01013500.*clay_frac"):
        site_properties("01013500", {k: v for k, v in ATTRIBUTE_VALUES.items() if k != "clay_frac"}, DAILY)


def test_half_a_basin_of_forest_is_forest():
    assert land_cover(properties(frac_forest=0.5)).name == "forest"
    assert land_cover(properties(frac_forest=0.49)).name == "grass"
    assert properties(frac_forest=0.49)["forest_fraction"] == 0.49


def test_leaf_area_follows_the_attributes_and_the_factor():
    made = properties()
    lai = np.array(vegetation_class(made, 1.0, 1.0).lai)
    assert lai.max() == pytest.approx(5.0)
    assert lai.min() == pytest.approx(1.0)
    assert lai.argmax() in (5, 6)
    np.testing.assert_allclose(vegetation_class(made, 1.0, 1.7).lai, 1.7 * lai)
    assert vegetation_class(made, 0.5, 1.0).rmin == 75.0


def test_leaf_area_is_never_nothing_and_grass_is_capped():
    assert min(vegetation_class(properties(lai_max=1.0, lai_diff=1.0), 1.0, 1.0).lai) == 0.1
    assert max(vegetation_class(properties(frac_forest=0.0), 1.0, 1.0).lai) == 3.0


def test_seasons_are_half_a_year_apart_in_the_two_hemispheres():
    north = vegetation_class(properties(), 1.0, 1.0).lai
    south = vegetation_class(properties(gauge_lat=-41.5), 1.0, 1.0).lai
    assert south == north[6:] + north[:6]


def test_one_tile_covers_the_site_and_its_roots_sum_to_one():
    for forest in (0.0, 1.0):
        (tile,) = tiles(properties(frac_forest=forest), 7)
        assert (tile.number, tile.fraction) == (7, 1.0)
        assert sum(tile.root_fractions) == pytest.approx(1.0)
