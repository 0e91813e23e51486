"""Parameter networks start at the defaults, stay within bounds, and survive saving."""

import json
from dataclasses import replace

import keras
import numpy as np
import pandas as pd
import pytest

from dpl import NETWORKS, network_files
from dpl.attributes import LIMIT, AttributeScaler
from dpl.history import HistoryScaler
from dpl.networks import EDGE, NetworkEnsemble, ParameterNetwork
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


PAST = HistoryScaler(("prcp", "tmin"), (3.0, 5.0, 0.2), (6.0, 8.0, 1.1), days=30)


@pytest.fixture(params=list(NETWORKS))
def network(request, attributes):
    return ParameterNetwork.create(request.param, AttributeScaler.fit(attributes), SPACE, PAST, seed=1)


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


def test_an_empty_text_is_a_missing_value_not_a_category(attributes):
    attributes.loc[["00000000", "00000011"], "geology"] = ["", None]
    scaler = AttributeScaler.fit(attributes)
    assert scaler.columns[3:] == ("geology=clay", "geology=rock", "geology=sand")
    assert (scaler.transform(attributes)[[0, 11], 3:] == 0).all()
    assert [line.split(",")[0] for line in scaler.filled(attributes)] == [
        "basin 00000000: geology is 'missing'",
        "basin 00000011: geology is 'missing'",
    ]
    with pytest.raises(DataError, match="'geology' is missing at every fit basin"):
        AttributeScaler.fit(attributes.assign(geology=""))


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
    network_files.save(NetworkEnsemble((shaken(network),)), tmp_path / "dpl", {"seed": 1})
    (loaded,) = network_files.load(tmp_path / "dpl").members
    np.testing.assert_array_equal(loaded.values(attributes), network.values(attributes))
    assert (loaded.scaler, loaded.space, loaded.history) == (network.scaler, network.space, network.history)
    assert network_files.read_card(tmp_path / "dpl")["facts"] == {"seed": 1}


@pytest.fixture(params=list(NETWORKS))
def ensemble(request, attributes):
    networks = NetworkEnsemble.create(3, request.param, AttributeScaler.fit(attributes), SPACE, PAST, seed=5)
    for i, member in enumerate(networks.members):
        generator = np.random.default_rng(i)
        member.model.set_weights([generator.normal(0, 1, w.shape) for w in member.model.get_weights()])
    return networks


def test_an_ensemble_gives_the_mean_of_its_members_on_each_parameters_own_scale(ensemble, attributes):
    each = ensemble.each(attributes)
    assert each.shape == (3, 12, 4)
    for member, values in zip(ensemble.members, each, strict=True):
        np.testing.assert_array_equal(values, member.values(attributes))
    mean = ensemble.values(attributes)
    SPACE.check(mean)
    np.testing.assert_allclose(mean[:, 0], each[..., 0].mean(axis=0))
    np.testing.assert_allclose(mean[:, 1], np.exp(np.log(each[..., 1]).mean(axis=0)))


def test_members_are_what_single_networks_of_their_seeds_are(attributes):
    scaler = AttributeScaler.fit(attributes)
    ensemble = NetworkEnsemble.create(2, "g_A", scaler, SPACE, seed=5)
    for seed, member in zip((5, 6), ensemble.members, strict=True):
        alone = ParameterNetwork.create("g_A", scaler, SPACE, seed=seed).model.get_weights()
        assert all((a == b).all() for a, b in zip(alone, member.model.get_weights(), strict=True))


def test_a_saved_ensemble_gives_the_same_members(ensemble, attributes, tmp_path):
    network_files.save(ensemble, tmp_path)
    assert network_files.read_card(tmp_path)["seeds"] == [5, 6, 7]
    np.testing.assert_array_equal(network_files.load(tmp_path).each(attributes), ensemble.each(attributes))


def test_a_network_saved_by_the_version_before_is_read(attributes, tmp_path):
    network = shaken(ParameterNetwork.create("g_A", AttributeScaler.fit(attributes), SPACE, seed=4))
    network_files.save(NetworkEnsemble((network,)), tmp_path)
    card = network_files.read_card(tmp_path)
    old = {name: value for name, value in card.items() if name not in ("seeds", "history")} | {"schema_version": 1}
    network_files.write_json(tmp_path / network_files.CARD, {**old, "card_sha256": network_files.sha256_of_json(old)})
    assert network_files.read_card(tmp_path) == card
    np.testing.assert_array_equal(
        network_files.load(tmp_path).values(attributes), NetworkEnsemble((network,)).values(attributes)
    )


@pytest.mark.parametrize("name", [network_files.CARD, network_files.WEIGHTS])
def test_a_changed_file_is_refused(name, network, tmp_path):
    network_files.save(NetworkEnsemble((network,)), tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(
        content.replace(b"0", b"1", 1) if name.endswith("json") else content[:-9] + b"damaged!!"
    )
    with pytest.raises(BundleError):
        network_files.load(tmp_path)


def test_a_missing_file_is_refused(network, tmp_path):
    network_files.save(NetworkEnsemble((network,)), tmp_path)
    (tmp_path / network_files.WEIGHTS).unlink()
    with pytest.raises(BundleError, match="missing"):
        network_files.load(tmp_path)


def test_pickled_weights_are_refused_unopened(network, tmp_path):
    network_files.save(NetworkEnsemble((network,)), tmp_path)
    np.savez(tmp_path / network_files.WEIGHTS, weight_000=np.array([{"a": 1}], dtype=object), allow_pickle=True)
    rewrite_card(tmp_path, weights_sha256=network_files.sha256_of_file(tmp_path / network_files.WEIGHTS))
    with pytest.raises(BundleError, match="cannot be rebuilt"):
        network_files.load(tmp_path)


def test_a_newer_schema_is_refused(network, tmp_path):
    network_files.save(NetworkEnsemble((network,)), tmp_path)
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
