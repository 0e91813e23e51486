"""Under which weather the legacy model is run: changed climates, and the years that are simulated."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from legacy_models.errors import UsageError
from legacy_models.model import Forcing
from legacy_models.parameters import Array
from surrogates.design import unit_sobol

FOLLOWS = ("prcp", "tmin", "tmax", "vp")
"""What a change of climate moves."""

STAYS = ("srad", "dayl", "wind", "pressure")
"""What it leaves as it is."""

Span = tuple[np.datetime64, np.datetime64]


def changed(forcing: Forcing, factor: float, shift: float) -> Forcing:
    """Return forcing of a changed climate, by the delta-change method.

    Precipitation is multiplied by ``factor``, daily minimum and maximum temperature are shifted by ``shift`` [degC], so
    that their range stays, and vapour pressure keeps the relative humidity: e' = e es' / es with the day's saturation
    es = (es(tmin) + es(tmax)) / 2, over water. Radiation, day length, wind and air pressure stay.

    Raises:
        UsageError: if there is a variable of which it is not known whether it follows.

    Source:
        Anandhi et al. (2011), doi:10.1029/2010WR009104 (delta change); Allen et al. (1998), FAO 56, eq. 11 and 12.
    """
    unknown = [name for name in forcing.names if name not in (*FOLLOWS, *STAYS)]
    if unknown:
        raise UsageError(
            f"design.climates: it is not known how {', '.join(unknown)} follows precipitation and temperature; set "
            "design.climates.per_site to 0"
        )
    values = forcing.values.copy()
    columns = {name: values[:, i] for i, name in enumerate(forcing.names)}
    if "vp" in columns:
        coldest, warmest = columns["tmin"].copy(), columns["tmax"].copy()
        columns["vp"] *= (_saturation(coldest + shift) + _saturation(warmest + shift)) / (
            _saturation(coldest) + _saturation(warmest)
        )
    if "prcp" in columns:
        columns["prcp"] *= factor
    for name in ("tmin", "tmax"):
        if name in columns:
            columns[name] += shift
    return Forcing(forcing.dates, values, forcing.names)


def draw_changes(
    sites: int, per_site: int, factor: tuple[float, float], shift: tuple[float, float], seed: int
) -> Array:
    """Return (site, per_site, 2) factors on precipitation, even on a log scale, and shifts of temperature [degC]."""
    points = unit_sobol(2, sites * per_site, seed).reshape(per_site, sites, 2).swapaxes(0, 1)
    low, high = np.array([np.log(factor[0]), shift[0]]), np.array([np.log(factor[1]), shift[1]])
    drawn = low + points * (high - low)
    return np.stack([np.exp(drawn[..., 0]), drawn[..., 1]], axis=-1)


def wet_and_dry(forcing: Forcing, period: Span, years: int) -> list[Span]:
    """Return the wettest, the driest and the most ordinary ``years`` years of a period, in this order, each once.

    Candidates begin on the anniversaries of the period's first day and overlap; all are of the same number of
    days. Ordinary is what has the median precipitation. Where the model reads no precipitation, or the period
    is not longer than that, it is the period's first years alone.

    Raises:
        UsageError: if the period is shorter.
    """
    length = int(365.25 * years)
    starts = pd.date_range(*period, freq=pd.DateOffset(years=1)).to_numpy().astype("datetime64[D]")
    spans: list[Span] = [(start, start + length - 1) for start in starts if start + length - 1 <= period[1]]
    if not spans:
        raise UsageError(f"design.years: {years} years do not fit into the period {period[0]} to {period[1]}")
    if "prcp" not in forcing.names:
        return spans[:1]
    order = np.argsort([forcing.between(*span).column("prcp").sum() for span in spans], kind="stable")
    return [spans[i] for i in dict.fromkeys((int(order[-1]), int(order[0]), int(order[len(order) // 2])))]


def _saturation(temperature: Array) -> npt.NDArray[np.float64]:
    """Saturation vapour pressure over water, up to a factor [degC]."""
    return np.exp(17.27 * temperature / (temperature + 237.3))
