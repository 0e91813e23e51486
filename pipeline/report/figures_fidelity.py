"""The surrogate on legacy runs that its training held out: hydrographs, error against distance, scores by strata."""

from typing import Any

import numpy as np

from pipeline.report.drawing import (
    CLOSED_LOOP,
    SECOND,
    SURROGATE,
    Picture,
    finite,
    new_figure,
    panels,
    picture,
    plain_logarithm,
)
from pipeline.report.figures_surrogate import density
from pipeline.report.inputs import dig, number
from pipeline.report.tables import Sheet
from pipeline.report.words import NOTHING, rounded

LEAST_RUNS = 20
"""Fewer runs have no line of medians."""

WORDS = {
    "kind": "what is unseen",
    "unseen_sites": "site and parameter set",
    "unseen_sets": "parameter set",
    "regime": "flow of the run",
    "low": "lowest 30 % of days",
    "middle": "between",
    "top": "highest 2 % of days",
    "season": "season",
    "memory": "memory of the run",
    "slowest_tenth": "the slowest tenth of the runs",
    "aridity": "potential evaporation over precipitation",
    "below_1": "below 1",
    "1_to_2": "1 to 2",
    "above_2": "above 2",
}


def parity(fidelity: dict[str, Any] | None) -> Picture | None:
    """Draw surrogate against legacy model for every variable, days and held-out runs pooled."""
    shown = dig(fidelity, "parity") or []
    if not shown:
        return None
    figure, axes = panels(len(shown), 4, 2.7)
    said = []
    for place, one in zip(axes, shown, strict=True):
        recorded, simulated = finite(one["recorded"], one["simulated"])
        density(place, recorded, simulated, one["unit"])
        median = rounded(number(fidelity, "scores", one["name"], "nse_median"), 3)
        place.set_title(f"{one['name']}\nmedian NSE {median}")
        said.append(f"{one['name']} {median}")
    caption = (
        "Days drawn at random from all runs that training held out; darker cells hold more of them (logarithmic). On "
        "the line the surrogate equals the legacy model. The NSE is the median over the runs."
    )
    alt = f"Density of surrogate against legacy model on held-out runs. Median NSE: {', '.join(said)}."
    return picture(figure, "Surrogate against legacy model on held-out runs", caption, alt, raster=True)


def hydrographs(fidelity: dict[str, Any] | None) -> Picture | None:
    """Draw streamflow of a bad, a middling and a good held-out run."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    shown = dig(fidelity, "hydrographs") or []
    if not shown:
        return None
    figure, axes = panels(len(shown), 1, 1.7)
    for place, run in zip(axes, shown, strict=True):
        days = np.datetime64(run["start"]) + np.arange(len(run["recorded"]))
        place.plot(days, run["recorded"], color=CLOSED_LOOP, label="legacy model")
        place.plot(days, run["simulated"], "--", color=SURROGATE, label="surrogate")
        place.set(ylabel="flow [mm/day]", title=f"{run['rank']} of the error, site {run['site']}")
        place.set_xlim(days[0], days[-1])
        locator = AutoDateLocator(minticks=5, maxticks=10)
        place.xaxis.set_major_locator(locator)
        place.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    caption = (
        "Streamflow before routing of three held-out runs, chosen by the rank of their error among all held-out "
        "runs from the worst on; the last two years of each."
    )
    sites = ", ".join(run["site"] for run in shown)
    return picture(figure, "Held-out runs", caption, f"Streamflow of legacy model and surrogate at sites {sites}.")


def against_distance(fidelity: dict[str, Any] | None) -> Picture | None:
    """Draw the error of every held-out run against its distance from the training runs."""
    distance, error = finite(dig(fidelity, "distance", "distance") or [], dig(fidelity, "distance", "error") or [])
    if not distance.size:
        return None
    figure = new_figure(2.9, 5.2)
    axes = figure.subplots()
    axes.scatter(distance, error, s=9, color=SURROGATE, alpha=0.6, linewidths=0)
    if distance.size >= LEAST_RUNS:
        fifths = np.array_split(np.argsort(distance), 5)
        medians = [(np.median(distance[rows]), np.median(error[rows])) for rows in fifths]
        label = "median of a fifth of the runs"
        axes.plot(*zip(*medians, strict=True), color=SECOND, marker="o", markersize=4, label=label)
        axes.legend()
    axes.axvline(1.0, color="#444444", linewidth=0.8)
    axes.set(xlabel="distance from the training runs [-]", ylabel="error of streamflow [-]")
    if (error > 0).all():
        plain_logarithm(axes, "y")
    correlation = rounded(number(fidelity, "distance", "rank_correlation"))
    caption = (
        "One mark a held-out run. Distance is the mean distance to the five nearest training runs, 1 what 99 % of "
        "held-out runs do not exceed; beyond the line the surrogate counts as outside its domain. Error is the RMSE of "
        f"streamflow over its standard deviation (at least 0.2 mm/day). Rank correlation: {correlation}."
    )
    return picture(figure, "Error against distance from the training runs", caption, f"{len(error)} runs. {caption}")


def strata(fidelity: dict[str, Any] | None) -> Sheet:
    """Return the scores of streamflow on held-out runs by strata."""
    header = ("held-out runs by", "class", "NSE median [-]", "NSE 5th percentile [-]", "RMSE over mean, median [-]")
    trees = [("all", "", dig(fidelity, "scores"))]
    trees += [
        (stratum, name, scores)
        for stratum, classes in (dig(fidelity, "strata") or {}).items()
        for name, scores in classes.items()
    ]
    keys = ("nse_floored_median", "nse_floored_p05", "rmse_over_mean_median")
    rows = [
        (
            WORDS.get(stratum, stratum),
            WORDS.get(name, name),
            *(rounded(number(tree, "runoff_total", k), 3) for k in keys),
        )
        for stratum, name, tree in trees
        if tree
    ]
    water = dig(fidelity, "created_water")
    share = number(water, "median")
    made = NOTHING if share is None else f"{rounded(100 * share, 1)} %"
    coverage = number(fidelity, "spread", "runoff_total", "coverage_90")
    correlation = number(fidelity, "spread", "runoff_total", "rank_correlation")
    note = (
        "Streamflow before routing; the deviation under the NSE counts as 0.2 mm/day at least. Water that leaves the "
        f"surrogate beyond what leaves the model, of precipitation: {made} (median run). Expected against true error "
        "of a day, at basins of which the expectation knows nothing: rank correlation "
        f"{rounded(correlation)}; the 90 % intervals hold {rounded(coverage)} of the days."
    )
    return Sheet("Streamflow on held-out runs", header, rows, note, text_columns=2, grouped=True)
