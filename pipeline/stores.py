"""What ``dpl store`` tells and mends of a run store, as text."""

from pathlib import Path

from legacy_models.errors import StoreError
from legacy_models.store import RunStore


def describe(path: Path) -> str:
    """Counts by purpose and status, one line each."""
    with RunStore.open(path) as store:
        rows = [*store.counts_by_purpose().items(), ("total", store.counts())]
    lines = [f"{'purpose':12} {'planned':>9} {'committed':>9} {'failed':>9} {'pending':>9}"]
    lines += [f"{name:12} {c.planned:9} {c.committed:9} {c.failed:9} {c.pending:9}" for name, c in rows]
    return "\n".join(lines)


def verify(path: Path) -> str:
    """Read everything and say that it is sound.

    Raises:
        StoreError: naming what is damaged and the remedy.
    """
    with RunStore.open(path) as store:
        problems = store.verify()
        count = store.counts().committed
    if problems:
        first = problems[0]
        raise StoreError(
            f"{path}: {len(problems)} damaged, the first is {first.path.name}: {first.what}; "
            f"`dpl store repair {path}` takes them out so that they are run again"
        )
    return f"{path}: {count} committed runs, all sound"


def repair(path: Path) -> str:
    """Take what is damaged out and say what it was."""
    with RunStore.open(path, write=True) as store:
        problems = store.repair()
    if not problems:
        return f"{path}: nothing was damaged"
    return "\n".join(f"{p.path.name}: {p.what}; {len(p.keys)} runs will be run again" for p in problems)
