"""What error to expect of a surrogate's simulation, from what can be known without the legacy model."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr
from sklearn.linear_model import RidgeCV

from legacy_models.parameters import Array

FEWEST = 12
"""With fewer held-out runs nothing is fitted."""

SMALLEST = 1e-4
"""Floor of errors and sizes, before logarithms."""

STRENGTHS = np.logspace(-2, 5, 29)
"""Among which the strength of the ridge is chosen, by leaving each run out."""

QUANTILE = 0.99


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """A power law: log error = c + sum of b_s log(size_s) + sum of a_j stratum_j, with normal residuals.

    Sizes are the distance from the training runs and the spread of the members; strata are what the error depends on
    where both are alike: the climate and the parameters. The coefficients are those of a ridge regression.

    Args:
        intercept: c.
        slopes: (size,) b, none below 0.
        strata: (stratum,) a.
        residual: standard deviation of the residuals of log error.
        usual: expected error that 99 % of the held-out runs do not exceed.

    Source:
        Hoerl and Kennard (1970), doi:10.1080/00401706.1970.10488634 (ridge regression).
    """

    intercept: float
    slopes: Array
    strata: Array
    residual: float
    usual: float

    @classmethod
    def fit(cls, sizes: Array, strata: Array, error: Array) -> "ErrorModel":
        """Learn from held-out runs.

        Args:
            sizes: (run, size) distance, spread or both.
            strata: (run, stratum) coordinates of about unit spread; none is well, too.
            error: (run,) true errors.
        """
        logs, wanted = np.log(np.maximum(sizes, SMALLEST)), np.log(np.maximum(error, SMALLEST))
        ridge = RidgeCV(STRENGTHS).fit(np.concatenate([logs, strata], axis=1), wanted)
        count = logs.shape[1]
        slopes = np.maximum(ridge.coef_[:count], 0.0)
        rest = wanted - logs @ slopes - strata @ ridge.coef_[count:]
        found = cls(float(rest.mean()), slopes, ridge.coef_[count:], max(float(rest.std()), 1e-3), 1.0)
        usual = float(np.quantile(found.expected(sizes, strata), QUANTILE))
        return cls(found.intercept, slopes, found.strata, found.residual, usual)

    def expected(self, sizes: Array, strata: Array) -> Array:
        """Return (query,) the error to expect; half of true ones are larger."""
        logs = np.log(np.maximum(sizes, SMALLEST))
        return np.asarray(np.exp(self.intercept + logs @ self.slopes + strata @ self.strata))

    def chance(self, expected: Array, tolerance: float) -> Array:
        """Return (query,) probability that the true error is above ``tolerance`` where ``expected`` is expected."""
        return np.asarray(ndtr(np.log(np.maximum(expected, SMALLEST) / tolerance) / self.residual))


def fit_all(distance: Array, spread: Array | None, strata: Array, error: Array) -> Mapping[str, ErrorModel]:
    """Return an ``ErrorModel`` for each kind of knowledge; empty where too few runs have a finite error.

    Keys: ``distance`` (with the strata), ``spread`` (alone, the members' spread calibrated to true error) and ``both``
    (with the strata); the last two where there is a spread.

    Held-out runs lie where the training runs do and say nothing about the error beyond: a distance counts within the
    domain, up to 1, and what is expected there is multiplied by ``beyond`` it.

    Args:
        distance: (run,) score.
        spread: (run,) of the members; None for a single one.
        strata: (run, stratum).
        error: (run,) true errors.
    """
    sound = np.isfinite(error) & np.isfinite(distance)
    if sound.sum() < FEWEST:
        return {}
    near, none = np.minimum(distance, 1.0), np.zeros((len(error), 0))
    least = error / beyond(distance)
    knowledge = {"distance": (near[:, None], strata, least)}
    if spread is not None:
        knowledge |= {
            "spread": (spread[:, None], none, error),
            "both": (np.column_stack([near, spread]), strata, least),
        }
    return {name: ErrorModel.fit(*(values[sound] for values in known)) for name, known in knowledge.items()}


def beyond(distance: Array) -> Array:
    """Return (query,) by what the error grows beyond the domain: in proportion to the distance.

    That is what surrogate and legacy model do at most if both are Lipschitz continuous and agree at the runs.
    """
    return np.asarray(np.maximum(distance, 1.0))
