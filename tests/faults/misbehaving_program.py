"""A model program that does what it is told to: usually its work, for some runs something else.

Its input is ``runs.json``: days, and for each run a number. For run ``i`` it writes ``i.txt``, one line a
day. ``MISBEHAVE`` holds what goes wrong, for example ``7:exit,9:hang``: while run number 7 is simulated the
program exits with status 3, while run number 9 is it hangs. ``*`` stands for every run. ``EXECUTIONS`` names a
file to which the number of every run that is begun is added.
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def main() -> None:
    given = json.loads(Path("runs.json").read_text())
    faults = dict(item.split(":") for item in os.environ.get("MISBEHAVE", "").split(",") if item)
    for i, number in enumerate(given["numbers"]):
        fault = faults.get(str(number), faults.get("*", ""))
        note(number)
        lines = [f"{number + day}" for day in range(given["days"])]
        lines = FAULTS[fault](lines) if fault else lines
        Path(f"{i}.txt").write_text("\n".join(lines))


def note(number: int) -> None:
    if path := os.environ.get("EXECUTIONS"):
        with Path(path).open("a") as stream:
            stream.write(f"{number}\n")


def leave(lines: list[str]) -> list[str]:
    print("the soil file makes no sense", flush=True)
    sys.exit(3)


def leave_once(lines: list[str]) -> list[str]:
    flag = Path(os.environ["MISBEHAVED"])
    if not flag.exists():
        flag.touch()
        sys.exit(4)
    return lines


def hang(lines: list[str]) -> list[str]:
    while True:
        time.sleep(1000)


def leave_children(lines: list[str]) -> list[str]:
    sleeper = [sys.executable, "-S", "-c", "import time; time.sleep(1000)"]
    subprocess.Popen(sleeper)
    subprocess.Popen(sleeper, start_new_session=True)
    return lines


def hang_with_children(lines: list[str]) -> list[str]:
    return hang(leave_children(lines))


def crash(lines: list[str]) -> list[str]:
    ctypes.string_at(0)
    return lines


def divide(lines: list[str]) -> list[str]:
    os.kill(os.getpid(), signal.SIGFPE)
    time.sleep(10)
    return lines


def talk(lines: list[str]) -> list[str]:
    print("first words", flush=True)
    for _ in range(300):
        os.write(1, b"blah " * 20_000)
    print("last words", flush=True)
    return lines


def talk_forever(lines: list[str]) -> list[str]:
    while True:
        os.write(2, b"blah " * 20_000)


def kill_worker(lines: list[str]) -> list[str]:
    """Kill the process that runs batches: the parent of the watchdog, which is the parent of this one."""
    worker = Path(f"/proc/{os.getppid()}/stat").read_text().rpartition(")")[2].split()[1]
    os.kill(int(worker), signal.SIGKILL)
    return hang(lines)


def fill_disk(lines: list[str]) -> list[str]:
    Path("big").write_bytes(bytes(64 << 20))
    return lines


FAULTS = {
    "exit": leave,
    "once": leave_once,
    "hang": hang,
    "children": leave_children,
    "hangchildren": hang_with_children,
    "segv": crash,
    "fpe": divide,
    "talk": talk,
    "talkforever": talk_forever,
    "fill": fill_disk,
    "killworker": kill_worker,
    "truncate": lambda lines: lines[: len(lines) // 2],
    "nan": lambda lines: [*lines[:-1], "nan"],
    "inf": lambda lines: ["-inf", *lines[1:]],
    "absurd": lambda lines: ["1e12", *lines[1:]],
    "slow": lambda lines: time.sleep(0.05) or lines,
}


if __name__ == "__main__":
    main()
