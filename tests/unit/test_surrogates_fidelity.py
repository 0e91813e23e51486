"""Scores of a surrogate against series whose scores are worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from legacy_models.model import Variable
from legacy_models.run_set import ModelInfo, RunSet
from surrogates.fidelity import (
    Comparison,
    compare,
    created_water,
    held_out_rows,
    rank_correlation,
    run_scores,
    scores,
    scores_by_strata,
    streamflow_errors,
)
from surrogates.surrogate import Surrogate
from tests.recorded_runs import MODEL, tiny_surrogate

DAYS = 400
DATES = np.datetime64("2000-01-01") + np.arange(DAYS)


def comparison(recorded: np.ndarray, simulated: np.ndarray, model: ModelInfo = MODEL) -> Comparison:
    dates = np.datetime64("2000-01-01") + np.arange(recorded.shape[1])
    return Comparison.of(model, dates, recorded.astype(np.float32), simulated.astype(np.float32))


def random_series(runs: int = 5, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((runs, DAYS, 2)) * [3.0, 40.0]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Surrogate, RunSet]:
    return tiny_surrogate(tmp_path_factory.mktemp("fit"))


def test_a_perfect_surrogate_scores_one_everywhere() -> None:
    figures = scores(comparison(random_series(), random_series()))
    assert set(figures) == {"runoff", "storage", "runoff_total"}
    for one in figures.values():
        assert {name: value for name, value in one.items() if name.startswith("nse")} == {
            "nse_median": 1.0, "nse_p05": 1.0, "nse_floored_median": 1.0, "nse_floored_p05": 1.0,
        }  # fmt: skip
        assert one["rmse_median"] == one["rmse_over_mean_median"] == 0.0


def test_the_floor_counts_in_a_nearly_constant_series_and_the_raw_figure_stands_beside_it() -> None:
    recorded, simulated = np.ones((1, DAYS, 2)), np.ones((1, DAYS, 2))
    recorded[0, ::2, 0], recorded[0, 1::2, 0] = 0.99, 1.01  # deviation 0.01 mm/day
    simulated[0, :, 0] = recorded[0, :, 0] + 0.02
    one = run_scores(comparison(recorded, simulated))["runoff_total"]
    assert one.nse == pytest.approx([1 - 0.02**2 / 0.01**2], abs=1e-3)
    assert one.nse_floored == pytest.approx([1 - 0.02**2 / 0.2**2], abs=1e-6)
    assert one.rmse == pytest.approx([0.02], abs=1e-6)
    assert one.rmse_over_mean == pytest.approx([0.02], abs=1e-6)


def test_a_store_of_less_than_five_millimetres_has_no_floored_score() -> None:
    recorded = random_series(2)
    recorded[0, :, 1] *= 0.1
    one = run_scores(comparison(recorded, recorded))["storage"]
    assert np.isnan(one.nse_floored).tolist() == [True, False]
    assert np.isfinite(one.nse).all()


def test_what_cannot_be_scored_is_none() -> None:
    dry = np.zeros((3, DAYS, 2))
    assert scores(comparison(dry, dry))["runoff"] == {
        "nse_median": None, "nse_p05": None, "nse_floored_median": 1.0, "nse_floored_p05": 1.0,
        "rmse_median": 0.0, "rmse_over_mean_median": None,
    }  # fmt: skip


def test_an_error_at_the_highest_flows_shows_in_their_regime_only() -> None:
    recorded = random_series()
    simulated = recorded.copy()
    highest = recorded[..., 0] > np.quantile(recorded[..., 0], 0.98, axis=1, keepdims=True)
    simulated[highest, 0] += 0.5
    regimes = scores_by_strata(comparison(recorded, simulated))["regime"]
    assert regimes["low"]["runoff_total"]["rmse_median"] == 0.0
    assert regimes["middle"]["runoff_total"]["rmse_median"] == 0.0
    assert regimes["top"]["runoff_total"]["rmse_median"] == pytest.approx(0.5, rel=1e-5)


def test_an_error_in_summer_shows_in_summer_only() -> None:
    recorded = random_series()
    simulated = recorded.copy()
    summer = np.isin(DATES, np.arange("2000-06-01", "2000-09-01", dtype="datetime64[D]"))
    simulated[:, summer, 1] += 2.0
    seasons = scores_by_strata(comparison(recorded, simulated))["season"]
    wrong = {name: figures["storage"]["rmse_median"] for name, figures in seasons.items()}
    assert wrong == {"DJF": 0.0, "MAM": 0.0, "JJA": pytest.approx(2.0, rel=1e-5), "SON": 0.0}


def test_groups_of_runs_are_scored_apart_and_empty_ones_left_out() -> None:
    recorded, simulated = random_series(), random_series()
    simulated[3:] += 1.0
    first = np.arange(5) < 3
    groups = {"kind": {"near": first, "far": ~first, "none": np.zeros(5, bool)}}
    kinds = scores_by_strata(comparison(recorded, simulated), groups)["kind"]
    assert set(kinds) == {"near", "far"}
    assert kinds["near"]["runoff"]["rmse_median"] == 0.0
    assert kinds["far"]["runoff"]["rmse_median"] == pytest.approx(1.0, rel=1e-5)


def test_the_slowest_tenth_of_the_runs_is_scored_apart() -> None:
    recorded = np.random.default_rng(0).random((10, 3 * 365, 2))
    recorded[4, :, 1] = np.linspace(50.0, 10.0, 3 * 365)
    simulated = recorded.copy()
    simulated[4] += 1.0
    slow = scores_by_strata(comparison(recorded, simulated))["memory"]["slowest_tenth"]
    assert slow["runoff"]["rmse_median"] == pytest.approx(1.0, rel=1e-5)


def test_the_error_of_streamflow_is_relative_to_its_deviation_of_at_least_the_floor() -> None:
    recorded = np.zeros((2, DAYS, 2))
    recorded[1, ::2, 0] = 2.0  # deviation 1 mm/day
    error = streamflow_errors(comparison(recorded, recorded + 0.1))
    assert error == pytest.approx([0.1 / 0.2, 0.1 / 1.0], rel=1e-5)


def test_water_that_only_the_surrogate_lets_out_is_a_share_of_the_rain() -> None:
    model = replace(MODEL, outputs=(Variable("runoff", "mm/day"), Variable("evaporation", "mm/day")), states=())
    recorded = np.ones((2, DAYS, 2))
    simulated = recorded + np.array([[[0.1, 0.2]], [[-0.1, 0.1]]])
    assert created_water(comparison(recorded, simulated, model), np.full((2, DAYS), 3.0)) == pytest.approx(
        [0.1, 0.0], abs=1e-6
    )


def test_rank_correlation_follows_order_and_not_size() -> None:
    assert rank_correlation([1, 2, 3, 4], [1, 10, 100, 1000]) == pytest.approx(1.0)
    assert rank_correlation([1, 2, 3, np.nan], [3, 2, 1, 5]) == pytest.approx(-1.0)
    assert rank_correlation([1, 2, 3], [4, 4, 4]) is None
    assert rank_correlation([1, 2], [2, 1]) is None


def test_held_out_runs_are_compared_in_one_go(trained: tuple[Surrogate, RunSet]) -> None:
    surrogate, run_set = trained
    rows = held_out_rows(surrogate, run_set)
    assert [run_set.keys[i] for i in rows] == surrogate.card["held_out_keys"]
    one = compare(surrogate, run_set, rows)
    np.testing.assert_array_equal(one.recorded[..., :-1], run_set.outputs[rows])
    np.testing.assert_array_equal(one.recorded[..., -1], run_set.outputs[rows][..., 0])
    assert one.simulated.shape == one.recorded.shape
