"""Parameter networks start at the defaults, stay within bounds, and survive saving."""

import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from dpl import NETWORKS, network_files
from dpl.attributes import LIMIT, AttributeScaler
from dpl.networks import EDGE, ParameterNetwork
from dpl.routing import ROUTING
from legacy_models.errors import BundleError, DataError, UnknownNameError
from legacy_models.parameters import Parameter, ParameterSpace

SPACE = ParameterSpace(
    (
        Parameter("linear", -3.0, 5.0, 1.0, "-", "linear", "test"),
        Parameter("log", 1e-3, 10.0, 0.02, "-", "log", "test"),
        Parameter("at_lower", 0.0, 2.0, 0.0, "-", "linear", "test"),
        Parameter("at_upper", 0.1, 0.4, 0.4, "-", "log", "test"),
    )
)


@pytest.fixture
def attributes():
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(generator.normal(size=(12, 3)), columns=["elev", "slope", "area"])
    frame["geology"] = ["rock", "clay", "sand"] * 4
    frame.index = pd.Index([f"{i:08d}" for i in range(12)])
    return frame


@pytest.fixture(params=list(NETWORKS))
def network(request, attributes):
    return ParameterNetwork.create(request.param, AttributeScaler.fit(attributes), SPACE, seed=1)


def shaken(network):
    """The network with random weights, far from where it started."""
    generator = np.random.default_rng(6)
    network.model.set_weights([generator.normal(0, 3, w.shape) for w in network.model.get_weights()])
    return network


def test_every_basin_starts_at_the_defaults(network, attributes):
    unit = SPACE.to_unit(network.values(attributes))
    np.testing.assert_allclose(unit[:, :2], np.tile(SPACE.to_unit(SPACE.defaults)[:2], (12, 1)), atol=1e-6)


def test_a_default_on_a_bound_starts_just_inside_where_it_can_still_move(network, attributes):
    unit = SPACE.to_unit(network.values(attributes))
    np.testing.assert_allclose(unit[:, 2:], np.tile([EDGE, 1 - EDGE], (12, 1)), atol=1e-6)


def test_no_weights_lead_out_of_the_bounds(network, attributes):
    values = shaken(network).values(attributes)
    SPACE.check(values)
    assert np.ptp(SPACE.to_unit(values), axis=0).min() > 0.1


def test_the_seed_alone_decides_the_first_weights(attributes):
    scaler = AttributeScaler.fit(attributes)
    first, same, other = (ParameterNetwork.create("g_A", scaler, SPACE, seed=s).model.get_weights() for s in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(first, same, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_dropout_acts_in_training_only(attributes):
    network = shaken(ParameterNetwork.create("g_A", AttributeScaler.fit(attributes), SPACE, dropout=0.5, seed=1))
    scaled = network.scaler.transform(attributes)
    still, again = (np.asarray(network.model(scaled, training=False)) for _ in range(2))
    assert (still == again).all()
    assert (np.asarray(network.model(scaled, training=True)) != still).any()


def test_the_transfer_function_is_linear_in_the_attributes_on_each_parameters_scale(attributes):
    network = ParameterNetwork.create("linear", AttributeScaler.fit(attributes), SPACE)
    columns = len(network.scaler.columns)
    kernel, bias = np.random.default_rng(2).normal(0, 0.3, (columns, len(SPACE))), np.linspace(-0.5, 0.5, len(SPACE))
    network.model.set_weights([kernel, bias])
    unit = SPACE.to_unit(network.values(attributes))
    expected = network.scaler.transform(attributes) @ kernel + bias
    np.testing.assert_allclose(np.log(unit / (1 - unit)), expected, atol=1e-4)


def test_unknown_networks_are_named(attributes):
    with pytest.raises(UnknownNameError, match="g_A"):
        ParameterNetwork.create("g_a", AttributeScaler.fit(attributes), SPACE)


def test_scaled_attributes_have_zero_mean_and_unit_spread_over_fit_basins_alone(attributes):
    fit = attributes.index[:8]
    scaled = AttributeScaler.fit(attributes, list(fit)).transform(attributes)
    np.testing.assert_allclose(scaled[:8, :3].mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled[:8, :3].std(axis=0), 1, atol=1e-5)
    elsewhere = attributes.copy()
    elsewhere.iloc[8:, :3] = 99.0
    assert AttributeScaler.fit(elsewhere, list(fit)) == AttributeScaler.fit(attributes, list(fit))


def test_categories_are_those_of_fit_basins_and_others_are_said(attributes):
    attributes.loc["00000011", "geology"] = "ice"
    scaler = AttributeScaler.fit(attributes, list(attributes.index[:9]))
    assert scaler.columns[3:] == ("geology=clay", "geology=rock", "geology=sand")
    scaled = scaler.transform(attributes)
    assert scaled[0, 3:].tolist() == [0, 1, 0]
    assert scaled[11, 3:].tolist() == [0, 0, 0]
    assert scaler.filled(attributes) == [
        "basin 00000011: geology is 'ice', which no fit basin has; read as none of them"
    ]


def test_a_missing_value_takes_the_fit_median_and_is_said(attributes):
    attributes.loc["00000011", "slope"] = np.nan
    scaler = AttributeScaler.fit(attributes, list(attributes.index[:9]))
    median = attributes["slope"].iloc[:9].median()
    filled = attributes.assign(slope=attributes["slope"].fillna(median))
    np.testing.assert_array_equal(scaler.transform(attributes), scaler.transform(filled))
    assert scaler.filled(attributes) == [f"basin 00000011: slope is missing, the fit basins' median {median:g} is used"]


def test_constant_and_outlying_attributes_stay_finite(attributes):
    attributes["area"] = 7.0
    scaler = AttributeScaler.fit(attributes)
    attributes.loc["00000000", "elev"] = 1e12
    scaled = scaler.transform(attributes)
    assert scaled[0, 0] == LIMIT
    assert (scaled[:, 2] == 0).all()


def test_missing_columns_and_empty_attributes_are_named(attributes):
    scaler = AttributeScaler.fit(attributes)
    with pytest.raises(DataError, match="lacks slope"):
        scaler.transform(attributes.drop(columns="slope"))
    with pytest.raises(DataError, match="'slope' is missing at every fit basin"):
        AttributeScaler.fit(attributes.assign(slope=np.nan))


def test_scalers_survive_json(attributes):
    scaler = AttributeScaler.fit(attributes)
    assert AttributeScaler.from_dict(json.loads(json.dumps(scaler.to_dict()))) == scaler


def test_a_saved_network_gives_the_same_values(network, attributes, tmp_path):
    network_files.save(shaken(network), tmp_path / "dpl", {"seed": 1})
    loaded = network_files.load(tmp_path / "dpl")
    np.testing.assert_array_equal(loaded.values(attributes), network.values(attributes))
    assert (loaded.scaler, loaded.space) == (network.scaler, network.space)
    assert network_files.read_card(tmp_path / "dpl")["facts"] == {"seed": 1}


@pytest.mark.parametrize("name", [network_files.CARD, network_files.WEIGHTS])
def test_a_changed_file_is_refused(name, network, tmp_path):
    network_files.save(network, tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(
        content.replace(b"0", b"1", 1) if name.endswith("json") else content[:-9] + b"damaged!!"
    )
    with pytest.raises(BundleError):
        network_files.load(tmp_path)


def test_a_missing_file_is_refused(network, tmp_path):
    network_files.save(network, tmp_path)
    (tmp_path / network_files.WEIGHTS).unlink()
    with pytest.raises(BundleError, match="missing"):
        network_files.load(tmp_path)


def test_pickled_weights_are_refused_unopened(network, tmp_path):
    network_files.save(network, tmp_path)
    np.savez(tmp_path / network_files.WEIGHTS, weight_000=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    rewrite_card(tmp_path, weights_sha256=network_files.sha256_of_file(tmp_path / network_files.WEIGHTS))
    with pytest.raises(BundleError, match="cannot be rebuilt"):
        network_files.load(tmp_path)


def test_a_newer_schema_is_refused(network, tmp_path):
    network_files.save(network, tmp_path)
    rewrite_card(tmp_path, schema_version=99)
    with pytest.raises(BundleError, match="schema version 99"):
        network_files.load(tmp_path)


def rewrite_card(directory, **changes):
    card = {**network_files.read_card(directory), **changes}
    network_files.write_json(
        directory / network_files.CARD, {**card, "card_sha256": network_files.sha256_of_json(card)}
    )


def test_network_survives_keras_saving(network, attributes, tmp_path):
    path = tmp_path / "g.keras"
    shaken(network).model.save(path)
    again = replace(network, model=keras.saving.load_model(path, safe_mode=True))
    np.testing.assert_array_equal(again.values(attributes), network.values(attributes))


def test_routing_parameters_are_parameters_like_the_others(attributes):
    network = ParameterNetwork.create("g_A", AttributeScaler.fit(attributes), SPACE + ROUTING)
    np.testing.assert_allclose(network.values(attributes)[:, -2:], np.tile(ROUTING.defaults, (12, 1)), rtol=1e-5)
