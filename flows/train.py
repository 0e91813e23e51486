"""The flow ``train-dpl``: the stages of a run, one Prefect task each."""

from collections.abc import Sequence
from pathlib import Path

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from pipeline.config import load_config
from pipeline.stages import STAGES, run_until


@task(name="stage", task_run_name="{stage}", retries=1, retry_delay_seconds=10, cache_policy=NO_CACHE)
def run_stage(stage: str, surrogate: str, config: str, data: str | None, out: str, assignments: Sequence[str]) -> str:
    """Run one stage; what is finished, down to the single legacy run, is not repeated."""
    run_until(stage, load_config(config, data, assignments, surrogate.partition("@")[0]), Path(out), surrogate)
    return stage


@flow(name="train-dpl")
def train_dpl(
    surrogate: str = "vic",
    config: str = "synthetic",
    data: str | None = None,
    out: str = "runs/vic-synthetic",
    assignments: Sequence[str] = (),
) -> str:
    """Run every stage in order and return the path of the run's ``summary.json``.

    Args:
        surrogate: as ``dpl-train --surrogate``.
        config: as ``--config``.
        data: as ``--data``.
        out: as ``--out``.
        assignments: as ``--set``, one text each.
    """
    for stage in STAGES:
        run_stage(stage, surrogate, config, data, out, list(assignments))
    return str(Path(out) / "summary.json")
