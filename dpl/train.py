"""Learning a parameter network through a frozen surrogate, on random windows of all basins at once."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dpl import checkpoint
from dpl.blame import not_finite
from dpl.checkpoint import Arrays, State
from dpl.model import DifferentiableModel
from dpl.networks import ParameterNetwork
from dpl.settings import EpochRecord, LearningData, LearningSettings
from dpl.steps import Penalty, Stepper
from dpl.validation import Validation, Validator
from dpl.windows import Draws, training_windows, validation_windows
from legacy_models.errors import TrainingError, UsageError
from legacy_models.files import sha256_of_bytes, sha256_of_json

CHECKPOINT = "checkpoint.npz"


@dataclass(frozen=True, eq=False)
class LearnedNetwork:
    """A network at its best validation score, and how it came there."""

    network: ParameterNetwork
    history: tuple[EpochRecord, ...]
    best_epoch: int


def learn(
    model: DifferentiableModel,
    data: LearningData,
    settings: LearningSettings,
    directory: Path,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    penalty: Penalty | None = None,
) -> LearnedNetwork:
    """Learn the weights of ``model.network``; they end at the best validation score.

    A checkpoint in ``directory`` is gone on from, and gives what an uninterrupted run gives. The network may
    start from earlier weights; without a validation day the last epoch is the best.

    Args:
        model: its surrogate stays as it is.
        data: fit days for the loss, validation days for stopping, nothing else.
        settings: all seeds and figures.
        directory: for the checkpoint.
        on_epoch: told after every epoch; epoch 0 is the network before its first step.
        penalty: added to the loss, for example the distance from the surrogate's domain.

    Returns:
        The learned network (the same object as ``model.network``) and its history.

    Raises:
        TrainingError: if a loss or gradient is not finite, naming basin and variable; the checkpoint holds
            the last good weights. Also if the checkpoint belongs to something else.
        DataError: if a fit basin has no window with enough observed days.
        UsageError: if a target is not observed or not simulated, or the warm-up does not feed the routing.
    """
    if settings.warmup_days < model.length - 1:
        raise UsageError(
            f"warmup_days must be at least {model.length - 1} to feed the unit hydrograph, "
            f"received {settings.warmup_days}"
        )
    settings.check_targets(data.observations, model.output_names)
    run = _Run(model, data, settings, penalty)
    path = directory / CHECKPOINT
    fingerprint = _fingerprint(model, data, settings)
    state = checkpoint.load(path, fingerprint)
    saved_at = time.monotonic()
    if state is None:
        state = run.start()
        _tell(on_epoch, state)
    else:
        run.restore(state)
    try:
        while not state.finished:
            state = run.epoch(state)
            _tell(on_epoch, state)
            if time.monotonic() - saved_at >= settings.checkpoint_seconds:
                checkpoint.save(path, state, fingerprint)
                saved_at = time.monotonic()
    finally:
        checkpoint.save(path, state, fingerprint)
    checkpoint.assign(model.network.model.variables, state.best)
    return LearnedNetwork(model.network, state.history, state.best_epoch)


class _Run:
    """The moving parts of one call of ``learn``; each method takes a state to the next."""

    def __init__(
        self,
        model: DifferentiableModel,
        data: LearningData,
        settings: LearningSettings,
        penalty: Penalty | None,
    ) -> None:
        self.model, self.data, self.settings = model, data, settings
        self.generator = np.random.default_rng(settings.seed)
        windows = training_windows(data, settings)
        self.draws = Draws(windows, settings, self.generator)
        self.stepper = Stepper(model, windows.targets, settings, penalty)
        self.validate = Validator(validation_windows(windows), self.draws.size)

    def start(self) -> State:
        """Score the network before its first step."""
        began = time.monotonic()
        validation = self.validate(self.stepper)
        record = EpochRecord(
            0,
            None,
            validation.loss,
            validation.nse_median,
            validation.nnse_mean,
            self.settings.learning_rate,
            None,
            time.monotonic() - began,
        )
        network = checkpoint.values(self.model.network.model.variables)
        return State(
            network=network,
            average=checkpoint.values(self.stepper.averages),
            optimizer=checkpoint.values(self.stepper.optimizer.variables),
            best=network,
            best_score=validation.score(self.settings),
            best_epoch=0,
            waited=0,
            rate=1.0,
            generator=dict(self.generator.bit_generator.state),
            history=(record,),
        )

    def restore(self, state: State) -> None:
        """Put network, optimiser and generator where ``state`` left them."""
        checkpoint.assign(self.model.network.model.variables, state.network)
        checkpoint.assign(self.stepper.averages, state.average)
        checkpoint.assign(self.stepper.optimizer.variables, state.optimizer)
        self.generator.bit_generator.state = state.generator

    def epoch(self, state: State) -> State:
        """Take the steps of one epoch, validate, and judge."""
        began = time.monotonic()
        epoch, steps = len(state.history), self.settings.steps_per_epoch
        totals, norms = [], []
        for step, batch in enumerate(self.draws.epoch(steps)):
            loss, norm, gradient = self.stepper.gradient(batch)
            if not (math.isfinite(loss) and math.isfinite(norm)):
                raise TrainingError(f"epoch {epoch}, step {step + 1}: {not_finite(self.model, self.data, batch)}")
            rate = self._rate((epoch - 1) * steps + step, state.rate)
            self.stepper.apply(gradient, rate)
            totals.append(loss)
            norms.append(norm)
        with self.stepper.averaged():
            validation, averaged = self.validate(self.stepper), checkpoint.values(self.model.network.model.variables)
        record = EpochRecord(
            epoch=epoch,
            train_loss=float(np.mean(totals)),
            validation_loss=validation.loss,
            validation_nse_median=validation.nse_median,
            validation_nnse_mean=validation.nnse_mean,
            learning_rate=rate,
            gradient_norm=float(np.median(norms)),
            seconds=time.monotonic() - began,
        )
        return self._judged(state, record, validation, averaged)

    def _rate(self, step: int, plateau: float) -> float:
        """Learning rate of a step: half a cosine from 1 to 1/20, or what the plateaus left."""
        if self.settings.schedule == "plateau":
            return self.settings.learning_rate * plateau
        share = step / max(1, self.settings.epochs * self.settings.steps_per_epoch - 1)
        return self.settings.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * share)))

    def _judged(self, state: State, record: EpochRecord, validation: Validation, averaged: Arrays) -> State:
        """Keep the best weights, count the wait, end when it is over."""
        settings, score = self.settings, validation.score(self.settings)
        better = score is None or (math.isfinite(score) and (state.best_score is None or score < state.best_score))
        waited = 0 if better else state.waited + 1
        slower = settings.schedule == "plateau" and waited > 0 and waited % settings.plateau_epochs == 0
        return replace(
            state,
            network=checkpoint.values(self.model.network.model.variables),
            average=checkpoint.values(self.stepper.averages),
            optimizer=checkpoint.values(self.stepper.optimizer.variables),
            best=averaged if better else state.best,
            best_score=score if better else state.best_score,
            best_epoch=record.epoch if better else state.best_epoch,
            waited=waited,
            rate=state.rate * (0.5 if slower else 1.0),
            generator=dict(self.generator.bit_generator.state),
            history=(*state.history, record),
            finished=record.epoch >= settings.epochs or waited >= settings.patience,
        )


def _tell(on_epoch: Callable[[EpochRecord], None] | None, state: State) -> None:
    if on_epoch is not None:
        on_epoch(state.history[-1])


def _fingerprint(model: DifferentiableModel, data: LearningData, settings: LearningSettings) -> str:
    """Hash of all that a checkpoint depends on; pauses between checkpoints do not matter."""
    network = model.network
    arrays = (
        data.attributes,
        data.properties,
        data.forcing,
        data.antecedent,
        *(data.observations[name] for name in sorted(data.observations)),
        data.fit,
        data.validation,
        *([] if data.history is None else [data.history.features]),
    )
    plain = settings.to_dict()
    del plain["checkpoint_seconds"]
    return sha256_of_json(
        {
            "settings": plain,
            "network": [
                network.architecture,
                dict(network.options),
                network.space.to_dict(),
                network.scaler.to_dict(),
                network.history.to_dict() if network.history else None,
            ],
            "start": sha256_of_bytes(*(array.tobytes() for array in checkpoint.values(network.model.variables))),
            "surrogate": sha256_of_bytes(*(weight.tobytes() for weight in model.frozen_weights)),
            "basins": data.basins,
            "data": sha256_of_bytes(*(np.ascontiguousarray(a).tobytes() for a in arrays)),
        }
    )
