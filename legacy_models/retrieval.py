"""Reading a run store's segments back: into one RunSet, or to find and cut out what is damaged."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from legacy_models.errors import StoreError
from legacy_models.files import scratch_array
from legacy_models.model import Forcing, days_between
from legacy_models.run_set import ModelInfo, RunSet, site_name
from legacy_models.segments import Block, Record, Segment, read_block, read_forcing, write_segment

_REMEDY = "repair the store (`dpl store repair`) and simulate again: what is damaged is redone"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something damaged in a store; ``keys`` are the runs that it costs, where they are known."""

    path: Path
    what: str
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Holding:
    """What a store has of one model over one period: enough to say what ``RunStore.read`` would give.

    Args:
        model: description of the model.
        start: first recorded day.
        end: last recorded day.
        sites: names of the sites with good runs.
        good: how many runs can be read.
        reasons: why the others failed -> how many of them.
    """

    model: ModelInfo
    start: np.datetime64
    end: np.datetime64
    sites: tuple[str, ...]
    good: int
    reasons: Mapping[str, int]


def holdings(indexed: Iterable[tuple[Segment, Record]]) -> tuple[Holding, ...]:
    """Sum up finished runs by model and period, in the order in which they were first committed."""
    groups: dict[tuple[ModelInfo, np.datetime64, np.datetime64], list[Record]] = defaultdict(list)
    for segment, record in indexed:
        groups[segment.model, segment.start, segment.end].append(record)
    return tuple(
        Holding(
            *about,
            sites=tuple(sorted({record.site for record in records if record.status == "ok"})),
            good=sum(record.status == "ok" for record in records),
            reasons=Counter(record.reason for record in records if record.status != "ok"),
        )
        for about, records in groups.items()
    )


def gather(chosen: Sequence[tuple[Segment, Record]], forcing_directory: Path, scratch: Path | None = None) -> RunSet:
    """Read the chosen good runs of one model, checking checksums.

    Outputs go straight into one array (``files.scratch_array``); beside it, only one segment is in memory at a
    time. A site that stands for more than one forcing record appears as ``name@digest``, once for each.

    Raises:
        StoreError: if data are damaged, if the runs differ in the model's description or in length, or if ``scratch``
            has no room for the outputs.
    """
    model = _one_model(segment.model for segment, _ in chosen)
    days = _one_length(segment for segment, _ in chosen)
    names = _site_names([record for _, record in chosen])
    ordered = sorted(chosen, key=lambda item: (names[item[1].site, item[1].forcing], item[1].key))
    n = len(ordered)
    outputs = _room((n, days, len(model.outputs)), scratch)
    whole = Block(np.empty((n, len(model.parameters))), np.empty((n, len(model.properties))), list(outputs))
    members: dict[Segment, list[tuple[int, Record]]] = defaultdict(list)
    for position, (segment, record) in enumerate(ordered):
        members[segment].append((position, record))
    for segment, items in members.items():
        _copy(segment, items, whole)
    forcing = {
        name: _forcing(forcing_directory, digest, model)
        for (_, digest), name in sorted(names.items(), key=lambda item: item[1])
    }
    return RunSet(
        model=model,
        keys=tuple(record.key for _, record in ordered),
        sites=np.array([names[record.site, record.forcing] for _, record in ordered], dtype=np.str_),
        parameters=whole.parameters,
        properties=whole.properties,
        outputs=outputs,
        starts=np.array([segment.start for segment, _ in ordered]),
        forcing=forcing,
    )


def outputs_by_key(chosen: Iterable[tuple[Segment, Record]]) -> dict[str, npt.NDArray[np.float32]]:
    """Read the (time, output) outputs of the chosen good runs, checking checksums; each segment is read once.

    Raises:
        StoreError: if data are damaged.
    """
    by_segment: dict[Segment, list[Record]] = defaultdict(list)
    for segment, record in chosen:
        by_segment[segment].append(record)
    outputs: dict[str, npt.NDArray[np.float32]] = {}
    for segment, records in by_segment.items():
        block = sound_block(segment, records)
        outputs |= {record.key: np.array(block.outputs[record.row]) for record in records}
    return outputs


def sound_block(segment: Segment, records: Iterable[Record]) -> Block:
    """Return the numbers of a segment in which at least ``records`` match their checksums.

    Raises:
        StoreError: naming the first run that does not, and the remedy.
    """
    try:
        block = read_block(segment)
    except StoreError as error:
        raise StoreError(f"{error}; {_REMEDY}") from error
    positions = {record.key: i for i, record in enumerate(segment.records)}
    for record in records:
        if block.checksum(positions[record.key], record) != record.sha256:
            raise StoreError(f"{segment.path}: run {record.key} does not match its checksum; {_REMEDY}")
    return block


def damaged_contents(segments: Iterable[Segment], forcing_directory: Path) -> list[Problem]:
    """Read every byte of ``segments``, and the forcing that they need, and return what is damaged."""
    segments = list(segments)
    users: dict[str, list[str]] = defaultdict(list)
    for segment in segments:
        for record in segment.records:
            if record.status == "ok":
                users[record.forcing].append(record.key)
    problems = [_damage(segment) for segment in segments if not segment.file.is_sound()]
    for digest, keys in users.items():
        path = forcing_directory / f"{digest}.h5"
        try:
            read_forcing(path, digest)
        except StoreError as error:
            problems.append(Problem(path, str(error), tuple(keys)))
    return problems


def rewrite_without(segment: Segment, keys: Collection[str]) -> None:
    """Replace a segment by one without the runs ``keys``, or remove it if none is left."""
    kept = [i for i, record in enumerate(segment.records) if record.key not in keys]
    if not kept:
        segment.path.unlink()
        return
    records = [segment.records[i] for i in kept]
    block = sound_block(segment, records).only(segment.records, kept)
    write_segment(segment.path, segment.model, (segment.start, segment.end), records, block)


def _damage(segment: Segment) -> Problem:
    """Return which runs of a damaged segment are lost; none if only what frames them is damaged."""
    try:
        block = read_block(segment)
    except StoreError as error:
        return Problem(segment.path, str(error), tuple(r.key for r in segment.records))
    bad = tuple(r.key for i, r in enumerate(segment.records) if block.checksum(i, r) != r.sha256)
    return Problem(segment.path, f"is damaged; {len(bad)} of {len(segment.records)} runs are lost", bad)


def _copy(segment: Segment, items: Sequence[tuple[int, Record]], whole: Block) -> None:
    """Copy runs of one segment to their places in the whole."""
    block = sound_block(segment, (record for _, record in items))
    places = [position for position, _ in items]
    row_of = {record.key: i for i, record in enumerate(segment.records)}
    sources = [row_of[record.key] for _, record in items]
    whole.parameters[places] = block.parameters[sources]
    whole.properties[places] = block.properties[sources]
    for position, record in items:
        whole.outputs[position][...] = block.outputs[record.row]


def _one_model(models: Iterable[ModelInfo]) -> ModelInfo:
    """Return the description that all share."""
    first, *others = dict.fromkeys(models)
    if others:
        raise StoreError(
            f"the selected runs of {first.name} were made with different settings (spin-up of "
            f"{first.spinup_years} and {others[0].spinup_years} years, for example); select them by key"
        )
    return first


def _one_length(segments: Iterable[Segment]) -> int:
    """Return the number of recorded days, which all share."""
    lengths = {days_between(segment.start, segment.end) + 1: segment for segment in segments}
    first, *others = lengths
    if others:
        one, other = lengths[first], lengths[others[0]]
        raise StoreError(
            f"the selected runs record {first} days ({one.start} to {one.end}) and {others[0]} days ({other.start} to "
            f"{other.end}); select one length by period or by key"
        )
    return first


def _room(shape: tuple[int, ...], scratch: Path | None) -> npt.NDArray[np.float32]:
    """Return an array for the outputs."""
    try:
        return scratch_array(shape, np.float32, scratch)
    except OSError as error:
        raise StoreError(
            f"{scratch}: no room for {4e-9 * np.prod(shape):.1f} GB of outputs ({error.strerror})"
        ) from error


def _site_names(records: Sequence[Record]) -> dict[tuple[str, str], str]:
    """Return (site, forcing digest) -> a name that is unique to the two."""
    digests: dict[str, set[str]] = defaultdict(set)
    for record in records:
        digests[record.site].add(record.forcing)
    return {
        (site, digest): site if len(of_site) == 1 else site_name(site, digest)
        for site, of_site in digests.items()
        for digest in of_site
    }


def _forcing(directory: Path, digest: str, model: ModelInfo) -> Forcing:
    """Read a forcing record with the variables that the model reads."""
    try:
        forcing = read_forcing(directory / f"{digest}.h5", digest)
    except StoreError as error:
        raise StoreError(f"{error}; {_REMEDY}") from error
    columns = [forcing.names.index(name) for name in model.forcing_names]
    return Forcing(forcing.dates, forcing.values[:, columns], model.forcing_names)
