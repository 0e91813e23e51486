"""Metrics against other programs: HydroErr, run here, and recorded figures of NeuralHydrology."""

import warnings

import HydroErr
import numpy as np
import pytest

from legacy_models import metrics

pytestmark = pytest.mark.reference

DAYS = np.arange(730.0)

# fdc_fhv, fdc_flv and fdc_fms of NeuralHydrology 1.13.0 (Kratzert et al. 2022, doi:10.21105/joss.04050) for the series
# below. It adds 1e-6 to the denominators of FLV and FMS, which we do not.
NEURALHYDROLOGY = {
    "whole": {"fhv": -1.4714875297164511, "flv": 6.869236706790617, "fms": -9.445112591296795},
    "gaps": {"fhv": -1.8240582010993383, "flv": 5.9671786821272095, "fms": -11.01975126892935},
    "dry_days": {"fhv": -1.4714875297164511, "flv": 23.30767840243723, "fms": -9.445112591296795},
}


def series(kind):
    observed = np.exp(0.8 * np.sin(DAYS / 58.0) + 0.5 * np.sin(DAYS * 1.7) + 0.3 * np.cos(DAYS * 0.37))
    wave = 0.7 * np.sin((DAYS - 3) / 58.0) + 0.45 * np.sin(DAYS * 1.7 + 0.3) + 0.35 * np.cos(DAYS * 0.4)
    simulated = 1.1 * np.exp(wave)
    if kind == "gaps":
        observed, simulated = np.where(DAYS % 17 == 3, np.nan, observed), np.where(DAYS % 29 == 5, np.nan, simulated)
    if kind == "dry_days":
        observed, simulated = np.where(observed < 0.35, 0.0, observed), np.where(simulated < 0.5, 0.0, simulated)
    return observed, simulated


def hydroerr(name, observed, simulated, **options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of every gap
        return getattr(HydroErr, name)(simulated, observed, **options)


@pytest.mark.parametrize("kind", NEURALHYDROLOGY)
@pytest.mark.parametrize("name", ["fhv", "flv", "fms"])
def test_signatures_of_the_flow_duration_curve_are_those_of_neuralhydrology(name, kind):
    observed, simulated = series(kind)
    ours = getattr(metrics, name)(observed[None], simulated[None])
    assert ours == pytest.approx([NEURALHYDROLOGY[kind][name]], rel=2e-6)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("gap_share", [0.0, 0.3])
def test_efficiencies_and_errors_are_those_of_hydroerr(seed, gap_share):
    rng = np.random.default_rng(seed)
    observed = rng.lognormal(0.0, 1.5, 500) * (rng.random(500) > 0.2)  # with days of no flow
    simulated = observed * rng.lognormal(0.1, 0.5, 500) + rng.exponential(0.1, 500)
    observed[rng.random(500) < gap_share] = np.nan
    simulated[rng.random(500) < gap_share] = np.nan
    pair = observed[None], simulated[None]
    for ours, theirs in ((metrics.nse, "nse"), (metrics.correlation, "pearson_r"), (metrics.rmse, "rmse")):
        assert ours(*pair) == pytest.approx([hydroerr(theirs, observed, simulated)], rel=1e-10)
    r, variability, bias, kge = hydroerr("kge_2009", observed, simulated, return_all=True)
    assert metrics.kge(*pair) == pytest.approx([kge], rel=1e-10)
    assert np.array(metrics.kge_parts(*pair))[:, 0] == pytest.approx([r, variability, bias], rel=1e-10)
    known = np.isfinite(observed) & np.isfinite(simulated)
    mean_error = hydroerr("me", observed, simulated)
    assert metrics.pbias(*pair) == pytest.approx([100 * mean_error / observed[known].mean()], rel=1e-10)
