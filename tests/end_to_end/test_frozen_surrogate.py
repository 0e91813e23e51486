"""Learning through a real surrogate: none of its weights moves, and every weight of the network learns."""

from dataclasses import replace

import numpy as np
import pytest

from dpl.attributes import AttributeScaler, NumericAttribute
from dpl.baselines.objective import slopes_of
from dpl.losses import weighted
from dpl.model import DifferentiableModel
from dpl.networks import ParameterNetwork
from dpl.routing import ROUTING, streamflow
from dpl.settings import LearningData, LearningSettings
from dpl.steps import Stepper
from dpl.train import learn
from dpl.windows import Draws, training_windows
from legacy_models.errors import BundleError
from legacy_models.parameters import ParameterSpace
from surrogates import bundle
from surrogates.architectures import ARCHITECTURES
from surrogates.surrogate import Surrogate, new_member
from surrogates.windows import gather, spec_of
from tests.recorded_runs import vic_like_runs

BASINS, DAYS = 4, 260
SETTINGS = LearningSettings(
    epochs=2, steps_per_epoch=2, warmup_days=60, loss_days=60, min_observed_days=30, weight_decay=0.0
)


@pytest.fixture(scope="module")
def runs():
    """One made-up run of VIC's form at each basin."""
    return vic_like_runs(sites=BASINS, sets=1, days=DAYS)


@pytest.fixture(scope="module", params=sorted(ARCHITECTURES))
def surrogate(request, runs, tmp_path_factory):
    """A loaded bundle of an untrained surrogate: all that freezing needs."""
    spec = spec_of(runs, gather(runs), np.arange(BASINS))
    member = new_member(spec, request.param, {}, seed=0).freeze()
    untrained = Surrogate(spec, request.param, {}, piece=60, members=(member,))
    path = bundle.save(untrained, tmp_path_factory.mktemp(request.param) / "surrogate")
    return bundle.load(path)


@pytest.fixture
def data(runs):
    generator, read = np.random.default_rng(0), gather(runs)
    days = np.arange(DAYS) < 180
    return LearningData(
        basins=read.sites,
        attributes=generator.normal(size=(BASINS, 2)).astype(np.float32),
        properties=read.properties,
        forcing=read.forcing,
        antecedent=read.antecedent,
        observed=generator.exponential(1, (BASINS, DAYS)).astype(np.float32),
        dates=runs.dates[0],
        fit=np.tile(days, (BASINS, 1)),
        validation=np.tile(~days, (BASINS, 1)),
    )


def new_network(surrogate):
    scaler = AttributeScaler(tuple(NumericAttribute(name, 0.0, 1.0, 0.0) for name in ("p", "q")))
    return ParameterNetwork.create("g_A", scaler, surrogate.spec.parameters + ROUTING)


def test_no_weight_of_the_surrogate_moves(surrogate, data, tmp_path):
    model = DifferentiableModel.of(new_network(surrogate), surrogate)
    frozen, learning = model.frozen_weights, model.network.model.get_weights()
    learn(model, replace(data, validation=np.zeros_like(data.validation)), SETTINGS, tmp_path)
    assert frozen
    assert all((before == now).all() for before, now in zip(frozen, model.frozen_weights, strict=True))
    assert all((before != now).any() for before, now in zip(learning, model.network.model.get_weights(), strict=True))


def test_every_weight_of_the_network_has_a_gradient_after_one_step(surrogate, data):
    model = DifferentiableModel.of(new_network(surrogate), surrogate)
    windows = training_windows(data, SETTINGS)
    stepper = Stepper(model, windows.targets, SETTINGS)
    batches = Draws(windows, SETTINGS, np.random.default_rng(0)).epoch(2)
    _, _, gradient = stepper.gradient(next(batches))
    assert np.abs(gradient[-1]).min() > 0
    stepper.apply(gradient, 0.01)
    _, _, gradient = stepper.gradient(next(batches))
    assert len(gradient) == len(model.network.model.get_weights())
    assert all(np.isfinite(g).all() and np.abs(g).max() > 0 for g in map(np.asarray, gradient))


def test_a_surrogate_that_can_still_learn_is_refused(surrogate):
    thawed = replace(surrogate, members=(new_member(surrogate.spec, surrogate.architecture, {}, seed=1),))
    with pytest.raises(BundleError, match="must be frozen"):
        DifferentiableModel.of(new_network(surrogate), thawed)


def test_a_network_for_other_bounds_is_refused(surrogate):
    network = new_network(surrogate)
    first, *others = network.space.parameters
    wider = ParameterSpace((replace(first, upper=2 * first.upper), *others))
    other = ParameterNetwork.create("g_A", network.scaler, wider)
    with pytest.raises(BundleError, match=f"differ in {first.name}"):
        DifferentiableModel.of(other, surrogate)


def test_free_parameters_of_every_basin_have_slopes_and_feel_no_other_basin(surrogate, data):
    count, generator = len(surrogate.spec.parameters), np.random.default_rng(2)

    def simulate(values, forcing, antecedent, properties):
        outputs = surrogate.simulate(forcing, antecedent, values[:, :count], properties)
        return streamflow(outputs, surrogate.spec.runoff_indices, values)

    slopes = slopes_of(weighted({"nse": 1.0}), surrogate.spec.parameters + ROUTING, simulate)
    observed = np.where(np.arange(DAYS) < 60, np.nan, data.observed)
    read = (np.nanstd(observed, axis=1), data.forcing, data.antecedent[:, 0], data.properties)
    unit = generator.random((BASINS, count + len(ROUTING)))
    found = slopes(unit, observed, *read)
    assert np.isfinite(found).all()
    assert np.abs(found[:, 1:]).max(axis=0).min() > 0
    other = unit.copy()
    other[1:] = generator.random(other[1:].shape)
    again = slopes(other, observed, *read)
    assert again[0] == pytest.approx(found[0], rel=1e-3, abs=1e-6)
    assert (again[1:, 0] != found[1:, 0]).all()
