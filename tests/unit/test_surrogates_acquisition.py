from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy_models.errors import UsageError
from surrogates.acquisition import BatchSettings, choose_batch, cover, select
from surrogates.design import unit_sobol
from surrogates.queries import Queries
from tests.unit.test_surrogates_domain import DOMAIN, QUERIES

SITES = QUERIES.only(np.arange(0, 200, 10))
MIXED = BatchSettings()


def farthest_from(points: np.ndarray, centres: np.ndarray) -> float:
    return float(np.linalg.norm(points[:, None] - centres[None], axis=-1).min(axis=1).max())


def differ_most_at_high_residence(site: np.ndarray, unit: np.ndarray) -> np.ndarray:
    return unit[:, 0]


@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), n=st.integers(1, 4), known=st.integers(0, 3))
def test_farthest_first_covers_at_most_twice_as_badly_as_the_best_choice_there_is(
    seed: int, n: int, known: int
) -> None:
    rng = np.random.default_rng(seed)
    points, there = rng.random((9, 2)), rng.random((known, 2))
    chosen = cover(points, there, n)
    reached = farthest_from(points, np.concatenate([there, points[chosen]]))
    best = min(farthest_from(points, np.concatenate([there, points[list(rows)]])) for rows in combinations(range(9), n))
    assert reached <= 2.0 * best + 1e-9


@pytest.mark.parametrize("n", [0, 1, 7, 40])
@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_batch_has_exactly_n_runs_and_none_twice(n: int, share: float) -> None:
    made_up = BatchSettings(global_share=share)
    batch = choose_batch(DOMAIN, SITES, QUERIES, n, 3, made_up, 600, differ_most_at_high_residence)
    assert len(batch) == n
    assert len({(site, *point) for site, point in zip(batch.site, batch.unit.tolist(), strict=True)}) == n
    assert (batch.reason == "global").sum() == round(share * n)
    assert ((batch.unit >= 0.0) & (batch.unit <= 1.0)).all()


def test_a_batch_is_decided_by_its_seed() -> None:
    same = [choose_batch(DOMAIN, SITES, QUERIES, 20, 5, MIXED, 600) for _ in range(2)]
    np.testing.assert_array_equal(same[0].unit, same[1].unit)
    np.testing.assert_array_equal(same[0].site, same[1].site)
    assert not np.array_equal(same[0].unit, choose_batch(DOMAIN, SITES, QUERIES, 20, 6, MIXED, 600).unit)


def test_what_the_store_has_is_not_chosen_again() -> None:
    """Every candidate that is left is wanted; the learned sets, candidates themselves, are in the store."""
    near = BatchSettings(global_share=0.0)
    candidates = len(SITES) * 16
    batch = choose_batch(DOMAIN, SITES, SITES, 40, 1, near)
    assert {tuple(point) for point in SITES.unit.tolist()}.isdisjoint(map(tuple, batch.unit.tolist()))
    points = np.random.default_rng(0).random((candidates, 3), dtype=np.float32)
    chosen, _ = select(points, points[::4], candidates * 3 // 4)
    assert set(chosen.tolist()) == set(range(candidates)) - set(range(0, candidates, 4))


def test_more_than_there_are_new_candidates_is_refused() -> None:
    points = np.eye(4, dtype=np.float32)
    with pytest.raises(UsageError, match="only 3 of 4 candidates are new"):
        select(points, points[:1], 4)
    with pytest.raises(UsageError, match="only 1 of 2"):
        select(np.ones((2, 3), np.float32), points[:0, :3], 2)


def test_the_global_share_goes_on_with_the_sequence_of_the_design() -> None:
    batch = choose_batch(DOMAIN, SITES, QUERIES, 30, 9, BatchSettings(global_share=0.5), drawn=64)
    np.testing.assert_allclose(batch.unit[:15], unit_sobol(2, 79, 9)[64:])
    assert len(set(batch.site[:15].tolist())) == 15


def test_a_sequence_that_is_begun_anew_is_noticed() -> None:
    first = Queries(unit_sobol(2, 8, 4), SITES.properties[[0] * 8], SITES.climate[[0] * 8])
    everywhere = BatchSettings(global_share=1.0)
    one_site = SITES.only([0])
    assert len(choose_batch(DOMAIN, one_site, first, 8, 4, everywhere, drawn=8)) == 8
    with pytest.raises(UsageError, match=r"8 of the points .* after the first 0 were run before"):
        choose_batch(DOMAIN, one_site, first, 8, 4, everywhere, drawn=0)


def test_runs_for_disagreement_are_where_members_differ_most() -> None:
    made_up = BatchSettings(global_share=0.0, disagreement_share=0.5)
    batch = choose_batch(DOMAIN, SITES, QUERIES, 20, 2, made_up, 0, differ_most_at_high_residence)
    asked = batch.reason == "disagreement"
    assert asked.sum() == 10
    assert batch.unit[asked, 0].min() > np.quantile(SITES.unit[:, 0], 0.7)
    none = choose_batch(DOMAIN, SITES, QUERIES, 20, 2, made_up, 0)
    assert (none.reason == "cover").all()


def test_candidates_stay_near_the_learned_parameters_of_their_site() -> None:
    made_up = BatchSettings(global_share=0.0, sigma=0.02)
    batch = choose_batch(DOMAIN, SITES, QUERIES, 60, 0, made_up)
    assert np.abs(batch.unit - SITES.unit[batch.site]).max() < 0.1


def test_shares_outside_zero_and_one_are_refused() -> None:
    with pytest.raises(UsageError, match=r"global_share must lie in \[0, 1\], received 1\.2"):
        BatchSettings(global_share=1.2)
    with pytest.raises(UsageError, match="a batch needs a site"):
        choose_batch(DOMAIN, SITES.only(np.zeros(0, int)), QUERIES, 3, 0, MIXED)
