"""The stage verify: the legacy model itself at the learned parameters, on every split."""

import shutil
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from dpl.baselines import BASELINES
from legacy_models.files import sha256_of_json, write_json, write_text
from legacy_models.parameters import Array, ParameterSpace
from pipeline import emulation, fidelity, learning, refine
from pipeline.closed_loop import Series, score_table, simulate_legacy, simulate_surrogate, span_inputs
from pipeline.job import Job
from pipeline.result_files import file_attributes, flow_dataset, parameter_variables, write_dataset
from pipeline.summary import summarise_run


def verify(job: Job) -> None:
    """Score the chosen round on all splits and write the result files of the run's directory.

    This is the one place where observations of the test period are read, and only for a surrogate that is accepted.

    Raises:
        GateError: if the surrogate falls short of ``fidelity.accept``.
    """
    number = refine.chosen_round(job)
    fidelity.assess(job, number)
    fidelity.gate(job, number)
    checks = [refine.check_fingerprint(job, i) for i in range(refine.rounds(job) + 1)]
    fingerprint = sha256_of_json([checks, job.experiment.config.fidelity.gradient_pairs])
    if job.record.finished("verify", fingerprint):
        return
    with job.record.running("verify", fingerprint):
        job.reporter.say(f"verify: round {number} was best on validation; test observations are read now")
        parameters = learning.learned_parameters(job, number)
        series = simulate_all(job, number, parameters)
        table = score_table(job.experiment, series)
        _copy_round(job, number)
        write_text(job.directory / "scores.csv", _for_report(table).to_csv(index=False))
        write_dataset(job.directory / "parameters.nc", parameters_dataset(job, number, parameters))
        write_dataset(job.directory / "simulations.nc", simulations_dataset(job, series))
        if job.experiment.hidden is not None:
            write_json(job.directory / "identifiability.json", identifiability(job, number, parameters))
        summary = summarise_run(job, number, table, series)
        write_json(job.directory / "summary.json", summary)
    write_json(job.directory / "summary.json", summary | {"seconds": job.record.seconds_by_stage()})


def simulate_all(job: Job, number: int, parameters: Array) -> dict[str, Series]:
    """Series over the span: closed loop, surrogate, default parameters and, for synthetic data, hidden ones."""
    experiment = job.experiment
    sets = {"closed_loop": (parameters, "verify")}
    for name in BASELINES:
        sets[name] = (BASELINES.resolve(name)(experiment.space, len(experiment.basins)), "baseline")
    if experiment.hidden is not None:
        sets["hidden_parameters"] = (experiment.hidden, "baseline")
    series = {}
    for source, (values, purpose) in sets.items():
        with job.reporter.bar(source.replace("_", " "), len(experiment.basins)) as advance:
            series[source] = simulate_legacy(
                experiment, values, purpose, lambda p: advance(p.committed + p.failed, emulation.remaining(p))
            )
    surrogate = emulation.load_surrogate(job, number)
    series["surrogate"] = simulate_surrogate(experiment, surrogate, span_inputs(experiment), parameters)
    return series


def parameters_dataset(job: Job, number: int, parameters: Array) -> xr.Dataset:
    """Learned values with bounds, defaults, units, domain flags and the attributes that they were learned from."""
    experiment, space = job.experiment, job.experiment.space
    flagged = refine.flagged(job, emulation.load_surrogate(job, number), parameters)
    numeric = experiment.attributes.select_dtypes("number")
    data: dict[str, Any] = {
        "value": (
            ("basin", "parameter"),
            parameters,
            {"long_name": "learned parameter, effective for this model set-up"},
        ),
        **parameter_variables(space),
        "flagged": (
            "basin",
            flagged.astype(np.int8),
            {"long_name": "1 outside the surrogate's training domain"},
        ),
        "split": ("basin", [experiment.split_of[b] for b in experiment.basins]),
        "attribute_value": (("basin", "attribute"), numeric.to_numpy(dtype=np.float64)),
    }
    if experiment.config.network.members > 1:
        data |= _by_member(space, learning.learned_by_each(job, number))
    if experiment.hidden is not None:
        data["hidden"] = (
            ("basin", "parameter"),
            experiment.hidden,
            {"long_name": "parameter behind the synthetic data"},
        )
    coordinates = {
        "basin": list(experiment.basins), "parameter": list(space.names), "attribute": list(numeric.columns),
    }  # fmt: skip
    return xr.Dataset(data, coordinates, file_attributes(experiment))


def _by_member(space: ParameterSpace, values: Array) -> dict[str, Any]:
    """What each network of an ensemble gives, and how far they differ in the unit cube."""
    return {
        "member_value": (("member", "basin", "parameter"), values, {"long_name": "parameter learned by one network"}),
        "spread": (
            ("basin", "parameter"),
            space.to_unit(values).std(axis=0, ddof=1),
            {"long_name": "standard deviation over the networks, as a share of the range on the scale", "units": "1"},
        ),
    }


def simulations_dataset(job: Job, series: Mapping[str, Series]) -> xr.Dataset:
    """Routed streamflow of every source, precipitation, and the unrouted outputs of model and surrogate."""
    experiment = job.experiment
    start, end = experiment.span
    data: dict[str, Any] = {}
    if "prcp" in experiment.sites[0].forcing.names:
        rain = np.stack([site.forcing.between(start, end).column("prcp") for site in experiment.sites])
        data["prcp"] = (("basin", "time"), rain.astype(np.float32), {"units": "mm/day"})
    for i, output in enumerate(experiment.model.outputs):
        for label, source in (("legacy", "closed_loop"), ("surrogate", "surrogate")):
            data[f"{label}_{output.name}"] = (
                ("basin", "time"),
                series[source].outputs[..., i],
                {"units": output.unit},
            )
    return flow_dataset(experiment, {source: one.streamflow for source, one in series.items()}).assign(data)


def identifiability(job: Job, number: int, parameters: Array) -> dict[str, Any]:
    """How well hidden parameters came back, one by one and in combinations, and which flow cannot tell."""
    from dpl.identifiability import assess, flow_jacobian, gauss_newton

    experiment, space = job.experiment, job.experiment.space
    network = learning.load_networks(job, number).first
    model = learning.differentiable(network, emulation.load_surrogate(job, number))
    inputs = span_inputs(experiment)
    days = slice(0, min(2 * 365, len(experiment.dates)))
    jacobian = flow_jacobian(
        model,
        parameters,
        inputs.forcing[:, days],
        inputs.antecedent[:, 0],
        experiment.properties,
        warmup_days=365,
    )
    data = learning.learning_data(job, model.network, inputs)
    hidden = experiment.hidden
    assert hidden is not None  # only synthetic data come here
    matrix = gauss_newton(jacobian, data.basin_std.astype(np.float64))
    return assess(space.names, space.to_unit(hidden), space.to_unit(parameters), matrix).to_dict()


def _copy_round(job: Job, number: int) -> None:
    """Put the chosen round's surrogate, its fidelity and network where users look, with all rounds' histories."""
    if (job.round_directory(number) / "fidelity.json").exists():
        shutil.copy(job.round_directory(number) / "fidelity.json", job.directory / "fidelity.json")
    sources = {
        "surrogate": emulation.surrogate_directory(job, number),
        "dpl": job.round_directory(number) / "network",
    }
    for name, source in sources.items():
        shutil.rmtree(job.directory / name, ignore_errors=True)
        shutil.copytree(source, job.directory / name)
        history = f"{name}_history.csv"
        files = [job.round_directory(i) / history for i in range(refine.rounds(job) + 1)]
        tables = [pd.read_csv(file) for file in files if file.exists()]
        if tables:
            write_text(job.directory / history, pd.concat(tables).to_csv(index=False))


def _for_report(table: pd.DataFrame) -> pd.DataFrame:
    """Name the basin's group ``split``, as the report reads it; a basin and period appear once."""
    return table.drop(columns="split").rename(columns={"group": "split"})
