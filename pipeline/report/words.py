"""The verdict in plain sentences, and numbers as readers want them."""

from dataclasses import dataclass
from typing import Any

from pipeline.report.inputs import dig, number

NOTHING = "–"


@dataclass(frozen=True, slots=True)
class Headline:
    """One number of the page's head: what it is, its value, and what to compare it with."""

    label: str
    value: str
    note: str


def rounded(value: float | None, digits: int = 2) -> str:
    """Return ``value`` with ``digits`` decimals and a true minus sign; a dash where it was not computed."""
    if value is None or value != value:
        return NOTHING
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace("-", "\N{MINUS SIGN}")


def signed(value: float | None, digits: int = 2) -> str:
    """Return ``value`` like ``rounded`` does, with a plus sign where it is positive."""
    text = rounded(value, digits)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.") else text


def percent(share: float | None) -> str:
    """Return a share of one as whole percent."""
    return NOTHING if share is None else f"{rounded(100 * share, 0)} %"


def duration(seconds: float | None) -> str:
    """Return seconds as hours, minutes or seconds, two steps of them at most."""
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else _minutes(round(seconds))


def _minutes(seconds: int) -> str:
    return f"{seconds // 60} min {seconds % 60:02d} s"


def surrogate_kind(summary: dict[str, Any]) -> str:
    """Say whether the surrogate saw legacy runs at held-out basins; every ungauged score carries this."""
    transductive = dig(summary, "surrogate", "transductive")
    if transductive is None:
        return "not stated whether the surrogate is transductive"
    return "transductive surrogate" if transductive else "inductive surrogate"


def verdict(summary: dict[str, Any]) -> list[str]:
    """Return the result in two plain sentences, only from figures that were computed."""
    return [sentence for sentence in (_closed_loop(summary), _honesty(summary)) if sentence]


def headlines(summary: dict[str, Any]) -> list[Headline]:
    """Return the numbers for the page's head."""
    kind = surrogate_kind(summary)
    rows = [
        ("Closed loop, test", _nse(summary, "closed_loop", "test"), _basins(summary, "test")),
        ("Default, test", _nse(summary, "default_parameters", "test"), "same routing family"),
        ("Surrogate, test", _nse(summary, "through_surrogate", "test"), "a means, not the result"),
        ("Closed loop, ungauged", _nse(summary, "closed_loop", "ungauged"), kind),
    ]
    cards = [Headline(label, rounded(value), note) for label, value, note in rows]
    gap = number(summary, "closed_loop", "gap", "test", "abs_median")
    over = number(summary, "closed_loop", "gap", "test", "share_over_0.1")
    note = "" if over is None else f"above 0.1 in {percent(over)} of basins"
    return [*cards, Headline("Median |gap|, test", rounded(gap), note)]


def _nse(summary: dict[str, Any], source: str, split: str) -> float | None:
    return number(summary, source, split, "nse_median")


def _basins(summary: dict[str, Any], split: str) -> str:
    count = number(summary, "closed_loop", split, "basins")
    return "" if count is None else f"{count:.0f} basin{'' if count == 1 else 's'}"


def _closed_loop(summary: dict[str, Any]) -> str:
    test, default = _nse(summary, "closed_loop", "test"), _nse(summary, "default_parameters", "test")
    if test is None:
        return "The legacy model was not scored at the learned parameters: there is no closed-loop result yet."
    where = _basins(summary, "test")
    return (
        f"Run with the learned parameters, the legacy model itself reaches a median NSE of {rounded(test)} "
        f"in the test period{f' ({where})' if where else ''}, {_against(test, default)}{_ungauged(summary)}."
    )


def _against(score: float, default: float | None) -> str:
    if default is None:
        return "with no score at default parameters to compare with"
    difference = score - default
    if rounded(difference).strip("0.") == "":
        return f"no better than with its default parameters ({rounded(default)})"
    side = "above" if difference > 0 else "below"
    return f"{rounded(abs(difference))} {side} its default parameters ({rounded(default)})"


def _ungauged(summary: dict[str, Any]) -> str:
    score, default = _nse(summary, "closed_loop", "ungauged"), _nse(summary, "default_parameters", "ungauged")
    if score is None:
        return ""
    where = _basins(summary, "ungauged") or "basins"
    return f"; at {where} held out of learning ({surrogate_kind(summary)}) it reaches {rounded(score)}, " + _against(
        score, default
    )


def _honesty(summary: dict[str, Any]) -> str:
    through = _nse(summary, "through_surrogate", "test")
    gap = number(summary, "closed_loop", "gap", "test", "abs_median")
    parts = []
    if through is not None:
        parts.append(f"the median NSE through the surrogate is {rounded(through)}")
    if gap is not None:
        parts.append(f"in the median basin the surrogate's score and the legacy model's differ by {rounded(gap)}")
    if not parts:
        return ""
    text = " and ".join(parts)
    return f"{text[0].upper()}{text[1:]}{_over(summary)}."


def _over(summary: dict[str, Any]) -> str:
    over = number(summary, "closed_loop", "gap", "test", "share_over_0.1")
    return "" if over is None else f" (by more than 0.1 in {percent(over)} of basins)"
