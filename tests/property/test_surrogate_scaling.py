import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from surrogates.acquisition import around
from surrogates.scaling import FromUnit, ToUnit
from tests.recorded_runs import SPACE

units = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=5)


@settings(deadline=None, max_examples=30)
@given(units)
def test_values_and_unit_cube_are_two_names_of_one_point(points: list[tuple[float, float]]) -> None:
    unit = np.array(points, dtype=np.float32)
    np.testing.assert_allclose(ToUnit.of(SPACE)(FromUnit.of(SPACE)(unit)), unit, atol=2e-6)


@settings(deadline=None, max_examples=30)
@given(units, st.floats(0.0, 3.0), st.integers(0, 2**31))
def test_steps_of_any_size_stay_in_the_box(points: list[tuple[float, float]], sigma: float, seed: int) -> None:
    SPACE.check(around(SPACE, SPACE.from_unit(np.array(points)), 4, sigma, seed))
