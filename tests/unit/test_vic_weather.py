"""What the hybrid makes of a day's weather against the adapter that makes VIC's, and VIC's own equations."""

import numpy as np
import pytest

from legacy_models.model import Forcing
from legacy_models.vic import disaggregation
from legacy_models.vic.adapter import VicModel
from legacy_models.vic.disaggregation import NEEDED, Place
from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import inputs as embedded
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import emitted, meteorology, rain_and_snow
from legacy_models.vic.embedded.evaporation import leaf_evaporation, penman_monteith
from legacy_models.vic.embedded.ground import dry_and_saturated_conductivity, ground_step
from legacy_models.vic.embedded.snow_energy import surface_balance
from legacy_models.vic.embedded.turbulence import calming, low_plants, trees
from legacy_models.vic.land_cover import FOREST, GRASS, cover_tiles
from legacy_models.vic.site import elevation_bands
from surrogates.architectures import vic_leaves, vic_sky, vic_snow
from surrogates.architectures.vic_weather import VicWeather

STEPS = 4
DATES = np.arange("1999-11-10", "2001-03-01", dtype="datetime64[D]")
DAYS = (DATES - DATES.astype("datetime64[Y]")).astype(int) + 1
SITE = {
    "latitude": 47.0, "elevation": 900.0, "porosity": 0.45, "quartz": 0.4, "wcr_fraction": 0.5, "wpwp_fraction": 0.25,
    "forest": 1.0, "lai_max": 4.0, "lai_diff": 3.0, "avg_temp": 8.0, "elevation_spread": 400.0,
}  # fmt: skip


def forcing(latitude: float = 47.0, rounded: float = 0.0) -> Forcing:
    """Weather of a year and a half with the days of a latitude, their length ``rounded`` to some seconds."""
    rng = np.random.default_rng(0)
    declination = 0.409 * np.sin(2.0 * np.pi * DAYS / 365.0 - 1.39)
    length = np.arccos(-np.tan(np.deg2rad(latitude)) * np.tan(declination)) * 86400.0 / np.pi
    length = np.round(length / rounded) * rounded if rounded else length
    tmin = 15.0 * np.sin(2.0 * np.pi * (DAYS - 110) / 365.0) * np.sign(latitude) + rng.normal(0.0, 4.0, len(DATES))
    rain = rng.exponential(10.0, len(DATES)) * (rng.random(len(DATES)) < 0.4)
    sun = disaggregation.extraterrestrial(DATES, latitude) * rng.uniform(0.2, 0.75, len(DATES)) * 86400.0 / length
    vapour = disaggregation.saturation_vapour_pressure(tmin - 1.0)
    return Forcing(DATES, np.stack([rain, tmin, tmin + 10.0, sun, vapour, length], axis=1), NEEDED)


def made(
    weather: Forcing, bands: int = 1, rain_snow: bool = False, chosen: dict[str, float] | None = None, **site: float
) -> tuple[np.ndarray, np.ndarray]:
    """(band, time, ...) water and features of one site."""
    model = VicModel(spinup_years=1, snow_bands=bands, rain_snow=rain_snow)
    layer = VicWeather.of(model)
    values = {**dict(zip(model.parameters.names, model.parameters.defaults, strict=True)), **(chosen or {})}
    properties = [(SITE | site)[variable.name] for variable in model.properties]
    given = [weather.values, properties, [values[name] for name in model.parameters.names]]
    water, features, _ = layer([np.asarray(item, np.float32)[None] for item in given])
    return np.asarray(water), np.asarray(features)


@pytest.mark.parametrize(("latitude", "rounded"), [(47.0, 0.0), (30.0, 345.6), (-38.0, 345.6)])
def test_the_season_is_that_of_the_calendar(latitude: float, rounded: float) -> None:
    """To a day, even where lengths of days are rounded to 0.004 of a day, as in the records of CAMELS."""
    length = forcing(latitude, rounded).column("dayl").astype(np.float32)[None, :, None]
    sky = vic_sky.season(length, np.full((1, 1, 1), latitude, np.float32))
    late = (np.ravel(sky.day) - DAYS + 180.0) % 365.0 - 180.0
    assert np.abs(late).max() < 1.5
    np.testing.assert_allclose(np.ravel(sky.top), disaggregation.extraterrestrial(DATES, latitude), rtol=0.02, atol=3.0)


def test_the_steps_of_a_day_are_those_of_the_adapter() -> None:
    weather = forcing()
    expected = disaggregation.disaggregate(weather, Place(47.0, 900.0), STEPS).reshape(-1, STEPS, 7)
    tmin, tmax, srad, vapour, length = (
        weather.column(name).astype(np.float32)[None, :, None] for name in ("tmin", "tmax", "srad", "vp", "dayl")
    )
    air = vic_sky.temperatures(tmin, tmax, STEPS)
    np.testing.assert_allclose(air[0], expected[..., 1], atol=1e-4)
    daily_mean = srad * length / 86400.0
    light = daily_mean * STEPS * vic_sky.light_shares(length, STEPS)
    np.testing.assert_allclose(light[0], expected[..., 2], atol=1e-2)
    cloud = vic_sky.cloud_fraction(daily_mean, vic_sky.season(length, np.full((1, 1, 1), 47.0, np.float32)).top)
    damp = np.minimum(vapour, vic_sky.saturation(air))
    np.testing.assert_allclose(damp[0], 1000.0 * expected[..., 5], rtol=1e-4)
    np.testing.assert_allclose(vic_sky.longwave_down(air, damp, cloud)[0], expected[..., 3], atol=2.0)


@pytest.mark.parametrize("phases", [None, (0.3, 0.9)])
def test_rain_and_snow_of_each_band_are_those_of_vic(phases: tuple[float, float] | None) -> None:
    weather = forcing()
    chosen = {} if phases is None else {"min_rain_temp": phases[0], "snow_temp_share": (phases[1] - phases[0]) / 1.2}
    water, _ = made(weather, bands=3, rain_snow=phases is not None, chosen=chosen)
    air = disaggregation.air_temperature(weather.column("tmin"), weather.column("tmax"), STEPS)
    for band, height in enumerate(elevation_bands(SITE, 1, 3).elevations):
        shift = c.LAPSE_RATE * (height - SITE["elevation"])
        limits = phases or (c.SNOW_BELOW, c.RAIN_ABOVE)
        expected = [
            sum(rain_and_snow(t + shift, p / STEPS, limits)[0] for t in of_day)
            for of_day, p in zip(air, weather.column("prcp"), strict=True)
        ]
        np.testing.assert_allclose(water[band, :, 0], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(water[..., :2].sum(axis=-1), np.tile(weather.column("prcp"), (3, 1)), rtol=1e-5)


@pytest.mark.parametrize("latitude", [47.0, -38.0])
@pytest.mark.parametrize("forest", [1.0, 0.0])
def test_leaf_area_is_that_of_the_month(latitude: float, forest: float) -> None:
    """But for the days beside the turn of a month."""
    site = SITE | {"latitude": latitude, "forest": forest}
    (tile,) = cover_tiles(site, 1.0, 1.5)
    months = DATES.astype("datetime64[M]").astype(int) % 12
    inside = np.abs((DATES - DATES.astype("datetime64[M]").astype("datetime64[D]")).astype(int) - 14) < 12
    columns = {name: np.full((1, 1, 1), value, np.float32) for name, value in site.items()}
    days = np.asarray(DAYS, np.float32)[None, :, None]
    found = np.ravel(vic_leaves.leaf_area(days, columns, 1.5))
    np.testing.assert_allclose(found[inside], np.array(tile.vegetation.lai)[months][inside], rtol=1e-4)


@pytest.mark.parametrize("cover", [FOREST, GRASS])
@pytest.mark.parametrize("depth2", [0.1, 0.25, 0.4, 0.7, 1.2, 1.5])
def test_roots_are_shared_as_in_vic(cover, depth2: float) -> None:
    expected = embedded.root_shares(cover.root_depths, cover.root_fractions, np.array([0.1, depth2, 0.5]))
    found = vic_leaves.root_shares(*(np.full((1, 1), value, np.float32) for value in (cover is FOREST, depth2)))
    np.testing.assert_allclose(found[0], expected, atol=2e-4)


@pytest.mark.parametrize("forest", [1.0, 0.0])
def test_what_leaves_could_evaporate_is_vics_own_equation(forest: float) -> None:
    """With the ground half full, day by day within a twentieth of what is usual; drought takes what it takes there."""
    weather, site = forcing(), SITE | {"forest": forest}
    (tile,) = cover_tiles(site, 1.0, 1.0)
    cell, thermal = np.zeros(16), np.zeros((8, 3))
    cell[at.DAMPING], cell[at.DEEP_TEMPERATURE] = 4.0, site["avg_temp"]
    soil = dry_and_saturated_conductivity(2650.0 * (1.0 - site["porosity"]), 2650.0, site["quartz"])
    thermal[: at.DEPTH] = np.array([site["porosity"], 1.0 - site["porosity"], *soil])[:, None]
    thermal[at.DEPTH], thermal[at.PER_MILLIMETRE] = [0.1, 0.4, 1.0], [0.01, 0.0025, 0.001]
    steps = disaggregation.disaggregate(weather, Place(site["latitude"], site["elevation"]), STEPS)
    met = meteorology(steps * [1.0, 1.0, 1.0, 1.0, 1000.0, 1000.0, 1.0], site["elevation"], 0.0, 1.0)
    kind, months = tile.vegetation, DATES.astype("datetime64[M]").astype(int) % 12
    constants = np.array([float(kind.overstory), kind.rarc, kind.rmin, kind.rgl, kind.rad_atten, 2.0, 10.0])
    half = 500.0 * site["porosity"] * thermal[at.DEPTH]
    old, below, expected = 0.0, 0.0, np.zeros((len(DATES), 3))
    for i, m in enumerate(met):
        day, air = i // STEPS, m[at.TEMPERATURE]
        lai = kind.lai[months[day]]
        heat, stored, below = ground_step(old, air, below, half, cell, thermal, np.exp(-0.1 / 4.0), 86400.0 / STEPS)
        old = air
        light = (1.0 - kind.albedo[0]) * m[at.SHORTWAVE]
        net = light + m[at.LONGWAVE] - m[at.EMITTED] + np.exp(-kind.rad_atten * lai) * heat + stored
        air_resistance = vic_leaves.aerodynamic_resistance(tile.cover) / m[at.WIND]
        terms = net, m[at.SLOPE], m[at.PSYCHROMETRIC], m[at.LATENT], m[at.DRYING], air_resistance
        bright = (1.0 + light / kind.rgl) / (light / kind.rgl + kind.rmin / 5000.0)
        expected[day, 0] += penman_monteith(*terms, kind.rarc) / STEPS
        for k, freedom in ((1, 1.0), (2, 0.25)):
            expected[day, k] += leaf_evaporation(m, constants, lai, bright, net, air_resistance, freedom) / STEPS
    water, _ = made(weather, forest=forest)
    wet, free, ease = water[0, :, 4:7].T
    steady = np.abs((DATES - DATES.astype("datetime64[M]").astype("datetime64[D]")).astype(int) - 14) < 12
    for found, right in (
        (wet, expected[:, 0]),
        (free, expected[:, 1]),
        (free * 0.25 / (0.25 + 0.75 * ease), expected[:, 2]),
    ):
        assert np.abs(found - right)[steady].mean() < 0.05 * right.mean()


@pytest.mark.parametrize("forest", [1.0, 0.0])
@pytest.mark.parametrize("roughness", [0.001, 0.006, 0.03])
def test_what_could_leave_a_pack_is_what_vics_balance_leaves_over(forest: float, roughness: float) -> None:
    """Of a thin one, neither fresh nor old, without heat from the ground; melt at 0 degC, sublimation as cold as air.

    Trees add to the latter what could leave a wet canopy.
    """
    weather, site = forcing(), SITE | {"forest": forest}
    (tile,) = cover_tiles(site, 1.0, 1.0)
    kind, months = tile.vegetation, DATES.astype("datetime64[M]").astype(int) % 12
    heights = kind.roughness[0], kind.displacement[0], kind.wind_height
    form = (kind.wind_atten, kind.trunk_ratio) if kind.overstory else ()
    turbulence = (trees if kind.overstory else low_plants)(*heights, *form, roughness)
    steps = disaggregation.disaggregate(weather, Place(site["latitude"], site["elevation"]), STEPS)
    met = meteorology(steps * [1.0, 1.0, 1.0, 1.0, 1000.0, 1000.0, 1.0], site["elevation"], 0.0, 1.0)
    terms, expected = np.zeros(32), np.zeros((len(DATES), 2))
    terms[at.HEIGHT], terms[at.CALMING], terms[at.SECONDS] = 2.0 + roughness, calming(roughness), 86400.0 / STEPS
    for i, m in enumerate(met):
        through = np.exp(-0.5 * kind.lai[months[i // STEPS]]) if kind.overstory else 1.0
        terms[at.NET_SHORTWAVE] = (1.0 - vic_snow.ALBEDO) * through * m[at.SHORTWAVE]
        terms[at.LONGWAVE_IN] = emitted(m[at.TEMPERATURE]) if kind.overstory else m[at.LONGWAVE]
        terms[at.SURFACE_WIND] = m[at.WIND] * turbulence.snow_wind
        terms[at.SURFACE_RESISTANCE] = turbulence.snow_resistance / m[at.WIND]
        left, _ = surface_balance(0.0, m, terms)
        _, gained = surface_balance(min(m[at.TEMPERATURE], 0.0), m, terms)
        expected[i // STEPS, 0] += max(-gained, 0.0) * terms[at.SECONDS]
        expected[i // STEPS, 1] += max(left, 0.0) * terms[at.SECONDS] / c.LATENT_HEAT_FUSION
    water, _ = made(weather, forest=forest, chosen={"snow_rough": roughness})
    expected[:, 0] += forest * water[0, :, 4]
    assert (np.abs(water[0, :, 2:4] - expected).mean(axis=0) < 0.05 * expected.mean(axis=0)).all()
    np.testing.assert_allclose(water[0, :, 8:].sum(axis=-1), 1.0, rtol=1e-5)


@pytest.mark.parametrize("forest", [1.0, 0.0])
def test_the_roughness_of_snow_is_told_of_snow_alone(forest: float) -> None:
    smooth, rough = (made(forcing(), forest=forest, chosen={"snow_rough": value}) for value in (0.001, 0.03))
    np.testing.assert_array_equal(smooth[1], rough[1])
    np.testing.assert_array_equal(smooth[0][..., [0, 1, 4, 5, 6]], rough[0][..., [0, 1, 4, 5, 6]])
