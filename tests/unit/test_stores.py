"""The commands of ``dpl store``: what they tell of a store, and what they mend."""

import subprocess
import sys

import numpy as np
import pytest

from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.model import Forcing, Run, RunResult
from legacy_models.store import RunStore

MODEL = LinearReservoir(spinup_years=1)
DATES = np.arange(np.datetime64("2000-01-01"), np.datetime64("2003-01-01"))
SITES = [MODEL.site(name, {}, Forcing(DATES, np.ones((len(DATES), 1)), ("prcp",))) for name in ("a", "b")]
RUNS = [Run(SITES[n % 2], np.array([1.0 + n]), np.datetime64("2002-01-01"), DATES[-1]) for n in range(6)]


@pytest.fixture
def path(tmp_path):
    """A store of four good runs in two segments, one failed and one pending."""
    good = RunResult("ok", outputs=np.ones((365, 2), np.float32))
    with RunStore.open(tmp_path / "store", write=True) as store:
        store.plan([MODEL.key(run) for run in RUNS], "design")
        store.append(MODEL, RUNS[:3], [good] * 3)
        store.append(MODEL, RUNS[3:5], [good, RunResult("failed", "killed by SIGSEGV")])
    (tmp_path / "store" / "scratch" / "failed-0123").mkdir(parents=True)
    return tmp_path / "store"


def dpl_store(command, path):
    code = "from pipeline.cli import main; main()"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, "store", command, str(path)], capture_output=True, text=True, timeout=120
    )


def flip_last_byte(path):
    content = bytearray(path.read_bytes())
    content[content.rindex(np.ones(10, np.float32).tobytes())] ^= 1
    path.write_bytes(content)


def test_list_says_what_there_is_and_why_the_rest_failed(path):
    said = dpl_store("list", path).stdout
    assert ["design", "6", "4", "1", "1"] in [line.split() for line in said.splitlines()]
    for part in (
        f"linear_reservoir {MODEL.version[:12]}, 2002-01-01 to 2002-12-31\n", "1 years\n",
        "4 good runs at 2 sites", "residence_time [day]", "prcp", "flow [mm/day], storage [mm]",
        "1 failed: killed by SIGSEGV", "sandboxes of failed runs, to be looked at and removed: 1",
    ):  # fmt: skip
        assert part in said


def test_a_sound_store_is_verified_and_left_alone(path):
    before = {file: file.read_bytes() for file in path.rglob("*.h5")}
    assert dpl_store("verify", path).stdout == f"{path}: 4 committed runs, all sound\n"
    assert dpl_store("repair", path).stdout == f"{path}: nothing was damaged\n"
    assert {file: file.read_bytes() for file in path.rglob("*.h5")} == before


def test_damage_is_an_error_of_one_line_with_the_remedy_and_costs_only_the_damaged_run(path):
    flip_last_byte(path / "segments" / "00000001.h5")
    found = dpl_store("verify", path)
    assert (found.returncode, found.stdout, found.stderr.count("\n")) == (1, "", 1)
    assert f"1 damaged, the first is 00000001.h5: is damaged; 1 of 3 runs are lost; `dpl store repair {path}`" in (
        found.stderr
    )
    mended = dpl_store("repair", path)
    assert (mended.returncode, mended.stdout) == (
        0,
        "00000001.h5: is damaged; 1 of 3 runs are lost; 1 runs will be run again\n",
    )
    assert dpl_store("verify", path).stdout == f"{path}: 3 committed runs, all sound\n"
    with RunStore.open(path) as store:
        assert store.counts().pending == 2


def test_repair_waits_for_no_writer(path):
    with RunStore.open(path, write=True):
        refused = dpl_store("repair", path)
    assert (refused.returncode, "being written to by another process" in refused.stderr) == (1, True)


@pytest.mark.parametrize("command", ["list", "verify"])
def test_what_is_no_store_is_said_to_be_none(tmp_path, command):
    refused = dpl_store(command, tmp_path / "none")
    assert (refused.returncode, refused.stderr) == (1, f"error: there is no run store at {tmp_path / 'none'}\n")
