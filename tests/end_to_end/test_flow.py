"""The Prefect flow runs the same stages and leaves the same files."""

import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def prefect_server():
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield


def test_the_flow_goes_through_all_stages(prefect_server, finished_run, tiny_config_file, tiny_config):
    from flows.train import train_dpl

    before = (finished_run / "summary.json").read_text()
    path = train_dpl(
        surrogate="linear_reservoir",
        config=str(tiny_config_file),
        out=str(finished_run),
        assignments=[f"tracking.uri={tiny_config.tracking.uri}"],
    )
    assert json.loads(before) == json.loads(Path(path).read_text())


def test_a_configuration_mistake_fails_the_flow_with_its_line(prefect_server, tmp_path):
    from flows.train import train_dpl
    from legacy_models.errors import UsageError

    with pytest.raises(UsageError, match="no such file"):
        train_dpl.with_options(retries=0)(config=str(tmp_path / "none.yaml"), out=str(tmp_path / "run"))
