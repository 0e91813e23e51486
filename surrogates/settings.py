"""How a surrogate is trained; kept apart from Keras, so that a configuration can be read without it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from legacy_models.errors import UsageError

COUNTS = ("members", "window", "batch", "epochs", "steps", "initial_epochs", "initial_steps", "initial_batch")


@dataclass(frozen=True)
class TrainSettings:
    """How a surrogate is trained.

    Args:
        architecture: name in ``surrogates.architectures.ARCHITECTURES``.
        options: arguments of its ``build``.
        members: number of networks trained from different seeds; their mean is the surrogate.
        window: days of a training window.
        piece: days simulated from one state; a longer simulation hands the predicted states over and starts
            all other memory anew. 0: any length in one go.
        batch: windows a step.
        epochs: epochs of the sequence network; an epoch is ``steps`` steps.
        steps: steps an epoch.
        learning_rate: highest learning rate of the sequence network.
        averaging: decay of the mean of the weights, a step.
        patience: epochs without improvement on held-out runs before it stops; 0 for never.
        seconds: stop a network after the epoch in which this time is up; results then vary with the machine.
        initial_epochs: epochs of the network that gives the first state.
        initial_steps: steps of each of them.
        initial_batch: (run, day) pairs a step.
        initial_learning_rate: highest learning rate of that network.
        held_out_sites: share of the sites held out with all their runs.
        held_out_sets: share of the runs held out at the other sites.
        total_weight: weight in the loss of streamflow before routing, where each output has 1.
        root_weight: weight of the root of that streamflow, which makes low flows count.
        tail_weight: how often snowy and dry sites are drawn, where the others are once (``surrogates.balance``).
        regime_share: share of the windows that are placed to hold high or low flows.
        floor: share of the typical standard deviation added to each run's own in its weight.
        seed: decides everything that is random.
    """

    architecture: str = "lstm"
    options: Mapping[str, Any] = field(default_factory=dict)
    members: int = 1
    window: int = 365
    piece: int = 0
    batch: int = 64
    epochs: int = 10
    steps: int = 80
    learning_rate: float = 4e-3
    averaging: float = 0.98
    patience: int = 0
    seconds: float | None = None
    initial_epochs: int = 4
    initial_steps: int = 400
    initial_batch: int = 1024
    initial_learning_rate: float = 3e-3
    held_out_sites: float = 0.1
    held_out_sets: float = 0.1
    total_weight: float = 3.0
    root_weight: float = 1.0
    tail_weight: float = 2.0
    regime_share: float = 0.25
    floor: float = 0.1
    seed: int = 0

    def __post_init__(self) -> None:
        for name in COUNTS:
            if getattr(self, name) < 1:
                raise UsageError(f"surrogate.{name} must be at least 1, received {getattr(self, name)}")
        for name in ("total_weight", "root_weight", "tail_weight"):
            if getattr(self, name) < 0.0:
                raise UsageError(f"surrogate.{name} must be 0 or more, received {getattr(self, name)}")
        for name in ("held_out_sites", "held_out_sets", "regime_share"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UsageError(f"surrogate.{name} must lie in [0, 1), received {getattr(self, name)}")
