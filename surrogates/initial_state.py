"""The state on the day before a simulation, from the forcing until then: any start date can be simulated."""

import keras
import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

from legacy_models.model import Forcing
from legacy_models.parameters import Array
from surrogates.architectures.inputs import scaled_static, state_scaling
from surrogates.scaling import FromScaledState, Standardize
from surrogates.spec import SurrogateSpec

MEMORIES = (3.0, 10.0, 30.0, 90.0, 365.0, 1500.0)
"""Time constants of the exponential means of the forcing [days]."""

MELT_FACTORS = (1.5, 4.0)
"""Degree-day factors of the snow covers that are kept along [mm/degC/day]."""

Features = npt.NDArray[np.float32]


def antecedent(forcing: Forcing) -> Features:
    """Return what is known of the past at the start of each day.

    Row t summarises the days before t: exponential means of each forcing variable over several
    memories, mean_t = mean_{t-1} + (x_{t-1} - mean_{t-1}) / memory; where precipitation and temperature
    are there, a degree-day snow cover for several melt factors (as log(1 + mm)) and exponential means of
    its rain and melt; and the season as sine and cosine.

    Args:
        forcing: of one place, **with spin-up** (``legacy_models.model.with_spinup``).

    Returns:
        (time, antecedent) float32.
    """
    values = np.asarray(forcing.values, dtype=np.float64)
    columns = [_trailing(values, memory) for memory in MEMORIES]
    if {"prcp", "tmin", "tmax"} <= set(forcing.names):
        temperature = 0.5 * (forcing.column("tmin") + forcing.column("tmax"))
        for factor in MELT_FACTORS:
            cover, water = _snow(forcing.column("prcp"), temperature, factor)
            columns.append(np.log1p(_before(cover[:, None])))
            columns += [_trailing(water[:, None], memory) for memory in MEMORIES]
    day = (forcing.dates - forcing.dates.astype("datetime64[Y]")).astype(np.float64) * (2 * np.pi / 365.25)
    columns.append(np.stack([np.sin(day), np.cos(day)], axis=1))
    return np.concatenate(columns, axis=1).astype(np.float32)


def build(spec: SurrogateSpec, *, hidden: int = 256, layers: int = 3) -> keras.Model:
    """Return the network (antecedent, parameters, properties) -> state (basin, state) in physical units."""
    named = {
        "antecedent": keras.Input((len(spec.scaling.antecedent_mean),), name="antecedent"),
        "parameters": keras.Input((len(spec.parameters),), name="parameters"),
        "properties": keras.Input((len(spec.model.properties),), name="properties"),
    }
    past = Standardize(spec.scaling.antecedent_mean, spec.scaling.antecedent_std)(named["antecedent"])
    known = keras.layers.Concatenate()([past, scaled_static(spec, named)])
    for _ in range(layers):
        known = keras.layers.Dense(hidden, "silu")(known)
    values = keras.layers.Dense(len(spec.model.states))(known)
    return keras.Model(named, FromScaledState(*state_scaling(spec))(values), name="initial_state")


def _trailing(values: Array, memory: float) -> Array:
    """Exponential mean of (time, variable) until the day before, from the first year's mean."""
    rate = 1.0 / memory
    start = values[:365].mean(axis=0)
    means, _ = lfilter([rate], [1.0, rate - 1.0], values, axis=0, zi=(1.0 - rate) * start[None])
    return np.concatenate([start[None], means[:-1]])


def _before(values: Array) -> Array:
    """Shift (time, variable) by one day; before the first day there is nothing."""
    return np.concatenate([np.zeros_like(values[:1]), values[:-1]])


def _snow(precipitation: Array, temperature: Array, factor: float) -> tuple[Array, Array]:
    """Degree-day snow cover at the end of each day [mm], and rain plus melt [mm/day]."""
    snowfall = np.where(temperature < 0.0, precipitation, 0.0)
    demand = np.maximum(factor * temperature, 0.0)
    cover, level = np.empty_like(precipitation), 0.0
    for day, (fallen, wanted) in enumerate(zip(snowfall.tolist(), demand.tolist(), strict=True)):
        level = max(level + fallen - wanted, 0.0)
        cover[day] = level
    return cover, precipitation - np.diff(cover, prepend=0.0)
