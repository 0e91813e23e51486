"""A model of which only streamflow before routing is kept: the same runs, checked as before, and less to store."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from legacy_models.ensemble import local_executor, simulate
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run, RunResult
from legacy_models.runner import run_batch
from legacy_models.store import RunStore
from legacy_models.total_runoff import TotalRunoff
from legacy_models.vic.adapter import VicModel
from tests import vic_sites

DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2003-01-01"))
RAIN = np.random.default_rng(0).gamma(0.5, 6.0, (len(DATES), 1))
PERIOD = np.datetime64("2002-01-01"), np.datetime64("2002-03-31")


class Leaking(LinearReservoir):
    """Gives storage that cannot be, beside sound flow."""

    def collect(self, directory, runs):
        return [replace(r, outputs=r.outputs * [1, -1]) for r in super().collect(directory, runs)]


def runs(model, *numbers):
    site = model.site("s", {}, Forcing(DATES, RAIN, ("prcp",)))
    return [Run(site, np.array([float(n)]), *PERIOD) for n in numbers]


def test_what_is_kept_is_the_sum_of_the_models_runoff(tmp_path):
    whole = VicModel(spinup_years=1)
    site = vic_sites.site(whole, "rainy")
    days = site.forcing.dates
    wanted = [Run(site, whole.parameters.defaults, days[400], days[500])]
    (all_of_it,) = run_batch(whole, wanted, tmp_path / "whole")
    (kept,) = run_batch(TotalRunoff(whole), wanted, tmp_path / "kept")
    assert kept.outputs.shape == (101, 1)
    assert kept.outputs[:, 0] == pytest.approx(all_of_it.outputs[:, :2].sum(axis=1), rel=1e-6)
    assert kept.drift == all_of_it.drift


def test_the_two_are_kept_apart_in_a_store(tmp_path):
    whole = LinearReservoir(spinup_years=1)
    model = TotalRunoff(whole)
    with RunStore.open(tmp_path / "store", write=True) as store, local_executor(1) as executor:
        for one in (whole, model):
            simulate(one, runs(one, 5, 10), store, executor)
        assert store.counts().committed == 4
        assert store.output(model.key(runs(model, 5)[0])).shape[1] == 1
        assert store.output(whole.key(runs(whole, 5)[0])).shape[1] == 2


def test_outputs_that_are_not_kept_are_checked_all_the_same(tmp_path):
    model = TotalRunoff(Leaking(spinup_years=1))
    (result,) = run_batch(model, runs(model, 5), tmp_path / "sandbox")
    assert (result.status, result.outputs) == ("quarantined", None)
    assert "storage = -" in result.reason


def test_a_failure_stays_one(tmp_path):
    class Silent(LinearReservoir):
        def collect(self, directory, runs):
            return [RunResult("failed", "nothing there") for _ in runs]

    model = TotalRunoff(Silent(spinup_years=1))
    assert run_batch(model, runs(model, 5), tmp_path / "sandbox")[0].reason == "nothing there"


def test_it_can_be_sent_to_another_process():
    model = TotalRunoff(LinearReservoir(spinup_years=1))
    sent = pickle.loads(pickle.dumps(model))
    assert sent.keys(runs(sent, 5)) == model.keys(runs(model, 5))
