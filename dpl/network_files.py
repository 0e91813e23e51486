"""Saved parameter networks: architecture by name, plain values as JSON, weights as npz without pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from dpl.attributes import AttributeScaler
from dpl.networks import ParameterNetwork
from legacy_models.errors import BundleError, ProjectError
from legacy_models.files import sha256_of_file, sha256_of_json, write_json, written_aside
from legacy_models.parameters import ParameterSpace

SCHEMA_VERSION = 1
CARD, WEIGHTS = "network.json", "weights.npz"


def save(network: ParameterNetwork, directory: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write ``network`` to ``directory``, the card last, so that a card without its weights is never seen.

    Args:
        network: to save.
        directory: made if it does not exist.
        facts: plain values to keep on the card, for example the surrogate's hash, seeds and scores.
    """
    with written_aside(directory / WEIGHTS) as aside, aside.open("wb") as stream:
        np.savez(stream, **{f"weight_{i:03d}": w for i, w in enumerate(network.model.get_weights())})
    card = {
        "schema_version": SCHEMA_VERSION,
        "architecture": network.architecture,
        "options": dict(network.options),
        "parameters": network.space.to_dict(),
        "attributes": network.scaler.to_dict(),
        "effective": "learned parameters hold for this forcing, time step, disaggregation and lumping",
        "facts": dict(facts or {}),
        "weights_sha256": sha256_of_file(directory / WEIGHTS),
    }
    write_json(directory / CARD, {**card, "card_sha256": sha256_of_json(card)})


def read_card(directory: Path) -> dict[str, Any]:
    """Return the card of a saved network, once its hash and schema version are checked.

    Raises:
        BundleError: if it is missing, damaged or of another schema version.
    """
    path = directory / CARD
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
        expected = card.pop("card_sha256")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise BundleError(f"{path}: no readable card of a parameter network ({error})") from error
    if card.get("schema_version") != SCHEMA_VERSION:
        raise BundleError(
            f"{path}: schema version {card.get('schema_version')} cannot be read, this program reads {SCHEMA_VERSION}"
        )
    if sha256_of_json(card) != expected:
        raise BundleError(f"{path}: the card was changed after it was saved (its hash does not fit)")
    return dict(card)


def load(directory: Path) -> ParameterNetwork:
    """Load the network that ``save`` wrote to ``directory``.

    Raises:
        BundleError: if a file is missing, damaged, unsafe or does not fit the card.
    """
    card = read_card(directory)
    path = directory / WEIGHTS
    if not path.is_file() or sha256_of_file(path) != card["weights_sha256"]:
        raise BundleError(f"{path}: the weights are missing or were changed (their hash does not fit the card)")
    try:
        network = ParameterNetwork.create(
            card["architecture"],
            AttributeScaler.from_dict(card["attributes"]),
            ParameterSpace.from_dict(card["parameters"]),
            **card["options"],
        )
        with np.load(path, allow_pickle=False) as stored:
            network.model.set_weights([stored[name] for name in sorted(stored.files)])
    except (ProjectError, BadZipFile, ValueError, TypeError, KeyError) as error:
        raise BundleError(f"{directory}: the saved parameter network cannot be rebuilt ({error})") from error
    return network
