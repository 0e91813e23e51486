"""SCE-UA, the shuffled complex evolution of Duan et al., as spotpy has it, asking for many points at a time.

spotpy evaluates by itself and hands its jobs (points of the first population, then complexes to evolve) to an object
that repeats them. Here each job is a greenlet, which stands still where it needs an evaluation: so all points of the
first population are asked for together, and then the next point of every complex.

Where spotpy differs from the paper: a reflection beyond a bound, and a point that neither reflection nor contraction
improved, are replaced by a random point of the whole box, not of the complex's own (spotpy issue 204); and each simplex
has the second-best point of its complex (issue 275). In 13 dimensions (ellipsoid, Rosenbrock, Griewank; 500 to 5,000
evaluations) neither made a difference that can be told from the seed's. Where there are many optima in few dimensions
(Rastrigin) it takes up to twice as many evaluations, and Duan's settings of convergence (10 loops, 0.1 %, 1e-3) stop it
too early: hence spotpy's, with which the budget decides.

Sources: Duan et al. (1992), doi:10.1029/91WR02985; Duan et al. (1994), doi:10.1016/0022-1694(94)90057-4; Houska et
al. (2015), doi:10.1371/journal.pone.0145180 (spotpy).
"""

import random
import sys
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from greenlet import getcurrent, greenlet

from dpl.baselines.search import Search
from legacy_models.errors import UsageError
from legacy_models.parameters import Array

_ENDLESS = 10**9  # the budget is the caller's: spotpy counts accepted points twice


@dataclass(frozen=True, slots=True)
class SceUaSettings:
    """How to search in n dimensions; a complex has 2 n + 1 points and takes as many steps between two shuffles.

    Args:
        complexes: how many (spotpy's ``ngs``). More are slower and less easily caught in a local optimum.
        stall_loops: loops (from shuffle to shuffle) over which the best cost must still fall (``kstop``).
        stall_percent: by less than this share of its mean it counts as converged [%] (``pcento``).
        least_range: converged, too, when the population's range, the geometric mean over parameters, is below this
            share of the box (``peps``).

    But for the complexes, of which spotpy takes 20, these are spotpy's own.
    """

    complexes: int = 4
    stall_loops: int = 100
    stall_percent: float = 1e-7
    least_range: float = 1e-7

    def __post_init__(self) -> None:
        for name, least in (("complexes", 1), ("stall_loops", 2), ("stall_percent", 0), ("least_range", 0)):
            if getattr(self, name) < least:
                raise UsageError(f"{name} must be at least {least}, received {getattr(self, name)}")


def sceua(start: Array, seed: int, settings: SceUaSettings) -> Search:
    """Search the unit cube; see ``search`` for how.

    Args:
        start: (parameter,) only their number is used: the first population is drawn.
        seed: of spotpy's random numbers, below 2^32.
        settings: complexes and convergence.
    """
    sampler, aside = greenlet(_sample), _Aside()
    with aside:
        asked = sampler.switch(len(start), seed, settings)
    try:
        while not sampler.dead:
            costs = yield asked
            with aside:
                asked = sampler.switch(costs)
    finally:
        if not sampler.dead:
            sampler.throw()


def _sample(dimensions: int, seed: int, settings: SceUaSettings) -> None:
    """Let spotpy search; it stands still wherever it asks its parent greenlet."""
    from spotpy.algorithms import sceua as spotpy_sceua

    sampler = spotpy_sceua(
        _Problem(dimensions), dbformat="ram", save_sim=False, save_threshold=np.inf, random_state=seed
    )
    sampler.repeat = _SideBySide(sampler.simulate)
    sampler.sample(
        _ENDLESS,
        ngs=settings.complexes,
        kstop=settings.stall_loops,
        pcento=settings.stall_percent,
        peps=settings.least_range,
    )


class _Problem:
    """What spotpy is told of the problem; to simulate a point is to ask for its cost."""

    def __init__(self, dimensions: int) -> None:
        from spotpy.parameter import Uniform

        self._uniforms = [Uniform(f"x{i}", 0.0, 1.0) for i in range(dimensions)]

    def parameters(self) -> Any:
        from spotpy.parameter import generate

        return generate(self._uniforms)

    def simulation(self, vector: Iterable[float]) -> float:
        return float(_ask(np.array([*vector])))

    def evaluation(self) -> None:
        """There is nothing to compare with here: the cost is all that comes back."""

    def objectivefunction(self, simulation: float, evaluation: None, params: object = None) -> float:  # noqa: ARG002
        return simulation


class _SideBySide:
    """Repeats spotpy's jobs, each on a copy as in a process of its own, and asks what all of them need together."""

    def __init__(self, process: Callable[[Any], Any]) -> None:
        self._process = process
        self.phase = ""

    def start(self) -> None:
        """There are no workers to be started."""

    def terminate(self) -> None:
        """There are no workers to be ended."""

    def setphase(self, phase: str) -> None:
        """Note what spotpy's ``simulate`` looks up: the first population, or complexes."""
        self.phase = phase

    def __call__(self, jobs: Iterable[Any]) -> Iterator[Any]:
        """Work at all ``jobs`` and yield their results, in order."""
        jobs = [deepcopy(job) for job in jobs]
        workers = [greenlet(self._process) for _ in jobs]
        said = [worker.switch(job) for worker, job in zip(workers, jobs, strict=True)]  # questions, then results
        while waiting := [i for i, worker in enumerate(workers) if not worker.dead]:
            costs = _ask(np.stack([said[i] for i in waiting]))
            for i, cost in zip(waiting, costs, strict=True):
                said[i] = workers[i].switch(cost)
        yield from said


def _ask(question: Array) -> Any:
    """Hand ``question`` to the greenlet that waits for this one, and return its answer."""
    return getcurrent().parent.switch(question)


class _Aside:
    """While it is entered, the global random numbers are spotpy's own, and what it prints goes nowhere."""

    def __init__(self) -> None:
        self._state = self._random()

    def __enter__(self) -> None:
        self._outer, self._stdout = self._random(), sys.stdout
        self._set(self._state)
        sys.stdout = StringIO()

    def __exit__(self, *_: object) -> None:
        sys.stdout, self._state = self._stdout, self._random()
        self._set(self._outer)

    @staticmethod
    def _random() -> tuple[Any, Any]:
        return np.random.get_state(), random.getstate()  # noqa: NPY002 - spotpy draws from it

    @staticmethod
    def _set(state: tuple[Any, Any]) -> None:
        np.random.set_state(state[0])  # noqa: NPY002
        random.setstate(state[1])
