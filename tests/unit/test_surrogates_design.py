import numpy as np
import pytest

from surrogates.acquisition import around, farthest, propose
from surrogates.design import sobol, unit_sobol
from tests.recorded_runs import SPACE


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
