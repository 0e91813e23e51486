"""What VIC 5 refuses, and what this program does not do, found before the first cell is simulated."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from legacy_models.errors import DataError
from legacy_models.vic.constants_file import MAX_SNOW_TEMP, MIN_RAIN_TEMP
from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded.layout import OUTPUTS
from legacy_models.vic.global_file import GlobalFile, OutputStream
from legacy_models.vic.soil_file import SoilTable

FORCING = ("PREC", "AIR_TEMP", "SWDOWN", "LWDOWN", "PRESSURE", "VP", "WIND")
NOT_SUPPORTED = (
    "LAKES",
    "INIT_STATE",
    "STATENAME",
    "CARBON",
    "BLOWING",
    "SPATIAL_SNOW",
    "SPATIAL_FROST",
    "ORGANIC_FRACT",
    "JULY_TAVG_SUPPLIED",
    "COMPUTE_TREELINE",
    "FORCING2",
    "IMPLICIT",
    "CLOSE_ENERGY",
    "VEGLIB_PHOTO",
    "VEGLIB_FCAN",
    "VEGPARAM_FCAN",
    "VEGPARAM_ALB",
)
ONLY = {
    "QUICK_FLUX": "TRUE",
    "GRND_FLUX_TYPE": "GF_410",
    "SNOW_DENSITY": "DENS_BRAS",
    "AERO_RESIST_CANSNOW": "AR_406_FULL",
    "RC_MODE": "RC_JARVIS",
    "SHARE_LAYER_MOIST": "TRUE",
}


def check_global(settings: GlobalFile) -> None:
    """Refuse by name what this program does not do.

    Raises:
        DataError: naming the key and what would be right.
    """
    for key, value, right in _switches(settings):
        if value != right:
            raise DataError(f"{key} {value} is not supported by the embedded program; use {key} {right}")
    _check_steps(settings)
    names = [name.upper() for name in settings.force_types]
    missing = [name for name in FORCING if name not in names]
    if missing:
        raise DataError(f"FORCE_TYPE {', '.join(missing)} missing; all of {', '.join(FORCING)} are needed")
    for stream in settings.outputs:
        output_columns(stream)


def rain_and_snow_temperatures(constants: Mapping[str, float]) -> tuple[float, float]:
    """Return the temperatures below which all is snow and above which all is rain [degC]: all that may be changed.

    Raises:
        DataError: naming a constant that this program does not let change, or temperatures that VIC 5 refuses.
    """
    known = {MIN_RAIN_TEMP: c.SNOW_BELOW, MAX_SNOW_TEMP: c.RAIN_ABOVE}
    other = [name for name in constants if name not in known]
    if other:
        raise DataError(f"constant {other[0]} cannot be changed in the embedded program; only {', '.join(known)} can")
    low, high = (known | dict(constants)).values()
    if not -10.0 <= low < high <= 10.0:
        raise DataError(f"{MIN_RAIN_TEMP} {low} must be below {MAX_SNOW_TEMP} {high}, both between -10 and 10 degC")
    return low, high


def _switches(settings: GlobalFile) -> Iterator[tuple[str, str, str]]:
    """Yield (key, value given, the only value that this program knows)."""
    yield "FULL_ENERGY", str(settings.full_energy).upper(), "FALSE"
    yield "FROZEN_SOIL", str(settings.frozen_soil).upper(), "FALSE"
    yield "NLAYER", str(settings.nlayer), "3"
    yield "BASEFLOW", settings.baseflow.upper(), "ARNO"
    yield "FORCE_FORMAT", settings.force_format.upper(), "ASCII"
    for stream in settings.outputs:
        yield "AGGFREQ", " ".join(stream.frequency).upper(), "NDAYS 1"
    for key, rest in settings.other:
        value = (rest.split() or ["FALSE"])[0].upper()
        if key in NOT_SUPPORTED:
            yield key, value, "FALSE"
        elif key in ONLY:
            yield key, value, ONLY[key]


def _check_steps(settings: GlobalFile) -> None:
    steps = settings.model_steps
    if steps not in (4, 6, 8, 12, 24):
        raise DataError(f"MODEL_STEPS_PER_DAY {steps}: must be 4, 6, 8, 12 or 24")
    if settings.snow_steps != steps or settings.force_steps != steps:
        raise DataError(f"SNOW_STEPS_PER_DAY and FORCE_STEPS_PER_DAY must equal MODEL_STEPS_PER_DAY ({steps})")
    if settings.runoff_steps < 4 or settings.runoff_steps % steps:
        raise DataError(f"RUNOFF_STEPS_PER_DAY {settings.runoff_steps}: must be a multiple of {steps}, at least 4")


def check_soil(soil: SoilTable) -> None:
    """Refuse the soil rows that VIC 5 refuses.

    Raises:
        DataError: naming the cell, the value and the rule.
    """

    def refuse(broken: np.ndarray, what: str, values: np.ndarray, rule: str) -> None:
        if broken.any():
            i = int(np.argmax(broken.reshape(len(soil), -1).any(axis=1)))
            raise DataError(f"cell {soil.cell[i]}: {what} {np.atleast_1d(values[i]).tolist()}: {rule}")

    refuse(soil.depth < 0.001, "depth", soil.depth, "layers must be at least 0.001 m thick")
    refuse(soil.depth[:, 0] > soil.depth[:, 1], "depth", soil.depth, "layer 1 must not be thicker than layer 2")
    refuse(soil.b_infilt <= 0.0, "b_infilt", soil.b_infilt, "must be positive")
    refuse(soil.expt < 3.0, "expt", soil.expt, "must be at least 3")
    refuse(soil.init_moist < 0.0, "initial moisture", soil.init_moist, "must not be negative")
    refuse(
        soil.bulk_density >= soil.particle_density,
        "bulk density",
        soil.bulk_density,
        "must be below particle density",
    )
    refuse(soil.wpwp_fraction > soil.wcr_fraction, "Wpwp", soil.wpwp_fraction, "must not exceed Wcr")
    porosity = 1.0 - soil.bulk_density / soil.particle_density
    refuse(
        soil.wpwp_fraction * porosity < soil.resid_moist,
        "Wpwp",
        soil.wpwp_fraction,
        "is below residual moisture",
    )
    refuse(soil.damping_depth <= soil.depth[:, 0], "damping depth", soil.damping_depth, "must be below layer 1")


def output_columns(stream: OutputStream) -> tuple[tuple[str, ...], Sequence[int], tuple[str, ...]]:
    """Return (names, columns of the kernel's output, printf formats) of one stream.

    Raises:
        DataError: naming a variable that there is not.
    """
    names: list[str] = []
    formats: list[str] = []
    for variable in stream.variables:
        name = variable.name.upper()
        found = [f"{name}_{i}" for i in range(3)] if name == "OUT_SOIL_MOIST" else [name]
        if found[0] not in OUTPUTS:
            raise DataError(f"OUTVAR {name} is not an output of the embedded program; there are: {', '.join(OUTPUTS)}")
        names += found
        formats += [variable.printf if variable.printf not in ("", "*") else "%.4f"] * len(found)
    return tuple(names), [OUTPUTS.index(name) for name in names], tuple(formats)
