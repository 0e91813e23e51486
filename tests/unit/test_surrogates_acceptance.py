"""The gate names what falls short and asks for nothing by default."""

import pytest

from legacy_models.errors import UsageError
from surrogates.acceptance import Acceptance, shortfalls

HELD_OUT = {
    "runoff": {"nse_floored_median": 0.9, "nse_floored_p05": 0.5},
    "swe": {"nse_floored_median": 0.7, "nse_floored_p05": 0.1},
    "empty": {"nse_floored_median": None, "nse_floored_p05": None},
    "runoff_total": {"nse_floored_median": 0.95, "nse_floored_p05": 0.6},
}


def test_by_default_everything_is_accepted():
    assert shortfalls(Acceptance(), {}, None) == []


def test_figures_at_their_thresholds_are_accepted():
    asked = Acceptance(nse_median=0.95, nse_p05=0.6, outputs_nse_median=0.7, gradient_agreement=0.9)
    assert shortfalls(asked, HELD_OUT, 0.9) == []


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"nse_median": 0.96}, "median NSE of held-out streamflow is 0.950, fidelity.accept.nse_median asks for 0.96"),
        ({"nse_p05": 0.8}, "5th percentile of the NSE of held-out streamflow is 0.600"),
        ({"outputs_nse_median": 0.8}, "median NSE of held-out swe is 0.700"),
        ({"gradient_agreement": 0.9}, "share of steps along the gradient that improve is 0.850"),
    ],
)
def test_what_falls_short_is_named_with_both_figures(asked, text):
    (one,) = shortfalls(Acceptance(**asked), HELD_OUT, 0.85)
    assert one.startswith(text)


def test_a_figure_that_was_not_computed_does_not_pass():
    assert len(shortfalls(Acceptance(gradient_agreement=0.1, nse_median=0.1), {}, None)) == 2


def test_a_threshold_that_nothing_reaches_is_refused():
    with pytest.raises(UsageError, match=r"nse_p05.*1\.2"):
        Acceptance(nse_p05=1.2)
