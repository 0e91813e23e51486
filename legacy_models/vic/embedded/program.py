"""``vic-embedded -g global.txt``: reads VIC 5 classic's files, simulates every cell, writes VIC's output files."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from legacy_models.errors import ProjectError

VERSION = "5.0.1-embedded"
USAGE = """Usage: vic-embedded [-v | -o | -g <global_parameter_file>]
  v: display version information
  o: display compile-time options
  g: read model parameters from <global_parameter_file>
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program on ``argv`` (without the program's name); return the exit status, 0 or 1."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["-v"]:
        sys.stdout.write(f"VIC Driver  : embedded\nVIC Version : {VERSION}\n")
        return 0
    if words[:1] == ["-o"]:
        sys.stdout.write(
            "Water balance mode; ASCII and BINARY output; three soil layers; no lakes, no frozen soil.\n"
        )
        return 0
    if len(words) != 2 or words[0] != "-g":
        sys.stderr.write(USAGE)
        return 1
    try:
        from legacy_models.vic.embedded.simulation import run

        run(Path(words[1]))
    except ProjectError as error:
        return _report(error)
    except OSError as error:
        return _report(error, error.errno, os.strerror(error.errno) if error.errno else "None")
    return 0


def _report(error: Exception, number: int | None = None, reason: str = "None") -> int:
    """Write one line in VIC's form to stderr; return 1."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = trace.tb_lineno if trace is not None else 0
    file = Path(trace.tb_frame.f_code.co_filename).name if trace is not None else "program.py"
    what = f"{error.filename}: {reason}" if isinstance(error, OSError) and error.filename else str(error)
    sys.stderr.write(f"[ERROR] {file}:{line}: errno: {reason if number else 'None'}: {what}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
