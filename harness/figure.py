"""Figures for print and for the colour-blind: where the pictures of reports and of analyses begin.

Colours: Okabe and Ito, "Color universal design" (2008).
"""

import base64
import importlib
import io
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # Half a second to import.
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
SIZE = (7.0, 4.2)  # inches
REM_PER_INCH = 44 / 7


def preload() -> None:
    """Import what figures need, in a thread: it takes half a second, for which others need not wait."""
    Thread(target=importlib.import_module, args=("matplotlib.figure",), daemon=True).start()


def start(x: str, y: str, size: tuple[float, float] = SIZE) -> "tuple[Figure, Axes]":
    """Return an empty figure with one pair of axes. x, y: what they show, with the unit. size: in inches."""
    # Not pyplot, which keeps figures, and asks for a screen.
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    axes = figure.add_subplot()
    axes.set_xlabel(x, fontsize=11)
    axes.set_ylabel(y, fontsize=11)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


@dataclass(frozen=True)
class Drawn:
    """A figure as a page has it inside. png: in base64. width: in rem, so that all letters are of one size."""

    png: str
    width: float


def draw(figure: "Figure") -> Drawn:
    """Return a figure as a page has it inside; the same figure gives the same bytes."""
    content = io.BytesIO()
    figure.savefig(content, dpi=150, metadata={"Software": None})
    return Drawn(base64.b64encode(content.getvalue()).decode("ascii"), figure.get_size_inches()[0] * REM_PER_INCH)
