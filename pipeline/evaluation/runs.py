"""Every figure of every method in a finished run, basin by basin.

A method leaves daily streamflow: the variables of ``simulations.nc`` called streamflow, in the run's directory and in
those of its calibrations, the regional LSTM among them. Day-of-year climatology is added as the floor.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
import yaml

from dpl.climatology import climatology
from dpl.evaluate import full_table
from dpl.routing import LENGTH
from legacy_models.errors import DataError, UsageError
from legacy_models.files import sha256_of_json
from legacy_models.parameters import Array
from pipeline.calibration_files import JUDGED, SIMULATIONS, belongs, calibrations
from pipeline.report.inputs import RunFiles, dig, labels, opened_dataset, opened_run

LEARNED = "learned_parameters"
METHODS = {"closed_loop": LEARNED}
"""Source in ``simulations.nc`` -> method, where they differ."""
SAME = (
    "data", "basins", "periods", "legacy_model.name", "legacy_model.options", "legacy_model.spinup_years", "design",
    "surrogate", "network", "dpl", "refine",
)  # fmt: skip
"""Parts of the configuration that seeds and folds of one set-up share."""
KEYS = ["split", "method", "seed", "basin"]
"""What tells the rows of a table of scores apart."""


@dataclass(frozen=True, slots=True)
class Request:
    """A run's directory, and the name of the set-up that it is a seed or a fold of; empty where there is but one."""

    name: str
    directory: Path


@dataclass(frozen=True, slots=True)
class Setup:
    """What a run is one of, and what it was made from.

    Args:
        request: the run.
        seed: of the run.
        scheme: how ungauged basins were held out.
        fold: which of them.
        salt: of the division.
        transductive: whether the surrogate saw legacy runs at ungauged basins; None where that is not known.
        test: first and last day of the test period.
        hashes: of its data, configuration, legacy model and store.
        sections: hash of every part of the configuration that is the same in all seeds and folds of a set-up.
    """

    request: Request
    seed: int
    scheme: str
    fold: int
    salt: str
    transductive: bool | None
    test: tuple[str, str]
    hashes: dict[str, Any]
    sections: dict[str, str]


@dataclass(frozen=True, eq=False)
class ScoredRun:
    """What a run shows.

    Args:
        setup: of the run.
        scores: its figures; columns are ``KEYS`` and those of ``full_table``.
        attributes: what is known of its basins.
        left_out: calibrations in its directory that have no figures here, and why.
    """

    setup: Setup
    scores: pd.DataFrame
    attributes: pd.DataFrame
    left_out: dict[Path, str]


@dataclass(frozen=True, eq=False)
class _Flow:
    """Streamflow of one method and seed at some basins of a run, on all of its days."""

    method: str
    seed: int
    basins: npt.NDArray[np.str_]
    values: Array


def parse(texts: Sequence[str]) -> list[Request]:
    """Return what ``RUN`` and ``NAME=RUN`` ask for.

    Raises:
        UsageError: for a run that is given twice, or an empty name or directory.
    """
    requests = []
    for text in texts:
        name, equals, directory = text.partition("=")
        if not equals or "/" in name or Path(text).is_dir():
            name, directory = "", text
        elif not name or not directory:
            raise UsageError(f"{text}: expected RUN or NAME=RUN")
        requests.append(Request(name, Path(directory)))
    seen = [request.directory.resolve() for request in requests]
    for request, place in zip(requests, seen, strict=True):
        if seen.count(place) > 1:
            raise UsageError(f"{request.directory}: the run is given twice")
    return requests


def read_setup(request: Request) -> Setup:
    """Return what a run is one of.

    Raises:
        DataError: naming the file that is missing or cannot be used.
    """
    with opened_run(request.directory) as run:
        _check_simulations(request, run.simulations)
        return _setup(request, run)


def score_run(setup: Setup) -> ScoredRun:
    """Return the figures of every method in a run, in the test period, at fit and at ungauged basins.

    Raises:
        DataError: naming the file that is missing or cannot be used.
    """
    places, left_out = calibrations(setup.request.directory), {}
    with opened_run(setup.request.directory) as run:
        simulations = _check_simulations(setup.request, run.simulations)
        flows = list(_flows(simulations, setup.seed))
        for name, place in places.items():
            if why := _hindrance(place, setup, _split_of(simulations)):
                left_out[place] = why
            else:
                flows += _calibrated(name, place / SIMULATIONS, simulations, setup.seed)
        return ScoredRun(
            setup=setup,
            scores=_scores(setup, simulations, flows),
            attributes=_attributes(simulations, run.parameters),
            left_out=left_out,
        )


def _hindrance(place: Path, setup: Setup, split_of: Mapping[str, str]) -> str | None:
    """Why a calibration cannot stand beside the run in whose directory it is; None where it can.

    One of each basin by itself can, at the basins that the run itself learned from. One that carries what it learned to
    other basins must have held out those that the run held out, by ``split_of``, and no others.
    """
    if not belongs(place, setup.hashes):
        return "was made of other data or by another legacy model"
    path = place / SIMULATIONS
    if not path.exists():
        return f"holds no {SIMULATIONS}; the same dpl calibrate writes it"
    with opened_dataset(path) as found:
        if lacking := {"basin", "time", "seed", "split"}.difference(found.dims, found.variables):
            raise DataError(f"{path} lacks {', '.join(sorted(lacking))}")
        own = _split_of(found)
    carried = set(own.values()) != {"fit"}
    differ = any(split_of.get(basin) != split for basin, split in own.items())
    return "was made with other basins held out" if carried and differ else None


def _setup(request: Request, run: RunFiles) -> Setup:
    config, test = yaml.safe_load(run.config), dig(run.summary, "periods", "test")
    splits = dig(config, "splits") or {}
    seeds = dig(run.summary, "seeds")
    if not test or not seeds:
        raise DataError(f"{request.directory / 'summary.json'} lacks periods.test or seeds")
    return Setup(
        request=request,
        seed=int(seeds[0]),
        scheme=splits.get("scheme", "share"),
        fold=int(splits.get("fold", 0)),
        salt=splits.get("salt", ""),
        transductive=dig(run.summary, "surrogate", "transductive"),
        test=(test[0], test[1]),
        hashes=dig(run.summary, "hashes") or {},
        sections={path: sha256_of_json(dig(config, *path.split("."))) for path in SAME},
    )


def _check_simulations(request: Request, simulations: xr.Dataset | None) -> xr.Dataset:
    if simulations is None:
        raise DataError(f"{request.directory} holds no simulations.nc; a run writes it when it is verified")
    if missing := [name for name in ("observed", "split", "period") if name not in simulations]:
        raise DataError(f"{request.directory / 'simulations.nc'} lacks {', '.join(missing)}")
    return simulations


def _flows(simulations: xr.Dataset, seed: int) -> Iterator[_Flow]:
    """Every simulated streamflow of a run's own file."""
    basins = labels(simulations["basin"])
    for name in _streamflow(simulations):
        values = simulations[name].transpose("basin", "time").to_numpy().astype(np.float64)
        yield _Flow(METHODS.get(name, name), seed, basins, values)


def _calibrated(name: str, path: Path, simulations: xr.Dataset, seed: int) -> Iterator[_Flow]:
    """Streamflow of a calibration, one for each of its seeds, on the days of the run's own file.

    What is judged is called ``name``; any other source is added to that. Basins that it fitted and the run held out
    are left out.
    """
    split_of = _split_of(simulations)
    with opened_dataset(path) as found:
        alike = [split_of.get(basin) == split for basin, split in _split_of(found).items()]
        found = found.isel(basin=alike).reindex(time=simulations["time"])
        basins = labels(found["basin"])
        for source in _streamflow(found):
            method = name if source in JUDGED else f"{name} {source}"
            for i, own in enumerate(found["seed"].to_numpy()):
                values = found[source].isel(seed=i).transpose("basin", "time").to_numpy().astype(np.float64)
                yield _Flow(method, seed + int(own), basins, values)


def _split_of(simulations: xr.Dataset) -> dict[str, str]:
    """Basin -> fit, validation or ungauged."""
    return dict(zip(labels(simulations["basin"]).tolist(), labels(simulations["split"]).tolist(), strict=True))


def _streamflow(simulations: xr.Dataset) -> list[str]:
    """Names of the simulated streamflow in a file."""
    names = [str(n) for n in simulations.data_vars if simulations[n].attrs.get("long_name") == "streamflow"]
    return [name for name in names if name != "observed"]


def _scores(setup: Setup, simulations: xr.Dataset, flows: Sequence[_Flow]) -> pd.DataFrame:
    basins, group = labels(simulations["basin"]), labels(simulations["split"])
    period, dates = labels(simulations["period"]), simulations["time"].to_numpy()
    observed = simulations["observed"].transpose("basin", "time").to_numpy().astype(np.float64)
    fed = np.arange(len(dates)) >= LENGTH - 1  # routing knows the flow before these days
    fit, days = period == "fit", (period == "test") & fed
    seasonal = np.full_like(observed, np.nan)
    seasonal[:, days] = climatology(observed[:, fit], dates[fit], dates[days])
    parts = []
    for split, members in (("test", basins[group == "fit"]), ("ungauged", basins[group == "ungauged"])):
        for flow in (*flows, _Flow("climatology", setup.seed, basins, seasonal)):
            chosen = [basin for basin in flow.basins if basin in members]
            if not chosen:
                continue
            rows, own = _places(chosen, basins), _places(chosen, flow.basins)
            table = full_table(chosen, dates[days], observed[np.ix_(rows, days)], flow.values[np.ix_(own, days)])
            method = f"{setup.request.name}/{flow.method}" if setup.request.name else flow.method
            name = _split_name(setup.scheme, split)
            parts.append(table.reset_index().assign(split=name, method=method, seed=flow.seed))
    table = pd.concat(parts, ignore_index=True)
    return table[[*KEYS, *(name for name in table.columns if name not in KEYS)]]


def is_held_out(split: str) -> bool:
    """Whether a split of the tables is of basins that gave no observation to learning."""
    return split != "test" and not split.endswith("_trained")


def _split_name(scheme: str, split: str) -> str:
    """``test`` and ``ungauged``; where folds or regions are held out, ``pub_trained`` and ``pub``, and so on."""
    return split if scheme == "share" else {"test": f"{scheme}_trained", "ungauged": scheme}[split]


def _places(chosen: Sequence[str], basins: npt.NDArray[np.str_]) -> list[int]:
    place = {basin: i for i, basin in enumerate(basins)}
    return [place[basin] for basin in chosen]


def _attributes(simulations: xr.Dataset, parameters: xr.Dataset | None) -> pd.DataFrame:
    """What the run's files say of its basins: one row a basin."""
    found = {
        str(name): labels(simulations[name]) if v.dtype.kind in "OUS" else v.to_numpy()
        for name, v in simulations.variables.items()
        if v.dims == ("basin",) and name not in ("basin", "split")
    }
    table = pd.DataFrame(found, index=labels(simulations["basin"]))
    if parameters is not None and "attribute_value" in parameters:
        values = parameters["attribute_value"].transpose("basin", "attribute").to_numpy()
        read = pd.DataFrame(values, labels(parameters["basin"]), list(labels(parameters["attribute"])))
        table = table.join(read[read.columns.difference(table.columns)])
    return table
