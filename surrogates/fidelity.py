"""How well a surrogate reproduces its legacy model: held-out scores, and steps along its gradient."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from legacy_models import metrics
from legacy_models.run_set import RunSet
from surrogates.scaling import FromUnit
from surrogates.surrogate import Surrogate
from surrogates.windows import Index, Series, gather, with_total

Scores = dict[str, dict[str, float]]


def held_out_scores(surrogate: Surrogate, run_set: RunSet, rows: Index | None = None) -> Scores:
    """Score the runs that were held out, simulated in one go from the predicted first state, as in use.

    Args:
        surrogate: trained on some of ``run_set``.
        run_set: recorded runs.
        rows: which runs; by default those that the surrogate's card says were held out.

    Returns:
        For each output and ``runoff_total``: ``nse_median``, ``nse_p05`` and ``rmse_median`` [unit of the
        output]; NaN where no run varies enough to be scored.
    """
    if rows is None:
        held_out = set(surrogate.card["held_out_keys"])
        rows = np.array([i for i, key in enumerate(run_set.keys) if str(key) in held_out], dtype=np.int64)
    recorded, simulated = paired(surrogate, run_set, rows)
    return scores(recorded, simulated, [*surrogate.spec.output_names, "runoff_total"])


def paired(surrogate: Surrogate, run_set: RunSet, rows: Index) -> tuple[Series, Series]:
    """Return what was recorded and what the surrogate simulates, (run, time, output + 1); last streamflow."""
    runs, runoff = gather(run_set), surrogate.spec.runoff_indices
    site = runs.site[rows]
    simulated = surrogate.predict(
        runs.forcing[site], runs.antecedent[site, 0], runs.parameters[rows], runs.properties[rows]
    )
    return with_total(runs.outputs[rows], runoff), with_total(simulated, runoff)


def scores(recorded: Series, simulated: Series, names: Sequence[str]) -> Scores:
    """Return median and 5th percentile of NSE and median RMSE of each variable of (run, time, variable)."""
    result = {}
    for i, name in enumerate(names):
        pair = recorded[..., i].astype(np.float64), simulated[..., i].astype(np.float64)
        nse = metrics.nse(*pair)
        nse = nse[np.isfinite(nse)]
        result[name] = {
            "nse_median": float(np.median(nse)) if len(nse) else float("nan"),
            "nse_p05": float(np.quantile(nse, 0.05)) if len(nse) else float("nan"),
            "rmse_median": float(np.median(metrics.rmse(*pair))) if len(recorded) else float("nan"),
        }
    return result


def gradient_steps(
    surrogate: Surrogate,
    forcing: npt.ArrayLike,
    antecedent: npt.ArrayLike,
    parameters: npt.ArrayLike,
    properties: npt.ArrayLike,
    observed: npt.ArrayLike,
    skip: int = 0,
    size: float = 0.05,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Propose a step up the surrogate's gradient of NSE for each (site, parameter set) pair.

    The caller runs the legacy model before and after the step; the share of pairs where it improves is
    the ``gradient_agreement``.

    Args:
        surrogate: a frozen surrogate.
        forcing: (pair, time, forcing).
        antecedent: (pair, antecedent) for the first day.
        parameters: (pair, parameter) values.
        properties: (pair, property).
        observed: (pair, time) streamflow before routing to agree with [mm/day].
        skip: first days that are not scored.
        size: how far the coordinate that moves most goes [share of the box].

    Returns:
        (pair, parameter) values after the step, within bounds, and (pair, parameter) gradients of NSE with
        respect to unit-cube coordinates.
    """
    space = surrogate.spec.parameters
    unit = np.clip(space.to_unit(parameters), 0.0, 1.0)
    gradient = (
        _nse_gradient(
            surrogate,
            *(tf.constant(np.asarray(item), tf.float32) for item in (forcing, antecedent, unit, properties, observed)),
            skip=skip,
        )
        .numpy()
        .astype(np.float64)
    )
    largest = np.abs(gradient).max(axis=1, keepdims=True)
    moved = np.clip(unit + size * gradient / np.maximum(largest, 1e-30), 0.0, 1.0)
    return space.from_unit(moved), gradient


@tf.function
def _nse_gradient(
    surrogate: Surrogate,
    forcing: tf.Tensor,
    antecedent: tf.Tensor,
    unit: tf.Tensor,
    properties: tf.Tensor,
    observed: tf.Tensor,
    skip: int,
) -> tf.Tensor:
    """Gradient of each pair's NSE with respect to its unit-cube coordinates, (pair, parameter)."""
    with tf.GradientTape() as tape:
        tape.watch(unit)
        values = FromUnit.of(surrogate.spec.parameters)(unit)
        simulated = surrogate.simulate(forcing, antecedent, values, properties)
        total = tf.reduce_sum(tf.gather(simulated, list(surrogate.spec.runoff_indices), axis=-1), axis=-1)
        target = observed[:, skip:]
        spread = tf.reduce_sum(tf.square(target - tf.reduce_mean(target, axis=1, keepdims=True)), axis=1)
        error = tf.reduce_sum(tf.square(total[:, skip:] - target), axis=1)
        nse = 1.0 - error / tf.maximum(spread, 1e-12)
    return tape.gradient(nse, unit)
