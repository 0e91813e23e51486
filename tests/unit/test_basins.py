"""Selection of basins."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models.errors import DataError, UnknownNameError, UsageError
from pipeline.basins import Selection, check_inputs, in_hash_order, select

IDS = [f"{i:08d}" for i in range(1000, 1100)]
TABLE = pd.DataFrame({"aridity": np.linspace(0.2, 4.0, 100), "cover": ["forest", "grass"] * 50}, index=IDS)


def test_an_empty_selection_is_every_basin():
    assert select(IDS, Selection()) == IDS


def test_the_first_basins_by_hash_do_not_depend_on_the_order_given():
    shuffled = list(np.random.default_rng(1).permutation(IDS))
    assert set(select(IDS, Selection(number=7))) == set(select(shuffled, Selection(number=7)))


def test_hash_order_is_that_of_sha256():
    # printf a | sha256sum: ca978112..., b: 3e23e816..., c: 2e7d2c03...
    assert in_hash_order(["a", "b", "c"]) == ["c", "b", "a"]


def test_more_basins_extend_fewer():
    assert set(select(IDS, Selection(number=5))) < set(select(IDS, Selection(number=20)))


def test_a_query_comes_before_the_number():
    chosen = select(IDS, Selection(query="aridity < 1 and cover == 'forest'", number=4), TABLE)
    assert len(chosen) == 4
    assert (TABLE.loc[chosen, "aridity"] < 1).all()
    assert (TABLE.loc[chosen, "cover"] == "forest").all()


@pytest.mark.fault(25)
def test_a_file_of_ids_survives_bom_crlf_comments_and_blank_lines(tmp_path):
    path = tmp_path / "basins.txt"
    path.write_bytes("\ufeff# chosen\r\n00001005  # the fifth\r\n\r\n00001001\r\n".encode())
    assert select(IDS, Selection(file=path)) == ["00001001", "00001005"]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({"ids": ("1005",)}, r"basins.ids: no basin is called '1005'; there is '00001005': .*leading zeros"),
        ({"number": 101}, r"basins.number: 101 basins asked for, 100"),
        ({"query": "aridty < 1"}, r"basins.query: no attribute is called 'aridty' \(did you mean 'aridity'"),
        ({"query": "aridity <"}, r"basins.query: 'aridity <' cannot be evaluated"),
        ({"query": "aridity + 1"}, r"basins.query: 'aridity \+ 1' must be true or false"),
        ({"query": "aridity > 100"}, r"the selection leaves no basin"),
        ({"query": "@pd.read_csv('x')"}, r"basins.query: .*cannot be evaluated"),
    ],
)
def test_an_impossible_selection_is_one_line_that_says_why(selection, message):
    with pytest.raises(UsageError, match=message) as caught:
        select(IDS, Selection(**selection), TABLE)
    assert "\n" not in str(caught.value)


def test_ids_that_are_numbers_and_two_sources_of_ids_are_refused(tmp_path):
    with pytest.raises(UsageError, match="put quotes around 1013500"):
        Selection(ids=(1013500,))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="not both"):
        Selection(ids=("1",), file=tmp_path)
    with pytest.raises(UsageError, match="there is no file"):
        select(IDS, Selection(file=tmp_path / "none.txt"))


@pytest.fixture
def dataset() -> xr.Dataset:
    return xr.Dataset(
        {
            "aridity": ("basin", [1.0, np.nan, 2.0]),
            "elev_mean": ("basin", [1.0, 2.0, 3.0]),
            "cover": ("basin", ["a", "b", "c"]),
            "q_mean": ("basin", [1.0, 2.0, 3.0], {"derived_from_streamflow": 1}),
            "hidden_k": ("basin", [1.0, 2.0, 3.0]),
        },
        coords={"basin": ["01", "02", "03"]},
        attrs={"source": "some.nc"},
    )


@pytest.mark.fault(24)
def test_a_missing_attribute_names_file_attribute_and_basin(dataset):
    with pytest.raises(DataError, match=r"some.nc: attribute 'aridity' is missing for basin 02"):
        check_inputs(dataset, ["elev_mean", "aridity"])
    kept, skipped = check_inputs(dataset, ["elev_mean", "aridity"], skip=True)
    assert kept["basin"].to_numpy().tolist() == ["01", "03"]
    assert skipped == ["02"]
    assert check_inputs(dataset, ["elev_mean"])[1] == []


def test_text_is_an_input_and_an_empty_text_is_missing(dataset):
    assert check_inputs(dataset, ["cover"])[1] == []
    dataset["cover"][2] = ""
    with pytest.raises(DataError, match=r"attribute 'cover' is missing for basin 03"):
        check_inputs(dataset, ["cover"])


def test_streamflow_signatures_answers_and_unknown_names_are_no_inputs(dataset):
    with pytest.raises(UsageError, match="'q_mean' is computed from streamflow"):
        check_inputs(dataset, ["q_mean"])
    with pytest.raises(UsageError, match="'hidden_k' is an answer"):
        check_inputs(dataset, ["hidden_k"])
    with pytest.raises(UnknownNameError, match="did you mean 'elev_mean'"):
        check_inputs(dataset, ["elev_meen"])


def test_a_query_cannot_choose_basins_by_their_streamflow() -> None:
    table = pd.DataFrame({"q_mean": [1.0, 2.0]}, index=["a", "b"])
    with pytest.raises(UsageError, match="'q_mean' is computed from streamflow"):
        select(["a", "b"], Selection(query="q_mean > 1.5"), table, {"q_mean"})
