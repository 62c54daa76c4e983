"""The learning curve of a run: loss and validation score by epoch, as learning.png and in a terminal."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING

from harness import runs
from harness.process.console import say
from harness.runs import states
from harness.runs.schema import Summary
from pipeline.files import write
from pipeline.worker import Worker
from tasks.task import Task

if TYPE_CHECKING:
    # Half a second to import.
    from matplotlib.axes import Axes

NAME = "learning.png"
# Okabe and Ito, "Color universal design" (2008).
BLUE, ORANGE, GREEN = "#0072B2", "#D55E00", "#009E73"
# Epochs up to which each has a marker of its own.
MARKED = 40


@dataclass(frozen=True)
class LearningCurve:
    """What a run has learned after each epoch, NaN where a number was not finite.

    monitor: the score. loss: in training. best_epoch: the one that is kept, from 1 on.
    """

    monitor: str
    loss: Sequence[float]
    validation_loss: Sequence[float]
    score: Sequence[float]
    best_epoch: int

    @property
    def epochs(self) -> Sequence[int]:
        return range(1, len(self.loss) + 1)


def read_learning_curve(directory: Path, monitor: str) -> LearningCurve | None:
    """Return the curve of a run, complete or not; None before its first epoch has ended; BadInput if it is damaged."""
    scores = directory / "scores.json"
    # What comes after the epochs that these count is being written.
    if scores.exists():
        summary = runs.read_json(scores, Summary)
        epochs, best = summary["epochs"], summary["best_epoch"]
    elif progress := states.read_newest(directory):
        epochs, best = progress["epoch"], progress["best_epoch"]
    else:
        return None
    if not epochs:
        return None
    lines = runs.read_metrics(directory, epochs, monitor)

    def collect(name: str) -> list[float]:
        return [math.nan if line.get(name) is None else float(line[name]) for line in lines]

    score, loss = collect(f"validation_{monitor}"), collect("validation_loss")
    return LearningCurve(monitor, collect("loss"), loss, score=score, best_epoch=best)


@contextmanager
def drawing() -> Iterator[Callable[[Path, Task], None]]:
    """Give a function that draws the learning curve of the run that is trained inside, and waits for it.

    It is drawn in another process, which is ready by then: to import matplotlib takes half a second, and memory that
    would count as the run's.
    """
    worker = Worker()

    def get_ready() -> None:
        # What is wrong is raised again when it is to draw.
        with suppress(Exception):
            worker.call(prepare)

    ready = Thread(target=get_ready, daemon=True)
    ready.start()

    def draw_there(directory: Path, task: Task) -> None:
        ready.join()
        # The run is complete without it.
        try:
            worker.call(draw, directory, task.monitor)
        except Exception as error:
            say(f"{directory / NAME}: the picture cannot be drawn: {error}")

    try:
        yield draw_there
    finally:
        worker.end()


def prepare() -> None:
    """Import what `draw` needs, before it is needed."""
    import matplotlib.backends.backend_agg
    import matplotlib.figure
    import matplotlib.font_manager  # noqa: F401 (reads the list of fonts)


def draw(directory: Path, monitor: str) -> None:
    """Write learning.png into a run directory."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    curve = read_learning_curve(directory, monitor)
    if curve is None:
        return
    # Not by pyplot, which keeps figures, and looks for a screen.
    figure = Figure(figsize=(7.0, 5.0), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, sharex=True)
    if curve.monitor != "loss":
        plot_line(above, curve, curve.validation_loss, label="validation", colour=ORANGE, marker="s")
    plot_line(above, curve, curve.loss, label="training", colour=BLUE, marker="o")
    above.set_ylabel("loss")
    above.legend(frameon=False)
    plot_line(below, curve, curve.score, label="", colour=GREEN, marker="^")
    best = curve.score[curve.best_epoch - 1]
    below.set_ylabel(f"validation {curve.monitor}")
    below.set_xlabel("epoch")
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    for axes in (above, below):
        axes.axvline(curve.best_epoch, color="0.6", linestyle=":", linewidth=1)
        axes.spines[["top", "right"]].set_visible(False)
    if math.isfinite(best):
        below.plot([curve.best_epoch], [best], "*", color="black", markersize=13)
    found = f"kept: epoch {curve.best_epoch}, {curve.monitor} {best:.4f}" if math.isfinite(best) else "no finite score"
    below.set_title(found, loc="left", fontsize="medium")
    above.set_title(f"{directory.parent.name}/{directory.name}"[-70:], loc="left", fontsize="medium", parse_math=False)
    write(
        directory / NAME,
        lambda temporary: figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None}),
    )


def plot_line(
    axes: "Axes", curve: LearningCurve, values: Sequence[float], *, label: str, colour: str, marker: str
) -> None:
    """Draw a number by epoch."""
    axes.plot(
        curve.epochs,
        values,
        color=colour,
        label=label,
        marker=marker if len(curve.epochs) <= MARKED else "",
        markersize=5,
    )


def plot_in_terminal(curve: LearningCurve, width: int = 64, height: int = 12) -> str:
    """Return the validation score by epoch as a text of so many columns and lines, the epoch that is kept marked."""
    import plotext

    plotext.clear_figure()
    plotext.theme("clear")
    plotext.plotsize(width, height)
    known = [(epoch, value) for epoch, value in zip(curve.epochs, curve.score, strict=True) if math.isfinite(value)]
    if not known:
        return f"validation {curve.monitor}: no finite number so far"
    epochs, values = (list(each) for each in zip(*known, strict=True))
    plotext.plot(epochs, values)
    if math.isfinite(curve.score[curve.best_epoch - 1]):
        plotext.scatter([curve.best_epoch], [curve.score[curve.best_epoch - 1]], marker="*")
    # At most 10 numbers, the last among them.
    step = -(-len(curve.epochs) // 10)
    ticks = [epoch for epoch in curve.epochs if (len(curve.epochs) - epoch) % step == 0]
    plotext.xticks(ticks, [str(epoch) for epoch in ticks])
    plotext.title(f"validation {curve.monitor} by epoch, * kept")
    lines = plotext.uncolorize(plotext.build()).splitlines()
    return "\n".join(line.rstrip() for line in lines)
