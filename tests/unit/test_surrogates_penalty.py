from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from legacy_models.errors import UsageError
from surrogates.domain import Domain
from surrogates.penalty import DomainPenalty
from surrogates.queries import Queries
from tests.unit.test_surrogates_domain import DOMAIN, HELD_OUT, QUERIES, RUNS

ERROR = 0.1 * np.exp(0.5 * QUERIES.unit[:, 1] + 0.1 * QUERIES.climate[:, 3])
LEARNED = DOMAIN.learned_from(QUERIES.only(HELD_OUT), ERROR[HELD_OUT])
RNG = np.random.default_rng(0)
ASKED = QUERIES.only(RNG.integers(0, len(QUERIES), 40))
ASKED = replace(ASKED, unit=RNG.random((40, 2)), properties=ASKED.properties * RNG.uniform(0.8, 1.3, (40, 2)))
FAR = replace(ASKED, properties=ASKED.properties * 2.0)


def tensors(queries: Queries) -> list[tf.Tensor]:
    return [tf.constant(values, tf.float32) for values in (queries.unit, queries.properties, queries.climate)]


@pytest.mark.parametrize("queries", [ASKED, FAR])
def test_both_paths_give_the_same_distance_and_expected_error(queries: Queries) -> None:
    penalty, judged = DomainPenalty(LEARNED), LEARNED.judge(queries)
    np.testing.assert_allclose(penalty.distance(*tensors(queries)), judged.distance, rtol=1e-4)
    np.testing.assert_allclose(penalty.expected(*tensors(queries)), judged.error, rtol=1e-4)


@pytest.mark.parametrize("site", [True, False])
@pytest.mark.parametrize("queries", [ASKED, FAR])
def test_the_gradient_is_that_of_finite_differences(queries: Queries, site: bool) -> None:
    penalty = DomainPenalty(LEARNED, weight=3.0, tolerance=0.12)
    unit, *rest = tensors(queries)
    others = rest if site else []
    with tf.GradientTape() as tape:
        tape.watch(unit)
        value = penalty(unit, *others)
    gradient = tape.gradient(value, unit).numpy()
    assert np.abs(gradient).max() > 1e-3
    step = 2e-3
    for row, column in [(0, 0), (7, 1), (20, 0), (33, 1)]:
        moved = np.zeros(unit.shape, np.float32)
        moved[row, column] = step
        difference = float(penalty(unit + moved, *others) - penalty(unit - moved, *others)) / (2 * step)
        assert gradient[row, column] == pytest.approx(difference, rel=0.05, abs=2e-4)


def test_a_known_point_has_a_finite_gradient() -> None:
    unit = tf.constant(DOMAIN.space.points[:3, :2] * DOMAIN.space.width[:2] + DOMAIN.space.centre[:2], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(unit)
        value = DomainPenalty(LEARNED, tolerance=1e-3)(unit)
    assert np.isfinite(tape.gradient(value, unit).numpy()).all()


def test_where_the_surrogate_is_trusted_nothing_is_felt() -> None:
    inside = QUERIES.only(LEARNED.error(QUERIES) < 0.9 * LEARNED.errors["distance"].usual)
    assert float(DomainPenalty(LEARNED)(*tensors(inside))) == 0.0


def test_descent_leads_from_a_part_of_the_box_without_runs_to_the_runs() -> None:
    half = np.flatnonzero(QUERIES.unit[:, 0] < 0.5)
    penalty = DomainPenalty(Domain.fit(RUNS, half, half[:0]))
    unit = tf.Variable([[0.9, 0.4], [0.7, 0.9]], dtype=tf.float32)
    before = float(penalty(unit))
    for _ in range(200):
        with tf.GradientTape() as tape:
            value = penalty(unit)
        unit.assign_sub(0.02 * tape.gradient(value, unit))
    assert before > 0.1
    assert (unit.numpy()[:, 0] < 0.55).all()


def test_without_the_site_routing_columns_are_ignored_and_it_compiles() -> None:
    penalty = DomainPenalty(LEARNED, tolerance=0.05)
    unit = tf.constant(ASKED.unit, tf.float32)
    routed = tf.concat([unit, 0.5 * tf.ones((40, 2))], axis=1)
    assert float(tf.function(penalty)(routed)) == pytest.approx(float(penalty(unit)), rel=1e-5)


def test_a_weight_of_zero_is_no_penalty() -> None:
    assert float(DomainPenalty(LEARNED, weight=0.0)(*tensors(FAR))) == 0.0


def test_negative_weights_and_half_a_site_are_refused() -> None:
    with pytest.raises(UsageError, match=r"received -1\.0"):
        DomainPenalty(LEARNED, weight=-1.0)
    unit, properties, _ = tensors(ASKED)
    with pytest.raises(UsageError, match="together"):
        DomainPenalty(LEARNED)(unit, properties)
