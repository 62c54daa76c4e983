"""Pictures of an analysis, for print and for the colour-blind."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from harness.analysis.section import Row
from harness.figure import COLOURS, start
from pipeline.printable import show_controls

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Floats = NDArray[np.float64]
# Characters of a category's name that there is room for, and cells up to which each has its number.
LONGEST_NAME, WITH_NUMBERS = 18, 12


def name(text: str) -> str:
    """Return a category's name as a picture can show it; a dollar sign begins no formula."""
    shown = show_controls(text)
    cut = shown if len(shown) <= LONGEST_NAME else f"{shown[: LONGEST_NAME - 1]}…"
    return cut.replace("$", r"\$")


def draw_confusion(names: Sequence[str], counts: NDArray[np.int64]) -> "Figure":
    """Draw which category is answered for which, in shares of each row. counts: (expected, answered)."""
    side = min(max(3.2, 0.42 * len(names) + 1.8), 9.0)
    figure, axes = start("answered", "expected", (side + 0.8, side))
    axes.grid(False)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    places = range(len(names))
    axes.set_xticks(places, [name(one) for one in names], rotation=90 if len(names) > 3 else 0)
    axes.set_yticks(places, [name(one) for one in names])
    if len(names) <= WITH_NUMBERS:
        for row in places:
            for column in places:
                colour = "black" if shares[row, column] > 0.5 else "white"
                axes.text(column, row, f"{counts[row, column]:,}", ha="center", va="center", color=colour, fontsize=8)
    figure.colorbar(image, ax=axes, label="share of the expected", shrink=0.8)
    return figure


def draw_calibration(predicted: Floats, observed: Floats, counts: NDArray[np.int64]) -> "Figure":
    """Draw the share of right answers against the probability that they were given, one point per bin."""
    figure, axes = start("mean probability of the answers", "share of them that is right", (5.0, 4.2))
    axes.plot([0, 1], [0, 1], "--", color="#777777", linewidth=1)
    axes.text(0.52, 0.05, "dashed: as sure as it should be", color="#555555", fontsize=9)
    axes.plot(predicted, observed, "-", color=COLOURS[0], linewidth=1.5)
    sizes = 30 + 370 * counts / counts.max()
    axes.scatter(predicted, observed, s=sizes, color=COLOURS[0], edgecolor="white", zorder=5)
    axes.set(xlim=(-0.03, 1.06), ylim=(-0.03, 1.06))
    return figure


def draw_groups(rows: Sequence[Row], head: str, monitor: str) -> "Figure":
    """Draw the score of each group. head: the column that names the groups."""
    figure, axes = start(head, monitor, (7.0, 3.4))
    known = [(str(row[head]), float(row[monitor] or 0.0)) for row in rows if row[monitor] is not None]
    axes.plot([label for label, _ in known], [score for _, score in known], "o-", color=COLOURS[0], linewidth=2)
    axes.margins(y=0.2)
    return figure


def draw_residuals(expected: Floats, residuals: Floats) -> "Figure":
    """Draw by how much each answer is off against what was expected."""
    figure, axes = start("expected", "answered − expected")
    axes.axhline(0, color="#777777", linewidth=1, linestyle="--")
    few = len(np.unique(expected)) <= len(expected) / 10
    # Where many have the same value, they are drawn beside each other.
    jitter = np.random.default_rng(0).uniform(-0.2, 0.2, len(expected)) if few else 0.0
    axes.scatter(expected + jitter, residuals, s=12, alpha=0.4, color=COLOURS[0], linewidth=0, rasterized=True)
    return figure
