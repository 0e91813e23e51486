"""What VIC does without a word costs the run that has it, with a reason, and no other."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rain_runs_off import BASE, STEP

from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.store import RunStore
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.global_file import read_global
from tests.silent_failures import SILENT
from tests.vic_sites import some_runs, with_parameters, with_weather

OUTPUT_FAULTS = {
    "cut in a row": ("failed", "no whole number of rows"),
    "cut after a row": ("failed", "incomplete output: 729 of 730 days"),
    "cut in the header": ("failed", "header"),
    "empty": ("failed", "header"),
    "absent": ("failed", "wrote no output"),
    "exit": ("failed", "exited with status 1"),
    "nan": ("quarantined", "OUT_EVAP is not finite on 2002-02-13"),
    "infinite": ("quarantined", "OUT_SWE is not finite on 2000-10-04"),
    "absurd": ("quarantined", "runoff = 1e+06 mm/day on 2001-11-05"),
    "negative": ("quarantined", "baseflow = -5 mm/day on 2001-11-05"),
    "lost water": ("quarantined", "the water balance is off"),
    "water for a day": ("quarantined", "the water balance is off"),
    "lost row": ("quarantined", "precipitation was"),
    "short by one": ("quarantined", "precipitation was 6.00 mm on 2002-09-30; the forcing has 8.00 mm"),
    "-9999": ("quarantined", "mm/day on 2001-06-08, outside [0, 2000]"),
}


@pytest.fixture
def model(tmp_path):
    program = tmp_path / "vic"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -P {Path(__file__).with_name("rain_runs_off.py")} "$@"\n')
    program.chmod(0o755)
    return VicModel(executable=str(program), spinup_years=1)


def numbered(model, count):
    """Runs that the program tells apart by b_infilt; the last day is wet."""
    wet = {run.site.name: with_weather(run, "prcp", -1, 8.0).site for run in some_runs(model, 3)}
    return [
        replace(with_parameters(model, run, b_infilt=BASE + STEP * i), site=wet[run.site.name])
        for i, run in enumerate(some_runs(model, count))
    ]


def ensemble(model, path, runs):
    """The store's record of each run; the store is sound and every run accounted for."""
    with RunStore.open(path, write=True) as store, local_executor(2) as executor:
        counts = simulate(model, runs, store, executor, EnsembleSettings(batch_runs=8, retries=0))
        assert counts.planned == len(runs) == counts.committed + counts.failed
        assert store.verify() == []
        return [store.record(model.key(run)) for run in runs]


def lost(records, expected):
    """Check that every other run is lost for the expected (status, part of the reason), and none besides."""
    assert [i for i, record in enumerate(records) if record.status != "ok"] == list(range(1, 2 * len(expected), 2))
    for (name, (status, reason)), record in zip(expected.items(), records[1::2], strict=True):
        assert record.status == status, name
        assert reason in record.reason, name


@pytest.mark.fault(1, 2, 3, 4)
def test_output_that_is_wrong_costs_its_own_run_only(model, tmp_path, misbehave):
    misbehave(",".join(f"{2 * i + 1}:{fault}" for i, fault in enumerate(OUTPUT_FAULTS)))
    lost(ensemble(model, tmp_path / "store", numbered(model, 2 * len(OUTPUT_FAULTS))), OUTPUT_FAULTS)


@pytest.mark.fault(25)
def test_input_that_vic_takes_in_silence_costs_its_own_run_only(model, tmp_path):
    runs = numbered(model, 2 * len(SILENT))
    runs[1::2] = [failure.given(model, run) for failure, run in zip(SILENT, runs[1::2], strict=True)]
    records = ensemble(model, tmp_path / "store", runs)
    lost(records, {failure.name: ("failed", failure.refused) for failure in SILENT})
    assert all(record.reason.startswith("input refused: ") for record in records[1::2])


def test_vic_is_told_to_stop_where_a_solver_fails(model, tmp_path):
    model.prepare(tmp_path, some_runs(model, 1))
    assert read_global((tmp_path / "global.txt").read_text()).continue_on_error is False
