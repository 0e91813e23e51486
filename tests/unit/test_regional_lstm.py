"""The regional LSTM: it learns what a reservoir does, reads no more than it may, and resumes to the same numbers."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dpl.baselines.lstm_settings import LstmSettings
from dpl.baselines.regional_lstm import FORGET_BIAS, build, simulator, train
from dpl.settings import LearningData
from legacy_models.errors import DataError, TrainingError, UsageError
from legacy_models.linear_reservoir.program import simulate as reservoir
from legacy_models.metrics import nse
from pipeline.ceiling import reach_ceiling, regional_data
from pipeline.config import load_config
from pipeline.job import opened

BASINS, DAYS, WARMUP = 8, 900, 60
SETTINGS = LstmSettings(
    hidden=16, dropout=0.0, warmup_days=WARMUP, loss_days=60, batch=32, epochs=12, steps=25, learning_rate=0.02
)
QUICK = replace(SETTINGS, hidden=8, epochs=3, steps=4, dropout=0.4)


@pytest.fixture(scope="module")
def data():
    """Linear reservoirs whose residence time is an attribute; two basins give no fit days, the last 200 validate."""
    generator = np.random.default_rng(0)
    rain = generator.exponential(4, (BASINS, DAYS)) * (generator.random((BASINS, DAYS)) < 0.4)
    time = np.exp(np.linspace(0.5, 2.5, BASINS))
    flow, _ = reservoir(rain, time, 2.0 * time)
    flow[generator.random(flow.shape) < 0.05] = np.nan
    fit, validation = np.zeros((2, BASINS, DAYS), bool)
    fit[[0, 2, 3, 4, 6, 7], WARMUP:700] = True
    validation[:, 700:] = True
    return LearningData(
        basins=tuple(f"b{i}" for i in range(BASINS)),
        attributes=np.linspace(-1.5, 1.5, BASINS)[:, None].astype(np.float32),
        properties=np.zeros((BASINS, 0), np.float32),
        forcing=rain[..., None].astype(np.float32),
        antecedent=np.zeros((BASINS, DAYS, 0), np.float32),
        observed=flow.astype(np.float32),
        dates=np.arange("2000-01-01", DAYS, dtype="datetime64[D]"),
        fit=fit,
        validation=validation,
        forcing_names=("prcp",),
    )


def weights(network):
    return np.concatenate([np.ravel(w) for w in network.get_weights()])


def test_it_learns_linear_reservoirs_gauged_or_not(data, tmp_path):
    history = []
    network = train(data, SETTINGS, 0, tmp_path / "lstm.npz", history.append)
    flow = simulator(network, data, SETTINGS)(slice(700, DAYS))
    scores = nse(data.observed[:, 700:].astype(float), flow.astype(float))
    assert scores.min() > 0.9
    assert flow.min() >= 0.0
    best = min(history, key=lambda epoch: epoch.held_out_loss)
    assert best.held_out_nse == pytest.approx(np.median(scores), abs=1e-6)  # the weights kept are the best ones


def test_every_day_is_given_after_a_whole_warm_up_and_depends_on_no_other(data):
    network = build(data, QUICK, 0)
    simulate = simulator(network, data, QUICK)
    whole = simulate(slice(WARMUP, DAYS))
    blocks = [slice(i, i + QUICK.loss_days) for i in range(WARMUP, DAYS, QUICK.loss_days)]
    assert np.concatenate([simulate(b) for b in blocks], axis=1) == pytest.approx(whole, abs=1e-6)
    with pytest.raises(DataError, match=r"reads 60 days and then gives 60; 59 days are known before 2000-02-29"):
        simulate(slice(WARMUP - 1, DAYS))


def test_forget_gates_start_open_and_the_seed_decides_all_else(data):
    first, same, other = (build(data, QUICK, seed) for seed in (1, 1, 2))
    bias = first.get_layer("memory").get_weights()[2]
    assert bias.reshape(4, QUICK.hidden).tolist() == [[value] * QUICK.hidden for value in (0, FORGET_BIAS, 0, 0)]
    assert (weights(first) == weights(same)).all()
    assert (weights(first) != weights(other)).any()


def test_an_interrupted_training_goes_on_to_the_same_numbers_dropout_included(data, tmp_path):
    def stop(epoch):
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    whole, again = [], []
    expected = weights(train(data, QUICK, 3, tmp_path / "whole.npz", whole.append))
    with pytest.raises(KeyboardInterrupt):
        train(data, QUICK, 3, tmp_path / "part.npz", stop)
    found = weights(train(data, QUICK, 3, tmp_path / "part.npz", again.append))
    assert (found == expected).all()
    assert [(e.loss, e.held_out_loss) for e in again] == [(e.loss, e.held_out_loss) for e in whole]


def test_nothing_outside_fit_and_validation_days_is_read(data, tmp_path):
    allowed = data.fit | data.validation
    other = replace(data, observed=np.where(allowed, data.observed, 99.0).astype(np.float32))
    first, second = (train(d, QUICK, 0, tmp_path / f"{i}.npz") for i, d in enumerate((data, other)))
    assert (weights(first) == weights(second)).all()


def test_a_basin_with_too_few_observations_for_any_window_is_named(data, tmp_path):
    fit = data.fit.copy()
    fit[2, WARMUP + 20 :] = False
    with pytest.raises(DataError, match="30 observed fit days at: b2"):
        train(replace(data, fit=fit), QUICK, 0, tmp_path / "lstm.npz")


def test_attributes_that_are_not_finite_are_named(data, tmp_path):
    attributes = data.attributes.copy()
    attributes[4] = np.nan
    with pytest.raises(TrainingError, match="forcing or attributes of b4"):
        train(replace(data, attributes=attributes), QUICK, 0, tmp_path / "lstm.npz")


@pytest.mark.parametrize("wrong", [{"hidden": 0}, {"dropout": 1.0}, {"clip": 0.0}, {"patience": -1}, {"seeds": (1, 1)}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(UsageError, match=f"lstm.{next(iter(wrong))}"):
        LstmSettings(**wrong)


SMALL = "lstm={hidden: 4, warmup_days: 30, loss_days: 90, batch: 8, epochs: 2, steps: 3, seeds: [0, 1]}"


@pytest.fixture
def reached(world, directory):
    """Return a function that trains in the synthetic world and returns the folder of the results."""

    def run(where=directory):
        with opened(load_config(str(world / "world.yaml"), assignments=[SMALL]), where) as job:
            reach_ceiling(job)
        return where / "calibrate" / "regional" / "lstm"

    return run


def test_it_leaves_streamflow_of_every_basin_and_day_as_a_run_does_and_scores_of_every_split(reached, directory):
    place = reached()
    with xr.open_dataset(place / "simulations.nc") as found:
        assert found["lstm"].dims == ("seed", "basin", "time")
        assert found["lstm"].shape[:2] == (2, 5)
        assert found["lstm"].attrs == {"units": "mm/day", "long_name": "streamflow"}
        assert found["lstm"].notnull().all()
        assert set(found["split"].values) == {"fit", "validation", "ungauged"}
    scores = pd.read_csv(place / "scores.csv")
    assert set(scores["split"]) == {"fit", "validation", "test", "ungauged"}
    summary = json.loads((place / "summary.json").read_text())
    assert summary["closed_loop"] is None
    assert summary["lstm"]["ungauged"]["basins"] == 1
    assert "regional LSTM, 5 basins" in (directory / "run.log").read_text()
    before = (place / "simulations.nc").stat().st_mtime_ns
    assert (reached() / "simulations.nc").stat().st_mtime_ns == before


def test_an_interrupted_one_ends_as_if_it_had_not_been(reached, directory, tmp_path, monkeypatch):
    shutil.copytree(directory, tmp_path / "whole")
    whole = reached(tmp_path / "whole")

    def stop(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.calibration_files.write", stop)
        with pytest.raises(KeyboardInterrupt):
            reached()
    place = reached()
    assert (place / "scores.csv").read_bytes() == (whole / "scores.csv").read_bytes()


def test_observations_of_the_test_and_of_ungauged_basins_are_not_handed_over(world, directory):
    with opened(load_config(str(world / "world.yaml"), assignments=[SMALL]), directory) as job:
        data, experiment = regional_data(job.experiment), job.experiment
    assert data.forcing.shape == (5, 30 + len(experiment.dates), 1)
    assert (data.dates[30:] == experiment.dates).all()
    seen = np.isfinite(data.observed[:, 30:])
    assert not seen[:, experiment.dates < np.datetime64("2001-10-01")].any()
    assert not seen[np.isin(data.basins, experiment.splits.ungauged)].any()
    assert seen[np.isin(data.basins, experiment.splits.fit)].any(axis=1).all()
