"""Little stores of the misbehaving model's runs."""

from pathlib import Path

from misbehaving import Misbehaving, numbered
from writer import result

from legacy_models.files import sha256_of_file
from legacy_models.store import RunStore

MODEL = Misbehaving()


def key(number: int) -> str:
    return MODEL.key(numbered(number)[0])


def filled(path: Path, *groups: tuple[int, ...]) -> Path:
    """Make a store with one committed batch a group."""
    with RunStore.open(path, write=True) as store:
        for numbers in groups:
            store.append(MODEL, numbered(*numbers), [result(n) for n in numbers])
    return path


def content(path: Path) -> dict[str, str]:
    return {str(p): sha256_of_file(p) for p in sorted(path.rglob("*")) if p.is_file() and p.name != "lock"}
