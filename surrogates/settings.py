"""What runs a surrogate learns from and how; apart from Keras and SciPy, so that a configuration is read at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal

from legacy_models.errors import UsageError
from surrogates import SAMPLERS

COUNTS = ("members", "window", "batch", "epochs", "steps", "initial_epochs", "initial_steps", "initial_batch")


@dataclass(frozen=True)
class Climates:
    """Changed climates that the legacy model is run under besides the recorded one; see ``surrogates.climates``.

    Args:
        per_site: how many at each site; 0 for none.
        share: of a site's runs that is made under them.
        precipitation: bounds of the factor on it.
        temperature: bounds of its shift [degC].
    """

    per_site: int = 0
    share: float = 0.2
    precipitation: tuple[float, float] = (0.7, 1.4)
    temperature: tuple[float, float] = (-2.0, 4.0)

    def __post_init__(self) -> None:
        if self.per_site < 0:
            raise UsageError(f"design.climates.per_site must be 0 or more, received {self.per_site}")
        if not 0.0 < self.share <= 1.0:
            raise UsageError(f"design.climates.share must lie in (0, 1], received {self.share}")
        if not 0.0 < self.precipitation[0] < self.precipitation[1]:
            raise UsageError(f"design.climates.precipitation must rise from above 0, received {self.precipitation}")
        if not self.temperature[0] < self.temperature[1]:
            raise UsageError(f"design.climates.temperature must rise, received {self.temperature}")


@dataclass(frozen=True)
class DesignSettings:
    """The runs that a surrogate learns from; see ``surrogates.design`` for the kinds of parameter sets.

    Args:
        runs_per_basin: parameter sets of each site.
        sampler: name in ``surrogates.SAMPLERS`` of what draws the even sets.
        boundary_share: share of the sets that lie at faces of the box.
        correlated_share: share of the sets that follow a smooth map from attributes.
        gradient_pairs: pairs of central neighbours at each site, two more runs each.
        sites: ``all`` (legacy runs, never observations, at held-out basins too: a transductive surrogate) or ``fit``
            (inductive).
        number: how many of these, spread over attribute space; None for every one.
        period: first and last day that may be recorded; None for the fit period.
        years: years that each run records, a site's runs in turn the wettest, the driest and the most ordinary of the
            period; None for the whole period.
        climates: changed ones.
    """

    runs_per_basin: int = 20
    sampler: str = "sobol"
    boundary_share: float = 0.1
    correlated_share: float = 0.1
    gradient_pairs: int = 0
    sites: Literal["all", "fit"] = "all"
    number: int | None = None
    period: tuple[date, date] | None = None
    years: int | None = None
    climates: Climates = Climates()

    def __post_init__(self) -> None:
        SAMPLERS.check(self.sampler)
        for name, least in (("runs_per_basin", 2), ("number", 2), ("years", 1)):
            value = getattr(self, name)
            if value is not None and value < least:
                raise UsageError(f"design.{name} must be at least {least}, received {value}")
        if min(self.boundary_share, self.correlated_share, 1.0 - self.boundary_share - self.correlated_share) < 0.0:
            raise UsageError(
                "design.boundary_share and correlated_share must be 0 or more, and 1 at most together, received "
                f"{self.boundary_share} and {self.correlated_share}"
            )
        if not 0 <= self.gradient_pairs <= self.runs_per_basin:
            raise UsageError(
                f"design.gradient_pairs must lie in [0, runs_per_basin = {self.runs_per_basin}], received "
                f"{self.gradient_pairs}"
            )
        if self.period is not None and self.period[1] <= self.period[0]:
            raise UsageError(f"design.period: the end ({self.period[1]}) must come after the start ({self.period[0]})")


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
        precision: ``float32``; ``mixed_bfloat16``; or ``auto``, the latter where a GPU has it and the architecture may
            be trained in it. A trained surrogate computes in float32.
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
    precision: Literal["auto", "float32", "mixed_bfloat16"] = "auto"
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
