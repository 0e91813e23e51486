"""The state of learning between two epochs: all that is needed to go on as if nothing had happened."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from dpl.settings import EpochRecord
from legacy_models.errors import TrainingError
from legacy_models.files import written_aside

SCHEMA_VERSION = 2
GROUPS = ("network", "average", "optimizer", "best")
Arrays = tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class State:
    """Everything that changes while learning.

    Args:
        network: all variables of the network, seeds of dropout included.
        average: mean of the trainable ones over the last steps.
        optimizer: all variables of the optimiser.
        best: the network's variables, averaged, at the best validation score.
        best_score: smaller is better; None where nothing could be validated.
        best_epoch: its epoch.
        waited: epochs since then.
        rate: what the plateau schedule made of the learning rate (1 at the start).
        generator: state of the generator of windows.
        history: one record an epoch.
        finished: whether learning came to its end.
    """

    network: Arrays
    average: Arrays
    optimizer: Arrays
    best: Arrays
    best_score: float | None
    best_epoch: int
    waited: int
    rate: float
    generator: dict[str, Any]
    history: tuple[EpochRecord, ...]
    finished: bool = False


def save(path: Path, state: State, fingerprint: str) -> None:
    """Write ``state``, whole or not at all; ``fingerprint`` says what it belongs to."""
    plain = {
        "schema_version": SCHEMA_VERSION,
        "fingerprint": fingerprint,
        "best_score": state.best_score,
        "best_epoch": state.best_epoch,
        "waited": state.waited,
        "rate": state.rate,
        "generator": state.generator,
        "history": [asdict(record) for record in state.history],
        "finished": state.finished,
    }
    arrays = {f"{group}_{i:03d}": array for group in GROUPS for i, array in enumerate(getattr(state, group))}
    with written_aside(path) as aside, aside.open("wb") as stream:
        np.savez(stream, plain=np.array(json.dumps(plain)), **arrays)


def load(path: Path, fingerprint: str) -> State | None:
    """Return the state at ``path``, or None if there is none.

    Raises:
        TrainingError: if the file is damaged, or belongs to other data, settings or starting weights.
    """
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as stored:
            plain = json.loads(str(stored["plain"]))
            arrays: dict[str, Any] = {group: _group(stored, group) for group in GROUPS}
    except (BadZipFile, OSError, KeyError, ValueError) as error:
        raise TrainingError(f"{path}: the checkpoint is damaged ({error}); remove it to learn anew") from error
    if plain["schema_version"] != SCHEMA_VERSION or plain["fingerprint"] != fingerprint:
        raise TrainingError(
            f"{path}: the checkpoint belongs to other data, settings or starting weights; "
            "give back those, or remove it to learn anew"
        )
    del plain["schema_version"], plain["fingerprint"]
    history = tuple(EpochRecord(**record) for record in plain.pop("history"))
    return State(history=history, **(arrays | plain))


def values(variables: Sequence[Any]) -> Arrays:
    """Return copies of Keras variables as arrays."""
    return tuple(np.array(variable.numpy()) for variable in variables)


def assign(variables: Sequence[Any], arrays: Arrays) -> None:
    """Put ``arrays`` into Keras variables of the same order."""
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)


def _group(stored: Any, group: str) -> Arrays:
    return tuple(stored[name] for name in sorted(stored.files) if name.startswith(f"{group}_"))
