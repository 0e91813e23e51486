"""Workers that die take innocent runs along; only the runs that killed them are given up."""

import threading
import time
from collections import Counter
from concurrent.futures import Future
from math import ceil, log2
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy_models.ensemble import EnsembleSettings, simulate
from legacy_models.executors import RemoteExecutor, WorkerDiedError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run, RunResult
from legacy_models.runner import BatchOutcome
from legacy_models.store import RunStore

MODEL = LinearReservoir(spinup_years=0)
DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2000-02-01"))
SITE = MODEL.site("somewhere", {}, Forcing(DATES, np.ones((len(DATES), 1)), ("prcp",)))
RUNS = [Run(SITE, np.array([float(number)]), DATES[0], DATES[-1]) for number in range(40)]
GOOD = RunResult("ok", outputs=np.ones((len(DATES), 2), np.float32))


class Mortal(RemoteExecutor):
    """One worker that takes all it was given at a time, and dies with all of it if a killer is among it."""

    worker_count = 3

    def __init__(self, killers):
        self.killers, self.begun, self.waiting, self.open = set(killers), Counter(), [], True
        self.thread = threading.Thread(target=self.work)
        self.thread.start()

    def __exit__(self, *error):
        self.open = False
        self.thread.join()

    def submit(self, function, /, *args, **kwargs):
        future = Future()
        self.waiting.append((future, args[2]))
        return future

    def work(self):
        while self.open:
            time.sleep(0.002)
            taken, self.waiting = self.waiting, []
            numbers = {float(run.parameters[0]) for _, batch in taken for run in batch.values()}
            self.begun.update(numbers)
            for future, batch in taken:
                if numbers & self.killers:
                    future.set_exception(WorkerDiedError("gone"))
                else:
                    future.set_result(BatchOutcome((GOOD,) * len(batch), "", 0.0, 0.0))

    def check(self):
        pass

    def everywhere(self, function, *args):
        pass


@settings(max_examples=12, deadline=None)
@given(killers=st.sets(st.integers(0, 39), max_size=6), size=st.integers(1, 40), retries=st.integers(0, 2))
def test_whatever_a_dying_worker_takes_along_only_what_killed_it_is_given_up(killers, size, retries):
    with TemporaryDirectory() as folder, RunStore.open(Path(folder) / "store", write=True) as store:
        with Mortal(killers) as executor:
            chosen = EnsembleSettings(batch_runs=size, retries=retries)
            counts = simulate(MODEL, RUNS, store, executor, chosen)
        lost = [run.parameters[0] for run in RUNS if store.record(MODEL.key(run)).status != "ok"]
    assert lost == sorted(killers)
    assert (counts.committed, counts.failed) == (40 - len(killers), len(killers))
    assert max(executor.begun.values()) <= 2 + 1 + ceil(log2(size)) + retries + 1
