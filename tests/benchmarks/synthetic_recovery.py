"""The embedded default on several generator seeds: does the closed loop find what the hidden parameters score?

    python tests/benchmarks/synthetic_recovery.py RUNS [SEED ...]

Each seed gets a directory in RUNS; interrupted, it goes on where it stopped. Keeps ``synthetic_recovery.json``: for
each seed the distance between default and hidden parameters (median closed-loop test NSE), the share of it that the
learned parameters recover, and the median |gap|; and the worst of each.
"""

import json
import sys
from pathlib import Path
from typing import Any

from kept import keep

from pipeline.config import load_config
from pipeline.stages import run_until


def main(runs: str, *seeds: str) -> None:
    """Run every seed that is not finished and keep the figures."""
    figures: dict[str, Any] = {}
    for seed in seeds or ("0", "1", "2"):
        directory = Path(runs) / f"seed-{seed}"
        assignments = [f"data.options.seed={seed}", "tracking.search=false"]
        run_until("report", load_config("synthetic", assignments=assignments), directory)
        figures[f"seed_{seed}"] = recovery(json.loads((directory / "summary.json").read_text(encoding="utf-8")))
    worst = {"distance": min, "recovered": min, "gap_abs_median": max, "seconds": max}
    figures["worst"] = {
        name: choose(f[name] for key, f in figures.items() if key != "worst") for name, choose in worst.items()
    }
    print(keep("synthetic_recovery", "reader synthetic, default options", figures))


def recovery(summary: dict[str, Any]) -> dict[str, float]:
    """Figures of one seed, from its summary."""
    test = {
        name: summary[name]["test"]["nse_median"]
        for name in ("closed_loop", "default_parameters", "hidden_parameters", "through_surrogate")
    }
    distance = test["hidden_parameters"] - test["default_parameters"]
    return {
        **{f"{name}.nse_median": value for name, value in test.items()},
        "distance": distance,
        "recovered": (test["closed_loop"] - test["default_parameters"]) / distance,
        "gap_abs_median": summary["closed_loop"]["gap"]["test"]["abs_median"],
        "ungauged.nse_median": summary["closed_loop"]["ungauged"]["nse_median"],
        "at_learned.runoff_total.nse_median": summary["surrogate"]["at_learned"]["runoff_total"]["nse_median"],
        "seconds": summary["seconds"]["total"],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
