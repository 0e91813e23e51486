"""Finished runs side by side: figures are those of the series, seeds and folds pooled, what cannot be is refused."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dpl.evaluate import FIGURES
from dpl.routing import LENGTH
from legacy_models import metrics
from legacy_models.errors import DataError, UsageError
from pipeline.evaluation.evaluate import evaluate
from tests.finished_runs import (
    BASINS,
    HASHES,
    HUC,
    PERIODS,
    TIME,
    observed,
    simulated,
    write_calibration,
    write_finished,
)

FILES = {"per_basin.csv", "per_basin.nc", "summary.csv", "paired.csv", "trends.csv", "evaluation.json", "run.log"}


def tables(place):
    """Read what was written."""
    assert {path.name for path in place.iterdir()} == FILES
    names = ("per_basin", "summary", "paired", "trends")
    text = {"basin": str, "huc_02": str}
    return {name: pd.read_csv(place / f"{name}.csv", dtype=text) for name in names}


def median(summary, split, method, figure="nse", subset="all"):
    """Return the one row of a figure."""
    keys = {"split": split, "method": method, "figure": figure, "subset": subset}
    rows = summary[np.logical_and.reduce([summary[name] == value for name, value in keys.items()])]
    assert len(rows) == 1, keys
    return rows.iloc[0]


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    """The tables of one run."""
    run = write_finished(tmp_path_factory.mktemp("runs") / "one")
    evaluate([str(run)], resamples=200)
    return tables(run / "evaluation")


def test_figures_are_those_of_the_series_on_the_days_of_the_test(one):
    first, last = PERIODS["test"]
    days = np.asarray((first <= TIME) & (last >= TIME))
    table = one["per_basin"].set_index(["split", "method", "basin"])
    for split, rows in (("test", range(18)), ("ungauged", range(18, 24))):
        expected = metrics.nse(observed()[rows][:, days], simulated(0.3, 0)[rows][:, days])
        found = table.sort_index().loc[(split, "learned_parameters")]["nse"]
        assert list(found.index) == [BASINS[i] for i in rows]
        assert found.to_numpy() == pytest.approx(expected, rel=1e-5)
    assert table.loc[("test", "climatology", BASINS[3]), "days"] == days.sum() - 100


def test_days_that_routing_is_not_fed_on_do_not_count(tmp_path):
    run = write_finished(tmp_path / "run", test=["1990-10-01", "1996-09-30"])
    evaluate([str(run)], resamples=100)
    days = tables(run / "evaluation")["per_basin"].set_index("basin")["days"][BASINS[0]]
    assert (days == 2192 - (LENGTH - 1)).all()


def test_every_method_is_scored_on_every_basin_and_the_best_comes_out_best(one):
    assert list(one["per_basin"]["method"].unique()) == [
        "learned_parameters", "default_parameters", "surrogate", "climatology",
    ]  # fmt: skip
    assert set(one["summary"]["figure"]) == {f.name for f in FIGURES} | {f"abs_{f.name}" for f in FIGURES if f.error}
    for split, basins in (("test", 18), ("ungauged", 6)):
        learned, default, floor = (
            median(one["summary"], split, f"{name}")
            for name in ("learned_parameters", "default_parameters", "climatology")
        )
        assert learned["median_low"] > default["median_high"] > floor["median_high"]
        assert (learned["basins"], learned["undefined"], learned["blocks"], learned["seeds"]) == (basins, 0, 4, 1)
        assert learned["median_low"] <= learned["median"] <= learned["median_high"]


def test_the_absolute_error_is_that_of_each_basin(one):
    rows = one["per_basin"].query("split == 'test' and method == 'default_parameters'")
    assert median(one["summary"], "test", "default_parameters", "abs_pbias")["median"] == pytest.approx(
        rows["pbias"].abs().median(), rel=1e-4
    )
    assert median(one["summary"], "test", "default_parameters", "pbias")["median"] == pytest.approx(
        rows["pbias"].median(), rel=1e-4
    )


def test_pairs_say_which_is_better_and_how_sure(one):
    rows = one["paired"].query("split == 'test' and method == 'learned_parameters' and other == 'default_parameters'")
    assert set(rows["figure"]) == {"nse", "kge", "abs_pbias", "abs_fhv", "abs_flv", "abs_fms"}
    nse = rows.set_index("figure").loc["nse"]
    assert nse["difference_low"] > 0
    assert (nse["share_better"], nse["basins"]) == (1.0, 18)
    assert nse["wilcoxon_p"] < 1e-4
    bias = rows.set_index("figure").loc["abs_fhv"]
    assert bias["difference"] < 0
    assert bias["share_better"] > 0.9


def test_classes_of_climate_divide_the_basins(one):
    rows = one["summary"].query("split == 'test' and method == 'surrogate' and figure == 'nse'").set_index("subset")
    assert set(rows.index) == {
        "all",
        *(f"frac_snow {name}" for name in ("below_0.1", "0.1_to_0.3", "above_0.3")),
        *(f"aridity {name}" for name in ("below_1", "1_to_2", "above_2")),
    }
    for attribute in ("frac_snow", "aridity"):
        assert rows.loc[rows.index.str.startswith(attribute), "basins"].sum() == 18


def test_simulated_trends_follow_the_observed_ones_where_errors_are_small(one):
    rows = one["trends"].query("split == 'test' and flow == 'mean' and subset == 'all'").set_index("method")
    assert rows.loc["learned_parameters", "correlation"] > 0.9
    assert rows.loc["learned_parameters", "basins"] == 18
    assert np.isnan(rows.loc["climatology", "correlation"]) or rows.loc["climatology", "correlation"] < 0.9


def test_the_netcdf_file_holds_what_the_table_does(one, tmp_path):
    run = write_finished(tmp_path / "run")
    evaluate([str(run)], out=tmp_path / "out", resamples=100)
    with xr.open_dataset(tmp_path / "out" / "per_basin.nc") as data:
        assert dict(data.sizes) == {"split": 2, "method": 4, "seed": 1, "basin": 24}
        assert data["fhv"].attrs == {"units": "%", "long_name": "bias of the highest 2 % of flows"}
        assert data["huc_02"].to_numpy().tolist() == HUC
        for row in one["per_basin"].sample(20, random_state=0).itertuples():
            there = data.sel({"split": row.split, "method": row.method, "seed": 0, "basin": row.basin})
            assert float(there["nse"]) == pytest.approx(row.nse, rel=1e-5)
            assert float(there["frac_snow"]) == pytest.approx(row.frac_snow, rel=1e-4, abs=1e-6)


def test_seeds_give_a_mean_and_a_spread(tmp_path):
    runs = [
        write_finished(tmp_path / f"seed-{seed}", seed=seed, errors={"closed_loop": 0.3 + seed / 10})
        for seed in range(3)
    ]
    evaluate([str(run) for run in runs], out=tmp_path / "out", resamples=100)
    found = tables(tmp_path / "out")
    row = median(found["summary"], "test", "learned_parameters")
    own = found["per_basin"].query("split == 'test' and method == 'learned_parameters'").groupby("seed")["nse"].median()
    assert row["seeds"] == 3
    assert row["median"] == pytest.approx(own.mean(), rel=1e-4)
    assert row["seed_sd"] == pytest.approx(own.std(), rel=1e-4)
    assert np.isnan(median(found["summary"], "test", "climatology")["seed_sd"]) or own.std() > 0


def test_folds_make_one_table_of_ungauged_basins(tmp_path):
    runs = [
        write_finished(tmp_path / f"fold-{i}", splits={"scheme": "pub", "fold": i}, ungauged=slice(8 * i, 8 * i + 8))
        for i in range(3)
    ]
    evaluate([str(run) for run in runs], out=tmp_path / "out", resamples=100)
    found = tables(tmp_path / "out")["per_basin"]
    learned = found[found["method"] == "learned_parameters"]
    assert sorted(learned.loc[learned["split"] == "pub", "basin"]) == BASINS
    assert sorted(learned.loc[learned["split"] == "pub_trained", "basin"]) == BASINS
    assert set(found["split"]) == {"pub", "pub_trained"}


def test_set_ups_with_names_stand_side_by_side(tmp_path):
    good = write_finished(tmp_path / "good", errors={"closed_loop": 0.2})
    bad = write_finished(tmp_path / "bad", errors={"closed_loop": 0.8}, network="linear", transductive=False)
    evaluate([f"good={good}", f"bad={bad}"], out=tmp_path / "out", resamples=100)
    pair = tables(tmp_path / "out")["paired"].set_index(["split", "method", "other", "figure"])
    row = pair.loc[("ungauged", "good/learned_parameters", "bad/learned_parameters", "nse")]
    assert row["difference_low"] > 0
    summary = tables(tmp_path / "out")["summary"]
    assert median(summary, "ungauged", "good/learned_parameters")["transductive"] == True  # noqa: E712 - read from text
    assert median(summary, "ungauged", "bad/learned_parameters")["transductive"] == False  # noqa: E712
    assert np.isnan(median(summary, "test", "bad/learned_parameters")["transductive"])
    runs = json.loads((tmp_path / "out" / "evaluation.json").read_text())["runs"]
    assert [(run["name"], run["transductive"]) for run in runs] == [("good", True), ("bad", False)]


def test_a_calibration_of_some_basins_is_compared_with_others_at_those(tmp_path):
    run = write_finished(tmp_path / "run", seed=1)
    write_calibration(run)
    for number, hashes in ((300, HASHES), (400, HASHES | {"data": "other"})):
        place = run / "calibrate" / "sceua-surrogate" / str(number)
        place.mkdir(parents=True)
        (place / "summary.json").write_text(json.dumps({"hashes": hashes}))
    evaluate([str(run)], resamples=100)
    found = tables(run / "evaluation")
    own = found["per_basin"].query("method == 'sceua-legacy-5000'")
    assert sorted(own["seed"].unique()) == [1, 2]
    assert set(own["split"]) == {"test"}
    for method in ("sceua-legacy-5000", "learned_parameters", "default_parameters"):
        assert median(found["summary"], "test", method, subset="common")["basins"] == 10
    assert median(found["summary"], "test", "learned_parameters")["basins"] == 18
    log = (run / "evaluation" / "run.log").read_text()
    left_out = json.loads((run / "evaluation" / "evaluation.json").read_text())["runs"][0]["calibrations_left_out"]
    for number, why in ((300, "holds no simulations.nc"), (400, "was made of other data or by another legacy model")):
        place = run / "calibrate" / "sceua-surrogate" / str(number)
        assert f"sceua-surrogate/{number}: this calibration is not in the tables: it {why}" in log
        assert left_out[str(place)].startswith(why)
    assert set(found["per_basin"]["method"]) & {"sceua-surrogate-300", "sceua-surrogate-400"} == set()
    assert "test: medians over basins (common)" in log
    assert "ungauged: medians over basins (all)" in log


def test_a_calibration_says_nothing_of_basins_that_are_ungauged_by_now(tmp_path):
    run = write_finished(tmp_path / "run", ungauged=slice(4, 10))
    write_calibration(run, basins=10)
    evaluate([str(run)], resamples=100)
    own = tables(run / "evaluation")["per_basin"].query("method == 'sceua-legacy-5000'")
    assert set(own["split"]) == {"test"}
    assert sorted(own["basin"].unique()) == BASINS[:4]


def test_what_is_carried_to_ungauged_basins_and_the_lstm_are_tabled_there_as_methods_of_their_own(tmp_path):
    run = write_finished(tmp_path / "run")
    for name, source in (("sceua-legacy-nearest/5000", "closed_loop"), ("regional/lstm", "lstm")):
        write_calibration(run, name, basins=24, held_out=slice(18, 24), source=source)
    evaluate([str(run)], resamples=100)
    found = tables(run / "evaluation")["per_basin"]
    assert not found["method"].str.contains(" ").any()
    for method in ("sceua-legacy-nearest-5000", "regional-lstm"):
        own = found[found["method"] == method].groupby("split")["basin"].agg(lambda basins: sorted(set(basins)))
        assert own.to_dict() == {"test": BASINS[:18], "ungauged": BASINS[18:]}


def test_what_was_carried_with_other_basins_held_out_is_not_in_the_tables(tmp_path):
    run = write_finished(tmp_path / "run", ungauged=slice(12, 24))
    place = write_calibration(run, "regional/lstm", basins=24, held_out=slice(18, 24), source="lstm")
    evaluate([str(run)], resamples=100)
    assert "regional-lstm" not in set(tables(run / "evaluation")["per_basin"]["method"])
    left_out = json.loads((run / "evaluation" / "evaluation.json").read_text())["runs"][0]["calibrations_left_out"]
    assert left_out == {str(place): "was made with other basins held out"}


def test_a_failed_simulation_is_counted_as_undefined(tmp_path):
    run = write_finished(tmp_path / "run")
    with xr.open_dataset(run / "simulations.nc") as data:
        changed = data.load()
    changed["closed_loop"][2] = np.nan
    changed.to_netcdf(run / "simulations.nc")
    evaluate([str(run)], resamples=100)
    row = median(tables(run / "evaluation")["summary"], "test", "learned_parameters")
    assert (row["basins"], row["undefined"]) == (17, 1)


def test_lists_and_attributes_may_come_from_files(tmp_path):
    run = write_finished(tmp_path / "run", described=False)
    table, ids = tmp_path / "basins.csv", tmp_path / "small.txt"
    rows = [f"{basin},{huc},{i % 2}" for i, (basin, huc) in enumerate(zip(BASINS, HUC, strict=True))]
    table.write_text("\n".join(["gauge_id,huc_02,in_531_list", *rows]))
    ids.write_text("# two\n" + "\n".join(BASINS[:2]))
    evaluate([str(run)], out=tmp_path / "plain", resamples=100)
    assert "take basins for independent" in (tmp_path / "plain" / "run.log").read_text()
    evaluate([str(run)], out=tmp_path / "out", attributes=[table], lists=[ids], resamples=100)
    summary = tables(tmp_path / "out")["summary"]
    assert median(summary, "test", "surrogate", subset="in_531_list")["basins"] == 9
    assert median(summary, "test", "surrogate", subset="small")["basins"] == 2
    assert median(summary, "test", "surrogate")["blocks"] == 4
    assert "test: medians over basins (in_531_list)" in (tmp_path / "out" / "run.log").read_text()


def test_the_same_runs_give_the_same_tables(one, tmp_path):
    run = write_finished(tmp_path / "run")
    evaluate([str(run)], resamples=200)
    again = tables(run / "evaluation")
    for name, table in one.items():
        pd.testing.assert_frame_equal(table, again[name])


def test_runs_that_one_table_cannot_hold_are_refused(tmp_path):
    run, other = write_finished(tmp_path / "run"), write_finished(tmp_path / "other")
    period = write_finished(tmp_path / "period", seed=1, test=["1992-10-01", "1997-09-30"])
    network = write_finished(tmp_path / "network", seed=1, network="linear")
    inductive = write_finished(tmp_path / "inductive", seed=1, transductive=False)
    for two, message in (
        ([run, run], r"run: the run is given twice"),
        ([run, other], r"other has the seed and the fold of .*run: .* need names, NAME=RUN"),
        ([run, period], r"period was tested from 1992-10-01 to 1997-09-30, .*run from 1991-10-01"),
        ([run, network], r"network differs from .*run in network"),
        ([run, inductive], r"inductive differs from .*run in whether the surrogate saw"),
    ):
        with pytest.raises(UsageError, match=message):
            evaluate([str(path) for path in two], out=tmp_path / "out")
    with pytest.raises(UsageError, match="give --out"):
        evaluate([str(run), f"b={other}"])
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "status", "fragment"),
    [
        (["nowhere"], 3, "nowhere holds no summary.json"),
        (["run", "run"], 2, "the run is given twice"),
        (["a=run", "b=other"], 2, "give --out"),
        (["run", "--resamples", "3"], 2, "resamples"),
        ([], 2, "runs"),
    ],
)
def test_a_mistake_on_the_command_line_is_answered_in_one_line(tmp_path, arguments, status, fragment):
    write_finished(tmp_path / "run")
    write_finished(tmp_path / "other")
    finished = subprocess.run(
        [sys.executable, "-P", "-c", "from pipeline.cli import main; main()", "evaluate", *arguments],
        capture_output=True, text=True, timeout=300, cwd=tmp_path, check=False,
    )  # fmt: skip
    assert finished.returncode == status, finished.stderr
    assert fragment in finished.stderr.replace("'", "")
    assert "Traceback" not in finished.stderr


def test_files_that_are_missing_or_do_not_fit_are_named(tmp_path):
    run = write_finished(tmp_path / "run")
    table = tmp_path / "basins.csv"
    table.write_text(f"gauge_id,huc_02\n{BASINS[0]},01\n")
    with pytest.raises(DataError, match=r"nowhere holds no summary.json"):
        evaluate([str(tmp_path / "nowhere")])
    with pytest.raises(DataError, match=r"basins.csv: there is no row for 23 basins"):
        evaluate([str(run)], attributes=[table])
    with pytest.raises(UsageError, match=r"all.txt: there is a subset 'all' already"):
        evaluate([str(run)], lists=[tmp_path / "all.txt"])
    ids = tmp_path / "list.txt"
    ids.write_text("99999999\n")
    with pytest.raises(UsageError, match=r"list.txt: no basin of it is in the runs"):
        evaluate([str(run)], lists=[ids])
    (run / "simulations.nc").unlink()
    with pytest.raises(DataError, match=r"run holds no simulations.nc"):
        evaluate([str(run)])
    assert not (run / "evaluation").exists()
