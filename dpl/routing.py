"""Runoff to streamflow by a gamma unit hydrograph, in one form for tensors and arrays.

Everything is written against ``keras.ops``: it runs inside a compiled training step and, on NumPy arrays, in
their own precision. ``route_arrays`` is the same computation with NumPy in and out. Keras is imported where
it is used, so that whoever only needs the parameters' names and bounds does not wait for it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from legacy_models.errors import ShapeError
from legacy_models.parameters import Parameter, ParameterSpace

Tensor = Any

LENGTH = 60
"""Days of the unit hydrograph: six mean delays of the slowest basin that the bounds allow."""

ROUTING = ParameterSpace(
    (
        Parameter("route_shape", 0.5, 5.0, 2.0, "-", "linear", "chosen: from a sharp first day to a symmetric wave"),
        Parameter("route_delay", 0.2, 10.0, 1.5, "day", "log", "chosen: from within the day to ten days"),
    )
)


def unit_hydrograph(shape: Tensor, delay: Tensor, length: int = LENGTH) -> Tensor:
    """Share of a day's runoff that leaves the basin that day and on each of the following days.

    w_i = t_i^(a - 1) exp(-a t_i / d) / sum_j t_j^(a - 1) exp(-a t_j / d),   t_i = i + 1/2

    The gamma density at the middle of each day, made to sum to one over ``length`` days; computed as a
    softmax of its logarithm, which can neither overflow nor become negative.

    Args:
        shape: (basin,) shape a of the gamma distribution [-]; 1 is a linear reservoir.
        delay: (basin,) its mean d [day].
        length: number of days.

    Returns:
        (basin, length) non-negative weights that sum to one.

    Source:
        Feng et al. (2022), doi:10.1029/2022WR032404 (gamma routing after HBV-like runoff).
    """
    from keras import ops

    shape, delay = ops.convert_to_tensor(shape), ops.convert_to_tensor(delay)
    days = ops.cast(ops.arange(length), shape.dtype) + 0.5
    log_density = (shape - 1.0)[:, None] * ops.log(days) - (shape / delay)[:, None] * days
    return ops.softmax(log_density, axis=-1)


def route(runoff: Tensor, shape: Tensor, delay: Tensor, length: int = LENGTH) -> Tensor:
    """Streamflow of each day from the runoff of that day and of the ``length`` - 1 days before it.

    Q_t = sum_i w_i R_(t - i)

    What precedes the first day counts as zero, so the first ``length`` - 1 days lack water and belong to the
    warm-up: hand over that much earlier runoff and leave those days out of every score.

    Args:
        runoff: (basin, time) [mm/day].
        shape: (basin,) shape of the unit hydrograph [-].
        delay: (basin,) its mean delay [day].
        length: days of the unit hydrograph.

    Returns:
        (basin, time) streamflow [mm/day].
    """
    from keras import ops

    runoff = ops.convert_to_tensor(runoff)
    weights = ops.cast(unit_hydrograph(shape, delay, length), runoff.dtype)
    before = ops.pad(runoff, ((0, 0), (length - 1, 0)))
    kernel = ops.transpose(ops.flip(weights, axis=1))[:, :, None]  # one filter a basin: basins are channels
    flow = ops.depthwise_conv(ops.transpose(before)[None], kernel, data_format="channels_last")
    return ops.transpose(flow[0])


def streamflow(outputs: Tensor, runoff: Sequence[int], values: Tensor, length: int = LENGTH) -> Tensor:
    """(basin, time) routed streamflow [mm/day] of (basin, time, output) ``outputs`` of a model.

    Args:
        outputs: as the model gives them.
        runoff: positions of those whose sum is streamflow before routing [mm/day].
        values: (basin, parameter), the last ones those of ``ROUTING``.
        length: days of the unit hydrograph.
    """
    from keras import ops

    return route(ops.sum(ops.take(outputs, runoff, axis=-1), axis=-1), values[:, -2], values[:, -1], length)


def route_arrays(
    runoff: npt.NDArray[np.floating[Any]], shape: npt.ArrayLike, delay: npt.ArrayLike, length: int = LENGTH
) -> npt.NDArray[np.floating[Any]]:
    """Route NumPy ``runoff`` (basin, time), in its own precision; see ``route``.

    Raises:
        ShapeError: if the shapes do not fit.
    """
    shape, delay = np.asarray(shape, dtype=runoff.dtype), np.asarray(delay, dtype=runoff.dtype)
    if runoff.ndim != 2 or shape.shape != runoff.shape[:1] or delay.shape != runoff.shape[:1]:
        raise ShapeError(
            f"Expected runoff (basin, time) and one shape and delay a basin. "
            f"Received {runoff.shape}, {shape.shape} and {delay.shape}."
        )
    return np.array(route(runoff, shape, delay, length))
