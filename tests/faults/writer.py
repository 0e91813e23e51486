"""A process that commits runs one by one and says so after each, to be killed: ``writer.py STORE RUNS [CALL]``.

With ``CALL`` it kills itself in its second commit, when that makes or ends its call number CALL.
"""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

import numpy as np
from misbehaving import DAYS, Misbehaving, numbered

from legacy_models.model import RunResult
from legacy_models.store import RunStore


def result(number: int) -> RunResult:
    return RunResult("ok", outputs=(number + np.arange(DAYS, dtype=np.float32))[:, None])


def calls_of_a_commit(store: RunStore, number: int, deadly: int | None = None) -> int:
    """Commit a run and return how many calls that made or ended; the process dies at the ``deadly`` one."""
    calls = 0

    def count(frame: FrameType, event: str, argument: object) -> None:
        nonlocal calls
        calls += 1
        if calls == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    run = numbered(number)
    sys.setprofile(count)
    try:
        store.append(Misbehaving(), run, [result(number)])
    finally:
        sys.setprofile(None)
    return calls


def main() -> None:
    deadly = int(sys.argv[3]) if len(sys.argv) > 3 else None
    with RunStore.open(Path(sys.argv[1]), write=True) as store:
        first = store.counts().committed
        for number in range(first, int(sys.argv[2])):
            if deadly and number == first + 1:
                calls_of_a_commit(store, number, deadly)
            else:
                store.append(Misbehaving(), numbered(number), [result(number)])
            print(number, flush=True)


if __name__ == "__main__":
    main()
