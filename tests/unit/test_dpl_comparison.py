"""Intervals and paired tests over basins: they cover what they should, and blocks widen them."""

import numpy as np
import pytest
from scipy import stats

from dpl.comparison import paired, percentile, resample

RNG = np.random.default_rng(3)
REGIONS = [f"{i % 6:02d}" for i in range(60)]
ALONE = [str(i) for i in range(60)]


def test_a_resample_takes_whole_blocks_as_many_as_there_are():
    counts = resample(REGIONS, 200, seed=0)
    assert counts.shape == (200, 60)
    assert (counts == counts[:, :6][:, np.arange(60) % 6]).all()
    assert (counts.sum(axis=1) == 60).all()
    assert (counts == resample(REGIONS, 200, seed=0)).all()
    assert (counts != resample(REGIONS, 200, seed=1)).any()


def test_an_interval_is_that_of_the_repeated_values():
    values, counts = RNG.normal(size=60), resample(REGIONS, 300, seed=0)
    values[7] = np.nan
    for percent in (5.0, 50.0):
        repeated = [np.nanpercentile(np.repeat(values, times), percent) for times in counts]
        found = percentile(values, counts, percent)
        assert found.value == pytest.approx(np.nanpercentile(values, percent))
        assert (found.low, found.high) == pytest.approx(tuple(np.percentile(repeated, [2.5, 97.5])))


def test_basins_that_resemble_their_region_give_a_wider_interval_than_single_ones():
    values = np.repeat(RNG.normal(size=6), 10)[np.argsort(np.tile(np.arange(6), 10), kind="stable").argsort()]
    by_region, alone = (percentile(values, resample(b, 1000, seed=0)) for b in (REGIONS, ALONE))
    assert by_region.high - by_region.low > 1.5 * (alone.high - alone.low)


def test_nineteen_of_twenty_intervals_hold_the_median_of_the_world():
    rng, held = np.random.default_rng(0), 0
    counts = resample(ALONE, 400, seed=0)
    for _ in range(300):
        found = percentile(rng.normal(size=60), counts)
        held += found.low <= 0.0 <= found.high
    assert 0.90 <= held / 300 <= 0.99


def test_the_median_is_averaged_over_seeds():
    counts = resample(ALONE, 100, seed=0)
    seeds = np.stack([np.full(60, 1.0), np.full(60, 3.0), np.full(60, np.nan)])
    found = percentile(seeds, counts)
    assert (found.value, found.low, found.high) == (2.0, 2.0, 2.0)


def test_one_block_tells_nothing_of_others():
    found = percentile(RNG.normal(size=60), resample(["01"] * 60, 100, seed=0))
    assert np.isfinite(found.value)
    assert np.isnan([found.low, found.high]).all()


def test_a_method_that_is_a_little_better_everywhere_is_told_from_the_other_by_pairs():
    other = RNG.normal(size=60)
    one = other + RNG.uniform(0.01, 0.05, 60)
    counts = resample(REGIONS, 500, seed=0)
    found = paired(one, other, counts)
    assert found.basins == 60
    assert found.share_above == 1.0
    assert 0.01 < found.difference.low <= found.difference.value <= found.difference.high < 0.05
    assert found.p_value < 1e-9
    single = percentile(one, counts)
    assert single.high - single.low > 5 * (found.difference.high - found.difference.low)


def test_wilcoxon_is_scipys_and_equal_methods_do_not_differ():
    one, other = RNG.normal(size=60), RNG.normal(size=60)
    counts = resample(ALONE, 100, seed=0)
    assert paired(one, other, counts).p_value == pytest.approx(stats.wilcoxon(one - other).pvalue)
    same = paired(one, one, counts)
    assert (same.p_value, same.share_above, same.difference.value) == (1.0, 0.5, 0.0)


def test_only_basins_with_both_figures_are_compared():
    one, other = np.array([1.0, np.nan, 3.0, 9.0]), np.array([0.0, 5.0, np.nan, 8.0])
    counts = resample(["a", "b", "c", "d"], 50, seed=0)
    assert paired(one, other, counts).basins == 2
    assert paired(one, other, counts).difference.value == 1.0
    nothing = paired(one[:2], np.array([np.nan, 1.0]), counts[:, :2])
    assert nothing.basins == 0
    assert np.isnan([nothing.difference.value, nothing.p_value]).all()
