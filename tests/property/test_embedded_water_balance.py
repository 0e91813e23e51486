"""No parameters, plants, elevation bands or weather make the embedded VIC-style program create or lose water."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import meteorology, saturation
from legacy_models.vic.embedded.cell import simulate_tile
from legacy_models.vic.embedded.ground import dry_and_saturated_conductivity
from legacy_models.vic.embedded.turbulence import exposed_soil, low_plants, trees

DAYS = 20
FLUXES_OUT = [at.TRANSP, at.CANOP, at.BARE, at.SUB_SNOW, at.SUB_CANOP, at.RUNOFF, at.BASEFLOW]
STATES = [at.SWE, at.MOIST_0, at.MOIST_1, at.MOIST_2, at.WDEW, at.SNOW_CANOPY]
ROOTS = np.array([0.3, 0.5, 0.2])


def forcing(seed, steps, mean_temperature):
    rng = np.random.default_rng(seed)
    n = DAYS * steps
    hour = np.arange(n) % steps / steps
    day = np.arange(n) // steps
    temperature = mean_temperature + 6.0 * np.sin(2 * np.pi * (hour - 0.4)) + rng.normal(0, 4, DAYS)[day]
    rain = (rng.exponential(30.0, DAYS) * (rng.random(DAYS) < 0.5))[day] / steps
    shortwave = np.maximum(600.0 * np.sin(2 * np.pi * (hour - 0.25)), 0.0) * rng.random(DAYS)[day]
    longwave = 5.67e-8 * (temperature + 273.15) ** 4 * rng.uniform(0.6, 1.0, DAYS)[day]
    vapour = np.array([saturation(t) for t in temperature]) * rng.uniform(0.2, 1.1, DAYS)[day]
    wind = rng.choice([0.0, 0.5, 2.0, 8.0], DAYS)[day]
    return np.stack([rain, temperature, shortwave, longwave, np.full(n, 9e4), vapour, wind], axis=1)


def tile(kind, lai, snow_roughness):
    """Constants and monthly values of one kind of plants; ``leafless`` ones lose their leaves in February."""
    if kind == "trees":
        air = trees(1.23, 6.7, 50.0, 0.5, 0.2, snow_roughness)
    else:
        air = low_plants(0.07, 0.4, 10.0, snow_roughness)
    constants = np.array([kind == "trees", 60.0, 150.0, 30.0, 0.5, 2.0 + snow_roughness, snow_roughness])
    column = [max(lai, 0.1), 0.18, air.resistance, air.wind, air.snow_resistance, air.snow_wind]
    monthly = np.repeat(np.array(column)[:, None], 12, axis=1)
    if kind in ("bare", "leafless"):
        months = slice(None) if kind == "bare" else 1
        monthly[at.LAI, months], monthly[at.RESISTANCE, months] = 0.0, exposed_soil(0.001, air.wind)
    return constants, monthly


def soil(depths, expt, ksat):
    capacity = 1000.0 * 0.45 * np.array(depths)
    layers = np.array([capacity, 20.0 * np.array(depths), 0.5 * capacity, 0.2 * capacity, [expt] * 3, [ksat] * 3])
    dry, saturated = dry_and_saturated_conductivity(1457.5, 2650.0, 0.4)
    return layers, np.array([[0.45] * 3, [0.55] * 3, [dry] * 3, [saturated] * 3, depths])


def calendar():
    """The last days of January and the first of February, as if they were days 55 to 74: the melt season begins."""
    return np.repeat([0, 1], DAYS // 2), np.arange(55, 55 + DAYS)


plants = st.tuples(st.sampled_from(["trees", "grass", "leafless", "bare"]), st.floats(0.1, 6.0), st.floats(1e-3, 0.03))
bands = st.tuples(st.floats(-8.0, 8.0), st.floats(0.0, 3.0))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    steps=st.sampled_from([4, 8, 24]),
    runoff_steps=st.integers(1, 3),
    mean_temperature=st.floats(-25.0, 25.0),
    tiles=st.lists(plants, min_size=1, max_size=3),
    elevations=st.lists(bands, min_size=1, max_size=3),
    b=st.floats(1e-3, 0.4),
    ds=st.floats(0.001, 1.0),
    dsmax=st.floats(0.1, 30.0),
    ws=st.floats(0.2, 0.99),
    depths=st.tuples(st.just(0.1), st.floats(0.1, 1.5), st.floats(0.1, 2.5)),
    expt=st.floats(3.5, 30.0),
    ksat=st.floats(0.0, 10000.0),
    wetness=st.floats(0.0, 1.0),
)
def test_what_falls_leaves_or_is_stored(
    seed, steps, runoff_steps, mean_temperature, tiles, elevations, b, ds, dsmax, ws, depths, expt, ksat, wetness
):
    layers, thermal = soil(depths, expt, ksat)
    capacity, residual = layers[at.CAPACITY], layers[at.RESIDUAL]
    cell = np.array([b, ds, dsmax, ws, 2.0, 8.0, 4.0, 1.0, runoff_steps])
    start = residual + wetness * (capacity - residual)
    out = np.zeros((DAYS, len(at.OUTPUTS)))
    rows = forcing(seed, steps, mean_temperature)
    weight = 1.0 / (len(tiles) * len(elevations))
    for shift, factor in elevations:
        met = meteorology(rows, 800.0, shift, factor)
        for plant in tiles:
            constants, monthly = tile(*plant)
            moisture = simulate_tile(
                met, *calendar(), steps, cell, layers, thermal, constants, monthly, ROOTS, start, shift, weight, out
            )
            assert (moisture <= capacity + 1e-9).all()
            assert (moisture >= residual - 1e-9).all()

    stored = out[:, STATES].sum(axis=1)
    gained = out[:, [at.RAINF, at.SNOWF]].sum(axis=1) - out[:, FLUXES_OUT].sum(axis=1)
    np.testing.assert_allclose(gained, np.diff(stored, prepend=start.sum()), rtol=0.0, atol=1e-9 * steps)
    assert (out[:, [at.SWE, at.WDEW, at.SNOW_CANOPY, at.RUNOFF]] >= -1e-12).all()


def simulate(kind, mean_temperature, weights=(1.0,)):
    """The daily output of one tile of ``kind``, once for each of its ``weights``."""
    layers, thermal = soil((0.1, 0.4, 1.2), 12.0, 500.0)
    cell = np.array([0.2, 0.02, 10.0, 0.8, 2.0, 8.0, 4.0, 1.0, 1.0])
    met = meteorology(forcing(3, 4, mean_temperature), 800.0, 0.0, 1.0)
    constants, monthly = tile(kind, 2.0, 0.001)
    out = np.zeros((DAYS, len(at.OUTPUTS)))
    for weight in weights:
        simulate_tile(
            met, *calendar(), 4, cell, layers, thermal, constants, monthly, ROOTS, layers[0] * 0.6, 0.0, weight, out
        )
    return out


@pytest.mark.parametrize("kind", ["trees", "grass", "leafless", "bare"])
def test_weights_of_tiles_add_up(kind):
    np.testing.assert_allclose(simulate(kind, 0.0, (0.3, 0.7)), simulate(kind, 0.0), rtol=1e-12, atol=1e-12)


def test_the_weather_of_these_tests_puts_snow_on_trees_and_melts_it_there():
    out = simulate("trees", -1.0)
    assert out[:, at.SNOW_CANOPY].max() > 1.0
    assert (np.diff(out[:, at.SNOW_CANOPY]) < 0.0).any()
    assert out[:, at.SNOW_MELT].sum() > 0.0
