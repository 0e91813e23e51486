from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from legacy_models.errors import BundleError, UsageError
from surrogates import bundle
from surrogates.calibration import LEVELS, Calibration
from surrogates.ensemble import calibrated, judged, predict, run_spread
from surrogates.fidelity import held_out_rows
from surrogates.queries import Queries
from surrogates.surrogate import Surrogate
from surrogates.windows import gather
from tests.recorded_runs import recorded_runs, tiny_surrogate

RUNS, DAYS = 60, 200


def made_up(seed: int, runs: int = RUNS) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Errors (run, time, 1) whose size follows the spread and the mean, their mean and spread."""
    rng = np.random.default_rng(seed)
    mean = np.exp(rng.normal(0.0, 0.4, (runs, 1, 1)) + rng.normal(0.0, 0.4, (runs, DAYS, 1)))
    spread = 0.1 * mean * np.exp(rng.normal(0.0, 0.7, mean.shape))
    error = np.abs(3.0 * spread**0.8 * mean**0.2 * rng.normal(size=mean.shape))
    return error.astype(np.float32), mean.astype(np.float32), spread.astype(np.float32)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Surrogate:
    surrogate, runs = tiny_surrogate(
        tmp_path_factory.mktemp("fit"), epochs=1, initial_epochs=1, members=2, held_out_sites=0.5
    )
    return calibrated(surrogate, runs, held_out_rows(surrogate, runs))[0]


def inputs() -> list[np.ndarray]:
    runs = gather(recorded_runs())
    return [runs.forcing[runs.site], runs.antecedent[runs.site, 0], runs.parameters, runs.properties]


@pytest.mark.parametrize("level", LEVELS)
def test_intervals_hold_their_share_of_errors_that_were_not_learned_from(level: float) -> None:
    error, mean, spread = made_up(0)
    calibration = Calibration.fit(["flow"], error, mean, spread)
    error, mean, spread = made_up(1)
    half = calibration.half_width(calibration.scale(mean, spread), level)
    assert (error <= half).mean() == pytest.approx(level, abs=0.02)


def test_intervals_are_as_often_right_on_low_days_as_on_high_ones() -> None:
    error, mean, spread = made_up(0)
    calibration = Calibration.fit(["flow"], error, mean, spread)
    half = calibration.half_width(calibration.scale(mean, spread), 0.9)
    low = mean < np.median(mean)
    assert (error <= half)[low].mean() == pytest.approx((error <= half)[~low].mean(), abs=0.03)


def test_a_spread_that_is_three_times_too_small_is_corrected() -> None:
    error, mean, spread = made_up(0)
    scales = [Calibration.fit(["flow"], error, mean, k * spread).scale(mean, k * spread) for k in (1.0, 0.3)]
    assert np.median(scales[1] / scales[0]) == pytest.approx(1.0, abs=0.02)
    assert np.quantile(np.abs(scales[1] / scales[0] - 1.0), 0.95) < 0.1


def test_a_single_member_has_error_bars_too() -> None:
    error, mean, spread = made_up(0)
    calibration = Calibration.fit(["flow"], error, mean, 0.0 * spread)
    half = calibration.half_width(calibration.scale(mean, 0.0 * spread), 0.9)
    assert (error <= half).mean() == pytest.approx(0.9, abs=0.01)


def test_a_level_that_was_not_kept_is_refused() -> None:
    with pytest.raises(UsageError, match=r"0\.9, 0\.95 of all, received 0\.99"):
        Calibration.fit(["flow"], *made_up(0, runs=4)).half_width(np.ones((1, 1, 1), np.float32), 0.99)


def test_a_prediction_has_the_outputs_their_total_and_intervals_around_them(trained: Surrogate) -> None:
    prediction = predict(trained, *inputs())
    assert prediction.names == ("runoff", "storage", "runoff_total")
    np.testing.assert_allclose(prediction.mean[..., :2], trained.predict(*inputs()), rtol=1e-6)
    np.testing.assert_allclose(prediction.mean[..., 2], prediction.mean[..., 0], rtol=1e-6)
    lower, upper = prediction.interval(0.9)
    assert ((lower <= prediction.mean) & (prediction.mean < upper)).all()
    assert (lower >= 0.0).all()
    wider = prediction.interval(0.95)
    assert (wider[1] > upper).all()


def test_the_judgement_of_a_calibration_names_every_variable(trained: Surrogate) -> None:
    runs = recorded_runs()
    rows = held_out_rows(trained, runs)
    for figures in (calibrated(trained, runs, rows)[1], judged(trained, runs, rows)):
        assert set(figures) == {"runoff", "storage", "runoff_total"}
        assert all(0.0 < one["coverage_90"] <= 1.0 and one["rank_correlation"] <= 1.0 for one in figures.values())


def test_on_the_runs_that_it_was_learned_from_a_calibration_covers_what_it_says(trained: Surrogate) -> None:
    runs = recorded_runs()
    figures = judged(trained, runs, held_out_rows(trained, runs))
    assert [one["coverage_90"] for one in figures.values()] == pytest.approx([0.9] * 3, abs=1e-3)
    assert judged(replace(trained, calibration=None), runs, held_out_rows(trained, runs)) == {}


def test_errors_of_whole_runs_are_expected_from_distance_and_spread(trained: Surrogate) -> None:
    assert trained.domain is not None
    assert set(trained.domain.errors) == {"distance", "spread", "both"}
    spread = run_spread(trained, *inputs())
    assert spread is not None
    judged = trained.domain.judge(replace(Queries.of_runs(recorded_runs()), spread=spread))
    assert (judged.error > 0.0).all()
    assert (judged.spread > 0.0).all()


def test_a_single_member_has_no_spread_and_errors_are_expected_from_the_distance(trained: Surrogate) -> None:
    runs, alone = recorded_runs(), replace(trained, members=trained.members[:1])
    assert run_spread(alone, *inputs()) is None
    known = calibrated(alone, runs, held_out_rows(alone, runs))[0].domain
    assert known is not None
    assert set(known.errors) == {"distance"}
    assert np.isfinite(known.error(Queries.of_runs(runs))).all()


def test_error_bars_survive_saving(trained: Surrogate, tmp_path: Path) -> None:
    loaded = bundle.load(bundle.save(trained, tmp_path / "bundle"))
    assert loaded.calibration == trained.calibration
    np.testing.assert_array_equal(predict(loaded, *inputs()).scale, predict(trained, *inputs()).scale)


def test_without_held_out_runs_there_is_no_calibration_and_prediction_says_so(trained: Surrogate) -> None:
    alone = replace(trained, card={**trained.card, "held_out_keys": []}, calibration=None)
    runs = recorded_runs()
    known, figures = calibrated(alone, runs, held_out_rows(alone, runs))
    assert known.calibration is None
    assert figures == {}
    with pytest.raises(BundleError, match="no calibration"):
        predict(alone, *inputs())
