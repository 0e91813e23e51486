"""The embedded program against recorded runs of VIC 5.

``pytest -m reference -s tests/reference/test_golden_runs.py`` prints the Nash-Sutcliffe efficiency of every
variable in every case and parameter set.
"""

import shutil
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from legacy_models.metrics import nse
from legacy_models.vic.embedded.program import main
from legacy_models.vic.flux_file import FluxTable, read_ascii
from legacy_models.vic.global_file import read_global
from legacy_models.vic.soil_file import read_soil

pytestmark = pytest.mark.reference

CASES = [
    "01439500", "02296500", "06622700", "06622700_bands5", "06888500", "09505350", "09505350_bare", "12013500"
]  # fmt: skip
SNOW_IS_RARE = {"02296500"}
TOTAL = "runoff_total"
AT_LEAST = {
    TOTAL: 0.97,
    "OUT_BASEFLOW": 0.97,
    "OUT_SOIL_MOIST_0": 0.97,
    "OUT_SOIL_MOIST_1": 0.97,
    "OUT_SOIL_MOIST_2": 0.97,
    "OUT_EVAP": 0.98,
    "OUT_SWE": 0.97,
}
SHOWN = (
    *AT_LEAST, "OUT_TRANSP_VEG", "OUT_EVAP_CANOP", "OUT_EVAP_BARE", "OUT_SUB_SNOW", "OUT_SUB_CANOP",
    "OUT_WDEW", "OUT_SNOW_CANOPY", "OUT_SNOW_MELT",
)  # fmt: skip


@pytest.fixture(scope="module")
def simulate(shared_data, tmp_path_factory):
    """Return a function: case, set -> (recorded, simulated) tables; a case is simulated once."""
    golden = shared_data / "golden_vic5"
    if not golden.is_dir():
        pytest.skip(f"no recorded VIC runs at {golden}")

    @cache
    def tables(case: str) -> list[tuple[FluxTable, FluxTable]]:
        folder = copy_of(golden / case, tmp_path_factory.mktemp(case))
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            assert main(["-g", "global.txt"]) == 0
        settings = read_global((folder / "global.txt").read_text())
        soil = read_soil((folder / settings.soil).read_text())
        names = [f"flux_{settings.label(*place)}.txt" for place in zip(soil.lat, soil.lon, strict=True)]
        return [tuple(read_ascii((f / "out" / name).read_text()) for f in (golden / case, folder)) for name in names]

    return lambda case, number: tables(case)[number - 1]


def copy_of(source: Path, target: Path) -> Path:
    """Copy a case; a forcing file that holds nothing but another's name becomes a link to it."""
    shutil.copytree(source / "params", target / "params")
    shutil.copy(source / "global.txt", target)
    (target / "out").mkdir()
    (target / "forcing").mkdir()
    for file in (source / "forcing").iterdir():
        if file.stat().st_size < 100:
            (target / "forcing" / file.name).symlink_to(file.read_text().strip())
        else:
            shutil.copy(file, target / "forcing")
    return target


def column(table: FluxTable, name: str) -> np.ndarray:
    if name == TOTAL:
        return table.column("OUT_RUNOFF") + table.column("OUT_BASEFLOW")
    return table.column(name)


def efficiencies(recorded: FluxTable, simulated: FluxTable) -> dict[str, float]:
    """NSE of each variable that varies in the record."""
    pairs = {name: (column(recorded, name), column(simulated, name)) for name in SHOWN}
    return {
        name: float(nse(observed[None], values[None])[0])
        for name, (observed, values) in pairs.items()
        if observed.std() > 0.0
    }


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("case", CASES)
def test_daily_series_agree_with_vic_5(case, number, simulate):
    scores = efficiencies(*simulate(case, number))
    needed = AT_LEAST | ({TOTAL: 0.99} if case in SNOW_IS_RARE else {})
    short = {name: score for name, score in scores.items() if score < needed.get(name, -np.inf)}
    assert not short, f"below {needed}"


@pytest.mark.parametrize("number", [1, 2, 3, 4])
@pytest.mark.parametrize("case", CASES)
def test_total_evaporation_is_within_two_percent_of_vic_5(case, number, simulate):
    recorded, simulated = simulate(case, number)
    assert simulated.column("OUT_EVAP").sum() == pytest.approx(recorded.column("OUT_EVAP").sum(), rel=0.02)


@pytest.mark.parametrize("case", CASES)
def test_water_balance_closes_to_the_printed_digits(case, simulate):
    _, table = simulate(case, 1)
    fluxes = column(table, "OUT_PREC") - column(table, "OUT_EVAP") - column(table, TOTAL)
    states = (
        "OUT_SWE",
        "OUT_SOIL_MOIST_0",
        "OUT_SOIL_MOIST_1",
        "OUT_SOIL_MOIST_2",
        "OUT_WDEW",
        "OUT_SNOW_CANOPY",
    )
    stored = sum(column(table, name) for name in states)
    np.testing.assert_allclose(fluxes[1:], np.diff(stored), atol=2e-5)


def test_table_of_efficiencies(simulate):
    rows = {(case, n): efficiencies(*simulate(case, n)) for case in CASES for n in (1, 2, 3, 4)}
    short = [name.removeprefix("OUT_").replace("SOIL_MOIST", "MOIST") for name in SHOWN]
    print("\n" + " " * 18 + "".join(f"{name[:11]:>12}" for name in short))
    for (case, number), scores in rows.items():
        print(f"{case:>16} {number}" + "".join(f"{scores.get(name, np.nan):12.5f}" for name in SHOWN))
    worst = {name: min(s[name] for s in rows.values() if name in s) for name in SHOWN}
    print(f"{'worst':>18}" + "".join(f"{worst[name]:12.5f}" for name in SHOWN))
    assert all(np.isfinite(list(worst.values())))
