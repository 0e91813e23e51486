"""A legacy model of whose outputs only streamflow before routing is kept: for searches, which run it very often."""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from legacy_models.files import sha256_of_bytes
from legacy_models.model import Forcing, LegacyModel, Run, RunResult, Site, Variable
from legacy_models.parameters import ParameterSpace
from legacy_models.runner import checked_result

NAME = "runoff_total"


@dataclass(frozen=True)
class TotalRunoff:
    """``model``, but for its outputs: the sum of its runoff [mm/day], once all of them have been checked.

    A run has another key than the whole model's, since something else is stored.
    """

    model: LegacyModel

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def version(self) -> str:
        return self.model.version

    @property
    def parameters(self) -> ParameterSpace:
        return self.model.parameters

    @property
    def forcing(self) -> tuple[Variable, ...]:
        return self.model.forcing

    @property
    def properties(self) -> tuple[Variable, ...]:
        return self.model.properties

    @property
    def outputs(self) -> tuple[Variable, ...]:
        parts = [v for v in self.model.outputs if v.name in self.model.runoff]
        return (Variable(NAME, parts[0].unit, sum(v.lower for v in parts), sum(v.upper for v in parts)),)

    @property
    def states(self) -> tuple[str, ...]:
        return ()

    @property
    def runoff(self) -> tuple[str, ...]:
        return (NAME,)

    @property
    def spinup_years(self) -> int:
        return self.model.spinup_years

    @property
    def seconds_a_year(self) -> float:
        return self.model.seconds_a_year

    @property
    def options(self) -> Mapping[str, Any]:
        return self.model.options

    def reading(self, available: Collection[str]) -> Self:
        return replace(self, model=self.model.reading(available))

    def site(self, name: str, attributes: Mapping[str, Any], forcing: Forcing) -> Site:
        return self.model.site(name, attributes, forcing)

    def key(self, run: Run) -> str:
        return self.keys([run])[0]

    def keys(self, runs: Sequence[Run]) -> list[str]:
        return [sha256_of_bytes(key.encode(), NAME.encode()) for key in self.model.keys(runs)]

    def batch_group(self, run: Run) -> Hashable:
        return self.model.batch_group(run)

    def prepare(self, directory: Path, runs: Sequence[Run]) -> list[str]:
        return self.model.prepare(directory, runs)

    def collect(self, directory: Path, runs: Sequence[Run]) -> list[RunResult]:
        whole = zip(runs, self.model.collect(directory, runs), strict=True)
        return [self._kept(checked_result(self.model, run, result)) for run, result in whole]

    def _kept(self, result: RunResult) -> RunResult:
        if result.outputs is None:
            return result
        places = [i for i, variable in enumerate(self.model.outputs) if variable.name in self.model.runoff]
        total = result.outputs[:, places].sum(axis=1, dtype=np.float64, keepdims=True)
        return replace(result, outputs=total.astype(np.float32))
