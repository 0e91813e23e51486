"""A configuration brought to life: its data read, its basins split, its legacy model and sites at hand."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from dpl.routing import ROUTING
from legacy_models import LEGACY_MODELS
from legacy_models.files import sha256_of_bytes, sha256_of_json
from legacy_models.model import Forcing, LegacyModel, Run, Site, days_between
from legacy_models.parameters import Array, ParameterSpace
from legacy_models.tables import check_options
from pipeline.basins import attribute_frame, check_inputs
from pipeline.config import Config
from pipeline.options import check_forms
from pipeline.progress import Reporter
from pipeline.readers import READERS, parse_options
from pipeline.readers.contract import TARGETS
from pipeline.splits import Periods, Span, Splits, make_splits
from surrogates.design import stratified

LEAD_DAYS = 365
"""Days simulated before the first period, so that routing is fed by the flow before it."""


@dataclass(frozen=True, eq=False)
class Experiment:
    """What every stage reads; nothing in it changes while a run goes on.

    Args:
        config: the whole configuration.
        directory: of the run.
        dataset: in the data contract, at the basins of ``splits``.
        splits: who is in which.
        model: the legacy model.
        sites: of every basin.
        skipped: basins that are none of these, for want of a file, an attribute or observations.
    """

    config: Config
    directory: Path
    dataset: xr.Dataset
    splits: Splits
    model: LegacyModel
    sites: tuple[Site, ...]
    skipped: tuple[str, ...]

    @property
    def basins(self) -> tuple[str, ...]:
        """Ids in the order of every basin axis."""
        return tuple(site.name for site in self.sites)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the reader says of the data."""
        note = self.dataset.attrs.get("notes", "")
        return (note,) if note else ()

    @property
    def store_path(self) -> Path:
        """Directory of the run store."""
        return self.config.legacy_model.store or self.directory / "store"

    @cached_property
    def space(self) -> ParameterSpace:
        """All learned parameters: the legacy model's, then the routing's."""
        return self.model.parameters + ROUTING

    @cached_property
    def span(self) -> Span:
        """First and last day of the one simulation that covers all periods, with a lead where the record has it."""
        starts, ends = zip(*self.splits.periods.by_name().values(), strict=True)
        return self._led(min(starts)), max(ends)

    @cached_property
    def fit_span(self) -> Span:
        """First and last day of the simulation that covers the fit period, led as ``span`` is."""
        start, end = self.splits.periods.fit
        return self._led(start), end

    @cached_property
    def design_period(self) -> Span:
        """First and last recorded day of the design's runs."""
        if self.config.design.period is None:
            return self.splits.periods.fit
        start, end = (np.datetime64(day, "D") for day in self.config.design.period)
        return start, end

    @cached_property
    def design_days(self) -> int:
        """Recorded days of each of the design's runs."""
        years = self.config.design.years
        return days_between(*self.design_period) + 1 if years is None else int(365.25 * years)

    @cached_property
    def design_sites(self) -> tuple[Site, ...]:
        """Sites at which the design runs the legacy model, in the order of the basins."""
        section = self.config.design
        ungauged = () if section.sites == "all" else self.splits.ungauged
        rows = [i for i, basin in enumerate(self.basins) if basin not in ungauged]
        if section.number is not None:
            rows = sorted(rows[i] for i in stratified(self.features[rows], section.number))
        return tuple(self.sites[row] for row in rows)

    def transductive(self, sites: Iterable[str]) -> bool:
        """Whether a surrogate that saw legacy runs at ``sites`` saw an ungauged basin."""
        return not set(self.splits.ungauged).isdisjoint(sites)

    @cached_property
    def features(self) -> Array:
        """(basin, feature) numeric attributes and site properties, standardised; 0 for a gap."""
        columns = np.column_stack([self.attributes.select_dtypes("number").to_numpy(dtype=np.float64), self.properties])
        spread = np.nanstd(columns, axis=0)
        return np.asarray(np.nan_to_num((columns - np.nanmean(columns, axis=0)) / np.where(spread > 0, spread, 1.0)))

    @cached_property
    def properties(self) -> Array:
        """(basin, property) site properties that a surrogate reads."""
        names = [variable.name for variable in self.model.properties]
        return np.array([[site.properties[name] for name in names] for site in self.sites])

    @cached_property
    def attributes(self) -> pd.DataFrame:
        """Attributes that the parameter network reads, one row a basin."""
        return attribute_frame(self.dataset)[list(self.config.network.attributes)]

    @cached_property
    def observed(self) -> Array:
        """(basin, time) streamflow over the span [mm/day], NaN is a gap."""
        start, end = self.span
        return np.asarray(self.dataset["streamflow"].sel(time=slice(start, end)).to_numpy(), dtype=np.float64)

    @cached_property
    def other_observations(self) -> dict[str, Array]:
        """What is learned from besides streamflow: (basin, time) over the span by name, NaN is a gap."""
        names = [name for name in self.config.dpl.every_target() if name in TARGETS]
        span = self.dataset.sel(time=slice(*self.span))
        return {name: np.asarray(span[name].to_numpy(), dtype=np.float64) for name in names}

    @cached_property
    def dates(self) -> "np.ndarray[Any, np.dtype[np.datetime64]]":
        """(time,) days of the span."""
        start, end = self.span
        return np.arange(start, end + np.timedelta64(1, "D"), dtype="datetime64[D]")

    @cached_property
    def split_of(self) -> dict[str, str]:
        """Basin -> fit, validation or ungauged."""
        groups = (
            ("fit", self.splits.fit),
            ("validation", self.splits.validation),
            ("ungauged", self.splits.ungauged),
        )
        return {basin: name for name, basins in groups for basin in basins}

    @cached_property
    def data_hash(self) -> str:
        """SHA-256 of ids, forcing, site properties, attributes and observations."""
        return sha256_of_bytes(
            ",".join(self.basins).encode(),
            "".join(site.forcing.digest for site in self.sites).encode(),
            np.ascontiguousarray(self.properties).tobytes(),
            self.attributes.to_csv(float_format="%.9g").encode(),
            *(
                np.ascontiguousarray(self.dataset[name].to_numpy(), dtype=np.float64).tobytes()
                for name in ("streamflow", *TARGETS)
                if name in self.dataset
            ),
        )

    def runs(self, parameters: Array, span: Span, purpose: str, sites: Sequence[Site] | None = None) -> list[Run]:
        """One run a site; ``parameters`` (site, parameter) may hold routing columns, which are left out."""
        count = len(self.model.parameters)
        places = self.sites if sites is None else sites
        return [
            Run(site, np.asarray(row[:count], dtype=np.float64), span[0], span[1], purpose)
            for site, row in zip(places, parameters, strict=True)
        ]

    @property
    def hidden(self) -> Array | None:
        """(basin, parameter) hidden parameters of synthetic data, routing included; None for real data."""
        names = [f"hidden_{name}" for name in self.space.names]
        if not self.dataset.attrs.get("synthetic") or any(name not in self.dataset for name in names):
            return None
        return np.stack([self.dataset[name].to_numpy() for name in names], axis=1).astype(np.float64)

    def only(self, basins: Collection[str]) -> "Experiment":
        """The same experiment at some of its basins, some of those to fit among them, as if there were no others."""
        groups = (self.splits.fit, self.splits.validation, self.splits.ungauged)
        fit, validation, ungauged = (tuple(basin for basin in group if basin in basins) for group in groups)
        splits = replace(self.splits, fit=fit, validation=validation, ungauged=ungauged)
        sites = tuple(site for site in self.sites if site.name in basins)
        return replace(self, dataset=self.dataset.sel(basin=[site.name for site in sites]), splits=splits, sites=sites)

    def fingerprint(self, *sections: str) -> str:
        """Hash of the data, the legacy model and the named sections of the configuration.

        With ``splits`` goes who is in which: attributes that no network reads can decide that.
        """
        groups = [self.splits.fit, self.splits.validation, self.splits.ungauged] if "splits" in sections else []
        return sha256_of_json([self.data_hash, self.model.version, self.config.hash("seed", *sections), *groups])

    def _led(self, start: np.datetime64) -> np.datetime64:
        """The first day to simulate for results from ``start`` on."""
        record = self.dataset["time"].to_numpy().astype("datetime64[D]")
        return max(record[0], start - np.timedelta64(LEAD_DAYS, "D"))


def prepare(config: Config, directory: Path, reporter: Reporter) -> Experiment:
    """Read the data, choose and split the basins, and set up the legacy model and its sites.

    Args:
        config: the whole configuration.
        directory: the run's directory.
        reporter: hears of legacy runs where the reader makes its own data, and of what was left out.

    Raises:
        UsageError: for a configuration that does not fit the data.
        DataError: for data that break a rule, with file, basin and rule.
    """
    check_forms(config)
    model = make_model(config)
    dataset, lacking = read_data(config, directory, reporter)
    splits = make_splits(
        dataset,
        Periods.of(config.periods.fit, config.periods.validation, config.periods.test),
        **config.splits.model_dump(),
    )
    skipped = {"an attribute": lacking, "observations": splits.skipped}
    skipped["a file or a row of attributes"] = dataset.attrs.get("skipped_basins", "").split()
    everyone = {*splits.fit, *splits.validation, *splits.ungauged}
    dataset = dataset.sel(basin=[b for b in dataset["basin"].to_numpy() if str(b) in everyone]).load()
    model = model.reading(_daily(dataset))
    observed = [name for name in ("streamflow", *TARGETS) if name in dataset]
    config.dpl.check_targets(observed, [output.name for output in model.outputs])
    sites, left_out = sites_of(model, dataset), tuple(sorted(chain(*skipped.values())))
    experiment = Experiment(config, directory, dataset, splits, model, sites, left_out)
    for what, basins in skipped.items():
        for basin in basins:
            reporter.say(f"basin {basin} is skipped for want of {what}")
    for note in experiment.notes:
        reporter.say(f"data: {note}")
    return experiment


def read_data(config: Config, directory: Path, reporter: Reporter) -> tuple[xr.Dataset, list[str]]:
    """Read and check the data that ``config`` names; see ``prepare``.

    Returns:
        The data of the chosen basins, and the basins left out since they lack an attribute.
    """
    options, read = parse_options(config.data.reader, config.data.options), READERS.resolve(config.data.reader)
    with reporter.bar("data", 1) as advance:
        dataset: xr.Dataset = read(
            options,
            directory / "data",
            selection=config.basins,
            on_batch=lambda p: advance(0, f"{p.committed} of {p.planned} legacy runs"),
        )
    return check_inputs(dataset, config.network.attributes, config.splits.skip_without_observations)


def make_model(config: Config) -> LegacyModel:
    """Build the legacy model's adapter from its section."""
    section = config.legacy_model
    build = LEGACY_MODELS.resolve(section.name)
    elsewhere = {"executable": section.executable, "spinup_years": section.spinup_years}
    check_options(build, section.options, "legacy_model.options", elsewhere)
    model: LegacyModel = build(**elsewhere, **section.options)
    return model


def sites_of(model: LegacyModel, dataset: xr.Dataset) -> tuple[Site, ...]:
    """Build a site for every basin of the data set."""
    daily = _daily(dataset)
    names = tuple(variable.name for variable in model.forcing if variable.name in daily)
    days = dataset["time"].to_numpy().astype("datetime64[D]")
    table = attribute_frame(dataset)
    values = np.stack([dataset[name].to_numpy() for name in names], axis=-1).astype(np.float64)
    return tuple(
        model.site(str(basin), table.loc[basin].to_dict(), Forcing(days, values[i], names))
        for i, basin in enumerate(dataset["basin"].to_numpy())
    )


def _daily(dataset: xr.Dataset) -> set[str]:
    """Names of the daily forcing that the data hold."""
    return {str(name) for name in dataset.data_vars if dataset[name].dims == ("basin", "time")} - {
        "streamflow",
        *TARGETS,
    }
