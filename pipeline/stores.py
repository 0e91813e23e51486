"""What ``dpl store`` tells and mends of a run store, as text."""

from pathlib import Path

from legacy_models.errors import StoreError
from legacy_models.sandboxes import kept_in, scratch_of
from legacy_models.store import Holding, RunStore


def describe(path: Path) -> str:
    """Counts by purpose and status; what can be read, why the rest failed, and what is left of failed runs."""
    with RunStore.open(path) as store:
        rows = [*store.counts_by_purpose().items(), ("total", store.counts())]
        holdings = store.holdings()
    lines = [f"{'purpose':12} {'planned':>9} {'committed':>9} {'failed':>9} {'pending':>9}"]
    lines += [f"{name:12} {c.planned:9} {c.committed:9} {c.failed:9} {c.pending:9}" for name, c in rows]
    for holding in holdings:
        lines += ["", *_described(holding)]
    files = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    lines += ["", f"{sum(files) / 1e6:.1f} MB in {len(files)} files"]
    if kept := kept_in(scratch_of(path, None)):
        lines.append(f"sandboxes of failed runs, to be looked at and removed: {len(kept)}, the first is {kept[0]}")
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


def _described(holding: Holding) -> list[str]:
    """Lines about one model and period."""
    model = holding.model
    return [
        f"{model.name} {model.version[:12]}, {holding.start} to {holding.end}",
        f"  spin-up      {model.spinup_years} years",
        f"  {holding.good} good runs at {len(holding.sites)} sites",
        f"  parameters   {', '.join(f'{p.name} [{p.unit}]' for p in model.parameters.parameters)}",
        f"  forcing      {', '.join(model.forcing_names)}",
        f"  properties   {', '.join(model.property_names) or 'none'}",
        f"  outputs      {', '.join(f'{v.name} [{v.unit}]' for v in model.outputs)}",
        *(f"  {count} failed: {reason}" for reason, count in holding.reasons.items()),
    ]
