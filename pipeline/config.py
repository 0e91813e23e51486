"""One frozen, typed configuration for everything a run does; unknown keys are refused.

A configuration is a packaged one (``synthetic``, ``camels``) or a YAML file, changed by ``--data`` and
``--set`` of the command line, in that order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from difflib import get_close_matches
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, ValidationError, model_validator

from dpl.baselines.lstm_settings import LstmSettings
from dpl.settings import LearningSettings
from legacy_models.errors import UnknownNameError, UsageError
from legacy_models.files import sha256_of_json
from pipeline.basins import Selection
from pipeline.sections import (
    CalibrateConfig,
    DataConfig,
    DriftConfig,
    FidelityConfig,
    LegacyModelConfig,
    NetworkConfig,
    PeriodsConfig,
    RefineConfig,
    Section,
    SplitsConfig,
    TrackingConfig,
)
from surrogates.settings import DesignSettings, TrainSettings

SCHEMA_VERSION = 1


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
    calibrate: CalibrateConfig = CalibrateConfig()
    drift: DriftConfig = DriftConfig()
    lstm: LstmSettings = LstmSettings()
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _refinement_fits(self) -> "Config":
        for name, changes in (("surrogate", self.refine.surrogate), ("dpl", self.refine.dpl)):
            section = getattr(self, name)
            known = [field.name for field in fields(section)]
            for key in changes:
                if key not in known:
                    raise ValueError(f"refine.{name}.{key}: no such key; there are: {', '.join(known)}")
            if "targets" in changes:
                raise ValueError(f"refine.{name}.targets: every round learns from the same, dpl.targets")
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
        node = node.get("properties", {}).get(str(part)) or node.get("additionalProperties") or {}
        for option in (node, *node.get("anyOf", []), *node.get("allOf", [])):
            if "$ref" in option:
                node = schema["$defs"][option["$ref"].rsplit("/", 1)[-1]]
    return list(node.get("properties", {}))
