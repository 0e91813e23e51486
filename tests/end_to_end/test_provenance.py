"""A run store is enough to train a surrogate: moved elsewhere, with no model, no configuration and no data at hand."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from legacy_models.ensemble import local_executor, simulate
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run
from legacy_models.store import RunStore

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
MODEL = LinearReservoir(spinup_years=1)
START, END = np.datetime64("2001-01-01"), np.datetime64("2001-12-31")

STRANGER = """
import json, sys
from pathlib import Path
import numpy as np

for name in ("legacy_models.linear_reservoir", "legacy_models.vic", "pipeline"):
    sys.modules[name] = None  # whatever needs the model or the configuration fails

from legacy_models.store import RunStore
from surrogates import bundle
from surrogates.settings import TrainSettings
from surrogates.train import train

settings = TrainSettings(
    options={"hidden": 8, "features": 4, "static": 4}, window=30, batch=8, epochs=2, steps=4,
    initial_epochs=1, initial_steps=4, initial_batch=32, held_out_sites=0.25, held_out_sets=0.2,
)
with RunStore.open(Path(sys.argv[1])) as store:
    (holding,) = store.holdings()
    runs = store.read(holding.model.version, holding.start, holding.end)
surrogate = train(runs, settings, Path(sys.argv[2]) / "checkpoints")
path = bundle.save(surrogate, Path(sys.argv[2]) / "surrogate")
(parameter,) = runs.model.parameters.parameters
print(json.dumps({
    "runs": len(runs), "sites": list(holding.sites), "version": runs.model.version, "spinup": runs.model.spinup_years,
    "parameter": [parameter.name, parameter.lower, parameter.upper, parameter.unit, parameter.scale],
    "forcing": [[v.name, v.unit] for v in runs.model.forcing],
    "outputs": [[v.name, v.unit] for v in runs.model.outputs],
    "rain": {name: float(forcing.values.sum()) for name, forcing in runs.forcing.items()},
    "card": json.loads((path / "card.json").read_text())["spec"]["model"]["version"],
}))
"""


def site(name: str, seed: int):
    dates = np.arange(np.datetime64("2000-01-01"), END + 1)
    rain = np.random.default_rng(seed).exponential(5.0, len(dates))
    return MODEL.site(name, {}, Forcing(dates, rain[:, None], ("prcp",)))


def test_a_store_that_was_moved_trains_a_surrogate_where_there_is_no_model(tmp_path):
    sites = [site(name, seed) for seed, name in enumerate("abcd")]
    runs = [Run(place, np.array([2.0 * 1.5**n]), START, END) for place in sites for n in range(8)]
    with RunStore.open(tmp_path / "made" / "store", write=True) as store, local_executor(2) as executor:
        assert simulate(MODEL, runs, store, executor).committed == 32
    (tmp_path / "made").rename(tmp_path / "elsewhere")
    told = subprocess.run(
        [sys.executable, "-c", STRANGER, str(tmp_path / "elsewhere" / "store"), str(tmp_path)],
        capture_output=True, text=True, cwd=ROOT, env=dict(os.environ, PYTHONPATH=str(ROOT)), timeout=300,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == {
        "runs": 32,
        "sites": ["a", "b", "c", "d"],
        "version": MODEL.version,
        "spinup": 1,
        "parameter": ["residence_time", 0.5, 200.0, "day", "log"],
        "forcing": [["prcp", "mm/day"]],
        "outputs": [["flow", "mm/day"], ["storage", "mm"]],
        "rain": {place.name: float(place.forcing.values.sum()) for place in sites},
        "card": MODEL.version,
    }
