"""The parts of the configuration that are the pipeline's own; the other packages bring theirs as dataclasses."""

import datetime as dt
import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from dpl import NETWORKS
from dpl.baselines import BY_SLOPE, REGIONALISATIONS, SEARCHES
from dpl.baselines.gradient import GradientSettings
from dpl.baselines.sceua import SceUaSettings
from legacy_models import LEGACY_MODELS
from legacy_models.executors import ExecutorSettings
from pipeline.folds import Scheme, check_fold
from pipeline.readers import READERS
from surrogates.acceptance import Acceptance

ATTRIBUTES = (
    "p_mean", "pet_mean", "p_seasonality", "frac_snow", "aridity", "high_prec_freq", "high_prec_dur", "low_prec_freq",
    "low_prec_dur", "elev_mean", "slope_mean", "area_gages2", "frac_forest", "lai_max", "lai_diff", "gvf_max",
    "gvf_diff", "soil_depth_pelletier", "soil_depth_statsgo", "soil_porosity", "soil_conductivity",
    "max_water_content", "sand_frac", "silt_frac", "clay_frac", "carbonate_rocks_frac", "geol_permeability",
)  # fmt: skip
"""What g_A reads by default: the static attributes of Kratzert et al. (2019), doi:10.5194/hess-23-5089-2019."""

Period = tuple[dt.date, dt.date]

PlainValues = Annotated[dict[str, Any], BeforeValidator(lambda value: json.loads(json.dumps(value, default=str)))]
"""Options of an extension, as JSON holds them, so that a configuration reads back as itself."""


class Section(BaseModel):
    """A part of the configuration: frozen, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DataConfig(Section):
    """Where observations, forcing and attributes come from."""

    reader: str = "synthetic"
    options: PlainValues = {}

    @field_validator("reader")
    @classmethod
    def _known(cls, name: str) -> str:
        return READERS.check(name)


class SplitsConfig(Section):
    """Which basins are held out; another ``salt`` holds out others. ``splits.make_splits`` says what each key means."""

    scheme: Scheme = "share"
    ungauged_share: float = Field(default=0.2, ge=0, lt=1)
    folds: int = Field(default=5, ge=2)
    fold: int = Field(default=0, ge=0)
    together: str | None = None
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    salt: str = ""
    skip_without_observations: bool = False

    @model_validator(mode="after")
    def _fold_exists(self) -> "SplitsConfig":
        check_fold(self.scheme, self.folds, self.fold)
        return self


class PeriodsConfig(Section):
    """First and last day of each period, both included."""

    fit: Period
    validation: Period
    test: Period

    @model_validator(mode="after")
    def _ordered(self) -> "PeriodsConfig":
        for name, (start, end) in self:
            if end <= start:
                raise ValueError(f"{name}: the end ({end}) must come after the start ({start})")
        return self


class LegacyModelConfig(Section):
    """Which program is run, and how.

    ``executable`` replaces the embedded program, for example by VIC 5's ``vic_classic.exe``. ``batch_runs: null`` and
    ``timeout: null`` mean the rules of ``legacy_models.batching``. ``scratch`` is where sandboxes are made, on each
    machine that runs programs; null is the store's own directory.
    """

    name: str = "vic"
    executable: Path | None = None
    options: PlainValues = {}
    spinup_years: int = Field(default=10, ge=0, le=100)
    executor: ExecutorSettings = ExecutorSettings()
    batch_runs: int | None = Field(default=None, ge=1)
    timeout: float | None = Field(default=None, gt=0)
    retries: int = Field(default=1, ge=0)
    scratch: Path | None = None
    store: Path | None = None

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return LEGACY_MODELS.check(name)


class NetworkConfig(Section):
    """The network that gives parameters, and what it reads.

    ``history_days``: days of the past that are read at a time, by networks that read it. ``members``: networks that
    differ by their seed; the mean of their parameters is the result, their spread stands beside it.
    """

    name: str = "g_A"
    options: PlainValues = {}
    attributes: tuple[str, ...] = ATTRIBUTES
    history_days: int = Field(default=730, ge=1)
    members: int = Field(default=1, ge=1)

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return NETWORKS.check(name)


class RefineConfig(Section):
    """Rounds of new legacy runs around learned parameters, retraining and learning on.

    ``surrogate`` and ``dpl`` hold what differs from those sections in the later rounds, for example
    ``{epochs: 5}``.
    """

    rounds: int = Field(default=1, ge=0)
    runs_per_basin: int = Field(default=6, ge=1)
    spread: float = Field(default=0.08, gt=0, le=1)
    global_share: float = Field(default=0.25, ge=0, lt=1)
    surrogate: dict[str, Any] = {}
    dpl: dict[str, Any] = {}


class CalibrateConfig(Section):
    """How ``dpl calibrate`` looks for the best parameters of each basin by itself: those of its daily streamflow.

    ``on``: what is run and compared with the observations of the fit period. ``evaluations``: the budget of every
    basin and seed. ``basins``: the first so many of the fit basins by SHA-256 of the id, null for all. ``seeds``: a
    search for each, all of them side by side. ``regionalise``: how what was found is carried to the basins that are not
    fitted, null for not at all. The section of the method's name holds its settings.
    """

    method: str = "sceua"
    on: Literal["legacy", "surrogate"] = "legacy"
    evaluations: int = Field(default=5000, ge=1)
    basins: int | None = Field(default=None, ge=1)
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(default=(0,), min_length=1)
    regionalise: str | None = None
    sceua: SceUaSettings = SceUaSettings()
    gradient: GradientSettings = GradientSettings()

    @field_validator("method")
    @classmethod
    def _known(cls, name: str) -> str:
        return SEARCHES.check(name)

    @field_validator("regionalise")
    @classmethod
    def _carries(cls, name: str | None) -> str | None:
        return name if name is None else REGIONALISATIONS.check(name)

    @model_validator(mode="after")
    def _has_slopes(self) -> "CalibrateConfig":
        if self.method in BY_SLOPE and self.on == "legacy":
            raise ValueError(f"method {self.method} goes by slopes, which a legacy model does not give: on=surrogate")
        return self

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(seeds)) < len(seeds):
            raise ValueError("each seed once")
        return seeds


class FidelityConfig(Section):
    """What is asked of the surrogate.

    ``gradient_pairs``: pairs of a site and a parameter set at which its gradient is tried out with legacy runs, 0 for
    none. ``accept``: the gate; a surrogate that falls short ends the run before test observations are read.
    """

    gradient_pairs: int = Field(default=0, ge=0)
    accept: Acceptance = Acceptance()

    @model_validator(mode="after")
    def _gradient_is_tried(self) -> "FidelityConfig":
        if self.accept.gradient_agreement is not None and not self.gradient_pairs:
            raise ValueError("accept.gradient_agreement needs gradient_pairs, for example 60")
        return self


class DriftConfig(Section):
    """What ``dpl drift`` looks at, and its gates: what is above one of them has drifted.

    ``period``: the new days; null for those after every period of the run. ``on``: what is scored there, the surrogate
    or the legacy model. ``flagged_excess``: share of the basins whose new forcing is outside the domain, beyond what
    is usual in the fit period. ``shift_excess``: Kolmogorov-Smirnov statistic of a forcing variable against the fit
    period, beyond what is usual there. ``parameters_flagged``: share of the basins whose learned parameters are outside
    the domain. ``parameters_moved``: their median distance from those of an earlier run [share of the box, root mean
    square over parameters]. ``nse_drop``: median loss of NSE against validation, if its 90 % interval excludes none.
    ``resamples``: of the bootstrap over basins.
    """

    period: Period | None = None
    on: Literal["surrogate", "legacy"] = "surrogate"
    flagged_excess: float = Field(default=0.1, ge=0, le=1)
    shift_excess: float = Field(default=0.1, ge=0, le=1)
    parameters_flagged: float = Field(default=0.1, ge=0, le=1)
    parameters_moved: float = Field(default=0.1, ge=0, le=1)
    nse_drop: float = Field(default=0.1, ge=0)
    resamples: int = Field(default=1000, ge=100)


class TrackingConfig(Section):
    """Where MLflow keeps what it is told; ``uri: null`` means a SQLite file in the user's data directory.

    ``search``: whether a registered surrogate that was made for the very same request is used instead of a new one.
    """

    uri: str | None = None
    search: bool = True
    experiment: str = "dpl"
    register_models: bool = True
