"""VIC's calibrated parameters: bounds and sources, and the change of coordinates to VIC's own values.

Baseflow is drawn and learned as k = Ds Dsmax / Ws, r = Ds / Ws and Ws: below Ws the outflow is k S, whatever
the other two are, and 0 < Ds < Ws holds by construction. Dsmax = k / r is held to 30 mm/day, the largest that VIC's
documentation has, by taking r as k / 30 where it is less (in a fifth of the box). expt and Ksat are shared by the
three layers: texture is known for the whole column only, and the layers' depths are free. The first layer is 0.1 m.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from legacy_models.parameters import Array, Parameter, ParameterSpace

LAYERS = 3
DEPTH_1 = 0.1
BASEFLOW_EXPONENT = 2.0
LARGEST_DSMAX = 30.0
WARMEST_SNOW = 1.5

_DOCUMENTED = "VIC documentation, Calibration using soil parameters (vic.readthedocs.io): "
_BASEFLOW = _DOCUMENTED + "Ds and Ws above 0 to 1, Dsmax above 0 to about 30 mm/day; "
_COSBY = "Cosby et al. (1984), doi:10.1029/WR020i006p00682, over textures: "
_SNOW = "VIC documentation, Calibration using snow parameters (vic.readthedocs.io): usually -0.5 and 1.5 degC; "

PARAMETERS = ParameterSpace(
    (
        Parameter(
            "b_infilt", 1e-3, 0.4, 0.2, "-", "log",
            _DOCUMENTED + "above 0 to about 0.4; runoff at 1e-3 is that at 1e-5 to NSE 0.9998 on 24 CAMELS basins",
        ),
        Parameter("k", 0.01, 10.0, 0.25, "mm/day", "log", _BASEFLOW + "Ds Dsmax / Ws within these, by judgement"),
        Parameter("r", 0.01, 0.9, 0.025, "-", "log", _BASEFLOW + "Ds / Ws within these, by judgement"),
        Parameter("Ws", 0.2, 0.99, 0.8, "-", "linear", _BASEFLOW + "from 0.2 by judgement"),
        Parameter("depth2", 0.1, 1.5, 0.4, "m", "log", _DOCUMENTED + "0.1 to 1.5 m"),
        Parameter("depth3", 0.1, 2.5, 1.2, "m", "log", _DOCUMENTED + "0.1 to 1.5 m; widened to 2.5 by judgement"),
        Parameter("expt", 8.0, 30.0, 12.0, "-", "linear", _COSBY + "3 + 2 b is 9 to 26 for all but the purest clay"),
        Parameter("Ksat", 100.0, 10000.0, 500.0, "mm/day", "log", _COSBY + "35 to 2800; upwards for macropores"),
        Parameter(
            "snow_rough", 0.001, 0.03, 0.003, "m", "log",
            "judgement, from smooth snow to the 0.03 of VIC's sample data; its documentation goes from 0.005 to 0.2",
        ),
        Parameter("rmin_factor", 0.5, 2.0, 1.0, "-", "log", "judgement: halved to doubled"),
        Parameter("lai_factor", 0.5, 2.0, 1.0, "-", "log", "judgement: halved to doubled"),
    )
)  # fmt: skip

RAIN_SNOW = ParameterSpace(
    (
        Parameter("min_rain_temp", -0.5, 1.0, -0.5, "degC", "linear", _SNOW + "VIC's own default is -0.5"),
        Parameter("snow_temp_share", 0.1, 1.0, 0.5, "-", "linear", _SNOW + "of the way up to 1.5; VIC's own is 0.5"),
    )
)


@cache
def parameter_space(rain_snow: bool) -> ParameterSpace:
    """All parameters, with the temperatures of rain and snow where they are wanted."""
    return PARAMETERS + RAIN_SNOW if rain_snow else PARAMETERS


def native(parameters: npt.ArrayLike) -> dict[str, Array]:
    """Return VIC's own values of (..., parameter) ``parameters``, those of `PARAMETERS` or with `RAIN_SNOW`.

    Ds = r Ws and Dsmax = k / r with r at least k / 30 mm/day; expt and Ksat are shared by the layers; the first
    layer is 0.1 m deep. MAX_SNOW_TEMP = MIN_RAIN_TEMP + snow_temp_share (1.5 degC - MIN_RAIN_TEMP).

    Returns:
        (...,) ``b_infilt``, ``ds``, ``dsmax`` [mm/day], ``ws``, ``c``, ``snow_rough`` [m], ``rmin_factor``,
        ``lai_factor``, (..., layer) ``depth`` [m], ``expt``, ``ksat`` [mm/day], and where given
        ``min_rain_temp`` and ``max_snow_temp`` [degC].
    """
    values = np.asarray(parameters, dtype=np.float64)
    names = parameter_space(values.shape[-1] > len(PARAMETERS)).names
    drawn = {name: values[..., i] for i, name in enumerate(names)}
    ratio = np.where(drawn["r"] > 0.0, np.maximum(drawn["r"], drawn["k"] / LARGEST_DSMAX), drawn["r"])
    with np.errstate(divide="ignore", invalid="ignore"):
        dsmax = drawn["k"] / ratio
    shape = values.shape[:-1]
    made = {
        "b_infilt": drawn["b_infilt"],
        "ds": ratio * drawn["Ws"],
        "dsmax": dsmax,
        "ws": drawn["Ws"],
        "c": np.full(shape, BASEFLOW_EXPONENT),
        "depth": np.stack([np.full(shape, DEPTH_1), drawn["depth2"], drawn["depth3"]], axis=-1),
        "expt": np.repeat(drawn["expt"][..., None], LAYERS, axis=-1),
        "ksat": np.repeat(drawn["Ksat"][..., None], LAYERS, axis=-1),
        "snow_rough": drawn["snow_rough"],
        "rmin_factor": drawn["rmin_factor"],
        "lai_factor": drawn["lai_factor"],
    }
    if "min_rain_temp" in drawn:
        coldest = drawn["min_rain_temp"]
        made["min_rain_temp"] = coldest
        made["max_snow_temp"] = coldest + drawn["snow_temp_share"] * (WARMEST_SNOW - coldest)
    return made
