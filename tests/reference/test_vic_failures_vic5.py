"""What goes wrong in the real VIC 5, with or without a word, is a failed run with a reason."""

import pytest

from legacy_models.ensemble import EnsembleSettings, local_executor, simulate
from legacy_models.errors import DataError, LegacyModelError
from legacy_models.runner import attempt_batch
from legacy_models.store import RunStore
from legacy_models.vic import inputs
from legacy_models.vic.adapter import VicModel
from tests.silent_failures import BY_NAME, soil
from tests.vic_sites import ATTRIBUTES, some_runs, weather, with_parameters, with_weather

pytestmark = pytest.mark.vic5


@pytest.fixture
def damaged(executable, tmp_path):
    """Return a function: shell command -> model whose VIC 5 runs on files that the command has changed."""

    def model(command: str) -> VicModel:
        program = tmp_path / "damaged_vic"
        program.write_text(f'#!/bin/sh\n{command}\nexec {executable} "$@"\n')
        program.chmod(0o755)
        return VicModel(executable=str(program), spinup_years=1)

    return model


def two_runs(model):
    """Two runs of one forest; the last day is wet."""
    first = with_weather(some_runs(model, 1)[0], "prcp", -1, 8.0)
    return [first, with_parameters(model, first, b_infilt=0.123)]


@pytest.mark.parametrize("name", BY_NAME)
def test_what_vic_takes_in_silence_and_shows_in_its_output_is_found_there(damaged, tmp_path, name):
    failure = BY_NAME[name]
    model = damaged(failure.beneath)
    outcome = attempt_batch(model, two_runs(model), tmp_path / "box")
    assert outcome.fault == "", "VIC did say something: the list of what it takes in silence is wrong"
    for result in outcome.results:
        assert result.status == ("quarantined" if failure.found else "ok")
        assert failure.found in result.reason


@pytest.mark.parametrize("name", BY_NAME)
def test_what_vic_takes_in_silence_never_reaches_it(executable, tmp_path, name):
    model = VicModel(executable=executable, spinup_years=1)
    good, other = two_runs(model)
    outcome = attempt_batch(model, [good, BY_NAME[name].given(model, other)], tmp_path / "box")
    assert outcome.fault.startswith("input refused: ")
    assert BY_NAME[name].refused in outcome.fault
    assert outcome.process_seconds == 0.0


def test_more_water_than_the_soil_holds_is_taken_in_silence_found_in_the_output_and_refused(
    damaged, tmp_path, monkeypatch
):
    model = damaged(soil("$20 = 99999"))
    outcome = attempt_batch(model, two_runs(model), tmp_path / "found")
    assert outcome.fault == ""
    assert all("the water balance is off" in result.reason for result in outcome.results)
    monkeypatch.setattr(inputs, "INITIAL_SATURATION", 1.5)
    assert "initial moisture" in attempt_batch(model, two_runs(model), tmp_path / "refused").fault


def test_a_word_among_the_numbers_of_a_soil_row_is_ignored_by_vic_and_never_written(damaged, tmp_path):
    model = damaged(soil('$7 = "abc"'))
    assert attempt_batch(model, two_runs(model), tmp_path / "box").fault == ""
    with pytest.raises(DataError, match="soil_porosity must be a number, received 'abc'"):
        model.site("any", ATTRIBUTES | {"soil_porosity": "abc"}, weather())


def test_output_that_a_full_disk_cut_off_is_a_failed_run_though_vic_says_all_is_well(damaged, tmp_path):
    outcome = attempt_batch((model := damaged("trap '' XFSZ; ulimit -f 16")), two_runs(model), tmp_path / "box")
    assert outcome.fault == ""
    for result in outcome.results:
        assert (result.status, "no whole number of rows" in result.reason) == ("failed", True)


def test_rows_that_a_full_disk_cut_off_are_missed_too_where_the_cut_falls_between_two_of_them(damaged, tmp_path):
    vic = "$(sed -n 's/^exec \\([^ ]*\\).*/\\1/p' \"$0\")"
    cut = "for f in out/*; do head -c -52 $f > s && mv s $f; done; exit 0"
    outcome = attempt_batch((model := damaged(f"{vic} -g global.txt; {cut}")), two_runs(model), tmp_path / "box")
    assert [result.reason for result in outcome.results] == ["incomplete output: 729 of 730 days"] * 2


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (soil("$24 = -1"), "depth"),
        (soil("$23 = 0.9; $24 = 0.3"), "depth"),
        (soil("$5 = 0"), "b_infilt"),
        (soil("$10 = 2"), "Exponent"),
        (soil("$19 = -1"), "moisture"),
        (soil("$34 = 2700"), "density"),
        (soil("$44 = 0.9"), "Wpwp"),
        (soil('$53 = ""'), "Can't find values"),
        ("sed -i s/OUT_EVAP/OUT_EVAPO/ global.txt", "OUT_EVAPO"),
        ("sed -i s/FORCEYEAR.*/FORCEYEAR\\ 2001/ global.txt", "forcing file"),
        ("sed -i /FROZEN_SOIL/d global.txt", "IMPLICIT"),
        ("head -n 1000 forcing/site_0 > s && cat s > forcing/site_0", "Not enough records"),
        ("rm -r forcing", "Unable to open"),
        ("rm -r out", "Unable to open"),
        ("tac vegparam.txt > s && mv s vegparam.txt", "Cell 1"),
    ],
)
def test_what_vic_refuses_is_a_failed_run_that_carries_what_vic_said(damaged, tmp_path, command, said):
    model = damaged(command)
    outcome = attempt_batch(model, two_runs(model), tmp_path / "box")
    assert outcome.fault == "exited with status 1"
    for result in outcome.results:
        assert (result.status, result.reason) == ("failed", "exited with status 1")
        assert "[ERROR]" in result.log_tail
        assert said in result.log_tail


def test_one_run_that_stops_vic_costs_no_other_run_of_its_batch(damaged, tmp_path):
    model = damaged("awk '$5 == 0.123 { $24 = -1 } { print }' soil.txt > s && mv s soil.txt")
    runs = some_runs(model, 12)
    runs[5] = with_parameters(model, runs[5], b_infilt=0.123)
    first = attempt_batch(model, runs, tmp_path / "box")
    assert [result.status for result in first.results] == ["ok"] * 5 + ["failed"] * 7
    with RunStore.open(tmp_path / "store", write=True) as store, local_executor(2) as executor:
        counts = simulate(model, runs, store, executor, EnsembleSettings(batch_runs=6))
        records = [store.record(model.key(run)) for run in runs]
    assert (counts.committed, counts.failed, counts.pending) == (11, 1, 0)
    assert [i for i, record in enumerate(records) if record.status != "ok"] == [5]
    assert records[5].reason == "exited with status 1"


def test_a_program_that_is_not_vic_is_one_error_before_any_run(tmp_path):
    program = tmp_path / "vic_classic.exe"
    program.write_bytes(b"\x7fELF not really")
    program.chmod(0o755)
    model = VicModel(executable=str(program), spinup_years=1)
    with pytest.raises(LegacyModelError, match="cannot be run"):
        attempt_batch(model, two_runs(model), tmp_path / "box")
