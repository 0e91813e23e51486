"""VIC's calibrated parameters: bounds and sources, and the change of coordinates to VIC's own values.

Baseflow is drawn and learned as k = Ds Dsmax / Ws, r = Ds / Ws and Ws: below Ws the outflow is k S, whatever
the other two are, and 0 < Ds < Ws holds by construction.
"""

import numpy as np
import numpy.typing as npt

from legacy_models.parameters import Array, Parameter, ParameterSpace

LAYERS = 3
DEPTH_1 = 0.1
BASEFLOW_EXPONENT = 2.0

_CALIBRATION = "VIC calibration page, University of Washington (vic.readthedocs.io), widened and rounded"
_WIDTH = "judgement: the range of values in published VIC parameter sets, widened"

PARAMETERS = ParameterSpace(
    (
        Parameter("b_infilt", 1e-3, 0.4, 0.2, "-", "log", _CALIBRATION),
        Parameter("k", 0.01, 10.0, 0.25, "mm/day", "log", "from the ranges of Ds, Dsmax and Ws: " + _CALIBRATION),
        Parameter("r", 0.01, 0.9, 0.025, "-", "log", "from the ranges of Ds and Ws: " + _CALIBRATION),
        Parameter("Ws", 0.2, 0.99, 0.8, "-", "linear", _CALIBRATION),
        Parameter("depth2", 0.1, 1.5, 0.4, "m", "log", _CALIBRATION),
        Parameter("depth3", 0.1, 2.5, 1.2, "m", "log", _CALIBRATION),
        Parameter("expt", 8.0, 30.0, 12.0, "-", "linear", "3 + 2 b of Campbell over textures, Cosby et al. (1984)"),
        Parameter("Ksat", 100.0, 10000.0, 500.0, "mm/day", "log", _WIDTH),
        Parameter("snow_rough", 0.001, 0.03, 0.003, "m", "log", _WIDTH),
        Parameter("rmin_factor", 0.5, 2.0, 1.0, "-", "log", "judgement: halved to doubled"),
        Parameter("lai_factor", 0.5, 2.0, 1.0, "-", "log", "judgement: halved to doubled"),
    )
)


def native(parameters: npt.ArrayLike) -> dict[str, Array]:
    """Return VIC's own values of (..., parameter) ``parameters``.

    Ds = r Ws; Dsmax = k / r; expt and Ksat are shared by the layers; the first layer is 0.1 m deep.

    Returns:
        (...,) ``b_infilt``, ``ds``, ``dsmax`` [mm/day], ``ws``, ``c``, ``snow_rough`` [m], ``rmin_factor``,
        ``lai_factor``, and (..., layer) ``depth`` [m], ``expt``, ``ksat`` [mm/day].
    """
    values = np.asarray(parameters, dtype=np.float64)
    drawn = {name: values[..., i] for i, name in enumerate(PARAMETERS.names)}
    with np.errstate(divide="ignore", invalid="ignore"):
        dsmax = drawn["k"] / drawn["r"]
    return {
        "b_infilt": drawn["b_infilt"],
        "ds": drawn["r"] * drawn["Ws"],
        "dsmax": dsmax,
        "ws": drawn["Ws"],
        "c": np.full(values.shape[:-1], BASEFLOW_EXPONENT),
        "depth": np.stack([np.full(values.shape[:-1], DEPTH_1), drawn["depth2"], drawn["depth3"]], axis=-1),
        "expt": np.repeat(drawn["expt"][..., None], LAYERS, axis=-1),
        "ksat": np.repeat(drawn["Ksat"][..., None], LAYERS, axis=-1),
        "snow_rough": drawn["snow_rough"],
        "rmin_factor": drawn["rmin_factor"],
        "lai_factor": drawn["lai_factor"],
    }
