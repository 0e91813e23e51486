"""What the regional LSTM is told: frozen values that need no Keras."""

from dataclasses import dataclass

from legacy_models.errors import UsageError


@dataclass(frozen=True)
class LstmSettings:
    """How the regional LSTM is built and trained.

    Args:
        hidden: size of its memory.
        dropout: share of the memory left out of the output in training.
        warmup_days: days that are read before the first one that counts.
        loss_days: days that count in a window.
        min_observed_days: a window in which fewer of them are observed is not drawn.
        batch: windows a step.
        epochs: at most so many.
        steps: steps an epoch.
        learning_rate: the highest; see ``surrogates.fitting.Budget``.
        clip: largest global norm of the gradient.
        averaging: decay of the mean of the weights, a step.
        patience: epochs without a better validation loss before it stops; 0 for never.
        seeds: a network for each.

    Hidden size, dropout, learning rate, batch, clipping, epochs and the length of the warm-up are those of Kratzert et
    al. (2019), who predict one day from each window; 180 at once see as many days in 30 epochs of 40 steps.
    """

    hidden: int = 256
    dropout: float = 0.4
    warmup_days: int = 270
    loss_days: int = 180
    min_observed_days: int = 30
    batch: int = 256
    epochs: int = 30
    steps: int = 40
    learning_rate: float = 1e-3
    clip: float = 1.0
    averaging: float = 0.98
    patience: int = 10
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        for name in ("hidden", "warmup_days", "loss_days", "min_observed_days", "batch", "epochs", "steps"):
            if getattr(self, name) < 1:
                raise UsageError(f"lstm.{name} must be at least 1, received {getattr(self, name)}")
        for name in ("dropout", "averaging"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise UsageError(f"lstm.{name} must lie in [0, 1), received {getattr(self, name)}")
        for name in ("learning_rate", "clip"):
            if not getattr(self, name) > 0.0:
                raise UsageError(f"lstm.{name} must be above 0, received {getattr(self, name)}")
        if self.patience < 0:
            raise UsageError(f"lstm.patience must not be negative, received {self.patience}")
        if not self.seeds or min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise UsageError(f"lstm.seeds must be one or more numbers of 0 or more, each once, received {self.seeds}")
