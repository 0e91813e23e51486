"""Calibrated parameters carried to basins without a gauge: exact where the relation is what the method supposes."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dpl.baselines import REGIONALISATIONS
from dpl.baselines.regionalisation import PENALTIES, nearest, regression
from dpl.routing import ROUTING
from legacy_models.errors import UsageError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from pipeline.config import load_config
from pipeline.job import opened
from pipeline.regionalisation import carried, receivers, regionalise

SPACE = LinearReservoir.parameters + ROUTING
SLOPES = np.array([[0.05, -0.02, 0.03], [0.01, 0.04, -0.06]])


def linear_map(attributes):
    """Values that are linear in the attributes on each parameter's own scale, well within the bounds."""
    return SPACE.from_unit(0.5 + attributes @ SLOPES)


@pytest.fixture
def attributes():
    return np.random.default_rng(0).normal(size=(60, 2))


@pytest.mark.parametrize("name", REGIONALISATIONS)
def test_what_is_carried_lies_within_the_bounds_wherever_a_basin_lies(name, attributes):
    far = np.array([[50.0, -50.0], [-80.0, 10.0]])
    SPACE.check(REGIONALISATIONS.resolve(name)(SPACE, linear_map(attributes), attributes, far).values)


def test_the_nearest_donor_of_a_donor_is_itself(attributes):
    donors = linear_map(attributes)
    order = np.random.default_rng(1).permutation(60)
    found = nearest(SPACE, donors, attributes, attributes[order])
    assert (found.values == donors[order]).all()
    assert (found.donor == order).all()


def test_a_basin_is_given_the_parameters_of_the_donor_that_is_most_alike(attributes):
    wanted = attributes[[7, 3]] + 1e-3
    found = nearest(SPACE, linear_map(attributes), attributes, wanted)
    assert (found.values == linear_map(attributes)[[7, 3]]).all()
    assert found.donor.tolist() == [7, 3]


def test_regression_recovers_an_exactly_linear_map_between_and_beyond_the_donors(attributes):
    wanted = 1.5 * np.random.default_rng(2).normal(size=(200, 2))
    found = regression(SPACE, linear_map(attributes), attributes, wanted)
    assert SPACE.to_unit(found.values) == pytest.approx(SPACE.to_unit(linear_map(wanted)), abs=1e-5)


def test_where_attributes_say_nothing_regression_gives_about_the_mean(attributes):
    generator = np.random.default_rng(3)
    unit = np.clip(generator.normal(0.4, 0.1, (60, 3)), 0, 1)
    many = generator.normal(size=(60, 30))
    found = regression(SPACE, SPACE.from_unit(unit), many, many)
    assert np.abs(SPACE.to_unit(found.values) - unit.mean(axis=0)).max() < 0.1


def test_the_penalty_is_that_of_each_parameter_slight_where_attributes_tell_all_and_heavy_where_they_tell_nothing(
    attributes,
):
    unit = SPACE.to_unit(linear_map(attributes))
    unit[:, 1] = np.random.default_rng(3).uniform(0.3, 0.7, 60)
    first, second, third = regression(SPACE, SPACE.from_unit(unit), attributes, attributes).penalty
    assert max(first, third) < 1e-3
    assert second > 10


def test_regression_on_fewer_than_three_donors_is_refused(attributes):
    with pytest.raises(UsageError, match="at least 3 calibrated basins, there are 2"):
        regression(SPACE, linear_map(attributes[:2]), attributes[:2], attributes)


def test_regionalised_parameters_leave_the_files_of_a_calibration_and_are_judged_where_nothing_was_fitted(
    world, directory, calibrated
):
    how = "calibrate.regionalise=nearest"
    source = calibrated()
    with opened(load_config(str(world / "world.yaml"), assignments=[how]), directory) as job:
        regionalise(job, "nearest")
        splits, experiment = job.experiment.splits, job.experiment
        donors = tuple(splits.fit)
        everyone = receivers(experiment, donors)
    place = directory / "calibrate" / "sceua-legacy-nearest" / "60"
    with xr.open_dataset(source / "parameters.nc") as own, xr.open_dataset(place / "parameters.nc") as found:
        assert set(found["basin"].values) == {*splits.fit, *splits.validation, *splits.ungauged}
        assert (found["value"].sel(basin=own["basin"]) == own["value"]).all()
        expected = carried(experiment, tuple(own["basin"].values), own["value"].values[0], "nearest")
        assert (found["value"].values[0] == expected.values).all()
        for basin, donor in zip(found["basin"].values, found["donor"].values[0], strict=True):
            assert (found["value"].sel(basin=basin) == own["value"].sel(basin=donor)).all()
    scores = pd.read_csv(place / "scores.csv")
    assert set(scores["split"]) == {"fit", "validation", "test", "ungauged"}
    assert set(scores.loc[scores["split"] == "ungauged", "basin"]) == set(splits.ungauged)
    summary = json.loads((place / "summary.json").read_text())
    assert summary["regionalised"] == {"how": "nearest", "donors": list(donors)}
    assert summary["closed_loop"]["ungauged"]["basins"] == len(splits.ungauged)
    with xr.open_dataset(place / "simulations.nc") as simulations:
        assert simulations["closed_loop"].dims == ("seed", "basin", "time")
        assert simulations["closed_loop"].attrs["long_name"] == "streamflow"
        assert tuple(simulations["basin"].values) == everyone.basins
        assert tuple(simulations["split"].values) == tuple(experiment.split_of[b] for b in everyone.basins)


def test_the_file_of_a_regression_has_its_penalties_for_each_seed(world, directory, calibrated):
    seeds = "calibrate.seeds=[0, 1]"
    calibrated(seeds)
    with opened(load_config(str(world / "world.yaml"), assignments=[seeds]), directory) as job:
        regionalise(job, "regression")
    with xr.open_dataset(directory / "calibrate" / "sceua-legacy-regression" / "60" / "parameters.nc") as found:
        assert found["penalty"].dims == ("seed", "parameter")
        assert found["penalty"].shape == (2, len(SPACE))
        assert np.isin(found["penalty"], PENALTIES).all()
        assert "donor" not in found


def test_attributes_are_scaled_on_the_basins_to_fit_alone(world, directory, calibrated):
    calibrated()
    with opened(load_config(str(world / "world.yaml")), directory) as job:
        experiment, donors = job.experiment, job.experiment.splits.fit
        values = np.tile(SPACE.defaults, (len(donors), 1)) * np.linspace(0.9, 1.1, len(donors))[:, None]
        before = carried(experiment, donors, values, "regression")
        (ungauged,) = experiment.splits.ungauged
        experiment.attributes.loc[ungauged] *= 1.3
        after = carried(experiment, donors, values, "regression")
    same = np.array(experiment.basins) != ungauged
    assert (before.values[same] == after.values[same]).all()
    assert (before.values[~same] != after.values[~same]).any()
