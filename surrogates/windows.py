"""From recorded runs to training windows: arrays in memory, batches by index."""

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.model import Forcing, days_between
from legacy_models.parameters import Array
from legacy_models.run_set import ModelInfo, RunSet
from surrogates.initial_state import antecedent
from surrogates.spec import Scaling, SurrogateSpec

Index = npt.NDArray[np.int64]
Series = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Runs:
    """Recorded runs as float32 arrays; forcing is kept once a site.

    Args:
        keys: (run,) keys.
        sites: (site,) names.
        site: (run,) index into ``sites``.
        forcing: (site, time, forcing) of the recorded days.
        antecedent: (site, time, antecedent) what precedes each recorded day.
        parameters: (run, parameter) values.
        properties: (run, property) site properties.
        outputs: (run, time, output) recorded outputs.
    """

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


@dataclass(frozen=True, eq=False)
class Split:
    """Rows to train on, and rows held out: whole sites, and parameter sets at the other sites."""

    train: Index
    held_out: Index


def gather(run_set: RunSet) -> Runs:
    """Return the runs of ``run_set`` as arrays.

    Raises:
        DataError: if there is no run, or a site's forcing does not cover the recorded days.
    """
    if not len(run_set.sites):
        raise DataError("no run to learn from: the run store holds none that succeeded")
    sites, site = np.unique(run_set.sites, return_inverse=True)
    forcing, past = zip(*(_of_site(run_set, str(name)) for name in sites), strict=True)
    return Runs(
        keys=tuple(map(str, run_set.keys)),
        sites=tuple(map(str, sites)),
        site=site.astype(np.int64),
        forcing=np.stack(forcing),
        antecedent=np.stack(past),
        parameters=run_set.parameters.astype(np.float32),
        properties=run_set.properties.astype(np.float32),
        outputs=run_set.outputs.astype(np.float32),
    )


def split(runs: Runs, site_share: float, set_share: float, seed: int) -> Split:
    """Hold out a share of the sites with all their runs, and a share of the runs at the other sites.

    Both are chosen by the hash of site name or run key, so that what is held out stays held out when runs are
    added. Nothing is held out where the share is zero; otherwise at least one site, if there are two or more.
    """
    count = min(len(runs.sites) - 1, int(np.ceil(site_share * len(runs.sites))))
    order = np.argsort([_hashed(seed, site) for site in runs.sites])
    away = np.isin(runs.site, order[:count]) | (np.array([_hashed(seed, key) for key in runs.keys]) < set_share)
    return Split(train=np.flatnonzero(~away), held_out=np.flatnonzero(away))


def spec_of(run_set: RunSet, runs: Runs, rows: Index) -> SurrogateSpec:
    """Return the spec of ``run_set``'s model, scaled by the runs in ``rows`` only."""
    present = np.unique(runs.site[rows])
    return SurrogateSpec(
        run_set.model,
        Scaling(
            *_mean_and_std(runs.forcing[present]),
            *_mean_and_std(runs.properties[rows]),
            *_mean_and_std(runs.antecedent[present]),
            *_mean_and_std(runs.outputs[rows]),
        ),
    )


def with_total(outputs: Series, runoff: Sequence[int]) -> Series:
    """Append the sum of the ``runoff`` outputs, streamflow before routing, to (..., output)."""
    return np.concatenate([outputs, outputs[..., list(runoff)].sum(axis=-1, keepdims=True)], axis=-1)


def run_weights(runs: Runs, rows: Index, runoff: Sequence[int], floor: float) -> Series:
    """Return the weight of each run's squared error, so that every run counts about equally.

    w = 1 / (std + floor mean(std))^2 for each output and for the sum of the ``runoff`` outputs; std is the
    run's own, its mean is over ``rows``. The floor keeps nearly constant series from dominating.

    Returns:
        (run, output + 1) weights [1 / unit^2].

    Source:
        Kratzert et al. (2019), doi:10.5194/hess-23-5089-2019 (NSE*).
    """
    std = np.stack([with_total(outputs, runoff).std(axis=0, dtype=np.float64) for outputs in runs.outputs])
    typical = np.maximum(std[rows].mean(axis=0), 1e-6)
    return (1.0 / np.square(std + floor * typical)).astype(np.float32)


def draw(rng: np.random.Generator, rows: Index, days: int, window: int, count: int) -> tuple[Index, Index]:
    """Draw ``count`` windows: rows in shuffled order, each as often as the others, and first days from 1 on.

    Returns:
        (count,) row and (count,) first day; the state of the day before is recorded too.

    Raises:
        DataError: if the record is shorter than a window and the day before it.
    """
    if days < window + 1:
        raise DataError(f"the runs record {days} days, but a window of {window} days needs {window + 1} at least")
    rounds = [rng.permutation(rows) for _ in range(-(-count // len(rows)))]
    return np.concatenate(rounds)[:count], rng.integers(1, days - window + 1, count)


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


def _hashed(seed: int, name: str) -> float:
    """A number in [0, 1) that depends on ``seed`` and ``name`` only."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{name}".encode()).digest()[:6], "big") / 2**48


def _of_site(run_set: RunSet, name: str) -> tuple[Series, Series]:
    """Forcing and antecedent (time, variable) of the recorded days at one site."""
    forcing = read_by_model(run_set.forcing[name], run_set.model)
    offset = days_between(forcing.dates[0], run_set.dates[0])
    days = slice(offset, offset + len(run_set.dates))
    if offset < 0 or days.stop > len(forcing.dates):
        raise DataError(
            f"site {name}: forcing covers {forcing.dates[0]} to {forcing.dates[-1]}, "
            f"runs record {run_set.dates[0]} to {run_set.dates[-1]}"
        )
    return forcing.values[days].astype(np.float32), antecedent(forcing)[days]


def _mean_and_std(values: Series | Array) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation along the last axis as plain values; 1 where nothing differs."""
    flat = values.reshape(math.prod(values.shape[:-1]), values.shape[-1])
    mean, std = flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64)
    return tuple(mean.tolist()), tuple(np.where(std > 1e-9 * (1.0 + np.abs(mean)), std, 1.0).tolist())
