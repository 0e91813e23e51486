"""The embedded program against recorded runs of VIC 5, as in ``pytest -m reference``; keeps ``vic_match.json``.

    python tests/benchmarks/vic_match.py GOLDEN

GOLDEN is the folder of recorded runs (8 cases of 4 parameter sets, 4 years, daily). Keeps the Nash-Sutcliffe
efficiency of each series, the relative error of the totals of the fluxes, and the worst of each.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from kept import keep

from tests.recorded_vic_runs import CASES, FLUXES, SETS, VARIABLES, efficiencies, simulate_case, total_errors


def main(golden: str) -> None:
    """Simulate every case and keep the figures."""
    figures: dict[str, float] = {}
    for case in CASES:
        with TemporaryDirectory() as work:
            pairs = simulate_case(Path(golden) / case, Path(work))
        for number, pair in zip(SETS, pairs, strict=True):
            figures |= {f"{case}.{number}.{name}.nse": value for name, value in efficiencies(pair).items()}
            figures |= {f"{case}.{number}.{name}.total_error": value for name, value in total_errors(pair).items()}
    for name in VARIABLES:
        figures[f"worst.{name}.nse"] = min(v for key, v in figures.items() if key.endswith(f".{name}.nse"))
    for name in FLUXES:
        errors = [v for key, v in figures.items() if key.endswith(f".{name}.total_error")]
        figures[f"worst.{name}.total_error"] = max(errors, key=abs)
    print(keep("vic_match", "golden_vic5: 8 cases of 4 sets, 1989-10 to 1993-09, daily", figures))


if __name__ == "__main__":
    main(*sys.argv[1:])
