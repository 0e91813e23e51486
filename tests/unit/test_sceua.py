"""SCE-UA: published test functions, a seed's own path, and many searches that share each batch."""

import random
from dataclasses import dataclass

import numpy as np
import pytest

from dpl.baselines.sceua import SceUaSettings, sceua
from dpl.baselines.search import advance
from legacy_models.errors import UsageError

SETTINGS = SceUaSettings(complexes=5)


def goldstein_price(x):
    a, b = x.T
    u = 1 + (a + b + 1) ** 2 * (19 - 14 * a + 3 * a**2 - 14 * b + 6 * a * b + 3 * b**2)
    return u * (30 + (2 * a - 3 * b) ** 2 * (18 - 32 * a + 12 * a**2 + 48 * b - 36 * a * b + 27 * b**2))


def rosenbrock(x):
    a, b = x.T
    return 100 * (b - a**2) ** 2 + (1 - a) ** 2


def six_hump_camelback(x):
    a, b = x.T
    return (4 - 2.1 * a**2 + a**4 / 3) * a**2 + a * b + (-4 + 4 * b**2) * b**2


def rastrigin(x):
    return (x**2 - np.cos(18 * x)).sum(axis=1)


def griewank(x):
    return (x**2).sum(axis=1) / 200 - np.cos(x / np.sqrt(np.arange(1, x.shape[1] + 1))).prod(axis=1) + 1


def hartman(x):
    a = np.array(
        [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
    )
    p = np.array([[1312, 1696, 5569, 124, 8283, 5886], [2329, 4135, 8307, 3736, 1004, 9991],
                  [2348, 1451, 3522, 2883, 3047, 6650], [4047, 8828, 8732, 5743, 1091, 381]]) * 1e-4  # fmt: skip
    return -(np.array([1, 1.2, 3, 3.2]) * np.exp(-(a * (x[:, None] - p) ** 2).sum(axis=2))).sum(axis=1)


@dataclass(frozen=True)
class Problem:
    function: object
    lower: tuple
    upper: tuple
    minimum: float

    def __call__(self, unit):
        lower, upper = np.array(self.lower), np.array(self.upper)
        return self.function(lower + unit * (upper - lower))


SUITE = {
    "Goldstein-Price": Problem(goldstein_price, (-2, -2), (2, 2), 3.0),
    "Rosenbrock": Problem(rosenbrock, (-5, -2), (5, 8), 0.0),
    "six-hump camelback": Problem(six_hump_camelback, (-5, -5), (5, 5), -1.031628),
    "Rastrigin": Problem(rastrigin, (-1, -1), (1, 1), -2.0),
    "Griewank": Problem(griewank, (-600,) * 2, (600,) * 2, 0.0),
    "Hartman": Problem(hartman, (0,) * 6, (1,) * 6, -3.322368),
}
"""Functions 1 to 5 and 7 of those that come with Duan's program, which gives up after 10,000 evaluations.

MATLAB Central File Exchange 7671; Duan et al. (1993), doi:10.1007/BF00939380.
"""


def minimise(problem, seed, evaluations, settings=SETTINGS):
    search = sceua(np.full(len(problem.lower), 0.5), seed, settings)
    (outcome,) = advance([search], lambda rows, points: problem(points), evaluations)
    return outcome


@pytest.mark.parametrize("name", SUITE)
def test_the_optimum_of_duans_test_functions_is_found_in_well_under_the_10000_evaluations_that_he_allows(name):
    problem = SUITE[name]
    best = [minimise(problem, seed, 4_000).improvements[-1].cost for seed in range(2)]
    assert best == pytest.approx([problem.minimum] * 2, abs=2e-3)


def test_a_search_ends_by_itself_when_it_has_converged():
    duans = SceUaSettings(complexes=5, stall_loops=10, stall_percent=0.1, least_range=1e-3)
    outcome = minimise(SUITE["Goldstein-Price"], 0, 10_000, duans)
    assert outcome.converged
    assert outcome.evaluations < 1_000
    assert outcome.improvements[-1].cost == pytest.approx(3.0, abs=1e-3)


def test_a_search_of_one_parameter_works():
    parabola = Problem(lambda x: (x[:, 0] - 0.3) ** 2, (0,), (1,), 0.0)
    assert minimise(parabola, 0, 500).improvements[-1].point == pytest.approx([0.3], abs=1e-3)


def test_the_budget_is_kept_to_the_evaluation_and_a_smaller_one_is_the_beginning_of_a_larger():
    problem = SUITE["Hartman"]
    long, short = (minimise(problem, 4, n) for n in (700, 333))
    assert (long.evaluations, short.evaluations) == (700, 333)
    begun = [i for i in long.improvements if i.evaluations <= 333]
    assert [(i.evaluations, i.cost) for i in begun] == [(i.evaluations, i.cost) for i in short.improvements]


def test_the_curve_only_falls_and_its_points_have_the_costs_that_it_says():
    problem = SUITE["Hartman"]
    curve = minimise(problem, 1, 600).improvements
    costs, counts = [i.cost for i in curve], [i.evaluations for i in curve]
    assert costs == sorted(costs, reverse=True)
    assert counts == sorted(set(counts))
    assert problem(np.array([i.point for i in curve])) == pytest.approx(costs, rel=1e-12)


def test_searches_share_every_batch_and_none_notices_the_others():
    problems = [SUITE["Rosenbrock"], SUITE["Rastrigin"], SUITE["Goldstein-Price"]]
    calls = []

    def evaluate(rows, points):
        calls.append(len(rows))
        return np.array([problems[row](point[None])[0] for row, point in zip(rows, points, strict=True)])

    searches = [sceua(np.full(2, 0.5), seed, SETTINGS) for seed in range(3)]
    together = advance(searches, evaluate, 400)
    alone = [minimise(problem, seed, 400) for seed, problem in enumerate(problems)]
    for one, other in zip(together, alone, strict=True):
        assert [i.cost for i in one.improvements] == [i.cost for i in other.improvements]
    assert calls[0] == 3 * 5 * 5  # the first populations
    assert sum(calls) == sum(outcome.evaluations for outcome in together)
    assert len(calls) < sum(calls) / 8


def test_the_seed_decides_the_path():
    first, again, other = (minimise(SUITE["Hartman"], seed, 300) for seed in (5, 5, 6))
    assert [i.cost for i in first.improvements] == [i.cost for i in again.improvements]
    assert [i.cost for i in first.improvements] != [i.cost for i in other.improvements]


def test_nobody_elses_random_numbers_are_touched_and_nothing_is_printed(capsys):
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    expected = np.random.random(), random.random()  # noqa: NPY002
    np.random.seed(1)  # noqa: NPY002
    random.seed(1)
    minimise(SUITE["Rosenbrock"], 0, 200)
    assert (np.random.random(), random.random()) == expected  # noqa: NPY002
    assert capsys.readouterr() == ("", "")


def test_failed_evaluations_are_counted_and_the_search_keeps_away_from_them():
    problem = SUITE["Rosenbrock"]

    def evaluate(rows, points):
        return np.where(points[:, 0] > 0.7, np.nan, problem(points))

    (outcome,) = advance([sceua(np.full(2, 0.5), 0, SETTINGS)], evaluate, 1200)
    assert 5 < outcome.failed < outcome.evaluations / 3
    assert outcome.improvements[-1].cost == pytest.approx(0.0, abs=1e-3)


def test_if_everything_fails_there_is_no_result_and_no_crash():
    (outcome,) = advance([sceua(np.full(2, 0.5), 0, SETTINGS)], lambda rows, points: np.full(len(rows), np.nan), 120)
    assert (outcome.failed, outcome.evaluations, outcome.improvements) == (120, 120, ())


@pytest.mark.parametrize("wrong", [{"complexes": 0}, {"stall_loops": 1}, {"stall_percent": -1}, {"least_range": -0.1}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(UsageError, match=next(iter(wrong))):
        SceUaSettings(**wrong)


def test_a_search_without_an_evaluation_is_refused():
    with pytest.raises(UsageError, match="at least one evaluation"):
        advance([], lambda rows, points: points, 0)
