"""Reader ``synthetic``: the embedded default data, made by a stochastic weather generator and a legacy model.

Weather and attributes are drawn, parameters follow the attributes by a hidden relation, and streamflow is
what the legacy model gives at those parameters under slightly other forcing and, for VIC, at a finer time
step, routed, with errors of measurement and gaps. No inverse crime: what learns cannot reproduce it exactly.
"""

from collections.abc import Callable
from datetime import date, timedelta
from math import ceil
from pathlib import Path
from shutil import rmtree
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from legacy_models import LEGACY_MODELS
from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.errors import LegacyModelError, UsageError
from legacy_models.files import sha256_of_json, written_aside
from legacy_models.model import Forcing, LegacyModel, Run
from legacy_models.parameters import Array, ParameterSpace
from legacy_models.store import RunStore
from legacy_models.tables import check_options
from pipeline.basins import EVERY_BASIN, Selection, attribute_frame, select
from pipeline.readers import hidden_world
from pipeline.readers.climate import climate_attributes
from pipeline.readers.contract import FORCING, TARGETS, assemble
from pipeline.readers.landscape import draw_basin, land_attributes
from pipeline.readers.weather import generate

GENERATION = 1  # raise it when the same options give other data
LANDSCAPE, WEATHER, LAND, PARAMETERS, PERTURBATION, GAUGE = range(6)  # streams of random numbers of a basin


class Options(BaseModel):
    """Options of the reader.

    Args:
        seed: another seed is another world.
        basins: how many; basin number i is the same whatever their number.
        start: first day.
        end: last day.
        legacy_model: the model that makes the observations.
        legacy_options: of its adapter; other than those used for learning, or it is too easy.
        rain_error: standard deviation of the logarithm of the daily factor on the rain behind the flow.
        temperature_error: standard deviation of the daily shift of the temperature behind the flow [degC].
        parameter_noise: part of the parameters that attributes do not explain, in the unit cube.
        flow_error: standard deviation of the logarithm of the factor on observed flow.
        flow_error_memory: its lag-1 autocorrelation.
        gap_share: expected share of days without an observation.
        targets: what is observed besides streamflow, and from which outputs of the legacy model: their weighted sum,
            such as ``{swe: {swe: 1}, soil_moisture: {soil_moist_0: 0.5, soil_moist_1: 0.5}}``; errors and gaps as of
            streamflow.
        workers: legacy programs at a time while the data are made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0)
    basins: int = Field(default=40, ge=1, le=2000)
    start: date = date(1990, 10, 1)
    end: date = date(2004, 9, 30)
    legacy_model: str = "vic"
    legacy_options: dict[str, Any] | None = None
    rain_error: float = Field(default=0.10, ge=0, le=1)
    temperature_error: float = Field(default=0.5, ge=0, le=5)
    parameter_noise: float = Field(default=0.05, ge=0, le=0.5)
    flow_error: float = Field(default=0.10, ge=0, le=1)
    flow_error_memory: float = Field(default=0.8, ge=0, lt=1)
    gap_share: float = Field(default=0.03, ge=0, lt=0.9)
    targets: dict[str, Annotated[dict[str, float], Field(min_length=1)]] = {}
    workers: int = Field(default=2, ge=1)

    @field_validator("targets")
    @classmethod
    def _known(cls, targets: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
        if unknown := [name for name in targets if name not in TARGETS]:
            raise ValueError(f"there is no {unknown[0]!r} to observe; there are: {', '.join(TARGETS)}")
        return targets

    @model_validator(mode="after")
    def _long_enough(self) -> "Options":
        if (self.end - self.start).days < 364:
            raise ValueError(f"end ({self.end}) must come at least a year after start ({self.start})")
        return self


USUAL_OPTIONS: dict[str, dict[str, Any]] = {
    "vic": {"steps_per_day": 8, "spinup_years": 4},
    "linear_reservoir": {"spinup_years": 2},
}


def read(
    options: Options,
    directory: Path,
    on_batch: Callable[[Any], None] | None = None,
    selection: Selection = EVERY_BASIN,
) -> xr.Dataset:
    """Return the synthetic data set, made once and then read from ``directory``.

    Raises:
        UsageError: for a legacy model or a basin that does not exist.
        LegacyModelError: naming basin and reason if a run of the legacy model fails.
    """
    model = _legacy_model(options)
    path = directory / f"synthetic-{_digest(options, model)}.nc"
    if not path.is_file():
        dataset = make(options, model, directory / path.stem, on_batch)
        with written_aside(path) as aside:
            dataset.to_netcdf(aside, engine="netcdf4")
        rmtree(directory / path.stem, ignore_errors=True)
    with xr.open_dataset(path, engine="netcdf4", decode_timedelta=False) as file:
        chosen = select([str(b) for b in file["basin"].to_numpy()], selection, attribute_frame(file))
        dataset = file.sel(basin=chosen).load()
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in dataset.attrs.items()}
    dataset.attrs = plain | {"source": f"synthetic (seed {options.seed})"}
    return dataset


def make(
    options: Options, model: LegacyModel, scratch: Path, on_batch: Callable[[Any], None] | None = None
) -> xr.Dataset:
    """Make the data set; legacy runs are kept in ``scratch`` until they are all there.

    Raises:
        LegacyModelError: naming basin and reason if a run of the legacy model fails.
    """
    from dpl.routing import LENGTH, ROUTING, route_arrays  # loads Keras

    dates = np.arange(str(options.start), str(options.end + timedelta(days=1)), dtype="datetime64[D]")
    before = np.arange(dates[0] - LENGTH, dates[0])  # its runoff feeds the routing
    whole = np.concatenate([before, dates])
    attributes, weather = draw_world(options, whole, record=len(dates))
    space = model.parameters + ROUTING
    noise = [_generator(options, i, PARAMETERS) for i in range(options.basins)]
    hidden = hidden_world.hidden_parameters(attributes, space, options.parameter_noise, noise)
    runs = _runs(options, model, attributes, weather, whole, hidden)
    simulated = _simulated(options, model, runs, scratch, on_batch)
    shape, delay = (hidden[:, space.names.index(name)] for name in ("route_shape", "route_delay"))
    flow = np.asarray(route_arrays(simulated.pop("runoff"), shape, delay)[:, LENGTH:], dtype=np.float64)
    series = {name: np.stack([each[name][LENGTH:] for each in weather]) for name in FORCING}
    series["streamflow"] = _observed(options, flow, GAUGE)
    for name, values in simulated.items():
        series[name] = _observed(options, values[:, LENGTH:], GAUGE + 1 + TARGETS.index(name))
    dataset = assemble(series, dates, attributes)
    return _described(dataset, options, model, space, hidden)


def draw_world(
    options: Options, dates: npt.NDArray[np.datetime64], record: int
) -> tuple[pd.DataFrame, list[dict[str, Array]]]:
    """Return attributes, one row a basin, and weather; the climate is that of the last ``record`` days."""
    rows, series = {}, []
    for index in range(options.basins):
        basin = draw_basin(index, _generator(options, index, LANDSCAPE))
        weather = generate(basin.climate, dates, _generator(options, index, WEATHER))
        handed_out = {name: values[-record:] for name, values in weather.items()}
        place = basin.climate
        climate = climate_attributes(handed_out, dates[-record:], place.latitude, place.elevation)
        land = land_attributes(basin, climate, _generator(options, index, LAND))
        rows[f"synthetic-{index:03d}"] = {**climate, **land}
        series.append(weather)
    return pd.DataFrame.from_dict(rows, orient="index"), series


def _runs(
    options: Options,
    model: LegacyModel,
    attributes: pd.DataFrame,
    weather: list[dict[str, Array]],
    dates: npt.NDArray[np.datetime64],
    hidden: Array,
) -> list[Run]:
    """One run a basin, at its hidden parameters under the weather that nobody measured."""
    runs = []
    for index, (name, row) in enumerate(attributes.iterrows()):
        rng = _generator(options, index, PERTURBATION)
        real = hidden_world.perturbed(weather[index], options.rain_error, options.temperature_error, rng)
        forcing = Forcing(dates, np.stack([real[v] for v in FORCING], axis=1), FORCING)
        site = model.site(str(name), {str(key): value for key, value in row.items()}, forcing)
        runs.append(Run(site, hidden[index, : len(model.parameters)], dates[0], dates[-1], "synthetic"))
    return runs


def _simulated(
    options: Options,
    model: LegacyModel,
    runs: list[Run],
    scratch: Path,
    on_batch: Callable[[Any], None] | None,
) -> dict[str, Array]:
    """(basin, time) of ``runoff`` before routing [mm/day] and of what else is observed."""
    wanted: dict[str, dict[str, float]] = {"runoff": dict.fromkeys(model.runoff, 1.0), **options.targets}
    settings = EnsembleSettings(batch_runs=ceil(len(runs) / (2 * options.workers)))
    with RunStore.open(scratch, write=True) as store, local_executor(options.workers) as executor:
        simulate(model, runs, store, executor, settings, on_batch)
        keys = model.keys(runs)
        for run, key in zip(runs, keys, strict=True):
            record = store.record(key)
            if record.status != "ok":
                raise LegacyModelError(f"synthetic data: basin {run.site.name}: {record.status}: {record.reason}")
        names = [variable.name for variable in model.outputs]
        weights = np.array([[shares.get(name, 0.0) for shares in wanted.values()] for name in names])
        outputs = np.stack([series.astype(np.float64) @ weights for series in store.outputs(keys)])
        return {name: outputs[..., i] for i, name in enumerate(wanted)}


def _observed(options: Options, values: Array, stream: int) -> Array:
    """(basin, time) what is measured of ``values``, with errors of their own stream of random numbers."""
    error, memory, gaps = options.flow_error, options.flow_error_memory, options.gap_share
    return np.stack(
        [
            hidden_world.measured(row, error, memory, gaps, _generator(options, index, stream))
            for index, row in enumerate(values)
        ]
    )


def _described(
    dataset: xr.Dataset, options: Options, model: LegacyModel, space: ParameterSpace, hidden: Array
) -> xr.Dataset:
    """Add the hidden parameters and say what the data are."""
    for column, parameter in enumerate(space.parameters):
        marks = {"units": parameter.unit, "long_name": f"hidden value of {parameter.name}"}
        dataset[f"hidden_{parameter.name}"] = ("basin", hidden[:, column], marks)
    return dataset.assign_attrs(
        reader="synthetic",
        synthetic=1,
        seed=options.seed,
        options=options.model_dump_json(exclude={"workers"}),
        legacy_model=model.name,
        legacy_model_version=model.version,
        flow_error=options.flow_error,
        notes=(
            f"Synthetic. Streamflow: {model.name} at hidden parameters, precipitation with a daily lognormal "
            f"error of {options.rain_error:g}, temperature with one of {options.temperature_error:g} degC, "
            f"routed, times an AR(1) lognormal error of {options.flow_error:g}, with gaps."
            + "".join(f" {name}: so measured, not routed." for name in options.targets)
        ),
    )


def _legacy_model(options: Options) -> LegacyModel:
    usual = USUAL_OPTIONS.get(options.legacy_model, {})
    given = usual if options.legacy_options is None else options.legacy_options
    build = LEGACY_MODELS.resolve(options.legacy_model)
    check_options(build, given, "data.options.legacy_options")
    model: LegacyModel = build(**given)
    outputs = [variable.name for variable in model.outputs]
    for target, shares in options.targets.items():
        if unknown := [name for name in shares if name not in outputs]:
            raise UsageError(
                f"data.options.targets.{target}: {model.name} has no output {unknown[0]!r}; there are: "
                f"{', '.join(outputs)}"
            )
    return model


def _digest(options: Options, model: LegacyModel) -> str:
    plain = options.model_dump(mode="json", exclude={"workers"})
    return sha256_of_json([GENERATION, plain, model.version])[:16]


def _generator(options: Options, basin: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([options.seed, basin, stream])
