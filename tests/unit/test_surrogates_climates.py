import numpy as np
import pytest

from legacy_models.errors import UsageError
from legacy_models.model import Forcing
from surrogates.climates import changed, draw_changes, wet_and_dry

DATES = np.arange("1999-10-01", "2010-10-01", dtype="datetime64[D]")
NAMES = ("prcp", "tmin", "tmax", "srad", "vp", "dayl")


def weather() -> Forcing:
    rng = np.random.default_rng(0)
    tmin = rng.normal(2.0, 8.0, len(DATES))
    columns = [
        rng.exponential(3.0, len(DATES)),
        tmin,
        tmin + 9.0,
        tmin * 0 + 200.0,
        650.0 + 10.0 * tmin,
        tmin * 0 + 4e4,
    ]
    return Forcing(DATES, np.stack(columns, axis=1), NAMES)


def relative_humidity(forcing: Forcing) -> np.ndarray:
    saturation = [610.8 * np.exp(17.27 * t / (t + 237.3)) for t in (forcing.column("tmin"), forcing.column("tmax"))]
    return forcing.column("vp") / np.mean(saturation, axis=0)


def test_a_changed_climate_has_the_factor_the_shift_and_the_same_humidity() -> None:
    before, after = weather(), changed(weather(), 1.3, 2.5)
    np.testing.assert_allclose(after.column("prcp"), 1.3 * before.column("prcp"))
    for name in ("tmin", "tmax"):
        np.testing.assert_allclose(after.column(name), before.column(name) + 2.5)
    np.testing.assert_allclose(relative_humidity(after), relative_humidity(before))
    for name in ("srad", "dayl"):
        np.testing.assert_array_equal(after.column(name), before.column(name))
    assert after.digest != before.digest


def test_no_change_is_no_change() -> None:
    np.testing.assert_allclose(changed(weather(), 1.0, 0.0).values, weather().values)


def test_a_model_that_reads_only_rain_gets_more_rain() -> None:
    rain = Forcing(DATES, weather().values[:, :1], ("prcp",))
    np.testing.assert_allclose(changed(rain, 1.3, 2.5).values, 1.3 * rain.values)


def test_forcing_of_which_nothing_is_known_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="pet"):
        changed(Forcing(DATES, weather().values[:, :2], ("prcp", "pet")), 1.1, 0.0)


def test_changes_lie_within_bounds_and_more_of_them_begin_with_the_same() -> None:
    few, more = (draw_changes(5, n, (0.7, 1.4), (-2.0, 4.0), seed=0) for n in (2, 4))
    np.testing.assert_array_equal(few, more[:, :2])
    assert ((more >= [0.7, -2.0]) & (more <= [1.4, 4.0])).all()
    assert np.ptp(more[..., 0]) > 0.4
    assert np.ptp(more[..., 1]) > 3.0


def test_the_wettest_and_the_driest_years_are_found_and_all_spans_are_of_one_length() -> None:
    year = DATES.astype("datetime64[Y]").astype(int) + 1970
    rain = np.select([year == 2003, year == 2006], [9.0, 1.0], 4.0 + 0.01 * (year - 2000))
    forcing = Forcing(DATES, rain[:, None], ("prcp",))
    wet, dry, ordinary = wet_and_dry(forcing, (DATES[0], DATES[-1]), years=2)
    assert wet[0] < np.datetime64("2003-01-01") < np.datetime64("2003-12-31") < wet[1]
    assert dry[0] < np.datetime64("2006-01-01") < np.datetime64("2006-12-31") < dry[1]
    assert len({wet, dry, ordinary}) == 3
    assert {(end - start).astype(int) for start, end in (wet, dry, ordinary)} == {729}


def test_years_that_fill_the_period_are_one_span() -> None:
    assert len(wet_and_dry(weather(), (DATES[0], DATES[-1]), years=11)) == 1


def test_more_years_than_the_period_has_are_refused() -> None:
    with pytest.raises(UsageError, match="12 years do not fit"):
        wet_and_dry(weather(), (DATES[0], DATES[-1]), years=12)
