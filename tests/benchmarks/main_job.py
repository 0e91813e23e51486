"""The real run: ``dpl-train --surrogate vic --config camels`` on CAMELS-US basins; keeps ``main_job.json``.

    python tests/benchmarks/main_job.py DATA RUN

DATA is the folder of CAMELS-US files, RUN the run's directory. Interrupted, it goes on where it stopped; finished, it
only writes the figures.
"""

import json
import sys
from pathlib import Path

from kept import keep

from pipeline.config import load_config
from pipeline.stages import run_until


def main(data: str, run: str) -> None:
    """Run everything that is not finished and keep the summary."""
    config = load_config("camels", f"netcdf:{data}", ["tracking.search=false"])
    run_until("report", config, Path(run))
    summary = json.loads((Path(run) / "summary.json").read_text(encoding="utf-8"))
    print(keep("main_job", "CAMELS-US, Daymet, first basins by SHA-256 of the id", summary))


if __name__ == "__main__":
    main(*sys.argv[1:])
