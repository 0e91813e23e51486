"""Save and load a frozen surrogate as plain data: architecture by name, weights, domain and card."""

import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np

from legacy_models.errors import BundleError, ProjectError
from legacy_models.files import sha256_of_file, write_json
from legacy_models.model import LegacyModel
from legacy_models.run_set import ModelInfo
from surrogates import domain_file
from surrogates.calibration import Calibration
from surrogates.domain import Domain
from surrogates.surrogate import Surrogate, unfilled

SCHEMA_VERSION = 2
"""Since 2 the domain knows climates and errors; one of version 1 goes on with the distances that it has."""

CARD, WEIGHTS, DOMAIN = "card.json", "weights.npz", "domain.npz"
HEAD = ("architecture", "options", "piece", "members", "spec", "files", "schema_version")


def save(surrogate: Surrogate, path: Path) -> Path:
    """Write ``surrogate`` to the directory ``path``, whole or not at all; an older bundle there is replaced.

    The directory holds ``weights.npz``, ``domain.npz`` (both without pickle) and ``card.json``, which names
    the SHA-256 of the other two.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid4().hex[:8]}.part")
    aside.mkdir()
    try:
        _write_files(surrogate, aside)
        if path.exists():
            shutil.rmtree(path)
        aside.replace(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return path


def load(path: Path) -> Surrogate:
    """Read a bundle, check it, and return the frozen surrogate; nothing in it is executed.

    Raises:
        BundleError: if a file is missing, unexpected, altered or unsafe, or the schema is newer.
    """
    card = read_card(path)
    _check_files(path, card)
    try:
        return _assemble(path, card)
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile, ProjectError) as error:
        raise BundleError(f"{path}: the bundle does not describe a surrogate that can be built: {error}") from error


def read_card(path: Path) -> dict[str, Any]:
    """Return the card of the bundle at ``path`` without building anything.

    Raises:
        BundleError: if it is missing, not JSON, incomplete, or of a newer schema.
    """
    file = path / CARD
    if not file.is_file() or file.is_symlink():
        raise BundleError(f"{path} is not a surrogate bundle: there is no file {CARD}")
    try:
        card = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{file} is not JSON: {error}") from None
    missing = [key for key in HEAD if not isinstance(card, dict) or key not in card]
    if missing:
        raise BundleError(f"{file} lacks {', '.join(missing)}")
    if not isinstance(card["schema_version"], int) or card["schema_version"] > SCHEMA_VERSION:
        raise BundleError(
            f"{file} has schema version {card['schema_version']}, but this installation reads up to "
            f"{SCHEMA_VERSION}: update it, or train the surrogate again"
        )
    return card


def check_request(card: Mapping[str, Any], model: LegacyModel) -> None:
    """Refuse a surrogate that was not made from ``model`` as it is now.

    Args:
        card: of the bundle.
        model: the legacy model that it is to stand for.

    Raises:
        BundleError: naming the first of model, version, parameters, forcing, outputs ... that differs.
    """
    made = ModelInfo.from_dict(card["spec"]["model"])
    wanted = ModelInfo.of(model)
    for what, given, right in (
        ("legacy model", made.name, wanted.name),
        ("parameters", made.parameters.names, wanted.parameters.names),
        ("bounds and scales of parameters", _bounds(made), _bounds(wanted)),
        ("forcing", made.forcing_names, wanted.forcing_names),
        ("properties", made.property_names, wanted.property_names),
        ("outputs", _units(made), _units(wanted)),
        ("states", made.states, wanted.states),
        ("runoff", made.runoff, wanted.runoff),
        ("spin-up years", made.spinup_years, wanted.spinup_years),
        ("options", dict(made.options), dict(wanted.options)),
        ("model version", made.version, wanted.version),
    ):
        if given != right:
            raise BundleError(f"the surrogate was made for {what} {given}, but the request has {right}; train it again")


def _bounds(model: ModelInfo) -> list[tuple[float, float, str]]:
    return [(p.lower, p.upper, p.scale) for p in model.parameters.parameters]


def _units(model: ModelInfo) -> list[tuple[str, str]]:
    return [(output.name, output.unit) for output in model.outputs]


def _write_files(surrogate: Surrogate, directory: Path) -> None:
    """Write the three files of a bundle."""
    arrays: dict[str, Any] = {
        f"{i}.{j}.{k}": weight
        for i, member in enumerate(surrogate.members)
        for j, network in enumerate(member.networks)
        for k, weight in enumerate(network.get_weights())
    }
    np.savez(directory / WEIGHTS, **arrays)
    if surrogate.domain is not None:
        np.savez(directory / DOMAIN, **domain_file.to_arrays(surrogate.domain))
    head = {
        "schema_version": SCHEMA_VERSION,
        **surrogate.form,
        "calibration": surrogate.calibration.to_dict() if surrogate.calibration else None,
        "files": {file.name: sha256_of_file(file) for file in sorted(directory.iterdir())},
    }
    write_json(directory / CARD, {**_without_nan(dict(surrogate.card)), **head})


def _check_files(path: Path, card: Mapping[str, Any]) -> None:
    """Refuse files that are listed but absent, present but not listed, links, elsewhere, or altered."""
    listed = card["files"]
    if not isinstance(listed, dict) or not {WEIGHTS} <= set(listed) <= {WEIGHTS, DOMAIN}:
        raise BundleError(f"{path}: a bundle lists {WEIGHTS} and {DOMAIN} and nothing else; received {sorted(listed)}")
    present = {item.name for item in path.iterdir()}
    if present != {CARD, *listed}:
        raise BundleError(f"{path}: expected the files {sorted({CARD, *listed})}, found {sorted(present)}")
    for name, digest in listed.items():
        file = path / name
        if file.is_symlink() or not file.is_file():
            raise BundleError(f"{file} must be a plain file")
        if sha256_of_file(file) != digest:
            raise BundleError(f"{file} is not the file that the card describes: its SHA-256 differs")


def _assemble(path: Path, card: Mapping[str, Any]) -> Surrogate:
    """Build the networks by the architecture's name and fill in their weights."""
    with np.load(path / WEIGHTS, allow_pickle=False) as arrays:
        given = len({name.partition(".")[0] for name in arrays.files})
        if given != card["members"]:
            raise BundleError(f"{path}: the card names {card['members']} members, {WEIGHTS} holds {given}")
        surrogate = unfilled(card)
        for i, member in enumerate(surrogate.members):
            for j, network in enumerate(member.networks):
                _set_weights(network, [arrays[f"{i}.{j}.{k}"] for k in range(len(network.weights))], f"member {i}")
    known = card.get("calibration")
    return replace(
        surrogate,
        domain=_read_domain(path / DOMAIN, card, surrogate.spec.model) if DOMAIN in card["files"] else None,
        card=card,
        calibration=Calibration.from_dict(known) if known else None,
    )


def _set_weights(network: Any, weights: Sequence[Any], where: str) -> None:
    for variable, weight in zip(network.weights, weights, strict=True):
        if tuple(variable.shape) != weight.shape or weight.dtype != np.float32:
            raise BundleError(
                f"{where}: expected a float32 weight {variable.path} of shape {tuple(variable.shape)}, "
                f"received {weight.dtype} {weight.shape}"
            )
    network.set_weights(list(weights))


def _read_domain(file: Path, card: Mapping[str, Any], model: ModelInfo) -> Domain:
    with np.load(file, allow_pickle=False) as saved:
        arrays = {name: saved[name] for name in saved.files}
    if card["schema_version"] == 1:
        return domain_file.from_first_schema(arrays, model)
    return domain_file.from_arrays(arrays)


def _without_nan(value: Any) -> Any:
    """Replace figures that are not finite by null, which is what JSON has."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value
