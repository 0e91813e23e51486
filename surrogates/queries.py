"""What is asked of a surrogate: parameters at a site under some forcing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from legacy_models.errors import ShapeError
from legacy_models.model import Forcing
from legacy_models.parameters import Array, ParameterSpace
from legacy_models.run_set import RunSet
from surrogates import climate_summary


@dataclass(frozen=True, eq=False)
class Queries:
    """A batch of queries.

    Args:
        unit: (query, parameter) points of the unit cube.
        properties: (query, property) site properties.
        climate: (query, feature) ``climate_summary.summarise`` of the forcing.
        years: that the climates are means of; None for as many as the training runs record.
        spread: (query,) of the members in each simulation, ``trust.run_spread``; None where it is not known.
    """

    unit: Array
    properties: Array
    climate: Array
    years: float | None = None
    spread: Array | None = None

    def __post_init__(self) -> None:
        counts = {name: len(getattr(self, name)) for name in ("unit", "properties", "climate")}
        if self.spread is not None:
            counts["spread"] = len(self.spread)
        if len(set(counts.values())) > 1:
            raise ShapeError(f"Expected one row for each query. Received {counts}.")

    def __len__(self) -> int:
        return len(self.unit)

    @classmethod
    def of_runs(cls, run_set: RunSet) -> "Queries":
        """What recorded runs were asked."""
        unit = run_set.model.parameters.to_unit(run_set.parameters)
        return cls(unit, np.asarray(run_set.properties, np.float64), climate_summary.of_runs(run_set))

    @classmethod
    def at(cls, space: ParameterSpace, parameters: Array, properties: Array, forcings: Sequence[Forcing]) -> "Queries":
        """One query a site.

        Args:
            space: of the legacy model.
            parameters: (site, parameter) values; what comes after those of ``space``, routing, is left out.
            properties: (site, property).
            forcings: of each site over the period that is asked for, with the variables that the model reads.
        """
        unit = space.to_unit(np.asarray(parameters, np.float64)[:, : len(space)])
        years = len(forcings[0].dates) / climate_summary.DAYS_A_YEAR if forcings else None
        return cls(unit, np.asarray(properties, np.float64), climate_summary.summaries(forcings), years)

    def only(self, rows: npt.NDArray[Any]) -> "Queries":
        """Return some of them, by index or mask."""
        spread = None if self.spread is None else self.spread[rows]
        chosen = {name: getattr(self, name)[rows] for name in ("unit", "properties", "climate")}
        return replace(self, **chosen, spread=spread)
