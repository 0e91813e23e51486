"""Which runs share a process: neighbours of one period and group, so many that starting the process hardly counts."""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from legacy_models.model import LegacyModel, Run, days_between
from legacy_models.runner import default_timeout, simulated_years

FIRST_RUNS = 16
BATCH_SECONDS = 60.0
MOST_BYTES = 128 << 20
_LEAST_TIMEOUT, _SLOWEST = 300.0, 20.0


@dataclass(frozen=True, slots=True)
class Batch:
    """Runs for one process.

    Args:
        runs: key -> run.
        tries: how often they have failed for good reason already.
        deaths: how many workers died while they had them.
    """

    runs: Mapping[str, Run]
    tries: int = 0
    deaths: int = 0


class Pile:
    """Runs that wait for their first try: groups of one period and ``batch_group``, a site's runs together."""

    def __init__(self, model: LegacyModel, runs: Mapping[str, Run]) -> None:
        by_group: dict[object, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
        for key, run in runs.items():
            by_group[run.start, run.end, model.batch_group(run)][id(run.site)].append(key)
        self._runs, self._taken = runs, 0
        self._groups = deque(deque(key for keys in sites.values() for key in keys) for sites in by_group.values())

    def __bool__(self) -> bool:
        return bool(self._groups)

    @property
    def top(self) -> Run:
        """The run that is next."""
        return self._runs[self._groups[0][0]]

    def cut(self, most: int, workers: int) -> Batch:
        """Take at most ``most`` runs off one group, so that equal batches go round ``workers`` in whole rounds."""
        group = self._groups[0]
        least = ceil(len(group) / most)
        to_go = least + -(self._taken + least) % workers
        self._taken += 1
        keys = [group.popleft() for _ in range(ceil(len(group) / to_go))]
        if not group:
            self._groups.popleft()
        return Batch({key: self._runs[key] for key in keys})


class Pace:
    """How fast a model runs, learnt from its batches, and what follows for the next ones.

    A process needs a second or so before it simulates anything, whatever it has to do. So a batch is made to take
    a minute: starting is then some 2 % of it, and an interruption costs each worker a minute. The first batches have 16
    runs; what starting them took makes the next ones rather too small than too large. No batch has more than
    128 MiB of outputs, or more than an even share for every worker.

    Args:
        model: the model.
        batch_runs: most runs of a batch; None is the rule.
        timeout: seconds that any batch may take; None is 300 s and 20 times what the pace promises, never more
            than ``runner.default_timeout``, which also holds while the pace is not known.
    """

    def __init__(self, model: LegacyModel, batch_runs: int | None, timeout: float | None) -> None:
        self._model, self._batch_runs, self._timeout = model, batch_runs, timeout
        self._years_per_second = 0.0

    @property
    def known(self) -> bool:
        """Whether a size would be more than a first guess."""
        return self._batch_runs is not None or self._years_per_second > 0

    def learn(self, runs: Sequence[Run], seconds: float) -> None:
        """Take note of how long the process of ``runs`` took."""
        if seconds > 0:
            self._years_per_second = max(self._years_per_second, simulated_years(self._model, runs) / seconds)

    def size(self, run: Run) -> int:
        """Return the most runs like ``run`` that a batch may have."""
        if self._batch_runs is not None:
            return self._batch_runs
        if not self.known:
            return FIRST_RUNS
        in_time = BATCH_SECONDS * self._years_per_second / simulated_years(self._model, [run])
        bytes_each = 4 * len(self._model.outputs) * (days_between(run.start, run.end) + 1)
        return max(1, int(min(in_time, MOST_BYTES / bytes_each)))

    def timeout(self, runs: Sequence[Run]) -> float:
        """Return the seconds that the process of ``runs`` may take."""
        if self._timeout is not None:
            return self._timeout
        longest = default_timeout(self._model, runs)
        if not self._years_per_second:
            return longest
        return min(longest, _LEAST_TIMEOUT + _SLOWEST * simulated_years(self._model, runs) / self._years_per_second)


def halves(runs: Mapping[str, Run]) -> Sequence[Mapping[str, Run]]:
    """Return two halves, or the one run alone."""
    keys = list(runs)
    middle = (len(keys) + 1) // 2
    return [{k: runs[k] for k in half} for half in (keys[:middle], keys[middle:]) if half]
