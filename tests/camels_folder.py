"""A miniature of the folders and text files of CAMELS-US: three basins, three weeks around a leap day."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

BASINS = ("01013500", "02000000", "12345678")
HUCS = {"01013500": "01", "02000000": "03", "12345678": "17"}  # 02000000 lies in another HUC than its id says
AREAS = {"01013500": 10_000_000, "02000000": 20_000_000, "12345678": 30_500_000}
DAYS = pd.date_range("2000-02-20", "2000-03-10")
UPPER = "Year Mnth Day Hr\tDayl(s)\tPRCP(mm/day)\tSRAD(W/m2)\tSWE(mm)\tTmax(C)\tTmin(C)\tVp(Pa)"
LOWER = "Year Mnth Day Hr dayl(s) prcp(mm/day) srad(W/m2) swe(mm) tmax(C) tmin(C) vp(Pa)"
PRODUCTS = {"daymet": ("cida", LOWER), "nldas": ("nldas", UPPER), "maurer": ("maurer", UPPER)}

Change = Callable[[list[str]], list[str]]


def write_camels(folder: Path) -> Path:
    """Write the data set and its attribute tables under ``folder``; return the data set's folder."""
    root = folder / "basin_dataset_public_v1p2"
    for number, basin in enumerate(BASINS):
        for product, (name, header) in PRODUCTS.items():
            place = root / "basin_mean_forcing" / product / HUCS[basin]
            mean = product != "daymet"
            write(place / f"{basin}_lump_{name}_forcing_leap.txt", forcing_lines(basin, number, header, mean))
        write(root / "usgs_streamflow" / HUCS[basin] / f"{basin}_streamflow_qc.txt", flow_lines(basin, number))
    tables = folder / "camels_attributes_v2.0"
    for name, column, values in (
        ("name", "huc_02", [HUCS[basin] for basin in BASINS]),
        ("clim", "aridity", [0.5, 1.5, 2.5]),
        ("topo", "area_gages2", [12.5, 20.0, 30.5]),
        ("hydro", "q_mean", [1.0, 2.0, 3.0]),
    ):
        rows = [f"{basin};{value}" for basin, value in zip(BASINS, values, strict=True)]
        write(tables / f"camels_{name}.txt", [f"gauge_id;{column}", *rows])
    write(tables / "readme.txt", ["### A few words", "on the tables."])
    return root


def forcing_lines(basin: str, number: int, header: str, mean: bool) -> list[str]:
    """The lines of a forcing file: day i of basin n has n + i / 10 mm of precipitation."""
    low, high = ("6.00", "6.00") if mean else ("1.00", "11.00")
    rows = [
        f"{day:%Y %m %d} 12\t43200.00\t{number + i / 10:.2f}\t300.00\t0.00\t{high}\t{low}\t700.00"
        for i, day in enumerate(DAYS)
    ]
    return ["  44.82", " 133.00", f"{AREAS[basin]:10d}", header, *rows]


def flow_lines(basin: str, number: int) -> list[str]:
    """The lines of a streamflow file: day i of basin n has 100 n + i ft3/s, the third day is missing."""
    flow = 100.0 * number + np.arange(len(DAYS))
    lines = [f"{basin} {day:%Y %m %d} {value:8.2f} A" for day, value in zip(DAYS, flow, strict=True)]
    lines[1] += ":e"
    lines[2] = f"{basin} {DAYS[2]:%Y %m %d}  -999.00 M"
    return lines


def write(path: Path, lines: list[str]) -> Path:
    """Write ``lines``, each ended by a line feed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def forcing_file(root: Path, product: str, basin: str) -> Path:
    """Path of a basin's forcing file."""
    return next((root / "basin_mean_forcing" / product).rglob(f"{basin}_*"))


def flow_file(root: Path, basin: str) -> Path:
    """Path of a basin's streamflow file."""
    return next((root / "usgs_streamflow").rglob(f"{basin}_*"))


def change(path: Path, how: Change) -> None:
    """Rewrite the lines of a file."""
    write(path, how(path.read_text().splitlines()))
