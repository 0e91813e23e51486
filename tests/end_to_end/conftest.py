"""The whole job on the smallest complete legacy model, once a session."""

import pytest

from pipeline.config import Config, load_config

TINY = """
seed: 0
data:
  reader: synthetic
  options: {basins: 10, start: 1999-10-01, end: 2005-09-30, legacy_model: linear_reservoir}
splits: {ungauged_share: 0.2, validation_share: 0.1}
periods:
  test: [2000-10-01, 2001-09-30]
  fit: [2001-10-01, 2004-09-30]
  validation: [2004-10-01, 2005-09-30]
legacy_model: {name: linear_reservoir, spinup_years: 2}
design: {runs_per_basin: 6}
surrogate: {window: 180, batch: 16, epochs: 2, steps: 8, initial_epochs: 1, initial_steps: 40, initial_batch: 256}
dpl: {epochs: 2, steps_per_epoch: 3, warmup_days: 120, loss_days: 200}
refine: {rounds: 1, runs_per_basin: 3, surrogate: {epochs: 1}, dpl: {epochs: 1}}
fidelity: {gradient_pairs: 4}
tracking: {search: false}
"""


@pytest.fixture(scope="session")
def tiny_config_file(tmp_path_factory):
    """Path of a configuration that runs in seconds."""
    path = tmp_path_factory.mktemp("config") / "tiny.yaml"
    path.write_text(TINY)
    return path


@pytest.fixture(scope="session")
def tiny_config(tiny_config_file, tmp_path_factory) -> Config:
    """That configuration, tracked in a database of its own."""
    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    return load_config(str(tiny_config_file), assignments=[f"tracking.uri=sqlite:///{database}"])


@pytest.fixture(scope="session")
def finished_run(tiny_config, tmp_path_factory):
    """Directory of a run that went through all stages."""
    from pipeline.stages import run_until

    directory = tmp_path_factory.mktemp("runs") / "tiny"
    run_until("report", tiny_config, directory)
    return directory
