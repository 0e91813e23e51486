"""Whatever is planned, committed, refused, dropped or reopened, in any order: the store's sum stays even."""

import shutil
import tempfile
from pathlib import Path

import numpy as np
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from legacy_models.errors import StoreError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run, RunResult
from legacy_models.store import RunStore

MODEL = LinearReservoir(spinup_years=0)
DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2000-01-05"))
SITE = MODEL.site("a", {}, Forcing(DATES, np.ones((4, 1)), ("prcp",)))
RUNS = [Run(SITE, np.array([1.0 + n]), DATES[0], DATES[-1]) for n in range(8)]
KEYS = [MODEL.key(run) for run in RUNS]
STATUSES = ("ok", "failed", "quarantined")

numbers = st.lists(st.integers(0, 7), min_size=1, max_size=4)


def outcome(number: int, status: str) -> RunResult:
    outputs = np.full((4, 2), number, dtype=np.float32) if status == "ok" else None
    return RunResult(status, reason="" if status == "ok" else "because", outputs=outputs)


class StoreMachine(RuleBasedStateMachine):
    """The store against a dictionary."""

    def __init__(self):
        super().__init__()
        self.path = Path(tempfile.mkdtemp()) / "store"
        self.planned, self.done = set(), {}
        self.open()

    def open(self):
        self.context = RunStore.open(self.path, write=True)
        self.store = self.context.__enter__()

    def teardown(self):
        self.context.__exit__(None, None, None)
        shutil.rmtree(self.path.parent)

    @rule(chosen=numbers)
    def plan(self, chosen):
        self.store.plan([KEYS[n] for n in chosen], "design")
        self.planned |= set(chosen)

    @rule(chosen=numbers, status=st.sampled_from(STATUSES))
    def append(self, chosen, status):
        if len(set(chosen)) < len(chosen) or self.done.keys() & set(chosen):
            try:
                self.store.append(MODEL, [RUNS[n] for n in chosen], [outcome(n, status) for n in chosen])
            except StoreError:
                return
            raise AssertionError("a duplicate was taken")
        self.store.append(MODEL, [RUNS[n] for n in chosen], [outcome(n, status) for n in chosen])
        self.planned |= set(chosen)
        self.done |= dict.fromkeys(chosen, status)

    @rule(chosen=numbers)
    def drop(self, chosen):
        self.store.drop([KEYS[n] for n in chosen])
        self.done = {n: status for n, status in self.done.items() if n not in chosen}

    @rule()
    def reopen(self):
        self.context.__exit__(None, None, None)
        self.open()

    @invariant()
    def the_sum_is_even_and_every_status_is_right(self):
        counts = self.store.counts()
        good = [n for n, status in self.done.items() if status == "ok"]
        assert counts.planned == len(self.planned) == counts.committed + counts.failed + counts.pending
        assert (counts.committed, counts.failed) == (len(good), len(self.done) - len(good))
        assert self.store.results(KEYS) == {KEYS[n]: self.done.get(n, "pending") for n in range(8)}
        assert self.store.verify() == []
        if good:
            read = self.store.read(MODEL.version, DATES[0], DATES[-1])
            assert sorted(read.outputs[:, 0, 0]) == sorted(good)


TestStore = StoreMachine.TestCase
TestStore.settings = settings(max_examples=12, stateful_step_count=12, deadline=None)
