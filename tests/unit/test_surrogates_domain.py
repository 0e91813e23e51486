import numpy as np

from surrogates.domain import Domain

RNG = np.random.default_rng(0)
UNIT, PROPERTIES = RNG.random((200, 3)), RNG.normal(5.0, 2.0, (200, 2))
DOMAIN = Domain.fit(UNIT, PROPERTIES, np.arange(160), np.arange(160, 200))


def test_about_one_held_out_run_in_a_hundred_is_flagged() -> None:
    assert DOMAIN.flag(UNIT[160:], PROPERTIES[160:]).mean() <= 0.05


def test_training_runs_are_inside() -> None:
    assert not DOMAIN.flag(UNIT[:160], PROPERTIES[:160]).mean() > 0.05


def test_far_properties_are_outside() -> None:
    assert DOMAIN.flag(UNIT[:5], PROPERTIES[:5] + 30.0).all()


def test_parameters_outside_the_box_are_infinitely_far() -> None:
    assert np.isinf(DOMAIN.score([[0.5, 1.2, 0.5]], PROPERTIES[:1])).all()


def test_the_score_grows_with_the_distance() -> None:
    scores = DOMAIN.score(np.full((4, 3), 0.5), 5.0 + np.array([[0.0], [8.0], [16.0], [32.0]]) * np.ones((1, 2)))
    assert (np.diff(scores) > 0).all()


def test_without_held_out_runs_the_training_runs_own_distances_are_the_measure() -> None:
    domain = Domain.fit(UNIT, PROPERTIES, np.arange(200), np.arange(0))
    assert domain.reach > 0
    assert domain.flag(UNIT, PROPERTIES).mean() <= 0.02
