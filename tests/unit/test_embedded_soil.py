"""Soil water of the embedded program against exact solutions."""

import numpy as np
import pytest

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.soil import baseflow, drainage, saturated_area, soil_step, surface_runoff

LAYERS = np.array(
    [
        [45.0, 180.0, 540.0],  # capacity
        [2.0, 8.0, 24.0],  # residual
        [20.0, 80.0, 240.0],
        [9.0, 36.0, 108.0],
        [12.0, 12.0, 12.0],  # exponent
        [500.0, 500.0, 500.0],  # conductivity
    ]
)
CELL = np.array([0.2, 0.02, 10.0, 0.8, 2.0, 8.0, 4.0, 1.0, 1.0])


@pytest.mark.parametrize("exponent", [3.0, 8.0, 30.0])
@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_drainage_solves_its_differential_equation(exponent, share):
    space, conductivity = 100.0, 50.0
    left = share * space
    steps = 20_000
    for _ in range(steps):
        middle = left - 0.5 * conductivity * (left / space) ** exponent / steps
        left -= conductivity * (middle / space) ** exponent / steps
    drained = drainage(share * space, space, conductivity, exponent)
    assert drained == pytest.approx(share * space - left, rel=1e-5, abs=1e-9)


def test_drainage_of_two_half_steps_is_that_of_one_step():
    once = drainage(80.0, 100.0, 50.0, 12.0)
    first = drainage(80.0, 100.0, 25.0, 12.0)
    assert first + drainage(80.0 - first, 100.0, 25.0, 12.0) == pytest.approx(once, rel=1e-12)


@pytest.mark.parametrize(("available", "conductivity"), [(0.0, 50.0), (-1.0, 50.0), (80.0, 0.0)])
def test_nothing_drains_from_a_dry_or_impermeable_layer(available, conductivity):
    assert drainage(available, 100.0, conductivity, 12.0) == 0.0


def test_drainage_never_exceeds_what_is_there():
    assert 0.0 < drainage(100.0, 100.0, 1e9, 12.0) < 100.0


def test_all_of_the_cell_is_saturated_when_full_and_none_when_empty():
    assert saturated_area(100.0, 100.0, 0.2) == 1.0
    assert saturated_area(0.0, 100.0, 0.2) == 0.0


def test_all_rain_runs_off_a_full_soil_and_what_does_not_fit_runs_off_any():
    assert surface_runoff(7.0, 100.0, 100.0, 0.2) == pytest.approx(7.0)
    assert surface_runoff(500.0, 30.0, 100.0, 0.2) == pytest.approx(430.0)
    assert surface_runoff(0.0, 50.0, 100.0, 0.2) == 0.0


def test_runoff_of_little_rain_is_the_saturated_share_of_it():
    area = saturated_area(60.0, 100.0, 0.3)
    assert surface_runoff(1e-6, 60.0, 100.0, 0.3) / 1e-6 == pytest.approx(area, rel=1e-4)


def test_baseflow_is_linear_below_the_threshold_and_reaches_its_maximum_when_full():
    half = baseflow(24.0 + 0.4 * 516.0, 24.0, 540.0, 0.02, 10.0, 0.8, 2.0)
    assert half == pytest.approx(10.0 * 0.02 / 0.8 * 0.4)
    assert baseflow(540.0, 24.0, 540.0, 0.02, 10.0, 0.8, 2.0) == pytest.approx(10.0)
    below, above = (baseflow(24.0 + s * 516.0, 24.0, 540.0, 0.02, 10.0, 0.8, 2.0) for s in (0.8, 0.8 + 1e-9))
    assert above == pytest.approx(below, rel=1e-6)


def test_a_full_soil_lets_all_rain_run_off_and_loses_only_its_baseflow():
    moisture = LAYERS[at.CAPACITY].copy()
    runoff, base = soil_step(moisture, LAYERS, CELL, 30.0, np.zeros(3), 4)
    assert runoff == pytest.approx(30.0)
    assert base == pytest.approx(10.0 / 4)
    assert moisture.sum() == pytest.approx(LAYERS[at.CAPACITY].sum() - base)


def test_water_that_does_not_fit_below_stays_above():
    moisture = LAYERS[at.CAPACITY] - [1.0, 0.0, 0.0]
    before = moisture.sum()
    runoff, base = soil_step(moisture, LAYERS, CELL, 0.0, np.zeros(3), 4)
    assert (moisture <= LAYERS[at.CAPACITY]).all()
    assert runoff == 0.0
    assert moisture.sum() + base == pytest.approx(before)
