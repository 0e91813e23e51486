"""What synthetic data keep from the learner: parameters that follow attributes, errors of measurement."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from legacy_models.parameters import Array, ParameterSpace
from pipeline.readers.weather import autoregressive

# Attribute -> (typical value, spread, whether in logarithms): fixed numbers of the size found over the United
# States, so that a basin's parameters do not depend on which other basins there are.
SCALES = {
    "aridity": (1.0, 0.6, True),
    "p_seasonality": (0.0, 0.5, False),
    "frac_snow": (0.22, 0.22, False),
    "elev_mean": (450.0, 1.2, True),
    "slope_mean": (30.0, 1.1, True),
    "area_gages2": (330.0, 1.1, True),
    "sand_frac": (36.0, 15.0, False),
    "clay_frac": (23.0, 10.0, False),
    "soil_depth_pelletier": (2.5, 1.2, True),
    "frac_forest": (0.57, 0.35, False),
    "lai_max": (3.2, 1.4, False),
    "geol_permeability": (-13.4, 0.9, False),
}


@dataclass(frozen=True, slots=True)
class Relation:
    """Where a parameter lies in the unit cube.

    lower + (upper - lower) sigmoid(offset + sum_i w_i z_i + w tanh(z_a z_b))

    Args:
        lower: at one end; ``upper`` at the other.
        weights: of standardised attributes z.
        offset: moves the typical basin.
        product: two attributes whose product counts, with its weight.
    """

    lower: float
    upper: float
    weights: dict[str, float]
    offset: float = 0.0
    product: tuple[str, str, float] | None = field(default=None)

    def unit(self, scaled: pd.DataFrame) -> Array:
        """(basin,) coordinate in the unit cube of basins with standardised attributes ``scaled``."""
        score = self.offset + sum(weight * scaled[name].to_numpy() for name, weight in self.weights.items())
        if self.product is not None:
            one, other, weight = self.product
            score = score + weight * np.tanh(scaled[one].to_numpy() * scaled[other].to_numpy())
        return np.asarray(self.lower + (self.upper - self.lower) / (1.0 + np.exp(-score)))


# Chosen so that each parameter follows what it stands for (clay seals, permeable rock drains, large
# and flat basins answer late), away from the models' defaults: slower and smoother flow.
RELATIONS = {
    "b_infilt": Relation(0.03, 0.65, {"clay_frac": 0.8, "slope_mean": 0.4, "frac_forest": -0.7}, -0.3),
    "k": Relation(0.30, 0.85, {"geol_permeability": 0.8, "slope_mean": 0.6}, 0.3, ("sand_frac", "slope_mean", 0.4)),
    "r": Relation(0.35, 0.95, {"clay_frac": -0.6, "geol_permeability": 0.7}),
    "Ws": Relation(0.10, 0.75, {"soil_depth_pelletier": 0.7, "aridity": 0.6}, -0.2),
    "depth2": Relation(0.10, 0.85, {"slope_mean": -0.6, "lai_max": 0.7, "soil_depth_pelletier": 0.4}, -0.4),
    "depth3": Relation(0.18, 0.86, {"soil_depth_pelletier": 0.9, "frac_forest": 0.4}, -0.5),
    "expt": Relation(0.05, 0.95, {"clay_frac": 1.0, "sand_frac": -0.5}),
    "Ksat": Relation(0.10, 0.90, {"sand_frac": 1.0, "clay_frac": -0.4}),
    "snow_rough": Relation(0.15, 0.85, {"frac_forest": 0.8, "elev_mean": -0.4}),
    "rmin_factor": Relation(0.15, 0.85, {"aridity": 0.8, "elev_mean": 0.3}),
    "lai_factor": Relation(0.20, 0.80, {"p_seasonality": 0.6, "frac_forest": -0.5}),
    "route_shape": Relation(0.10, 0.90, {"area_gages2": 0.7, "slope_mean": -0.4}),
    "route_delay": Relation(0.50, 0.97, {"area_gages2": 1.0, "slope_mean": -0.7}, 0.3),
}


def hidden_parameters(
    attributes: pd.DataFrame, space: ParameterSpace, noise: float, generators: list[np.random.Generator]
) -> Array:
    """Return the parameters of each basin: a smooth relation to its attributes, and noise.

    A parameter that has no relation of its own here follows three attributes that its name decides.

    Args:
        attributes: one row a basin, CAMELS names.
        space: the parameters of the legacy model and of the routing.
        noise: standard deviation of what attributes do not explain, in the unit cube [-].
        generators: one a basin.

    Returns:
        (basin, parameter) values within their bounds.
    """
    scaled = pd.DataFrame({name: _scaled(attributes[name], *scale) for name, scale in SCALES.items()})
    unit = np.stack([_relation(name).unit(scaled) for name in space.names], axis=1)
    unit += noise * np.stack([rng.normal(size=len(space)) for rng in generators])
    return space.from_unit(np.clip(unit, 0.02, 0.98))


def perturbed(
    weather: dict[str, Array], rain_error: float, temperature_error: float, rng: np.random.Generator
) -> dict[str, Array]:
    """Return the weather that basins really had: measured forcing times and plus errors that nobody knows.

    Args:
        weather: (time,) series as they are handed out.
        rain_error: standard deviation of the logarithm of a daily factor of mean 1 on precipitation [-].
        temperature_error: standard deviation of a daily shift of tmin and tmax [degC].
        rng: the random numbers.
    """
    days = len(weather["prcp"])
    factor = np.exp(rng.normal(-(rain_error**2) / 2, rain_error, days))
    shift = rng.normal(0.0, temperature_error, days)
    changed = {
        "prcp": weather["prcp"] * factor,
        "tmin": weather["tmin"] + shift,
        "tmax": weather["tmax"] + shift,
    }
    return weather | changed


def measured(flow: Array, error: float, memory: float, gap_share: float, rng: np.random.Generator) -> Array:
    """Return ``flow`` (time,) as a gauge reports it: times a lognormal AR(1) error of mean 1, with gaps.

    Args:
        flow: [mm/day], or another quantity in its own unit.
        error: standard deviation of the logarithm of the factor [-].
        memory: its lag-1 autocorrelation [-].
        gap_share: expected share of days without a value, in blocks of 5 to 40 days.
        rng: the random numbers.
    """
    factor = np.exp(error * autoregressive(rng, len(flow), memory) - error**2 / 2)
    observed = flow * factor
    for _ in range(rng.poisson(gap_share * len(flow) / 22.5)):
        start = int(rng.integers(len(flow)))
        observed[start : start + int(rng.integers(5, 41))] = np.nan
    return np.asarray(observed)


def _scaled(values: pd.Series, centre: float, spread: float, logarithmic: bool) -> Array:
    numbers = values.to_numpy(dtype=np.float64)
    distance = np.log(numbers / centre) if logarithmic else numbers - centre
    return np.asarray(np.clip(distance / spread, -2.5, 2.5))


def _relation(name: str) -> Relation:
    if name in RELATIONS:
        return RELATIONS[name]
    digest = hashlib.sha256(name.encode()).digest()
    chosen = [sorted(SCALES)[byte % len(SCALES)] for byte in digest[:3]]
    signs = [1.0 if byte % 2 else -1.0 for byte in digest[3:6]]
    return Relation(0.1, 0.9, {attribute: 0.7 * sign for attribute, sign in zip(chosen, signs, strict=True)})
