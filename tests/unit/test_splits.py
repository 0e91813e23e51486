"""Division of basins and days."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models.errors import DataError, UnknownNameError, UsageError
from pipeline.splits import SPLITS, Periods, make_splits

DAYS = pd.date_range("2000-01-01", "2005-12-31")
PERIODS = Periods.of(
    fit=("2002-01-01", "2003-12-31"),
    validation=("2004-01-01", "2004-12-31"),
    test=("2000-01-01", "2001-12-31"),
)


def dataset(ids: list[str], empty: tuple[str, ...] = ()) -> xr.Dataset:
    flow = np.ones((len(ids), len(DAYS)))
    flow[[b in empty for b in ids]] = np.nan
    return xr.Dataset(
        {"streamflow": (("basin", "time"), flow)},
        coords={"basin": ids, "time": DAYS},
        attrs={"source": "x.nc"},
    )


IDS = [f"{i:08d}" for i in range(50)]


def test_groups_are_disjoint_cover_all_basins_and_have_the_stated_shares():
    splits = make_splits(dataset(IDS), PERIODS)
    assert sorted(splits.fit + splits.validation + splits.ungauged) == IDS
    assert (len(splits.ungauged), len(splits.validation), len(splits.fit)) == (10, 4, 36)


def test_the_division_depends_on_ids_and_salt_only():
    shuffled = list(np.random.default_rng(0).permutation(IDS))
    one, other = make_splits(dataset(IDS), PERIODS), make_splits(dataset(shuffled), PERIODS)
    assert set(one.ungauged) == set(other.ungauged)
    assert set(one.validation) == set(other.validation)
    assert set(make_splits(dataset(IDS), PERIODS, salt="1").ungauged) != set(one.ungauged)


def test_masks_of_the_splits_never_share_a_value():
    splits = make_splits(dataset(IDS), PERIODS)
    masks = [splits.mask(name, IDS, DAYS) for name in SPLITS]
    assert np.sum(masks, axis=0).max() == 1
    assert all(mask.any() for mask in masks)


def test_what_is_fitted_is_fit_basins_in_the_fit_period():
    splits = make_splits(dataset(IDS), PERIODS)
    mask = splits.mask("fit", IDS, DAYS)
    assert set(np.array(IDS)[mask.any(axis=1)]) == set(splits.fit)
    assert (DAYS[mask.any(axis=0)].min(), DAYS[mask.any(axis=0)].max()) == PERIODS.fit


def test_ungauged_basins_are_scored_in_the_test_period():
    splits = make_splits(dataset(IDS), PERIODS)
    assert splits.period_of("ungauged") == splits.period_of("test")
    assert set(splits.basins_of("ungauged")).isdisjoint(splits.basins_of("validation"))
    with pytest.raises(UnknownNameError, match="no split is called 'train'"):
        splits.basins_of("train")  # type: ignore[arg-type]


@pytest.mark.parametrize("scheme", ["pub", "pur"])
def test_a_fold_is_ungauged_and_the_rest_is_divided_as_always(scheme):
    data = dataset(IDS).assign(huc_02=("basin", [f"{1 + i % 18:02d}" for i in range(50)]))
    splits = [make_splits(data, PERIODS, scheme=scheme, fold=fold) for fold in range(5)]
    for one in splits:
        assert sorted(one.fit + one.validation + one.ungauged) == IDS
        assert len(one.validation) == round(0.1 * (50 - len(one.ungauged)))
    ungauged = [basin for one in splits for basin in one.ungauged]
    assert len(set(ungauged)) == len(ungauged)
    if scheme == "pub":
        assert sorted(ungauged) == IDS


def test_basins_that_belong_together_are_on_one_side_of_every_division():
    data = dataset(IDS).assign(nest=("basin", [f"river {i // 5}" for i in range(50)]))
    splits = make_splits(data, PERIODS, together="nest", ungauged_share=0.3, validation_share=0.2)
    side = {b: name for name in ("fit", "validation", "ungauged") for b in getattr(splits, name)}
    assert all(len({side[basin] for basin in IDS[i : i + 5]}) == 1 for i in range(0, 50, 5))
    assert (len(splits.ungauged), len(splits.validation)) == (15, 10)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"fit": ("2003-12-31", "2002-01-01")},
            r"periods.fit: the first day \(2003-12-31\) must not be after",
        ),
        ({"test": ("2000-01-01", "2002-01-01")}, r"periods.fit and periods.test overlap"),
        ({"validation": ("2004-13-01", "2004-12-31")}, r"periods.validation: expected two dates"),
        ({"validation": ("2004-01-01",)}, r"periods.validation: expected two dates"),
        (
            {"validation": ("2004-01-01", "2006-01-01")},
            r"periods.validation: .*outside the record, 2000-01-01 to 2005-12-31",
        ),
    ],
)
def test_impossible_periods_name_their_key(changed, message):
    usual = {name: tuple(map(str, span)) for name, span in PERIODS.by_name().items()}
    with pytest.raises(UsageError, match=message):
        make_splits(dataset(IDS), Periods.of(**(usual | changed)))


@pytest.mark.fault(24)
def test_basins_without_observations_are_named_or_skipped_and_listed():
    splits = make_splits(dataset(IDS), PERIODS)
    empty = (splits.fit[0], splits.ungauged[0])
    with pytest.raises(DataError, match=rf"x.nc: 2 basins \(.*{empty[0]}.*\) without an observation in periods.fit"):
        make_splits(dataset(IDS, empty), PERIODS)
    fewer = make_splits(dataset(IDS, empty), PERIODS, skip_without_observations=True)
    assert set(fewer.skipped) == set(empty)
    assert fewer.fit == splits.fit[1:]
    assert fewer.ungauged == splits.ungauged[1:]


def test_an_impossible_share_names_its_key():
    with pytest.raises(UsageError, match=r"splits\.ungauged_share: .*received 1\.0"):
        make_splits(dataset(IDS), PERIODS, ungauged_share=1.0)


def test_no_basin_is_held_out_of_nothing():
    assert make_splits(dataset(["a"]), PERIODS).fit == ("a",)
    assert make_splits(dataset(IDS), PERIODS, ungauged_share=0.0).ungauged == ()
