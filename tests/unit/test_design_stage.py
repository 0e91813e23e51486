"""The planned runs: every site, kind, period and climate that the configuration asks for, and no more."""

from collections import Counter

import numpy as np
import pytest

from pipeline.config import load_config
from pipeline.design import planned_runs, table
from pipeline.experiment import Experiment, prepare
from pipeline.plan import planned_runs as planned_counts
from pipeline.progress import Reporter
from pipeline.stages import run_until
from surrogates.bundle import read_card

SMALL = """
data: {reader: synthetic, options: {basins: 10, start: 1999-10-01, end: 2005-09-30, legacy_model: linear_reservoir}}
periods: {test: [2000-10-01, 2001-09-30], fit: [2001-10-01, 2004-09-30], validation: [2004-10-01, 2005-09-30]}
legacy_model: {name: linear_reservoir, spinup_years: 2}
design: {runs_per_basin: 8}
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Return a function from changes of the configuration to an experiment on the same data."""
    folder = tmp_path_factory.mktemp("design")
    (folder / "small.yaml").write_text(SMALL)

    def prepared(*assignments: str) -> Experiment:
        return prepare(load_config(str(folder / "small.yaml"), assignments=assignments), folder, Reporter())

    return prepared


def keys(experiment: Experiment) -> list[str]:
    return [experiment.model.key(run) for run in planned_runs(experiment)]


def test_every_site_gets_its_runs_each_once_and_as_many_as_the_plan_says(experiment):
    one = experiment("design.gradient_pairs=2")
    runs = planned_runs(one)
    counts = planned_counts(one)
    assert Counter(run.purpose for run in runs) == {"design": counts["design"], "gradient": counts["gradient"]}
    assert (counts["design"], counts["gradient"]) == (10 * 8, 10 * 4)
    assert len(set(keys(one))) == len(runs)


def test_more_runs_contain_the_fewer(experiment):
    assert set(keys(experiment())) < set(keys(experiment("design.runs_per_basin=11")))


def test_the_seed_decides_the_design(experiment):
    assert keys(experiment()) == keys(experiment())
    assert set(keys(experiment())).isdisjoint(keys(experiment("seed=1")))


def test_fewer_sites_are_chosen_from_those_allowed_and_decide_whether_it_is_transductive(experiment):
    one = experiment("design.number=3", "design.sites=fit")
    assert len(one.design_sites) == 3
    assert not one.transductive(site.name for site in one.design_sites)
    assert {site.name for site in one.design_sites}.isdisjoint(one.splits.ungauged)
    everywhere = experiment()
    assert everywhere.transductive(site.name for site in everywhere.design_sites)


def test_a_share_of_the_runs_is_made_under_changed_climates(experiment):
    one = experiment("design.climates.per_site=2", "design.climates.share=0.5", "design.gradient_pairs=8")
    runs = [run for run in planned_runs(one) if run.purpose == "design"]
    recorded = {site.name: site.forcing.digest for site in one.sites}
    away = [run for run in runs if run.site.forcing.digest != recorded[run.site.name]]
    assert len(away) == 10 * 4
    assert set(Counter(run.site.forcing.digest for run in away).values()) == {2}
    assert one.model.key(away[0]) not in keys(experiment())


def test_runs_of_some_years_take_wet_and_dry_ones_in_turn(experiment):
    one = experiment("design.years=1")
    spans = Counter((run.site.name, run.start) for run in planned_runs(one))
    assert len(spans) == 10 * 3
    assert set(spans.values()) == {2, 3}
    rain = {start: one.sites[0].forcing.between(start, start + 364).values.mean() for _, start in spans}
    first = planned_runs(one)[0]
    assert rain[first.start] == max(rain.values())
    assert {int((run.end - run.start).astype(int)) + 1 for run in planned_runs(one)} == {one.design_days}


def test_the_written_plan_names_site_purpose_period_forcing_and_parameters(experiment):
    one = experiment("design.years=1")
    frame = table(one, planned_runs(one))
    assert list(frame.columns[:5]) == ["site", "purpose", "start", "end", "forcing"]
    assert np.isfinite(frame[list(one.model.parameters.names)].to_numpy()).all()
    assert frame["start"].nunique() == 3


@pytest.mark.slow
def test_a_surrogate_learns_from_runs_of_all_kinds_periods_and_climates(experiment, tmp_path):
    config = experiment(
        "design.years=1", "design.climates.per_site=1", "design.gradient_pairs=2", "design.number=6",
        "surrogate={window: 60, batch: 8, epochs: 1, steps: 4, initial_epochs: 1, initial_steps: 5}",
    ).config  # fmt: skip
    run_until("emulate", config, tmp_path)
    card = read_card(tmp_path / "rounds" / "0" / "surrogate")
    assert len(card["sites"]) == 6
    assert sum(card["runs"].values()) == 6 * (8 + 4)
    assert card["held_out"]["runoff_total"]["rmse_median"] > 0
