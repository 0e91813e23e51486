"""The linear reservoir neither makes nor loses water, whatever falls on it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from legacy_models.linear_reservoir.program import simulate

daily_rain = arrays(np.float64, st.tuples(st.just(1), st.integers(1, 60)), elements=st.floats(0, 300))
residence_times = st.floats(0.5, 200)
storages = st.floats(0, 5000)


@given(rain=daily_rain, storage=storages, k=residence_times)
def test_reservoir_neither_creates_nor_destroys_water(rain, storage, k):
    flow, storages = simulate(rain, np.array([k]), np.array([storage]))
    assert rain.sum() - flow.sum() == pytest.approx(storages[0, -1] - storage, abs=1e-8)


@given(rain=daily_rain, storage=storages, k=residence_times)
def test_flow_and_storage_are_never_negative(rain, storage, k):
    flow, storages = simulate(rain, np.array([k]), np.array([storage]))
    assert (flow >= 0).all()
    assert (storages >= 0).all()


@given(rain=daily_rain, storage=storages, k=residence_times, factor=st.floats(0, 10))
def test_the_reservoir_is_linear(rain, storage, k, factor):
    flow, _ = simulate(rain, np.array([k]), np.array([storage]))
    scaled, _ = simulate(factor * rain, np.array([k]), np.array([factor * storage]))
    assert scaled == pytest.approx(factor * flow, rel=1e-9, abs=1e-9)


@given(rain=daily_rain, storage=storages, k=residence_times, cut=st.integers(0, 60))
@settings(max_examples=50)
def test_stopping_and_going_on_is_the_same_as_not_stopping(rain, storage, k, cut):
    k, start = np.array([k]), np.array([storage])
    flow, _ = simulate(rain, k, start)
    early, states = simulate(rain[:, :cut], k, start)
    late, _ = simulate(rain[:, cut:], k, states[:, -1] if states.size else start)
    assert np.concatenate([early, late], axis=1) == pytest.approx(flow)
