from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from legacy_models.errors import DataError
from legacy_models.model import Forcing
from surrogates.balance import Draws
from surrogates.initial_state import antecedent
from surrogates.windows import HIGH_SHARE, LOW_SHARE, gather, run_weights, spec_of, split, targets, with_total
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


def test_runs_that_differ_little_are_held_out_together() -> None:
    runs = gather(recorded_runs(sites=2, sets=20))
    whole = split(runs, 0.0, 0.2, seed=0)
    held, other = whole.held_out[0], whole.train[0]
    twins = replace(runs, parameters=runs.parameters.copy(), site=np.zeros_like(runs.site))
    twins.parameters[other] = twins.parameters[held] * np.float32(1.01)
    assert {held, other} <= set(split(twins, 0.0, 0.2, seed=0).held_out)
    apart = replace(twins, site=np.where(np.arange(len(runs)) == other, 1, 0))
    assert other in split(apart, 0.0, 0.2, seed=0).train


def test_a_basin_is_held_out_under_all_its_forcing() -> None:
    runs = gather(recorded_runs(sites=6, sets=2))
    climates = replace(runs, sites=("a@1", "a@2", "b@1", "b@2", "c@1", "c@2"))
    away = split(climates, 0.3, 0.0, seed=0).held_out
    assert len({climates.sites[site][0] for site in climates.site[away]}) == 1
    assert len(away) == 4


def draws(tail_weight: float = 1.0, **size: int) -> Draws:
    runs = gather(recorded_runs(**size))
    return Draws.of(runs, np.arange(len(runs)), tail_weight)


def test_windows_visit_every_run_equally_and_have_a_day_before() -> None:
    run, first = draws(sites=1, sets=5).windows(np.random.default_rng(0), window=30, count=15)
    assert np.bincount(run).tolist() == [3] * 5
    assert first.min() >= 1
    assert first.max() + 30 <= DAYS


def test_snowy_and_dry_sites_are_drawn_more_often() -> None:
    runs = gather(recorded_runs(sites=10, sets=3))
    runs.forcing[4, :, 1:] -= 40.0  # tmin and tmax
    runs.outputs[runs.site == 7, :, 0] *= 0.01
    run, _ = Draws.of(runs, np.arange(30), tail_weight=3.0).windows(np.random.default_rng(0), 30, count=4200)
    visits = np.bincount(runs.site[run])
    tail = np.argsort(visits)[-4:]  # two fifths: the snowiest and the driest two
    assert {4, 7} <= set(tail)
    assert visits[4] == pytest.approx(3 * visits.min(), rel=0.02)


def test_a_site_counts_alike_however_many_runs_it_has() -> None:
    runs = gather(recorded_runs(sites=2, sets=9))
    rows = np.array([0, 1, 2, *range(9, 18)])
    run, _ = Draws.of(runs, rows, tail_weight=1.0).windows(np.random.default_rng(0), 30, count=900)
    assert np.bincount(runs.site[run]).tolist() == [450, 450]


def test_a_share_of_the_windows_holds_the_highest_or_the_lowest_flows() -> None:
    runs, window = gather(recorded_runs(sites=2, sets=10)), 5
    flow, rng = runs.outputs[..., 0], np.random.default_rng(0)

    def holding(regime_share: float) -> tuple[float, float]:
        run, first = Draws.of(runs, np.arange(20), 1.0).windows(rng, window, 2000, regime_share)
        inside = np.take_along_axis(flow[run], first[:, None] + np.arange(window), axis=1)
        high, low = np.quantile(flow[run], [1.0 - HIGH_SHARE, LOW_SHARE], axis=1)
        return (inside >= high[:, None]).any(axis=1).mean(), (inside <= low[:, None]).any(axis=1).mean()

    (high, low), (more_high, more_low) = holding(0.0), holding(1.0)
    assert more_high > 0.45 > 2 * high
    assert more_low > low


def test_a_record_shorter_than_a_window_is_refused_with_the_length_needed() -> None:
    with pytest.raises(DataError, match=f"{DAYS + 1} at least"):
        draws().windows(np.random.default_rng(0), window=DAYS, count=1)


def test_scaling_is_that_of_the_training_runs() -> None:
    run_set = recorded_runs()
    runs, rows = gather(run_set), np.array([0, 3, 7])
    scaling = spec_of(run_set, runs, rows).scaling
    np.testing.assert_allclose(scaling.output_mean, runs.outputs[rows].mean(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(scaling.output_std, runs.outputs[rows].std(axis=(0, 1)), rtol=1e-5)
    np.testing.assert_allclose(scaling.forcing_std, runs.forcing[:2].std(axis=(0, 1)), rtol=1e-5)


def test_large_arrays_lie_in_files_without_a_name_when_asked_to(tmp_path: Path) -> None:
    runs = gather(recorded_runs(), tmp_path)
    assert isinstance(runs.antecedent.base, np.memmap)
    assert not list(tmp_path.iterdir())
    np.testing.assert_array_equal(runs.antecedent, gather(recorded_runs()).antecedent)


def test_streamflow_is_the_sum_of_the_runoff_outputs() -> None:
    outputs = np.array([[1.0, 2.0, 5.0]], dtype=np.float32)
    assert with_total(outputs, (0, 2)).tolist() == [[1.0, 2.0, 5.0, 6.0]]


def test_runs_of_any_size_of_flow_weigh_alike() -> None:
    runs = gather(recorded_runs())
    weights = run_weights(runs, np.arange(len(runs)), floor=0.0)
    variance = targets(runs.outputs, (0,)).var(axis=1)
    np.testing.assert_allclose(weights * variance, 1.0, rtol=1e-3)
