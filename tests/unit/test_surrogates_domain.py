from dataclasses import replace

import numpy as np
import pytest

from legacy_models.errors import ShapeError
from legacy_models.model import Forcing, Variable
from surrogates import domain_file
from surrogates.climate_summary import annual
from surrogates.domain import Domain
from surrogates.queries import Queries
from tests.climate_runs import climate_runs, under_another_climate

RUNS = climate_runs()
BASINS = np.array([int(name) for name in RUNS.basins])
HELD_OUT = np.flatnonzero((BASINS >= 54) | (np.arange(len(RUNS)) % 10 == 3))
TRAIN = np.setdiff1d(np.arange(len(RUNS)), HELD_OUT)
QUERIES = Queries.of_runs(RUNS)
DOMAIN = Domain.fit(RUNS, TRAIN, HELD_OUT)
KNOWN = QUERIES.only(TRAIN)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_of_queries_drawn_like_the_training_runs_two_in_a_hundred_are_flagged_at_most(seed: int) -> None:
    unit = np.random.default_rng(seed).random((len(KNOWN), 2))
    assert DOMAIN.flag(replace(KNOWN, unit=unit)).mean() <= 0.02


def test_of_held_out_runs_two_in_a_hundred_are_flagged_at_most() -> None:
    assert DOMAIN.flag(QUERIES.only(HELD_OUT)).mean() <= 0.02


def test_unseen_sites_that_are_drawn_like_the_others_are_mostly_inside() -> None:
    others = Queries.of_runs(climate_runs(seed=7))
    assert DOMAIN.flag(others).mean() <= 0.1


def test_a_warmed_and_wetted_climate_at_a_known_site_is_flagged() -> None:
    elsewhere = Queries.of_runs(under_another_climate(RUNS, 1.2, 4.0)).only(TRAIN)
    judged = DOMAIN.judge(elsewhere)
    assert judged.flagged.mean() >= 0.95
    assert (judged.distance <= 1.0).mean() >= 0.5  # the distance alone does not see it


def test_a_single_year_of_the_recorded_climate_is_seldom_another_climate() -> None:
    sites, first = np.unique(RUNS.sites[TRAIN], return_index=True)
    years = np.array([annual(RUNS.forcing[str(site)]) for site in sites])
    asked = KNOWN.only(np.repeat(first, years.shape[1]))
    judged = DOMAIN.judge(replace(asked, climate=years.reshape(len(asked), -1), years=1.0))
    assert (judged.climate > 1.0).mean() <= 0.02


def test_far_properties_are_outside() -> None:
    far = replace(KNOWN, properties=KNOWN.properties + np.array([40.0, 10000.0]))
    assert DOMAIN.flag(far).all()


def test_parameters_outside_the_box_are_infinitely_far() -> None:
    one = KNOWN.only([0])
    assert np.isinf(DOMAIN.score(replace(one, unit=np.array([[0.5, 1.2]])))).all()
    assert np.isinf(DOMAIN.score(replace(one, unit=np.array([[np.nan, 0.5]])))).all()


def test_what_the_training_runs_left_out_of_the_box_is_outside() -> None:
    half = TRAIN[QUERIES.unit[TRAIN, 0] < 0.5]
    truncated = Domain.fit(RUNS, half, HELD_OUT[QUERIES.unit[HELD_OUT, 0] < 0.5])
    left_out = QUERIES.only(QUERIES.unit[:, 0] > 0.52)
    assert truncated.flag(left_out).all()
    assert truncated.flag(QUERIES.only(half)).mean() <= 0.02


def test_the_score_grows_with_the_distance() -> None:
    one = KNOWN.only([0, 0, 0, 0])
    away = replace(one, properties=one.properties + np.array([[0.0], [5.0], [10.0], [20.0]]) * np.ones((1, 2)))
    assert (np.diff(DOMAIN.judge(away).distance) > 0).all()


def test_properties_that_the_model_calls_implausible_are_outside() -> None:
    gain = replace(RUNS.model.properties[0], lower=0.0, upper=60.0)
    bounded = replace(RUNS, model=replace(RUNS.model, properties=(gain, RUNS.model.properties[1])))
    domain = Domain.fit(bounded, TRAIN, HELD_OUT)
    one = KNOWN.only([0])
    assert np.isinf(domain.score(replace(one, properties=np.array([[60.1, 100.0]])))).all()


def test_a_property_that_follows_the_climate_does_not_hide_that_it_changed() -> None:
    """VIC's mean temperature is derived from the forcing: under a warmer one the site seems to be another."""

    def told(runs, queries: Queries) -> np.ndarray:
        return np.column_stack([queries.properties[:, :1], queries.climate[:, 3]])

    warmer = under_another_climate(RUNS, 1.2, 4.0)
    now = replace(RUNS, properties=told(RUNS, QUERIES))
    then = replace(warmer, properties=told(warmer, Queries.of_runs(warmer)))
    domain = Domain.fit(now, TRAIN, HELD_OUT)
    assert domain.site_climate is not None
    assert (domain.site_climate.scale > 0).tolist() == [True, False]
    assert domain.flag(Queries.of_runs(then).only(TRAIN)).mean() >= 0.95


def test_without_held_out_runs_the_training_runs_own_distances_are_the_measure() -> None:
    domain = Domain.fit(RUNS, np.arange(len(RUNS)), np.arange(0))
    assert domain.reach > 0
    assert domain.flag(QUERIES).mean() <= 0.02


def test_a_model_that_reads_no_weather_has_a_domain_of_parameters_and_properties() -> None:
    inflow = {site: Forcing(one.dates, one.values[:, :1], ("inflow",)) for site, one in RUNS.forcing.items()}
    runs = replace(RUNS, model=replace(RUNS.model, forcing=(Variable("inflow", "mm/day"),)), forcing=inflow)
    domain = Domain.fit(runs, TRAIN, HELD_OUT)
    judged = domain.learned_from(Queries.of_runs(runs), np.full(len(RUNS), 0.1)).judge(Queries.of_runs(runs))
    assert (judged.climate == 0.0).all()
    assert judged.flagged.mean() <= 0.02
    assert judged.error == pytest.approx(0.1, rel=0.5)


def test_queries_of_another_model_are_refused() -> None:
    with pytest.raises(ShapeError, match="2 parameters, 2 properties"):
        DOMAIN.score(replace(KNOWN, unit=KNOWN.unit[:, :1]))
    with pytest.raises(ShapeError, match="one row for each query"):
        replace(KNOWN, unit=KNOWN.unit[:1])


def test_a_domain_survives_being_written_as_arrays() -> None:
    error = 0.1 * DOMAIN.judge(QUERIES).distance
    domain = DOMAIN.learned_from(replace(QUERIES, spread=error), error)
    again = domain_file.from_arrays(domain_file.to_arrays(domain))
    asked = replace(QUERIES, spread=2.0 * error)
    for name, value in vars(domain.judge(asked)).items():
        np.testing.assert_array_equal(getattr(again.judge(asked), name), value)


def test_an_exact_law_of_the_error_is_found() -> None:
    rng = np.random.default_rng(0)
    distance, spread = DOMAIN.judge(QUERIES).distance, np.exp(rng.normal(-2.0, 0.5, len(QUERIES)))
    error = 3.0 * spread * np.exp(0.2 * QUERIES.unit[:, 0])
    asked = replace(QUERIES, spread=spread)
    domain = DOMAIN.learned_from(asked, error)
    near = distance <= 1.0
    np.testing.assert_allclose(domain.error(asked)[near], error[near], rtol=0.05)
    assert domain.errors["both"].slopes == pytest.approx([0.0, 1.0], abs=0.05)
    assert np.isfinite(domain.judge(QUERIES).error).all()  # known without the spread, less well
    assert np.isnan(DOMAIN.judge(QUERIES).error).all()
    assert np.isnan(domain.judge(QUERIES).spread).all()
    assert (domain.judge(asked).spread <= 1.0).mean() >= 0.98


def test_error_models_rank_errors_that_follow_distance_and_spread() -> None:
    rng = np.random.default_rng(1)
    distance = DOMAIN.judge(QUERIES).distance
    spread = np.exp(rng.normal(-2.0, 0.7, len(QUERIES)))
    error = spread**0.8 * distance * np.exp(rng.normal(0.0, 0.2, len(QUERIES)))
    asked = replace(QUERIES, spread=spread)
    domain = DOMAIN.learned_from(asked.only(HELD_OUT), error[HELD_OUT])
    expected = domain.error(asked.only(TRAIN))
    above = error[TRAIN] > np.quantile(error[TRAIN], 0.9)
    ranks = expected.argsort().argsort() + 1
    auroc = (ranks[above].sum() - above.sum() * (above.sum() + 1) / 2) / (above.sum() * (~above).sum())
    assert auroc >= 0.95


def test_the_chance_of_an_error_above_the_tolerance_is_one_half_where_it_is_expected() -> None:
    error = 0.2 * np.exp(np.random.default_rng(2).normal(0.0, 0.5, len(QUERIES)))
    model = DOMAIN.learned_from(QUERIES, error).errors["distance"]
    assert model.chance(np.array([0.2]), 0.2) == pytest.approx([0.5])
    expected = DOMAIN.learned_from(QUERIES, error).error(QUERIES)
    assert model.chance(expected, 0.4).mean() == pytest.approx((error > 0.4).mean(), abs=0.02)


def test_beyond_all_runs_the_expected_error_goes_on_rising() -> None:
    rng = np.random.default_rng(3)
    error = 0.1 * np.exp(rng.normal(0.0, 0.5, len(QUERIES)))  # the same at any distance within
    domain = DOMAIN.learned_from(QUERIES, error)
    one = KNOWN.only([0, 0, 0])
    away = replace(one, properties=one.properties * np.array([[1.0], [3.0], [9.0]]))
    expected = domain.error(away)
    assert expected[1] > 1.5 * expected[0]
    assert expected[2] > 1.5 * expected[1]
