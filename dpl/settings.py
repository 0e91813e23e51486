"""What learning is told and what it reports: frozen values that need no Keras."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError, ShapeError, UsageError
from legacy_models.model import Dates

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class LearningSettings:
    """How to learn.

    Args:
        epochs: at most so many.
        steps_per_epoch: weight updates between two validations.
        basins_per_step: basins of one update; None takes all fit basins.
        warmup_days: first days of each window, simulated but not scored; at least the routing's length.
        loss_days: scored days of each window.
        min_observed_days: a window with fewer observed days is not drawn.
        losses: loss name -> weight.
        learning_rate: at the start.
        schedule: ``cosine`` falls to a twentieth at the last epoch; ``plateau`` halves after
            ``plateau_epochs`` without improvement.
        clip_norm: largest global norm of the gradient.
        weight_decay: each step shrinks kernels by this times the learning rate, biases not, which pulls
            towards uniform parameters.
        crowding: weight of the penalty for parameters close to their bounds.
        patience: stop after so many epochs without improvement of the validation score.
        stop_on: the validation score: ``nse_median`` (larger is better) or ``loss``.
        checkpoint_seconds: least time between two checkpoints.
        seed: of the windows.
    """

    epochs: int = 20
    steps_per_epoch: int = 10
    basins_per_step: int | None = 64
    warmup_days: int = 180
    loss_days: int = 365
    min_observed_days: int = 60
    losses: Mapping[str, float] = field(default_factory=lambda: {"nse": 1.0})
    learning_rate: float = 0.01
    schedule: Literal["cosine", "plateau"] = "cosine"
    plateau_epochs: int = 4
    clip_norm: float = 1.0
    weight_decay: float = 1.0
    crowding: float = 0.01
    patience: int = 10
    stop_on: Literal["nse_median", "loss"] = "nse_median"
    checkpoint_seconds: float = 30.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in (
            "epochs",
            "steps_per_epoch",
            "loss_days",
            "min_observed_days",
            "patience",
            "plateau_epochs",
        ):
            if getattr(self, name) < 1:
                raise UsageError(f"{name} must be at least 1, received {getattr(self, name)}")
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise UsageError(f"{name} must be above 0, received {getattr(self, name)}")
        for name in ("warmup_days", "weight_decay", "crowding"):
            if not getattr(self, name) >= 0:
                raise UsageError(f"{name} must not be negative, received {getattr(self, name)}")
        if self.schedule not in ("cosine", "plateau"):
            raise UsageError(f"schedule must be 'cosine' or 'plateau', received {self.schedule!r}")
        if self.stop_on not in ("nse_median", "loss"):
            raise UsageError(f"stop_on must be 'nse_median' or 'loss', received {self.stop_on!r}")

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "losses": dict(self.losses)}


@dataclass(frozen=True, eq=False)
class LearningData:
    """All that learning reads, basins in one order throughout.

    Args:
        basins: (basin,) ids.
        attributes: (basin, column) scaled by the network's ``AttributeScaler``.
        properties: (basin, property) site properties of the legacy model.
        forcing: (basin, time, variable).
        antecedent: (basin, time, feature) what came before each day, for a window that starts on it.
        observed: (basin, time) streamflow [mm/day], NaN is a gap.
        dates: (time,) consecutive days.
        fit: (basin, time) days that the loss may use.
        validation: (basin, time) days that stopping may use.
        forcing_names: (variable,) for messages.
    """

    basins: tuple[str, ...]
    attributes: Float32
    properties: Float32
    forcing: Float32
    antecedent: Float32
    observed: Float32
    dates: Dates
    fit: Mask
    validation: Mask
    forcing_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        days = (len(self.basins), len(self.dates))
        for name in ("observed", "fit", "validation"):
            _expect(name, getattr(self, name).shape, days)
        for name in ("forcing", "antecedent"):
            _expect(name, getattr(self, name).shape[:2], days)
        for name in ("attributes", "properties"):
            _expect(name, getattr(self, name).shape[:1], days[:1])
        if (self.fit & self.validation).any():
            basin, day = np.argwhere(self.fit & self.validation)[0]
            raise DataError(f"basin {self.basins[basin]}, {self.dates[day]}: a day is both fit and validation")

    @property
    def counted_fit(self) -> Mask:
        """(basin, time) fit days with an observation."""
        return self.fit & np.isfinite(self.observed)

    @property
    def counted_validation(self) -> Mask:
        """(basin, time) validation days with an observation."""
        return self.validation & np.isfinite(self.observed)

    @property
    def basin_std(self) -> Float32:
        """(basin,) standard deviation of observed flow [mm/day] over fit days.

        Basins without fit days are held out; they only need it for their validation loss and get the median
        of the others, so that nothing is learned from their observations.
        """
        counted = self.counted_fit
        some = counted.sum(axis=1) > 1
        std = np.array(
            [row[days].std() if ok else np.nan for row, days, ok in zip(self.observed, counted, some, strict=True)]
        )
        if not some.any():
            raise DataError("no basin has an observation in the fit period")
        return np.where(some, std, np.nanmedian(std)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch gave; a figure that was not computed is None.

    Epoch 0 is the network before its first step: no training loss, but a validation score to beat.
    """

    epoch: int
    train_loss: float | None
    validation_loss: float | None
    validation_nse_median: float | None
    learning_rate: float
    gradient_norm: float | None
    seconds: float


def _expect(name: str, received: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if received != expected:
        raise ShapeError(f"Expected {name} for {expected} basins and days. Received {received}.")
