"""Snow on the ground and on branches in the embedded program: energy and water are kept, roots are found."""

import numpy as np
import pytest

from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import meteorology, saturation
from legacy_models.vic.embedded.canopy_snow import canopy_step, slide
from legacy_models.vic.embedded.roots import SNOW_SURFACE, balance_temperature, residual
from legacy_models.vic.embedded.snow_energy import stability
from legacy_models.vic.embedded.snow_pack import new_snow_density, pack_step, settle, thin_pack


def snowy(swe):
    """A pack of ``swe`` [m] at 0 degC below calm, saturated air at 0 degC, and what its surface balance starts from."""
    pack, m, terms = np.zeros(at.PACK_SIZE), np.zeros(at.COLUMNS), np.zeros(at.BALANCE_SIZE)
    pack[at.PACK_SWE] = swe
    m[at.PRESSURE], m[at.DENSITY], m[at.VAPOUR_PRESSURE], m[at.LATENT] = 9e4, 1.0, saturation(0.0), 2.5e6
    terms[at.HEIGHT], terms[at.ROUGHNESS], terms[at.SECONDS] = 2.0, 0.001, 3600.0
    terms[at.LONGWAVE_IN] = 0.97 * 5.67e-8 * 273.15**4  # as much as snow at 0 degC emits
    return pack, m, terms


def test_cold_air_over_warm_snow_mixes_more_and_warm_air_less():
    calm, mixed, still = (stability(2.0, surface, -5.0, 2.0, 0.001) for surface in (-5.0, 0.0, -15.0))
    assert still < calm == 1.0 < mixed


def test_snow_melts_by_the_energy_above_freezing():
    pack, m, terms = snowy(0.05)
    terms[at.NET_SHORTWAVE] = 100.0
    outflow, vapour, temperature, thin = pack_step(pack, 0.0, 0.0, m, terms, 3600.0)
    melt = 100.0 * 3600.0 / 3.337e8
    assert (temperature, thin) == (0.0, False)
    assert vapour == pytest.approx(0.0, abs=1e-12)
    assert pack[at.PACK_SWE] + outflow == pytest.approx(0.05)
    assert pack[at.SURFACE_WATER] + outflow == pytest.approx(melt, rel=1e-9)


def test_snow_that_loses_heat_cools_to_where_its_balance_closes():
    pack, m, terms = snowy(0.05)
    terms[at.NET_SHORTWAVE] = -40.0
    _, vapour, temperature, _ = pack_step(pack, 0.0, 0.0, m, terms, 3600.0)
    kelvin = temperature + 273.15
    emitted = 0.97 * 5.67e-8 * (273.15**4 - kelvin**4)
    stored = 2117.27e3 * 0.05 * temperature / 3600.0
    assert temperature < 0.0
    assert vapour == pytest.approx(0.0, abs=1e-15)  # saturated air takes none, and in calm air none is gained
    assert emitted - stored == pytest.approx(40.0, abs=0.01)


def test_a_thin_pack_that_freezes_is_left_to_the_air_above_it():
    pack, m, terms = snowy(0.0005)
    terms[at.NET_SHORTWAVE] = -40.0
    assert pack_step(pack, 0.0, 0.0, m, terms, 3600.0)[3]
    pack[at.SNOW_DENSITY] = 100.0
    m[at.VAPOUR_PRESSURE], m[at.DEFICIT] = 500.0, 110.0
    vapour = thin_pack(pack, m, 100.0, 3600.0)
    assert vapour < 0.0
    assert pack[at.PACK_SWE] == pytest.approx(0.0005 + vapour)


def test_brent_finds_the_root_of_a_surface_balance_to_a_millionth_of_a_degree():
    _, m, terms = snowy(0.05)
    terms[at.NET_SHORTWAVE], terms[at.ICE] = -40.0, 0.05
    found = balance_temperature(SNOW_SURFACE, -5.0, 5.0, m, terms, 99.0)
    below, above = (residual(SNOW_SURFACE, found + step, m, terms) for step in (-1e-6, 1e-6))
    assert below > 0.0 > above


def test_a_balance_that_never_closes_keeps_the_old_temperature():
    _, m, terms = snowy(0.05)
    terms[at.NET_SHORTWAVE] = 1e6
    assert balance_temperature(SNOW_SURFACE, -5.0, 5.0, m, terms, -1.5) == -1.5


@pytest.mark.parametrize("seed", range(20))
def test_snow_on_branches_is_neither_made_nor_lost(seed):
    rng = np.random.default_rng(seed)
    forcing = np.array([[rng.exponential(4.0), rng.normal(0.0, 3.0), 200.0, 280.0, 9e4, 450.0, 3.0]])
    m = meteorology(forcing, 800.0, 0.0, 1.0)[0]
    canopy = np.array([rng.uniform(0.0, 0.008), rng.normal(-1.0, 2.0), 0.0, 300.0])
    terms = np.zeros(at.BALANCE_SIZE)
    terms[at.FOLIAGE_RESISTANCE] = 10.0
    before = 1000.0 * canopy[at.LOAD] + 0.2 + m[at.RAIN] + m[at.SNOW]
    rain, snow, vapour, evaporation, dew = canopy_step(m, 4.0, 0.1, 0.15, 1.0, 0.2, canopy, terms, 21600.0)
    assert 1000.0 * canopy[at.LOAD] + dew + rain + snow + evaporation - vapour == pytest.approx(before, abs=1e-9)
    assert min(canopy[at.LOAD], dew, rain, snow) >= 0.0


def test_melt_in_the_canopy_makes_snow_slide_once_there_is_enough_of_it():
    canopy = np.array([0.01, 0.0, 0.0015, 0.0])
    load, drip, slid = slide(0.01, canopy)
    assert load + drip + slid == pytest.approx(0.01)
    assert slid == pytest.approx(0.17 * 0.01)


def test_fresh_snow_is_denser_the_warmer_and_settles_with_time():
    pack = np.zeros(at.PACK_SIZE)
    pack[at.PACK_SWE] = 0.02
    settle(pack, 20.0, 0.0, -30.0, 3600.0, False)
    fresh = pack[at.SNOW_DENSITY]
    settle(pack, 0.0, 0.02, -30.0, 3600.0, False)
    assert new_snow_density(-30.0) == 50.0 < fresh < pack[at.SNOW_DENSITY]
    assert new_snow_density(0.0) == pytest.approx(50.0 + 1000.0 * 0.32**2)
    assert pack[at.SNOW_DEPTH] * pack[at.SNOW_DENSITY] == pytest.approx(20.0)
