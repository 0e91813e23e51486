"""What every reader hands over: one dataset of series and attributes, all with names and units."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from legacy_models.parameters import Array
from pipeline.readers.attributes import ATTRIBUTE_UNITS, DERIVED_FROM_STREAMFLOW
from pipeline.readers.units import QUANTITIES

FORCING = ("prcp", "tmin", "tmax", "srad", "vp", "dayl")
OPTIONAL_FORCING = ("wind", "pressure", "longwave")
TARGETS = ("evaporation", "soil_moisture", "swe")
"""What may be observed besides streamflow; what stands for several days, as in 8-day products, stands on each."""

LONG_NAMES = {
    "prcp": "precipitation",
    "tmin": "daily minimum air temperature",
    "tmax": "daily maximum air temperature",
    "srad": "surface downwelling shortwave radiation, mean over daylight",
    "vp": "water vapour pressure",
    "dayl": "day length",
    "wind": "wind speed",
    "pressure": "air pressure",
    "longwave": "surface downwelling longwave radiation",
    "streamflow": "observed streamflow over the basin area",
    "evaporation": "observed evaporation, transpiration included",
    "soil_moisture": "observed volumetric soil moisture of the depth that the observation sees",
    "swe": "observed water equivalent of snow",
}


def assemble(
    series: Mapping[str, Array],
    dates: npt.ArrayLike,
    attributes: pd.DataFrame,
    derived: Collection[str] = (),
) -> xr.Dataset:
    """Return the dataset of ``series`` and ``attributes``.

    Args:
        series: name -> (basin, time) values in the project's units.
        dates: (time,) consecutive days.
        attributes: one row a basin, in the order of the series; the index holds the ids.
        derived: attributes computed from streamflow, beyond those known by name.
    """
    coordinates = {
        "basin": (
            "basin",
            np.array(attributes.index, dtype=str),
            {"long_name": "basin id", "cf_role": "timeseries_id"},
        ),
        "time": ("time", np.asarray(dates).astype("datetime64[ns]"), {"standard_name": "time"}),
    }
    variables: dict[str, Any] = {
        name: (("basin", "time"), values, {"units": QUANTITIES[name].unit, "long_name": LONG_NAMES[name]})
        for name, values in series.items()
    }
    for name in map(str, attributes.columns):
        marks: dict[str, Any] = {"units": ATTRIBUTE_UNITS.get(name, "1")}
        if name in DERIVED_FROM_STREAMFLOW or name in derived:
            marks["derived_from_streamflow"] = 1
        variables[name] = (("basin",), _plain(attributes[name]), marks)
    return xr.Dataset(variables, coords=coordinates, attrs={"Conventions": "CF-1.8"})


def order_temperatures(series: dict[str, Array]) -> dict[str, Any]:
    """Put tmin and tmax in order in place and return what was done as dataset attributes."""
    wrong = series["tmin"] > series["tmax"]
    low, high = np.minimum(series["tmin"], series["tmax"]), np.maximum(series["tmin"], series["tmax"])
    series["tmin"], series["tmax"] = low, high
    count = int(wrong.sum())
    return {
        "swapped_tmin_tmax": count,
        "notes": f"tmin and tmax swapped on {count} basin-days" if count else "",
    }


def _plain(column: pd.Series) -> npt.NDArray[Any]:
    """Return numbers as float64 and anything else as text."""
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(dtype=np.float64)
    return column.fillna("").astype(str).to_numpy(dtype=object).astype(str)
