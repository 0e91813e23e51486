"""From recorded runs to training windows, by index; what is large can lie in files that are read as needed."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError, TrainingError
from legacy_models.files import scratch_array
from legacy_models.model import Forcing, days_between
from legacy_models.parameters import Array
from legacy_models.run_set import ModelInfo, RunSet, basin_of
from surrogates.initial_state import antecedent
from surrogates.spec import Scaling, SurrogateSpec

Index = npt.NDArray[np.int64]
Series = npt.NDArray[np.float32]

ROOT_OFFSET = 0.01
"""Added to streamflow before its root is taken, whose slope would have no end at zero [mm/day]."""

HIGH_SHARE, LOW_SHARE = 0.02, 0.30
"""Shares of a run's days that count as high and as low flow."""

KEPT = 16
"""Days of high and of low flow that are remembered of a run, evenly spread in time."""

NEAR = 0.05
"""Share of the box; runs at a basin whose parameter sets differ by less in every coordinate are held out together."""


@dataclass(frozen=True, eq=False)
class Summary:
    """What a run is like, from one pass over the outputs.

    Args:
        mean: (run, target) mean of each of ``targets``.
        std: (run, target) standard deviation.
        high: (run, kept) some of its days of high flow.
        low: (run, kept) some of its days of low flow.
    """

    mean: Array
    std: Array
    high: npt.NDArray[np.int32]
    low: npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Runs:
    """Recorded runs as float32 arrays; forcing is kept once a site.

    Args:
        model: the legacy model.
        keys: (run,) keys.
        sites: (site,) names.
        site: (run,) index into ``sites``.
        forcing: (site, time, forcing) of the recorded days.
        antecedent: (site, time, antecedent) what precedes each recorded day.
        parameters: (run, parameter) values.
        properties: (run, property) site properties.
        outputs: (run, time, output) recorded outputs.
    """

    model: ModelInfo
    keys: tuple[str, ...]
    sites: tuple[str, ...]
    site: Index
    forcing: Series
    antecedent: Series
    parameters: Series
    properties: Series
    outputs: Series

    def __len__(self) -> int:
        return len(self.site)

    @property
    def days(self) -> int:
        """Number of recorded days."""
        return self.outputs.shape[1]

    @property
    def from_first_day(self) -> tuple[Series, Series, Series, Series]:
        """What a surrogate reads to simulate every run in one go: forcing, antecedent, parameters, properties."""
        return self.forcing[self.site], self.antecedent[self.site, 0], self.parameters, self.properties

    @cached_property
    def basin(self) -> Index:
        """(run,) number of its basin, which may be here as several sites that differ in forcing or period."""
        _, basin = np.unique([basin_of(site) for site in self.sites], return_inverse=True)
        return basin[self.site].astype(np.int64)

    @cached_property
    def summary(self) -> Summary:
        """What each run is like.

        Raises:
            TrainingError: naming site and variable of a recorded value that is not finite.
        """
        names, runoff = self.model.output_names, runoff_indices(self.model)
        shape = (len(self), len(names) + 2)
        found = Summary(np.empty(shape), np.empty(shape), *np.empty((2, len(self), KEPT), np.int32))
        for i, outputs in enumerate(self.outputs):
            values = targets(outputs, runoff)
            found.mean[i], found.std[i] = values.mean(axis=0, dtype=np.float64), values.std(axis=0, dtype=np.float64)
            found.high[i], found.low[i] = _regime_days(values[:, -2])
        bad = np.argwhere(~np.isfinite(found.mean[:, : len(names)]))
        if len(bad):
            run, variable = bad[0]
            raise TrainingError(
                f"run {self.keys[run]} at site {self.sites[self.site[run]]}, variable {names[variable]}: a recorded "
                "value is not finite"
            )
        return found


@dataclass(frozen=True, eq=False)
class Split:
    """Rows to train on, and rows held out: whole sites, and parameter sets at the other sites."""

    train: Index
    held_out: Index


def gather(run_set: RunSet, scratch: Path | None = None) -> Runs:
    """Return the runs of ``run_set`` as arrays; its outputs are not copied.

    Args:
        run_set: recorded runs.
        scratch: directory on whose disk what precedes each day lies while it is used; None is in memory.

    Raises:
        DataError: if there is no run, or a site's forcing does not cover the recorded days.
    """
    if not len(run_set.sites):
        raise DataError("no run to learn from: the run store holds none that succeeded")
    sites, first, site = np.unique(run_set.sites, return_index=True, return_inverse=True)
    forcing, past = [], None
    for i, name in enumerate(map(str, sites)):
        own, before = _of_site(run_set, name, run_set.starts[first[i]])
        if past is None:
            past = scratch_array((len(sites), *before.shape), np.float32, scratch)
        past[i] = before
        forcing.append(own)
    assert past is not None  # there is at least one site
    return Runs(
        model=run_set.model,
        keys=tuple(map(str, run_set.keys)),
        sites=tuple(map(str, sites)),
        site=site.astype(np.int64),
        forcing=np.stack(forcing),
        antecedent=np.asarray(past),
        parameters=run_set.parameters.astype(np.float32),
        properties=run_set.properties.astype(np.float32),
        outputs=np.asarray(run_set.outputs, np.float32),
    )


def split(runs: Runs, site_share: float, set_share: float, seed: int) -> Split:
    """Hold out a share of the basins with all their runs, and a share of the runs at the other basins.

    Both are chosen by the hash of basin name or run key, so that what is held out stays held out when runs are
    added. A run near a held-out one (``NEAR``), under whatever forcing, is held out with it. Nothing is held out where
    the share is zero; otherwise at least one basin, if there are two or more.
    """
    basins = np.unique([basin_of(site) for site in runs.sites])
    count = min(len(basins) - 1, int(np.ceil(site_share * len(basins))))
    order = np.argsort([_hashed(seed, str(name)) for name in basins])
    chosen = np.array([_hashed(seed, key) for key in runs.keys]) < set_share
    for basin in np.unique(runs.basin[chosen]):
        rows = np.flatnonzero(runs.basin == basin)
        unit = runs.model.parameters.to_unit(runs.parameters[rows])
        apart = np.abs(unit[:, None] - unit[None, chosen[rows]]).max(axis=-1)
        chosen[rows] = (apart < NEAR).any(axis=1)
    away = np.isin(runs.basin, order[:count]) | chosen
    return Split(train=np.flatnonzero(~away), held_out=np.flatnonzero(away))


def spec_of(run_set: RunSet, runs: Runs, rows: Index) -> SurrogateSpec:
    """Return the spec of ``run_set``'s model, scaled by the runs in ``rows`` only."""
    present, recorded = np.unique(runs.site[rows]), slice(len(run_set.model.outputs))
    mean, std = runs.summary.mean[rows, recorded], runs.summary.std[rows, recorded]
    return SurrogateSpec(
        run_set.model,
        Scaling(
            *_mean_and_std(runs.forcing[site] for site in present),
            *_mean_and_std([runs.properties[rows]]),
            *_mean_and_std(runs.antecedent[site] for site in present),
            *_pooled(mean, std),
        ),
    )


def with_total(outputs: Series, runoff: Sequence[int]) -> Series:
    """Append the sum of the ``runoff`` outputs, streamflow before routing, to (..., output)."""
    return np.concatenate([outputs, outputs[..., list(runoff)].sum(axis=-1, keepdims=True)], axis=-1)


def targets(outputs: Series, runoff: Sequence[int]) -> Series:
    """Append what the loss looks at besides the outputs: streamflow before routing, and its root for low flows."""
    whole = with_total(outputs, runoff)
    return np.concatenate([whole, np.sqrt(np.maximum(whole[..., -1:], 0.0) + ROOT_OFFSET)], axis=-1)


def runoff_indices(model: ModelInfo) -> tuple[int, ...]:
    """Place among the outputs of each part of the runoff."""
    return tuple(model.output_names.index(name) for name in model.runoff)


def on_days(series: Series, row: Index, day: Index) -> Series:
    """Return (sample, variable): one day of a row of (row, time, variable) for each sample."""
    flat = series.reshape(-1, series.shape[-1])
    return flat.take(row * series.shape[1] + day, axis=0)


def from_days(series: Series, row: Index, first: Index, length: int) -> Series:
    """Return (sample, length, variable): days from ``first`` on of a row of (row, time, variable) for each sample."""
    return np.stack([series[i, day : day + length] for i, day in zip(row, first, strict=True)])


def run_weights(runs: Runs, rows: Index, floor: float) -> Series:
    """Return the weight of each run's squared error, so that every run counts about equally.

    w = 1 / (std + floor mean(std))^2 for each of ``targets``; std is the run's own, its mean is over ``rows``. The
    floor keeps nearly constant series from dominating.

    Returns:
        (run, target) weights [1 / unit^2].

    Source:
        Kratzert et al. (2019), doi:10.5194/hess-23-5089-2019 (NSE*).
    """
    std = runs.summary.std
    typical = np.maximum(std[rows].mean(axis=0), 1e-6)
    return (1.0 / np.square(std + floor * typical)).astype(np.float32)


def read_by_model(forcing: Forcing, model: ModelInfo) -> Forcing:
    """Return the variables that ``model`` reads, in its order.

    Raises:
        DataError: naming a variable that is missing.
    """
    missing = [name for name in model.forcing_names if name not in forcing.names]
    if missing:
        raise DataError(f"{model.name} reads {', '.join(missing)}, but the forcing has {', '.join(forcing.names)}")
    columns = [forcing.names.index(name) for name in model.forcing_names]
    return Forcing(forcing.dates, forcing.values[:, columns], model.forcing_names)


def _regime_days(flow: Series) -> tuple[Index, Index]:
    """Return ``KEPT`` days of high and of low flow of one run's (time,) streamflow."""
    order = np.argsort(flow, kind="stable")
    high, low = (max(1, int(np.ceil(share * len(flow)))) for share in (HIGH_SHARE, LOW_SHARE))
    days = np.sort(order[-high:]), np.sort(order[:low])
    high_days, low_days = (some[np.linspace(0, len(some) - 1, KEPT).round().astype(np.int64)] for some in days)
    return high_days, low_days


def _hashed(seed: int, name: str) -> float:
    """A number in [0, 1) that depends on ``seed`` and ``name`` only."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:6], "big") / 2**48


def _of_site(run_set: RunSet, name: str, start: np.datetime64) -> tuple[Series, Series]:
    """Forcing and antecedent (time, variable) of the recorded days at one site."""
    forcing = read_by_model(run_set.forcing[name], run_set.model)
    offset = days_between(forcing.dates[0], start)
    days = slice(offset, offset + run_set.days)
    if offset < 0 or days.stop > len(forcing.dates):
        raise DataError(
            f"site {name}: forcing covers {forcing.dates[0]} to {forcing.dates[-1]}, "
            f"runs record {run_set.days} days from {start}"
        )
    return forcing.values[days].astype(np.float32), antecedent(forcing)[days]


def _mean_and_std(parts: Iterable[Series]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each variable over (time, variable) parts of one length."""
    found = [(part.mean(axis=0, dtype=np.float64), part.std(axis=0, dtype=np.float64)) for part in parts]
    mean, std = np.array(found).swapaxes(0, 1)
    return _pooled(mean, std)


def _pooled(means: Array, stds: Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation from those of (part, variable) as plain values; 1 where nothing differs."""
    mean, std = means.mean(axis=0), np.sqrt(np.square(stds).mean(axis=0) + means.var(axis=0))
    return tuple(mean.tolist()), tuple(np.where(std > 1e-9 * (1.0 + np.abs(mean)), std, 1.0).tolist())
