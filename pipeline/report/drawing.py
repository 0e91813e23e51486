"""The look of every figure, and figures as data addresses that need no other file."""

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 9.6
"""Width of a full-width figure [inch]."""

OBSERVED, CLOSED_LOOP, SURROGATE, DEFAULT, HIDDEN = "#000000", "#0072B2", "#E69F00", "#7A7A7A", "#009E73"
"""One colour a source in all figures: Okabe and Ito's palette, safe for colour-blind readers."""

SECOND = "#D55E00"
"""The second colour where a figure is not about sources."""

SOURCES = {
    "closed_loop": ("legacy model, learned parameters", CLOSED_LOOP, "-"),
    "surrogate": ("through the surrogate", SURROGATE, "--"),
    "default_parameters": ("legacy model, default parameters", DEFAULT, "-."),
    "hidden_parameters": ("legacy model, hidden parameters", HIDDEN, ":"),
}
"""Source in ``scores.csv`` -> what readers see, colour, line style (they differ in grey print too)."""

SPLITS = {
    "fit": ("fit", "#0072B2", "o"),
    "validation": ("validation", "#CC79A7", "^"),
    "ungauged": ("ungauged", "#D55E00", "s"),
}
"""Split of a basin -> label, colour, marker."""

STYLE: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.labelsize": 8.5,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "lines.linewidth": 1.2,
    "svg.hashsalt": "report",
}


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure ready for the page: ``source`` is a ``data:`` address, ``alt`` its content in words."""

    title: str
    caption: str
    alt: str
    source: str


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the report's style; the caller's settings of matplotlib come back afterwards."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        yield


def new_figure(height: float, width: float = WIDTH) -> "Figure":
    """Return an empty figure, ``height`` and ``width`` in inches."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    return Figure(figsize=(width, height), layout=ConstrainedLayoutEngine(h_pad=0.07, w_pad=0.06))


def panels(count: int, columns: int, panel_height: float, **options: Any) -> "tuple[Figure, list[Axes]]":
    """Return a figure of ``count`` axes in rows of ``columns``; places that are left over stay empty."""
    rows = -(-count // columns)
    figure = new_figure(panel_height * rows)
    grid = figure.subplots(rows, columns, squeeze=False, **options).ravel()
    for axes in grid[count:]:
        axes.remove()
    return figure, list(grid[:count])


def picture(figure: "Figure", title: str, caption: str, alt: str, raster: bool = False) -> Picture:
    """Return ``figure`` as a picture: SVG, or PNG where ``raster`` says that it holds many marks."""
    stream = BytesIO()
    if raster:
        figure.savefig(stream, format="png", dpi=140)
    else:
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    kind = "image/png" if raster else "image/svg+xml"
    return Picture(title, caption, alt, f"data:{kind};base64,{b64encode(stream.getvalue()).decode()}")


def identity_line(axes: "Axes", low: float, high: float) -> None:
    """Draw the line on which both axes agree."""
    axes.plot([low, high], [low, high], color="#444444", linewidth=0.8, zorder=1)


def plain_logarithm(axes: "Axes", names: str) -> None:
    """Make the axes called ``names`` (``x``, ``y`` or ``xy``) logarithmic, with a few plain numbers."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    for name in names:
        axes.set(**{f"{name}scale": "log"})
        axis = axes.xaxis if name == "x" else axes.yaxis
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 30 * low else (1,), numticks=6))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def finite(*columns: npt.ArrayLike) -> tuple[npt.NDArray[np.float64], ...]:
    """Return the columns as float64 where all of them are finite."""
    arrays = [np.asarray(c, dtype=np.float64).ravel() for c in columns]
    keep = np.logical_and.reduce([np.isfinite(a) for a in arrays])
    return tuple(a[keep] for a in arrays)
