"""One frozen, typed configuration for everything a run does; unknown keys are refused.

A configuration is a packaged one (``synthetic``, ``camels``) or a YAML file, changed by ``--data`` and
``--set`` of the command line, in that order.
"""

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from dpl import NETWORKS
from dpl.settings import LearningSettings
from legacy_models import LEGACY_MODELS
from legacy_models.errors import UnknownNameError, UsageError
from legacy_models.executors import ExecutorSettings
from legacy_models.files import sha256_of_json
from pipeline.basins import Selection
from pipeline.readers import READERS
from surrogates.acceptance import Acceptance
from surrogates.settings import DesignSettings, TrainSettings

SCHEMA_VERSION = 1

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
    """Shares of the basins that are held out; another ``salt`` holds out others."""

    ungauged_share: float = Field(default=0.2, ge=0, lt=1)
    validation_share: float = Field(default=0.1, ge=0, lt=1)
    salt: str = ""
    skip_without_observations: bool = False


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
    """The network from attributes to parameters, and which attributes it reads."""

    name: str = "g_A"
    options: PlainValues = {}
    attributes: tuple[str, ...] = ATTRIBUTES

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


class TrackingConfig(Section):
    """Where MLflow keeps what it is told; ``uri: null`` means a SQLite file in the user's data directory.

    ``search``: whether a registered surrogate that was made for the very same request is used instead of a new one.
    """

    uri: str | None = None
    search: bool = True
    experiment: str = "dpl"
    register_models: bool = True


class Config(Section):
    """Everything a run does."""

    schema_version: int = SCHEMA_VERSION
    seed: int = Field(default=0, ge=0)
    data: DataConfig = DataConfig()
    basins: Selection = Selection()
    splits: SplitsConfig = SplitsConfig()
    periods: PeriodsConfig
    legacy_model: LegacyModelConfig = LegacyModelConfig()
    design: DesignSettings = DesignSettings()
    surrogate: TrainSettings = TrainSettings()
    network: NetworkConfig = NetworkConfig()
    dpl: LearningSettings = LearningSettings()
    refine: RefineConfig = RefineConfig()
    fidelity: FidelityConfig = FidelityConfig()
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _refinement_fits(self) -> "Config":
        for name, changes in (("surrogate", self.refine.surrogate), ("dpl", self.refine.dpl)):
            section = getattr(self, name)
            known = [field.name for field in fields(section)]
            for key in changes:
                if key not in known:
                    raise ValueError(f"refine.{name}.{key}: no such key; there are: {', '.join(known)}")
            replace(section, **changes)
        return self

    def hash(self, *sections: str) -> str:
        """SHA-256 of the whole configuration, or of the named sections."""
        plain = self.model_dump(mode="json")
        return sha256_of_json({name: plain[name] for name in sections} if sections else plain)

    def to_yaml(self) -> str:
        """The resolved configuration as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def packaged_names() -> list[str]:
    """Names of the configurations that come with the package."""
    folder = files("pipeline") / "configs"
    return sorted(item.name.removesuffix(".yaml") for item in folder.iterdir() if item.name.endswith(".yaml"))


def load_config(
    source: str = "synthetic",
    data: str | None = None,
    assignments: Sequence[str] = (),
    legacy_model: str | None = None,
) -> Config:
    """Read a packaged or a user's configuration and apply the command line's changes.

    Args:
        source: name of a packaged configuration, or path of a YAML file.
        data: ``reader`` or ``reader:path``; sets ``data.reader`` and ``data.options.path``.
        assignments: ``dotted.key=value`` texts, values in YAML.
        legacy_model: sets ``legacy_model.name``.

    Raises:
        UsageError: one line that names the file, the key and what would be right.
    """
    values = _read(source)
    if legacy_model is not None:
        _assign(values, "legacy_model.name", legacy_model, "--surrogate")
    if data is not None:
        reader, _, path = data.partition(":")
        _assign(values, "data.reader", reader, "--data")
        if path:
            _assign(values, "data.options.path", path, "--data")
    for text in assignments:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"--set {text}: expected key=value, for example dpl.epochs=30")
        _assign(values, key.strip(), _yaml(value, f"--set {text}"), f"--set {text}")
    return parse_config(values, source)


def parse_config(values: Mapping[str, Any], origin: str) -> Config:
    """Check plain values and return the configuration; ``origin`` names them in messages.

    Raises:
        UsageError: for the first value that is wrong, with its key.
        UnknownNameError: for a key that does not exist, with the nearest one.
    """
    version = values.get("schema_version", SCHEMA_VERSION)
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise UsageError(f"{origin}: schema_version {version} is newer than this program's {SCHEMA_VERSION}")
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise _explained(error, origin) from None


def _read(source: str) -> dict[str, Any]:
    """Return the plain values of a packaged configuration or of a file."""
    if source in packaged_names():
        text = (files("pipeline") / "configs" / f"{source}.yaml").read_text(encoding="utf-8")
    else:
        path = Path(source)
        if not path.is_file():
            raise UsageError(
                f"--config {source}: no such file, and no packaged configuration of that name; "
                f"there are: {', '.join(packaged_names())}"
            )
        text = path.read_text(encoding="utf-8-sig")
    values = _yaml(text, source)
    if not isinstance(values, dict):
        raise UsageError(f"{source}: expected keys and values, received {type(values).__name__}")
    return values


def _yaml(text: str, origin: str) -> Any:
    """Parse YAML, or name where it is wrong."""
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UsageError(f"{origin}: not valid YAML: {' '.join(str(error).split())}") from None


def _assign(values: dict[str, Any], key: str, value: Any, origin: str) -> None:
    """Set a dotted key in nested dictionaries."""
    *sections, last = key.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if inner is None:
            inner = values[section] = {}
        if not isinstance(inner, dict):
            raise UsageError(f"{origin}: {section} holds a value, not keys")
        values = inner
    values[last] = value


def _explained(error: ValidationError, origin: str) -> UsageError:
    """Turn the first of pydantic's findings into one line."""
    first = error.errors()[0]
    path = ".".join(str(part) for part in first["loc"])
    if first["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        known = _known_keys(first["loc"][:-1])
        near = get_close_matches(str(first["loc"][-1]), known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known keys: {', '.join(sorted(known))}"
        return UnknownNameError(f"{origin}: unknown key {path}{hint}")
    message = first["msg"].removeprefix("Value error, ")
    received = "" if first["type"] in ("missing", "value_error") else f", received {first['input']!r}"
    return UsageError(f"{origin}: {path}: {message}{received}" if path else f"{origin}: {message}{received}")


def _known_keys(location: Sequence[str | int]) -> list[str]:
    """Keys that exist in the section at ``location``."""
    schema = Config.model_json_schema()
    node: dict[str, Any] = schema
    for part in location:
        node = node.get("properties", {}).get(str(part), {})
        for option in (node, *node.get("anyOf", []), *node.get("allOf", [])):
            if "$ref" in option:
                node = schema["$defs"][option["$ref"].rsplit("/", 1)[-1]]
    return list(node.get("properties", {}))
