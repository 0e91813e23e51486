"""VIC's constants file: one ``NAME value`` a line, for the whole process; ``#`` starts a comment.

Source: VIC 5 documentation, Constants (vic.readthedocs.io).
"""

from collections.abc import Mapping

from legacy_models.errors import DataError

MIN_RAIN_TEMP = "SNOW_MIN_RAIN_TEMP"
MAX_SNOW_TEMP = "SNOW_MAX_SNOW_TEMP"


def read_constants(text: str) -> dict[str, float]:
    """Parse a constants file; names in upper case, a later line wins.

    Raises:
        DataError: naming the line that is not a name and a number.
    """
    constants = {}
    for number, line in enumerate(text.splitlines(), start=1):
        words = line.split("#", 1)[0].split()
        if not words:
            continue
        try:
            constants[words[0].upper()] = float(words[1])
        except (IndexError, ValueError):
            raise DataError(f"constants file, line {number}: expected a name and a number, received {line!r}") from None
    return constants


def format_constants(constants: Mapping[str, float]) -> str:
    """Return the text of a constants file; numbers are the shortest that read back exactly."""
    return "".join(f"{name} {value!r}\n" for name, value in constants.items())
