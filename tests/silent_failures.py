"""What VIC 5 takes without a word: how to give it to the adapter, how to slip it in beneath, what is said."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from legacy_models.model import Forcing, Run, Site
from legacy_models.vic.adapter import VicModel
from tests.vic_sites import with_parameters, with_weather

Change = Callable[[VicModel, Run], Run]
SUMMER, WINTER = 249, 100  # days from 2000-10-01, 2001-06-07 and 2001-01-09; snow lies on the second


@dataclass(frozen=True)
class Silent:
    """One silent failure.

    Args:
        name: what is wrong.
        given: makes a sound run one that has it.
        refused: the reason that such a run is stored with.
        beneath: shell command that slips it into the files of a sound batch.
        found: the reason that the output of such a batch is stored with; empty where the output looks sound.
    """

    name: str
    given: Change
    refused: str
    beneath: str
    found: str


def soil(change: str) -> str:
    """Change columns of every soil row."""
    return f"awk '{{ {change}; print }}' soil.txt > s && mv s soil.txt"


def rows(program: str) -> str:
    """Pass the forcing through awk."""
    return f"awk '{program}' forcing/site_0 > s && cat s > forcing/site_0"


def row(change: str, day: int = SUMMER) -> str:
    """Change the last of the four rows of a day of the forcing."""
    return rows(f"NR == {4 * (day + 1)} {{ {change} }} {{ print }}")


def parameters(**values: float) -> Change:
    return lambda model, run: with_parameters(model, run, **values)


def weather(name: str, value: float, day: int = SUMMER) -> Change:
    return lambda _, run: with_weather(run, name, day, value)


def without_column(_: VicModel, run: Run) -> Run:
    old = run.site.forcing
    return _with_forcing(run, Forcing(old.dates, np.delete(old.values, old.names.index("vp"), axis=1), _names(old)))


def without_last_day(_: VicModel, run: Run) -> Run:
    old = run.site.forcing
    return _with_forcing(run, Forcing(old.dates[:-1], old.values[:-1], old.names))


def _names(forcing: Forcing) -> tuple[str, ...]:
    return tuple(name for name in forcing.names if name != "vp")


def _with_forcing(run: Run, forcing: Forcing) -> Run:
    return replace(run, site=Site(run.site.name, run.site.properties, forcing))


NAN = float("nan")
SILENT = (
    Silent("Ws = 0", parameters(Ws=0.0), "Ws = 0.0 must be", soil("$8 = 0"), "OUT_BASEFLOW is not finite"),
    Silent("Ws = 1", parameters(Ws=1.0), "Ws = 1.0 must be", soil("$8 = 1"), ""),
    Silent("Ws > 1", parameters(Ws=1.5, r=0.1), "Ws = 1.5 must be", soil("$8 = 1.5"), ""),
    Silent("Ws < 0", parameters(Ws=-0.2), "Ds = -", soil("$8 = -0.2"), ""),
    Silent("Ds > 1", parameters(r=3.0, Ws=0.5), "Ds = 1.5 must be", soil("$6 = 1.5"), ""),
    Silent("Ds < 0", parameters(r=-0.1, Ws=0.5), "Ds = -0.05 must be", soil("$6 = -0.05"), ""),
    Silent("Dsmax < 0", parameters(k=-1.0), "Dsmax = -", soil("$7 = -1"), ""),
    Silent("Dsmax NaN", parameters(k=NAN), "k is not a finite", soil('$7 = "nan"'), "OUT_BASEFLOW is not finite"),
    Silent("b = 10", parameters(b_infilt=10.0), "b_infilt = 10.0 must be", soil("$5 = 10"), ""),
    Silent("b NaN", parameters(b_infilt=NAN), "b_infilt is not a finite", soil('$5 = "nan"'), "OUT_EVAP is not finite"),
    Silent("Ksat < 0", parameters(Ksat=-5.0), "Ksat = -5.0 must be", soil("$14 = -5"), ""),
    Silent("Ksat = 0", parameters(Ksat=0.0), "Ksat = 0.0 must be", soil("$13 = $14 = $15 = 0"), ""),
    Silent("PREC NaN", weather("prcp", NAN), "prcp = nan mm/day on", row('$1 = "nan"'), "OUT_PREC is not finite"),
    Silent("AIR_TEMP NaN", weather("tmax", NAN), "tmax = nan degC on 2001-06-07", row('$2 = "nan"'), "is not finite"),
    Silent("SWDOWN NaN", weather("srad", NAN, WINTER), "srad = nan W/m2 on 2001-01-09", row('$3 = "nan"', WINTER), ""),
    Silent("VP NaN", weather("vp", NAN), "vp = nan Pa on 2001-06-07", row('$6 = "nan"'), "is not finite"),
    Silent("PREC < 0", weather("prcp", -9999.0), "prcp = -9999.0 mm/day on", row("$1 = -9999"), "precipitation was"),
    Silent("a missing column", without_column, "forcing has no vp", row('$7 = ""'), "precipitation was"),
    Silent("a missing row", without_last_day, "does not hold", rows("NR > 1 { print p } { p = $0 }"), "2002-09-30"),
)  # fmt: skip
BY_NAME = {failure.name: failure for failure in SILENT}
