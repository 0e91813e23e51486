"""How a benchmark's figures are kept: ``results/NAME.json`` with the command, commit, machine and data."""

import json
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

from legacy_models.files import write_json
from pipeline.commit import current_commit

RESULTS = Path(__file__).parent / "results"


def keep(name: str, data: str, figures: dict[str, Any]) -> Path:
    """Write ``figures`` to ``results/NAME.json`` and return its path."""
    path = RESULTS / f"{name}.json"
    write_json(
        path,
        {
            "command": shlex.join(["python", *sys.argv]),
            "commit": current_commit(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {_memory():.0f} GiB, no GPU used, "
            f"Python {platform.python_version()}",
            "data": data,
            "figures": figures,
        },
    )
    return path


def kept_figures(name: str) -> dict[str, Any]:
    """Return the figures that another benchmark kept, none where it did not."""
    path = RESULTS / f"{name}.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))["figures"]) if path.exists() else {}


def _memory() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
