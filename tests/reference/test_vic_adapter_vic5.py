"""The real VIC 5 takes the adapter's files as they are, and its output is read and judged good."""

import os

import numpy as np
import pytest

from legacy_models.model import Forcing, Run
from legacy_models.runner import run_batch
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.disaggregation import NEEDED

pytestmark = pytest.mark.vic5

ATTRIBUTES = {
    "gauge_lat": 41.5,
    "elev_mean": 350.0,
    "soil_porosity": 0.43,
    "sand_frac": 40.0,
    "silt_frac": 40.0,
    "clay_frac": 18.0,
    "frac_forest": 0.8,
    "lai_max": 5.0,
    "lai_diff": 4.0,
}


@pytest.fixture
def executable():
    path = os.environ.get("DPL_VIC_EXE")
    if not path:
        pytest.skip("DPL_VIC_EXE does not name a VIC 5 executable")
    return path


def weather():
    rng = np.random.default_rng(0)
    dates = np.arange("2000-10-01", "2002-10-01", dtype="datetime64[D]")
    season = -np.cos(2 * np.pi * (np.arange(len(dates)) + 250) / 365.25)
    tmin = 2 + 12 * season + rng.normal(0, 3, len(dates))
    rain = np.where(rng.random(len(dates)) < 0.3, rng.gamma(0.8, 10, len(dates)), 0)
    srad, dayl = 300 + 120 * season, 43200 + 10000 * season
    columns = [rain, tmin, tmin + 9, srad, 610.78 * np.exp(17.269 * tmin / (237.3 + tmin)), dayl]
    return Forcing(dates, np.stack(columns, axis=1), NEEDED)


@pytest.mark.parametrize("output_format", ["BINARY", "ASCII"])
def test_vic_5_runs_on_the_files_that_are_written_for_it(executable, tmp_path, output_format):
    model = VicModel(executable=executable, spinup_years=1, output_format=output_format)
    site = model.site("any", ATTRIBUTES, weather())
    values = model.parameters.from_unit(np.random.default_rng(1).random((4, len(model.parameters))))
    start, end = np.datetime64("2001-10-01"), np.datetime64("2002-09-30")
    results = run_batch(model, [Run(site, one, start, end) for one in values], tmp_path / "batch")
    assert [(result.status, result.reason) for result in results] == [("ok", "")] * 4
