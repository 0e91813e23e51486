"""Daily series at given parameters, from the legacy model itself and from its surrogate, and their scores."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from dpl.evaluate import Scores, basin_table, gap, summarise
from dpl.routing import LENGTH, ROUTING, route_arrays
from legacy_models.ensemble import EnsembleSettings, Progress, simulate
from legacy_models.errors import LegacyModelError
from legacy_models.executors import open_executor
from legacy_models.model import Run, Site, days_between, with_spinup
from legacy_models.parameters import Array
from legacy_models.store import RunStore
from pipeline.experiment import Experiment
from pipeline.sections import LegacyModelConfig
from pipeline.splits import SPLITS, Span, Split

if TYPE_CHECKING:
    from surrogates.surrogate import Surrogate

OnBatch = Callable[[Progress], None]


@dataclass(frozen=True, eq=False)
class Series:
    """Simulated days of the span.

    Args:
        outputs: (basin, time, output) as the model gives them; NaN where a legacy run failed.
        streamflow: (basin, time) routed [mm/day].
    """

    outputs: npt.NDArray[np.float32]
    streamflow: Array


@dataclass(frozen=True, eq=False)
class SpanInputs:
    """What a surrogate reads to simulate the span, or another period.

    Args:
        forcing: (basin, time, variable) float32.
        antecedent: (basin, time, feature) what came before each day.
    """

    forcing: npt.NDArray[np.float32]
    antecedent: npt.NDArray[np.float32]


def run_all(experiment: Experiment, runs: list[Run], on_batch: OnBatch | None = None) -> list[str]:
    """Run what the store does not have yet and return the keys in the order of ``runs``."""
    keys = experiment.model.keys(runs)
    section = experiment.config.legacy_model
    with RunStore.open(experiment.store_path, write=True) as store:
        if any(key not in store for key in keys):
            with open_executor(section.executor) as executor:
                simulate(experiment.model, runs, store, executor, ensemble_settings(section), on_batch)
    return keys


def ensemble_settings(section: LegacyModelConfig) -> EnsembleSettings:
    """The part of the configuration that says how legacy runs are batched."""
    return EnsembleSettings(
        batch_runs=section.batch_runs, timeout=section.timeout, retries=section.retries, scratch=section.scratch
    )


def simulate_legacy(experiment: Experiment, parameters: Array, purpose: str, on_batch: OnBatch | None = None) -> Series:
    """Run the legacy model over the span at (basin, parameter) ``parameters``, routing's included.

    Raises:
        LegacyModelError: if not a single basin could be run, with the first reason.
    """
    outputs = run_outputs(experiment, experiment.runs(parameters, experiment.span, purpose), on_batch)
    return Series(outputs, routed(experiment, outputs, parameters))


def run_outputs(experiment: Experiment, runs: list[Run], on_batch: OnBatch | None = None) -> npt.NDArray[np.float32]:
    """Run what the store does not have yet and return (run, time, output) of runs of one period; NaN where one failed.

    Raises:
        LegacyModelError: if all of them failed, with the first reason.
    """
    keys = run_all(experiment, runs, on_batch)
    shape = (len(runs), days_between(runs[0].start, runs[0].end) + 1, len(experiment.model.outputs))
    outputs = np.full(shape, np.nan, dtype=np.float32)
    with RunStore.open(experiment.store_path) as store:
        good = [i for i, key in enumerate(keys) if store.record(key).status == "ok"]
        if not good:
            reason = store.record(keys[0]).reason
            raise LegacyModelError(f"no basin could be simulated; {runs[0].site.name}: {reason}")
        outputs[good] = store.outputs([keys[i] for i in good])
    return outputs


def simulate_surrogate(experiment: Experiment, surrogate: "Surrogate", inputs: SpanInputs, parameters: Array) -> Series:
    """Run the surrogate over the span at (basin, parameter) ``parameters``, routing's included."""
    count = len(experiment.model.parameters)
    outputs = surrogate.predict(inputs.forcing, inputs.antecedent[:, 0], parameters[:, :count], experiment.properties)
    return Series(outputs, routed(experiment, outputs, parameters))


def span_inputs(experiment: Experiment) -> SpanInputs:
    """Forcing and its antecedents over the span at every basin, spin-up behind them."""
    return period_inputs(experiment, experiment.sites, experiment.span)


def period_inputs(experiment: Experiment, sites: Sequence[Site], period: Span) -> SpanInputs:
    """Forcing and its antecedents over ``period`` at some sites, spin-up behind them."""
    from surrogates.initial_state import antecedent

    forcing, past = [], []
    days = days_between(*period) + 1
    for site in sites:
        record = with_spinup(site.forcing, *period, experiment.model.spinup_years)
        forcing.append(record.values[-days:].astype(np.float32))
        past.append(antecedent(record)[-days:])
    return SpanInputs(np.stack(forcing), np.stack(past).astype(np.float32))


def score_table(
    experiment: Experiment, series: Mapping[str, Series], splits: tuple[Split, ...] = SPLITS
) -> pd.DataFrame:
    """Scores of every basin: a row for each basin, split and source.

    Returns:
        Columns basin, split (of the results), group (of the basin), period, source, days, nse, kge, pbias.
    """
    parts = []
    for split in splits:
        observed = _observed_in(experiment, split)
        rows = np.isin(np.array(experiment.basins), experiment.splits.basins_of(split))
        basins = [b for b, chosen in zip(experiment.basins, rows, strict=True) if chosen]
        if not basins:
            continue
        for source, one in series.items():
            table = basin_table(basins, observed[rows], one.streamflow[rows]).reset_index()
            period = "test" if split == "ungauged" else split
            groups = [experiment.split_of[b] for b in basins]
            parts.append(table.assign(split=split, group=groups, period=period, source=source))
    return pd.concat(parts, ignore_index=True)


def split_scores(table: pd.DataFrame, source: str) -> dict[str, Scores | None]:
    """SCORES of one source on every split of ``score_table``; None for a split without basins."""
    rows = table[table["source"] == source]
    return {
        split: summarise(rows[rows["split"] == split]) if (rows["split"] == split).any() else None for split in SPLITS
    }


def split_gaps(table: pd.DataFrame, splits: tuple[Split, ...]) -> dict[str, dict[str, float | None] | None]:
    """Gap between the surrogate's score and the closed loop's on each of ``splits``."""
    result: dict[str, dict[str, float | None] | None] = {}
    for split in splits:
        rows = table[table["split"] == split].pivot(index="basin", columns="source", values="nse")
        result[split] = None if rows.empty else gap(rows["surrogate"].to_numpy(), rows["closed_loop"].to_numpy())
    return result


def _observed_in(experiment: Experiment, split: Split) -> Array:
    """(basin, time) observations of ``split``'s days; NaN elsewhere and where routing is not fed yet."""
    observed = np.where(experiment.splits.mask(split, experiment.basins, experiment.dates), experiment.observed, np.nan)
    observed[:, : LENGTH - 1] = np.nan
    return observed


def routed(experiment: Experiment, outputs: npt.NDArray[np.float32], parameters: Array) -> Array:
    """(basin, time) streamflow [mm/day] from unrouted outputs by the routing columns of ``parameters``."""
    names = [variable.name for variable in experiment.model.outputs]
    places = [names.index(name) for name in experiment.model.runoff]
    runoff = outputs[..., places].sum(axis=-1, dtype=np.float64)
    shape, delay = parameters[:, -len(ROUTING) :].T
    return route_arrays(runoff, shape, delay).astype(np.float64)
