from functools import cache

import keras
import numpy as np
import pytest

from legacy_models.errors import UsageError
from surrogates.architectures import ARCHITECTURES
from surrogates.architectures.bands import BandShares, OverBands
from surrogates.scaling import FromScaledState, FromUnit, ScaleState, Standardize, ToPhysical, ToUnit
from surrogates.surrogate import new_member
from surrogates.windows import gather, spec_of
from tests.recorded_runs import SPACE, TINY, recorded_runs, vic_like_runs

LAYERS = [
    Standardize([1.0, 2.0], [3.0, 4.0]),
    ToUnit.of(SPACE),
    FromUnit.of(SPACE),
    ScaleState([1.0, 2.0], [3.0, 4.0], [True, False]),
    FromScaledState([1.0, 2.0], [3.0, 4.0], [True, False]),
    ToPhysical([1.0, 2.0], [3.0, 4.0], [True, False]),
]


OPTIONS = {"lstm": TINY.options, "vic_hybrid": {"hidden": 8, "features": 4, "static": 4, "latent": 2}}
RUNS = {"lstm": recorded_runs, "vic_hybrid": vic_like_runs}


def inputs(name: str, days: int = 12, **form: int) -> dict[str, np.ndarray]:
    run_set = RUNS[name](**form)
    runs = gather(run_set)
    states = [run_set.model.output_names.index(state) for state in run_set.model.states]
    return {
        "forcing": runs.forcing[runs.site][:, :days],
        "parameters": runs.parameters,
        "properties": runs.properties,
        "state": runs.outputs[:, 0][:, states],
    }


@cache
def built(name: str, seed: int = 0, **form: int) -> keras.Model:
    run_set = RUNS[name](**form)
    runs = gather(run_set)
    return new_member(spec_of(run_set, runs, np.arange(len(runs))), name, OPTIONS[name], seed).sequence


def test_every_architecture_has_a_case_here() -> None:
    assert set(OPTIONS) == set(RUNS) == set(ARCHITECTURES)


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: type(layer).__name__)
def test_a_layer_survives_saving(layer: keras.layers.Layer) -> None:
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    values = np.array([[3.0, 0.5]], dtype=np.float32)
    np.testing.assert_array_equal(layer(values), again(values))


def test_unit_layers_agree_with_the_parameter_space_and_are_inverse() -> None:
    unit = np.array([[0.0, 0.0], [0.3, 0.8], [1.0, 1.0]], dtype=np.float32)
    values = FromUnit.of(SPACE)(unit)
    np.testing.assert_allclose(values, SPACE.from_unit(unit), rtol=1e-5)
    np.testing.assert_allclose(ToUnit.of(SPACE)(values), unit, atol=1e-6)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_outputs_have_a_value_for_every_day_and_none_that_cannot_be_negative_is(name: str) -> None:
    outputs = np.asarray(built(name)(inputs(name)))
    model = RUNS[name]().model
    assert outputs.shape[1:] == (12, len(model.outputs))
    assert np.isfinite(outputs).all()
    assert (outputs >= [max(output.lower, -1e6) for output in model.outputs]).all()


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_today_does_not_depend_on_tomorrow(name: str) -> None:
    """How long the days will be is known beforehand."""
    network, given = built(name), inputs(name)
    later = {**given, "forcing": given["forcing"].copy()}
    weather = [i for i, variable in enumerate(RUNS[name]().model.forcing_names) if variable != "dayl"]
    later["forcing"][:, 8:, weather] += 5.0
    np.testing.assert_allclose(network(given)[:, :8], network(later)[:, :8], rtol=1e-5)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
@pytest.mark.parametrize("what", ["forcing", "parameters", "properties", "state"])
def test_outputs_depend_on_every_input(name: str, what: str) -> None:
    network, given = built(name), inputs(name)
    moved = {**given, what: given[what] * 1.1 + 0.01}
    assert np.abs(np.asarray(network(given)) - np.asarray(network(moved))).max() > 0


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_seed_decides_the_weights(name: str) -> None:
    first, same, other = (built.__wrapped__(name, seed).get_weights() for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize("bands", [1, 3])
def test_the_hybrid_keeps_the_water_balance(bands: int) -> None:
    """P = runoff + baseflow + evaporation + change of snow and soil water, whatever the weights are."""
    network, given = built("vic_hybrid", bands=bands), inputs("vic_hybrid", days=40, bands=bands)
    given["state"] = given["state"] * [1.0, 0.5, 0.5, 0.5]
    outputs = np.asarray(network(given), dtype=np.float64)
    space = RUNS["vic_hybrid"]().model.parameters
    depth = np.stack([given["parameters"][:, space.names.index(name)] for name in ("depth2", "depth3")], axis=1)
    depth = np.concatenate([np.full((len(depth), 1), 0.1), depth], axis=1) * 1000.0

    def stored(state: np.ndarray) -> np.ndarray:
        return state[:, 0] + (state[:, 1:] * depth).sum(axis=1)

    change = stored(outputs[:, -1, 3:]) - stored(given["state"])
    left = outputs[..., :3].sum(axis=(1, 2))
    np.testing.assert_allclose(given["forcing"][..., 0].sum(axis=1), left + change, rtol=1e-3)


def test_water_shared_out_to_bands_stays_what_it_was() -> None:
    preferences = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    factors = BandShares(3)(preferences)
    np.testing.assert_allclose(OverBands(3)(factors), 1.0, rtol=1e-5)
    np.testing.assert_allclose(BandShares(3)(np.ones((6, 4), np.float32)), 1.0, rtol=1e-6)


def test_the_hybrids_sites_do_not_mix() -> None:
    network, given = built("vic_hybrid", bands=3), inputs("vic_hybrid", bands=3)
    alone = {name: values[2:3] for name, values in given.items()}
    np.testing.assert_allclose(network(given)[2], network(alone)[0], rtol=1e-4, atol=1e-5)


def test_without_snow_the_hybrid_does_not_depend_on_its_roughness() -> None:
    network, given = built("vic_hybrid"), inputs("vic_hybrid", days=40)
    names = RUNS["vic_hybrid"]().model.forcing_names
    for name in ("tmin", "tmax"):
        given["forcing"][..., names.index(name)] += 30.0
    given["state"][:, 0] = 0.0
    rougher = given["parameters"].copy()
    rougher[:, RUNS["vic_hybrid"]().model.parameters.names.index("snow_rough")] *= 2.0
    np.testing.assert_array_equal(network(given), network({**given, "parameters": rougher}))


def test_the_hybrid_refuses_a_model_that_is_not_vic() -> None:
    run_set = recorded_runs()
    runs = gather(run_set)
    with pytest.raises(UsageError, match="lstm"):
        new_member(spec_of(run_set, runs, np.arange(len(runs))), "vic_hybrid", {}, 0)
