"""Gradients and steps against functions whose derivatives are known."""

import numpy as np
import pytest

from legacy_models import metrics
from surrogates.gradient_agreement import (
    Objective,
    Pairs,
    agreement,
    ascend,
    central_differences,
    improved,
    same_sign,
    stencil,
    step_along,
)
from surrogates.surrogate import Surrogate
from surrogates.windows import gather
from tests.recorded_runs import SPACE, tiny_surrogate

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Surrogate, Pairs, np.ndarray]:
    surrogate, run_set = tiny_surrogate(tmp_path_factory.mktemp("fit"))
    runs = gather(run_set)
    forcing, past = runs.forcing[runs.site], runs.antecedent[runs.site, 0]
    best = SPACE.from_unit(np.full((len(runs), 2), 0.4))
    target = surrogate.predict(forcing, past, best, runs.properties)[..., 0]
    return surrogate, Pairs(forcing, past, runs.properties, target), SPACE.to_unit(run_set.parameters)


def test_central_differences_of_a_quadratic_function_are_exact() -> None:
    unit = np.random.default_rng(0).uniform(0.1, 0.9, (4, 3))
    points = stencil(unit, 0.05)
    values = (points**2 @ np.array([1.0, -2.0, 3.0])) + points @ np.ones(3)
    exact = 2 * unit * [1.0, -2.0, 3.0] + 1.0
    assert central_differences(points, values) == pytest.approx(exact)


def test_at_a_face_of_the_box_the_difference_is_one_sided() -> None:
    points = stencil([[0.0, 1.0]], 0.1)
    assert points.min() == 0.0
    assert points.max() == 1.0
    assert central_differences(points, points @ [2.0, 5.0]) == pytest.approx(np.array([[2.0, 5.0]]))


def test_a_step_moves_the_steepest_coordinate_by_its_size_and_stays_in_the_box() -> None:
    moved = step_along([[0.5, 0.5], [0.98, 0.5]], [[4.0, -2.0], [1.0, 0.0]], 0.05)
    assert moved == pytest.approx(np.array([[0.55, 0.475], [1.0, 0.5]]))


def test_what_points_out_of_the_box_does_not_shorten_the_step() -> None:
    assert step_along([[1.0, 0.0, 0.5]], [[9.0, -9.0, 0.1]], 0.05) == pytest.approx(np.array([[1.0, 0.0, 0.55]]))
    assert step_along([[1.0, 0.5]], [[9.0, 0.0]]) == pytest.approx(np.array([[1.0, 0.5]]))


def test_equal_gradients_agree_and_opposite_ones_do_not() -> None:
    model = np.random.default_rng(0).normal(size=(20, 3))
    same, opposite = (agreement(NAMES, sign * model, model, model, np.zeros(20)) for sign in (3.0, -1.0))
    assert (same["sign"], same["sign_min"], same["cosine_median"]) == (1.0, 1.0, pytest.approx(1.0))
    assert (opposite["sign"], opposite["cosine_median"]) == (0.0, pytest.approx(-1.0))
    assert same["by_parameter"]["b"] == {"pairs": 20, "sign": 1.0, "cosine": pytest.approx(1.0)}
    assert same["left_out_share"] == same["insensitive_share"] == 0.0


def test_entries_whose_two_differences_disagree_are_left_out_and_counted() -> None:
    coarse = np.ones((20, 3))
    fine = coarse.copy()
    fine[:, 1] = 0.4  # differs by 0.6 of the larger
    result = agreement(NAMES, np.ones((20, 3)) * [1.0, -1.0, 1.0], coarse, fine, np.zeros(20))
    assert result["sign"] == 1.0
    assert result["left_out_share"] == pytest.approx(1 / 3)
    assert result["by_parameter"]["b"] == {"pairs": 0, "sign": None, "cosine": None}


def test_a_parameter_that_the_model_does_not_feel_is_not_judged() -> None:
    model = np.ones((20, 3))
    model[:, 2] = 1e-4
    result = agreement(NAMES, -model, model, model, np.zeros(20))
    assert result["insensitive_share"] == pytest.approx(1 / 3)
    assert result["by_parameter"]["c"]["pairs"] == 0
    poor = agreement(NAMES, -model, model, model, np.full(20, -9999.0))  # 1e-4 of a squared error that large is noise
    assert poor["insensitive_share"] == 1.0
    assert poor["sign"] is None


def test_the_least_sign_agreement_is_over_parameters_felt_in_enough_pairs() -> None:
    model = np.ones((20, 3))
    model[5:, 0] = 0.0
    given = np.ones((20, 3)) * [-1.0, 1.0, 1.0]
    given[:4, 1] = -1.0
    assert agreement(NAMES, given, model, model, np.zeros(20))["sign_min"] == 16 / 20


def test_runs_that_failed_do_not_count() -> None:
    assert improved([0.0, 0.5, np.nan, 0.2], [0.1, 0.4, 0.9, np.nan]) == 0.5
    assert same_sign([1.0, -2.0, 0.0, np.nan], [3.0, 1.0, 0.0, 1.0]) == pytest.approx(2 / 3)
    assert improved([np.nan], [1.0]) is None


def test_the_objective_is_the_nse_of_the_surrogate(trained: tuple[Surrogate, Pairs, np.ndarray]) -> None:
    surrogate, pairs, unit = trained
    simulated = surrogate.predict(pairs.forcing, pairs.antecedent, SPACE.from_unit(unit), pairs.properties)[..., 0]
    assert Objective(surrogate, pairs, batch=7).value(unit) == pytest.approx(
        metrics.nse(pairs.target, simulated, least_deviation=0.2), rel=1e-3, abs=1e-4
    )


def test_the_gradient_is_that_of_the_objective(trained: tuple[Surrogate, Pairs, np.ndarray]) -> None:
    surrogate, pairs, unit = trained
    objective, inner = Objective(surrogate, pairs), np.clip(unit, 0.1, 0.9)
    points = stencil(inner, 0.02)
    values = np.stack([[objective.value(points[:, i, side]) for side in (0, 1)] for i in range(2)]).transpose(2, 0, 1)
    _, gradient = objective.value_and_gradient(inner)
    result = agreement(
        SPACE.names, gradient, central_differences(points, values), central_differences(points, values),
        objective.value(inner),
    )  # fmt: skip
    assert result["cosine_median"] > 0.999


def test_an_ascent_improves_every_pair_and_stays_in_the_box(trained: tuple[Surrogate, Pairs, np.ndarray]) -> None:
    surrogate, pairs, unit = trained
    objective = Objective(surrogate, pairs)
    top = ascend(objective, unit, steps=25)
    assert ((top >= 0.0) & (top <= 1.0)).all()
    before, after = objective.value(unit), objective.value(top)
    assert (after >= before).all()
    assert np.median(after) > 0.99
