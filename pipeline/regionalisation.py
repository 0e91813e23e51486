"""``dpl calibrate --regionalise``: calibrated parameters carried to basins that are not fitted, and judged there.

    calibrate/METHOD-ON-HOW/EVALUATIONS/   parameters.nc, simulations.nc, scores.csv, summary.json

The files are those of a calibration, with a value at every calibrated, validation and ungauged basin; ``parameters.nc``
names the donor of each basin, or the penalty of each parameter. What a calibrated basin is given is what its own
attributes say, as at the others.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from dpl.baselines import REGIONALISATIONS
from legacy_models.files import sha256_of_json
from legacy_models.parameters import Array
from pipeline import calibration, calibration_files
from pipeline.experiment import Experiment
from pipeline.job import Job

if TYPE_CHECKING:
    from dpl.baselines.regionalisation import Carried


def regionalise(job: Job, how: str) -> None:
    """Carry the parameters of a finished calibration to the other basins, run the legacy model there and score it.

    Args:
        job: whose calibration is finished.
        how: name in ``REGIONALISATIONS``.

    Raises:
        UsageError: if there are too few calibrated basins.
    """
    calibrated = calibration.calibrated(job)
    source = calibration.folder(job.directory, calibrated)
    place = source.parent.with_name(f"{source.parent.name}-{how}") / source.name
    whole = job.experiment.fingerprint("periods", "splits", "legacy_model", "network")
    stage = f"regionalise-{place.parent.name}-{place.name}"
    fingerprint = sha256_of_json([calibration.fingerprint(job, calibrated), whole])
    if not (job.record.finished(stage, fingerprint) and calibration_files.complete(place)):
        with job.record.running(stage, fingerprint):
            _carry_and_judge(job, how, source, place)
    calibration_files.add_to_summary(job.directory)
    for line in calibration_files.lines(place):
        job.reporter.say(line)


def receivers(experiment: Experiment, donors: tuple[str, ...]) -> Experiment:
    """The experiment at the donors and at all basins that are not fitted."""
    return experiment.only({*donors, *experiment.splits.validation, *experiment.splits.ungauged})


def carried(experiment: Experiment, donors: tuple[str, ...], values: Array, how: str) -> "Carried":
    """Return what the ``receivers`` are given from the (donor, parameter) ``values`` of ``donors``.

    Attributes are scaled as for a parameter network, on the basins to fit.
    """
    from dpl.attributes import AttributeScaler

    attributes = experiment.attributes
    scaler = AttributeScaler.fit(attributes, experiment.splits.fit)
    known = scaler.transform(attributes.loc[list(donors)])
    wanted = scaler.transform(attributes.loc[list(receivers(experiment, donors).basins)])
    found: Carried = REGIONALISATIONS.resolve(how)(experiment.space, values, known, wanted)
    return found


def _carry_and_judge(job: Job, how: str, source: Path, place: Path) -> None:
    """Write the files of the regionalised parameters of the calibration at ``source`` to ``place``."""
    with xr.open_dataset(source / "parameters.nc") as found:
        donors, best = tuple(str(basin) for basin in found["basin"].to_numpy()), found["value"].to_numpy()
    experiment = receivers(job.experiment, donors)
    each = [carried(job.experiment, donors, row, how) for row in best]
    values = np.stack([one.values for one in each])
    series = calibration.simulate(job, experiment, values)
    section = experiment.config.calibrate
    about = {
        "title": f"{section.method} on {section.on}, {section.evaluations} evaluations, carried by {how}",
        "method": section.method,
        "on": section.on,
        "regionalised": {"how": how, "donors": list(donors)},
    }
    job.reporter.say(
        f"{how}: parameters are carried to {len(experiment.basins)} basins; test observations are read now"
    )
    parameters = calibration_files.parameters(experiment, values).assign(_origin(donors, each))
    calibration_files.write(place, experiment, series, about, job.experiment.data_hash, parameters)


def _origin(donors: tuple[str, ...], each: Sequence["Carried"]) -> dict[str, xr.Variable]:
    """What a file says of where the parameters of every seed come from."""
    found = {}
    if all(one.donor is not None for one in each):
        about = {"long_name": "calibrated basin whose parameters these are"}
        found["donor"] = xr.Variable(("seed", "basin"), [np.array(donors)[one.donor] for one in each], about)
    if all(one.penalty is not None for one in each):
        about = {"long_name": "penalty of the ridge", "units": "1"}
        found["penalty"] = xr.Variable(("seed", "parameter"), [one.penalty for one in each], about)
    return found
