"""The regional LSTM, the data-driven ceiling: one network from forcing and attributes to streamflow at every basin.

No legacy model, no parameters, no routing: how much of streamflow the same data can explain at all.

Source:
    Kratzert et al. (2019), doi:10.5194/hess-23-5089-2019 (there the LSTM with static inputs and NSE*).
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from dpl.baselines.lstm_settings import LstmSettings
from dpl.losses import nse as nse_loss
from dpl.settings import Float32, LearningData, Mask
from legacy_models import metrics
from legacy_models.errors import DataError
from surrogates.fitting import Batch, Budget, Epoch, Task, fit
from surrogates.scaling import Standardize, ToPhysical

FORGET_BIAS = 3.0
"""Bias of the forget gate at the start: what was learned is kept until told otherwise."""

ROWS = 256
"""Windows simulated at a time."""

Index = npt.NDArray[np.int64]


def train(
    data: LearningData,
    settings: LstmSettings,
    seed: int,
    checkpoint: Path,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> keras.Model:
    """Train one LSTM on the fit days of ``data`` and stop by its validation days; one that was interrupted goes on.

    Args:
        data: of which ``properties`` and ``antecedent`` are not read.
        settings: of form and training.
        seed: of weights, dropout and windows.
        checkpoint: the file from which it goes on; belongs to these data and settings.
        on_epoch: told after every epoch, and of those of the checkpoint.

    Raises:
        DataError: if a basin with fit days has no window with enough of them.
        TrainingError: if a loss is not finite, naming the basin.
    """
    network = build(data, settings, seed)
    budget = Budget(
        settings.epochs, settings.steps, settings.learning_rate,
        clip=settings.clip, averaging=settings.averaging, patience=settings.patience,
    )  # fmt: skip
    fit(network, _task(network, data, settings, seed), budget, checkpoint, on_epoch)
    return network


def build(data: LearningData, settings: LstmSettings, seed: int) -> keras.Model:
    """Return the untrained network: [forcing of a window, attributes] -> (window, day) streamflow of its last days.

    Forcing and streamflow are scaled by their means and deviations over the fit basins, on their fit days.
    """
    weights, recurrent, output, dropout = (int(s) for s in np.random.SeedSequence([seed, 2]).generate_state(4))
    length = settings.warmup_days + settings.loss_days
    forcing = keras.Input((length, data.forcing.shape[-1]), name="forcing")
    attributes = keras.Input((data.attributes.shape[-1],), name="attributes")
    weather, flow = _moments(data.forcing[data.fit]), _moments(data.observed[_counted(data, data.fit)][:, None])
    known = keras.layers.Concatenate()(
        [Standardize(*weather)(forcing), keras.layers.RepeatVector(length)(attributes)],
    )
    bias = np.repeat([0.0, FORGET_BIAS, 0.0, 0.0], settings.hidden)  # of the gates in, forget, candidate, out
    memory = keras.layers.LSTM(
        settings.hidden,
        return_sequences=True,
        unit_forget_bias=False,
        bias_initializer=keras.initializers.Constant(bias),
        kernel_initializer=keras.initializers.GlorotUniform(seed=weights),
        recurrent_initializer=keras.initializers.Orthogonal(seed=recurrent),
        seed=seed,
        name="memory",
    )(known)
    memory = keras.layers.Dropout(settings.dropout, seed=dropout)(memory[:, settings.warmup_days :])
    start = keras.initializers.GlorotUniform(seed=output)
    scaled = keras.layers.Dense(1, kernel_initializer=start, name="streamflow")(memory)
    return keras.Model([forcing, attributes], ToPhysical(*flow, (False,))(scaled)[..., 0], name="regional_lstm")


def simulator(network: keras.Model, data: LearningData, settings: LstmSettings) -> Callable[[slice], Float32]:
    """Return the function that gives (basin, day) streamflow [mm/day] of some days, as ``network`` is at the time.

    No flow is negative, and every day has a whole warm-up before it. It raises a DataError for days that begin before
    the first warm-up has ended.
    """
    length = settings.loss_days
    compiled = tf.function(lambda *read: network(read, training=False), reduce_retracing=True)

    def simulate(days: slice) -> Float32:
        first, last, _ = days.indices(len(data.dates))
        if first < settings.warmup_days or last < settings.warmup_days + length:
            raise DataError(
                f"the LSTM reads {settings.warmup_days} days and then gives {length}; "
                f"{first} days are known before {data.dates[first]}, and {last} in all"
            )
        begins = [min(day, last - length) - settings.warmup_days for day in range(first, last, length)]
        windows = np.array([(basin, start) for basin in range(len(data.basins)) for start in begins])
        flow = np.empty((len(data.basins), len(data.dates)), dtype=np.float32)
        for i in range(0, len(windows), ROWS):
            rows, starts = windows[i : i + ROWS].T
            flow[rows[:, None], _days(starts, settings)[:, -length:]] = compiled(*_read(data, rows, starts, settings))
        return np.maximum(flow[:, first:last], 0.0)

    return simulate


def _task(network: keras.Model, data: LearningData, settings: LstmSettings, seed: int) -> Task:
    """What to fit: NSE* of windows drawn evenly from the basins, and then from the windows of a basin."""
    counted, std = _counted(data, data.fit), data.basin_std
    starts = _starts(data, counted, settings)
    gauged, simulate = np.flatnonzero([len(some) > 0 for some in starts]), simulator(network, data, settings)

    def batches(epoch: int) -> Iterator[Batch]:
        generator = np.random.default_rng([seed, epoch])
        for _ in range(settings.steps):
            rows = generator.choice(gauged, settings.batch)
            begins = np.array([generator.choice(starts[row]) for row in rows])
            scored = rows[:, None], _days(begins, settings)[:, -settings.loss_days :]
            observed = np.nan_to_num(data.observed[scored])
            yield *_read(data, rows, begins, settings), observed, counted[scored], std[rows], rows

    def loss(forcing: tf.Tensor, attributes: tf.Tensor, *scored: tf.Tensor) -> tf.Tensor:
        observed, mask, spread, _ = scored
        return nse_loss(observed, network([forcing, attributes], training=True), mask, spread)

    def held_out() -> tuple[float, float]:
        days = np.flatnonzero(data.validation.any(axis=0))
        if not days.size:
            return float("nan"), float("nan")
        part = slice(days[0], days[-1] + 1)
        mask, simulated = _counted(data, data.validation)[:, part], simulate(part)
        observed = np.where(mask, data.observed[:, part], np.nan)
        nse = metrics.nse(observed.astype(np.float64), simulated.astype(np.float64))
        return float(nse_loss(observed, simulated, mask, std)), float(np.nanmedian(nse))

    def blame(batch: Batch) -> str:
        forcing, attributes, *_, rows = batch
        sound = np.isfinite(forcing).all(axis=(1, 2)) & np.isfinite(attributes).all(axis=1)
        names = sorted({data.basins[row] for row in rows[~sound]})
        return f"forcing or attributes of {', '.join(names)}" if names else "all inputs are; lower lstm.learning_rate"

    return Task("regional LSTM", loss, batches, held_out, blame)


def _starts(data: LearningData, counted: Mask, settings: LstmSettings) -> list[Index]:
    """For each basin the first days of the windows in which enough days are counted."""
    first = np.arange(len(data.dates) - settings.warmup_days - settings.loss_days + 1) + settings.warmup_days
    total: Index = np.cumsum(np.pad(counted, ((0, 0), (1, 0))), axis=1, dtype=np.int64)
    enough: Mask = total[:, first + settings.loss_days] - total[:, first] >= settings.min_observed_days
    lacking = [data.basins[i] for i in np.flatnonzero(counted.any(axis=1) & ~enough.any(axis=1))]
    if lacking or not enough.any():
        raise DataError(
            f"no window of {settings.loss_days} days after {settings.warmup_days} days of warm-up holds "
            f"{settings.min_observed_days} observed fit days at: {', '.join(lacking) or 'any basin'}"
        )
    return [first[row] - settings.warmup_days for row in enough]


def _read(data: LearningData, rows: Index, starts: Index, settings: LstmSettings) -> tuple[Float32, Float32]:
    """Forcing of the windows that begin at ``starts``, and attributes."""
    return data.forcing[rows[:, None], _days(starts, settings)], data.attributes[rows]


def _days(starts: Index, settings: LstmSettings) -> Index:
    """(window, day) of windows that begin at ``starts``; the last ``loss_days`` are given."""
    return starts[:, None] + np.arange(settings.warmup_days + settings.loss_days)


def _counted(data: LearningData, days: Mask) -> Mask:
    return days & np.isfinite(data.observed)


def _moments(values: Float32) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each column of (value, variable); a constant has deviation 1."""
    std = values.std(axis=0, dtype=np.float64)
    return values.mean(axis=0, dtype=np.float64).tolist(), np.where(std > 0, std, 1.0).tolist()
