"""The registered parameter network as MLflow serves it: attributes in, parameter values out.

MLflow runs this file when it loads the model; the weights come from the directory beside it, checked by hash.
"""

from pathlib import Path
from typing import Any

from mlflow.models import set_model
from mlflow.pyfunc import PythonModel


class ServedNetwork(PythonModel):  # type: ignore[misc]
    """Parameters of the legacy model, effective for the set-up they were learned in.

    A network that reads the past as well is served without one, as for an ungauged basin.
    """

    def load_context(self, context: Any) -> None:
        """Load the parameter networks."""
        from dpl import network_files

        self.networks = network_files.load(Path(context.artifacts["bundle"]))

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        """Return a table of parameter values, one row for each row of attributes."""
        import pandas as pd

        del context, params
        values = self.networks.values(model_input)
        return pd.DataFrame(values, columns=list(self.networks.first.space.names), index=model_input.index)


set_model(ServedNetwork())
