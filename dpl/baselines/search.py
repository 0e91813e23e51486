"""Searches of parameter values that go on side by side, so that one batch answers what all of them ask.

A search is a generator that never evaluates anything itself: it yields points of the unit cube, is sent their costs,
and ends when it has converged. With the same seed and the same answers it asks the same questions, whatever else is
under way: so an interrupted one is begun anew, and goes on where answers that were kept come to an end.
"""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from legacy_models.errors import UsageError
from legacy_models.parameters import Array

Search = Generator[Array, Array, None]
"""Yields (point, parameter) points of the unit cube and is sent their (point,) costs.

One that goes by slopes is sent (point, 1 + parameter) costs and their gradients in the unit cube.
"""

Rows = npt.NDArray[np.int64]
Evaluate = Callable[[Rows, Array], Array]
"""(point,) which search asks, and (point, parameter) what; returns what searches are sent, NaN where one failed."""

WORST = 1e6
"""What a search is told of a failed evaluation: worse than any score of a simulation, but a number."""


@dataclass(frozen=True, eq=False)
class Improvement:
    """A point that was better than all before it.

    Args:
        evaluations: how many there had been with this one.
        cost: of the point.
        point: (parameter,) in the unit cube.
    """

    evaluations: int
    cost: float
    point: Array


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one search.

    Args:
        improvements: the best-so-far curve, each step of it; the last is the result; none if everything failed.
        evaluations: points evaluated.
        failed: how many of them failed.
        converged: whether the search ended by itself, and not with the budget.
    """

    improvements: tuple[Improvement, ...]
    evaluations: int
    failed: int
    converged: bool


def advance(
    searches: Sequence[Search],
    evaluate: Evaluate,
    evaluations: int,
    on_round: Callable[[int], None] | None = None,
) -> list[Outcome]:
    """Drive ``searches`` to their ends, all together; each round evaluates what all of them ask in one call.

    Args:
        searches: not yet begun.
        evaluate: answers a round.
        evaluations: budget of each search; what is asked beyond it is not evaluated.
        on_round: told after every round how many evaluations there have been in all.

    Returns:
        An outcome for each search.

    Raises:
        UsageError: if the budget is not positive.
    """
    if evaluations < 1:
        raise UsageError(f"a search needs at least one evaluation, received {evaluations}")
    courses = [_Course(search, evaluations) for search in searches]
    while running := [(row, course) for row, course in enumerate(courses) if course.asked.size]:
        rows = np.concatenate([np.full(len(course.asked), row) for row, course in running])
        answers = evaluate(rows, np.concatenate([course.asked for _, course in running]))
        for row, course in running:
            course.tell(answers[rows == row])
        if on_round is not None:
            on_round(sum(course.evaluations for course in courses))
    return [course.outcome() for course in courses]


@dataclass(eq=False)
class _Course:
    """One search under way; ``asked`` is what it wants to know next, empty once it is over."""

    search: Search
    budget: int
    evaluations: int = 0
    failed: int = 0
    converged: bool = False
    improvements: list[Improvement] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.asked = next(self.search)[: self.budget]

    def tell(self, answers: Array) -> None:
        """Note the costs of what was asked and hear the next question."""
        told = answers.copy()
        costs = told.reshape(len(told), -1)[:, 0]
        for cost, point in zip(costs, self.asked, strict=True):
            self._note(float(cost), point)
        costs[...] = np.where(np.isfinite(costs), np.minimum(costs, WORST), WORST)
        if self.evaluations == self.budget:
            self.search.close()
            self.asked = self.asked[:0]
            return
        try:
            asked = self.search.send(told)
            self.asked = asked[: self.budget - self.evaluations]
        except StopIteration:
            self.asked, self.converged = self.asked[:0], True

    def outcome(self) -> Outcome:
        """What became of the search."""
        return Outcome(tuple(self.improvements), self.evaluations, self.failed, self.converged)

    def _note(self, cost: float, point: Array) -> None:
        self.evaluations += 1
        if not np.isfinite(cost):
            self.failed += 1
        elif not self.improvements or cost < self.improvements[-1].cost:
            self.improvements.append(Improvement(self.evaluations, cost, point.copy()))
