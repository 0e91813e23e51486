"""A small run for VIC as files: global.txt and all that it names, to be edited by tests of what a program answers."""

from pathlib import Path

import numpy as np

from legacy_models.vic.forcing_file import FORCE_TYPES

STEPS, DAYS = 4, 30
VARIABLES = ("OUT_PREC", "OUT_EVAP", "OUT_RUNOFF", "OUT_BASEFLOW", "OUT_SWE", "OUT_SOIL_MOIST")
GLOBAL = """NLAYER 3
NODES 3
MODEL_STEPS_PER_DAY 4
SNOW_STEPS_PER_DAY 4
RUNOFF_STEPS_PER_DAY 4
STARTYEAR 2000
STARTMONTH 02
STARTDAY 20
ENDYEAR 2000
ENDMONTH 03
ENDDAY 20
FULL_ENERGY FALSE
FROZEN_SOIL FALSE
FORCING1 f_
FORCE_FORMAT ASCII
{types}
FORCE_STEPS_PER_DAY 4
FORCEYEAR 2000
FORCEMONTH 02
FORCEDAY 20
GRID_DECIMAL 4
WIND_H 10
SOIL soil
BASEFLOW ARNO
VEGLIB veglib
VEGPARAM vegparam
ROOT_ZONES 2
VEGPARAM_LAI FALSE
LAI_SRC FROM_VEGLIB
SNOW_BAND 1
RESULT_DIR out
OUTFILE flux
AGGFREQ NDAYS 1
OUT_FORMAT ASCII
{variables}
"""
SOIL = (
    "1 {cell} 45.0 {lon} {b} 0.02 10 0.8 2 12 12 12 500 500 500 -99 -99 -99 27 108 324 600 0.1 0.4 1.2 8 4 "
    "10 10 10 0.4 0.4 0.4 1457.5 1457.5 1457.5 2650 2650 2650 0 0.5 0.5 0.5 0.25 0.25 0.25 0.001 0.001 900 "
    "0.02 0.02 0.02 0\n"
)


def write_case(folder: Path) -> None:
    """Write the files of three cells with their own infiltration curve, and one forcing file under three names."""
    rng = np.random.default_rng(1)
    n = STEPS * DAYS
    temperature = rng.normal(0.0, 5.0, n)
    rows = np.stack([
        rng.exponential(2.0, n), temperature, np.tile([0, 300, 300, 0], DAYS), 250 + temperature,
        np.full(n, 94.0), np.full(n, 0.4), np.full(n, 2.0),
    ], axis=1)  # fmt: skip
    np.savetxt(folder / "f_45.0000_7.0010", rows, fmt="%.5f")
    for name in ("f_45.0000_7.0020", "f_45.0000_7.0030"):
        (folder / name).symlink_to("f_45.0000_7.0010")
    types = "\n".join(f"FORCE_TYPE {name}" for name in FORCE_TYPES)
    variables = "\n".join(f"OUTVAR {name} %.8e" for name in VARIABLES)
    (folder / "global.txt").write_text(GLOBAL.format(types=types, variables=variables))
    soil = [SOIL.format(cell=i, lon=7 + i / 1000, b=0.1 * i) for i in (1, 2, 3)]
    (folder / "soil").write_text("".join(soil))
    (folder / "vegparam").write_text("".join(f"{i} 1\n 1 1.0 0.1 0.3 0.9 0.7\n" for i in (1, 2, 3)))
    months = " ".join(" ".join([value] * 12) for value in ("2.0", "0.2", "0.1", "0.5"))
    (folder / "veglib").write_text(f"#class\n1 0 25 120 {months} 10 100 0.5 0.5 0.2 grass\n")
    (folder / "out").mkdir()


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def outputs(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "out").iterdir())
