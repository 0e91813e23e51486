from dataclasses import replace

import numpy as np
import pytest

from surrogates import SAMPLERS
from surrogates.acquisition import around, propose
from surrogates.design import (
    EDGE,
    HALF_STEP,
    farthest,
    gradient_pairs,
    kind_of,
    parameter_sets,
    sobol,
    stratified,
    unit_latin_hypercube,
    unit_sobol,
)
from surrogates.settings import DesignSettings
from tests.recorded_runs import SPACE

MIXED = DesignSettings(runs_per_basin=20, boundary_share=0.25, correlated_share=0.25)
FEATURES = np.random.default_rng(0).normal(size=(30, 4))


def test_the_next_points_continue_the_sequence() -> None:
    whole = sobol(SPACE, 40, seed=3)
    parts = [sobol(SPACE, 16, seed=3), sobol(SPACE, 24, seed=3, skip=16)]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_every_half_of_every_coordinate_holds_half_of_the_points() -> None:
    assert ((unit_sobol(5, 64, seed=1) < 0.5).sum(axis=0) == 32).all()


def test_points_lie_within_bounds() -> None:
    SPACE.check(sobol(SPACE, 100, seed=0))


def test_the_seed_decides_the_points() -> None:
    assert not np.allclose(sobol(SPACE, 8, seed=0), sobol(SPACE, 8, seed=1))


def test_runs_around_learned_sets_hold_the_learned_sets_and_stay_in_the_box() -> None:
    learned = np.array([[2.0, 0.6], [10.0, 0.3]])
    near = around(SPACE, learned, 5, sigma=0.1, seed=0)
    np.testing.assert_allclose(near[:, 0], learned)
    SPACE.check(near)


def test_a_share_of_proposed_runs_continues_the_design() -> None:
    proposed = propose(SPACE, np.array([[5.0, 0.1]] * 3), n=4, seed=2, global_share=0.5, skip=10)
    assert proposed.shape == (3, 4, 2)
    following = sobol(SPACE, 6, seed=2, skip=10)
    assert {tuple(p) for p in proposed[:, 2:].reshape(-1, 2)} == {tuple(p) for p in following}


@pytest.mark.parametrize("n", [1, 2, 3])
def test_each_chosen_candidate_is_the_farthest_from_all_before(n: int) -> None:
    candidates = np.array([[0.0], [0.45], [1.0], [0.2]])
    assert farthest(candidates, np.array([[0.0]]), n).tolist() == [2, 1, 3][:n]


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_gives_as_many_points_of_the_cube_as_asked_for_by_its_seed(name: str) -> None:
    draw = SAMPLERS.resolve(name)
    points = draw(3, 10, 1, 20)
    assert points.shape == (10, 3)
    assert ((points >= 0.0) & (points <= 1.0)).all()
    np.testing.assert_array_equal(points, draw(3, 10, 1, 20))
    assert not np.allclose(points, draw(3, 10, 2, 20))


def test_every_tenth_of_every_coordinate_of_a_latin_hypercube_holds_one_of_ten_points() -> None:
    points = unit_latin_hypercube(4, 10, seed=0)
    assert (np.sort(np.floor(10 * points), axis=0) == np.arange(10)[:, None]).all()


@pytest.mark.parametrize("n", [8, 16, 30, 100])
def test_the_kinds_have_their_shares_in_the_first_runs_whatever_their_number(n: int) -> None:
    kinds = [kind_of(number, MIXED) for number in range(n)]
    assert abs(kinds.count("boundary") - n / 4) <= 1
    assert abs(kinds.count("correlated") - n / 4) <= 1


def test_a_design_of_more_runs_begins_with_that_of_fewer() -> None:
    few, more = (parameter_sets(SPACE, FEATURES, replace(MIXED, runs_per_basin=n), seed=1) for n in (12, 20))
    np.testing.assert_array_equal(few, more[:, :12])
    SPACE.check(more)


def test_boundary_sets_have_a_coordinate_at_a_face() -> None:
    unit = SPACE.to_unit(parameter_sets(SPACE, FEATURES, MIXED, seed=0))
    to_face = np.minimum(unit, 1.0 - unit).min(axis=-1)
    boundary = np.array([kind_of(number, MIXED) == "boundary" for number in range(20)])
    assert (to_face[:, boundary] <= EDGE + 1e-9).all()
    assert (to_face[:, ~boundary] <= EDGE).mean() < 0.2


def test_correlated_sets_are_alike_at_like_sites_and_fill_the_box_over_many_sets() -> None:
    settings = DesignSettings(runs_per_basin=200, boundary_share=0.0, correlated_share=1.0)
    features = np.concatenate([FEATURES, FEATURES + 0.01])
    unit = SPACE.to_unit(parameter_sets(SPACE, features, settings, seed=0))
    near = np.abs(unit[:30] - unit[30:]).mean()
    apart = np.abs(unit[:30] - np.roll(unit[30:], 7, axis=0)).mean()
    assert near < 0.05 * apart
    shares = np.histogram(unit, bins=5, range=(0.0, 1.0))[0] / unit.size
    np.testing.assert_allclose(shares, 0.2, atol=0.06)


def test_gradient_pairs_are_central_differ_in_one_coordinate_and_stay_in_the_box() -> None:
    sets = parameter_sets(SPACE, FEATURES, MIXED, seed=0)
    origin, neighbours = gradient_pairs(SPACE, sets, pairs=4)
    SPACE.check(neighbours)
    lower, upper = (SPACE.to_unit(neighbours[:, i::2]) for i in (0, 1))
    differ = np.abs(upper - lower) > 1e-9
    assert (differ.sum(axis=-1) == 1).all()
    assert differ.any(axis=(0, 1)).all()
    np.testing.assert_allclose((upper - lower)[differ], 2 * HALF_STEP)
    middle = np.clip(SPACE.to_unit(sets[:, origin[::2]]), HALF_STEP, 1.0 - HALF_STEP)
    np.testing.assert_allclose(0.5 * (lower + upper), middle, atol=1e-9)


def test_chosen_sites_cover_attribute_space_and_more_of_them_begin_with_the_same() -> None:
    features = np.random.default_rng(1).normal(size=(200, 3))
    few, more = stratified(features, 10), stratified(features, 25)
    np.testing.assert_array_equal(few, more[:10])
    assert len(set(more)) == 25

    def farthest_from(chosen: np.ndarray) -> float:
        return np.linalg.norm(features[:, None] - features[chosen], axis=-1).min(axis=1).max()

    assert farthest_from(more) < farthest_from(np.arange(25))


def test_one_odd_value_does_not_decide_which_sites_are_chosen() -> None:
    features = np.random.default_rng(1).normal(size=(50, 2))
    wild = np.where(features == features.max(), 1e6, features)
    np.testing.assert_array_equal(stratified(features, 10), stratified(wild, 10))
