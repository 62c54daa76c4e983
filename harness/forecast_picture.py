"""The picture of a forecast: what was, what comes, and within which bounds."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness import figure
from harness.experiment import Experiment
from harness.inputs import Input
from harness.process.console import say
from pipeline.errors import BadInput
from pipeline.fields import Horizon
from pipeline.fields.outputs.horizon import read_point
from pipeline.files import write
from pipeline.forecasting.window import Window

if TYPE_CHECKING:
    # Half a second to import; and Keras with the second, which may not have been told its backend.
    from matplotlib.axes import Axes

    from harness.predict import Prediction

# Series that are drawn, below each other; and the horizons of history beside one of forecast.
MOST, HISTORY = 6, 4
WIDTH, HEIGHT = 8.0, 2.6  # inches, of each series


def check_plot(path: Path, experiment: Experiment) -> None:
    """Raise BadInput for a run whose answers are no forecasts, and for a file that cannot be written."""
    if not isinstance(experiment.output_field, Horizon):
        raise BadInput(f"--plot: only forecasts are drawn, and the task {experiment.task.name!r} makes none")
    if path.suffix.lower() != ".png":
        raise BadInput(f"--plot {path}: expected the name of a picture, which ends with .png")
    if not path.parent.is_dir():
        raise BadInput(f"--plot {path}: there is no folder {path.parent}; make it first")


def draw_forecasts(path: Path, inputs: Sequence[Input], predictions: Sequence["Prediction"]) -> None:
    """Write a picture of the forecasts: a panel per series, with its history, the median or mean, and the interval."""
    from matplotlib.figure import Figure

    pairs = [(one.value, found) for one, found in zip(inputs, predictions, strict=True) if one.value is not None]
    if len(pairs) > MOST:
        say(f"--plot: the first {MOST} of {len(pairs)} series are drawn")
    shown = pairs[:MOST]
    drawn = Figure(figsize=(WIDTH, HEIGHT * len(shown)), layout="constrained")
    panels = drawn.subplots(len(shown), 1, squeeze=False)[:, 0]
    for axes, (window, found) in zip(panels, shown, strict=True):
        draw_window(axes, window, found)
    panels[0].legend(frameon=False, fontsize=9, loc="upper left", ncols=3)
    write(path, lambda temporary: drawn.savefig(temporary, format="png", dpi=120, metadata={"Software": None}))


def draw_window(axes: "Axes", window: Window, found: "Prediction") -> None:
    """Draw one series: the end of its history, and the forecast."""
    grid, forecast = window.series.grid, found["output"]
    begin = max(window.start, window.stop - max(HISTORY * window.horizon, 2 * window.season))
    past, ahead = grid.list_times(begin, window.stop), grid.list_times(window.stop, window.stop + window.horizon)
    values = window.series.values[begin : window.stop]
    axes.plot(past, values, color="#444444", linewidth=1.2, label="history")
    point = np.array(read_point(forecast))
    # The line goes on from the last value that is known.
    last = np.flatnonzero(np.isfinite(values))[-1:]
    axes.plot(
        np.concatenate([past[last], ahead]),
        np.concatenate([values[last], point]),
        color=figure.COLOURS[0],
        linewidth=1.6,
        label="forecast",
    )
    if "0.1" in forecast:
        axes.fill_between(
            ahead,
            forecast["0.1"],
            forecast["0.9"],
            color=figure.COLOURS[0],
            alpha=0.25,
            linewidth=0,
            label="80% interval",
        )
    axes.set_title(window.series.name, loc="left", fontsize=10, parse_math=False)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    if grid.unit:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
