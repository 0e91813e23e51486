"""What the run store hands to those who learn from runs: the model's description and the runs as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.model import Dates, Forcing, LegacyModel, Variable
from legacy_models.parameters import Array, ParameterSpace


@dataclass(frozen=True)
class ModelInfo:
    """A legacy model described by plain values; fields as in ``LegacyModel``, ``options`` as (name, value) pairs."""

    name: str
    version: str
    parameters: ParameterSpace
    forcing: tuple[Variable, ...]
    properties: tuple[Variable, ...]
    outputs: tuple[Variable, ...]
    states: tuple[str, ...]
    runoff: tuple[str, ...]
    spinup_years: int
    options: tuple[tuple[str, Any], ...] = ()

    @classmethod
    def of(cls, model: LegacyModel) -> "ModelInfo":
        """Describe ``model``."""
        return cls(
            name=model.name,
            version=model.version,
            parameters=model.parameters,
            forcing=model.forcing,
            properties=model.properties,
            outputs=model.outputs,
            states=model.states,
            runoff=model.runoff,
            spinup_years=model.spinup_years,
            options=tuple(sorted(dict(model.options).items())),
        )

    @property
    def forcing_names(self) -> tuple[str, ...]:
        """Names of the forcing variables that the model reads, in order."""
        return tuple(v.name for v in self.forcing)

    @property
    def property_names(self) -> tuple[str, ...]:
        """Names of the site properties, in order."""
        return tuple(v.name for v in self.properties)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs, in order."""
        return tuple(v.name for v in self.outputs)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; an unlimited range has None for a bound."""
        return {
            "name": self.name,
            "version": self.version,
            "parameters": self.parameters.to_dict(),
            "forcing": [_variable_to_dict(v) for v in self.forcing],
            "properties": [_variable_to_dict(v) for v in self.properties],
            "outputs": [_variable_to_dict(v) for v in self.outputs],
            "states": list(self.states),
            "runoff": list(self.runoff),
            "spinup_years": self.spinup_years,
            "options": dict(self.options),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ModelInfo":
        """Rebuild a description from ``to_dict``."""
        return cls(
            name=values["name"],
            version=values["version"],
            parameters=ParameterSpace.from_dict(values["parameters"]),
            forcing=tuple(_variable_from_dict(v) for v in values["forcing"]),
            properties=tuple(_variable_from_dict(v) for v in values["properties"]),
            outputs=tuple(_variable_from_dict(v) for v in values["outputs"]),
            states=tuple(values["states"]),
            runoff=tuple(values["runoff"]),
            spinup_years=int(values["spinup_years"]),
            options=tuple(sorted(values.get("options", {}).items())),
        )


@dataclass(frozen=True, eq=False)
class RunSet:
    """The good runs of one model, all of one length, ordered by site and key.

    A site whose runs differ in forcing or period is here once for each of these, as ``name@digest``.

    Args:
        model: the model's description.
        keys: (run,) keys.
        sites: (run,) names of the sites, each a key of ``forcing``.
        parameters: (run, parameter) values in the model's coordinates.
        properties: (run, property) site properties.
        outputs: (run, time, output) float32.
        starts: (run,) first recorded day.
        forcing: site -> its forcing from the first day of spin-up to the last recorded day, all variables.
    """

    model: ModelInfo
    keys: tuple[str, ...]
    sites: npt.NDArray[np.str_]
    parameters: Array
    properties: Array
    outputs: npt.NDArray[np.float32]
    starts: Dates
    forcing: Mapping[str, Forcing]

    def __post_init__(self) -> None:
        n = len(self.keys)
        expected = {
            "sites": (n,),
            "parameters": (n, len(self.model.parameters)),
            "properties": (n, len(self.model.properties)),
            "outputs": (n, self.days, len(self.model.outputs)),
            "starts": (n,),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise DataError(f"Expected {name} of shape {shape}. Received {getattr(self, name).shape}.")

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def days(self) -> int:
        """Number of recorded days."""
        return int(self.outputs.shape[1])

    def only(self, rows: npt.NDArray[np.int64]) -> "RunSet":
        """Return the runs in ``rows``, copied, with the forcing that they need."""
        names = ("sites", "parameters", "properties", "outputs", "starts")
        chosen = {name: getattr(self, name)[rows] for name in names}
        forcing = {str(site): self.forcing[str(site)] for site in np.unique(chosen["sites"])}
        return replace(self, keys=tuple(self.keys[row] for row in rows), forcing=forcing, **chosen)

    @property
    def basins(self) -> npt.NDArray[np.str_]:
        """(run,) names of the sites as the store knows them, whatever the forcing and the period."""
        return np.array([basin_of(site) for site in self.sites], dtype=np.str_)

    @property
    def dates(self) -> Dates:
        """(run, time) the recorded days."""
        return self.starts[:, None] + np.arange(self.days)


def site_name(basin: str, digest: str) -> str:
    """Name of a basin under one of several forcing records."""
    return f"{basin}@{digest[:8]}"


def basin_of(site: str) -> str:
    """The basin that a site's name stands for; undoes ``site_name``."""
    return site.partition("@")[0]


def _variable_to_dict(variable: Variable) -> dict[str, Any]:
    lower, upper = (float(b) if np.isfinite(b) else None for b in (variable.lower, variable.upper))
    return {"name": variable.name, "unit": variable.unit, "lower": lower, "upper": upper}


def _variable_from_dict(values: Mapping[str, Any]) -> Variable:
    lower = -np.inf if values["lower"] is None else float(values["lower"])
    upper = np.inf if values["upper"] is None else float(values["upper"])
    return Variable(values["name"], values["unit"], lower, upper)
