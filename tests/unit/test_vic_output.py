"""How the VIC adapter judges what a program has written."""

import numpy as np
import pytest

from legacy_models.model import with_spinup
from legacy_models.vic import inputs
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.balance import NAMES
from legacy_models.vic.flux_file import FluxTable, format_ascii, format_binary
from tests.vic_sites import ATTRIBUTES, END, START, some_runs

MODEL = VicModel(spinup_years=1)


def balanced_output(run):
    """Output in which all rain runs off and nothing else happens."""
    forcing = with_spinup(run.site.forcing, run.start, run.end, 1)
    soil = inputs.soil_table([run], inputs.native_values([run]))
    values = np.zeros((len(forcing.dates), len(NAMES)))
    values[:, NAMES.index("OUT_PREC")] = values[:, NAMES.index("OUT_RUNOFF")] = forcing.column("prcp")
    first = NAMES.index("OUT_SOIL_MOIST_0")
    values[:, first : first + 3] = soil.init_moist[0]
    return FluxTable(NAMES, forcing.dates, values)


def judged(tmp_path, table, model=MODEL):
    """What becomes of a run whose output is ``table``."""
    run = some_runs(MODEL, 1)[0]
    soil = inputs.soil_table([run], inputs.native_values([run]))
    folder = tmp_path / "out"
    folder.mkdir()
    name = f"flux_{soil.lat[0]:.4f}_{soil.lon[0]:.4f}"
    if model.output_format == "ASCII":
        (folder / f"{name}.txt").write_text(format_ascii(table, "flux", "5", ["%.8e"] * len(table.names)))
    else:
        (folder / f"{name}.bin").write_bytes(format_binary(table, 4))
    (result,) = model.collect(tmp_path, [run])
    return result


@pytest.mark.parametrize("model", [MODEL, VicModel(spinup_years=1, output_format="ASCII")])
def test_good_output_is_recorded_without_its_spin_up(tmp_path, model):
    run = some_runs(MODEL, 1)[0]
    result = judged(tmp_path, balanced_output(run), model)
    assert (result.status, result.reason) == ("ok", "")
    assert result.outputs.shape == (365, 7)
    assert result.outputs.dtype == np.float32
    rain = run.site.forcing.between(START, END).column("prcp")
    np.testing.assert_allclose(result.outputs[:, 0], rain, rtol=1e-6)
    np.testing.assert_allclose(result.outputs[:, 4:], 0.6 * ATTRIBUTES["soil_porosity"], rtol=1e-6)
    assert result.drift == pytest.approx(0, abs=1e-3)


def test_drift_is_the_change_of_storage_over_the_last_year_of_spin_up(tmp_path):
    table = balanced_output(some_runs(MODEL, 1)[0])
    table.values[:, NAMES.index("OUT_SWE")] = np.arange(len(table.dates)) * 0.01
    table.values[:, NAMES.index("OUT_RUNOFF")] -= 0.01
    table.values[0, NAMES.index("OUT_RUNOFF")] += 0.01
    table.values[:, NAMES.index("OUT_RUNOFF")] = np.maximum(table.values[:, NAMES.index("OUT_RUNOFF")], 0)
    table.values[:, NAMES.index("OUT_EVAP")] = (
        table.column("OUT_PREC") - table.column("OUT_RUNOFF") - np.diff(table.column("OUT_SWE"), prepend=0)
    )
    result = judged(tmp_path, table)
    assert result.status == "ok", result.reason
    assert result.drift == pytest.approx(3.64, abs=1e-3)


def _cut(table, days):
    return FluxTable(table.names, table.dates[:days], table.values[:days])


def _with(table, name, day, value):
    values = table.values.copy()
    values[day, table.names.index(name)] = value
    return FluxTable(table.names, table.dates, values)


def _scaled(table, name, factor):
    values = table.values.copy()
    values[:, table.names.index(name)] *= factor
    return FluxTable(table.names, table.dates, values)


@pytest.mark.parametrize(
    ("damage", "status", "reason"),
    [
        (lambda t: _cut(t, 300), "failed", "300 of 730 days"),
        (lambda t: FluxTable(t.names, t.dates + 1, t.values), "failed", "must be 2000-10-01"),
        (lambda t: FluxTable(t.names[:-1], t.dates, t.values[:, :-1]), "failed", "OUT_SNOW_CANOPY"),
        (lambda t: _with(t, "OUT_EVAP", 500, np.nan), "quarantined", "OUT_EVAP is not finite on 2002-02-13"),
        (lambda t: _with(t, "OUT_SWE", 3, np.inf), "quarantined", "OUT_SWE"),
        (lambda t: _with(t, "OUT_RUNOFF", 400, 1e6), "quarantined", "runoff = 1e"),
        (lambda t: _with(t, "OUT_BASEFLOW", 400, -5.0), "quarantined", "baseflow = -5"),
        (lambda t: _with(t, "OUT_SOIL_MOIST_1", 9, 1e5), "quarantined", "soil_moist_1"),
        (
            lambda t: _with(t, "OUT_RUNOFF", 400, 12.0 + t.values[400, 2]),
            "quarantined",
            "water balance is off",
        ),
        (lambda t: _with(t, "OUT_SOIL_MOIST_2", -1, 1.0), "quarantined", "water balance is off"),
        (
            lambda t: _scaled(_scaled(t, "OUT_PREC", 0.5), "OUT_RUNOFF", 0.5),
            "quarantined",
            "precipitation was",
        ),
    ],
)
def test_output_that_cannot_be_trusted_is_a_value_with_its_reason(tmp_path, damage, status, reason):
    result = judged(tmp_path, damage(balanced_output(some_runs(MODEL, 1)[0])))
    assert result.status == status
    assert reason in result.reason
    assert result.outputs is None


def test_a_missing_or_truncated_file_fails_its_run_and_no_other(tmp_path):
    runs = some_runs(MODEL, 3)
    soil = inputs.soil_table(runs, inputs.native_values(runs))
    (tmp_path / "out").mkdir()
    for i in (0, 1):
        content = format_binary(balanced_output(runs[i]), 4)
        name = f"flux_{soil.lat[i]:.4f}_{soil.lon[i]:.4f}.bin"
        (tmp_path / "out" / name).write_bytes(content[:-10] if i == 1 else content)
    results = MODEL.collect(tmp_path, runs)
    assert [result.status for result in results] == ["ok", "failed", "failed"]
    assert "whole number of rows" in results[1].reason
    assert "no output" in results[2].reason
