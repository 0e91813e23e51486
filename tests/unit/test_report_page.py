"""The report shows what a run's directory holds, says what it does not, and needs no other file."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from legacy_models.errors import DataError
from pipeline.report import write_report
from tests.report_run import full_summary, write_run


class Page(HTMLParser):
    """What a browser would find in the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def nulled(value: Any) -> Any:
    """Return ``value`` with every leaf null."""
    return {key: nulled(item) for key, item in value.items()} if isinstance(value, dict) else None


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[bool, str]:
    """The report of a full synthetic run, and of an observed one that holds no simulations."""
    root = tmp_path_factory.mktemp("runs")
    runs = {flag: write_run(root / str(flag), synthetic=flag) for flag in (False, True)}
    (runs[False] / "simulations.nc").unlink()
    return {flag: write_report(run).read_text(encoding="utf-8") for flag, run in runs.items()}


@pytest.mark.parametrize("synthetic", [False, True])
def test_report_carries_the_synthetic_banner_only_for_synthetic_data(reports: dict[bool, str], synthetic: bool) -> None:
    page = Page(reports[synthetic])
    assert any(tag.get("id") == "synthetic" for tag in page.of("p")) is synthetic
    assert ("synthetic data" in reports[synthetic].lower()) is synthetic
    assert ('id="recovery"' in reports[synthetic]) is synthetic


@pytest.mark.parametrize("synthetic", [False, True])
def test_report_needs_no_other_file_and_runs_no_script(reports: dict[bool, str], synthetic: bool) -> None:
    page = Page(reports[synthetic])
    sources = [tag["src"] or "" for _, tag in page.tags if "src" in tag]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert not {"script", "link", "iframe", "object", "embed"} & {name for name, _ in page.tags}
    assert not re.search(r"https?://|url\(|@import", reports[synthetic])
    assert all((tag["href"] or "").startswith("#") for tag in page.of("a"))


def test_every_figure_has_a_caption_and_a_description(reports: dict[bool, str]) -> None:
    for text in reports.values():
        figures = re.findall(r"<figure>(.*?)</figure>", text, flags=re.DOTALL)
        assert len(figures) == text.count("<img ")
        for figure in figures:
            assert len(re.sub("<.*?>", "", figure.split("<figcaption>")[1]).strip()) > 40
            assert re.search(r'<img [^>]*alt="[^"]{20,}"', figure)


def test_full_run_gets_every_figure_and_stays_under_six_megabytes(reports: dict[bool, str]) -> None:
    assert reports[True].count("<figure>") == 20
    assert 'class="absent"' not in reports[True]
    assert all(len(text.encode()) < 6e6 for text in reports.values())


def test_the_surrogate_is_scored_by_strata_on_held_out_runs(reports: dict[bool, str]) -> None:
    assert "highest 2 % of days" in reports[True]
    assert "0.4 % (median run)" in reports[True]
    assert "rank correlation 0.71; the 90 % intervals hold 0.88" in reports[True]
    assert "highest 2 % of days" not in reports[False]


def test_report_says_what_the_run_does_not_hold(reports: dict[bool, str]) -> None:
    absent = re.findall(r'<p class="absent">(.*?)</p>', reports[False])
    assert len(absent) == 2
    assert "hydrographs" in absent[0]
    assert "side by side" in absent[1]


def test_contents_lead_to_every_section(reports: dict[bool, str]) -> None:
    page = Page(reports[True])
    assert [f"#{tag['id']}" for tag in page.of("section")] == [tag["href"] for tag in page.of("a")]


def test_verdict_states_closed_loop_default_gap_and_ungauged(reports: dict[bool, str]) -> None:
    said = re.search(r'<div class="verdict">(.*?)</div>', reports[False], flags=re.DOTALL)
    assert said is not None
    for fact in (
        "median NSE of 0.62",
        "0.31 above its default parameters (0.31)",
        "reaches 0.51",
        "differ by 0.03",
    ):
        assert fact in said[1]
    assert "transductive surrogate" in said[1]


def test_text_of_the_run_is_escaped_and_passwords_are_hidden(reports: dict[bool, str]) -> None:
    assert "&lt;outside&gt;" in reports[False]
    assert "secret" not in reports[False]


def test_basin_ids_keep_their_leading_zeros(reports: dict[bool, str]) -> None:
    assert ">01013500<" in reports[False]


@pytest.mark.parametrize("synthetic", [False, True])
def test_report_is_made_where_nothing_was_computed(tmp_path: Path, synthetic: bool) -> None:
    summary = nulled(full_summary(synthetic)) | {"synthetic": synthetic}
    (tmp_path / "summary.json").write_text(json.dumps(summary))
    text = write_report(tmp_path).read_text(encoding="utf-8")
    assert "no closed-loop result yet" in text
    assert "<img " not in text
    assert not re.search(r"\bnan\b", text, flags=re.IGNORECASE)
    assert "None" not in text


def test_report_is_made_from_a_summary_of_nulls_at_every_depth(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text(json.dumps(dict.fromkeys(full_summary(True))))
    assert "no closed-loop result yet" in write_report(tmp_path).read_text(encoding="utf-8")


@pytest.mark.slow
def test_report_is_made_where_all_numbers_are_missing_values(tmp_path: Path) -> None:
    write_run(tmp_path, synthetic=True, basins=4, years=2)
    for name in ("simulations.nc", "parameters.nc"):
        with xr.open_dataset(tmp_path / name) as stored:
            data = stored.load()
        for key, variable in data.data_vars.items():
            if "basin" in variable.dims and variable.dtype.kind == "f":
                data[key] = variable * np.nan
        data.to_netcdf(tmp_path / name)
    for name in ("scores.csv", "surrogate_history.csv", "dpl_history.csv"):
        table = pd.read_csv(tmp_path / name, dtype={"basin": str})
        table[table.select_dtypes("number").columns] = np.nan
        table.to_csv(tmp_path / name, index=False)
    assert write_report(tmp_path).is_file()


def test_missing_summary_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no summary\.json"):
        write_report(tmp_path)


def test_score_table_without_a_column_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text("{}")
    (tmp_path / "scores.csv").write_text("basin,split,period,source,kge,pbias,rmse\n")
    with pytest.raises(DataError, match=r"scores\.csv lacks nse"):
        write_report(tmp_path)


@pytest.mark.slow
def test_same_run_gives_the_same_report(tmp_path: Path) -> None:
    write_run(tmp_path, synthetic=False, basins=3, years=1)
    assert write_report(tmp_path).read_bytes() == write_report(tmp_path).read_bytes()
