"""Fixtures of several tests: a synthetic world to calibrate in."""

import shutil

import pytest

from pipeline.calibration import calibrate, folder
from pipeline.config import load_config
from pipeline.job import opened
from tests.reservoir_world import WORLD, in_process


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Folder with the configuration, and a run's directory that has the data already."""
    place = tmp_path_factory.mktemp("world")
    (place / "world.yaml").write_text(WORLD)
    with opened(load_config(str(place / "world.yaml")), place / "run"):
        return place


@pytest.fixture
def directory(world, tmp_path, monkeypatch):
    """A run's directory of its own, whose legacy runs need no processes."""
    monkeypatch.setattr("legacy_models.sandboxes.attempt_batch", in_process)
    shutil.copytree(world / "run", tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def calibrated(world, directory):
    """Return a function that calibrates with changes of the configuration and returns the folder of the results."""

    def run(*assignments, where=directory):
        config = load_config(str(world / "world.yaml"), assignments=assignments)
        with opened(config, where) as job:
            calibrate(job)
            return folder(where, job.experiment)

    return run
