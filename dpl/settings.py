"""What learning is told and what it reports: frozen values that need no Keras."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from dpl import LOSSES
from dpl.averaging import AVERAGES, Average
from dpl.history import History
from legacy_models.errors import DataError, ShapeError, UsageError
from legacy_models.model import Dates

Float32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

STREAMFLOW = "streamflow"


@dataclass(frozen=True)
class TargetSettings:
    """How one observed variable counts; ``LearningSettings`` checks it, since it knows the name.

    Args:
        weight: of its losses in the sum over targets; 0 leaves it out.
        losses: loss name -> weight; none are those of ``LearningSettings``.
        average: simulated and observed are compared day by day, or as means over 8 days (from 1 January on, as
            satellite products have them) or months, over the same days. What stands for several days stands on each.
        coverage: least share of a period's days that must be observed for its mean to count.
        outputs: the legacy model's output name -> its share, whose sum is the variable, such as a mix of soil layers;
            none is the output of the same name. Of no use for streamflow, which is routed runoff.
    """

    weight: float = 1.0
    losses: Mapping[str, float] = field(default_factory=dict)
    average: Average = "day"
    coverage: float = 0.5
    outputs: Mapping[str, float] = field(default_factory=dict)


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
        losses: loss name -> weight, of every target without losses of its own.
        targets: observed variable -> how it counts; daily streamflow with weight 1 where it is not among them.
        learning_rate: at the start.
        schedule: ``cosine`` falls to a twentieth at the last epoch; ``plateau`` halves after
            ``plateau_epochs`` without improvement.
        clip_norm: largest global norm of the gradient.
        weight_decay: each step shrinks kernels by this times the learning rate, biases not, which pulls
            towards uniform parameters.
        crowding: weight of the penalty for parameters close to their bounds.
        patience: stop after so many epochs without improvement of the validation score.
        averaging: decay of the mean of the weights, a step; validated, and kept, is this mean; 0 for the weights.
        stop_on: the validation score: of streamflow ``nnse_mean``, the mean over basins of 1 / (2 - NSE), where every
            basin counts and none decides, or ``nse_median``; or ``loss``, of all targets.
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
    targets: Mapping[str, TargetSettings] = field(default_factory=dict)
    learning_rate: float = 0.01
    schedule: Literal["cosine", "plateau"] = "cosine"
    plateau_epochs: int = 4
    clip_norm: float = 1.0
    weight_decay: float = 1.0
    crowding: float = 0.01
    patience: int = 10
    averaging: float = 0.98
    stop_on: Literal["nnse_mean", "nse_median", "loss"] = "nnse_mean"
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
        if not 0 <= self.averaging < 1:
            raise UsageError(f"averaging must lie in [0, 1), received {self.averaging}")
        if self.stop_on not in ("nnse_mean", "nse_median", "loss"):
            raise UsageError(f"stop_on must be 'nnse_mean', 'nse_median' or 'loss', received {self.stop_on!r}")
        check_weights(self.losses, "dpl.losses")
        for name, target in self.every_target().items():
            _check_target(f"dpl.targets.{name}", name, target)
        if not any(target.weight for target in self.every_target().values()):
            raise UsageError("dpl.targets: one must have a weight above 0")

    def every_target(self) -> dict[str, TargetSettings]:
        """Streamflow and all other targets of some weight by name, each with the losses that it is compared by."""
        given = {STREAMFLOW: TargetSettings(), **self.targets}
        wanted = {name: target for name, target in given.items() if target.weight or name == STREAMFLOW}
        return {name: replace(target, losses=target.losses or self.losses) for name, target in wanted.items()}

    @property
    def flow_losses(self) -> Mapping[str, float]:
        """The losses that streamflow is compared by."""
        return self.every_target()[STREAMFLOW].losses

    def check_targets(self, observed: Collection[str], outputs: Collection[str]) -> None:
        """Refuse targets that the data or the legacy model lack.

        Args:
            observed: names of what the data hold.
            outputs: names of what the legacy model gives.

        Raises:
            UsageError: naming the target, what it lacks and what there is.
        """
        for name, target in self.every_target().items():
            if name not in observed:
                raise UsageError(
                    f"dpl.targets.{name}: the data hold no such observations; there are: {', '.join(observed)}"
                )
            lacking = [output for output in shares(name, target) if output not in outputs]
            if lacking:
                raise UsageError(
                    f"dpl.targets.{name}.outputs: the legacy model has no output {lacking[0]!r}; there are: "
                    f"{', '.join(outputs)}"
                )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


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
        others: the same of other observed variables, in the units of the legacy model's outputs.
        dates: (time,) consecutive days.
        fit: (basin, time) days that the loss may use.
        validation: (basin, time) days that stopping may use.
        forcing_names: (variable,) for messages.
        history: what a network reads of the past; None where it reads attributes alone.
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
    others: Mapping[str, Float32] = field(default_factory=dict)
    history: History | None = None

    def __post_init__(self) -> None:
        days = (len(self.basins), len(self.dates))
        for name in ("fit", "validation"):
            _expect(name, getattr(self, name).shape, days)
        for name, series in self.observations.items():
            _expect(f"observed {name}", series.shape, days)
        for name in ("forcing", "antecedent"):
            _expect(name, getattr(self, name).shape[:2], days)
        for name in ("attributes", "properties"):
            _expect(name, getattr(self, name).shape[:1], days[:1])
        if (self.fit & self.validation).any():
            basin, day = np.argwhere(self.fit & self.validation)[0]
            raise DataError(f"basin {self.basins[basin]}, {self.dates[day]}: a day is both fit and validation")

    @property
    def observations(self) -> dict[str, Float32]:
        """(basin, time) of every observed variable by name."""
        return {STREAMFLOW: self.observed, **self.others}

    @property
    def basin_std(self) -> Float32:
        """(basin,) standard deviation of observed flow [mm/day] over fit days; see ``spread``."""
        return spread(self.observed, self.fit & np.isfinite(self.observed), STREAMFLOW)


def spread(values: npt.NDArray[np.floating[Any]], counted: Mask, name: str) -> Float32:
    """Return the (basin,) standard deviation of (basin, time) ``values`` over the ``counted`` ones.

    Basins with fewer than two have no fit days; they only need it for their validation loss and get the median of the
    others, so that nothing is learned from their observations.

    Raises:
        DataError: naming the variable if there is no basin with two.
    """
    some = counted.sum(axis=1) > 1
    if not some.any():
        raise DataError(f"no basin has two values of {name} in the fit period")
    std = np.array([row[days].std() if ok else np.nan for row, days, ok in zip(values, counted, some, strict=True)])
    return np.where(some, std, np.nanmedian(std)).astype(np.float32)


def check_weights(weights: Mapping[str, float], key: str = "losses") -> None:
    """Refuse a weighted sum of losses that cannot be.

    Raises:
        UnknownNameError: if a name is not in ``LOSSES``.
        UsageError: if a weight is negative or none is positive.
    """
    for name in weights:
        LOSSES.check(name)
    if any(weight < 0 for weight in weights.values()) or not any(weights.values()):
        raise UsageError(f"{key}: loss weights must be >= 0 with one above 0, received {dict(weights)}")


def shares(name: str, target: TargetSettings) -> Mapping[str, float]:
    """Return the outputs of the legacy model whose weighted sum is a target; none for streamflow."""
    return {} if name == STREAMFLOW else target.outputs or {name: 1.0}


@dataclass(frozen=True, slots=True)
class EpochRecord:
    """What one epoch gave; a figure that was not computed is None.

    Epoch 0 is the network before its first step: no training loss, but a validation score to beat.
    """

    epoch: int
    train_loss: float | None
    validation_loss: float | None
    validation_nse_median: float | None
    validation_nnse_mean: float | None
    learning_rate: float
    gradient_norm: float | None
    seconds: float


def _expect(name: str, received: tuple[int, ...], expected: tuple[int, ...]) -> None:
    if received != expected:
        raise ShapeError(f"Expected {name} for {expected} basins and days. Received {received}.")


def _check_target(key: str, name: str, target: TargetSettings) -> None:
    check_weights(target.losses, f"{key}.losses")
    if not target.weight >= 0:
        raise UsageError(f"{key}.weight must not be negative, received {target.weight}")
    if target.average not in AVERAGES:
        raise UsageError(f"{key}.average must be one of {', '.join(AVERAGES)}, received {target.average!r}")
    if not 0 < target.coverage <= 1:
        raise UsageError(f"{key}.coverage must lie in (0, 1], received {target.coverage}")
    if target.outputs and name == STREAMFLOW:
        raise UsageError(f"{key}.outputs: streamflow is the routed runoff of the legacy model, of nothing else")
    if target.outputs and not any(target.outputs.values()):
        raise UsageError(f"{key}.outputs: one share must differ from 0, received {dict(target.outputs)}")
