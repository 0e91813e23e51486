"""Peak memory of the stage emulate, and the share of a training step that reading windows takes, at full size.

    python tests/benchmarks/training_memory.py STORE

STORE is made where it does not exist: 457 basins x 30 runs x 10 years of numbers in VIC's form (1.4 GB of outputs).
Reading, training and scoring happen in one process for each architecture, with windows and batches as in the
configuration ``camels``; only steps and epochs are few. Keeps ``training_memory.json``.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from kept import keep

from legacy_models.model import Forcing, Run, RunResult, Site
from legacy_models.store import RunStore
from legacy_models.vic.adapter import VicModel

BASINS, SETS, DAYS = 457, 30, 3653
START = np.datetime64("1999-10-01")
END = START + DAYS - 1
OUTPUTS = np.array([2.0, 1.0, 3.0, 20.0, 0.4, 0.4, 0.4])
WEATHER = np.array([4.0, 2.0, 12.0, 250.0, 800.0, 43200.0])
EPOCHS, STEPS = 2, 60
MODEL = VicModel(steps_per_day=4, snow_bands=3)


def main(store: str) -> None:
    """Measure and keep, each step in a process of its own, whose memory does not count for the others."""
    if not Path(store).exists():
        subprocess.run([sys.executable, __file__, "--write", store], check=True)
    figures = {}
    for architecture in ("lstm", "vic_hybrid"):
        asked = [sys.executable, __file__, "--measure", store, architecture]
        found = json.loads(subprocess.run(asked, check=True, stdout=subprocess.PIPE).stdout.splitlines()[-1])
        figures |= {f"{architecture}.{name}": value for name, value in found.items()}
    print(keep("training_memory", f"{BASINS} basins x {SETS} runs x {DAYS} days of made-up numbers", figures))


def measure(store: Path, architecture: str) -> dict[str, Any]:
    """Read, train and score as the stage does."""
    from pipeline.held_out import thinned
    from surrogates import train as training
    from surrogates.ensemble import calibrated
    from surrogates.fidelity import compare, held_out_rows, scores
    from surrogates.settings import TrainSettings

    shares: dict[str, float] = {}
    fit = training.fit

    def timed_fit(network: Any, task: Any, budget: Any, *others: Any) -> Any:
        reading, scoring = Clock(), Clock()
        task = replace(task, batches=reading.around(task.batches), held_out=scoring.of(task.held_out))
        history = fit(network, task, budget, *others)
        name = task.name.removeprefix("member 0 ").replace(" ", "_")
        last = history[-1].seconds - scoring.laps[-1]  # the first epoch compiles
        shares[f"{name}.step_seconds"] = last / budget.steps
        shares[f"{name}.window_reading_share"] = reading.laps[-1] / last
        return history

    training.fit = timed_fit
    settings = TrainSettings(
        architecture=architecture, window=180, batch=64, epochs=EPOCHS, steps=STEPS, initial_epochs=EPOCHS
    )
    with tempfile.TemporaryDirectory(dir=store) as scratch:
        begun = time.perf_counter()
        with RunStore.open(store) as opened:
            run_set = opened.read(MODEL.version, scratch=Path(scratch))
        read = time.perf_counter()
        surrogate = training.train(run_set, settings, Path(scratch))
        trained_gb = peak_gb()
        rows = held_out_rows(surrogate, run_set)
        surrogate, _ = calibrated(surrogate, run_set, rows)
        scores(compare(surrogate, run_set, thinned(rows)))
    return {
        "runs": len(run_set),
        "outputs_gb": run_set.outputs.nbytes / 1e9,
        "store_reading_seconds": read - begun,
        "peak_memory_gb.training": trained_gb,
        "peak_memory_gb": peak_gb(),
        **shares,
    }


class Clock:
    """Adds up the seconds spent in what it is put around, a lap for each call."""

    def __init__(self) -> None:
        self.laps: list[float] = []

    def of(self, function: Callable[[], Any]) -> Callable[[], Any]:
        """Time a function."""

        def timed() -> Any:
            begun = time.perf_counter()
            result = function()
            self.laps.append(time.perf_counter() - begun)
            return result

        return timed

    def around(self, batches: Callable[[int], Any]) -> Callable[[int], Iterator[Any]]:
        """Time what a generator does between two of its items."""

        def timed(epoch: int) -> Iterator[Any]:
            self.laps.append(0.0)
            items = batches(epoch)
            while True:
                begun = time.perf_counter()
                item = next(items, None)
                self.laps[-1] += time.perf_counter() - begun
                if item is None:
                    return
                yield item

        return timed


def peak_gb() -> float:
    """Most memory that this process ever had, pages of files included."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def write(store: Path) -> None:
    """Fill a store with made-up runs: a segment for every seven basins."""
    rng = np.random.default_rng(0)
    space = MODEL.parameters
    names = [variable.name for variable in MODEL.properties]
    forcing = tuple(variable.name for variable in MODEL.forcing)
    middle = np.array([1.0 if not np.isfinite(v.upper) else 0.5 * (v.lower + v.upper) for v in MODEL.properties])
    dates = np.arange(START - 3653, END + 1)
    with RunStore.open(store, write=True) as opened:
        for first in range(0, BASINS, 7):
            runs = []
            for basin in range(first, min(first + 7, BASINS)):
                weather = np.abs(WEATHER * rng.normal(1.0, 0.3, (len(dates), 6)))
                properties = dict(zip(names, middle * rng.uniform(0.8, 1.0, len(names)), strict=True))
                site = Site(f"{basin:08d}", properties, Forcing(dates, weather, forcing))
                runs += [Run(site, space.from_unit(rng.random(len(space))), START, END) for _ in range(SETS)]
            good = [RunResult("ok", outputs=(rng.random((DAYS, 7)) * OUTPUTS).astype(np.float32)) for _ in runs]
            opened.append(MODEL, runs, good, [f"{i:064x}" for i in range(first * SETS, first * SETS + len(runs))])


if __name__ == "__main__":
    if sys.argv[1] == "--write":
        write(Path(sys.argv[2]))
    elif sys.argv[1] == "--measure":
        print(json.dumps(measure(Path(sys.argv[2]), sys.argv[3])))
    else:
        main(sys.argv[1])
