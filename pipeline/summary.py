"""``summary.json``: every figure of a run in one small file; what was not computed is null."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from legacy_models.files import sha256_of_json
from legacy_models.run_set import ModelInfo
from legacy_models.store import RunStore
from pipeline import fidelity
from pipeline.calibration_files import baselines
from pipeline.closed_loop import Series, split_gaps, split_scores
from pipeline.emulation import load_surrogate, training_keys
from pipeline.experiment import Experiment
from pipeline.job import Job

SCHEMA_VERSION = 1


def summarise_run(job: Job, number: int, table: pd.DataFrame, series: Mapping[str, Series]) -> dict[str, Any]:
    """Return the summary of a verified run, registry and seconds still to come.

    Args:
        job: the run.
        number: the round whose parameters are the result.
        table: scores by basin, split and source.
        series: daily series by source.
    """
    experiment = job.experiment
    splits = experiment.splits
    hidden = split_scores(table, "hidden_parameters") if "hidden_parameters" in series else None
    hashes = {
        "data": experiment.data_hash,
        "config": experiment.config.hash(),
        "model": experiment.model.version,
        "store": store_hash(job, number),
    }
    return {
        "schema_version": SCHEMA_VERSION,
        "synthetic": bool(experiment.dataset.attrs.get("synthetic", 0)),
        "seeds": [experiment.config.seed + i for i in range(experiment.config.network.members)],
        "hashes": hashes,
        **data_facts(experiment),
        "periods": {name: [str(day) for day in span] for name, span in splits.periods.by_name().items()},
        "surrogate": surrogate_figures(job, number, series),
        "through_surrogate": split_scores(table, "surrogate"),
        "closed_loop": {
            **split_scores(table, "closed_loop"),
            "gap": split_gaps(table, ("validation", "test", "ungauged")),
        },
        "default_parameters": split_scores(table, "default_parameters"),
        "hidden_parameters": hidden,
        "baselines": baselines(job.directory, hashes),
        "legacy_runs": legacy_runs(job),
        "domain": domain_figures(job, number),
        "seconds": {},
        "registry": {"surrogate": job.registered.address if job.registered else None, "dpl": None},
    }


def data_facts(experiment: Experiment) -> dict[str, Any]:
    """How many basins are in which group, which are in none, and what the reader says of the data."""
    groups = ("fit", "validation", "ungauged")
    counts = {name: len(getattr(experiment.splits, name)) for name in groups}
    return {"basins": {**counts, "skipped": list(experiment.skipped)}, "notes": list(experiment.notes)}


def surrogate_figures(job: Job, number: int, series: Mapping[str, Series]) -> dict[str, Any]:
    """Held-out figures of the surrogate, and its agreement with the legacy model at the learned parameters."""
    from surrogates.fidelity import Comparison, scores

    experiment = job.experiment
    start, end = experiment.splits.periods.test
    days = (experiment.dates >= start) & (experiment.dates <= end)
    recorded, simulated = (series[name].outputs[:, days] for name in ("closed_loop", "surrogate"))
    sound = np.isfinite(recorded).all(axis=(1, 2))
    model = ModelInfo.of(experiment.model)
    at_learned = Comparison.of(model, experiment.dates[days], recorded[sound], simulated[sound])
    card = load_surrogate(job, number).card
    return {
        "held_out": card.get("held_out") or None,
        "at_learned": scores(at_learned),
        **fidelity.gradient_figures(job, number),
        "members": card.get("members"),
        "transductive": experiment.transductive(card["sites"]),
    }


def store_hash(job: Job, number: int) -> str | None:
    """Hash of the keys of all legacy runs that the surrogate learned from; None for a registered one."""
    return None if job.registered else sha256_of_json(sorted(training_keys(job, number)))


def legacy_runs(job: Job) -> dict[str, Any]:
    """Counts of legacy runs in the store: all, and planned ones by purpose."""
    with RunStore.open(job.experiment.store_path) as store:
        by_purpose = {purpose: counts.planned for purpose, counts in store.counts_by_purpose().items()}
        return asdict(store.counts()) | {"by_purpose": by_purpose}


def domain_figures(job: Job, number: int) -> dict[str, Any]:
    """Share of learned parameters outside the surrogate's domain, and what each round gained."""
    notes = [job.record.note(f"check-{i}") for i in range(number + 1)]
    return {"flagged_share": notes[number]["flagged_share"], "rounds": number, "by_round": notes}
