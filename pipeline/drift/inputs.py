"""What a drift check looks at: a finished run, and data that go beyond it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import xarray as xr

from legacy_models.errors import DataError, UsageError
from legacy_models.model import Forcing
from legacy_models.parameters import Array
from pipeline.config import Config, load_config
from pipeline.experiment import Experiment, prepare, read_data, sites_of
from pipeline.progress import Reporter
from pipeline.splits import Span

if TYPE_CHECKING:
    from surrogates.surrogate import Surrogate

NEEDED = ("config.yaml", "summary.json", "parameters.nc", "surrogate", "dpl")


@dataclass(frozen=True, eq=False)
class Evidence:
    """A finished run beside new data.

    Args:
        run: the experiment as it was.
        now: the same with the basins of the new data; their forcing goes on from the run's where it has them.
        parameters: (basin, parameter) learned values at the basins of ``now``, routing's included.
        known: (basin,) whether each was part of the run.
        span: first and last new day.
        surrogate: the run's.
    """

    run: Experiment
    now: Experiment
    parameters: Array
    known: npt.NDArray[np.bool_]
    span: Span
    surrogate: "Surrogate"


def gather(directory: Path, data: str | None, assignments: Sequence[str], reporter: Reporter) -> Evidence:
    """Read a finished run and the new data.

    Args:
        directory: of the run.
        data: ``reader:path`` of the new data; the run's own, read again, where None.
        assignments: ``key=value`` for this check and the new data, for example ``drift.nse_drop=0.05``; the run itself
            is read as it was.
        reporter: is told of the reading.

    Raises:
        DataError: if the run is not finished, or the new data do not hold what the model reads.
        UsageError: if there is no new day, or the new days overlap the run's test period.
    """
    from surrogates import bundle

    missing = [name for name in NEEDED if not (directory / name).exists()]
    if missing:
        raise DataError(f"{directory}: no {', '.join(missing)}; a run has them when its verify stage is finished")
    origin = str(directory / "config.yaml")
    as_it_was = load_config(origin)
    run = prepare(as_it_was, directory, reporter)
    config = load_config(origin, None, [*_reading(data, as_it_was), *assignments])
    dataset = run.dataset if data is None else read_data(config, directory, reporter)[0].load()
    now = _going_on(run, dataset, config)
    surrogate = bundle.load(directory / "surrogate")
    bundle.check_request(surrogate.card, run.model)
    known = np.isin(now.basins, run.basins)
    return Evidence(run, now, learned(directory, now), known, new_days(run, now, known), surrogate)


def _reading(data: str | None, run: Config) -> list[str]:
    """Assignments that read ``reader:path``; another reader knows nothing of the options of the run's."""
    if data is None:
        return []
    reader, _, path = data.partition(":")
    options = dict(run.data.options) if reader == run.data.reader else {}
    options |= {"path": path} if path else {}
    return [f"data.reader={reader}", f"data.options={json.dumps(options)}"]


def learned(directory: Path, now: Experiment) -> Array:
    """(basin, parameter) values: those of ``parameters.nc``, and the network's where it has none."""
    table = saved_parameters(directory)
    inside = [basin for basin in now.basins if basin in table["basin"].to_numpy()]
    values = np.full((len(now.basins), len(now.space)), np.nan)
    found = table["value"].sel(basin=inside, parameter=list(now.space.names)).to_numpy()
    values[np.isin(now.basins, inside)] = found
    if len(inside) < len(now.basins):
        from dpl import network_files

        others = ~np.isin(now.basins, inside)
        values[others] = network_files.load(directory / "dpl").values(now.attributes)[others]
    return values


def saved_parameters(directory: Path) -> xr.Dataset:
    """The learned parameters of a finished run.

    Raises:
        DataError: if there are none.
    """
    path = directory / "parameters.nc"
    if not path.is_file():
        raise DataError(f"{directory}: no parameters.nc; a run has it when its verify stage is finished")
    with xr.open_dataset(path) as table:
        return table.load().transpose("basin", "parameter", ...)


def new_days(run: Experiment, now: Experiment, known: npt.NDArray[np.bool_]) -> Span:
    """Return the days that are looked at.

    Those of ``drift.period``, or what the data hold after every period of the run. New basins alone are looked at in
    the validation period where there is nothing after it.
    """
    record, periods = now.dataset["time"].to_numpy().astype("datetime64[D]"), run.splits.periods
    last = max(end for _, end in periods.by_name().values())
    asked = now.config.drift.period
    start: np.datetime64
    end: np.datetime64
    if asked is not None:
        start, end = (np.datetime64(day, "D") for day in asked)
    elif record[-1] > last:
        start, end = max(record[0], last + np.timedelta64(1, "D")), record[-1]
    elif not known.any():
        start, end = periods.validation
    else:
        raise UsageError(
            f"the data end on {record[-1]}, which is no day after the run's periods; give --data with new days or "
            "--set drift.period=[start,end]"
        )
    if not (record[0] <= start < end <= record[-1]):
        raise UsageError(f"drift.period: {start} to {end} must lie in the record, {record[0]} to {record[-1]}")
    if start <= periods.test[1] and periods.test[0] <= end:
        raise UsageError(
            f"drift.period: {start} to {end} overlaps the test period, whose observations are read for the result only"
        )
    return start, end


def _going_on(run: Experiment, dataset: xr.Dataset, config: Config) -> Experiment:
    """The experiment with the basins of ``dataset``; those of the run keep their properties and their past."""
    lacking = [v for v in run.sites[0].forcing.names if v not in dataset]
    if lacking:
        raise DataError(f"the new data lack {', '.join(lacking)}, which the run's forcing has")
    before = {site.name: site for site in run.sites}
    sites = [
        replace(before[site.name], forcing=joined(before[site.name].forcing, site.forcing))
        if site.name in before
        else site
        for site in sites_of(run.model, dataset)
    ]
    return replace(run, config=config, dataset=dataset, sites=tuple(sites))


def joined(before: Forcing, after: Forcing) -> Forcing:
    """Return a record that is ``before`` until ``after`` begins, and ``after`` from then on.

    Raises:
        DataError: if days are missing between the two.
    """
    if after.dates[0] > before.dates[-1] + np.timedelta64(1, "D"):
        raise DataError(
            f"the run's forcing ends on {before.dates[-1]} and the new data begin on {after.dates[0]}: "
            "the days between are missing"
        )
    kept = before.dates < after.dates[0]
    columns = [after.names.index(name) for name in before.names]
    return Forcing(
        np.concatenate([before.dates[kept], after.dates]),
        np.concatenate([before.values[kept], after.values[:, columns]]),
        before.names,
    )
