"""The run store's bookkeeping: its directory, the durable plan, and the sum that must always be even."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from legacy_models.errors import StoreError
from legacy_models.files import sha256_of_bytes, write_json, write_text

SCHEMA_VERSION = 1
_OWN_NAMES = ("lock", "scratch", "segments", "forcing", "plan.txt")


@dataclass(frozen=True, slots=True)
class Counts:
    """How many runs were planned and what became of them; quarantined runs count as failed."""

    planned: int
    committed: int
    failed: int
    pending: int

    def __post_init__(self) -> None:
        if self.planned != self.committed + self.failed + self.pending or self.pending < 0:
            raise StoreError(f"planned must be committed + failed + pending, received {self}")


def write_plan(path: Path, planned: Mapping[str, str]) -> None:
    """Write the plan (key -> purpose), whole or not at all: a checksum, then one line a run.

    Raises:
        OSError: if it cannot be written; the old plan is then as it was.
    """
    body = "".join(f"{key} {purpose}\n" for key, purpose in planned.items())
    write_text(path, f"{sha256_of_bytes(body.encode())}\n{body}")


def read_plan(path: Path) -> dict[str, str]:
    """Read the plan; empty where there is none yet.

    Raises:
        StoreError: if it is damaged.
    """
    if not path.exists():
        return {}
    checksum, _, body = path.read_bytes().partition(b"\n")
    if sha256_of_bytes(body).encode() != checksum:
        raise StoreError(f"{path}: the plan does not match its checksum")
    lines = (line.partition(" ") for line in body.decode().splitlines())
    return {key: purpose for key, _, purpose in lines}


def make_store(path: Path) -> None:
    """Make an empty store, or check the one that is there and clear what an interrupted write left."""
    if not (path / "store.json").exists():
        write_json(path / "store.json", {"schema_version": SCHEMA_VERSION})
    check_schema(path)
    for directory in (path, path / "segments", path / "forcing"):
        directory.mkdir(exist_ok=True)
        for part in directory.glob(".*.part"):
            part.unlink()


def check_place(path: Path) -> None:
    """Make the directory ``path``; raise if it is something else than a store or an empty directory."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        names = {entry.name for entry in path.iterdir() if not entry.name.endswith(".part")}
    except OSError as error:
        raise StoreError(f"cannot make a run store at {path}: {error.strerror}") from error
    foreign = sorted(names.difference(_OWN_NAMES))
    if foreign and "store.json" not in names:
        raise StoreError(f"{path} is not a run store and not empty (it holds {foreign[0]}); give another path")


def check_schema(path: Path) -> None:
    """Raise unless ``path`` is a store that this version can read."""
    try:
        version = json.loads((path / "store.json").read_text())["schema_version"]
    except FileNotFoundError:
        raise StoreError(f"there is no run store at {path}") from None
    except (ValueError, LookupError, TypeError) as error:
        right = json.dumps({"schema_version": SCHEMA_VERSION})
        raise StoreError(f"{path}/store.json is damaged ({error}); it should hold {right}") from error
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise StoreError(f"{path} has schema_version {version}, newer than {SCHEMA_VERSION}; upgrade to read it")
