"""Pictures of the data, for print and for the colour-blind: a split is a colour (Okabe and Ito), and a hatch or a line.

Each panel draws what one side of the examples has, and is left out where it has none of it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.comparison.plots import COLOURS, LINES, save
from harness.data_report.report import DataReport
from pipeline.errors import BadInput
from pipeline.printable import show_controls
from pipeline.survey import Side

if TYPE_CHECKING:
    # Half a second to import.
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Inches of one panel; bars of one, and letters of the name of a bar.
WIDTH, HEIGHT = 7.0, 3.6
BARS, LETTERS = 15, 24
BINS = 40
HATCHES = ("", "//", "..")


@dataclass(frozen=True)
class Panel:
    """One picture. title: what it shows. caption: one sentence on how to read it. draw: draws it on axes."""

    title: str
    caption: str
    draw: Callable[["Axes"], None]


def list_panels(report: DataReport) -> Iterator[Panel]:
    """Yield the pictures that there are of the data."""
    for name, side in (("input", report.survey.input), ("output", report.survey.output)):
        if side.classes:
            yield Panel(
                f"How often each {side.class_noun} is there",
                "The share in each split: a bar that is longer in one split than in the others is out of balance.",
                lambda axes, side=side: draw_classes(axes, side),  # type: ignore[misc]
            )
        if side.lengths:
            bound = " The upright line is the greatest length that is read or written." if find_bound(side) else ""
            yield Panel(
                f"Lengths of the {name}s, in {side.counted}s",
                f"The share of the {name}s of each length, by split.{bound}",
                lambda axes, side=side: draw_lengths(axes, side),  # type: ignore[misc]
            )
        if side.tokens:
            yield Panel(
                f"What the vocabulary knows of the {name}s",
                f"The share of all {side.counted}s, and of the different ones, that are known; the others are alike.",
                lambda axes, side=side: draw_coverage(axes, side),  # type: ignore[misc]
            )
        if side.numbers:
            yield Panel(
                f"The numbers of the {name}s",
                "The share of the numbers in each range, by split.",
                lambda axes, side=side: draw_numbers(axes, side),  # type: ignore[misc]
            )


def draw_panel(panel: Panel) -> "Figure":
    """Return the figure of one panel."""
    # Not pyplot, which keeps figures, and asks for a screen.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    panel.draw(_clear(figure.add_subplot(), panel.title))
    return figure


def write_picture(report: DataReport, path: Path) -> None:
    """Write all panels as one PNG, one above the other; BadInput if there is nothing to draw."""
    from matplotlib.figure import Figure

    panels = list(list_panels(report))
    if not panels:
        raise BadInput(f"--output {path}: there is nothing to draw of these data; give a name that ends with .html")
    figure = Figure(figsize=(WIDTH, HEIGHT * len(panels)), layout="constrained")
    for number, panel in enumerate(panels, 1):
        panel.draw(_clear(figure.add_subplot(len(panels), 1, number), panel.title))
    save(figure, path)


def draw_classes(axes: "Axes", side: Side) -> None:
    """Draw the share of each class, by split: level bars, the most frequent on top."""
    totals = {split: counts.total() for split, counts in side.classes.items()}
    names = {name for counts in side.classes.values() for name in counts}
    shares = {
        name: [100 * counts[name] / totals[split] for split, counts in side.classes.items()] for name in sorted(names)
    }
    shown = sorted(shares, key=lambda name: -max(shares[name]))[:BARS]
    height = 0.8 / len(totals)
    for number, split in enumerate(totals):
        places = np.arange(len(shown)) + number * height
        axes.barh(places, [shares[name][number] for name in shown], height, label=split, **_fill(number))
    axes.set_yticks(np.arange(len(shown)) + height * (len(totals) - 1) / 2, [_shorten(name) for name in shown])
    axes.invert_yaxis()
    rest = len(shares) - len(shown)
    axes.set_xlabel("% of the split" + (f"; {rest:,} rarer ones are left out" if rest else ""))
    # To the right of the bars.
    axes.margins(x=0.3)
    axes.legend(frameon=False, loc="lower right")


def draw_lengths(axes: "Axes", side: Side) -> None:
    """Draw the share of the values of each length, by split: lines, on a logarithmic axis where lengths differ much."""
    values = np.concatenate(list(side.lengths.values()))
    low, high = max(1, int(values.min())), max(2, int(values.max()))
    wide = high > 20 * low
    edges = _make_edges(low, high, wide)
    _draw_shares(axes, dict(side.lengths), edges)
    if wide:
        from matplotlib.ticker import FuncFormatter, NullFormatter

        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if bound := find_bound(side):
        axes.axvline(bound + 0.5, color=COLOURS[-2], linewidth=1.5)
        axes.annotate(
            f"{bound:,}", (bound + 0.5, 1), xycoords=("data", "axes fraction"), xytext=(4, -12),
            textcoords="offset points",
        )  # fmt: skip
    axes.set_xlabel(f"{side.counted}s")
    axes.set_ylabel("% of the split")
    axes.legend(frameon=False)


def find_bound(side: Side) -> int | None:
    """Return the greatest length, where it is near: one far off would leave no room for the lengths themselves."""
    longest = max(int(lengths.max()) for lengths in side.lengths.values())
    return side.most if side.most is not None and side.most <= 2 * longest else None


def _make_edges(low: int, high: int, wide: bool) -> np.ndarray:
    """Return the limits of ranges of lengths, between whole numbers."""
    if high - low < BINS:
        return np.arange(low, high + 2) - 0.5
    edges = np.geomspace(low, high + 1, BINS) if wide else np.linspace(low, high + 1, BINS)
    return np.unique(np.round(edges)) - 0.5


def draw_numbers(axes: "Axes", side: Side) -> None:
    """Draw the share of the numbers in each range, by split."""
    values = np.concatenate(list(side.numbers.values()))
    different = np.unique(values)
    # Few different numbers, such as stars, have a range each.
    if len(different) <= BINS and np.array_equal(different, np.round(different)):
        edges = np.arange(different[0], different[-1] + 2) - 0.5
    else:
        edges = np.histogram_bin_edges(values, BINS)
    _draw_shares(axes, dict(side.numbers), edges)
    axes.set_xlabel("number")
    axes.set_ylabel("% of the split")
    axes.legend(frameon=False)


def _draw_shares(axes: "Axes", values: dict[str, np.ndarray], edges: np.ndarray) -> None:
    for number, (split, found) in enumerate(values.items()):
        shares = 100 * np.histogram(found, edges)[0] / len(found)
        colour, line = COLOURS[number % len(COLOURS)], LINES[number % len(LINES)]
        axes.stairs(shares, edges, color=colour, linestyle=line, linewidth=1.8, label=split)
    axes.set_ylim(bottom=0)


def draw_coverage(axes: "Axes", side: Side) -> None:
    """Draw the shares of the tokens, and of the different ones, that are known, by split: upright bars."""
    covers = {split: side.measure_coverage(split) for split in side.tokens}
    width = 0.8 / len(covers)
    for number, (split, cover) in enumerate(covers.items()):
        shares = [100 * cover.known_tokens / cover.tokens, 100 * cover.known_types / cover.types]
        bars = axes.bar(np.arange(2) + number * width, shares, width, label=split, **_fill(number))
        axes.bar_label(bars, [f"{share:.1f}%" for share in shares], padding=2, fontsize=9)
    axes.set_xticks(
        np.arange(2) + width * (len(covers) - 1) / 2, [f"all {side.counted}s", f"different {side.counted}s"]
    )
    axes.set_ylabel("% known")
    axes.set_ylim(0, 118)
    axes.legend(frameon=False, loc="upper right", ncols=len(covers))


def _fill(number: int) -> dict[str, Any]:
    return {"color": COLOURS[number % len(COLOURS)], "hatch": HATCHES[number % len(HATCHES)], "edgecolor": "white"}


def _shorten(name: str) -> str:
    # A dollar would begin a formula.
    text = show_controls(name or "(none)").replace("$", r"\$")
    return text if len(text) <= LETTERS else f"{text[: LETTERS - 1]}…"


def _clear(axes: "Axes", title: str) -> "Axes":
    axes.set_title(title, loc="left", fontsize=11, fontweight="bold")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return axes
