"""Readers: one module a format, each giving the same ``xarray.Dataset``; foreign units and codes end here.

A reader is a function ``read(options, directory, on_batch, selection) -> xarray.Dataset``: ``options`` is the
frozen model called ``Options`` in its module, ``directory`` is where it may cache, ``on_batch`` hears of long
work (default: nobody), ``selection`` says which basins are wanted (default: all).

The dataset has dims ``basin`` (text) and ``time`` (daily); float64 variables prcp, tmin, tmax, srad, vp, dayl
and streamflow (basin, time) with ``units``, and those of ``contract.TARGETS`` that are observed; attributes as
variables (basin,), those computed from streamflow tagged ``derived_from_streamflow`` = 1; and the dataset attributes
``source`` and ``synthetic`` (0 or 1), where there is cause ``skipped_basins`` (ids between spaces: left out for want of
data) and ``notes`` (what else a user should know).
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_type_hints

from pydantic import BaseModel, ValidationError

from legacy_models.errors import UnknownNameError, UsageError
from legacy_models.tables import Table

READERS = Table(
    "reader",
    {
        "camels_us": "pipeline.readers.camels_us:read",
        "netcdf": "pipeline.readers.netcdf:read",
        "synthetic": "pipeline.readers.synthetic:read",
    },
)


def parse_options(reader: str, values: Mapping[str, Any], where: str = "data.options") -> BaseModel:
    """Return the checked options of the reader called ``reader``.

    Args:
        reader: a name in ``READERS``.
        values: the options as plain values.
        where: the configuration key that the values stand under, for messages.

    Raises:
        UnknownNameError: for a reader or an option that does not exist, with the nearest that does.
        UsageError: for a value that is not possible, with its key.
    """
    model: type[BaseModel] = get_type_hints(READERS.resolve(reader))["options"]
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
        key = ".".join([where, *map(str, first["loc"])])
        if first["type"] == "extra_forbidden":
            raise UnknownNameError(_unknown_option(key, model, reader)) from None
        received = "" if first["type"] in ("missing", "value_error") else f", received {first['input']!r}"
        raise UsageError(f"{key}: {first['msg'].removeprefix('Value error, ')}{received}") from None


def _unknown_option(key: str, model: type[BaseModel], reader: str) -> str:
    near = get_close_matches(key.rpartition(".")[2], model.model_fields, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{key}: reader {reader!r} has no such option{hint}; there are: {', '.join(model.model_fields)}"
