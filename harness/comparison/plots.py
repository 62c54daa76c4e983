"""Pictures of a comparison, for print and for the colour-blind: a cell is a colour, a marker and its name at its line.

Colours: Okabe and Ito, "Color universal design" (2008). Every function draws the runs of one task that are done, and
returns a figure, or None where the runs do not have what it shows.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from harness.comparison.significance import score, summarise
from pipeline.files import write

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")
SIZE = (7.0, 4.2)  # inches
RANGE = 1e-12  # of a gradient's largest norm, the least that is shown

Run = dict[str, Any]
Cells = dict[str, list[Run]]


@dataclass(frozen=True)
class Look:
    """How a cell is drawn, in all pictures of a report."""

    colour: str
    marker: str
    line: str


def choose_looks(cells: Sequence[str]) -> dict[str, Look]:
    """Return the look of each cell; the markers and lines go on differing after the colours are used up."""
    return {
        cell: Look(COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)], LINES[n % len(LINES)])
        for n, cell in enumerate(cells)
    }


def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG, whole or not at all; the same figure gives the same bytes."""
    write(path, lambda temporary: figure.savefig(temporary, dpi=150, metadata={"Software": None}))


def draw_curves(cells: Cells, looks: Mapping[str, Look]) -> Any:
    """Draw the validation score after each epoch: mean and range over the seeds, and every seed as a thin line."""
    curves = {
        cell: [{point["epoch"]: point["validation"] for point in run.get("curve") or () if _known(point, "validation")}
               for run in runs]
        for cell, runs in cells.items()
    }  # fmt: skip
    curves = {cell: [curve for curve in found if curve] for cell, found in curves.items()}
    curves = {cell: found for cell, found in curves.items() if found}
    if not curves:
        return None
    figure, axes = _start("epoch", f"validation {_monitor(cells)}")
    ends = []
    for cell, found in curves.items():
        look = looks[cell]
        if len(found) > 1:
            for curve in found:
                axes.plot(list(curve), list(curve.values()), color=look.colour, linewidth=0.6, alpha=0.5)
        # As far as all seeds came: a mean of those left would jump where one stopped.
        epochs = sorted(set.intersection(*map(set, found)))
        values = np.array([[curve[epoch] for epoch in epochs] for curve in found])
        style = {"color": look.colour, "linestyle": look.line, "marker": look.marker, "markersize": 5}
        axes.plot(epochs, values.mean(0), linewidth=2, markevery=max(1, len(epochs) // 8), **style)
        axes.fill_between(epochs, values.min(0), values.max(0), color=look.colour, alpha=0.15, linewidth=0)
        ends.append((epochs[-1], float(values.mean(0)[-1]), cell, look.colour))
    _fit(axes.yaxis, [value for found in curves.values() for curve in found for value in curve.values()])
    axes.xaxis.get_major_locator().set_params(integer=True)
    _label_ends(axes, ends)
    return figure


def draw_quality(cells: Cells, looks: Mapping[str, Look], cost: Callable[[Run], float | None], label: str) -> Any:
    """Draw the test score against a cost: each seed small; large the mean with its 95% interval and the cost's range.

    cost: of a run, None where it is not known. label: what it is, with its unit.
    """
    points = {
        cell: [(cost(run), score(run)) for run in runs if cost(run) is not None and score(run) is not None]
        for cell, runs in cells.items()
    }
    points = {cell: found for cell, found in points.items() if found}
    if not points:
        return None
    figure, axes = _start(label, f"test {_monitor(cells)}")
    costs, scores = np.array([pair for found in points.values() for pair in found], dtype=float).T
    _fit(axes.xaxis, costs)
    _fit(axes.yaxis, scores)
    lowest = scores[scores > 0].min() / 2 if axes.get_yscale() == "log" else -math.inf
    ends = []
    for cell, found in points.items():
        look, (x, y) = looks[cell], np.array(found, dtype=float).T
        summary = summarise(y)
        if len(found) > 1 and summary.low is not None and summary.high is not None:
            axes.plot(x, y, look.marker, color=look.colour, markersize=4, alpha=0.5, linewidth=0)
            across = [[x.mean() - x.min()], [x.max() - x.mean()]]
            # A logarithmic axis has no room for what is below 0.
            along = [[y.mean() - max(summary.low, lowest)], [summary.high - y.mean()]]
            axes.errorbar(x.mean(), y.mean(), along, across, color=look.colour, capsize=4, linewidth=1.5)
        axes.plot(x.mean(), y.mean(), look.marker, color=look.colour, markersize=10, markeredgecolor="white", zorder=5)
        ends.append((float(x.mean()), float(y.mean()), cell, look.colour))
    axes.margins(0.12)
    _label_points(axes, ends)
    return figure


def draw_gradients(cells: Cells, looks: Mapping[str, Look]) -> Any:
    """Draw the norm of the gradient of the loss with respect to an input `lag` steps back: dashed before training."""
    memories = {cell: [run["memory"] for run in runs if run.get("memory")] for cell, runs in cells.items()}
    memories = {cell: found for cell, found in memories.items() if found}
    if not memories:
        return None
    figure, axes = _start("steps back in time", "norm of the gradient")
    ends, largest, least = [], 0.0, math.inf
    for cell, found in memories.items():
        look = looks[cell]
        for when, line in (("before", "--"), ("after", "-")):
            lags, norms = _mean_gradient([memory[when] for memory in found if memory.get(when)])
            if not len(lags):
                continue
            largest, least = max(largest, norms.max()), min(least, norms.min())
            style = {"color": look.colour, "linestyle": line, "marker": look.marker, "markersize": 5}
            faint = {"linewidth": 1.2, "markerfacecolor": "white"} if when == "before" else {"linewidth": 2}
            axes.plot(lags, norms, markevery=max(1, len(lags) // 8), **style, **faint)
            if when == "after":
                ends.append((float(lags[-1]), float(norms[-1]), cell, look.colour))
    if not largest:
        return None
    axes.set_yscale("log")
    axes.set_ylim(max(least, largest * RANGE) / 2, largest * 3)
    handles = [axes.plot([], [], color="#555555", linestyle=line)[0] for line in ("--", "-")]
    axes.legend(handles, ["before training", "after training"], frameon=False, loc="best")
    _label_ends(axes, ends)
    return figure


def draw_scores(cells: Cells, looks: Mapping[str, Look], by: str, x: str, y: str) -> Any:
    """Draw the score against the "length" of the input or the "delay" (`by`): the mean and range over the seeds."""
    lengths: dict[str, dict[float, list[float]]] = {}
    for cell, runs in cells.items():
        for run in runs:
            for point in (run.get("memory") or {}).get(f"by_{by}") or ():
                if _known(point, "score"):
                    lengths.setdefault(cell, {}).setdefault(float(point[by]), []).append(point["score"])
    if not any(len(found) > 1 for found in lengths.values()):
        return None
    figure, axes = _start(x, y)
    ends = []
    for cell, found in lengths.items():
        look, steps = looks[cell], sorted(found)
        means = [float(np.mean(found[step])) for step in steps]
        style = {"color": look.colour, "linestyle": look.line, "marker": look.marker, "markersize": 5}
        axes.plot(steps, means, linewidth=2, **style)
        low, high = ([edge(found[step]) for step in steps] for edge in (min, max))
        axes.fill_between(steps, low, high, color=look.colour, alpha=0.15, linewidth=0)
        ends.append((steps[-1], means[-1], cell, look.colour))
    _fit(axes.yaxis, [value for found in lengths.values() for values in found.values() for value in values])
    _label_ends(axes, ends)
    return figure


def _mean_gradient(curves: Sequence[dict]) -> tuple[np.ndarray, np.ndarray]:
    """Return the lags that all curves have, and the geometric mean of their norms there, where it is above 0."""
    if not curves:
        return np.empty(0), np.empty(0)
    known = [dict(zip(curve["lags"], curve["gradient"], strict=True)) for curve in curves]
    lags = np.array(sorted(set.intersection(*map(set, known))))
    norms = np.array([[curve[lag] or 0.0 for curve in known] for lag in lags], dtype=float).reshape(-1, len(known))
    # What has vanished to 0 has no place on a logarithmic axis.
    shown = (norms > 0).all(axis=1) & np.isfinite(norms).all(axis=1)
    return lags[shown], np.exp(np.log(norms[shown]).mean(axis=1))


def _known(point: Mapping[str, Any], name: str) -> bool:
    value = point.get(name)
    return value is not None and math.isfinite(value)


def _monitor(cells: Cells) -> str:
    run = next(run for runs in cells.values() for run in runs)
    return f"{run['monitor']} ({'lower' if run['lower_is_better'] else 'higher'} is better)"


def _start(x: str, y: str) -> tuple[Any, Any]:
    # Not pyplot, which keeps figures, and asks for a screen.
    from matplotlib.figure import Figure

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x, fontsize=11)
    axes.set_ylabel(y, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _fit(axis: Any, values: Any) -> None:
    """Make an axis logarithmic where its values, all above 0, differ by more than a factor of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    if min(values) <= 0 or max(values) < 10 * min(values):
        if max(values) >= 1000:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        return
    getattr(axis.axes, f"set_{axis.axis_name}scale")("log")
    few = max(values) < 200 * min(values)
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if few else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


def _label_ends(axes: Any, ends: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each line's name to the right of the axes, at the height of its end, as far apart as letters are high."""
    axes.autoscale_view()
    gap = 0.06
    places: list[float] = []
    heights = [_place(axes, x, y)[1] for x, y, _, _ in ends]
    order = sorted(range(len(ends)), key=lambda place: heights[place])
    for place in order:
        places.append(max(heights[place], places[-1] + gap) if places else heights[place])
    # Pushed up too far: as much down again.
    top = 1.0
    for number in reversed(range(len(places))):
        places[number] = min(places[number], top)
        top = places[number] - gap
    for place, height in zip(order, places, strict=True):
        x, y, name, colour = ends[place]
        axes.annotate(
            name,
            (x, np.clip(y, *axes.get_ylim())),
            (1.03, height),
            textcoords="axes fraction",
            color=colour,
            fontsize=11,
            fontweight="bold",
            va="center",
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.6, "shrinkB": 4},
            annotation_clip=False,
        )


def _label_points(axes: Any, points: Sequence[tuple[float, float, str, str]]) -> None:
    """Write each point's name beside it: to the left where there is no room to the right, and above other names."""
    axes.autoscale_view()
    places = [_place(axes, x, y) for x, y, _, _ in points]
    taken: list[tuple[float, float]] = []
    for (across, height), (_, _, name, colour) in sorted(zip(places, points, strict=True), key=lambda pair: pair[0][1]):
        height += 0.03
        while any(abs(across - x) < 0.15 and abs(height - y) < 0.06 for x, y in taken):
            height += 0.06
        taken.append((across, height))
        side, align = (-0.015, "right") if across > 0.8 else (0.015, "left")
        style = {"color": colour, "fontsize": 11, "fontweight": "bold", "horizontalalignment": align}
        axes.text(across + side, height, name, transform=axes.transAxes, **style)


def _place(axes: Any, x: float, y: float) -> tuple[float, float]:
    across, height = axes.transAxes.inverted().transform(axes.transData.transform((x, y)))
    return float(across), float(np.clip(height, 0, 1))
