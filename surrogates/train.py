"""Train a surrogate on recorded runs of a legacy model, resumable at every epoch."""

from collections.abc import Callable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tensorflow as tf

from legacy_models.errors import BundleError
from legacy_models.files import sha256_of_json
from legacy_models.run_set import RunSet
from surrogates.architectures import MIXED_PRECISION, equations
from surrogates.domain import Domain
from surrogates.fitting import Budget, Epoch, fit
from surrogates.settings import TrainSettings
from surrogates.surrogate import Member, Surrogate, new_member
from surrogates.tasks import initial_state_task, sequence_task
from surrogates.windows import Runs, Split, gather, spec_of, split

__all__ = ["TrainSettings", "train"]


def train(
    run_set: RunSet,
    settings: TrainSettings,
    directory: Path,
    warm_start: Surrogate | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> Surrogate:
    """Train a surrogate on ``run_set``; one that was interrupted goes on where its checkpoints are.

    Args:
        run_set: recorded runs with forcing.
        settings: architecture, budget and loss.
        directory: where checkpoints are kept; they belong to these runs and settings, others start anew.
        warm_start: a surrogate of the same model and form to start from; its scaling is kept.
        on_epoch: called with a frozen record after every epoch, and with those of the checkpoints that are there.

    Returns:
        The frozen surrogate with its domain; ``card`` says what it was trained on.

    Raises:
        TrainingError: if a loss or gradient is not finite, naming site and variable.
        DataError: if there is nothing to learn from, or the records are shorter than a window.
        BundleError: if ``warm_start`` is of another model or form.
    """
    runs = gather(run_set, directory)
    rows = split(runs, settings.held_out_sites, settings.held_out_sets, settings.seed)
    if warm_start:
        _check_same_form(warm_start, run_set, settings)
    spec = warm_start.spec if warm_start else spec_of(run_set, runs, rows.train)
    place = directory / _fingerprint(run_set, settings, warm_start)[:16]
    members = []
    for number in range(settings.members):
        form = (spec, settings.architecture, settings.options, settings.seed + number)
        member = new_member(*form, precision_of(settings))
        if warm_start:
            _copy_weights(warm_start.members[number % len(warm_start.members)], member)
        _fit_member(member, number, spec, runs, rows, settings, place, on_epoch)
        exact = new_member(*form)
        _copy_weights(member, exact)
        members.append(exact.freeze())
    return Surrogate(
        spec=spec,
        architecture=settings.architecture,
        options=dict(settings.options),
        piece=settings.piece,
        members=tuple(members),
        domain=Domain.fit(run_set, rows.train, rows.held_out),
        card=_card(run_set, rows, settings),
    )


def precision_of(settings: TrainSettings) -> str:
    """Return the Keras dtype policy to train under; see ``TrainSettings.precision``."""
    if settings.precision != "auto":
        return settings.precision
    devices = [tf.config.experimental.get_device_details(gpu) for gpu in tf.config.list_physical_devices("GPU")]
    able = bool(devices) and all(details.get("compute_capability", (0, 0)) >= (8, 0) for details in devices)
    return "mixed_bfloat16" if able and settings.architecture in MIXED_PRECISION else "float32"


def _fit_member(
    member: Member,
    number: int,
    spec: Any,
    runs: Runs,
    rows: Split,
    settings: TrainSettings,
    place: Path,
    on_epoch: Callable[[Epoch], None] | None,
) -> None:
    """Fit both networks of one member."""
    seed = settings.seed + number
    sequence = sequence_task(f"member {number} sequence", member, spec, runs, rows, settings, seed)
    budget = Budget(
        settings.epochs, settings.steps, settings.learning_rate,
        averaging=settings.averaging, patience=settings.patience, seconds=settings.seconds,
    )  # fmt: skip
    fit(member.sequence, sequence, budget, place / f"sequence_{number}.npz", on_epoch)
    initial = initial_state_task(f"member {number} initial state", member, spec, runs, rows, settings, seed)
    budget = Budget(
        settings.initial_epochs, settings.initial_steps, settings.initial_learning_rate,
        averaging=0.99, patience=settings.patience, seconds=settings.seconds,
    )  # fmt: skip
    fit(member.initial_state, initial, budget, place / f"initial_state_{number}.npz", on_epoch)


def _fingerprint(run_set: RunSet, settings: TrainSettings, warm_start: Surrogate | None) -> str:
    """Hash of all that decides the result, except how long to go on in seconds."""
    plan = {name: value for name, value in asdict(settings).items() if name not in ("seconds", "patience")}
    earlier = warm_start.card.get("design_hash") if warm_start else None
    return sha256_of_json([plan, list(map(str, run_set.keys)), earlier, equations()])


def _check_same_form(warm_start: Surrogate, run_set: RunSet, settings: TrainSettings) -> None:
    """Refuse to go on from a surrogate whose weights would not fit, or of another model."""
    wanted = (settings.architecture, dict(settings.options), run_set.model.version)
    given = (warm_start.architecture, dict(warm_start.options), warm_start.spec.model.version)
    if wanted != given:
        raise BundleError(
            f"cannot start from a surrogate with architecture, options and model version {given}; "
            f"settings and runs ask for {wanted}"
        )


def _copy_weights(source: Member, target: Member) -> None:
    """Start ``target`` from the weights of ``source``."""
    for new, old in zip(target.networks, source.networks, strict=True):
        new.set_weights(old.get_weights())


def _card(run_set: RunSet, rows: Split, settings: TrainSettings) -> dict[str, Any]:
    """What the surrogate was trained on, as plain values."""
    return {
        "design_hash": sha256_of_json(sorted(map(str, run_set.keys))),
        "runs": {"train": len(rows.train), "held_out": len(rows.held_out)},
        "held_out_keys": [str(run_set.keys[i]) for i in rows.held_out],
        "sites": sorted(set(run_set.basins.tolist())),
        "period": [str(run_set.starts.min()), str(run_set.starts.max() + run_set.days - 1)],
        "settings": {**asdict(settings), "options": dict(settings.options)},
        "libraries": {name: version(name) for name in ("keras", "tensorflow", "numpy")},
        "seeds": [settings.seed + number for number in range(settings.members)],
        "held_out": {},
        "transductive": None,
    }
