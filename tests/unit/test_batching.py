"""Batches: what shares a process, and how many runs make the start of it vanish."""

from dataclasses import replace

import numpy as np
import pytest

from legacy_models.batching import BATCH_SECONDS, FIRST_RUNS, MOST_BYTES, Pace, Pile, halves
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run
from legacy_models.runner import default_timeout

MODEL = LinearReservoir(spinup_years=1)
DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2004-01-01"))
PERIOD = np.datetime64("2002-01-01"), np.datetime64("2002-12-31")
LATER = np.datetime64("2003-01-01"), np.datetime64("2003-12-31")
SITES = [MODEL.site(f"s{i}", {}, Forcing(DATES, np.full((len(DATES), 1), 1.0 + i), ("prcp",))) for i in range(3)]
YEARS = 2.0  # simulated by each run below, spin-up included


def runs(count, period=PERIOD):
    return [Run(SITES[i % 3], np.array([1.0 + i]), *period) for i in range(count)]


def cut_up(pile, most, workers):
    while pile:
        yield pile.cut(most, workers)


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize(("count", "most"), [(1, 64), (7, 3), (200, 64), (1000, 64), (5, 1)])
def test_batches_hold_every_run_once_and_are_even(count, most, workers):
    wanted = {str(i): run for i, run in enumerate(runs(count))}
    cut = [list(batch.runs) for batch in cut_up(Pile(MODEL, wanted), most, workers)]
    assert sorted((key for batch in cut for key in batch), key=int) == [str(i) for i in range(count)]
    lengths = [len(batch) for batch in cut]
    assert max(lengths) <= most
    assert len(lengths) >= min(count, workers)
    assert max(lengths) - min(lengths) <= 1 or min(lengths) == lengths[-1]


def test_a_batch_has_one_period_and_keeps_the_runs_of_a_site_together():
    wanted = {str(i): run for i, run in enumerate(runs(6) + runs(6, LATER))}
    cut = list(cut_up(Pile(MODEL, wanted), 3, 1))
    assert [{(r.start, r.end) for r in batch.runs.values()} for batch in cut] == [{PERIOD}] * 2 + [{LATER}] * 2
    switches = [[r.site.name for r in batch.runs.values()] for batch in cut]
    assert switches == [["s0", "s0", "s1"], ["s1", "s2", "s2"]] * 2


def test_halves_hold_every_run_once():
    wanted = {str(i): run for i, run in enumerate(runs(5))}
    assert [list(half) for half in halves(wanted)] == [["0", "1", "2"], ["3", "4"]]
    assert [list(half) for half in halves({"0": wanted["0"]})] == [["0"]]


@pytest.mark.parametrize("per_run", [0.02, 0.6, 3.0])
@pytest.mark.parametrize("start", [0.005, 1.2])
def test_whatever_a_process_needs_to_start_it_becomes_two_percent_of_a_batch(start, per_run):
    pace, run = Pace(MODEL, None, None), runs(1)[0]
    sizes = [pace.size(run)]
    for _ in range(4):
        pace.learn([run] * sizes[-1], start + per_run * sizes[-1])
        sizes.append(pace.size(run))
    assert sizes[0] == FIRST_RUNS
    seconds = start + per_run * sizes[-1]
    assert seconds <= BATCH_SECONDS
    assert seconds > 0.9 * BATCH_SECONDS
    assert start / seconds < 0.025


def test_a_batch_is_smaller_where_its_runs_are_longer():
    pace, run = Pace(MODEL, None, None), runs(1)[0]
    pace.learn([run] * 100, 10.0)
    longer = replace(run, end=run.end + 2 * 366)
    assert pace.size(run) == pytest.approx(600, abs=1)
    assert pace.size(longer) == pytest.approx(600 * YEARS / 4.0, rel=0.01)


def test_a_slow_start_or_a_busy_hour_does_not_make_later_batches_smaller():
    pace, run = Pace(MODEL, None, None), runs(1)[0]
    pace.learn([run] * 100, 10.0)
    pace.learn([run] * 4, 5.0)
    assert pace.size(run) == pytest.approx(600, abs=1)


def test_the_outputs_of_a_batch_stay_below_the_bound_however_fast_the_model_is():
    pace, run = Pace(MODEL, None, None), runs(1)[0]
    pace.learn([run] * 1000, 1e-3)
    assert pace.size(run) * 365 * len(MODEL.outputs) * 4 <= MOST_BYTES
    assert pace.size(run) > 40_000


def test_a_size_that_was_asked_for_is_the_size():
    pace, run = Pace(MODEL, 7, None), runs(1)[0]
    pace.learn([run] * 7, 1e-3)
    assert pace.size(run) == 7


def test_a_batch_is_given_up_sooner_once_it_is_known_how_long_it_should_take():
    many = runs(1000)
    pace = Pace(MODEL, None, None)
    assert pace.timeout(many) == default_timeout(MODEL, many) == pytest.approx(300 + 60 * 0.001 * 2000, rel=1e-3)
    pace.learn(many[:500], 1.0)
    assert pace.timeout(many) == pytest.approx(300 + 20 * 2.0, rel=1e-3)
    slow = Pace(MODEL, None, None)
    slow.learn(many[:1], 100.0)
    assert slow.timeout(many) == default_timeout(MODEL, many)
    assert Pace(MODEL, None, 9.0).timeout(many) == 9.0
