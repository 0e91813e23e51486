"""Where batches are run: a sandbox each, on the machine of the worker that has the batch; results go back by value.

    SCRATCH/run-CALL/BATCH     while a batch is run; CALL is one call of ``ensemble.simulate``
    SCRATCH/failed-KEY         kept of a run that was given up, a few of them

A worker on another machine makes the same paths on its own disk: nothing is shared between machines but the
arguments and the results of ``attempt``. Each function here runs where the sandboxes are.
"""

import platform
import shutil
from collections.abc import Collection, Mapping
from copy import copy
from pathlib import Path
from uuid import uuid4

from legacy_models.errors import LegacyModelError
from legacy_models.files import sha256_of_bytes
from legacy_models.model import LegacyModel, Run
from legacy_models.runner import BatchOutcome, attempt_batch, stop_below

_checked: set[tuple[str, str]] = set()


def scratch_of(store: Path, configured: Path | None) -> Path:
    """Return a store's own scratch directory: in ``configured``, or in the store."""
    if configured is None:
        return (store / "scratch").absolute()
    return (configured / f"store-{sha256_of_bytes(str(store.resolve()).encode())[:16]}").absolute()


def attempt(
    model: LegacyModel, version: str, runs: Mapping[str, Run], place: Path, timeout: float, keep: bool
) -> BatchOutcome:
    """Run a batch in a sandbox of its own in ``place`` and say what became of it; see ``runner.attempt_batch``.

    Args:
        model: the adapter.
        version: what ``model.version`` must be on this machine.
        runs: key -> run.
        place: directory of this call.
        timeout: seconds.
        keep: whether the sandbox is to be kept if runs fail and are not tried again in smaller batches.

    Raises:
        LegacyModelError: as ``attempt_batch``, or if this machine has another version of the model.
    """
    _check_version(model, version)
    sandbox = place / uuid4().hex
    outcome = attempt_batch(model, list(runs.values()), sandbox, timeout, keep)
    if sandbox.exists():
        failed = next(key for key, result in zip(runs, outcome.results, strict=True) if result.status != "ok")
        if outcome.fault and len(runs) > 1:
            shutil.rmtree(sandbox, ignore_errors=True)
        else:
            shutil.rmtree(kept(place.parent, failed), ignore_errors=True)
            sandbox.rename(kept(place.parent, failed))
    return outcome


def kept(scratch: Path, key: str) -> Path:
    """Return where the sandbox of a run that was given up is kept."""
    return scratch / f"failed-{key[:16]}"


def kept_in(scratch: Path) -> list[Path]:
    """Return the sandboxes that are kept there."""
    return sorted(scratch.glob("failed-*"))


def clear_stale(scratch: Path, again: Collection[str]) -> None:
    """Remove what is left of calls that were killed (the store's lock says so) and of runs that are run again."""
    for stale in scratch.glob("run-*"):
        clear(stale)
    names = {kept(scratch, key).name for key in again}
    for old in kept_in(scratch):
        if old.name in names:
            shutil.rmtree(old, ignore_errors=True)


def clear(place: Path) -> None:
    """Stop what still runs in the directory of a call, and remove it."""
    stop_below(place)
    shutil.rmtree(place, ignore_errors=True)


def _check_version(model: LegacyModel, expected: str) -> None:
    """Raise unless this machine has the version that the runs' keys were made with; worked out once a process."""
    if (model.name, expected) in _checked:
        return
    here = copy(model)
    vars(here).pop("version", None)  # an adapter may have brought the version along that it was sent with
    if here.version != expected:
        raise LegacyModelError(
            f"{platform.node()} has version {here.version[:12]} of {model.name}, the runs need {expected[:12]}; "
            "install the same program and libraries wherever it is run"
        )
    _checked.add((model.name, expected))
