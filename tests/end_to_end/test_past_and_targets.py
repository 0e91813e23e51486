"""The whole job with networks that read the past, two of them, and a second observed variable."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dpl import network_files
from legacy_models.errors import UsageError
from pipeline.closed_loop import span_inputs
from pipeline.config import load_config
from pipeline.experiment import prepare
from pipeline.job import opened
from pipeline.learning import latest_history, learned_parameters, learning_data, load_networks
from pipeline.progress import Reporter
from pipeline.stages import run_until

pytestmark = pytest.mark.slow

ASSIGNMENTS = (
    "network={name: g_Z, members: 2, history_days: 200, options: {units: 4, hidden: [8]}}",
    "data.options.targets={swe: {storage: 1.0}}",
    "dpl.targets={swe: {weight: 0.5, average: month, outputs: {storage: 1.0}}}",
    "dpl.stop_on=loss",
    "refine.rounds=0",
    "fidelity.gradient_pairs=0",
    "tracking.register_models=false",
)


@pytest.fixture(scope="module")
def config(tiny_config_file):
    return load_config(str(tiny_config_file), assignments=ASSIGNMENTS)


@pytest.fixture(scope="module")
def run(config, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "past"
    run_until("report", config, directory)
    return directory


def test_parameters_are_the_members_mean_and_their_spread_stands_beside(run):
    with xr.open_dataset(run / "parameters.nc") as parameters:
        assert parameters["member_value"].dims == ("member", "basin", "parameter")
        low, high = (np.log(parameters[name].to_numpy()) for name in ("lower", "upper"))
        logarithmic = parameters["scale"].to_numpy() == "log"
        each = np.log(parameters["member_value"].to_numpy())
        unit = ((each - low) / (high - low))[..., logarithmic]
        value = ((np.log(parameters["value"].to_numpy()) - low) / (high - low))[..., logarithmic]
        np.testing.assert_allclose(value, unit.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(parameters["spread"][..., logarithmic], unit.std(axis=0, ddof=1), atol=1e-6)
        assert (parameters["spread"] > 0).all()
        assert (parameters["value"] >= parameters["lower"]).all()
        assert (parameters["value"] <= parameters["upper"]).all()


def test_each_member_has_its_own_seed_and_curve(run):
    assert network_files.read_card(run / "dpl")["seeds"] == [0, 1]
    history = pd.read_csv(run / "dpl_history.csv")
    assert history.groupby("member").size().tolist() == [3, 3]
    assert json.loads((run / "summary.json").read_text())["seeds"] == [0, 1]


def test_the_past_and_the_other_variable_are_those_of_fit_and_validation_alone(config, run):
    with opened(config, run) as job:
        networks = load_networks(job, 0)
        data = learning_data(job, networks.first, span_inputs(job.experiment))
        past = latest_history(job, networks.first)
        allowed = data.fit | data.validation
        assert np.isfinite(data.others["swe"]).any()
        assert not np.isfinite(data.others["swe"][~allowed]).any()
        assert not (data.history.features[..., -1].astype(bool) & ~data.fit).any()
        basins, fit = job.experiment.basins, job.experiment.splits.fit
        gauged = np.isin(basins, fit)
        assert (past[~gauged] == 0).all()
        assert past[gauged][..., -1].any(axis=1).all()
        dates = job.experiment.dates
        start = int(np.flatnonzero(dates == np.datetime64("2004-09-30"))[0]) - 199
        np.testing.assert_array_equal(past[gauged], data.history.features[gauged, start : start + 200])
        with xr.open_dataset(run / "parameters.nc") as parameters:
            np.testing.assert_array_equal(parameters["value"], learned_parameters(job, 0))


def test_a_target_that_is_not_there_is_answered_before_anything_is_run(tiny_config_file, tmp_path):
    config = load_config(str(tiny_config_file), assignments=["dpl.targets={evaporation: {}}"])
    with pytest.raises(UsageError, match=r"dpl.targets.evaporation: the data hold no .* there are: streamflow$"):
        prepare(config, tmp_path, Reporter())
    config = load_config(
        str(tiny_config_file), assignments=["data.options.targets={swe: {storage: 1.0}}", "dpl.targets={swe: {}}"]
    )
    with pytest.raises(UsageError, match=r"dpl.targets.swe.outputs: .* no output 'swe'; there are: flow, storage"):
        prepare(config, tmp_path, Reporter())
