"""The configuration refuses what it does not know and says what would be right."""

import subprocess
import sys
from pathlib import Path

import pytest

from dpl.settings import TargetSettings
from legacy_models.errors import UnknownNameError, UsageError
from legacy_models.executors import ExecutorSettings
from pipeline.config import load_config, packaged_names

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", packaged_names())
def test_every_packaged_configuration_is_valid(name):
    assert load_config(name).legacy_model.name == "vic"


def test_the_resolved_configuration_reads_back_as_itself(tmp_path):
    config = load_config("synthetic", assignments=["dpl.epochs=3", "surrogate.options={units: 8}"])
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    assert load_config(str(path)) == config
    assert load_config(str(path)).hash() == config.hash()


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("assignment", "fragments"),
    [
        ("dpl.epoch=3", ["dpl.epoch", "did you mean 'epochs'"]),
        ("dessign.runs_per_basin=3", ["dessign", "did you mean 'design'"]),
        ("surrogate.hiden=3", ["surrogate.hiden", "surrogate"]),
        ("legacy_model.executor.adress='tcp://a:1'", ["legacy_model.executor.adress", "did you mean 'address'"]),
        ("calibrate.sceua.complex=3", ["calibrate.sceua.complex", "did you mean 'complexes'"]),
        ("dpl.targets={swe: {wait: 1.0}}", ["dpl.targets.swe.wait", "did you mean 'weight'"]),
        ("calibrate.gradient.start=3", ["calibrate.gradient.start", "did you mean 'starts'"]),
        ("lstm.hiden=3", ["lstm.hiden", "did you mean 'hidden'"]),
        ("splits.ungauged_shares=0.1", ["splits.ungauged_shares", "did you mean 'ungauged_share'"]),
    ],
)
def test_an_unknown_key_is_named_with_the_nearest_one(assignment, fragments):
    with pytest.raises(UnknownNameError) as caught:
        load_config("synthetic", assignments=[assignment])
    assert all(fragment in str(caught.value) for fragment in fragments)
    assert "\n" not in str(caught.value)


@pytest.mark.fault(26)
@pytest.mark.parametrize(
    ("assignment", "fragments"),
    [
        ("periods.fit=[2002-10-01, 1996-10-01]", ["periods", "fit", "1996-10-01"]),
        ("design.runs_per_basin=one", ["design.runs_per_basin", "one"]),
        ("splits.ungauged_share=1.5", ["splits.ungauged_share", "1.5"]),
        ("splits={scheme: pub, fold: 5}", ["splits.fold", "0 to 4", "received 5"]),
        ("splits={scheme: pur, fold: 7}", ["splits.fold", "0 to 6", "received 7"]),
        ("splits.fold=1", ["splits.fold", "scheme share", "0 to 0"]),
        ("splits.scheme=pup", ["splits.scheme", "pub", "pup"]),
        ("dpl.epochs=0", ["epochs", "at least 1"]),
        ("dpl.losses={nsee: 1.0}", ["nsee", "did you mean 'nse'"]),
        ("dpl.targets={swe: {average: week}}", ["dpl.targets.swe.average", "'day', '8-day' or 'month'", "week"]),
        ("dpl.targets={swe: {coverage: 2}}", ["dpl.targets.swe.coverage", "(0, 1]", "2"]),
        ("refine.dpl={targets: {swe: {}}}", ["refine.dpl.targets", "dpl.targets"]),
        ("network.members=0", ["network.members", "0"]),
        ("refine.dpl={epoch: 1}", ["refine.dpl.epoch", "epochs"]),
        ("calibrate.method=sceau", ["no search is called 'sceau'", "did you mean 'sceua'"]),
        ("calibrate.on=model", ["calibrate.on", "'legacy' or 'surrogate'", "'model'"]),
        ("calibrate.evaluations=0", ["calibrate.evaluations", "greater than or equal to 1", "0"]),
        ("calibrate.seeds=[1, 1]", ["calibrate.seeds", "each seed once"]),
        ("calibrate.sceua.complexes=0", ["complexes must be at least 1", "0"]),
        ("calibrate.method=gradient", ["method gradient goes by slopes", "legacy model", "on=surrogate"]),
        ("calibrate.regionalise=nearst", ["no regionalisation is called 'nearst'", "did you mean 'nearest'"]),
        ("lstm.seeds=[0, 0]", ["lstm.seeds", "each once", "0, 0"]),
        ("legacy_model.executor.name=daks", ["executor", "daks", "did you mean 'dask'"]),
        (
            "legacy_model.executor={name: dask, address: nowhere}",
            ["executor.address", "protocol://host:port", "nowhere"],
        ),
        ("legacy_model.executor.address='tcp://a:1'", ["executor.address", "name: dask", "name: threads"]),
        ("legacy_model.executor={name: dask, address: 'tcp://a:1', workers: 3}", ["executor.workers", "address", "3"]),
        ("legacy_model.executor.workers=0", ["executor.workers", "at least 1", "0"]),
        ("legacy_model.executor.worker_timeout=0", ["executor.worker_timeout", "above 0"]),
        ("legacy_model.name=vick", ["vick", "did you mean 'vic'"]),
        ("data.reader=netcfd", ["netcfd", "netcdf"]),
        ("basins.ids=[1013500]", ["basins.ids", "1013500", "string"]),
        ("dpl.epochs", ["key=value"]),
        ("schema_version=2", ["newer"]),
    ],
)
def test_an_impossible_value_is_named_with_its_key(assignment, fragments):
    with pytest.raises(UsageError) as caught:
        load_config("synthetic", assignments=[assignment])
    assert all(fragment in str(caught.value) for fragment in fragments), str(caught.value)


def test_where_legacy_programs_run_is_chosen_in_the_configuration(tmp_path):
    assert load_config("synthetic").legacy_model.executor == ExecutorSettings("threads")
    config = load_config("synthetic", assignments=["legacy_model.executor={name: dask, workers: 8}"])
    assert config.legacy_model.executor == ExecutorSettings("dask", workers=8)
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    assert load_config(str(path)) == config


def test_targets_read_back_as_themselves(tmp_path):
    targets = "{swe: {weight: 0.5, average: 8-day}, soil_moisture: {outputs: {soil_moist_0: 0.3, soil_moist_1: 0.7}}}"
    config = load_config("synthetic", assignments=[f"dpl.targets={targets}"])
    assert config.dpl.targets["swe"] == TargetSettings(weight=0.5, average="8-day")
    assert config.dpl.targets["soil_moisture"].outputs == {"soil_moist_0": 0.3, "soil_moist_1": 0.7}
    path = tmp_path / "config.yaml"
    path.write_text(config.to_yaml())
    assert load_config(str(path)) == config


def test_naming_dask_in_a_configuration_does_not_import_it():
    program = (
        "import sys; from pipeline.config import load_config;"
        "load_config('synthetic', assignments=['legacy_model.executor.name=dask']);"
        "sys.exit('dask' in sys.modules or 'distributed' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0


def test_a_configuration_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(UsageError, match=r"camel: no such file.*camels, synthetic"):
        load_config("camel")


def test_a_file_with_broken_yaml_is_named(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("dpl: {epochs: 3")
    with pytest.raises(UsageError, match="not valid YAML"):
        load_config(str(path))


def test_the_data_option_sets_reader_and_path():
    config = load_config("camels", data="netcdf:folder/basins.nc")
    assert config.data.reader == "netcdf"
    assert Path(config.data.options["path"]) == Path("folder/basins.nc")


def test_the_seed_changes_the_hash_and_the_order_of_keys_does_not(tmp_path):
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    periods = "periods: {fit: [1996-10-01, 2002-09-30], validation: [2002-10-01, 2004-09-30],"
    periods += " test: [1992-10-01, 1996-09-30]}"
    one.write_text(f"seed: 1\n{periods}\n")
    two.write_text(f"{periods}\nseed: 1\n")
    assert load_config(str(one)).hash() == load_config(str(two)).hash()
    assert load_config(str(one)).hash() != load_config(str(two), assignments=["seed=2"]).hash()
