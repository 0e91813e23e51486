"""Folds of ungauged basins and regions without gauges: whole, even, the same for everyone, nested basins together."""

from collections import Counter

import numpy as np
import pytest
import xarray as xr

from legacy_models.errors import DataError, UnknownNameError, UsageError
from pipeline.folds import REGIONS, basins_of_region, held_out, hydrologic_units, stratified_folds, units

RNG = np.random.default_rng(0)
BASINS = [f"{i:08d}" for i in range(400)]
CODES = dict(zip(BASINS, (f"{c:02d}" for c in RNG.integers(1, 19, 400)), strict=True))
ALONE = {basin: [basin] for basin in BASINS}

NEIGHBOURS = {  # hydrologic units that share a border
    "01": "02 04", "02": "01 03 04 05", "03": "02 05 06 08", "04": "01 02 05 07 09", "05": "02 03 04 06 07 08",
    "06": "03 05 08", "07": "04 05 08 09 10 11", "08": "03 05 06 07 11 12", "09": "04 07 10", "10": "07 09 11 14 16 17",
    "11": "07 08 10 12 13 14", "12": "08 11 13", "13": "11 12 14 15", "14": "10 11 13 15 16 17", "15": "13 14 16 18",
    "16": "10 14 15 17 18", "17": "10 14 16 18", "18": "15 16 17",
}  # fmt: skip


def dataset(**attributes):
    data = {name: ("basin", np.array(values)) for name, values in attributes.items()}
    return xr.Dataset(data, coords={"basin": BASINS[: len(next(iter(attributes.values())))]})


def test_every_basin_is_ungauged_in_exactly_one_fold():
    data = dataset(huc_02=list(CODES.values()))
    folds = [held_out(ALONE, data, "pub", 0.2, 5, fold, "") for fold in range(5)]
    assert sorted(basin for fold in folds for basin in fold) == BASINS
    regions = [held_out(ALONE, data, "pur", 0.2, 5, fold, "") for fold in range(len(REGIONS))]
    assert sorted(basin for region in regions for basin in region) == BASINS


def test_each_fold_has_its_share_of_every_hydrologic_unit():
    fold_of = stratified_folds(ALONE, CODES, 5, "")
    sizes = Counter(fold_of.values())
    assert max(sizes.values()) - min(sizes.values()) <= 1
    for code in set(CODES.values()):
        there = Counter(fold_of[basin] for basin in BASINS if CODES[basin] == code)
        assert max(there.values()) - min(there[fold] for fold in range(5)) <= 1


def test_folds_depend_on_ids_and_salt_only():
    fold_of = stratified_folds(ALONE, CODES, 5, "")
    turned = {basin: [basin] for basin in reversed(BASINS)}
    assert stratified_folds(turned, CODES, 5, "") == fold_of
    assert stratified_folds(ALONE, CODES, 5, "1") != fold_of


def test_basins_are_dealt_in_the_order_of_the_sha256_of_salt_and_id():
    dealt = ["01030500", "01031500", "01013500", "01022500"]  # printf pub:01030500 | sha256sum, and so on
    fold_of = stratified_folds({basin: [basin] for basin in sorted(dealt)}, dict.fromkeys(dealt, "01"), 2, "pub:")
    assert [fold_of[basin] for basin in dealt] == [0, 1, 0, 1]


def test_nested_basins_are_in_one_fold():
    nest = [f"river {i // 4}" if i < 80 else "" for i in range(400)]
    of = units(BASINS, dataset(nest=nest), "nest")
    assert len(of) == 20 + 320
    fold_of = stratified_folds(of, CODES, 5, "")
    assert sorted(fold_of) == BASINS
    assert all(len({fold_of[basin] for basin in members}) == 1 for members in of.values())
    sizes = Counter(fold_of.values())
    assert max(sizes.values()) - min(sizes.values()) <= 4
    for number in range(len(REGIONS)):
        region = basins_of_region(of, CODES, number)
        assert all(region.issuperset(members) or region.isdisjoint(members) for members in of.values())


def test_regions_hold_every_hydrologic_unit_once_and_each_is_in_one_piece():
    codes = [code for region in REGIONS.values() for code in region]
    assert sorted(codes) == [f"{i:02d}" for i in range(1, 19)]
    for region in REGIONS.values():
        reached, border = {region[0]}, {region[0]}
        while border:
            border = {n for code in border for n in NEIGHBOURS[code].split() if n in region} - reached
            reached |= border
        assert reached == set(region)


@pytest.mark.parametrize("values", [["01", "17", "10"], [1.0, 17.0, 10.0], ["1", " 17", "10.0"]])
def test_hydrologic_units_are_two_digits_however_they_were_written(values):
    assert list(hydrologic_units(dataset(huc_02=values)).values()) == ["01", "17", "10"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["01", "", "02"], "huc_02 is missing for basin 00000001"),
        ([1.0, np.nan, 2.0], "huc_02 is missing for basin 00000001"),
        (["01", "NE", "02"], "huc_02 of basin 00000001 is 'NE', expected two digits"),
    ],
)
def test_a_hydrologic_unit_that_is_none_is_named(values, message):
    with pytest.raises(DataError, match=message):
        hydrologic_units(dataset(huc_02=values))


def test_what_cannot_be_held_out_is_refused():
    of, data = {b: [b] for b in BASINS[:3]}, dataset(huc_02=["01", "01", "02"])
    with pytest.raises(UsageError, match=r"splits.fold: region 6, north_west, holds none of the 3 basins"):
        held_out(of, data, "pur", 0.2, 5, 6, "")
    with pytest.raises(UsageError, match=r"splits.fold: region 0, north_east, holds all of the 3 basins"):
        held_out(of, data, "pur", 0.2, 5, 0, "")
    with pytest.raises(UsageError, match=r"splits.fold: fold 4 of 5 holds none"):
        held_out(of, data, "pub", 0.2, 5, 4, "")
    with pytest.raises(UsageError, match=r"splits.fold: scheme pub has folds 0 to 4, received 5"):
        held_out(of, data, "pub", 0.2, 5, 5, "")
    with pytest.raises(UnknownNameError, match=r"splits.scheme: needs attribute 'huc_02'"):
        held_out(of, data.drop_vars("huc_02"), "pub", 0.2, 5, 0, "")
    with pytest.raises(UnknownNameError, match=r"splits.together: needs attribute 'nest'"):
        units(BASINS[:3], data, "nest")
    with pytest.raises(DataError, match=r"huc_02 of basin 00000002 is '20'"):
        held_out(of, dataset(huc_02=["01", "01", "20"]), "pur", 0.2, 5, 0, "")


@pytest.fixture
def camels(shared_data):
    """Basin -> hydrologic unit of CAMELS-US."""
    table = (shared_data / "camels_us" / "camels_attributes_v2.0" / "camels_name.txt").read_text().splitlines()
    return dict(line.split(";")[:2] for line in table[1:])


def test_the_first_two_digits_of_a_gauge_id_are_not_its_hydrologic_unit(camels):
    assert np.mean([gauge[:2] == huc for gauge, huc in camels.items()]) < 0.2


def test_the_regions_of_camels_hold_from_50_to_150_basins(camels):
    sizes = [len(basins_of_region({b: [b] for b in camels}, camels, i)) for i in range(len(REGIONS))]
    assert sum(sizes) == 671
    assert 50 <= min(sizes) <= max(sizes) <= 150
