"""The stage learn: networks from attributes to parameters, trained through the frozen surrogate."""

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
    from collections.abc import Sequence

    from dpl.history import Float32, History, HistoryScaler
    from dpl.model import DifferentiableModel
    from dpl.networks import NetworkEnsemble, ParameterNetwork
    from dpl.settings import LearningData, LearningSettings
    from dpl.train import LearnedNetwork
    from surrogates.surrogate import Surrogate


def learn(job: Job, number: int) -> None:
    """Learn the parameter networks of a round, from the previous round's weights."""
    from dpl import network_files

    stage, fingerprint = f"learn-{number}", learn_fingerprint(job, number)
    if job.record.finished(stage, fingerprint):
        return
    place, settings = job.round_directory(number), learning_settings(job, number)
    with job.record.running(stage, fingerprint) as note:
        networks = load_networks(job, number - 1) if number else _new_networks(job)
        for line in networks.first.scaler.filled(job.experiment.attributes):
            job.reporter.say(line)
        learned = _learn_each(job, number, networks, _fresh(place / "learning", fingerprint))
        facts = {
            "surrogate": emulate_fingerprint(job, number),
            "seed": settings.seed,
            "best_epoch": [member.best_epoch for member in learned],
        }
        network_files.save(networks, place / "network", facts)
        write_text(place / "dpl_history.csv", _history_table(learned, number).to_csv(index=False))
        best = [member.history[member.best_epoch].validation_nse_median for member in learned]
        note["best_epoch"], note["validation_nse_median"] = facts["best_epoch"], best
    for i, (epoch, nse) in enumerate(zip(note["best_epoch"], note["validation_nse_median"], strict=True)):
        score = "not observed" if nse is None else f"{nse:.3f} (median)"
        job.reporter.say(f"{_title(number, i, networks)}: validation NSE through the surrogate {score}, epoch {epoch}")


def learned_parameters(job: Job, number: int) -> Array:
    """(basin, parameter) values that a round's networks give at every basin, routing's included."""
    networks = load_networks(job, number)
    return networks.values(job.experiment.attributes, latest_history(job, networks.first))


def learned_by_each(job: Job, number: int) -> Array:
    """(member, basin, parameter) values that each of a round's networks gives."""
    networks = load_networks(job, number)
    return networks.each(job.experiment.attributes, latest_history(job, networks.first))


def load_networks(job: Job, number: int) -> "NetworkEnsemble":
    """Load the networks that a round learned."""
    from dpl import network_files

    return network_files.load(job.round_directory(number) / "network")


def latest_history(job: Job, network: "ParameterNetwork") -> "Float32 | None":
    """(basin, day, feature) past that each basin's parameters are given from; None where the network reads none."""
    if network.history is None:
        return None
    history = _history(job, network.history, _forcing(job))
    rows = np.arange(len(job.experiment.basins))
    return history.cut(rows, np.full(len(rows), history.latest))


def differentiable(network: "ParameterNetwork", surrogate: "Surrogate") -> "DifferentiableModel":
    """Join network, frozen surrogate and routing."""
    from dpl.model import DifferentiableModel

    return DifferentiableModel.of(network, surrogate)


def learning_data(job: Job, network: "ParameterNetwork", inputs: SpanInputs) -> "LearningData":
    """Arrays over the span; observations of the test period and of ungauged basins are not among them."""
    from dpl.settings import LearningData

    experiment = job.experiment
    fit, validation = (experiment.splits.mask(s, experiment.basins, experiment.dates) for s in ("fit", "validation"))
    others = experiment.other_observations
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
        others={n: np.where(fit | validation, v, np.nan).astype(np.float32) for n, v in others.items()},
        history=None if network.history is None else _history(job, network.history, inputs.forcing),
    )


def learning_settings(job: Job, number: int) -> "LearningSettings":
    """Learning settings of a round: those of the configuration, changed by the refinement's after round 0."""
    config = job.experiment.config
    settings = replace(config.dpl, seed=config.dpl.seed + config.seed)
    return replace(settings, **config.refine.dpl) if number else settings


def learn_fingerprint(job: Job, number: int) -> str:
    """Hash of all that decides the networks of a round."""
    own = [emulate_fingerprint(job, number), learning_settings(job, number).to_dict()]
    earlier = (
        learn_fingerprint(job, number - 1) if number else job.experiment.fingerprint("network", "periods", "splits")
    )
    return sha256_of_json([own, earlier])


def _new_networks(job: Job) -> "NetworkEnsemble":
    """Build networks that give the defaults; their scaling is learned on fit basins."""
    from dpl.attributes import AttributeScaler
    from dpl.history import HistoryScaler
    from dpl.networks import NetworkEnsemble

    experiment = job.experiment
    section, splits = experiment.config.network, experiment.splits
    scaler = AttributeScaler.fit(experiment.attributes, splits.fit)
    history = HistoryScaler.fit(
        experiment.sites[0].forcing.names,
        _forcing(job),
        experiment.observed,
        splits.mask("fit", experiment.basins, experiment.dates),
        section.history_days,
    )
    options = {"seed": experiment.config.seed, **section.options}
    return NetworkEnsemble.create(section.members, section.name, scaler, experiment.space, history, **options)


def _learn_each(job: Job, number: int, networks: "NetworkEnsemble", checkpoints: Path) -> "list[LearnedNetwork]":
    """Learn the weights of every member, with windows of a seed of its own."""
    from dpl.train import learn as learn_network

    settings, surrogate = learning_settings(job, number), load_surrogate(job, number)
    data = learning_data(job, networks.first, span_inputs(job.experiment))

    def learned(i: int, network: "ParameterNetwork") -> "LearnedNetwork":
        own = replace(settings, seed=settings.seed + i)
        with job.reporter.bar(_title(number, i, networks), settings.epochs) as advance:
            return learn_network(
                differentiable(network, surrogate),
                data,
                own,
                checkpoints / str(i),
                lambda e: advance(e.epoch, _remark(e)),
            )

    return [learned(i, network) for i, network in enumerate(networks.members)]


def _title(number: int, member: int, networks: "NetworkEnsemble") -> str:
    return f"parameters, round {number}" + (f", network {member + 1}" if len(networks.members) > 1 else "")


def _history_table(learned: "Sequence[LearnedNetwork]", number: int) -> pd.DataFrame:
    """A row for each epoch of each member."""
    parts = [
        pd.DataFrame([asdict(epoch) for epoch in one.history]).assign(round=number, member=i)
        for i, one in enumerate(learned)
    ]
    return pd.concat(parts).rename(columns={"validation_nse_median": "validation_nse"})


def _history(job: Job, scaler: "HistoryScaler", forcing: "Float32") -> "History":
    """What may be read of the past: observations on fit days of fit basins only."""
    from dpl.history import History

    experiment = job.experiment
    fit = experiment.splits.mask("fit", experiment.basins, experiment.dates)
    return History.of(scaler, forcing, experiment.observed, fit)


def _forcing(job: Job) -> "Float32":
    """(basin, time, variable) forcing over the span."""
    span = job.experiment.span
    return np.stack([site.forcing.between(*span).values for site in job.experiment.sites]).astype(np.float32)


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
