import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from subprocess import run

import numpy as np
import pytest

import surrogates
from legacy_models.files import sha256_of_file
from legacy_models.run_set import RunSet
from surrogates import bundle
from surrogates.queries import Queries
from surrogates.surrogate import Surrogate
from surrogates.windows import gather
from tests.recorded_runs import SPACE, recorded_runs, tiny_surrogate

PROGRAM = """
import sys
from pathlib import Path

import numpy as np

import surrogates
from surrogates.windows import gather
from tests.recorded_runs import recorded_runs

runs, surrogate = gather(recorded_runs()), surrogates.load(Path(sys.argv[1]))
site = runs.site
past = runs.antecedent[site, 0]
np.save(sys.argv[2], surrogate.predict(runs.forcing[site], past, runs.parameters, runs.properties))
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Surrogate, RunSet]:
    return tiny_surrogate(tmp_path_factory.mktemp("fit"), epochs=1, initial_epochs=1, members=2)


def simulated(surrogate: Surrogate) -> np.ndarray:
    runs = gather(recorded_runs())
    return surrogate.predict(runs.forcing[runs.site], runs.antecedent[runs.site, 0], runs.parameters, runs.properties)


def test_a_bundle_gives_the_same_numbers_in_a_fresh_process(trained: tuple[Surrogate, RunSet], tmp_path: Path) -> None:
    bundle.save(trained[0], tmp_path / "bundle")
    output = tmp_path / "simulated.npy"
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "bundle"), str(output)]
    run(command, check=True, cwd=root, env={**os.environ, "PYTHONPATH": str(root)}, capture_output=True)
    np.testing.assert_array_equal(np.load(output), simulated(trained[0]))


def test_a_loaded_surrogate_is_frozen_and_has_its_card_and_domain(
    trained: tuple[Surrogate, RunSet], tmp_path: Path
) -> None:
    loaded = surrogates.load(bundle.save(trained[0], tmp_path / "bundle"))
    assert all(not network.trainable_weights for member in loaded.members for network in member.networks)
    assert loaded.spec == trained[0].spec
    assert loaded.card["sites"] == trained[0].card["sites"]
    assert loaded.domain is not None
    queries = Queries.of_runs(trained[1])
    np.testing.assert_array_equal(loaded.domain.score(queries), trained[0].domain.score(queries))


def test_a_bundle_of_the_first_schema_goes_on_with_the_distances_that_it_has(
    trained: tuple[Surrogate, RunSet], tmp_path: Path
) -> None:
    path, runs = bundle.save(trained[0], tmp_path / "bundle"), trained[1]
    known = np.concatenate([SPACE.to_unit(runs.parameters), runs.properties], axis=1)
    spread = 2.0 * np.where(known.std(axis=0) > 1e-6, known.std(axis=0), 1.0)
    points = ((known - known.mean(axis=0)) / spread).astype(np.float32)
    np.savez(path / "domain.npz", points=points, centre=known.mean(axis=0), spread=spread, reach=0.5)
    card = json.loads((path / "card.json").read_text())
    card["schema_version"], card["files"]["domain.npz"] = 1, sha256_of_file(path / "domain.npz")
    (path / "card.json").write_text(json.dumps(card))
    domain = surrogates.load(path).domain
    assert domain is not None
    queries = Queries.of_runs(runs)
    nearest = np.sort(np.linalg.norm(points[:, None] - points[None], axis=-1), axis=1)[:, :5].mean(axis=1)
    np.testing.assert_allclose(domain.score(queries), nearest / 0.5, rtol=1e-4)
    assert np.isinf(domain.score(replace(queries, unit=queries.unit + 1.0))).all()


def test_saving_again_replaces_the_bundle_whole(trained: tuple[Surrogate, RunSet], tmp_path: Path) -> None:
    bundle.save(trained[0], tmp_path / "bundle")
    bundle.save(replace(trained[0], card={"note": "second"}), tmp_path / "bundle")
    assert surrogates.load(tmp_path / "bundle").card["note"] == "second"
    assert [item.name for item in tmp_path.iterdir()] == ["bundle"]


def test_a_figure_that_is_not_a_number_is_null_in_the_card(trained: tuple[Surrogate, RunSet], tmp_path: Path) -> None:
    scored = replace(trained[0], card={"held_out": {"swe": {"nse_median": float("nan")}}})
    text = (bundle.save(scored, tmp_path / "bundle") / "card.json").read_text()
    assert json.loads(text)["held_out"]["swe"]["nse_median"] is None
