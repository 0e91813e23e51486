"""An ensemble in its own process, to be killed; ``orchestrator.py STORE RUNS`` says what it committed."""

import signal
import sys
from pathlib import Path

from misbehaving import Misbehaving, numbered

from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.store import RunStore


def main() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has it ignored
    runs = numbered(*range(int(sys.argv[2])))
    with RunStore.open(Path(sys.argv[1]), write=True) as store, local_executor(2) as executor:
        print("ready", flush=True)
        settings = EnsembleSettings(batch_runs=4)
        counts = simulate(Misbehaving(), runs, store, executor, settings, lambda p: print(p.committed, flush=True))
    print(f"done {counts.committed}", flush=True)


if __name__ == "__main__":
    main()
