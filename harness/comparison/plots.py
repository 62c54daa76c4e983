"""Pictures of a comparison, for print and for the colour-blind: a cell is a colour, a marker and its name at its line.

Every function draws the runs of one task that are done, and
returns a figure, or None where the runs do not have what it shows.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeGuard

import numpy as np
from numpy.typing import NDArray

from harness.comparison.folds import count_folds, summarise_cell
from harness.comparison.results import Result, TunedCell, monitored_score
from harness.figure import COLOURS, start
from harness.runs.schema import Curve, Memory
from pipeline.files import write

if TYPE_CHECKING:
    # Half a second to import.
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
LINES = ("-", "--", "-.", ":")
LETTER = 0.06  # of the height of the axes, the distance of two names
RANGE = 1e-12  # of a gradient's largest norm, the least that is shown

WHEN: tuple[Literal["before"], Literal["after"]] = ("before", "after")

Floats = NDArray[np.float64]
Cells = Mapping[str, Sequence[Result]]


@dataclass(frozen=True)
class Style:
    """How a cell is drawn, in all pictures of a report."""

    colour: str
    marker: str
    line: str


@dataclass(frozen=True)
class Label:
    """The name of a cell, to be written at a point of the data."""

    x: float
    y: float
    name: str
    colour: str


def choose_styles(cells: Sequence[str]) -> dict[str, Style]:
    """Return the style of each cell; the markers and lines go on differing after the colours are used up."""
    return {
        cell: Style(COLOURS[n % len(COLOURS)], MARKERS[n % len(MARKERS)], LINES[n % len(LINES)])
        for n, cell in enumerate(cells)
    }


def save(figure: "Figure", path: Path) -> None:
    """Write a figure as PNG, whole or not at all; the same figure gives the same bytes."""
    write(path, lambda temporary: figure.savefig(temporary, dpi=150, metadata={"Software": None}))


def draw_learning_curves(cells: Cells, styles: Mapping[str, Style]) -> "Figure | None":
    """Draw the validation score after each epoch: mean and range over the seeds, and every seed as a thin line."""
    curves = {cell: [curve for run in runs if (curve := _read_curve(run))] for cell, runs in cells.items()}
    curves = {cell: found for cell, found in curves.items() if found}
    if not curves:
        return None
    figure, axes = start("epoch", f"validation {_name_score(cells)}")
    ends = []
    for cell, found in curves.items():
        style = styles[cell]
        if len(found) > 1:
            for curve in found:
                axes.plot(list(curve), list(curve.values()), color=style.colour, linewidth=0.6, alpha=0.5)
        # As far as all seeds came: a mean of those left would jump where one stopped.
        epochs = sorted(set.intersection(*map(set, found)))
        values = np.array([[curve[epoch] for epoch in epochs] for curve in found])
        _draw_line(axes, epochs, values.mean(0), style=style, line=style.line, every=max(1, len(epochs) // 8))
        axes.fill_between(epochs, values.min(0), values.max(0), color=style.colour, alpha=0.15, linewidth=0)
        ends.append(Label(epochs[-1], float(values.mean(0)[-1]), name=cell, colour=style.colour))
    _choose_scale(axes, "y", [value for found in curves.values() for curve in found for value in curve.values()])
    axes.locator_params("x", integer=True)
    _label_ends(axes, ends)
    return figure


def draw_score_by_cost(
    cells: Cells, styles: Mapping[str, Style], *, cost: Callable[[Result], float | None], label: str
) -> "Figure | None":
    """Draw the test score against a cost: each seed small; large the mean with its 95% interval and the cost's range.

    cost: of a run, None where it is not known. label: what it is, with its unit.
    """
    known = {cell: [run for run in runs if _read_point(run, cost)] for cell, runs in cells.items()}
    points = {cell: [point for run in runs if (point := _read_point(run, cost))] for cell, runs in known.items()}
    points = {cell: found for cell, found in points.items() if found}
    if not points:
        return None
    folds = count_folds([run for runs in known.values() for run in runs])
    figure, axes = start(label, f"test {_name_score(cells)}")
    costs, scores = np.array([pair for found in points.values() for pair in found], dtype=float).T
    _choose_scale(axes, "x", costs)
    _choose_scale(axes, "y", scores)
    lowest = scores[scores > 0].min() / 2 if axes.get_yscale() == "log" else -math.inf
    means = []
    for cell, found in points.items():
        style, (x, y) = styles[cell], np.array(found, dtype=float).T
        summary = summarise_cell(known[cell], folds)
        if len(found) > 1 and summary.low is not None and summary.high is not None:
            axes.plot(x, y, style.marker, color=style.colour, markersize=4, alpha=0.5, linewidth=0)
            across = [[x.mean() - x.min()], [x.max() - x.mean()]]
            # A logarithmic axis has no room for what is below 0.
            along = [[summary.mean - max(summary.low, lowest)], [summary.high - summary.mean]]
            axes.errorbar(x.mean(), summary.mean, along, across, color=style.colour, capsize=4, linewidth=1.5)
        mean = float(x.mean()), summary.mean
        axes.plot(*mean, style.marker, color=style.colour, markersize=10, markeredgecolor="white", zorder=5)
        means.append(Label(*mean, cell, style.colour))
    axes.margins(0.12)
    _label_points(axes, means)
    return figure


def draw_expected_best(tuned: Sequence[TunedCell], styles: Mapping[str, Style], label: str) -> "Figure | None":
    """Draw the best score that a search may be expected to find against its trials. label: of the score."""
    tuned = [one for one in tuned if one["cell"] in styles]
    if not tuned:
        return None
    figure, axes = start("trials", label)
    ends = []
    for one in tuned:
        style, scores = styles[one["cell"]], one["expected"]
        numbers = list(range(1, len(scores) + 1))
        _draw_line(axes, numbers, np.array(scores), style=style, line=style.line, every=max(1, len(scores) // 8))
        ends.append(Label(len(scores), scores[-1], name=one["cell"], colour=style.colour))
    axes.locator_params("x", integer=True)
    _label_ends(axes, ends)
    return figure


def draw_gradients(cells: Cells, styles: Mapping[str, Style]) -> "Figure | None":
    """Draw the norm of the gradient of the loss with respect to an input `lag` steps back: dashed before training."""
    memories = {cell: [memory for run in runs if (memory := run.get("memory"))] for cell, runs in cells.items()}
    memories = {cell: found for cell, found in memories.items() if found}
    if not memories:
        return None
    figure, axes = start("steps back in time", "norm of the gradient")
    ends, largest, least = [], 0.0, math.inf
    for cell, found in memories.items():
        style = styles[cell]
        for when in WHEN:
            lags, norms = _mean_gradient([memory[when] for memory in found])
            if not len(lags):
                continue
            largest, least = max(largest, norms.max()), min(least, norms.min())
            every, before = max(1, len(lags) // 8), when == "before"
            _draw_line(axes, lags, norms, style=style, line="--" if before else "-", every=every, faint=before)
            if when == "after":
                ends.append(Label(float(lags[-1]), float(norms[-1]), name=cell, colour=style.colour))
    if not largest:
        return None
    axes.set_yscale("log")
    axes.set_ylim(max(least, largest * RANGE) / 2, largest * 3)
    handles = [axes.plot([], [], color="#555555", linestyle=line)[0] for line in ("--", "-")]
    axes.legend(handles, ["before training", "after training"], frameon=False, loc="best")
    _label_ends(axes, ends)
    return figure


def draw_score_by_steps(
    cells: Cells, styles: Mapping[str, Style], *, by: Literal["length", "delay"], label: str
) -> "Figure | None":
    """Draw the score against the length of the input or the delay, in time steps: mean and range over the seeds.

    label: what it is, with its unit.
    """
    scores: dict[str, dict[float, list[float]]] = {}
    for cell, runs in cells.items():
        for run in runs:
            for steps, score in _read_scores(run.get("memory"), by):
                if _is_finite(score):
                    scores.setdefault(cell, {}).setdefault(float(steps), []).append(score)
    if not any(len(found) > 1 for found in scores.values()):
        return None
    figure, axes = start(label, "score")
    ends = []
    for cell, found in scores.items():
        style, x = styles[cell], sorted(found)
        means = [float(np.mean(found[step])) for step in x]
        _draw_line(axes, x, means, style=style, line=style.line)
        low, high = ([edge(found[step]) for step in x] for edge in (min, max))
        axes.fill_between(x, low, high, color=style.colour, alpha=0.15, linewidth=0)
        ends.append(Label(x[-1], means[-1], name=cell, colour=style.colour))
    _choose_scale(axes, "y", [score for found in scores.values() for values in found.values() for score in values])
    _label_ends(axes, ends)
    return figure


def _read_curve(run: Result) -> dict[int, float]:
    """Return the validation score after each epoch, where it is finite."""
    points = [(point["epoch"], point["validation"]) for point in run.get("curve") or ()]
    return {epoch: value for epoch, value in points if _is_finite(value)}


def _read_point(run: Result, cost: Callable[[Result], float | None]) -> tuple[float, float] | None:
    """Return cost and test score of a run, if both are known."""
    x, y = cost(run), monitored_score(run)
    return None if x is None or y is None else (x, y)


def _read_scores(memory: Memory | None, by: Literal["length", "delay"]) -> list[tuple[float, float | None]]:
    """Return each length or delay, in time steps, with the score there."""
    if not memory:
        return []
    if by == "length":
        return [(point["length"], point["score"]) for point in memory["by_length"]]
    return [(point["delay"], point["score"]) for point in memory["by_delay"]]


def _mean_gradient(curves: Sequence[Curve]) -> tuple[Floats, Floats]:
    """Return the lags that all curves have, and the geometric mean of their norms there, where it is above 0."""
    known = [dict(zip(curve["lags"], curve["gradient"], strict=True)) for curve in curves]
    lags = np.array(sorted(set.intersection(*map(set, known))))
    norms = np.array([[curve[lag] or 0.0 for curve in known] for lag in lags], dtype=float).reshape(-1, len(known))
    # What has vanished to 0 has no place on a logarithmic axis.
    shown = (norms > 0).all(axis=1) & np.isfinite(norms).all(axis=1)
    return lags[shown], np.exp(np.log(norms[shown]).mean(axis=1))


def _is_finite(value: float | None) -> TypeGuard[float]:
    return value is not None and math.isfinite(value)


def _name_score(cells: Cells) -> str:
    run = next(run for runs in cells.values() for run in runs)
    return f"{run['monitor']} ({'lower' if run['lower_is_better'] else 'higher'} is better)"


def _draw_line(
    axes: "Axes",
    x: Floats | Sequence[float],
    y: Floats | Sequence[float],
    *,
    style: Style,
    line: str,
    every: int = 1,
    faint: bool = False,
) -> None:
    """Draw one cell's line, with a marker at every so many of its points; faint: thin, and its markers empty."""
    axes.plot(
        x,
        y,
        color=style.colour,
        linestyle=line,
        linewidth=1.2 if faint else 2,
        marker=style.marker,
        markersize=5,
        markevery=every,
        markerfacecolor="white" if faint else style.colour,
    )


def _choose_scale(axes: "Axes", direction: Literal["x", "y"], values: Floats | Sequence[float]) -> None:
    """Make an axis logarithmic where its values, all above 0, differ by more than a factor of ten."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis: Axis = axes.xaxis if direction == "x" else axes.yaxis
    least, most = min(values), max(values)
    if least <= 0 or most < 10 * least:
        if most >= 1000:
            axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
        return
    axes.set(**{f"{direction}scale": "log"})
    axis.set_major_locator(LogLocator(subs=(1, 2, 5) if most < 200 * least else (1,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axis.set_minor_formatter(NullFormatter())


# Not adjustText: it moves names in both directions, inside the axes, and those of lines are in one column beside them.
# For points alone it would do, in the place of 15 of the next 60 lines.
def _label_ends(axes: "Axes", labels: Sequence[Label]) -> None:
    """Write each line's name to the right of the axes, at the height of its end, as far apart as letters are high."""
    axes.autoscale_view()
    heights = [_locate(axes, label)[1] for label in labels]
    order = sorted(range(len(labels)), key=lambda number: heights[number])
    places: list[float] = []
    for number in order:
        places.append(max(heights[number], places[-1] + LETTER) if places else heights[number])
    # Pushed up too far: as much down again.
    top = 1.0
    for number in reversed(range(len(places))):
        places[number] = min(places[number], top)
        top = places[number] - LETTER
    for number, height in zip(order, places, strict=True):
        label = labels[number]
        axes.annotate(
            label.name,
            (label.x, float(np.clip(label.y, *axes.get_ylim()))),
            (1.03, height),
            textcoords="axes fraction",
            color=label.colour,
            fontsize=11,
            fontweight="bold",
            va="center",
            arrowprops={"arrowstyle": "-", "color": label.colour, "linewidth": 0.6, "shrinkB": 4},
            annotation_clip=False,
        )


def _label_points(axes: "Axes", labels: Sequence[Label]) -> None:
    """Write each point's name beside it: to the left where there is no room to the right, and above other names."""
    axes.autoscale_view()
    places = [_locate(axes, label) for label in labels]
    taken: list[tuple[float, float]] = []
    for (across, height), label in sorted(zip(places, labels, strict=True), key=lambda pair: pair[0][1]):
        height += LETTER / 2
        while any(abs(across - x) < 0.15 and abs(height - y) < LETTER for x, y in taken):
            height += LETTER
        taken.append((across, height))
        left = across > 0.8
        axes.text(
            across + (-0.015 if left else 0.015),
            height,
            label.name,
            transform=axes.transAxes,
            color=label.colour,
            fontsize=11,
            fontweight="bold",
            horizontalalignment="right" if left else "left",
        )


def _locate(axes: "Axes", label: Label) -> tuple[float, float]:
    """Return where a label's point is, in shares of the axes' width and height."""
    across, height = axes.transAxes.inverted().transform(axes.transData.transform((label.x, label.y)))
    return float(across), float(np.clip(height, 0, 1))
