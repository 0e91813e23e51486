"""Which basin and which variable a loss that is not finite comes from."""

from typing import Any

import numpy as np
from keras import ops

from dpl.model import DifferentiableModel
from dpl.settings import LearningData
from dpl.windows import Batch


def not_finite(model: DifferentiableModel, data: LearningData, batch: Batch) -> str:
    """Return one line that names the first basin and variable of ``batch`` without a finite value.

    Looked for in the order of the computation: forcing, antecedent, properties, attributes, history, parameters, the
    surrogate's outputs, streamflow.
    """
    ids = [data.basins[basin] for basin in batch.basins]
    names = data.forcing_names or tuple(f"variable {i}" for i in range(batch.forcing.shape[-1]))
    inputs: list[tuple[str, Any, tuple[str, ...]]] = [
        ("forcing", batch.forcing, names),
        ("antecedent", batch.antecedent, ()),
        ("site property", batch.properties, ()),
        ("attribute", batch.attributes, model.network.scaler.columns),
    ]
    scaler = model.network.history
    if scaler is not None and batch.history is not None:
        inputs.append(("history", batch.history, scaler.columns))
    found = _first(ids, inputs)
    if found is None:
        found = _first(ids, _computed(model, batch))
    return found or (
        f"the loss or its gradient is not finite, though all values of the {len(ids)} basins are "
        "(streamflow included); lower the learning rate"
    )


def _computed(model: DifferentiableModel, batch: Batch) -> list[tuple[str, Any, tuple[str, ...]]]:
    values = model.parameters(batch.attributes, batch.history)
    outputs = model.outputs(values, batch.forcing, batch.antecedent, batch.properties)
    flow = model.observable(outputs, values, {})
    return [
        ("parameter", ops.convert_to_numpy(values), model.space.names),
        ("output of the surrogate", ops.convert_to_numpy(outputs), ()),
        ("simulated", ops.convert_to_numpy(flow)[..., None], ("streamflow",)),
    ]


def _first(ids: list[str], groups: list[tuple[str, Any, tuple[str, ...]]]) -> str | None:
    for kind, array, names in groups:
        bad = np.argwhere(~np.isfinite(array))
        if bad.size:
            row, column = bad[0][0], bad[0][-1]
            name = names[column] if names else f"{column}"
            return f"basin {ids[row]}: {kind} {name} is not finite"
    return None
