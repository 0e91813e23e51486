"""The real VIC 5 takes the adapter's files as they are, and its output is read and judged good."""

import os

import numpy as np
import pytest

from legacy_models.metrics import nse
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
    "gvf_max": 0.7,
    "slope_mean": 60.0,
    "area_gages2": 600.0,
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


@pytest.mark.parametrize(
    "options",
    [
        {"tiles": 2},
        {"tiles": 3, "steps_per_day": 6},
        {"snow_bands": 5},
        {"tiles": 3, "snow_bands": 3, "steps_per_day": 8},
        {"rain_snow": True},
    ],
)
def test_vic_5_and_the_embedded_program_agree_under_every_option(executable, tmp_path, options):
    """The same files go to both: shares of the cell, bands, zero-area bands and constants mean the same to them."""
    real, embedded = (VicModel(executable=e, spinup_years=1, **options) for e in (executable, None))
    start, end = np.datetime64("2001-10-01"), np.datetime64("2002-09-30")
    places = [{"elev_mean": 2000.0, "frac_forest": 0.4}, {"slope_mean": 0.5, "frac_forest": 0.1, "gvf_max": 0.3}]
    values = np.stack([real.parameters.defaults, real.parameters.from_unit(np.full(len(real.parameters), 0.3))])
    values[:, 11:] = values[1, 11:]
    sites = [real.site(str(i), ATTRIBUTES | place, weather()) for i, place in enumerate(places)]
    runs = [Run(site, row, start, end) for site in sites for row in values]
    pairs = zip(run_batch(real, runs, tmp_path / "real"), run_batch(embedded, runs, tmp_path / "embedded"), strict=True)
    for theirs, ours in pairs:
        assert (theirs.status, theirs.reason, ours.status, ours.reason) == ("ok", "", "ok", "")
        recorded, simulated = (
            np.hstack([r.outputs[:, :2].sum(axis=1)[:, None], r.outputs[:, 2:]]) for r in (theirs, ours)
        )
        assert (nse(recorded.T.astype(np.float64), simulated.T.astype(np.float64)) > 0.97).all()
