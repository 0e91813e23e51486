"""``vic-embedded -g global.txt``: reads VIC 5 classic's files, simulates every cell, writes VIC's outputs."""

import sys
from collections.abc import Sequence
from pathlib import Path

from legacy_models.errors import ProjectError
from legacy_models.vic.global_file import read_global

VERSION = "5.0.1-embedded"
OPTIONS = "Water balance mode, three soil layers, ASCII and BINARY output; no lakes, no frozen soil.\n"
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
        sys.stdout.write(OPTIONS)
        return 0
    if len(words) != 2 or words[0] != "-g":
        sys.stderr.write(USAGE)
        return 1
    try:
        _run(Path(words[1]))
    except (ProjectError, OSError) as error:
        sys.stderr.write(message(error))
        return 1
    return 0


def message(error: ProjectError | OSError) -> str:
    """One line in VIC's form: ``[ERROR] file:line: errno: reason: what is wrong``."""
    file, line = "program.py", 0
    trace = error.__traceback__
    while trace is not None:
        source = Path(trace.tb_frame.f_code.co_filename)
        if "legacy_models" in source.parts:
            file, line = source.name, trace.tb_lineno
        trace = trace.tb_next
    if isinstance(error, OSError):
        return f"[ERROR] {file}:{line}: errno: {error.strerror or error}: cannot use {error.filename}\n"
    return f"[ERROR] {file}:{line}: errno: None: {error}\n"


def _run(path: Path) -> None:
    settings = read_global(path.read_text())
    for key in settings.unknown_keys:
        sys.stderr.write(f"[WARN] {path}: unrecognized option: {key}\n")
    # numba is imported here only, so that -v, -o and mistakes in the call answer at once
    from legacy_models.vic.embedded.simulation import run

    run(settings)


if __name__ == "__main__":
    sys.exit(main())
