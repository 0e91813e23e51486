"""Parameter spaces map the unit cube onto bounds, exactly and both ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from legacy_models.errors import ParameterError
from legacy_models.parameters import Parameter, ParameterSpace

SPACE = ParameterSpace(
    (
        Parameter("storage", 10.0, 200.0, 50.0, "mm", "linear", "test"),
        Parameter("rate", 1e-3, 10.0, 0.1, "mm/day", "log", "test"),
    )
)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_unit_cube_and_values_are_inverse(unit):
    assert SPACE.to_unit(SPACE.from_unit(unit)) == pytest.approx(unit, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2))
def test_values_from_the_unit_cube_pass_the_check(unit):
    SPACE.check(SPACE.from_unit(unit))


def test_corners_are_the_bounds_exactly():
    assert (SPACE.from_unit([0, 0]) == SPACE.lower).all()
    assert (SPACE.from_unit([1, 1]) == SPACE.upper).all()


def test_the_middle_of_a_log_scale_is_the_geometric_mean():
    assert SPACE.from_unit([0.5, 0.5])[1] == pytest.approx(np.sqrt(1e-3 * 10))


@pytest.mark.parametrize("values", [[5.0, 0.1], [50.0, np.nan], [50.0, 11.0]])
def test_a_value_outside_its_bounds_is_named(values):
    with pytest.raises(ParameterError, match="storage = 5" if values[0] == 5.0 else "rate"):
        SPACE.check(values)


@pytest.mark.parametrize(
    "wrong",
    [
        {"lower": 300.0},
        {"default": 1.0},
        {"scale": "cubic"},
        {"scale": "log", "lower": 0.0},
    ],
)
def test_an_impossible_parameter_is_refused_at_birth(wrong):
    plain = {
        "name": "x",
        "lower": 10.0,
        "upper": 200.0,
        "default": 50.0,
        "unit": "mm",
        "scale": "linear",
        "source": "test",
    }
    with pytest.raises(ParameterError, match="x"):
        Parameter(**{**plain, **wrong})


def test_a_space_survives_plain_values():
    assert ParameterSpace.from_dict(SPACE.to_dict()) == SPACE
