"""A process that commits runs one by one and says so after each, to be killed: ``writer.py STORE RUNS``."""

import sys
from pathlib import Path

import numpy as np
from misbehaving import DAYS, Misbehaving, numbered

from legacy_models.model import RunResult
from legacy_models.store import RunStore


def result(number: int) -> RunResult:
    return RunResult("ok", outputs=(number + np.arange(DAYS, dtype=np.float32))[:, None])


def main() -> None:
    with RunStore.open(Path(sys.argv[1]), write=True) as store:
        first = store.counts().committed
        for number in range(first, int(sys.argv[2])):
            store.append(Misbehaving(), numbered(number), [result(number)])
            print(number, flush=True)


if __name__ == "__main__":
    main()
