"""Parameters for basins without a gauge, out of those that were calibrated one by one elsewhere.

Each entry of ``REGIONALISATIONS`` is ``carry(space, donors, known, wanted) -> Carried``:

space: the parameters.
donors: (donor, parameter) calibrated values.
known: (donor, column) scaled attributes of the donors.
wanted: (basin, column) scaled attributes of the basins whose parameters are asked for; donors may be among them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial.distance import cdist
from sklearn.linear_model import RidgeCV

from legacy_models.errors import UsageError
from legacy_models.parameters import Array, ParameterSpace

PENALTIES = np.logspace(-6, 6, 49)
"""What the ridge may choose from, where scaled attributes have about unit variance."""

LEAST_DONORS = 3
"""Fewer tell nothing of a slope that leaving one out could check."""

Columns = npt.NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Carried:
    """Parameters for the basins that were asked about, and where they come from.

    Args:
        values: (basin, parameter).
        donor: (basin,) row of the donor of all its parameters; None where all donors have a say.
        penalty: (parameter,) of the ridge, in the unit cube and for scaled attributes; None where there is none.
    """

    values: Array
    donor: npt.NDArray[np.int64] | None = None
    penalty: Array | None = None


def nearest(space: ParameterSpace, donors: Array, known: Columns, wanted: Columns) -> Carried:  # noqa: ARG001
    """Take all parameters of the donor that is nearest in attribute space, which keeps what they have in common.

    Source:
        Parajka et al. (2005), doi:10.5194/hess-9-157-2005 (there the similarity approach).
    """
    donor = cdist(wanted, known).argmin(axis=1)
    return Carried(np.asarray(donors[donor]), donor=donor)


def regression(space: ParameterSpace, donors: Array, known: Columns, wanted: Columns) -> Carried:
    """Regress each parameter on the attributes, linearly, by itself and on its own scale, and keep it within bounds.

    A ridge in the unit cube; the penalty of each parameter is the one that errs least when donors are left out one by
    one.

    Raises:
        UsageError: if there are too few donors.

    Source:
        Parajka et al. (2005), doi:10.5194/hess-9-157-2005; the ridge: Hoerl and Kennard (1970),
        doi:10.1080/00401706.1970.10488634.
    """
    if len(donors) < LEAST_DONORS:
        raise UsageError(f"regression needs at least {LEAST_DONORS} calibrated basins, there are {len(donors)}")
    ridge = RidgeCV(PENALTIES, alpha_per_target=True).fit(known.astype(np.float64), space.to_unit(donors))
    unit = ridge.predict(wanted.astype(np.float64)).reshape(len(wanted), len(space))
    return Carried(space.from_unit(np.clip(unit, 0.0, 1.0)), penalty=np.asarray(ridge.alpha_, dtype=np.float64))
