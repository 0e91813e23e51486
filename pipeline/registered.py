"""The registered surrogate that a run uses in place of one of its own: pinned, or made for the very same request."""

import re
import shutil
from dataclasses import asdict
from pathlib import Path

import surrogates
from legacy_models.errors import BundleError, RegistryError, UsageError
from legacy_models.files import sha256_of_json, sha256_of_sources
from pipeline import design, emulation
from pipeline.job import Job, Registered
from pipeline.tracking import default_uri, fetch, made_for, version_address


def surrogate_uri(pinned: str) -> str | None:
    """Return the registry address of ``vic@3`` or ``vic@champion``; None for a plain name.

    Raises:
        UsageError: if what follows the @ is neither a version nor an alias.
    """
    name, at, version = pinned.partition("@")
    if not at:
        return None
    if not re.fullmatch(r"[A-Za-z0-9_-]+", version):
        raise UsageError(f"--surrogate {pinned}: expected a version or an alias after @, for example vic@champion")
    return f"models:/{name}-surrogate/{version}" if version.isdigit() else f"models:/{name}-surrogate@{version}"


def choose(job: Job, pin: str | None) -> Registered | None:
    """Return the surrogate to take from the registry; None where the run builds its own.

    A pinned one is always taken. Otherwise the registry is searched, unless the configuration forbids it or the
    run's directory has begun rounds of its own for this design. What was found once stays with the directory.

    Args:
        job: the run.
        pin: registry address that was asked for.

    Raises:
        RegistryError: if the pinned one cannot be fetched.
    """
    section = job.experiment.config.tracking
    if pin:
        address = version_address(pin, section.uri)
        return Registered(address, fetch(address, _emptied(job.directory / "pinned"), section.uri))
    if not section.search or job.record.begun("simulate-0", _design_fingerprint(job)):
        return None
    wanted = request(job)
    return _kept(job, wanted) or _found(job, wanted)


def request(job: Job) -> str:
    """Hash of all that a surrogate is asked to be: two runs with the same one may share it.

    It holds what decides round 0 (data, legacy model, runs of the design, training, seed, the code that trains),
    and what a refined one depends on besides: the settings of refinement, and which observations were learned from.
    How parameters are learned through the surrogate is left out.
    """
    return sha256_of_json(
        [
            _design_fingerprint(job),
            asdict(emulation.surrogate_settings(job, 0)),
            job.experiment.fingerprint("splits", "periods", "refine"),
            sha256_of_sources(Path(surrogates.__file__).parent),
        ]
    )


def _design_fingerprint(job: Job) -> str:
    return emulation.simulate_fingerprint(job, design.planned_runs(job.experiment))


def _kept(job: Job, wanted: str) -> Registered | None:
    """What an earlier search of this directory found for the same request, if its files are still there."""
    note = job.record.note("search") if job.record.finished("search", _fingerprint(job, wanted)) else None
    if not note or not (job.directory / note["path"] / "card.json").is_file():
        return None
    return Registered(note["address"], job.directory / note["path"])


def _found(job: Job, wanted: str) -> Registered | None:
    """Search the registry and keep the choice; a registry that does not answer stops no run."""
    with job.record.running("search", _fingerprint(job, wanted)) as note:
        try:
            found = _newest_that_fits(job, wanted)
        except RegistryError as error:
            job.reporter.say(f"{error}; no registered surrogate is looked for, the run builds its own")
            return None
        if found:
            note |= {"address": found.address, "path": str(found.path.relative_to(job.directory))}
    return found


def _newest_that_fits(job: Job, wanted: str) -> Registered | None:
    """Fetch the newest version that was made for this request and passes every check."""
    uri = job.experiment.config.tracking.uri
    for version in made_for(f"{job.experiment.model.name}-surrogate", wanted, uri):
        try:
            path = fetch(version.address, _emptied(job.directory / "registered"), uri)
            emulation.load_checked(job, path)
        except (RegistryError, BundleError) as error:
            job.reporter.say(f"{version.address} was made for this request but cannot be used: {error}")
            continue
        job.reporter.say(
            f"surrogate: {version.address}, registered {version.made:%Y-%m-%d %H:%M} UTC for the same request, is "
            "used; no training, no refinement (--set tracking.search=false trains a new one)"
        )
        return Registered(version.address, path)
    return None


def _fingerprint(job: Job, wanted: str) -> str:
    """Hash of what is looked for, and where."""
    return sha256_of_json([wanted, job.experiment.config.tracking.uri or default_uri()])


def _emptied(directory: Path) -> Path:
    """Remove what an earlier fetch left, so that files of two versions never mix."""
    shutil.rmtree(directory, ignore_errors=True)
    return directory
