"""``dpl lstm``: the data-driven ceiling, a regional LSTM trained on the fit basins and judged on every split.

    calibrate/regional/lstm/   simulations.nc, scores.csv, history.csv, summary.json, training/

Same data, splits and attributes as learning; an interrupted training goes on.
"""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from legacy_models.files import sha256_of_json, write_text
from legacy_models.model import with_spinup
from pipeline import calibration_files
from pipeline.closed_loop import Series
from pipeline.experiment import Experiment
from pipeline.job import Job

if TYPE_CHECKING:
    from dpl.settings import LearningData
    from surrogates.fitting import Epoch


def reach_ceiling(job: Job) -> None:
    """Train a network for each seed, simulate the span at every basin, score it and write the files."""
    settings, experiment = job.experiment.config.lstm, job.experiment
    place, fingerprint = folder(job.directory), _fingerprint(experiment)
    if not (job.record.finished("lstm", fingerprint) and calibration_files.complete(place)):
        with job.record.running("lstm", fingerprint):
            data = regional_data(experiment)
            series, history = {}, []
            for seed in settings.seeds:
                flow, epochs = _trained(job, data, seed, place / "training" / fingerprint[:16])
                series[seed] = {"lstm": Series(flow[..., None].astype(np.float32), flow)}
                history.append(pd.DataFrame([asdict(epoch) for epoch in epochs]).assign(seed=seed))
            write_text(place / "history.csv", pd.concat(history).to_csv(index=False))
            job.reporter.say("lstm: the training is over; test observations are read now")
            about = {"title": "regional LSTM", "method": "lstm", "settings": asdict(settings)}
            calibration_files.write(place, experiment, series, about, experiment.data_hash)
    calibration_files.add_to_summary(job.directory)
    for line in calibration_files.lines(place):
        job.reporter.say(line)


def folder(directory: Path) -> Path:
    """Where the results are, in a run's ``directory``."""
    return directory / "calibrate" / "regional" / "lstm"


def regional_data(experiment: Experiment) -> "LearningData":
    """What the LSTM reads: the span and the days before it, earlier or recycled as for the legacy model's spin-up.

    Observations of the test period and of ungauged basins are not among them.
    """
    from dpl.attributes import AttributeScaler
    from dpl.settings import LearningData

    before, span = experiment.config.lstm.warmup_days, experiment.span
    years = -(-before // 365)
    days = before + len(experiment.dates)
    records = [with_spinup(site.forcing, *span, years) for site in experiment.sites]
    fit, validation = (
        np.pad(experiment.splits.mask(split, experiment.basins, experiment.dates), ((0, 0), (before, 0)))
        for split in ("fit", "validation")
    )
    observed = np.pad(experiment.observed, ((0, 0), (before, 0)), constant_values=np.nan)
    scaler = AttributeScaler.fit(experiment.attributes, experiment.splits.fit)
    nothing = np.zeros((len(experiment.basins), days, 0), dtype=np.float32)
    return LearningData(
        basins=experiment.basins,
        attributes=scaler.transform(experiment.attributes),
        properties=nothing[:, 0],
        forcing=np.stack([record.values[-days:] for record in records]).astype(np.float32),
        antecedent=nothing,
        observed=np.where(fit | validation, observed, np.nan).astype(np.float32),
        dates=records[0].dates[-days:],
        fit=fit,
        validation=validation,
        forcing_names=records[0].names,
    )


def _trained(job: Job, data: "LearningData", seed: int, checkpoints: Path) -> "tuple[np.ndarray, list[Epoch]]":
    """Return the (basin, time) streamflow over the span of a network of ``seed``, and its learning curve."""
    from dpl.baselines.regional_lstm import simulator, train

    settings, epochs = job.experiment.config.lstm, []
    with job.reporter.bar(f"regional LSTM, seed {seed}", settings.epochs) as advance:

        def on_epoch(epoch: "Epoch") -> None:
            epochs.append(epoch)
            advance(epoch.epoch, f"loss {epoch.loss:.4f}, validation NSE {epoch.held_out_nse:.3f}")

        seed_of_run = seed + job.experiment.config.seed
        network = train(data, settings, seed_of_run, checkpoints / f"seed_{seed_of_run}.npz", on_epoch)
    span = slice(settings.warmup_days, len(data.dates))
    return simulator(network, data, settings)(span).astype(np.float64), epochs


def _fingerprint(experiment: Experiment) -> str:
    """Hash of all that decides the results."""
    return sha256_of_json(
        [experiment.fingerprint("periods", "splits", "network", "lstm"), list(experiment.sites[0].forcing.names)]
    )
