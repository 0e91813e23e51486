"""Units that readers know, as exact factors to the project's own; anything else is refused by name."""

from dataclasses import dataclass

from legacy_models.errors import DataError
from legacy_models.parameters import Array

FOOT = 0.3048  # m, exact: international yard and pound agreement of 1959
INCH = 25.4  # mm, exact
MILE = 1609.344  # m, exact
DAY = 86400.0  # s


@dataclass(frozen=True, slots=True)
class Quantity:
    """A kind of quantity: its unit in the project, and what others are worth (value * factor + offset)."""

    unit: str
    factors: dict[str, float]
    offsets: dict[str, float] | None = None

    def convert(self, values: Array, unit: str) -> Array:
        """Return ``values`` given in ``unit`` in the project's unit."""
        offset = (self.offsets or {}).get(unit, 0.0)
        factor = self.factors[unit]
        return values if factor == 1.0 and offset == 0.0 else values * factor + offset


DEPTH = Quantity(
    "mm/day",
    {
        "mm/day": 1.0,
        "cm/day": 10.0,
        "m/day": 1000.0,
        "in/day": INCH,
        "mm/h": 24.0,
        "mm/s": DAY,
        "kg/m2/s": DAY,
    },
)
TEMPERATURE = Quantity("degC", {"degC": 1.0, "K": 1.0, "degF": 5.0 / 9.0}, {"K": -273.15, "degF": -32.0 * 5.0 / 9.0})
RADIATION = Quantity("W/m2", {"W/m2": 1.0, "MJ/m2/day": 1e6 / DAY, "J/m2/day": 1.0 / DAY})
PRESSURE = Quantity("Pa", {"Pa": 1.0, "hPa": 100.0, "mbar": 100.0, "kPa": 1000.0})
DURATION = Quantity("s", {"s": 1.0, "min": 60.0, "h": 3600.0, "day": DAY})
SPEED = Quantity("m/s", {"m/s": 1.0, "km/h": 1.0 / 3.6})
STORAGE = Quantity("mm", {"mm": 1.0, "kg/m2": 1.0, "cm": 10.0, "m": 1000.0, "in": INCH})
FRACTION = Quantity("m3/m3", {"m3/m3": 1.0, "%": 0.01})
AREA = Quantity("km2", {"km2": 1.0, "m2": 1e-6, "ha": 0.01, "mi2": (MILE / 1000.0) ** 2})
DISCHARGE = Quantity("m3/s", {"m3/s": 1.0, "L/s": 1e-3, "m3/day": 1.0 / DAY, "ft3/s": FOOT**3})

QUANTITIES = {
    "prcp": DEPTH,
    "tmin": TEMPERATURE,
    "tmax": TEMPERATURE,
    "srad": RADIATION,
    "vp": PRESSURE,
    "dayl": DURATION,
    "wind": SPEED,
    "pressure": PRESSURE,
    "longwave": RADIATION,
    "streamflow": DEPTH,
    "evaporation": DEPTH,
    "soil_moisture": FRACTION,
    "swe": STORAGE,
    "area": AREA,
}

_SPELLINGS = {
    "mm/d": "mm/day",
    "mm d-1": "mm/day",
    "mm day-1": "mm/day",
    "m/d": "m/day",
    "mm/hour": "mm/h",
    "mm h-1": "mm/h",
    "mm s-1": "mm/s",
    "kg m-2 s-1": "kg/m2/s",
    "c": "degC",
    "celsius": "degC",
    "degrees c": "degC",
    "degrees celsius": "degC",
    "degree_celsius": "degC",
    "degrees_celsius": "degC",
    "deg c": "degC",
    "°c": "degC",
    "kelvin": "K",
    "w m-2": "W/m2",
    "w/m^2": "W/m2",
    "w m**-2": "W/m2",
    "mj m-2 d-1": "MJ/m2/day",
    "mj/m2/d": "MJ/m2/day",
    "pascal": "Pa",
    "hectopascal": "hPa",
    "mb": "mbar",
    "kilopascal": "kPa",
    "second": "s",
    "seconds": "s",
    "sec": "s",
    "minutes": "min",
    "hour": "h",
    "hours": "h",
    "hr": "h",
    "days": "day",
    "m s-1": "m/s",
    "kg m-2": "kg/m2",
    "m3 m-3": "m3/m3",
    "m^3/m^3": "m3/m3",
    "m**3 m**-3": "m3/m3",
    "percent": "%",
    "km^2": "km2",
    "km**2": "km2",
    "m^2": "m2",
    "sq mi": "mi2",
    "cfs": "ft3/s",
    "ft^3/s": "ft3/s",
    "ft3 s-1": "ft3/s",
    "cms": "m3/s",
    "m^3/s": "m3/s",
    "m3 s-1": "m3/s",
    "m**3 s**-1": "m3/s",
    "l/s": "L/s",
    "m3/d": "m3/day",
}


def canonical(unit: str) -> str:
    """Return the spelling of ``unit`` that the tables use; an unknown one comes back as it was."""
    text = " ".join(unit.split())
    names = {name.lower(): name for q in (*QUANTITIES.values(), DISCHARGE) for name in q.factors}
    return _SPELLINGS.get(text.lower(), names.get(text.lower(), text))


def convert(values: Array, variable: str, unit: str, source: str) -> Array:
    """Return ``values`` of ``variable`` in the project's unit.

    Raises:
        DataError: naming source, variable, unit and the units that are known for it.
    """
    quantity = QUANTITIES[variable]
    name = canonical(unit)
    if name not in quantity.factors:
        raise DataError(f"{source}: unit {unit!r} of {variable} is not known; known: {known(variable)}")
    return quantity.convert(values, name)


def discharge_to_depth(values: Array, unit: str, area_km2: Array) -> Array:
    """Turn (basin, time) discharge into depth over the basin [mm/day].

    depth = Q [m3/s] * 86400 s/day * 1000 mm/m / (area [km2] * 10^6 m2/km2); from ft3/s that is
    2.4465755455488 / area.
    """
    factor = DISCHARGE.factors[canonical(unit)] * DAY * 1000.0 / 1e6
    return values * (factor / area_km2)[:, None]


def is_discharge(unit: str) -> bool:
    """Whether ``unit`` is a volume over time, which needs the basin's area."""
    return canonical(unit) in DISCHARGE.factors


def known(variable: str) -> str:
    """Return the units known for ``variable``, as text."""
    extra = list(DISCHARGE.factors) if variable == "streamflow" else []
    return ", ".join([*QUANTITIES[variable].factors, *extra])
