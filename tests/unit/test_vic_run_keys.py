"""What identifies a run of VIC: its key, and the version of the program."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

from legacy_models.errors import LegacyModelError
from legacy_models.model import Run, Site
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.disaggregation import NEEDED
from tests.vic_sites import END, START, site, some_runs, weather, with_parameters, with_weather

MODEL = VicModel(spinup_years=1)


def test_labels_purpose_and_name_are_not_part_of_the_key():
    run = some_runs(MODEL, 1)[0]
    other = Site("another name", dict(run.site.properties), weather(1))
    assert MODEL.key(run) == MODEL.key(replace(run, site=other, purpose="verify"))
    assert len({MODEL.key(one) for one in some_runs(MODEL, 20)}) == 20


def test_everything_that_decides_the_outcome_is_part_of_the_key():
    run = some_runs(MODEL, 1)[0]
    south = Site("s", dict(run.site.properties) | {"latitude": -41.5}, run.site.forcing)
    keys = [
        MODEL.key(run),
        *(
            MODEL.key(with_parameters(MODEL, run, **{n: v * 1.01}))
            for n, v in zip(MODEL.parameters.names, run.parameters, strict=True)
        ),
        *(MODEL.key(with_weather(run, name, 300, 1.25)) for name in NEEDED),
        MODEL.key(replace(run, start=START + 1)),
        MODEL.key(replace(run, end=END - 1)),
        MODEL.key(replace(run, site=south)),
        *(
            MODEL.key(replace(run, site=Site("p", dict(run.site.properties) | {name: value}, run.site.forcing)))
            for name, value in (
                ("porosity", 0.44),
                ("forest", 0.0),
                ("avg_temp", 3.0),
                ("elevation", 351.0),
                ("lai_max", 4.9),
            )
        ),
        *(VicModel(spinup_years=1, **o).key(run) for o in ({"steps_per_day": 8}, {"output_format": "ASCII"})),
        VicModel(spinup_years=0).key(run),
        VicModel(spinup_years=1, snow_bands=2).key(replace(run, site=site(VicModel(snow_bands=2)))),
        *(
            VicModel(spinup_years=1, tiles=n).key(replace(run, site=site(VicModel(tiles=n), frac_forest=0.4)))
            for n in (2, 3)
        ),
        *(
            VicModel(spinup_years=1, rain_snow=True).key(replace(run, parameters=np.append(run.parameters, pair)))
            for pair in ([-0.5, 0.5], [-0.5, 0.6], [0.0, 0.5])
        ),
    ]
    assert len(set(keys)) == len(keys)


def test_a_run_that_prepare_refuses_has_a_key_of_its_own():
    run = some_runs(MODEL, 1)[0]
    bad = [
        with_parameters(MODEL, run, k=np.nan),
        with_parameters(MODEL, run, Ws=np.nan),
        with_weather(run, "vp", 5, np.nan),
    ]
    bad += [replace(run, end=np.datetime64("2030-01-01")), replace(run, site=Site("a", {}, run.site.forcing))]
    nowhere = Site("a", dict(run.site.properties) | {"latitude": np.nan}, run.site.forcing)
    keys = [MODEL.key(one) for one in (*bad, replace(run, site=nowhere))]
    assert len({*keys, MODEL.key(run), VicModel(spinup_years=2).key(bad[0])}) == len(keys) + 2


@pytest.mark.parametrize("options", [{}, {"tiles": 3}, {"snow_bands": 3}, {"rain_snow": True}], ids=str)
def test_a_run_has_the_same_key_alone_and_among_others_good_and_bad(options):
    model = VicModel(spinup_years=1, **options)
    draws = model.parameters.from_unit(np.random.default_rng(1).random((4, len(model.parameters))))
    places = [site(model), site(model, gauge_lat=-20.0, frac_forest=0.4)]
    runs = [Run(place, one, START, END - days) for place in places for one in draws for days in (0, 30)]
    runs[5:5] = [with_parameters(model, runs[0], k=np.nan), replace(runs[0], end=np.datetime64("2030-01-01"))]
    keys = model.keys(runs)
    assert keys == [model.key(run) for run in runs]
    assert len(set(keys)) == len(runs)


def test_the_version_follows_the_executable(tmp_path):
    program = tmp_path / "vic_classic.exe"
    program.write_text("one")
    program.chmod(0o755)
    first = VicModel(executable=str(program))
    assert first.version != MODEL.version
    assert first.prepare(tmp_path, some_runs(MODEL, 1, start=np.datetime64("2002-01-01")))[0] == str(program)
    program.write_text("two")
    assert VicModel(executable=str(program)).version != first.version
    program.chmod(0o644)
    with pytest.raises(LegacyModelError, match="chmod"):
        _ = VicModel(executable=str(program)).version
    with pytest.raises(LegacyModelError, match="no VIC 5 program"):
        VicModel(executable=str(tmp_path / "absent")).prepare(tmp_path, some_runs(MODEL, 1))


def test_an_adapter_pickles_without_what_it_remembers():
    run = some_runs(MODEL, 1)[0]
    model = VicModel(spinup_years=1)
    key = model.key(run)
    copy = pickle.loads(pickle.dumps(model))
    assert copy == model
    assert len(pickle.dumps(model)) < 1000
    assert copy.key(run) == key
