"""How fast the embedded program and its ensembles are; keeps ``vic_speed.json``. To be run on a machine at rest.

    python tests/benchmarks/vic_speed.py FOLDER [RUNS]

FOLDER is made for the work and removed (3 GB); RUNS of the ensemble are 20,000 unless said otherwise.

cpu_s_per_cell_year: processor seconds of the program's work (files read and written, not its start) for a year of a
cell: 4 steps a day, 40 parameter sets a site, one tile and band, BINARY output; mean of four climates, best of five,
after a first run. ratio_to_vic5 is beside the real program of DPL_VIC_EXE on the same files, start included, and null
without it. start_cpu_s is what starting the embedded program takes, its kernels compiled before.

ensemble_overhead_share: of the workers' time, what is not spent in the model's processes, with two local workers on
500 sites of 40 sets of 10 years; ensemble_start_share is what those processes spend on starting. two_worker_speedup:
wall time of 400 of these runs on one worker over that on two; median of five.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Executor, Future
from contextlib import chdir
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np
from kept import keep

from legacy_models.ensemble import local_executor, simulate
from legacy_models.model import Forcing, Run, Site
from legacy_models.store import RunStore
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.disaggregation import NEEDED
from legacy_models.vic.embedded.program import main as embedded

SETS, YEARS, REPEATS, WORKERS = 40, 10, 5, 2
CLIMATES = ((-2.0, 0.9), (6.0, 0.6), (12.0, 0.9), (20.0, 0.1))  # mean temperature [degC], share of forest
SPEEDUP_RUNS, ENSEMBLE_RUNS = 400, 20_000
MODEL = VicModel(spinup_years=0, steps_per_day=4, output_format="BINARY")
START, END = np.datetime64("1990-10-01"), np.datetime64("2000-09-30")


def main(folder: str, runs: str = str(ENSEMBLE_RUNS)) -> None:
    """Measure everything and keep the figures."""
    work = Path(folder)
    work.mkdir(parents=True)
    try:
        figures = program_figures(work) | ensemble_figures(work, int(runs))
    finally:
        shutil.rmtree(work)
    print(
        keep("vic_speed", f"synthetic weather, {SETS} sets a site, ensemble of {runs} runs of {YEARS} years", figures)
    )


def program_figures(work: Path) -> dict[str, float | None]:
    """Processor time of one process on one site, in four climates."""
    real = os.environ.get("DPL_VIC_EXE")
    own, theirs = [], []
    for number, climate in enumerate(CLIMATES):
        sandbox = work / f"site-{number}"
        sandbox.mkdir()
        MODEL.prepare(sandbox, site_runs(site(number, *climate)))
        with chdir(sandbox):
            own.append(min(in_this_process() for _ in range(REPEATS + 1)) / (SETS * YEARS))
            if real:
                theirs.append(min(of_a_child([real, "-g", "global.txt"]) for _ in range(2)) / (SETS * YEARS))
            if number == 0:
                command = [sys.executable, "-P", "-m", "legacy_models.vic.embedded.program", "-g", "global.txt"]
                start = min(of_a_child(command) for _ in range(REPEATS)) - own[0] * SETS * YEARS
    return {
        "cpu_s_per_cell_year": fmean(own),
        "cpu_s_per_cell_year_worst_climate": max(own),
        "vic5_cpu_s_per_cell_year": fmean(theirs) if real else None,
        "ratio_to_vic5": fmean(own) / fmean(theirs) if real else None,
        "start_cpu_s": start,
    }


def in_this_process() -> float:
    """Processor seconds of the embedded program on the files of the working folder."""
    before = time.process_time()
    if embedded(["-g", "global.txt"]) != 0:
        raise RuntimeError("the embedded program failed")
    return time.process_time() - before


def of_a_child(command: list[str]) -> float:
    """Processor seconds of a command in the working folder."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def ensemble_figures(work: Path, count: int) -> dict[str, float]:
    """Overhead of a large ensemble, and what a second worker brings to a small one."""
    started = wall_and_processes(work, list(one_day_runs()), WORKERS)
    wall, processes, batches = wall_and_processes(work, list(many_runs(count)), WORKERS)
    few = list(many_runs(SPEEDUP_RUNS))
    ratios = [wall_and_processes(work, few, 1)[0] / wall_and_processes(work, few, 2)[0] for _ in range(REPEATS)]
    return {
        "ensemble_runs": count,
        "ensemble_seconds": wall,
        "ensemble_processes": batches,
        "ensemble_overhead_share": 1.0 - processes / (WORKERS * wall),
        "ensemble_start_share": started[1] / started[2] * batches / (WORKERS * wall),
        "two_worker_speedup": median(ratios),
    }


def wall_and_processes(work: Path, runs: list[Run], workers: int) -> tuple[float, float, int]:
    """Wall seconds of an ensemble in a new store, the seconds its processes took in all, and how many they were."""
    path = work / "store"
    started = time.monotonic()
    with RunStore.open(path, write=True) as store, local_executor(workers) as threads:
        timed = Timed(threads)
        counts = simulate(MODEL, runs, store, timed)
    wall = time.monotonic() - started
    shutil.rmtree(path)
    if counts.committed != len(runs):
        raise RuntimeError(f"only {counts.committed} of {len(runs)} runs were good")
    return wall, sum(timed.process_seconds), len(timed.process_seconds)


class Timed(Executor):
    """An executor that notes how long the model's processes took."""

    def __init__(self, inner: Executor) -> None:
        self.inner = inner
        self.process_seconds: list[float] = []

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Hand on to the inner executor."""
        future = self.inner.submit(fn, *args, **kwargs)
        future.add_done_callback(lambda done: self.process_seconds.append(done.result().process_seconds))
        return future


def many_runs(count: int) -> Iterator[Run]:
    """Runs of as many sites as it takes."""
    for number in range(-(-count // SETS)):
        yield from site_runs(site(number, *CLIMATES[number % len(CLIMATES)]))[: count - number * SETS]


def one_day_runs() -> Iterator[Run]:
    """Ten runs of one day: what their processes take is start and nothing else."""
    place = site(0, *CLIMATES[0])
    for run in site_runs(place)[:10]:
        yield Run(place, run.parameters, START, START)


def site_runs(place: Site) -> list[Run]:
    """The parameter sets of one site."""
    draws = np.random.default_rng(int(place.name)).random((SETS, len(MODEL.parameters)))
    return [Run(place, one, START, END) for one in MODEL.parameters.from_unit(draws)]


def site(number: int, warmth: float, forest: float) -> Site:
    """A made-up place with seasons and showers of its own."""
    rng = np.random.default_rng(number)
    dates = np.arange(START, END + 1)
    season = -np.cos(2 * np.pi * (np.arange(len(dates)) + 258) / 365.25)
    tmin = warmth - 5.0 + 10.0 * season + rng.normal(0.0, 3.0, len(dates))
    rain = np.where(rng.random(len(dates)) < 0.3, rng.gamma(0.8, 10.0, len(dates)), 0.0)
    columns = {
        "prcp": rain,
        "tmin": tmin,
        "tmax": tmin + 9.0,
        "srad": 300.0 + 120.0 * season,
        "vp": 610.78 * np.exp(17.269 * tmin / (237.3 + tmin)),
        "dayl": 43200.0 + 10000.0 * season,
    }
    attributes = {
        "gauge_lat": 41.5,
        "elev_mean": 350.0,
        "soil_porosity": 0.43,
        "soil_conductivity": 1.5,
        "sand_frac": 40.0,
        "silt_frac": 40.0,
        "clay_frac": 18.0,
        "frac_forest": forest,
        "lai_max": 4.0,
        "lai_diff": 3.0,
    }
    return MODEL.site(str(number), attributes, Forcing(dates, np.stack([columns[n] for n in NEEDED], axis=1), NEEDED))


if __name__ == "__main__":
    main(*sys.argv[1:])
