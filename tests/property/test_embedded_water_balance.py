"""No parameters and no weather make the embedded VIC-style program create or lose water."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import meteorology, saturation_vapour_pressure
from legacy_models.vic.embedded.cell import simulate_tile
from legacy_models.vic.embedded.ground import dry_and_saturated_conductivity
from legacy_models.vic.embedded.turbulence import turbulence

DAYS = 20
FLUXES_OUT = [at.TRANSP, at.CANOP, at.BARE, at.SUB_SNOW, at.SUB_CANOP, at.RUNOFF, at.BASEFLOW]
STATES = [at.SWE, at.MOIST_0, at.MOIST_1, at.MOIST_2, at.WDEW, at.SNOW_CANOPY]


def weather(seed, steps, mean_temperature):
    rng = np.random.default_rng(seed)
    n = DAYS * steps
    hour = np.arange(n) % steps / steps
    day = np.arange(n) // steps
    temperature = mean_temperature + 6.0 * np.sin(2 * np.pi * (hour - 0.4)) + rng.normal(0, 4, DAYS)[day]
    rain = (rng.exponential(30.0, DAYS) * (rng.random(DAYS) < 0.5))[day] / steps
    shortwave = np.maximum(600.0 * np.sin(2 * np.pi * (hour - 0.25)), 0.0) * rng.random(DAYS)[day]
    longwave = 5.67e-8 * (temperature + 273.15) ** 4 * rng.uniform(0.6, 1.0, DAYS)[day]
    vapour = saturation_vapour_pressure(temperature) * rng.uniform(0.2, 1.1, DAYS)[day]
    wind = rng.choice([0.0, 0.5, 2.0, 8.0], DAYS)[day]
    forcing = np.stack([rain, temperature, shortwave, longwave, np.full(n, 9e4), vapour, wind], axis=1)
    return meteorology(forcing, 800.0, 0.0, 1.0)


def tile(kind, lai, snow_roughness):
    if kind == "trees":
        air = turbulence(True, 1.23, 6.7, 50.0, 0.5, 0.2, snow_roughness)
    else:
        air = turbulence(False, 0.07, 0.4, 10.0, 0.5, 0.2, snow_roughness)
    covered = 0.0 if kind == "bare" else 1.0
    constants = np.array([kind == "trees", covered, 60.0, 150.0, 30.0, 0.5, 2.0 + snow_roughness, snow_roughness])
    column = [lai * covered, 0.18, air.vegetation_resistance, air.snow_resistance, air.snow_wind]
    return constants, np.repeat(np.array(column)[:, None], 12, axis=1)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    steps=st.sampled_from([4, 8, 24]),
    runoff_steps=st.integers(1, 3),
    mean_temperature=st.floats(-25.0, 25.0),
    kind=st.sampled_from(["trees", "grass", "bare"]),
    lai=st.floats(0.0, 6.0),
    b=st.floats(1e-3, 0.4),
    ds=st.floats(0.001, 1.0),
    dsmax=st.floats(0.1, 30.0),
    ws=st.floats(0.2, 0.99),
    depths=st.tuples(st.just(0.1), st.floats(0.1, 1.5), st.floats(0.1, 2.5)),
    expt=st.floats(3.5, 30.0),
    ksat=st.floats(0.0, 10000.0),
    wetness=st.floats(0.0, 1.0),
    snow_roughness=st.floats(1e-3, 0.03),
)
def test_what_falls_leaves_or_is_stored(
    seed, steps, runoff_steps, mean_temperature, kind, lai, b, ds, dsmax, ws, depths, expt, ksat, wetness,
    snow_roughness,
):  # fmt: skip
    capacity = 1000.0 * 0.45 * np.array(depths)
    layers = np.array([capacity, 20.0 * np.array(depths), 0.5 * capacity, 0.2 * capacity, [expt] * 3, [ksat] * 3])
    dry, saturated = dry_and_saturated_conductivity(1457.5, 2650.0, 0.4)
    thermal = np.array([[0.45] * 3, [0.55] * 3, [dry] * 3, [saturated] * 3, depths])
    cell = np.array([b, ds, dsmax, ws, 2.0, 8.0, 4.0, 1.0, runoff_steps])
    start = layers[at.RESIDUAL] + wetness * (capacity - layers[at.RESIDUAL])
    constants, monthly = tile(kind, lai, snow_roughness)
    out = np.zeros((DAYS, len(at.OUTPUTS)))
    months, days = np.zeros(DAYS, np.int64), np.arange(55, 55 + DAYS)

    moisture = simulate_tile(
        weather(seed, steps, mean_temperature), months, days, steps, cell, layers, thermal, constants,
        monthly, np.array([0.3, 0.5, 0.2]), start, 1.0, out,
    )  # fmt: skip

    stored = out[:, STATES].sum(axis=1)
    gained = out[:, [at.RAINF, at.SNOWF]].sum(axis=1) - out[:, FLUXES_OUT].sum(axis=1)
    np.testing.assert_allclose(gained, np.diff(stored, prepend=start.sum()), rtol=0.0, atol=1e-9 * steps)
    assert (moisture <= capacity + 1e-9).all()
    assert (moisture >= layers[at.RESIDUAL] - 1e-9).all()
    assert (out[:, [at.SWE, at.WDEW, at.SNOW_CANOPY, at.RUNOFF]] >= -1e-12).all()


@pytest.mark.parametrize("kind", ["trees", "grass", "bare"])
def test_weights_of_tiles_add_up(kind):
    layers = np.array([[45.0, 180.0, 540.0], [2.0, 8.0, 24.0], [20.0, 80.0, 240.0], [9.0, 36.0, 108.0]])
    layers = np.concatenate([layers, np.full((1, 3), 12.0), np.full((1, 3), 500.0)])
    thermal = np.array([[0.45] * 3, [0.55] * 3, [0.25] * 3, [1.5] * 3, [0.1, 0.4, 1.2]])
    cell = np.array([0.2, 0.02, 10.0, 0.8, 2.0, 8.0, 4.0, 1.0, 1.0])
    constants, monthly = tile(kind, 2.0, 0.001)
    months, days = np.zeros(DAYS, np.int64), np.arange(55, 55 + DAYS)
    met = weather(3, 4, 0.0)
    whole, parts = np.zeros((2, DAYS, len(at.OUTPUTS)))
    for weight, out in ((1.0, whole), (0.3, parts), (0.7, parts)):
        simulate_tile(
            met, months, days, 4, cell, layers, thermal, constants, monthly, np.array([0.3, 0.5, 0.2]),
            layers[0] * 0.6, weight, out,
        )  # fmt: skip
    np.testing.assert_allclose(parts, whole, rtol=1e-12, atol=1e-12)
