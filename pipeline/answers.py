"""What answers a search over basins: the legacy model or its surrogate, routed and compared with what was observed."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dpl.baselines.search import Evaluate, Rows
from dpl.routing import LENGTH, ROUTING, route_arrays
from legacy_models.ensemble import Pace, simulate
from legacy_models.executors import open_executor
from legacy_models.model import days_between
from legacy_models.parameters import Array
from legacy_models.store import RunStore
from legacy_models.total_runoff import TotalRunoff
from pipeline.closed_loop import ensemble_settings, period_inputs
from pipeline.experiment import Experiment
from pipeline.splits import Span

if TYPE_CHECKING:
    from dpl.losses import Loss
    from surrogates.surrogate import Surrogate

PURPOSE = "calibrate"
PIECE = 512
"""Most series that are routed and compared at a time."""
SLOPES = 64
"""Series whose slopes are found at a time: the way back needs what every day left on the way there."""

Runoff = Callable[[Rows, Array], Iterator[npt.NDArray[np.floating[Any]]]]
"""(point,) rows of basins and (point, parameter) values in; (some, time) runoff before routing out, piece by piece."""


def evaluator(experiment: Experiment, period: Span, runoff: Runoff, loss: "Loss") -> Evaluate:
    """Return what gives the ``loss`` of streamflow on the fit days of ``period`` at points of the unit cube.

    Args:
        experiment: its basins are what is asked about, by row.
        period: first and last simulated day; the days that routing is not fed yet do not count.
        runoff: simulates it.
        loss: of ``dpl.losses``.
    """
    from dpl.baselines.objective import costs_of

    observed = _counted(experiment, period)
    spread, costs = np.nanstd(observed, axis=1), costs_of(loss)

    def evaluate(rows: Rows, points: Array) -> Array:
        values, found = experiment.space.from_unit(points), np.empty(len(points))
        done = 0
        for piece in runoff(rows, values):
            part = slice(done, done + len(piece))
            flow = route_arrays(piece.astype(np.float64), *values[part, -len(ROUTING) :].T)
            found[part] = costs(observed[rows[part]], flow.astype(np.float64), spread[rows[part]])
            done += len(piece)
        return found

    return evaluate


@contextmanager
def from_legacy_model(experiment: Experiment, period: Span, store_path: Path) -> Iterator[Runoff]:
    """Yield what runs the legacy model, all that is asked in one ensemble, and keeps its runoff in a store of its own.

    What the store has is not run again. A run that failed has runoff NaN.
    """
    model, section = TotalRunoff(experiment.model), experiment.config.legacy_model
    settings = ensemble_settings(section)
    pace = Pace(model, settings.batch_runs, settings.timeout)
    days = days_between(*period) + 1
    with RunStore.open(store_path, write=True) as store, open_executor(section.executor) as executor:

        def runoff(rows: Rows, values: Array) -> Iterator[npt.NDArray[np.float32]]:
            runs = experiment.runs(values, period, PURPOSE, [experiment.sites[row] for row in rows])
            keys = model.keys(runs)
            simulate(model, runs, store, executor, settings, pace=pace)
            for first in range(0, len(keys), PIECE):
                piece = keys[first : first + PIECE]
                series = np.full((len(piece), days), np.nan, dtype=np.float32)
                good = [i for i, key in enumerate(piece) if store.record(key).status == "ok"]
                if good:
                    series[good] = np.stack(store.outputs([piece[i] for i in good]))[..., 0]
                yield series

        yield runoff


def from_surrogate(experiment: Experiment, period: Span, surrogate: "Surrogate") -> Runoff:
    """Return what runs the surrogate."""
    inputs = period_inputs(experiment, experiment.sites, period)
    count, places = len(experiment.model.parameters), list(surrogate.spec.runoff_indices)

    def runoff(rows: Rows, values: Array) -> Iterator[npt.NDArray[np.float64]]:
        for first in range(0, len(rows), PIECE):
            part = slice(first, first + PIECE)
            some = rows[part]
            outputs = surrogate.predict(
                inputs.forcing[some], inputs.antecedent[some, 0], values[part, :count], experiment.properties[some]
            )
            yield outputs[..., places].sum(axis=-1, dtype=np.float64)

    return runoff


def by_slope(experiment: Experiment, period: Span, surrogate: "Surrogate", loss: "Loss") -> Evaluate:
    """Return what gives the ``loss`` as ``evaluator`` does, and its gradient through the surrogate beside it."""
    from dpl.baselines.objective import slopes_of
    from dpl.routing import streamflow

    observed, count = _counted(experiment, period), len(experiment.model.parameters)
    inputs, spread = period_inputs(experiment, experiment.sites, period), np.nanstd(observed, axis=1)

    def simulate(values: Any, forcing: Any, antecedent: Any, properties: Any) -> Any:
        outputs = surrogate.simulate(forcing, antecedent, values[:, :count], properties)
        return streamflow(outputs, surrogate.spec.runoff_indices, values)

    slopes = slopes_of(loss, experiment.space, simulate)

    def evaluate(rows: Rows, points: Array) -> Array:
        size = min(SLOPES, 1 << (len(rows) - 1).bit_length())  # few sizes, since each is traced for itself
        found = []
        for first in range(0, len(rows), size):
            part = np.minimum(np.arange(first, first + size), len(rows) - 1)
            some = rows[part]
            read = (inputs.forcing[some], inputs.antecedent[some, 0], experiment.properties[some])
            found.append(slopes(points[part], observed[some], spread[some], *read))
        return np.concatenate(found)[: len(rows)]

    return evaluate


def _counted(experiment: Experiment, period: Span) -> Array:
    """(basin, time) observations over ``period`` on fit days; NaN elsewhere and where routing is not fed yet."""
    start, end = period
    days = (experiment.dates >= start) & (experiment.dates <= end)
    fit = experiment.splits.mask("fit", experiment.basins, experiment.dates)
    observed = np.where(fit, experiment.observed, np.nan)[:, days]
    observed[:, : LENGTH - 1] = np.nan
    return observed
