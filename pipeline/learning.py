"""The stage learn: a network from attributes to parameters, trained through the frozen surrogate."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from legacy_models.files import sha256_of_json, write_text
from legacy_models.parameters import Array
from pipeline.closed_loop import SpanInputs, span_inputs
from pipeline.emulation import emulate_fingerprint, load_surrogate
from pipeline.job import Job

if TYPE_CHECKING:
    from dpl.model import DifferentiableModel
    from dpl.networks import ParameterNetwork
    from dpl.settings import LearningData, LearningSettings
    from surrogates.surrogate import Surrogate


def learn(job: Job, number: int) -> None:
    """Learn the parameter network of a round, from the previous round's weights."""
    from dpl import network_files
    from dpl.train import learn as learn_network

    stage, fingerprint = f"learn-{number}", learn_fingerprint(job, number)
    if job.record.finished(stage, fingerprint):
        return
    place, settings = job.round_directory(number), learning_settings(job, number)
    with job.record.running(stage, fingerprint) as note:
        network = load_network(job, number - 1) if number else _new_network(job)
        for line in network.scaler.filled(job.experiment.attributes):
            job.reporter.say(line)
        model = differentiable(network, load_surrogate(job, number))
        data = learning_data(job, network, span_inputs(job.experiment))
        title = f"parameters, round {number}"
        with job.reporter.bar(title, settings.epochs) as advance:
            learned = learn_network(
                model,
                data,
                settings,
                _fresh(place / "learning", fingerprint),
                lambda e: advance(e.epoch, _remark(e)),
            )
        facts = {
            "surrogate": emulate_fingerprint(job, number),
            "seed": settings.seed,
            "best_epoch": learned.best_epoch,
        }
        network_files.save(learned.network, place / "network", facts)
        history = pd.DataFrame([asdict(epoch) for epoch in learned.history]).assign(round=number)
        history = history.rename(columns={"validation_nse_median": "validation_nse"})
        write_text(place / "dpl_history.csv", history.to_csv(index=False))
        note["best_epoch"] = learned.best_epoch
        note["validation_nse_median"] = learned.history[learned.best_epoch].validation_nse_median
    job.reporter.say(
        f"{title}: validation NSE through the surrogate {note['validation_nse_median']:.3f} (median), "
        f"epoch {note['best_epoch']}"
    )


def learned_parameters(job: Job, number: int) -> Array:
    """(basin, parameter) values that a round's network gives at every basin, routing's included."""
    return load_network(job, number).values(job.experiment.attributes)


def load_network(job: Job, number: int) -> "ParameterNetwork":
    """Load the network that a round learned."""
    from dpl import network_files

    return network_files.load(job.round_directory(number) / "network")


def differentiable(network: "ParameterNetwork", surrogate: "Surrogate") -> "DifferentiableModel":
    """Join network, frozen surrogate and routing."""
    from dpl.model import DifferentiableModel

    return DifferentiableModel.of(network, surrogate)


def learning_data(job: Job, network: "ParameterNetwork", inputs: SpanInputs) -> "LearningData":
    """Arrays over the span; observations of the test period and of ungauged basins are not among them."""
    from dpl.settings import LearningData

    experiment = job.experiment
    fit = experiment.splits.mask("fit", experiment.basins, experiment.dates)
    validation = experiment.splits.mask("validation", experiment.basins, experiment.dates)
    return LearningData(
        basins=experiment.basins,
        attributes=network.scaler.transform(experiment.attributes),
        properties=experiment.properties.astype(np.float32),
        forcing=inputs.forcing,
        antecedent=inputs.antecedent,
        observed=np.where(fit | validation, experiment.observed, np.nan).astype(np.float32),
        dates=experiment.dates,
        fit=fit,
        validation=validation,
        forcing_names=experiment.sites[0].forcing.names,
    )


def learning_settings(job: Job, number: int) -> "LearningSettings":
    """Learning settings of a round: those of the configuration, changed by the refinement's after round 0."""
    config = job.experiment.config
    settings = replace(config.dpl, seed=config.dpl.seed + config.seed)
    return replace(settings, **config.refine.dpl) if number else settings


def learn_fingerprint(job: Job, number: int) -> str:
    """Hash of all that decides the network of a round."""
    own = [emulate_fingerprint(job, number), learning_settings(job, number).to_dict()]
    earlier = (
        learn_fingerprint(job, number - 1) if number else job.experiment.fingerprint("network", "periods", "splits")
    )
    return sha256_of_json([own, earlier])


def _new_network(job: Job) -> "ParameterNetwork":
    """Build a network that gives the defaults; its scaling is learned on fit basins."""
    from dpl.attributes import AttributeScaler
    from dpl.networks import ParameterNetwork

    experiment = job.experiment
    scaler = AttributeScaler.fit(experiment.attributes, experiment.splits.fit)
    section = experiment.config.network
    options = {"seed": experiment.config.seed, **section.options}
    return ParameterNetwork.create(section.name, scaler, experiment.space, **options)


def _fresh(directory: Path, fingerprint: str) -> Path:
    """Return a directory for checkpoints of this fingerprint; those of others are removed."""
    if directory.exists():
        for other in directory.iterdir():
            if other.name != fingerprint[:16]:
                shutil.rmtree(other)
    return directory / fingerprint[:16]


def _remark(epoch: object) -> str:
    loss, nse = getattr(epoch, "train_loss", None), getattr(epoch, "validation_nse_median", None)
    parts = [
        f"loss {loss:.4f}" if loss is not None else "",
        f"validation NSE {nse:.3f}" if nse is not None else "",
    ]
    return ", ".join(part for part in parts if part)
