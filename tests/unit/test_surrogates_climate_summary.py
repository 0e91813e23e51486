import numpy as np
import pytest

from legacy_models.errors import DataError
from legacy_models.model import Forcing
from surrogates.climate_summary import annual, feature_names, of_runs, summarise
from surrogates.climates import changed
from tests.climate_runs import NAMES, climate_runs, weather

SITE = weather(3.0, 8.0, seed=1)


def named(forcing: Forcing) -> dict[str, float]:
    return dict(zip(feature_names(forcing.names), summarise(forcing).tolist(), strict=True))


def test_a_model_that_reads_precipitation_alone_has_what_precipitation_tells() -> None:
    alone = Forcing(SITE.dates, SITE.values[:, :1], ("prcp",))
    assert feature_names(alone.names) == (
        "precipitation",
        "precipitation_seasonality",
        "precipitation_variability",
    )
    np.testing.assert_array_equal(summarise(alone), summarise(SITE)[:3])


def test_a_model_that_reads_neither_precipitation_nor_temperature_has_no_feature() -> None:
    assert summarise(Forcing(SITE.dates, SITE.values[:, :1], ("inflow",))).shape == (0,)


def test_the_order_of_columns_does_not_matter() -> None:
    turned = Forcing(SITE.dates, SITE.values[:, ::-1], NAMES[::-1])
    np.testing.assert_array_equal(summarise(turned), summarise(SITE))


def test_a_harmonic_year_has_its_mean_and_its_amplitude() -> None:
    dates = np.arange("2001-01-01", "2005-01-01", dtype="datetime64[D]")
    season = (dates - dates.astype("datetime64[Y]")).astype(float) * (2.0 * np.pi / 365.25)
    rain, mean = 4.0 + 2.0 * np.cos(season), 10.0 + 15.0 * np.sin(season)
    told = named(Forcing(dates, np.stack([rain, mean - 3.0, mean + 3.0], axis=1), NAMES))
    assert told["temperature"] == pytest.approx(10.0, abs=0.01)
    assert told["temperature_range"] == pytest.approx(30.0, abs=0.1)
    assert told["precipitation"] == pytest.approx(np.log(4.05), abs=1e-3)
    assert told["precipitation_seasonality"] == pytest.approx(2.0 / 4.05, abs=1e-2)
    assert told["precipitation_variability"] == pytest.approx(np.sqrt(2.0) / 4.05, abs=1e-2)


def test_warming_turns_snow_into_rain_and_wetting_makes_less_arid() -> None:
    now, warm, wet = named(SITE), named(changed(SITE, 1.0, 4.0)), named(changed(SITE, 1.2, 0.0))
    assert warm["temperature"] == pytest.approx(now["temperature"] + 4.0)
    assert warm["temperature_range"] == pytest.approx(now["temperature_range"])
    assert 0.0 < warm["snow_share"] < now["snow_share"] < 1.0
    assert warm["aridity"] > now["aridity"] > wet["aridity"]
    assert wet["precipitation"] == pytest.approx(now["precipitation"] + np.log(1.2), abs=0.01)


def test_a_place_without_rain_or_warmth_has_finite_features() -> None:
    dry = Forcing(SITE.dates, np.stack([0.0 * SITE.column("prcp"), *(-40.0 * np.ones((2, 2922)))], axis=1), NAMES)
    assert np.isfinite(summarise(dry)).all()


def test_years_are_counted_from_the_end_and_are_whole() -> None:
    assert annual(SITE).shape == (8, 7)
    last = Forcing(SITE.dates[-365:], SITE.values[-365:], NAMES)
    np.testing.assert_array_equal(annual(SITE)[0], summarise(last))
    assert annual(Forcing(SITE.dates[:200], SITE.values[:200], NAMES)).shape == (0, 7)


def test_runs_are_summed_up_over_their_recorded_days_without_the_spin_up() -> None:
    runs = climate_runs(sites=2, sets=3)
    summary = of_runs(runs)
    record = runs.forcing["00000001"].between(runs.starts[3], runs.starts[3] + runs.days - 1)
    assert summary.shape == (6, 7)
    np.testing.assert_array_equal(summary[3], summarise(record))
    np.testing.assert_array_equal(summary[3], summary[5])


def test_gaps_and_empty_records_are_refused() -> None:
    gap = SITE.values.copy()
    gap[5, 0] = np.nan
    for forcing in (Forcing(SITE.dates, gap, NAMES), Forcing(SITE.dates[:0], SITE.values[:0], NAMES)):
        with pytest.raises(DataError, match="empty or has gaps"):
            summarise(forcing)
