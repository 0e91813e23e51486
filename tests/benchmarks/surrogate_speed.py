"""How fast surrogates are trained and used, beside torch's LSTM and the legacy model; keeps ``surrogate_speed.json``.

    python tests/benchmarks/surrogate_speed.py BUNDLE

BUNDLE is a trained surrogate of the embedded VIC; the extra ``benchmark`` brings torch. Weather and targets are made up
from its scaling, since time does not depend on them.

ARCHITECTURE.step_seconds: a training step as ``surrogates.fitting`` does it, forward, backward, clipping, Adam and
averaging, of 128 windows of 365 days, median of the epochs; torch_step_seconds: the same of ``torch.nn.LSTM`` with a
linear head and as many weights, between these epochs. matrix_share: multiplications and additions of the step's dense
and recurrent layers over what the machine's matrix product reaches. site_years_per_second: of 128 sites and a year
from a state, forward and with the gradient to the parameters; the embedded VIC's are of 40 runs of 10 years in one
process, its start included.
"""

import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import keras
import numpy as np
import tensorflow as tf
import torch
from kept import keep
from vic_speed import CLIMATES, MODEL, SETS, YEARS, site, site_runs

import surrogates
from legacy_models.runner import attempt_batch
from surrogates.fitting import Budget, Epoch, Task, fit
from surrogates.spec import SurrogateSpec
from surrogates.surrogate import new_member

BATCH, DAYS, STEPS, EPOCHS = 128, 365, 10, 6

Batch = dict[str, Any]


def main(bundle: str) -> None:
    """Measure everything and keep the figures."""
    surrogate = surrogates.load(Path(bundle))
    spec, rate = surrogate.spec, matrix_rate()
    figures: dict[str, Any] = {"matrix_gflops": rate / 1e9}
    for architecture in dict.fromkeys((surrogate.architecture, "lstm")):
        network = new_member(spec, architecture, {}, seed=0).sequence
        figures |= {f"{architecture}.{key}": value for key, value in step_figures(network, spec, rate).items()}
        figures |= {f"{architecture}.{key}": value for key, value in use_figures(network, spec).items()}
    figures["vic_embedded.site_years_per_second"] = legacy_rate()
    print(keep("surrogate_speed", f"{BATCH} windows of {DAYS} days of made-up weather", figures))


def step_figures(network: keras.Model, spec: SurrogateSpec, rate: float) -> dict[str, float]:
    """Train a few steps, and torch's LSTM between them."""
    inputs, target = made_up(spec)
    columns = sum(inputs[name].shape[-1] for name in ("forcing", "parameters", "properties"))
    weights = network.count_params()
    rival = TorchLstm(columns, hidden_size(weights, columns, target.shape[-1]), target.shape[-1])
    deviation = tf.constant(spec.scaling.output_std, tf.float32)

    def loss(*batch: Any) -> Any:
        simulated = network(dict(zip(inputs, batch[:-1], strict=True)), training=True)
        return tf.reduce_mean(((simulated - batch[-1]) / deviation) ** 2, axis=(1, 2))

    def batches(epoch: int) -> Iterator[tuple[Any, ...]]:
        return iter([(*inputs.values(), target)] * STEPS)

    theirs: list[float] = []

    def between(epoch: Epoch) -> None:
        begun = time.perf_counter()
        for _ in range(STEPS):
            rival.step()
        theirs.append((time.perf_counter() - begun) / STEPS)

    task = Task("speed", loss, batches, lambda: (math.nan, math.nan), lambda batch: "")
    with tempfile.TemporaryDirectory() as folder:
        history = fit(network, task, Budget(EPOCHS, STEPS, 1e-4), Path(folder) / "checkpoint.npz", between)
    ours = [epoch.seconds / STEPS for epoch in history[1:]]  # the first epoch compiles
    own = median(ours)
    work = 6.0 * weights * BATCH * DAYS  # a multiplication and an addition, forward and twice backward
    return {
        "weights": weights,
        "step_seconds": own,
        "torch_weights": rival.weights,
        "torch_step_seconds": median(theirs[1:]),
        "step_ratio_to_torch": median(a / b for a, b in zip(ours, theirs[1:], strict=True)),
        "matrix_share": work / own / rate,
    }


def use_figures(network: keras.Model, spec: SurrogateSpec) -> dict[str, float]:
    """Simulated site-years per second, forward and with the gradient to the parameters."""
    inputs, _ = made_up(spec)
    tensors = {name: tf.constant(value) for name, value in inputs.items()}

    @tf.function
    def forward() -> Any:
        return network(tensors, training=False)

    @tf.function
    def gradient() -> Any:
        with tf.GradientTape() as tape:
            tape.watch(tensors["parameters"])
            total = tf.reduce_sum(network(tensors, training=False))
        return tape.gradient(total, tensors["parameters"])

    years = BATCH * DAYS / 365.25
    return {
        "site_years_per_second": years / fastest(lambda: forward().numpy()),
        "gradient_site_years_per_second": years / fastest(lambda: gradient().numpy()),
    }


class TorchLstm:
    """Torch's LSTM with a linear head, and its training step on the same amount of data."""

    def __init__(self, columns: int, hidden: int, outputs: int) -> None:
        self._lstm = torch.nn.LSTM(columns, hidden, batch_first=True)
        self._head = torch.nn.Linear(hidden, outputs)
        self._weights = [*self._lstm.parameters(), *self._head.parameters()]
        self._adam = torch.optim.Adam(self._weights, lr=1e-4)
        self._inputs, self._target = torch.randn(BATCH, DAYS, columns), torch.randn(BATCH, DAYS, outputs)

    @property
    def weights(self) -> int:
        """Number of weights."""
        return sum(weight.numel() for weight in self._weights)

    def step(self) -> None:
        """Forward, backward, clipping, Adam."""
        self._adam.zero_grad()
        loss = ((self._head(self._lstm(self._inputs)[0]) - self._target) ** 2).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self._weights, 0.2)
        self._adam.step()


def hidden_size(weights: int, columns: int, outputs: int) -> int:
    """Size of torch's LSTM that comes nearest to this many weights."""

    def missed(hidden: int) -> int:
        return abs(4 * hidden * (columns + hidden + 2) + (hidden + 1) * outputs - weights)

    return min(range(1, 513), key=missed)


def made_up(spec: SurrogateSpec) -> tuple[Batch, Any]:
    """Inputs of the sequence network, and targets, that look like those which the surrogate was trained on."""
    rng, scaling = np.random.default_rng(0), spec.scaling
    properties = np.tile(np.array(scaling.property_mean), (BATCH, 1))
    mean = np.array(scaling.output_mean)
    forcing = np.array(scaling.forcing_mean) + np.array(scaling.forcing_std) * rng.normal(0, 0.3, (BATCH, DAYS, 1))
    inputs: Mapping[str, Any] = {
        "forcing": np.maximum(forcing, 0.0),
        "parameters": spec.parameters.from_unit(rng.random((BATCH, len(spec.parameters)))),
        "properties": properties,
        "state": np.tile(mean[list(spec.state_indices)], (BATCH, 1)),
    }
    target = np.tile(mean, (BATCH, DAYS, 1))
    return {name: value.astype(np.float32) for name, value in inputs.items()}, target.astype(np.float32)


def matrix_rate() -> float:
    """Multiplications and additions a second of a large matrix product."""
    square = tf.random.normal((2048, 2048))
    return float(2.0 * 2048**3 / fastest(lambda: tf.linalg.matmul(square, square).numpy()))


def legacy_rate() -> float:
    """Site-years per second of one process of the embedded VIC."""
    runs = site_runs(site(0, *CLIMATES[1]))
    with tempfile.TemporaryDirectory() as folder:
        seconds = [attempt_batch(MODEL, runs, Path(folder) / str(i)).process_seconds for i in range(3)]
    return SETS * YEARS / min(seconds)


def fastest(function: Callable[[], Any], times: int = 5) -> float:
    """Seconds of the fastest of several calls, after a first one."""
    function()
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


if __name__ == "__main__":
    main(*sys.argv[1:])
