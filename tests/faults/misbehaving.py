"""The adapter of the misbehaving program, and runs for it: run number n should give n, n + 1, n + 2, ..."""

import json
import os
import sys
from pathlib import Path
from types import MappingProxyType

import numpy as np

from legacy_models.keys import run_key
from legacy_models.model import Forcing, Run, RunResult, Site, Variable
from legacy_models.parameters import Parameter, ParameterSpace

PROGRAM = Path(__file__).with_name("misbehaving_program.py")
START, END = np.datetime64("2001-01-01"), np.datetime64("2001-01-20")
DAYS = 20
_DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2002-01-01"))
SITE = Site("somewhere", {"area": 1.0}, Forcing(_DATES, np.ones((len(_DATES), 1)), ("prcp",)))


class Misbehaving:
    """Runs the program with ``python -I -S``, which starts in some 20 ms."""

    name = "misbehaving"
    parameters = ParameterSpace((Parameter("number", 0, 1e6, 0, "1", "linear", "counting"),))
    forcing = (Variable("prcp", "mm/day"),)
    properties = (Variable("area", "km2"),)
    outputs = (Variable("flow", "mm/day", upper=1e9),)
    states = ()
    runoff = ("flow",)
    spinup_years = 0
    seconds_a_year = 0.01
    options = MappingProxyType({})

    def __init__(self, program: str = sys.executable) -> None:
        self.program = program

    @property
    def version(self) -> str:
        return os.environ.get("MODEL_VERSION", "1")

    def site(self, name, attributes, forcing):
        return Site(name, {"area": 1.0}, forcing)

    def batch_group(self, run):
        return None

    def key(self, run: Run) -> str:
        return run_key(self.version, run, self.spinup_years)

    def prepare(self, directory, runs):
        numbers = [int(run.parameters[0]) for run in runs]
        (directory / "runs.json").write_text(json.dumps({"days": DAYS, "numbers": numbers}))
        return [self.program, "-I", "-S", str(PROGRAM)]

    def collect(self, directory, runs):
        return [self._read(directory / f"{i}.txt") for i in range(len(runs))]

    def _read(self, path: Path) -> RunResult:
        if not path.exists():
            return RunResult("failed", "no output")
        return RunResult("ok", outputs=np.array(path.read_text().split(), dtype=np.float32)[:, None])


def numbered(*numbers: int) -> list[Run]:
    return [Run(SITE, np.array([float(n)]), START, END) for n in numbers]
