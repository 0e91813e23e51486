"""Inputs and outputs of recorded runs of VIC 5: read without loss, and made again from CAMELS data."""

import numpy as np
import pytest

from legacy_models.vic.balance import STORAGE_NAMES, storage
from legacy_models.vic.disaggregation import Place, disaggregate
from legacy_models.vic.flux_file import format_ascii, format_binary, read_ascii, read_binary
from legacy_models.vic.forcing_file import DECIMALS, format_forcing, read_forcing
from legacy_models.vic.global_file import read_global
from legacy_models.vic.land_cover import cover_tiles
from legacy_models.vic.site import site_properties
from legacy_models.vic.soil_file import read_soil
from legacy_models.vic.vegetation_files import read_veglib, read_vegparam
from tests.vic_sites import BASINS

pytestmark = pytest.mark.reference

TILES = {"01439500": 1, "06888500": 1, "12013500": 1, "02296500": 2, "06622700": 2, "09505350": 2}
GOLDEN_DECIMALS = np.array([5, 4, 4, 4, 4, 5, 1])


@pytest.fixture
def golden(shared_data):
    return shared_data / "golden_vic5"


def soil_of(folder):
    return read_soil((folder / "params" / "soil.txt").read_text())


def forcing_text(folder):
    """The forcing of cell 1; the other cells' names hold only the name of that file."""
    settings, soil = read_global((folder / "global.txt").read_text()), soil_of(folder)
    return (folder / f"{settings.forcing}{settings.label(soil.lat[0], soil.lon[0])}").read_bytes()


@pytest.mark.parametrize("basin", BASINS)
def test_the_disaggregation_gives_the_recorded_forcing_to_its_printed_digits(golden, daily, attributes, basin):
    recorded = read_forcing(forcing_text(golden / basin))
    place = Place(attributes.gauge_lat[basin], attributes.elev_mean[basin])
    made = disaggregate(daily[basin], place, 4)
    assert made.shape == recorded.shape
    assert (np.abs(made - recorded) <= 0.5 * 10.0**-GOLDEN_DECIMALS * (1 + 1e-6)).all()


@pytest.mark.parametrize("basin", BASINS)
def test_our_forcing_text_is_finer_than_the_recorded_one(golden, basin):
    assert (np.array(DECIMALS) >= GOLDEN_DECIMALS).all()
    recorded = read_forcing(forcing_text(golden / basin))
    np.testing.assert_array_equal(read_forcing(format_forcing(recorded)), recorded)


@pytest.mark.parametrize("basin", BASINS)
def test_attributes_give_the_recorded_soil(golden, daily, attributes, basin):
    soil, made = soil_of(golden / basin), site_properties(basin, attributes.loc[basin], daily[basin])
    assert 2650 * (1 - made["porosity"]) == pytest.approx(soil.bulk_density[0, 0], abs=5e-4)
    assert made["elevation"] == soil.elevation[0]
    for ours, recorded in (
        ("bubbling_pressure", soil.bubble),
        ("quartz", soil.quartz),
        ("wcr_fraction", soil.wcr_fraction),
        ("wpwp_fraction", soil.wpwp_fraction),
    ):
        assert made[ours] == pytest.approx(recorded[0, 0], rel=1e-6)
    assert made["avg_temp"] == pytest.approx(soil.avg_temp[0], abs=5e-4)
    assert made["annual_prec"] == pytest.approx(soil.annual_prec[0], abs=0.01)


@pytest.mark.parametrize(("basin", "count"), TILES.items())
def test_attributes_give_the_recorded_vegetation(golden, daily, attributes, basin, count):
    properties = site_properties(basin, attributes.loc[basin], daily[basin], tiles=count)
    made = cover_tiles(properties, 1.0, 1.0)
    (cell, *_) = read_vegparam((golden / basin / "params" / "vegparam.txt").read_text(), 3)
    assert tuple(tile.numbered(old.number) for tile, old in zip(made, cell.tiles, strict=True)) == cell.tiles
    library = {c.number: c for c in read_veglib((golden / basin / "params" / "veglib.txt").read_text())}
    for ours, recorded in ((tile.vegetation, library[old.number]) for tile, old in zip(made, cell.tiles, strict=True)):
        assert ours.lai == pytest.approx(recorded.lai, abs=5.1e-5)
        for name in ("overstory", "rarc", "rmin", "albedo", "roughness", "displacement", "wind_height", "rgl"):
            assert getattr(ours, name) == getattr(recorded, name), name


@pytest.mark.parametrize("basin", [*BASINS, "06622700_bands5", "09505350_bare"])
def test_recorded_outputs_are_read_written_back_and_in_balance(golden, basin):
    folder = golden / basin
    settings, soil = read_global((folder / "global.txt").read_text()), soil_of(folder)
    assert settings.unknown_keys == ()
    label = settings.label(soil.lat[1], soil.lon[1])
    text = (folder / "out" / f"flux_{label}.txt").read_text()
    table = read_ascii(text)
    assert (
        format_ascii(table, "flux", "5.0.1", [v.printf for v in settings.outputs[0].variables for _ in _names(v)])
        == text
    )
    again = read_binary(format_binary(table, settings.model_steps))
    np.testing.assert_array_equal(again.values, table.values.astype(np.float32))
    assert set(STORAGE_NAMES) <= set(table.names)
    lost = sum(table.column(name).sum() for name in ("OUT_EVAP", "OUT_RUNOFF", "OUT_BASEFLOW"))
    gained = storage(table)[-1] - soil.init_moist[1].sum()
    assert table.column("OUT_PREC").sum() - lost == pytest.approx(gained, abs=1e-3)


def _names(variable):
    return range(3) if variable.name == "OUT_SOIL_MOIST" else range(1)
