from dataclasses import replace

import numpy as np
import pytest

from legacy_models.errors import DataError
from legacy_models.model import Forcing
from surrogates.initial_state import antecedent
from surrogates.windows import draw, gather, run_weights, split, with_total
from tests.recorded_runs import DAYS, SPINUP, forcing_of, recorded_runs


def test_what_precedes_a_day_does_not_depend_on_that_day_or_later_ones() -> None:
    forcing = forcing_of(0)
    altered = forcing.values.copy()
    altered[400:] += 7.0
    before = antecedent(forcing), antecedent(Forcing(forcing.dates, altered, forcing.names))
    np.testing.assert_array_equal(before[0][:401], before[1][:401])
    assert not np.allclose(before[0][401], before[1][401])


def test_constant_forcing_has_itself_as_every_mean() -> None:
    dates = np.arange("2000-01-01", "2002-01-01", dtype="datetime64[D]")
    past = antecedent(Forcing(dates, np.full((len(dates), 1), 3.5), ("prcp",)))
    np.testing.assert_allclose(past[:, :-2], 3.5, rtol=1e-5)


def test_forcing_of_the_recorded_days_stands_beside_the_outputs() -> None:
    run_set = recorded_runs(sites=2, sets=2)
    runs = gather(run_set)
    assert runs.forcing.shape == (2, DAYS, 3)
    np.testing.assert_allclose(runs.forcing[0], run_set.forcing["00000001"].values[SPINUP:].astype("f4"))


def test_the_model_reads_its_own_variables_in_its_own_order() -> None:
    run_set = recorded_runs(sites=1, sets=2)
    given = run_set.forcing["00000001"]
    wider = Forcing(
        given.dates,
        np.c_[np.zeros(len(given.dates)), given.values[:, ::-1]],
        ("wind", "tmax", "tmin", "prcp"),
    )
    runs = gather(replace(run_set, forcing={"00000001": wider}))
    np.testing.assert_array_equal(runs.forcing, gather(run_set).forcing)


def test_a_missing_forcing_variable_is_named() -> None:
    run_set = recorded_runs(sites=1, sets=2)
    given = run_set.forcing["00000001"]
    short = Forcing(given.dates, given.values[:, :2], given.names[:2])
    with pytest.raises(DataError, match="reads tmax"):
        gather(replace(run_set, forcing={"00000001": short}))


def test_held_out_sites_have_no_run_in_training() -> None:
    runs = gather(recorded_runs(sites=5, sets=10))
    rows = split(runs, site_share=0.2, set_share=0.1, seed=0)
    alone = set(runs.site[rows.held_out]) - set(runs.site[rows.train])
    assert len(alone) == 1
    assert sorted([*rows.train, *rows.held_out]) == list(range(50))
    assert 10 < len(rows.held_out) < 10 + 12


def test_what_is_held_out_stays_held_out_when_runs_are_added() -> None:
    more = gather(recorded_runs(sites=5, sets=16))
    first = np.arange(len(more.keys)) % 16 < 10
    few = replace(more, keys=tuple(np.array(more.keys)[first]), site=more.site[first])
    before, after = (split(runs, site_share=0.2, set_share=0.3, seed=0) for runs in (few, more))
    assert {few.keys[row] for row in before.held_out} <= {more.keys[row] for row in after.held_out}
    assert {few.keys[row] for row in before.train} <= {more.keys[row] for row in after.train}


def test_nothing_is_held_out_where_the_share_is_zero() -> None:
    assert not len(split(gather(recorded_runs()), 0.0, 0.0, seed=0).held_out)


def test_windows_visit_every_run_equally_and_have_a_day_before() -> None:
    rows, first = draw(np.random.default_rng(0), np.arange(5), days=40, window=30, count=15)
    assert np.bincount(rows).tolist() == [3] * 5
    assert first.min() >= 1
    assert first.max() + 30 <= 40


def test_a_record_shorter_than_a_window_is_refused_with_the_length_needed() -> None:
    with pytest.raises(DataError, match="31 at least"):
        draw(np.random.default_rng(0), np.arange(5), days=30, window=30, count=1)


def test_streamflow_is_the_sum_of_the_runoff_outputs() -> None:
    outputs = np.array([[1.0, 2.0, 5.0]], dtype=np.float32)
    assert with_total(outputs, (0, 2)).tolist() == [[1.0, 2.0, 5.0, 6.0]]


def test_runs_of_any_size_of_flow_weigh_alike() -> None:
    runs = gather(recorded_runs())
    weights = run_weights(runs, np.arange(len(runs)), (0,), floor=0.0)
    variance = with_total(runs.outputs, (0,)).var(axis=1)
    np.testing.assert_allclose(weights * variance, 1.0, rtol=1e-3)
