"""The embedded program against recorded runs of VIC 5.

``pytest -m reference -s tests/reference/test_golden_runs.py`` prints the Nash-Sutcliffe efficiency of every
variable in every case and parameter set.
"""

from functools import cache

import numpy as np
import pytest

from tests.recorded_vic_runs import CASES, SETS, VARIABLES, efficiencies, series, simulate_case, total_errors

pytestmark = pytest.mark.reference

AT_LEAST = 0.999
REQUIRED = ("runoff_total", "baseflow", "evaporation", "swe", "soil_moist_0", "soil_moist_1", "soil_moist_2")
STATES = ("swe", "soil_moist_0", "soil_moist_1", "soil_moist_2", "canopy_water", "canopy_snow")


@pytest.fixture(scope="module")
def simulate(shared_data, tmp_path_factory):
    """Return a function: case, set -> (recorded, simulated) tables; a case is simulated once."""
    golden = shared_data / "golden_vic5"
    if not golden.is_dir():
        pytest.skip(f"no recorded VIC runs at {golden}")
    tables = cache(lambda case: simulate_case(golden / case, tmp_path_factory.mktemp(case)))
    return lambda case, number: tables(case)[number - 1]


@pytest.mark.parametrize("number", SETS)
@pytest.mark.parametrize("case", CASES)
def test_daily_series_agree_with_vic_5(case, number, simulate):
    scores = efficiencies(simulate(case, number))
    assert {name: score for name, score in scores.items() if name in REQUIRED and score < AT_LEAST} == {}


@pytest.mark.parametrize("number", SETS)
@pytest.mark.parametrize("case", CASES)
def test_totals_are_within_a_thousandth_of_vic_5(case, number, simulate):
    assert max(map(abs, total_errors(simulate(case, number)).values())) < 1e-3


@pytest.mark.parametrize("case", CASES)
def test_water_balance_closes_to_the_printed_digits(case, simulate):
    _, table = simulate(case, 1)
    fluxes = table.column("OUT_PREC") - series(table, "evaporation") - series(table, "runoff_total")
    stored = sum(series(table, name) for name in STATES)
    np.testing.assert_allclose(fluxes[1:], np.diff(stored), atol=2e-5)


def test_table_of_efficiencies(simulate):
    rows = {(case, n): efficiencies(simulate(case, n)) for case in CASES for n in SETS}
    print("\n" + " " * 18 + "".join(f"{name:>14}" for name in VARIABLES))
    for (case, number), scores in rows.items():
        print(f"{case:>16} {number}" + "".join(f"{scores.get(name, np.nan):14.6f}" for name in VARIABLES))
    worst = {name: min(s[name] for s in rows.values() if name in s) for name in VARIABLES}
    print(f"{'worst':>18}" + "".join(f"{worst[name]:14.6f}" for name in VARIABLES))
    assert all(np.isfinite(list(worst.values())))
