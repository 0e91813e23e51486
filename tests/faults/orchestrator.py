"""An ensemble in its own process, to be killed: ``orchestrator.py STORE RUNS [EXECUTOR]`` says what it committed."""

import signal
import sys
from pathlib import Path

from misbehaving import Misbehaving, numbered

from legacy_models.ensemble import EnsembleSettings, simulate
from legacy_models.executors import ExecutorSettings, open_executor
from legacy_models.store import RunStore


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
    runs = numbered(*range(int(sys.argv[2])))
    print("ready", flush=True)
    with (
        RunStore.open(Path(sys.argv[1]), write=True) as store,
        open_executor(ExecutorSettings(*sys.argv[3:])) as executor,
    ):
        settings = EnsembleSettings(batch_runs=4)
        counts = simulate(Misbehaving(), runs, store, executor, settings, lambda p: print(p.committed, flush=True))
    print(f"done {counts.committed}", flush=True)


if __name__ == "__main__":
    main()
