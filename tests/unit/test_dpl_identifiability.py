"""What flow cannot tell apart is called unidentified, and the combination that it can tell is found."""

import json

import numpy as np
import pytest

from dpl.identifiability import assess, central_differences, gauss_newton
from legacy_models.errors import ShapeError

NAMES = ("a", "b", "idle")
GAIN = np.random.default_rng(0).normal(size=(6, 300))


def simulate(unit):
    """Flow that feels a + b and nothing else."""
    return (unit[..., :1] + unit[..., 1:2]) * GAIN


@pytest.fixture
def matrix():
    unit = np.random.default_rng(1).random((6, 3))
    return gauss_newton(central_differences(simulate, unit), np.full(6, 2.0))


def test_differences_of_a_linear_model_are_exact_on_the_bounds_too():
    unit = np.array([[0.0, 1.0, 0.5]] * 6)
    jacobian = central_differences(simulate, unit)
    np.testing.assert_allclose(jacobian, np.stack([GAIN, GAIN, 0 * GAIN], axis=-1), atol=1e-9)


def test_the_only_felt_combination_comes_first_and_takes_all_sensitivity(matrix):
    hidden = np.random.default_rng(2).random((6, 3))
    first, *others = assess(NAMES, hidden, hidden, matrix).combinations
    np.testing.assert_allclose(list(first.loadings.values()), [0.5**0.5, 0.5**0.5, 0], atol=1e-9)
    assert first.sensitivity_share == pytest.approx(1.0)
    assert all(c.sensitivity_share == pytest.approx(0.0, abs=1e-9) for c in others)


def test_parameters_that_only_act_together_are_unidentified_though_their_sum_is_recovered(matrix):
    generator = np.random.default_rng(3)
    hidden = generator.random((6, 3))
    trade = 0.2 * generator.normal(size=6)
    learned = np.stack([hidden[:, 0] + trade, hidden[:, 1] - trade, np.full(6, 0.5)], axis=1)
    result = assess(NAMES, hidden, learned, matrix)
    assert result.combinations[0].correlation == pytest.approx(1.0)
    assert result.combinations[0].rmse == pytest.approx(0.0, abs=1e-12)
    assert result.parameters[0].resolution == pytest.approx(0.5, abs=0.01)
    assert result.parameters[2].resolution == pytest.approx(0.0)
    assert result.unidentified == NAMES
    assert result.parameters[2].correlation is None


def test_parameters_that_act_separately_are_identified():
    hidden = np.random.default_rng(4).random((6, 3))
    result = assess(NAMES, hidden, hidden, np.diag([1.0, 0.5, 0.2]))
    assert result.unidentified == ()
    assert [r.sensitivity_share for r in result.parameters] == pytest.approx([1 / 1.7, 0.5 / 1.7, 0.2 / 1.7])


def test_a_flow_that_feels_nothing_identifies_nothing():
    hidden = np.random.default_rng(4).random((6, 3))
    result = assess(NAMES, hidden, hidden, np.zeros((3, 3)))
    assert result.unidentified == NAMES
    json.dumps(result.to_dict(), allow_nan=False)


def test_arrays_that_do_not_fit_are_refused(matrix):
    with pytest.raises(ShapeError, match=r"\(3, 3\)"):
        assess(NAMES, np.zeros((6, 2)), np.zeros((6, 2)), matrix)
