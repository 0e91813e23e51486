"""The only door to MLflow: log a run, register its models, fetch a registered one."""

import os
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from legacy_models.errors import RegistryError

if TYPE_CHECKING:
    from mlflow import MlflowClient

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")  # a server that is down is known in seconds, not minutes
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")

SERVED = {"surrogate": "served_surrogate.py", "dpl": "served_network.py"}
REQUIREMENTS = ("keras", "tensorflow", "numpy", "pandas", "mlflow")


def default_uri() -> str:
    """Return ``MLFLOW_TRACKING_URI``, or a SQLite file in the user's data directory."""
    if uri := os.environ.get("MLFLOW_TRACKING_URI"):
        return uri
    from platformdirs import user_data_path

    folder = user_data_path("dpl-hydrology", ensure_exists=True)
    return f"sqlite:///{folder / 'mlflow.db'}"


class Tracker:
    """One MLflow run, addressed by its id throughout (active runs are a property of threads).

    Whatever is done twice to it leaves what doing it once leaves.

    Args:
        uri: tracking and registry server; None means ``default_uri()``.
        experiment: name of the MLflow experiment, created where it does not exist.
        name: name of a new run.
        publication: the run's tag of this name; a run that has it already is gone on with.
        parent: id of the run that a new one is nested under.

    Raises:
        RegistryError: if the server cannot be reached.
    """

    def __init__(
        self, uri: str | None, experiment: str, name: str, publication: str, parent: str | None = None
    ) -> None:
        self.uri, self.experiment, self.publication = uri or default_uri(), experiment, publication
        try:
            self.client = _client(self.uri)
            run = self._run(name, parent)
        except Exception as error:
            raise RegistryError(f"MLflow at {self.uri} does not answer: {_first_line(error)}") from error
        self.run_id, self._begun = str(run.info.run_id), int(run.info.start_time)

    def child(self, name: str) -> "Tracker":
        """Return the run of that name that is nested under this one."""
        return Tracker(self.uri, self.experiment, name, f"{self.publication}/{name}", parent=self.run_id)

    def tags(self, tags: Mapping[str, str]) -> None:
        """Set tags of the run."""
        for key, value in tags.items():
            self.client.set_tag(self.run_id, key, value)

    def parameters(self, values: Mapping[str, Any]) -> None:
        """Log (nested) configuration values as dotted MLflow parameters."""
        from mlflow.entities import Param

        flat = [Param(key, str(value)[:6000]) for key, value in _flat(values)]
        known = self.client.get_run(self.run_id).data.params
        fresh = [item for item in flat if item.key not in known]
        for i in range(0, len(fresh), 100):
            self.client.log_batch(self.run_id, params=fresh[i : i + 100])

    def metrics(self, prefix: str, step: int, figures: Mapping[str, float]) -> None:
        """Log figures at a step, their names after ``prefix`` and a dot."""
        from mlflow.entities import Metric

        logged = [Metric(f"{prefix}.{name}", value, self._begun, step) for name, value in figures.items()]
        self.client.log_batch(self.run_id, metrics=logged)

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Log ``summary.json``, and every number in it as a metric."""
        figures = {k: float(v) for k, v in _flat(summary) if isinstance(v, int | float) and not isinstance(v, bool)}
        self.metrics("summary", 0, figures)
        self.client.log_dict(self.run_id, dict(summary), "summary.json")

    def files(self, *paths: Path) -> None:
        """Log files as artifacts of the run."""
        for path in paths:
            self.client.log_artifact(self.run_id, str(path))

    def finish(self, status: str = "FINISHED") -> None:
        """Close the run."""
        self.client.set_terminated(self.run_id, status)

    def register(self, kind: str, legacy_model: str, bundle: Path, signature: Any, tags: Mapping[str, str]) -> str:
        """Register a bundle as a served model, unless this run has done so, and return its address.

        The model is a pyfunc made from code (``served_*.py``) with the bundle beside it; nothing is pickled.

        Args:
            kind: ``surrogate`` or ``dpl``.
            legacy_model: first part of the registered name, for example ``vic``.
            bundle: directory of the frozen surrogate or of the network.
            signature: from ``surrogate_signature`` or ``network_signature``.
            tags: lineage of the version.
        """
        import mlflow

        name = f"{legacy_model}-{kind}"
        mlflow.set_tracking_uri(self.uri)
        try:
            if made := self.client.search_model_versions(f"name = '{name}' and run_id = '{self.run_id}'"):
                return _address(made[0])
            # kept, not shown: they miss a schema from type hints or an example, and the signature is the schema
            with mlflow.start_run(run_id=self.run_id), warnings.catch_warnings(record=True):
                info = mlflow.pyfunc.log_model(
                    name=name,
                    python_model=str(Path(__file__).with_name(SERVED[kind])),
                    artifacts={"bundle": str(bundle)},
                    signature=signature,
                    pip_requirements=list(REQUIREMENTS),
                )
            _create_registered(self.client, name)
            version = self.client.create_model_version(name, info.model_uri, self.run_id, tags=dict(tags))
        except Exception as error:
            raise RegistryError(f"MLflow at {self.uri} did not register {name}: {_first_line(error)}") from error
        return _address(version)

    def _run(self, name: str, parent: str | None) -> Any:
        """Find the run of this publication, or create it."""
        found = self.client.get_experiment_by_name(self.experiment)
        location = _artifact_location(self.uri, self.experiment)
        identifier = (
            found.experiment_id if found else self.client.create_experiment(self.experiment, artifact_location=location)
        )
        runs = self.client.search_runs([identifier], f"tags.publication = '{self.publication}'", max_results=1)
        if runs:
            return runs[0]
        nested = {"mlflow.parentRunId": parent} if parent else {}
        return self.client.create_run(identifier, None, {"publication": self.publication, **nested}, name)


@dataclass(frozen=True)
class Version:
    """A registered version and when it was made [UTC]."""

    address: str
    made: datetime


def made_for(name: str, request: str, tracking_uri: str | None = None) -> list[Version]:
    """Return the versions of a registered model that carry the hash of a request, newest first.

    A registry that is a file is not created by looking into it, and where there is none MLflow is not even imported.

    Raises:
        RegistryError: if the registry does not answer.
    """
    server = tracking_uri or default_uri()
    if server.startswith("sqlite:///") and not Path(server.removeprefix("sqlite:///")).exists():
        return []
    try:
        found = _client(server).search_model_versions(f"name = '{name}' and tags.request = '{request}'")
    except Exception as error:
        raise RegistryError(f"MLflow at {server} does not answer: {_first_line(error)}") from error
    newest_first = sorted(found, key=lambda version: int(version.version), reverse=True)
    return [Version(_address(v), datetime.fromtimestamp(v.creation_timestamp / 1000, UTC)) for v in newest_first]


def version_address(uri: str, tracking_uri: str | None = None) -> str:
    """Return the address of the version that ``models:/vic-surrogate@champion`` means now; others stay as they are.

    Raises:
        RegistryError: if the registry does not hold it.
    """
    name, at, alias = uri.removeprefix("models:/").partition("@")
    if not at:
        return uri
    server = tracking_uri or default_uri()
    try:
        return _address(_client(server).get_model_version_by_alias(name, alias))
    except Exception as error:
        raise RegistryError(f"{uri} cannot be fetched from {server}: {_first_line(error)}") from error


def fetch(uri: str, into: Path, tracking_uri: str | None = None) -> Path:
    """Download the bundle of a registered model and return its directory.

    Args:
        uri: ``models:/vic-surrogate/3`` or ``models:/vic-surrogate@champion``.
        into: directory that receives the files, empty or not yet made; what is returned lies below it as it is named.
        tracking_uri: registry server; None means ``default_uri()``.

    Raises:
        RegistryError: if the registry does not hold it.
    """
    import mlflow

    server = tracking_uri or default_uri()
    mlflow.set_tracking_uri(server)
    into.mkdir(parents=True, exist_ok=True)
    try:
        mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(into), tracking_uri=server)
    except Exception as error:
        raise RegistryError(f"{uri} cannot be fetched from {server}: {_first_line(error)}") from error
    found = [path.parent for name in ("card.json", "network.json") for path in sorted(into.rglob(name))]
    if not found:
        raise RegistryError(f"{uri} at {server} holds no surrogate (card.json) and no network (network.json)")
    return found[0]


def surrogate_signature(spec: Mapping[str, Any]) -> Any:
    """MLflow signature of a surrogate: named tensors in, daily outputs out; -1 for batch and time.

    Args:
        spec: the part of the surrogate's card that names its inputs and outputs.
    """
    import numpy as np
    from mlflow.models import ModelSignature
    from mlflow.types.schema import Schema, TensorSpec

    kind, model = np.dtype("float32"), spec["model"]
    shapes = {
        "forcing": (-1, -1, len(model["forcing"])),
        "antecedent": (-1, len(spec["scaling"]["antecedent_mean"])),
        "parameters": (-1, len(model["parameters"])),
        "properties": (-1, len(model["properties"])),
    }
    return ModelSignature(
        inputs=Schema([TensorSpec(kind, shape, name) for name, shape in shapes.items()]),
        outputs=Schema([TensorSpec(kind, (-1, -1, len(model["outputs"])))]),
    )


def network_signature(attributes: Mapping[str, str], parameters: tuple[str, ...]) -> Any:
    """MLflow signature of a parameter network: attribute columns in, parameter columns out.

    Args:
        attributes: name -> ``double`` or ``string``.
        parameters: names in order.
    """
    from mlflow.models import ModelSignature
    from mlflow.types.schema import ColSpec, Schema

    return ModelSignature(
        inputs=Schema([ColSpec(kind, name) for name, kind in attributes.items()]),
        outputs=Schema([ColSpec("double", name) for name in parameters]),
    )


def _client(uri: str) -> "MlflowClient":
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _address(version: Any) -> str:
    return f"models:/{version.name}/{version.version}"


def _create_registered(client: "MlflowClient", name: str) -> None:
    """Create a registered model unless it is there."""
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _artifact_location(uri: str, experiment: str) -> str | None:
    """Artifacts lie beside a SQLite file; a server decides for itself."""
    if not uri.startswith("sqlite:///"):
        return None
    return str(Path(uri.removeprefix("sqlite:///")).parent / "artifacts" / experiment)


def _flat(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """Flatten nested mappings to dotted keys; None is left out."""
    items: list[tuple[str, Any]] = []
    for key, value in values.items():
        if isinstance(value, Mapping):
            items += _flat(value, f"{prefix}{key}.")
        elif value is not None:
            items.append((f"{prefix}{key}", value))
    return items


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
