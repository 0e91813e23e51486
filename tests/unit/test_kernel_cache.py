"""Compiled kernels: where they are kept, and that processes can share them."""

import os
import subprocess
import sys

import pytest

from legacy_models import kernel_cache

USE = """
from legacy_models.vic.embedded.soil import soil_step, baseflow
print(baseflow(300.0, 24.0, 540.0, 0.02, 10.0, 0.8, 2.0), sum(baseflow.stats.cache_misses.values()))
"""


def use(folder):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    return subprocess.Popen([sys.executable, "-c", USE], env=environment, stdout=subprocess.PIPE, text=True)


def test_processes_that_compile_at_the_same_time_agree_and_leave_a_cache_for_the_next(tmp_path):
    both = [use(tmp_path) for _ in range(2)]
    printed = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    value, compilations = use(tmp_path).communicate()[0].split()
    assert compilations == "0"
    assert {words[0] for words in printed} == {value}


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A place that cannot be written to, then one that can."""
    (tmp_path / "file").touch()
    found = [tmp_path / "file", tmp_path / "cache"]
    monkeypatch.setattr(kernel_cache, "_candidates", lambda package: iter(found))
    return found


def test_kernels_are_kept_in_the_first_place_that_can_be_written_to(places, tmp_path):
    folder = kernel_cache.cache_directory(tmp_path)
    assert folder.parent == places[1]
    assert folder.is_dir()


def test_kernels_are_compiled_without_a_cache_where_none_can_be_written(places, tmp_path):
    del places[1]
    assert kernel_cache.cache_directory(tmp_path) is None
    twice = kernel_cache.compile_lazily(lambda x: 2.0 * x, None)
    assert twice(3.0) == 6.0
    assert not twice.stats.cache_path


def test_the_folder_of_kernels_changes_with_their_sources(tmp_path):
    folders = []
    for source in ("a = 1\n", "a = 2\n"):
        (tmp_path / "soil.py").write_text(source)
        folders.append(kernel_cache.cache_directory(tmp_path).name)
    assert folders[0] != folders[1]
