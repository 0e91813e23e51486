"""The hybrid's compiled days against the same equations in double precision, differentiated by TensorFlow."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from legacy_models.model import Run, Site
from legacy_models.vic import inputs
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.embedded import inputs as embedded
from legacy_models.vic.embedded.soil import soil_step
from legacy_models.vic.parameters import LARGEST_DSMAX
from surrogates.architectures.vic_days import LARGEST_SENSITIVITY
from surrogates.architectures.vic_days import simulate as days
from surrogates.architectures.vic_hybrid import PARAMETERS, PROPERTIES
from surrogates.architectures.vic_soil import Soil
from surrogates.architectures.vic_soil_kernel import (
    BASEFLOW,
    CONSTANTS,
    DAY_ROWS,
    FACTOR_BASEFLOW,
    FACTOR_RUNOFF,
    INFLOW,
    LANES,
    RUNOFF,
    STEP_ROWS,
    step,
)
from surrogates.design import sobol
from tests.vic_day_reference import Weights, simulate
from tests.vic_sites import some_runs

BASINS, DAYS, FEATURES, LATENT, HIDDEN, SUBSTEPS = 37, 6, 5, 3, 16, 4
FREE, LIMITED = 1e-4, 1.0
"""Size of the sensitivities to outputs: below the limit of those to states, and above."""

SPACE = VicModel(spinup_years=1).parameters
BOX = sobol(SPACE, BASINS, seed=3)

# rain, snowfall and snow at the start [mm]; how full the layers are; depth of layers 2 and 3 [m], None for any
REGIMES = {
    "ordinary": (10.0, 2.0, 20.0, (0.3, 0.9), None),
    "dry": (0.3, 0.0, 0.0, (0.15, 0.3), None),
    "wet": (60.0, 0.5, 0.0, (0.6, 0.97), None),
    "snowy": (1.0, 40.0, 400.0, (0.3, 0.9), None),
    "thin": (30.0, 1.0, 5.0, (0.3, 0.9), 0.1),
    "saturated": (60.0, 5.0, 50.0, (0.9995, 0.9999), None),
    "empty": (3.0, 1.0, 0.0, (0.0, 0.0), None),
}
OVERFLOWING = ("wet", "thin", "saturated")
"""Where a difference of two large numbers is a layer's room, single precision knows it to a thousandth of a mm."""


def case(regime: str) -> dict[str, np.ndarray]:
    """Inputs of ``simulate`` in double precision: every number one that single precision has too."""
    rain, snowfall, swe, filled, depth = REGIMES[regime]
    rng = np.random.default_rng(list(REGIMES).index(regime))
    soil = {name: BOX[:, SPACE.names.index(name)] for name in PARAMETERS}
    soil |= {name: np.full(BASINS, depth) for name in ("depth2", "depth3") if depth}
    porosity = rng.uniform(0.35, 0.55, BASINS)
    critical, wilting = rng.uniform(0.3, 0.6, BASINS), rng.uniform(0.1, 0.35, BASINS)
    metres = np.stack([np.full(BASINS, 0.1), soil["depth2"], soil["depth3"]], axis=1)
    water = rng.uniform(*filled, (BASINS, 3)) * porosity[:, None] * metres * 1000.0
    stores = np.concatenate([rng.uniform(0, swe, (BASINS, 1)), water], axis=1)
    constants = (porosity, critical, wilting, *(soil[name] for name in PARAMETERS))
    known, terms = 10 + LATENT + FEATURES, 10 + 2 * LATENT
    given = {
        "features": rng.normal(size=(BASINS, DAYS, FEATURES)),
        "weather": np.stack(
            [
                rng.exponential(rain, (BASINS, DAYS)) * (rng.random((BASINS, DAYS)) < 0.6),
                rng.exponential(snowfall, (BASINS, DAYS)),
                rng.exponential(0.5, (BASINS, DAYS)),
                rng.exponential(8.0, (BASINS, DAYS)),
                rng.exponential(4.0, (BASINS, DAYS)),
                rng.exponential(3.0, (BASINS, DAYS)),
                rng.uniform(0.05, 1.0, (BASINS, DAYS)),
                rng.normal(size=(BASINS, DAYS)),
                *np.moveaxis(rng.dirichlet(np.ones(SUBSTEPS), (BASINS, DAYS)), -1, 0),
            ],
            axis=-1,
        ),
        **{name: values[:, None] for name, values in zip(Soil._fields, constants, strict=True)},
        "roots": rng.dirichlet(np.ones(3), BASINS),
        "first": np.concatenate([stores, rng.normal(size=(BASINS, LATENT))], axis=1),
        "inner": rng.normal(0, 0.4, (known, HIDDEN)),
        "shift": rng.normal(0, 0.2, HIDDEN),
        "terms": rng.normal(0, 0.4, (HIDDEN, terms)),
        "bias": rng.normal(0, 0.2, terms),
    }
    return {name: values.astype(np.float32).astype(np.float64) for name, values in given.items()}


def expected(given: dict, limit: float) -> tf.Tensor:
    return simulate(
        given["features"], given["weather"], Soil(*(given[name] for name in Soil._fields)), given["roots"],
        given["first"], Weights(*(given[name] for name in Weights._fields)), SUBSTEPS, limit,
    )  # fmt: skip


def compiled(given: dict) -> tf.Tensor:
    constants = tf.concat([Soil(*(given[name] for name in Soil._fields)).derived(), given["roots"]], axis=-1)
    weights = [given[name] for name in Weights._fields]
    return days(given["features"], given["weather"], constants, given["first"], weights, SUBSTEPS)


def slopes(function, given: dict, weight: np.ndarray, dtype: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Values, and gradients of their weighted sum with respect to everything given."""
    tensors = {name: tf.constant(values, dtype) for name, values in given.items()}
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        values = function(tensors)
        total = tf.reduce_sum(values * tf.constant(weight, dtype))
    return values.numpy(), {name: g.numpy() for name, g in tape.gradient(total, tensors).items()}


def weights_of_values(scale: float) -> np.ndarray:
    return np.random.default_rng(5).normal(0, scale, (BASINS, DAYS, 7))


@pytest.mark.parametrize(
    ("regime", "scale"),
    [*((regime, FREE) for regime in REGIMES), *((regime, LIMITED) for regime in ("ordinary", "dry", "snowy"))],
)
def test_values_and_gradients_are_those_of_the_equations(regime, scale):
    """Where sensitivities are limited, layers that overflow are left out: their corners are met exactly.

    So is, where it is dry, the derivative with respect to rain and snow: on days without any it is one-sided.
    """
    given, weight = case(regime), weights_of_values(scale)
    values, gradients = slopes(compiled, given, weight, "float32")
    right, slope = slopes(lambda tensors: expected(tensors, LARGEST_SENSITIVITY), given, weight, "float64")
    np.testing.assert_allclose(values, right, rtol=1e-5, atol=2e-3 if regime in OVERFLOWING else 2e-4)
    for name in set(slope) - ({"weather"} if regime == "dry" else set()):
        allowed = (1e-4 if scale == FREE and regime not in OVERFLOWING else 3e-4) * np.abs(slope[name]).max()
        np.testing.assert_allclose(gradients[name], slope[name], rtol=0, atol=allowed, err_msg=name)


@pytest.mark.parametrize("regime", ["ordinary", "dry", "snowy"])
def test_gradients_are_finite_differences(regime):
    """Along a random direction of everything that a basin has of its own, in double precision."""
    given, weight = case(regime), weights_of_values(FREE)
    _, gradients = slopes(compiled, given, weight, "float32")
    rng, step = np.random.default_rng(6), 1e-6
    own = [name for name in given if name not in Weights._fields]
    direction = {name: rng.normal(size=given[name].shape) * np.abs(given[name]) for name in own}

    def total(side: float) -> np.ndarray:
        moved = {name: tf.constant(values + side * step * direction.get(name, 0.0)) for name, values in given.items()}
        return np.sum(expected(moved, np.inf).numpy() * weight, axis=(1, 2))

    difference = (total(1.0) - total(-1.0)) / (2 * step)
    slope = sum((gradients[name] * direction[name]).reshape(BASINS, -1).sum(axis=1) for name in own)
    np.testing.assert_allclose(slope, difference, rtol=0, atol=1e-4 * np.abs(difference).max())


def test_the_number_of_threads_does_not_change_a_bit(monkeypatch):
    found = []
    for threads in (1, 2, 3):
        monkeypatch.setattr(tf.config.threading, "get_intra_op_parallelism_threads", lambda count=threads: count)
        values, gradients = slopes(compiled, case("ordinary"), weights_of_values(LIMITED), "float32")
        found.append([values, *(gradients[name] for name in ("features", "first", *Weights._fields))])
    assert all((one == other).all() for other in found[1:] for one, other in zip(found[0], other, strict=True))


def test_what_is_not_a_number_stays_visible():
    given = case("ordinary")
    given["weather"][3, 2, 0] = np.nan
    values, gradients = slopes(compiled, given, weights_of_values(FREE), "float32")
    sound = np.arange(BASINS) != 3
    assert np.isnan(values[3, 2:, 0]).all()
    assert np.isnan(gradients["inner"]).any()
    assert np.isfinite(values[sound]).all()


def test_a_graph_may_be_traced_before_basins_and_days_are_known():
    given = {name: values.astype(np.float32) for name, values in case("ordinary").items()}
    signature = {
        name: tf.TensorSpec(
            values.shape if name in Weights._fields else (None,) * min(values.ndim, 2) + values.shape[2:]
        )
        for name, values in given.items()
    }
    signature |= {name: tf.TensorSpec((None, 1)) for name in Soil._fields}
    signature["roots"] = tf.TensorSpec((None, 3))
    signature["first"] = tf.TensorSpec((None, 4 + LATENT))
    traced = tf.function(compiled, input_signature=[signature])
    np.testing.assert_allclose(traced(given), compiled(given), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("wilting", [0.05, 0.3])
def test_the_water_that_cannot_leave_a_layer_is_what_the_adapter_gives_vic(wilting):
    (run,) = some_runs(VicModel(spinup_years=1), 1)
    properties = {**run.site.properties, "wpwp_fraction": wilting}
    dry = Run(Site("dry", properties, run.site.forcing), run.parameters, run.start, run.end)
    table = inputs.soil_table([dry], inputs.native_values([dry]))
    values = [properties[name] for name in PROPERTIES]
    values += [run.parameters[SPACE.names.index(name)] for name in PARAMETERS]
    residual = Soil(*(tf.constant([[value]], "float64") for value in values)).residual
    np.testing.assert_allclose(np.ravel(residual), 1000.0 * (table.resid_moist * table.depth)[0], rtol=1e-6)


@pytest.mark.parametrize("filled", [(0.2, 0.5), (0.5, 0.9), (0.9, 0.999)])
@pytest.mark.parametrize("rain", [0.0, 3.0, 40.0])
def test_a_step_of_the_soil_is_that_of_vic(filled: tuple[float, float], rain: float) -> None:
    """Where roots take nothing, to single precision; baseflow is exact over the step here and explicit in VIC."""
    rng = np.random.default_rng(1)
    model = VicModel(spinup_years=1)
    runs = [replace(run, parameters=values) for run, values in zip(some_runs(model, LANES), BOX, strict=False)]
    table = inputs.soil_table(runs, inputs.native_values(runs))
    given = [[run.site.properties[name] for name in PROPERTIES] for run in runs]
    given = np.concatenate(
        [given, [[run.parameters[SPACE.names.index(n)] for n in PARAMETERS] for run in runs]], axis=1
    )
    soil = Soil(*(tf.constant(column[:, None], "float32") for column in given.T))
    soil = soil._replace(r=tf.maximum(soil.r, soil.k / LARGEST_DSMAX))
    water = rng.uniform(*filled, (LANES, 3)) * table.max_moist

    c = np.zeros(CONSTANTS * LANES, np.float32)
    c[: 24 * LANES] = soil.derived().numpy().T.ravel()
    d, s, after = (np.zeros(rows * LANES, np.float32) for rows in (DAY_ROWS, STEP_ROWS, STEP_ROWS))
    s[: 3 * LANES] = water.T.ravel()
    d[FACTOR_RUNOFF : FACTOR_BASEFLOW + LANES] = 1.0
    d[INFLOW : INFLOW + LANES] = 4.0 * rain
    step(c, d, s, after, np.float32(0.25), LANES)
    found = np.stack([*np.split(after[: 3 * LANES], 3), d[RUNOFF:][:LANES], d[BASEFLOW:][:LANES]], axis=1)

    for i in range(LANES):
        moisture = water[i].copy()
        cell, layers = embedded.cell_constants(table, i, 1), embedded.layer_constants(table, i)
        runoff, base = soil_step(moisture, layers, cell, rain, np.zeros(3), 4)
        kept = abs(found[i, 4] - base)  # what baseflow leaves may rise where the third layer is full
        np.testing.assert_allclose(found[i, :2], moisture[:2], atol=2e-3 + kept)
        np.testing.assert_allclose(found[i, 3], runoff, atol=2e-3 + kept)
        np.testing.assert_allclose(found[i, 4], base, rtol=0.2, atol=1e-4)
