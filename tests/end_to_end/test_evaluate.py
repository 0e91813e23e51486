"""What ``dpl evaluate`` says of a finished run is what the run said of itself, with more beside it."""

import json

import pandas as pd
import pytest
import xarray as xr

from pipeline.evaluation.evaluate import evaluate

METHODS = {
    "learned_parameters": "closed_loop",
    "surrogate": "through_surrogate",
    "default_parameters": "default_parameters",
    "hidden_parameters": "hidden_parameters",
}


def test_medians_are_those_of_the_summary(finished_run, tmp_path):
    evaluate([str(finished_run)], out=tmp_path, resamples=100)
    summary = json.loads((finished_run / "summary.json").read_text())
    table = pd.read_csv(tmp_path / "summary.csv").query("subset == 'all'").set_index(["split", "method", "figure"])
    for split in ("test", "ungauged"):
        for method, source in METHODS.items():
            own = summary[source][split]
            for figure in ("nse", "kge", "pbias"):
                row = table.loc[(split, method, figure)]
                assert row["median"] == pytest.approx(own[f"{figure}_median"], rel=1e-3, abs=1e-3)
            assert table.loc[(split, method, "nse"), "basins"] == own["basins"]
            assert table.loc[(split, method, "nse"), "p05"] == pytest.approx(own["nse_p05"], rel=1e-3, abs=1e-3)


def test_a_run_keeps_what_its_basins_are_divided_by(finished_run):
    with xr.open_dataset(finished_run / "simulations.nc") as data:
        assert {"frac_snow", "aridity"} <= set(data.variables)
        assert data["frac_snow"].dims == ("basin",)
