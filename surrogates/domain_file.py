"""A domain as plain arrays, which is what a bundle holds of it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np

from legacy_models.run_set import ModelInfo
from surrogates.domain import Domain, reach_of
from surrogates.expected_error import ErrorModel
from surrogates.scaled_space import ScaledSpace
from surrogates.site_climate import SiteClimate

Arrays = dict[str, Any]

Part = TypeVar("Part", bound=ScaledSpace | SiteClimate | ErrorModel)
ERROR = "errors/"


def to_arrays(domain: Domain) -> Arrays:
    """Return ``name`` -> array, the names of parts within parts joined by a slash."""
    own = ("box", "plausible", "features", "reach", "parameter_reach")
    arrays = {name: np.asarray(getattr(domain, name)) for name in own}
    arrays["features"] = np.array(domain.features, dtype=np.str_)
    parts: dict[str, Any] = {"space": domain.space, "site_climate": domain.site_climate}
    parts |= {ERROR + name: model for name, model in domain.errors.items()}
    for prefix, part in parts.items():
        if part is not None:
            arrays |= {f"{prefix}/{item.name}": np.asarray(getattr(part, item.name)) for item in fields(part)}
    return arrays


def from_arrays(arrays: Mapping[str, Any]) -> Domain:
    """Rebuild a domain from ``to_arrays``.

    Raises:
        KeyError: if one is missing.
    """
    errors = {name.split("/")[1] for name in arrays if name.startswith(ERROR)}
    there = any(name.startswith("site_climate/") for name in arrays)
    return Domain(
        space=_part(ScaledSpace, "space", arrays),
        box=arrays["box"],
        plausible=arrays["plausible"],
        features=tuple(map(str, arrays["features"])),
        reach=float(arrays["reach"]),
        parameter_reach=float(arrays["parameter_reach"]),
        site_climate=_part(SiteClimate, "site_climate", arrays) if there else None,
        errors={name: _part(ErrorModel, ERROR + name, arrays) for name in sorted(errors)},
    )


def from_first_schema(arrays: Mapping[str, Any], model: ModelInfo) -> Domain:
    """Return what a bundle of schema version 1 knew: distances in parameters and properties, without climate."""
    count = len(model.parameters)
    points, centre = arrays["points"], np.asarray(arrays["centre"], np.float64)
    space = ScaledSpace(points, centre, np.asarray(arrays["spread"], np.float64))
    box = np.repeat([[-1e-6], [1.0 + 1e-6]], count, axis=1)
    plausible = np.array([[v.lower for v in model.properties], [v.upper for v in model.properties]])
    return Domain(space, box, plausible, (), float(arrays["reach"]), reach_of(points[:, :count], points[:0, :count]))


def _part(kind: type[Part], prefix: str, arrays: Mapping[str, Any]) -> Part:
    """Build a part from its fields; what is a single number becomes one."""
    values: dict[str, Any] = {item.name: arrays[f"{prefix}/{item.name}"] for item in fields(kind)}
    build: Any = kind
    return build(**{name: value if value.ndim else float(value) for name, value in values.items()})
