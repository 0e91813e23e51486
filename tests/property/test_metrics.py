"""Bounds and symmetries of the metrics over random series with gaps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from legacy_models import metrics

flows = st.one_of(st.floats(0.01, 1000.0), st.just(np.nan))
pairs = st.integers(3, 40).flatmap(lambda days: st.tuples(*[arrays(np.float64, (2, days), elements=flows)] * 2))


@given(pair=pairs)
def test_efficiencies_do_not_exceed_one_and_correlation_stays_in_its_bounds(pair):
    for metric in (metrics.nse, metrics.kge, metrics.correlation):
        figures = metric(*pair)
        assert (figures[~np.isnan(figures)] <= 1.0 + 1e-12).all()
    r = metrics.correlation(*pair)
    assert (r[~np.isnan(r)] >= -1.0).all()


@given(pair=pairs, power=st.integers(-6, 6))
def test_the_unit_of_flow_does_not_matter(pair, power):
    factor = 2.0**power  # exact, so that rounding cannot decide whether a series is constant
    for metric in (metrics.nse, metrics.kge, metrics.pbias, metrics.fhv):
        scaled = metric(factor * pair[0], factor * pair[1])
        assert scaled == pytest.approx(metric(*pair), rel=1e-9, abs=1e-9, nan_ok=True)


@given(pair=pairs, order=st.randoms())
def test_the_order_of_days_does_not_matter(pair, order):
    days = list(range(pair[0].shape[1]))
    order.shuffle(days)
    for metric in (metrics.rmse, metrics.pbias, metrics.fhv, metrics.flv, metrics.fms):
        shuffled = metric(pair[0][:, days], pair[1][:, days])
        assert shuffled == pytest.approx(metric(*pair), rel=1e-6, abs=1e-9, nan_ok=True)
