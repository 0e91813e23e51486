"""The stage publish: everything logged in MLflow, surrogate and parameter network registered."""

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd

from legacy_models.files import sha256_of_file, write_json
from pipeline.commit import current_commit
from pipeline.job import Job
from pipeline.registered import request


def publish(job: Job) -> None:
    """Log the run and register its two models; ``summary.json`` then says where.

    Interrupted, it goes on with the same MLflow run, and a version that this run has registered is not made again.
    """
    path = job.directory / "summary.json"
    summary = json.loads(path.read_text(encoding="utf-8"))
    fingerprint = sha256_of_file(job.directory / "scores.csv") + summary["hashes"]["config"]
    if not job.experiment.config.tracking.register_models:
        return
    if not job.record.finished("publish", fingerprint):
        with job.record.running("publish", fingerprint, publication=uuid4().hex) as note:
            note.update(_publish(job, summary, note["publication"]))
    registry = job.record.note("publish")["registry"]
    if summary["registry"] != registry:
        write_json(path, summary | {"registry": registry, "seconds": job.record.seconds_by_stage()})
        for address in registry.values():
            if address not in summary["registry"].values():
                job.reporter.say(f"registered {address}")


def lineage(job: Job, summary: dict[str, Any]) -> dict[str, str]:
    """Tags that say where a registered version comes from."""
    experiment = job.experiment
    model = experiment.model
    return {
        "data_hash": summary["hashes"]["data"],
        "config_hash": summary["hashes"]["config"],
        "store_hash": str(summary["hashes"]["store"]),
        "commit": current_commit(),
        "legacy_model": model.name,
        "model_version": model.version,
        "executable": str(experiment.config.legacy_model.executable or "embedded"),
        "parameter_bounds": json.dumps({p.name: [p.lower, p.upper, p.unit] for p in experiment.space.parameters}),
        "seeds": json.dumps(summary["seeds"]),
        "periods": json.dumps(summary["periods"]),
        "spinup_years": str(model.spinup_years),
        "synthetic": str(summary["synthetic"]),
        "transductive": str(summary["surrogate"]["transductive"]),
    }


def log_curves(directory: Path, tracker: Any) -> None:
    """Log the learning curves of a run's directory, each network's under a name of its own.

    The members of a surrogate that has several each have a run nested under this one. A single one has not: its curves
    are the run's, beside the figures by which runs are compared.
    """
    learned, trained = directory / "dpl_history.csv", directory / "surrogate_history.csv"
    if learned.exists():
        _log_curve(tracker, "dpl", pd.read_csv(learned))
    if not trained.exists():
        return
    table = pd.read_csv(trained)
    names = table["network"].str.replace(" ", "_").str.extract("member_(?P<member>[0-9]+)_(?P<network>.+)")
    members = list(table.groupby(names["member"]))
    for member, rows in members:
        run = tracker.child(f"member {member}") if len(members) > 1 else tracker
        for network, curve in rows.groupby(names["network"]):
            _log_curve(run, f"surrogate.{network}", curve)
        if run is not tracker:
            run.finish()


def _log_curve(tracker: Any, prefix: str, history: pd.DataFrame) -> None:
    """Log a row as a step."""
    figures = history.select_dtypes("number").drop(columns=["epochs"], errors="ignore")
    for step, row in enumerate(figures.to_dict("records")):
        tracker.metrics(prefix, step, {str(k): float(v) for k, v in row.items() if v == v})


def _publish(job: Job, summary: dict[str, Any], publication: str) -> dict[str, Any]:
    """Tell MLflow everything and return where it is found there."""
    from pipeline.tracking import Tracker

    section = job.experiment.config.tracking
    tracker = Tracker(section.uri, section.experiment, job.directory.name, publication)
    job.reporter.say(f"publish: MLflow at {tracker.uri}")
    _log(job, tracker, summary)
    registry = _register(job, tracker, summary)
    tracker.summary(summary | {"registry": registry, "seconds": job.record.seconds_by_stage()})
    tracker.finish()
    return {"registry": registry, "run_id": tracker.run_id, "uri": tracker.uri}


def _log(job: Job, tracker: Any, summary: dict[str, Any]) -> None:
    """Log configuration, learning curves and files."""
    tracker.tags(lineage(job, summary))
    tracker.parameters(job.experiment.config.model_dump(mode="json"))
    log_curves(job.directory, tracker)
    names = ("config.yaml", "scores.csv", "parameters.nc", "stages.json")
    tracker.files(*(job.directory / name for name in names if (job.directory / name).exists()))


def _register(job: Job, tracker: Any, summary: dict[str, Any]) -> dict[str, str]:
    """Register the network and, unless it came from the registry, the surrogate."""
    from pipeline.tracking import network_signature, surrogate_signature
    from surrogates import bundle

    experiment, name = job.experiment, job.experiment.model.name
    tags = lineage(job, summary)
    if job.registered:
        surrogate = job.registered.address
    else:
        path = job.directory / "surrogate"
        signature = surrogate_signature(bundle.read_card(path)["spec"])
        surrogate = tracker.register("surrogate", name, path, signature, tags | {"request": request(job)})
    kinds = {str(c): "double" if t.kind in "fiu" else "string" for c, t in experiment.attributes.dtypes.items()}
    signature = network_signature(kinds, experiment.space.names)
    dpl = tracker.register("dpl", name, job.directory / "dpl", signature, tags | {"surrogate": surrogate})
    return {"surrogate": surrogate, "dpl": dpl}
