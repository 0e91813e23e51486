"""VIC's parameter coordinates: constraints between VIC's own values hold everywhere in the space."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy_models.vic.parameters import (
    LARGEST_DSMAX,
    PARAMETERS,
    RAIN_SNOW,
    WARMEST_SNOW,
    native,
    parameter_space,
)

unit_points = st.lists(st.floats(0, 1), min_size=len(PARAMETERS), max_size=len(PARAMETERS))


@settings(max_examples=300, deadline=None)
@given(unit_points)
def test_every_point_of_the_space_is_a_possible_soil(point):
    values = native(PARAMETERS.from_unit(point))
    assert 0 < values["ds"] < values["ws"] < 1
    assert 0 < values["dsmax"] <= LARGEST_DSMAX * (1 + 1e-12)
    assert values["b_infilt"] > 0
    assert values["depth"][0] <= values["depth"][1]
    assert (values["depth"] >= 0.1).all()
    assert (values["expt"] >= 3).all()
    assert (values["ksat"] > 0).all()


@given(unit_points)
def test_the_coordinates_can_be_found_again_from_vics_values(point):
    drawn = dict(zip(PARAMETERS.names, PARAMETERS.from_unit(point), strict=True))
    values = native(PARAMETERS.from_unit(point))
    assert values["ds"] * values["dsmax"] / values["ws"] == pytest.approx(drawn["k"])
    assert values["ds"] / values["ws"] == pytest.approx(max(drawn["r"], drawn["k"] / LARGEST_DSMAX))


def test_the_defaults_are_those_of_the_reference_runs():
    values = native(PARAMETERS.defaults)
    assert (values["b_infilt"], values["ws"], values["c"]) == (0.2, 0.8, 2.0)
    assert values["ds"] == pytest.approx(0.02)
    assert values["dsmax"] == pytest.approx(10.0)
    np.testing.assert_array_equal(values["depth"], [0.1, 0.4, 1.2])


def test_many_sets_give_what_each_gives_alone():
    many = PARAMETERS.from_unit(np.random.default_rng(0).random((5, len(PARAMETERS))))
    together = native(many)
    for i, one in enumerate(many):
        for name, value in native(one).items():
            np.testing.assert_array_equal(together[name][i], value)


@given(st.lists(st.floats(0, 1), min_size=len(PARAMETERS) + 2, max_size=len(PARAMETERS) + 2))
def test_the_warmest_snow_is_warmer_than_the_coldest_rain_everywhere(point):
    values = native(parameter_space(rain_snow=True).from_unit(point))
    assert RAIN_SNOW.lower[0] <= values["min_rain_temp"] < values["max_snow_temp"] <= WARMEST_SNOW


def test_the_default_temperatures_of_rain_and_snow_are_vics():
    values = native(parameter_space(rain_snow=True).defaults)
    assert (values["min_rain_temp"], values["max_snow_temp"]) == (-0.5, 0.5)
    assert "min_rain_temp" not in native(PARAMETERS.defaults)


def test_every_range_has_a_source():
    assert all(parameter.source for parameter in parameter_space(rain_snow=True).parameters)
