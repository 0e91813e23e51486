"""Calibration of each basin by itself: what it finds, how few ensembles it takes, and what an interruption costs."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models import ensemble, metrics
from legacy_models.errors import UsageError
from legacy_models.model import RunResult
from legacy_models.store import RunStore
from pipeline import answers
from pipeline.calibration import chosen_basins
from pipeline.config import load_config
from pipeline.job import opened
from tests.reservoir_world import in_process

PLACE = Path("calibrate") / "sceua-legacy"


@pytest.fixture
def ensembles(monkeypatch):
    """The number of runs that each call of the ensemble was asked for."""
    sizes = []

    def counted(model, runs, *args, **kwargs):
        sizes.append(len(runs))
        return ensemble.simulate(model, runs, *args, **kwargs)

    monkeypatch.setattr(answers, "simulate", counted)
    return sizes


def committed(directory):
    with RunStore.open(directory / PLACE / "store") as store:
        return store.counts()


def test_hidden_parameters_come_back_routing_included(calibrated, directory):
    place = calibrated("calibrate.evaluations=300")
    with xr.open_dataset(place / "parameters.nc") as found, xr.open_dataset(*directory.glob("data/*.nc")) as data:
        hidden = np.stack([data[f"hidden_{name}"].sel(basin=found["basin"]) for name in found["parameter"].values], 1)
        assert found["value"].values[0] == pytest.approx(hidden, rel=0.1)
    scores = pd.read_csv(place / "scores.csv")
    assert set(scores["split"]) == {"fit", "validation", "test"}
    assert scores["nse"].min() > 0.999


def test_simulations_are_those_that_were_scored_seed_by_seed(calibrated):
    place = calibrated("calibrate.seeds=[0, 1]")
    with xr.open_dataset(place / "simulations.nc") as found:
        assert found["closed_loop"].dims == ("seed", "basin", "time")
        assert found["observed"].dims == ("basin", "time")
        assert found["closed_loop"].attrs == {"units": "mm/day", "long_name": "streamflow"}
        assert found["seed"].to_numpy().tolist() == [0, 1]
        assert set(found["split"].to_numpy()) == {"fit"}
        test = found.isel(time=np.flatnonzero(found["period"] == "test"))
        observed, simulated = (test[name].to_numpy().astype(float) for name in ("observed", "closed_loop"))
        table = pd.read_csv(place / "scores.csv").set_index(["split", "seed", "basin"]).sort_index()
        for i, seed in enumerate(found["seed"].to_numpy()):
            expected = table.loc["test"].loc[seed].loc[list(found["basin"].to_numpy()), "nse"]
            assert metrics.nse(observed, simulated[i]) == pytest.approx(expected.to_numpy(), abs=1e-6)


def test_ensembles_are_far_fewer_than_evaluations_and_every_one_has_all_basins(calibrated, ensembles):
    summary = json.loads((calibrated("calibrate.seeds=[0, 1]") / "summary.json").read_text())
    searches = 2 * len(summary["basins"])
    assert summary["evaluations"]["made"] == 60 * searches == sum(ensembles)
    assert ensembles[0] == searches * 2 * 7  # two complexes of 2 n + 1 points
    assert len(ensembles) < sum(ensembles) / searches / 1.5


def test_an_interrupted_calibration_goes_on_and_ends_as_if_it_had_not_been(
    calibrated, directory, tmp_path, monkeypatch
):
    other = tmp_path / "uninterrupted"
    shutil.copytree(directory, other)
    whole = calibrated(where=other)
    executed = []

    def attempt(model, runs, *args):
        if len(executed) > stop_after:
            raise KeyboardInterrupt
        executed.extend(model.keys(runs))
        return in_process(model, runs, *args)

    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", attempt)
    stop_after = 90
    with pytest.raises(KeyboardInterrupt):
        calibrated()
    with RunStore.open(directory / PLACE / "store") as store:
        kept = {key for key in executed if key in store}
    assert 30 < len(kept) < committed(other).committed
    executed.clear()
    stop_after = 10_000
    again = calibrated()
    assert len(executed) == len(set(executed))
    assert kept.isdisjoint(executed)
    assert committed(directory) == committed(other)
    for name in ("curves.csv", "scores.csv"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()


def test_a_finished_calibration_and_one_with_a_smaller_budget_run_nothing_again(calibrated, ensembles, directory):
    place = calibrated()
    before, asked = committed(directory), len(ensembles)
    assert calibrated() == place
    assert len(ensembles) == asked
    curve, shorter = (pd.read_csv(folder / "curves.csv") for folder in (place, calibrated("calibrate.evaluations=30")))
    assert committed(directory) == before
    pd.testing.assert_frame_equal(shorter, curve[curve["evaluations"] <= 30].reset_index(drop=True))


def test_one_that_left_no_simulations_is_finished_from_the_store(calibrated, ensembles, directory):
    place = calibrated()
    before, runs = (place / "scores.csv").read_bytes(), committed(directory)
    (place / "simulations.nc").rename(place / "kept.nc")
    asked = sum(ensembles)
    calibrated()
    assert (place / "scores.csv").read_bytes() == before
    assert sum(ensembles) == 2 * asked  # asked again, and answered by the store
    assert committed(directory) == runs
    with xr.open_dataset(place / "simulations.nc") as again, xr.open_dataset(place / "kept.nc") as kept:
        xr.testing.assert_identical(again, kept)


def test_a_basins_search_is_the_same_whichever_others_there_are(calibrated, directory, tmp_path):
    shutil.copytree(directory, tmp_path / "fewer")
    curve = pd.read_csv(calibrated() / "curves.csv")
    alone = pd.read_csv(calibrated("calibrate.basins=1", where=tmp_path / "fewer") / "curves.csv")
    assert alone["basin"].nunique() == 1
    same = curve[curve["basin"] == alone["basin"][0]].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone, same, rtol=1e-12)


def test_seeds_are_reproducible_and_differ(calibrated, directory, tmp_path):
    shutil.copytree(directory, tmp_path / "again")
    both = pd.read_csv(calibrated("calibrate.seeds=[3, 4]") / "curves.csv").set_index("seed")
    again = pd.read_csv(calibrated("calibrate.seeds=[3]", where=tmp_path / "again") / "curves.csv").set_index("seed")
    pd.testing.assert_frame_equal(both.loc[[3]], again, rtol=1e-12)
    assert not np.array_equal(both.loc[3, "cost"], both.loc[4, "cost"])


def failing_if(bad):
    """Stand in for a process of a model that fails for some runs."""

    def attempt(model, runs, *args):
        outcome = in_process(model, runs, *args)
        pairs = zip(runs, outcome.results, strict=True)
        return replace(outcome, results=tuple(RunResult("failed", "why") if bad(run) else r for run, r in pairs))

    return attempt


def test_runs_that_fail_are_counted_as_bad_scores_and_stop_nothing(calibrated, directory, monkeypatch):
    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", failing_if(lambda run: run.parameters[0] > 60.0))
    summary = json.loads((calibrated() / "summary.json").read_text())
    counts = committed(directory)
    assert counts.failed > 5
    assert counts.planned == counts.committed + counts.failed
    assert summary["evaluations"]["failed"] == counts.failed
    assert summary["closed_loop"]["fit"]["nse_median"] > 0.8


def test_a_basin_at_which_everything_fails_is_left_out_and_named(calibrated, directory, monkeypatch):
    monkeypatch.setattr(
        "legacy_models.sandboxes.attempt_batch", failing_if(lambda run: run.site.name == "synthetic-004")
    )
    summary = json.loads((calibrated() / "summary.json").read_text())
    assert "synthetic-004" not in summary["basins"]
    assert len(summary["basins"]) == 2
    assert "basin synthetic-004 has no result" in (directory / "run.log").read_text()


def test_observations_outside_the_fit_period_and_at_other_basins_decide_nothing(world, directory, calibrated, tmp_path):
    curve = (calibrated() / "curves.csv").read_bytes()
    (path,) = directory.glob("data/*.nc")
    other = tmp_path / "other"
    shutil.copytree(directory, other, ignore=shutil.ignore_patterns("calibrate", "stages.json"))
    with xr.open_dataset(path) as data:
        flow = data["streamflow"]
        fit = (flow["time"] >= np.datetime64("2001-10-01")) & (flow["time"] <= np.datetime64("2004-09-30"))
        changed = data.assign(streamflow=flow.where(fit, flow * 3.0).assign_attrs(flow.attrs)).load()
    changed.to_netcdf(other / "data" / path.name)
    assert (calibrated(where=other) / "curves.csv").read_bytes() == curve


def test_basins_are_the_first_by_hash_and_no_more_than_there_are(world, directory):
    with opened(load_config(str(world / "world.yaml")), directory) as job:
        assert set(chosen_basins(job.experiment, 2)) < set(chosen_basins(job.experiment, 3))
        assert set(chosen_basins(job.experiment, None)) == set(job.experiment.splits.fit)
        with pytest.raises(UsageError, match=r"calibrate.basins: 100 basins asked for, \d are there"):
            chosen_basins(job.experiment, 100)


def test_the_runs_summary_takes_up_calibrations_of_its_own_data_and_model_only(calibrated, directory):
    calibrated()
    own = json.loads((directory / PLACE / "60" / "summary.json").read_text())
    path = directory / "summary.json"
    for hashes, expected in (
        (own["hashes"], {"sceua-legacy-60": own["closed_loop"]}),
        ({"data": "", "model": ""}, {}),
    ):
        path.write_text(json.dumps({"hashes": hashes, "baselines": {}}))
        calibrated()
        assert json.loads(path.read_text())["baselines"] == expected
