"""The registered surrogate as MLflow serves it: named tensors in, daily outputs out.

MLflow runs this file when it loads the model; the weights come from the bundle beside it, checked by hash.
"""

from pathlib import Path
from typing import Any

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class ServedSurrogate(PythonModel):  # type: ignore[misc]
    """Daily outputs of the legacy model, emulated."""

    def load_context(self, context: Any) -> None:
        """Load the frozen surrogate."""
        import surrogates

        self.surrogate = surrogates.load(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Return (basin, time, output) for forcing, antecedent, parameters and properties."""
        del context, params
        names = ("forcing", "antecedent", "parameters", "properties")
        return self.surrogate.predict(*(model_input[name] for name in names))


set_model(ServedSurrogate())
