"""Recorded runs of VIC 5 (``golden_vic5``) beside the embedded program's own, and how well the two agree."""

import shutil
from contextlib import chdir
from pathlib import Path

import numpy as np
import numpy.typing as npt

from legacy_models.metrics import nse
from legacy_models.vic.embedded.program import main
from legacy_models.vic.flux_file import FluxTable, read_ascii
from legacy_models.vic.global_file import read_global
from legacy_models.vic.soil_file import read_soil

CASES = (
    "01439500", "02296500", "06622700", "06622700_bands5", "06888500", "09505350", "09505350_bare", "12013500"
)  # fmt: skip
SETS = (1, 2, 3, 4)
VARIABLES = {  # what is compared -> the columns whose sum it is
    "runoff_total": ("OUT_RUNOFF", "OUT_BASEFLOW"),
    "baseflow": ("OUT_BASEFLOW",),
    "evaporation": ("OUT_EVAP",),
    "swe": ("OUT_SWE",),
    "soil_moist_0": ("OUT_SOIL_MOIST_0",),
    "soil_moist_1": ("OUT_SOIL_MOIST_1",),
    "soil_moist_2": ("OUT_SOIL_MOIST_2",),
    "transpiration": ("OUT_TRANSP_VEG",),
    "evap_canopy": ("OUT_EVAP_CANOP",),
    "evap_bare": ("OUT_EVAP_BARE",),
    "sub_snow": ("OUT_SUB_SNOW",),
    "sub_canopy": ("OUT_SUB_CANOP",),
    "canopy_water": ("OUT_WDEW",),
    "canopy_snow": ("OUT_SNOW_CANOPY",),
    "snow_melt": ("OUT_SNOW_MELT",),
}
FLUXES = ("runoff_total", "baseflow", "evaporation")
Pair = tuple[FluxTable, FluxTable]


def simulate_case(source: Path, work: Path) -> list[Pair]:
    """(recorded, simulated) output of each parameter set of the case in ``source``; ``work`` is an empty folder."""
    shutil.copytree(source / "params", work / "params")
    shutil.copy(source / "global.txt", work)
    (work / "out").mkdir()
    (work / "forcing").mkdir()
    for file in (source / "forcing").iterdir():
        if file.stat().st_size < 100:  # nothing but the name of another, where links could not be stored
            (work / "forcing" / file.name).symlink_to(file.read_text().strip())
        else:
            shutil.copy(file, work / "forcing")
    with chdir(work):
        if main(["-g", "global.txt"]) != 0:
            raise RuntimeError(f"the embedded program refuses {source}")
    settings = read_global((work / "global.txt").read_text())
    soil = read_soil((work / settings.soil).read_text())
    names = [f"flux_{settings.label(*place)}.txt" for place in zip(soil.lat, soil.lon, strict=True)]
    return [(read_ascii((source / "out" / n).read_text()), read_ascii((work / "out" / n).read_text())) for n in names]


def series(table: FluxTable, variable: str) -> npt.NDArray[np.float64]:
    """(time,) values of one of ``VARIABLES``."""
    return np.sum([table.column(name) for name in VARIABLES[variable]], axis=0)


def efficiencies(pair: Pair) -> dict[str, float]:
    """NSE of each variable that varies in the record, the record being the observation."""
    result = {}
    for variable in VARIABLES:
        recorded, simulated = (series(table, variable) for table in pair)
        if recorded.std() > 0.0:
            result[variable] = float(nse(recorded[None], simulated[None])[0])
    return result


def total_errors(pair: Pair) -> dict[str, float]:
    """Relative error of the total of each flux."""
    totals = {flux: [float(series(table, flux).sum()) for table in pair] for flux in FLUXES}
    return {flux: simulated / recorded - 1.0 for flux, (recorded, simulated) in totals.items()}
