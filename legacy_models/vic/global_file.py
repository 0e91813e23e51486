"""VIC's global parameter file: text to a frozen `GlobalFile` and back.

Source: VIC 5 documentation, classic driver, GlobalParam (vic.readthedocs.io).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import Any, Literal

from legacy_models.errors import DataError

_UNUSED = """
    AERO_RESIST_CANSNOW ALB_SRC ATMOS_STEPS_PER_DAY BLOWING BLOWING_CALC_PROB BLOWING_FETCH BLOWING_SIMPLE
    BLOWING_SPATIAL_WIND BLOWING_VAR_THRESHOLD BULK_DENSITY_COMB CANOPY_LAYERS CARBON CLOSE_ENERGY
    COMPUTE_TREELINE CONSTANTS CORRPREC EQUAL_AREA EXP_TRANS FCAN_SRC FORCESEC FORCE_ENDIAN FORCING2 GRND_FLUX_TYPE
    IMPLICIT INIT_STATE JULY_TAVG_SUPPLIED LAKES LAKE_NODES LAKE_PROFILE LOG_DIR MAX_SNOW_ALBEDO NO_FLUX NRECS
    ORGANIC_FRACT OUT_TIME_UNITS QUICK_FLUX QUICK_SOLVE RC_MODE RESOLUTION SHARE_LAYER_MOIST SNOW_DENSITY
    SPATIAL_FROST SPATIAL_SNOW STARTSEC STATEDAY STATEMONTH STATENAME STATESEC STATEYEAR STATE_FORMAT TFALLBACK
    VEGLIB_FCAN VEGLIB_PHOTO VEGPARAM_ALB VEGPARAM_FCAN
"""
UNUSED_KEYS = frozenset(_UNUSED.split())


@dataclass(frozen=True, slots=True)
class OutputVariable:
    """One OUTVAR line; empty strings and ``*`` stand for VIC's defaults (``%.4f``, float, 1)."""

    name: str
    printf: str = ""
    type: str = ""
    multiplier: str = ""
    aggregation: str = ""


@dataclass(frozen=True, slots=True)
class OutputStream:
    """One OUTFILE block: a file a cell, ``RESULT_DIR/{prefix}_{lat}_{lon}.txt`` (ASCII) or .bin (BINARY)."""

    prefix: str
    variables: tuple[OutputVariable, ...]
    format: Literal["ASCII", "BINARY"] = "ASCII"
    frequency: tuple[str, ...] = ("NDAYS", "1")
    other: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class GlobalFile:
    """The settings that this project uses by name; every other key is kept, in order, in ``other``.

    Args:
        model_steps: MODEL_STEPS_PER_DAY; ``snow_steps``, ``runoff_steps``, ``force_steps`` likewise.
        start: first simulated day; ``end`` the last.
        forcing: FORCING1, the prefix that ``lat_lon`` is added to.
        force_types: FORCE_TYPE of each forcing column, in order; of a BINARY file with sign and multiplier.
        force_start: day of the first forcing row.
        soil: path of the soil file; ``veglib``, ``vegparam``, ``snow_band_file``, ``result_dir`` likewise.
        other: (key, rest of line) of keys that are not a field here; from FORCING2 on also the FORCE keys, which
            say what the second forcing file is.
    """

    nlayer: int
    nodes: int
    model_steps: int
    snow_steps: int
    runoff_steps: int
    start: date
    end: date
    forcing: str
    force_types: tuple[str, ...]
    force_steps: int
    force_start: date
    soil: str
    veglib: str
    vegparam: str
    root_zones: int
    result_dir: str
    outputs: tuple[OutputStream, ...]
    calendar: str = "PROLEPTIC_GREGORIAN"
    full_energy: bool = False
    frozen_soil: bool = False
    continue_on_error: bool = True
    force_format: str = "ASCII"
    grid_decimal: int = 4
    wind_h: float = 10.0
    baseflow: str = "ARNO"
    vegparam_lai: bool = False
    lai_src: str = "FROM_VEGLIB"
    snow_bands: int = 1
    snow_band_file: str = ""
    other: tuple[tuple[str, str], ...] = field(default=())

    @property
    def unknown_keys(self) -> tuple[str, ...]:
        """Keys that VIC does not have either: VIC warns of them, and of nothing else about them."""
        known = UNUSED_KEYS | _KEYS.keys() | _DATE_KEYS | {"FORCE_TYPE"}
        return tuple(key for key, _ in self.other if key not in known)

    def label(self, lat: float, lon: float) -> str:
        """The ``lat_lon`` part of the names of a cell's forcing and output files."""
        return f"{lat:.{self.grid_decimal}f}_{lon:.{self.grid_decimal}f}"


def read_global(text: str) -> GlobalFile:
    """Parse a global file as VIC does: keys in any case, ``#`` starts a comment, later lines win.

    Raises:
        DataError: naming the key that is missing, or whose value cannot be read.
    """
    values: dict[str, str] = {}
    force_types: list[list[str]] = []
    other: list[tuple[str, str]] = []
    outputs: list[OutputStream] = []
    for key, words in _lines(text):
        if key in _OUTPUT_KEYS:
            _add_output(outputs, key, words)
        elif key.startswith("FORCE") and any(earlier == "FORCING2" for earlier, _ in other):
            other.append((key, " ".join(words)))
        elif key == "FORCE_TYPE":
            _first(key, words)
            force_types.append(words)
        elif key == "SNOW_BAND":
            values["SNOW_BAND"], values["SNOW_BAND_FILE"] = _first(key, words), " ".join(words[1:2])
        elif key in _KEYS or key in _DATE_KEYS:
            values[key] = _first(key, words)
        else:
            other.append((key, " ".join(words)))
    fields = {name: convert(key, values[key]) for key, (name, convert) in _KEYS.items() if key in values}
    fields |= {name: _date(values, prefix) for prefix, name in _DATES.items()}
    _check_complete(fields, values)
    words_a_type = 3 if values.get("FORCE_FORMAT", "").upper() == "BINARY" else 1
    types = tuple(" ".join(words[:words_a_type]) for words in force_types)
    return GlobalFile(**fields, force_types=types, outputs=tuple(outputs), other=tuple(other))


def format_global(settings: GlobalFile) -> str:
    """Return the text of a global file; ``read_global`` gives ``settings`` back."""
    lines = []
    for key, (name, _) in _KEYS.items():
        if key == "SNOW_BAND_FILE":
            continue
        value = getattr(settings, name)
        if isinstance(value, bool):
            value = "TRUE" if value else "FALSE"
        if key == "SNOW_BAND":
            value = f"{value} {settings.snow_band_file}".rstrip()
        lines.append(f"{key} {value}")
    for prefix, name in _DATES.items():
        day: date = getattr(settings, name)
        lines += [
            f"{prefix}YEAR {day.year:04d}",
            f"{prefix}MONTH {day.month:02d}",
            f"{prefix}DAY {day.day:02d}",
        ]
    lines += [f"FORCE_TYPE {name}" for name in settings.force_types]
    lines += [f"{key} {rest}".rstrip() for key, rest in settings.other]
    for stream in settings.outputs:
        lines += _format_stream(stream)
    return "\n".join(lines) + "\n"


def _lines(text: str) -> Iterator[tuple[str, list[str]]]:
    """Yield (upper-case key, words) of the lines that say something."""
    for line in text.splitlines():
        words = line.split("#", 1)[0].split()
        if words:
            yield words[0].upper(), words[1:]


def _first(key: str, words: list[str]) -> str:
    if not words:
        raise DataError(f"global file: {key} has no value")
    return words[0]


def _integer(key: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise DataError(f"global file: {key} must be a whole number, received {text!r}") from None


def _number(key: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"global file: {key} must be a number, received {text!r}") from None


def _flag(_key: str, text: str) -> bool:
    return text.upper() == "TRUE"


def _text(_key: str, text: str) -> str:
    return text


_KEYS: dict[str, tuple[str, Callable[[str, str], Any]]] = {
    "NLAYER": ("nlayer", _integer),
    "NODES": ("nodes", _integer),
    "MODEL_STEPS_PER_DAY": ("model_steps", _integer),
    "SNOW_STEPS_PER_DAY": ("snow_steps", _integer),
    "RUNOFF_STEPS_PER_DAY": ("runoff_steps", _integer),
    "CALENDAR": ("calendar", _text),
    "FULL_ENERGY": ("full_energy", _flag),
    "FROZEN_SOIL": ("frozen_soil", _flag),
    "CONTINUEONERROR": ("continue_on_error", _flag),
    "FORCING1": ("forcing", _text),
    "FORCE_FORMAT": ("force_format", _text),
    "FORCE_STEPS_PER_DAY": ("force_steps", _integer),
    "GRID_DECIMAL": ("grid_decimal", _integer),
    "WIND_H": ("wind_h", _number),
    "SOIL": ("soil", _text),
    "BASEFLOW": ("baseflow", _text),
    "VEGLIB": ("veglib", _text),
    "VEGPARAM": ("vegparam", _text),
    "ROOT_ZONES": ("root_zones", _integer),
    "VEGPARAM_LAI": ("vegparam_lai", _flag),
    "LAI_SRC": ("lai_src", _text),
    "SNOW_BAND": ("snow_bands", _integer),
    "SNOW_BAND_FILE": ("snow_band_file", _text),
    "RESULT_DIR": ("result_dir", _text),
}
_DATES = {"START": "start", "END": "end", "FORCE": "force_start"}
_DATE_KEYS = frozenset(prefix + part for prefix in _DATES for part in ("YEAR", "MONTH", "DAY"))
_OUTPUT_KEYS = frozenset({"OUTFILE", "AGGFREQ", "HISTFREQ", "OUT_FORMAT", "OUTVAR", "COMPRESS"})
_REQUIRED = """
    NLAYER NODES MODEL_STEPS_PER_DAY SNOW_STEPS_PER_DAY RUNOFF_STEPS_PER_DAY FORCING1 FORCE_STEPS_PER_DAY
    SOIL VEGLIB VEGPARAM ROOT_ZONES RESULT_DIR FROZEN_SOIL
"""


def _check_complete(fields: dict[str, Any], values: dict[str, str]) -> None:
    missing = [key for key in _REQUIRED.split() if key not in values]
    if missing:
        near = {key: get_close_matches(key, values, n=1, cutoff=0.85) for key in missing}
        hint = "".join(f" (is {found[0]} meant?)" for found in near.values() if found)
        raise DataError(f"global file: {', '.join(missing)} missing{hint}")
    if fields["end"] < fields["start"]:
        raise DataError(f"global file: the end {fields['end']} comes before the start {fields['start']}")


def _date(values: dict[str, str], prefix: str) -> date:
    parts = []
    for key in (f"{prefix}YEAR", f"{prefix}MONTH", f"{prefix}DAY"):
        if key not in values:
            raise DataError(f"global file: {key} missing")
        parts.append(_integer(key, values[key]))
    try:
        return date(*parts)
    except ValueError as error:
        raise DataError(f"global file: {prefix}YEAR/MONTH/DAY {parts} is no date: {error}") from None


def _add_output(outputs: list[OutputStream], key: str, words: list[str]) -> None:
    """Add one line of an OUTFILE block to ``outputs``."""
    if key == "OUTFILE":
        outputs.append(OutputStream(_first(key, words), ()))
        return
    if not outputs:
        raise DataError(f"global file: {key} must come after an OUTFILE line")
    last = outputs.pop()
    variables, layout, frequency, other = last.variables, last.format, last.frequency, last.other
    if key == "OUTVAR":
        _first(key, words)
        variables = (*variables, OutputVariable(*words[:5]))
    elif key == "OUT_FORMAT":
        layout = _layout(_first(key, words))
    elif key == "AGGFREQ":
        frequency = tuple(words)
    else:
        other = (*other, (key, " ".join(words)))
    outputs.append(OutputStream(last.prefix, variables, layout, frequency, other))


def _layout(word: str) -> Literal["ASCII", "BINARY"]:
    if word.upper() == "ASCII":
        return "ASCII"
    if word.upper() == "BINARY":
        return "BINARY"
    raise DataError(f"global file: OUT_FORMAT must be ASCII or BINARY, received {word!r}")


def _format_stream(stream: OutputStream) -> list[str]:
    lines = [
        f"OUTFILE {stream.prefix}",
        f"AGGFREQ {' '.join(stream.frequency)}",
        f"OUT_FORMAT {stream.format}",
    ]
    lines += [f"{key} {rest}".rstrip() for key, rest in stream.other]
    for variable in stream.variables:
        words = [variable.name, variable.printf, variable.type, variable.multiplier, variable.aggregation]
        while not words[-1]:
            words.pop()
        lines.append("OUTVAR " + " ".join(word or "*" for word in words))
    return lines
