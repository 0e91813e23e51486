"""The runner's rules: what a sound result is, how long a batch may take, what a failed process leaves."""

import re
import sys
import threading
import time

import numpy as np
import pytest

from legacy_models.errors import DataError, LegacyModelError
from legacy_models.model import Forcing, Run, RunResult, Site, Variable
from legacy_models.runner import attempt_batch, checked_result, default_timeout, run_batch, stop_below
from legacy_models.watchdog import CappedLog

DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2003-01-01"))
PLACE = Site("a", {}, Forcing(DATES, np.ones((len(DATES), 1)), ("prcp",)))
START, END = np.datetime64("2001-01-01"), np.datetime64("2001-01-03")
SOUND = np.array([[0.0, 1], [1, 2], [2, 3]], dtype=np.float32)


class Script:
    """A model whose program is a line of Python, and whose output is whether that wrote ``done``."""

    name = "script"
    outputs = (Variable("flow", "mm/day", lower=0.0), Variable("storage", "mm", upper=1000.0))
    spinup_years = 1
    seconds_a_year = 0.05

    def __init__(self, line, collected=None):
        self.line, self.collected = line, collected

    def prepare(self, directory, runs):
        return [sys.executable, "-I", "-S", "-c", self.line]

    def collect(self, directory, runs):
        if self.collected is not None:
            return self.collected
        done = (directory / "done").exists()
        return [RunResult("ok", outputs=SOUND) if done else RunResult("failed", "no output") for _ in runs]


def runs(count=1):
    return [Run(PLACE, np.zeros(0), START, END) for _ in range(count)]


def test_results_come_back_in_order_and_a_clean_sandbox_goes_away(tmp_path):
    first, second = RunResult("ok", outputs=SOUND), RunResult("ok", outputs=SOUND + 1)
    assert run_batch(Script("", [first, second]), runs(2), tmp_path / "deep" / "box") == [first, second]
    assert not (tmp_path / "deep" / "box").exists()


def test_the_program_works_in_its_sandbox_with_no_input_and_one_thread(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    line = (
        "import os, sys; assert sys.stdin.read() == ''; assert os.environ['OMP_NUM_THREADS'] == '1';"
        "assert os.getsid(0) == os.getpid(); open('done', 'w').write(os.getcwd())"
    )
    outcome = attempt_batch(Script(line), runs(), tmp_path / "box")
    assert (outcome.fault, outcome.results[0].status) == ("", "ok")


@pytest.mark.parametrize("keep", [True, False])
def test_the_sandbox_of_a_failed_batch_is_kept_on_demand(tmp_path, keep):
    attempt_batch(Script("raise SystemExit(1)"), runs(), tmp_path / "box", keep_failed=keep)
    assert (tmp_path / "box").exists() == keep


def test_sound_results_of_a_failed_process_are_kept_and_the_rest_fail_with_its_reason(tmp_path):
    collected = [
        RunResult("ok", outputs=SOUND),
        RunResult("failed", "no file"),
        RunResult("ok", outputs=SOUND[:1]),
    ]
    model = Script("import sys; print('snow below ground'); sys.exit(9)", collected)
    good, absent, cut = run_batch(model, runs(3), tmp_path / "box")
    assert good.status == "ok"
    assert {(r.status, r.reason) for r in (absent, cut)} == {("failed", "exited with status 9")}
    assert absent.log_tail == "snow below ground\n"


@pytest.mark.parametrize(
    ("outputs", "status", "reason"),
    [
        (SOUND, "ok", ""),
        (None, "failed", r"incomplete output: expected \(day, output\) = \(3, 2\), received None"),
        (SOUND[:2], "failed", r"received \(2, 2\)"),
        (SOUND[:, :1], "failed", r"received \(3, 1\)"),
        (SOUND * np.float32(np.nan), "quarantined", "flow = nan mm/day on 2001-01-01"),
        (SOUND - 0.5, "quarantined", r"flow = -0.5 mm/day on 2001-01-01, outside \[0, inf\]"),
        (SOUND * 500, "quarantined", r"storage = 1500 mm on 2001-01-03, outside \[-inf, 1000]"),
        (np.where(SOUND == 2, np.inf, SOUND), "quarantined", "flow = inf mm/day on 2001-01-03"),
    ],
)
def test_only_complete_finite_plausible_output_is_sound(outputs, status, reason):
    result = checked_result(Script(""), runs()[0], RunResult("ok", outputs=outputs))
    assert result.status == status
    assert re.search(reason, result.reason)


def test_a_failure_stays_a_failure():
    failed = RunResult("failed", "because")
    assert checked_result(Script(""), runs()[0], failed) is failed


def test_an_adapter_that_loses_a_run_is_an_error(tmp_path):
    with pytest.raises(LegacyModelError, match="script collected 1 results of 2 runs"):
        run_batch(Script("", [RunResult("ok", outputs=SOUND)]), runs(2), tmp_path / "box")


def test_input_that_the_adapter_refuses_fails_its_runs_with_the_reason(tmp_path):
    def refuse(directory, runs):
        raise DataError("basin 7: soil depth is negative")

    model = Script("")
    model.prepare = refuse
    outcome = attempt_batch(model, runs(2), tmp_path / "box")
    assert [r.reason for r in outcome.results] == ["input refused: basin 7: soil depth is negative"] * 2


def test_the_time_limit_is_five_minutes_and_sixty_times_what_the_years_usually_take():
    years = 1 + 3 / 365.25
    for count in (1, 3):
        assert default_timeout(Script(""), runs(count)) == pytest.approx(300 + 60 * 0.05 * count * years)


def test_a_sandbox_that_is_there_already_is_not_used(tmp_path):
    (tmp_path / "box").mkdir()
    (tmp_path / "box" / "precious").touch()
    with pytest.raises(LegacyModelError, match=r"cannot use sandbox .*: File exists"):
        run_batch(Script(""), runs(), tmp_path / "box")
    assert (tmp_path / "box" / "precious").exists()


def test_programs_are_stopped_by_the_place_of_their_sandbox(tmp_path):
    outcomes = {}

    def work(name, line):
        outcomes[name] = attempt_batch(Script(line), runs(), tmp_path / name / "box", timeout=60)

    long, short = "import time; time.sleep(60)", "import time; time.sleep(1); open('done', 'w')"
    threads = [threading.Thread(target=work, args=a) for a in (("one", long), ("other", short))]
    for thread in threads:
        thread.start()
    started = time.monotonic()
    while "one" not in outcomes and time.monotonic() < started + 10:
        stop_below(tmp_path / "one")
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    assert outcomes["one"].fault
    assert outcomes["other"].fault == ""


def test_a_capped_log_is_whole_up_to_its_size_and_has_both_ends_beyond(tmp_path):
    def logged(*chunks):
        path = tmp_path / "log"
        with path.open("wb") as stream:
            log = CappedLog(stream.fileno(), head=4, tail=3)
            for chunk in chunks:
                log.add(chunk)
            log.close()
        return path.read_bytes()

    assert logged(b"abc", b"defg") == b"abcdefg"
    assert logged(b"abcdefghij") == b"abcd\n... 3 bytes of the log left out ...\nhij"
    assert logged(*[bytes([c]) for c in b"abcdefghij"]) == logged(b"abcdefghij")
