"""Saved parameter networks: architecture by name, plain values as JSON, weights as npz without pickle."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from dpl.attributes import AttributeScaler
from dpl.history import HistoryScaler
from dpl.networks import NetworkEnsemble, ParameterNetwork
from legacy_models.errors import BundleError, ProjectError
from legacy_models.files import sha256_of_file, sha256_of_json, write_json, written_aside
from legacy_models.parameters import ParameterSpace

SCHEMA_VERSION = 2
CARD, WEIGHTS = "network.json", "weights.npz"


def save(networks: NetworkEnsemble, directory: Path, facts: Mapping[str, Any] | None = None) -> None:
    """Write ``networks`` to ``directory``, the card last, so that a card without its weights is never seen.

    Args:
        networks: to save, one or more that differ by their seed.
        directory: made if it does not exist.
        facts: plain values to keep on the card, for example the surrogate's hash, seeds and scores.
    """
    first = networks.first
    weights = [w for member in networks.members for w in member.model.get_weights()]
    with written_aside(directory / WEIGHTS) as aside, aside.open("wb") as stream:
        np.savez(stream, **{f"weight_{i:04d}": w for i, w in enumerate(weights)})
    card = {
        "schema_version": SCHEMA_VERSION,
        "architecture": first.architecture,
        "options": dict(first.options),
        "seeds": [member.options.get("seed", 0) for member in networks.members],
        "parameters": first.space.to_dict(),
        "attributes": first.scaler.to_dict(),
        "history": first.history.to_dict() if first.history else None,
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
    if card.get("schema_version") not in (1, SCHEMA_VERSION):
        raise BundleError(
            f"{path}: schema version {card.get('schema_version')} cannot be read, this program reads up to "
            f"{SCHEMA_VERSION}"
        )
    if sha256_of_json(card) != expected:
        raise BundleError(f"{path}: the card was changed after it was saved (its hash does not fit)")
    if card["schema_version"] == 1:  # one network that reads attributes alone
        card |= {"schema_version": SCHEMA_VERSION, "seeds": [card["options"].get("seed", 0)], "history": None}
    return dict(card)


def load(directory: Path) -> NetworkEnsemble:
    """Load what ``save`` wrote to ``directory``.

    Raises:
        BundleError: if a file is missing, damaged, unsafe or does not fit the card.
    """
    card = read_card(directory)
    path = directory / WEIGHTS
    if not path.is_file() or sha256_of_file(path) != card["weights_sha256"]:
        raise BundleError(f"{path}: the weights are missing or were changed (their hash does not fit the card)")
    try:
        networks = NetworkEnsemble(tuple(_built(card, seed) for seed in card["seeds"]))
        with np.load(path, allow_pickle=False) as stored:
            weights = [stored[name] for name in sorted(stored.files)]
        each = len(weights) // len(networks.members)
        for i, member in enumerate(networks.members):
            member.model.set_weights(weights[i * each : (i + 1) * each])
    except (ProjectError, BadZipFile, ValueError, TypeError, KeyError) as error:
        raise BundleError(f"{directory}: the saved parameter network cannot be rebuilt ({error})") from error
    return networks


def _built(card: Mapping[str, Any], seed: int) -> ParameterNetwork:
    history = card["history"]
    return ParameterNetwork.create(
        card["architecture"],
        AttributeScaler.from_dict(card["attributes"]),
        ParameterSpace.from_dict(card["parameters"]),
        None if history is None else HistoryScaler.from_dict(history),
        **{**card["options"], "seed": seed},
    )
