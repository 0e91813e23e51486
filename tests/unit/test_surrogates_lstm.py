import keras
import numpy as np
import pytest

from surrogates.architectures import ARCHITECTURES
from surrogates.scaling import FromScaledState, FromUnit, ScaleState, Standardize, ToPhysical, ToUnit
from surrogates.surrogate import new_member
from surrogates.windows import gather, spec_of
from tests.recorded_runs import SPACE, TINY, recorded_runs

LAYERS = [
    Standardize([1.0, 2.0], [3.0, 4.0]),
    ToUnit.of(SPACE),
    FromUnit.of(SPACE),
    ScaleState([1.0, 2.0], [3.0, 4.0], [True, False]),
    FromScaledState([1.0, 2.0], [3.0, 4.0], [True, False]),
    ToPhysical([1.0, 2.0], [3.0, 4.0], [True, False]),
]


def inputs(days: int = 12) -> dict[str, np.ndarray]:
    runs = gather(recorded_runs())
    return {
        "forcing": runs.forcing[runs.site][:, :days],
        "parameters": runs.parameters,
        "properties": runs.properties,
        "state": runs.outputs[:, 0, 1:],
    }


def built(name: str = "lstm", seed: int = 0) -> keras.Model:
    run_set = recorded_runs()
    runs = gather(run_set)
    return new_member(spec_of(run_set, runs, np.arange(len(runs))), name, TINY.options, seed).sequence


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
    outputs = np.asarray(built(name)(inputs()))
    assert outputs.shape == (24, 12, 2)
    assert np.isfinite(outputs).all()
    assert (outputs >= 0).all()


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_today_does_not_depend_on_tomorrow(name: str) -> None:
    network, given = built(name), inputs()
    later = {**given, "forcing": given["forcing"].copy()}
    later["forcing"][:, 8:] += 5.0
    np.testing.assert_allclose(network(given)[:, :8], network(later)[:, :8], rtol=1e-5)


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
@pytest.mark.parametrize("what", ["forcing", "parameters", "properties", "state"])
def test_outputs_depend_on_every_input(name: str, what: str) -> None:
    network, given = built(name), inputs()
    moved = {**given, what: given[what] * 1.1 + 0.01}
    assert np.abs(np.asarray(network(given)) - np.asarray(network(moved))).max() > 0


@pytest.mark.parametrize("name", sorted(ARCHITECTURES))
def test_the_seed_decides_the_weights(name: str) -> None:
    first, same, other = (built(name, seed).get_weights() for seed in (0, 0, 1))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))
