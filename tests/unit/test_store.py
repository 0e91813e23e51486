"""The run store: what goes in comes out, counts add up, and what does not belong is refused."""

import json
from dataclasses import replace

import h5py
import numpy as np
import pytest

from legacy_models import retrieval
from legacy_models.errors import StoreError
from legacy_models.ledger import Counts
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run, RunResult, Variable, with_spinup
from legacy_models.segments import read_block
from legacy_models.store import ModelInfo, RunSet, RunStore


class Reservoir(LinearReservoir):
    """A linear reservoir that has a property, and a forcing variable that it does not read."""

    properties = (Variable("area", "km2", lower=0.0),)
    version = "made-up"


MODEL = Reservoir(spinup_years=1)
DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2003-01-01"))
START, END = np.datetime64("2001-06-01"), np.datetime64("2001-06-30")
DAYS = 30


def site(name, rain=1.0):
    values = np.stack([np.full(len(DATES), rain), np.arange(len(DATES), dtype=float)], axis=1)
    plain = MODEL.site(name, {}, Forcing(DATES, values, ("prcp", "tmin")))
    return replace(plain, properties={"area": 10.0 * rain}, forcing=Forcing(DATES, values, ("prcp", "tmin")))


SITES = [site("b", 1.0), site("a", 2.0)]


def run(number, where=0, **changes):
    return replace(Run(SITES[where], np.array([float(number)]), START, END), **changes)


def good(number):
    outputs = number + np.arange(DAYS * 2, dtype=np.float32).reshape(DAYS, 2)
    return RunResult("ok", outputs=outputs, drift=number / 10)


@pytest.fixture
def store(tmp_path):
    with RunStore.open(tmp_path / "store", write=True) as opened:
        yield opened


def test_what_goes_in_comes_out_ordered_by_site_and_key(store):
    runs = [run(1), run(2, where=1), run(3), run(4, where=1)]
    store.append(MODEL, runs[:3], [good(1), good(2), good(3)])
    store.append(MODEL, runs[3:], [good(4)])
    with RunStore.open(store.path) as reader:
        read = reader.read(MODEL.version, START, END)
    assert read.model == ModelInfo.of(MODEL)
    assert list(read.sites) == ["a", "a", "b", "b"]
    assert list(read.keys) == [*sorted(read.keys[:2]), *sorted(read.keys[2:])]
    for i, key in enumerate(read.keys):
        number = next(n for n, one in zip([1, 2, 3, 4], runs, strict=True) if MODEL.key(one) == key)
        assert read.parameters[i] == [number]
        assert np.array_equal(read.outputs[i], good(number).outputs)
        assert np.array_equal(reader.output(key), good(number).outputs)
        assert read.properties[i] == [20.0 if read.sites[i] == "a" else 10.0]
        assert reader.record(key).drift == number / 10
    assert np.array_equal(read.dates, np.tile(np.arange(START, END + 1), (4, 1)))
    assert read.outputs.dtype == np.float32


def test_runs_of_several_periods_are_read_together_each_with_its_own_days(store):
    later = {"start": START + 365, "end": END + 365}
    store.append(MODEL, [run(1), run(2, **later), run(3, where=1)], [good(1), good(2), good(3)])
    with RunStore.open(store.path) as reader:
        read = reader.read(MODEL.version)
    assert list(read.basins) == ["a", "b", "b"]
    assert len(set(read.sites)) == 3
    assert set(read.starts) == {START, START + 365}
    for site_name, dates in zip(read.sites, read.dates, strict=True):
        assert read.forcing[site_name].dates[-1] == dates[-1] == dates[0] + DAYS - 1


def test_runs_of_different_length_are_not_read_together(store):
    short = RunResult("ok", outputs=good(2).outputs[:10])
    store.append(MODEL, [run(1), run(2, end=START + 9)], [good(1), short])
    with pytest.raises(StoreError, match=r"30 days .* and 10 days"):
        store.read(MODEL.version)
    assert store.read(MODEL.version, START, START + 9).days == 10


def test_outputs_can_lie_in_a_file_without_a_name(store, tmp_path):
    store.append(MODEL, [run(1), run(2)], [good(1), good(2)])
    place = tmp_path / "scratch"
    read = store.read(MODEL.version, START, END, scratch=place)
    assert isinstance(read.outputs, np.memmap)
    assert not list(place.iterdir())
    assert np.array_equal(read.outputs, store.read(MODEL.version, START, END).outputs)


def test_a_segment_is_an_ordinary_hdf5_file(store):
    store.append(MODEL, [run(1), run(2)], [good(1), good(2)])
    with h5py.File(next((store.path / "segments").glob("*.h5"))) as file:
        assert [key.decode() for key in file["keys"][()]] == [MODEL.key(run(1)), MODEL.key(run(2))]
        assert np.array_equal(file["outputs"][1], good(2).outputs)
        assert np.array_equal(file["parameters"][()], [[1.0], [2.0]])


def test_forcing_comes_back_with_its_spin_up_and_only_what_the_model_reads(store):
    store.append(MODEL, [run(1)], [good(1)])
    forcing = store.read(MODEL.version, START, END).forcing["b"]
    expected = with_spinup(SITES[0].forcing, START, END, MODEL.spinup_years)
    assert forcing.names == ("prcp",)
    assert np.array_equal(forcing.dates, expected.dates)
    assert np.array_equal(forcing.values[:, 0], expected.column("prcp"))


def test_planned_is_committed_failed_and_pending_at_every_step(store):
    keys = [MODEL.key(run(n)) for n in range(1, 6)]
    store.plan(keys, "design")
    assert store.counts() == Counts(5, 0, 0, 5)
    store.append(MODEL, [run(1), run(2)], [good(1), RunResult("failed", "exited with status 1")])
    assert store.counts() == Counts(5, 1, 1, 3)
    store.append(MODEL, [run(3)], [RunResult("quarantined", "flow = nan")])
    assert store.counts() == Counts(5, 1, 2, 2)
    assert list(store.results(keys).values()) == ["ok", "failed", "quarantined", "pending", "pending"]
    with RunStore.open(store.path) as reader:
        assert reader.counts() == store.counts()
        assert reader.counts(keys[3:]) == Counts(2, 0, 0, 2)


def test_a_sum_that_is_not_even_cannot_be_made():
    with pytest.raises(StoreError, match="committed \\+ failed \\+ pending"):
        Counts(5, 1, 1, 1)


def test_a_run_that_nobody_planned_is_in_the_plan_once_it_is_committed(store):
    store.append(MODEL, [run(1, purpose="verify")], [good(1)])
    assert store.counts_by_purpose() == {"verify": Counts(1, 1, 0, 0)}


def test_failed_runs_keep_reason_and_log_and_are_never_read(store):
    failed = RunResult("failed", "killed by SIGSEGV", log_tail="layer 2 … é")
    store.append(MODEL, [run(1), run(2)], [failed, good(2)])
    with RunStore.open(store.path) as reader:
        record = reader.record(MODEL.key(run(1)))
        assert (record.status, record.reason, record.log_tail) == (
            "failed",
            "killed by SIGSEGV",
            "layer 2 … é",
        )
        assert reader.read(MODEL.version, START, END).keys == (MODEL.key(run(2)),)
        with pytest.raises(StoreError, match="is failed: killed by SIGSEGV"):
            reader.output(MODEL.key(run(1)))


def test_runs_are_selected_by_version_period_purpose_and_key(store):
    later = {"start": START + 30, "end": END + 30}
    store.append(MODEL, [run(1), run(2, purpose="refine"), run(3, **later)], [good(1), good(2), good(3)])
    assert len(store.read(MODEL.version, START, END)) == 2
    assert store.read(MODEL.version, START, END, purposes=["refine"]).parameters == [[2.0]]
    assert store.read(MODEL.version, START, END, keys=[MODEL.key(run(1))]).parameters == [[1.0]]
    assert store.read(MODEL.version, later["start"], later["end"]).parameters == [[3.0]]
    for version, start in (("another", START), (MODEL.version, START + 1)):
        with pytest.raises(StoreError, match="holds no finished run of model version"):
            store.read(version, start, END)


def test_a_site_with_two_forcing_records_appears_as_two(store):
    store.append(MODEL, [run(1), run(2, site=site("b", 3.0))], [good(1), good(2)])
    read = store.read(MODEL.version, START, END)
    assert len(set(read.sites)) == len(read.forcing) == 2
    assert all(name.startswith("b@") for name in read.sites)
    rain = {name: forcing.values[0, 0] for name, forcing in read.forcing.items()}
    assert [rain[s] for s in read.sites] == [1.0 if n == 1 else 3.0 for n in read.parameters[:, 0]]


def test_runs_that_differ_in_spin_up_are_not_mixed(store):
    other = Reservoir(spinup_years=0)
    store.append(MODEL, [run(1)], [good(1)])
    store.append(other, [run(2)], [good(2)])
    with pytest.raises(StoreError, match="spin-up of 1 and 0 years, for example\\); select them by key"):
        store.read(MODEL.version, START, END)
    assert len(store.read(MODEL.version, START, END, keys=[other.key(run(2))])) == 1


def test_a_model_without_properties_and_failures_only_are_fine(store):
    plain = LinearReservoir(spinup_years=0)
    store.append(plain, [run(1)], [RunResult("failed", "no")])
    store.append(plain, [run(2)], [good(2)])
    assert store.read(plain.version, START, END).properties.shape == (1, 0)


def test_dropped_runs_are_pending_again(store):
    store.append(MODEL, [run(1), run(2)], [good(1), good(2)])
    store.drop([MODEL.key(run(1))])
    assert store.counts() == Counts(2, 1, 0, 1)
    assert np.array_equal(store.output(MODEL.key(run(2))), good(2).outputs)
    assert store.verify() == []


def test_outputs_come_in_the_order_asked_for_and_no_segment_is_read_twice(store, monkeypatch):
    store.append(MODEL, [run(1), run(2), run(3)], [good(1), good(2), RunResult("failed", "why")])
    store.append(MODEL, [run(4)], [good(4)])
    read = []
    monkeypatch.setattr(retrieval, "read_block", lambda segment: read.append(segment) or read_block(segment))
    wanted = [2, 4, 1, 2]
    outputs = store.outputs([MODEL.key(run(n)) for n in wanted])
    assert all(np.array_equal(one, good(n).outputs) for one, n in zip(outputs, wanted, strict=True))
    assert len(read) == 2
    with pytest.raises(StoreError, match="failed: why"):
        store.outputs([MODEL.key(run(1)), MODEL.key(run(3))])


def test_a_store_opened_for_reading_is_not_written_to(store):
    with RunStore.open(store.path) as reader:
        for write in (lambda: reader.plan(["k"], "design"), lambda: reader.drop([]), reader.repair):
            with pytest.raises(StoreError, match="opened for reading"):
                write()


def test_there_must_be_a_store_to_read(tmp_path):
    with pytest.raises(StoreError, match="there is no run store at"), RunStore.open(tmp_path / "none"):
        pass
    assert not (tmp_path / "none").exists()


def test_a_directory_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(StoreError, match=r"is not a run store .*thesis\.tex"):
        RunStore.open(tmp_path, write=True).__enter__()
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("write", [True, False])
def test_a_newer_store_is_refused(store, write):
    path = store.path.parent / "newer"
    with RunStore.open(path, write=True):
        pass
    (path / "store.json").write_text(json.dumps({"schema_version": 2}))
    with pytest.raises(StoreError, match="schema_version 2, newer than 1"):
        RunStore.open(path, write=write).__enter__()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"schema_version": "x"}'])
def test_a_damaged_store_file_says_what_it_should_hold(store, text):
    (store.path / "store.json").write_text(text)
    with pytest.raises(StoreError, match="schema_version"):
        RunStore.open(store.path).__enter__()


def test_reading_needs_no_lock_and_sees_what_was_there_when_it_began(store):
    store.append(MODEL, [run(1)], [good(1)])
    with RunStore.open(store.path) as reader:
        store.append(MODEL, [run(2)], [good(2)])
        assert reader.counts().committed == 1
        assert len(reader.read(MODEL.version, START, END)) == 1


def test_a_second_writer_in_the_same_process_is_refused_too(store):
    with pytest.raises(StoreError, match="being written to"):
        RunStore.open(store.path, write=True).__enter__()


def test_the_model_description_survives_json():
    info = ModelInfo.of(MODEL)
    assert ModelInfo.from_dict(json.loads(json.dumps(info.to_dict(), allow_nan=False))) == info
    assert (info.output_names, info.property_names) == (("flow", "storage"), ("area",))


def test_a_run_set_whose_arrays_do_not_fit_cannot_be_made(store):
    store.append(MODEL, [run(1)], [good(1)])
    read = store.read(MODEL.version, START, END)
    with pytest.raises(Exception, match=r"Expected outputs of shape \(1, 30, 2\)"):
        replace(read, outputs=read.outputs[..., 1:])
    assert isinstance(read, RunSet)
