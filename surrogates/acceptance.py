"""The gate of a surrogate: least figures that its user asks for; kept apart from Keras, for the configuration."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from legacy_models.errors import UsageError


@dataclass(frozen=True)
class Acceptance:
    """Least figures on held-out runs; None asks for nothing.

    The NSE has the floors of ``surrogates.fidelity``: nearly constant series and stores that hardly are do not count.

    Args:
        nse_median: median NSE of streamflow before routing.
        nse_p05: its 5th percentile.
        outputs_nse_median: median NSE of each output that can be scored.
        gradient_agreement: share of steps along the surrogate's gradient that improve the legacy model.
    """

    nse_median: float | None = None
    nse_p05: float | None = None
    outputs_nse_median: float | None = None
    gradient_agreement: float | None = None

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value is not None and value > 1.0:
                raise UsageError(f"{name}: nothing exceeds 1, received {value}")


def shortfalls(
    accept: Acceptance, held_out: Mapping[str, Mapping[str, Any]], gradient_agreement: float | None
) -> list[str]:
    """Return what does not reach ``accept``, one text each; a figure that was not computed does not reach it.

    Args:
        accept: what is asked for.
        held_out: scores by output and ``runoff_total``, of ``surrogates.fidelity.scores``.
        gradient_agreement: share of steps that improve, or None.
    """
    total = held_out.get("runoff_total", {})
    medians = {name: one.get("nse_floored_median") for name, one in held_out.items() if name != "runoff_total"}
    scored = {name: value for name, value in medians.items() if value is not None}
    lowest = min(scored, key=scored.__getitem__, default="outputs")
    asked = (
        ("nse_median", "median NSE of held-out streamflow", total.get("nse_floored_median")),
        ("nse_p05", "5th percentile of the NSE of held-out streamflow", total.get("nse_floored_p05")),
        ("outputs_nse_median", f"median NSE of held-out {lowest}", scored.get(lowest)),
        ("gradient_agreement", "share of steps along the gradient that improve", gradient_agreement),
    )
    return [
        f"{what} is {'not known' if found is None else format(found, '.3f')}, fidelity.accept.{name} asks for {least:g}"
        for name, what, found in asked
        if (least := getattr(accept, name)) is not None and (found is None or not found >= least)
    ]
