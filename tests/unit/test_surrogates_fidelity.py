import numpy as np
import pytest

from legacy_models.run_set import RunSet
from surrogates.fidelity import gradient_steps, held_out_scores, paired, scores
from surrogates.surrogate import Surrogate
from surrogates.windows import gather
from tests.recorded_runs import SPACE, tiny_surrogate


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Surrogate, RunSet]:
    return tiny_surrogate(tmp_path_factory.mktemp("fit"))


def test_a_perfect_surrogate_scores_one() -> None:
    recorded = np.random.default_rng(0).random((5, 50, 2)).astype(np.float32)
    assert scores(recorded, recorded, ["a", "b"])["b"] == {
        "nse_median": 1.0,
        "nse_p05": 1.0,
        "rmse_median": 0.0,
    }


def test_every_output_and_streamflow_are_scored(trained: tuple[Surrogate, RunSet]) -> None:
    assert set(held_out_scores(*trained)) == {"runoff", "storage", "runoff_total"}


def test_only_held_out_runs_are_scored(trained: tuple[Surrogate, RunSet]) -> None:
    surrogate, run_set = trained
    rows = np.array([run_set.keys.index(key) for key in surrogate.card["held_out_keys"]])
    recorded, simulated = paired(surrogate, run_set, rows)
    assert held_out_scores(*trained) == scores(recorded, simulated, ["runoff", "storage", "runoff_total"])


def test_a_step_along_the_gradient_improves_the_surrogate_and_stays_in_the_box(
    trained: tuple[Surrogate, RunSet],
) -> None:
    surrogate, run_set = trained
    runs = gather(run_set)
    forcing, past = runs.forcing[runs.site], runs.antecedent[runs.site, 0]
    observed = surrogate.predict(forcing, past, np.full_like(runs.parameters, 0.3), runs.properties)[..., 0]
    moved, gradient = gradient_steps(
        surrogate, forcing, past, run_set.parameters, run_set.properties, observed, size=0.01
    )
    SPACE.check(moved)
    assert gradient.shape == moved.shape
    errors = [
        np.square(surrogate.predict(forcing, past, values, runs.properties)[..., 0] - observed).sum(axis=1)
        for values in (run_set.parameters, moved)
    ]
    assert (errors[1] <= errors[0]).mean() >= 0.9
