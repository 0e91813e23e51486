"""What a surrogate is of: the legacy model's description, and constants to scale by."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from legacy_models.errors import BundleError
from legacy_models.model import Variable
from legacy_models.parameters import ParameterSpace
from legacy_models.run_set import ModelInfo

Numbers = tuple[float, ...]


@dataclass(frozen=True)
class Scaling:
    """Means and standard deviations of the training runs, as plain values.

    Args:
        forcing_mean: (forcing,) mean over the sites and days.
        forcing_std: (forcing,) standard deviation.
        property_mean: (property,) mean over the sites.
        property_std: (property,) standard deviation; 1 where the sites do not differ.
        antecedent_mean: (antecedent,) mean over the sites and days.
        antecedent_std: (antecedent,) standard deviation; 1 where nothing differs.
        output_mean: (output,) mean over the runs and days.
        output_std: (output,) standard deviation over the runs and days.
    """

    forcing_mean: Numbers
    forcing_std: Numbers
    property_mean: Numbers
    property_std: Numbers
    antecedent_mean: Numbers
    antecedent_std: Numbers
    output_mean: Numbers
    output_std: Numbers


@dataclass(frozen=True)
class SurrogateSpec:
    """The legacy model as a surrogate sees it.

    Args:
        model: its name, version, parameters, forcing, properties, outputs, states and runoff.
        scaling: constants from the training runs.
    """

    model: ModelInfo
    scaling: Scaling

    def __post_init__(self) -> None:
        unknown = sorted({*self.model.states, *self.model.runoff} - set(self.model.output_names))
        if unknown:
            raise BundleError(
                f"states and runoff must be outputs; {', '.join(unknown)} is not among "
                f"{', '.join(self.model.output_names)}"
            )

    @property
    def parameters(self) -> ParameterSpace:
        """Names, bounds and scales of the parameters."""
        return self.model.parameters

    @property
    def outputs(self) -> tuple[Variable, ...]:
        """Daily outputs in order."""
        return self.model.outputs

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs in order."""
        return self.model.output_names

    @property
    def state_indices(self) -> tuple[int, ...]:
        """Place of each state among the outputs."""
        return tuple(self.output_names.index(name) for name in self.model.states)

    @property
    def runoff_indices(self) -> tuple[int, ...]:
        """Place among the outputs of each part of the runoff."""
        return tuple(self.output_names.index(name) for name in self.model.runoff)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"model": self.model.to_dict(), "scaling": asdict(self.scaling)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "SurrogateSpec":
        """Rebuild a spec from ``to_dict``."""
        scaling = {field.name: tuple(map(float, values["scaling"][field.name])) for field in fields(Scaling)}
        return cls(ModelInfo.from_dict(values["model"]), Scaling(**scaling))
