"""Pictures of an inspection, for print and for the colour-blind, each with one sentence that says what is seen.

Colours: Okabe and Ito, "Color universal design" (2008); heat maps in cividis, and from purple to orange where there is
a 0 in the middle. They are narrow, so that their letters can be read on a screen of 400 pixels.
"""

import base64
import io
import re
import textwrap
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.comparison.plots import COLOURS, LINES, MARKERS
from harness.inspection.inspection import Attention, Contributions, Inspection, Shown, States
from pipeline.fields.vocabulary import BLANK
from pipeline.files import write
from pipeline.printable import show_controls

if TYPE_CHECKING:
    # Half a second to import.
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from PIL.Image import Image

WIDTH = 4.4  # inches
SMALL, USUAL = 8, 9  # points
# Labels along an axis, and letters of each.
MOST_LABELS, LETTERS = 26, 14
# Small images beside each other, and all of them.
ACROSS, MOST_IMAGES = 4, 16
# Numbers of a heat map that are kept as they are, and pixels per inch of one that has more.
MOST_PIXELS, RESOLUTION = 20_000, 60
# Few different colours make small files; one of them is that of 0.
COLOURS_OF_MAP, MOST_COLOURS = 33, 256
# More bars than these are pixels.
MOST_BARS = 200
SEQUENTIAL, DIVERGING = "cividis", "PuOr_r"
# Browsers and matplotlib look for the letters of a text in these, in turn.
FONTS = ["DejaVu Sans", "Noto Sans", "Noto Sans CJK JP", "Noto Sans Arabic", "Noto Sans Hebrew", "Noto Emoji"]


@dataclass(frozen=True)
class Panel:
    """One panel. sentence: what is seen. figure: the picture."""

    title: str
    sentence: str
    figure: "Figure"


def draw_panels(found: Inspection) -> list[Panel]:
    """Return all panels of an inspection, in the order in which they are read."""
    draw: list[Callable[[Inspection], list[Panel]]] = [
        draw_input, draw_course, draw_contributions, draw_attention, draw_layers, draw_loss,
    ]  # fmt: skip
    return [panel for one in draw for panel in one(found)]


def draw_input(found: Inspection) -> list[Panel]:
    """Draw an image, or sound as a spectrogram with the symbols where they are heard; a text is no picture."""
    shown = found.shown
    if shown.image is not None:
        figure, axes = start(2.6)
        axes.imshow(shown.image)
        hide(axes)
        height, width = shown.image.shape[:2]
        return [Panel("Input", f"The image as the network sees it, {width} x {height} pixels.", figure)]
    if shown.frames is None:
        return []
    figure, axes = start(2.6)
    picture = axes.imshow(shown.frames.T, aspect="auto", origin="lower", cmap=SEQUENTIAL, interpolation="nearest")
    # Only what is written down of a sound has steps at which nothing begins.
    heard = any(choice.answer == BLANK for choice in found.course.choices)
    axes.set_ylabel("band, low to high" if heard else "channel", fontsize=USUAL)
    if not heard:
        from matplotlib.ticker import MaxNLocator

        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    label_steps(axes, shown.steps)
    add_bar(figure, axes, picture, "deviations from the mean")
    if not heard:
        return [Panel("Input", "The numbers of each step, a row per channel.", figure)]
    mark_symbols(axes, found)
    sentence = "What is heard: how strong each band of frequencies is over time"
    marks = "; a letter stands where the network heard it" if axes.texts else ""
    return [Panel("Input", f"{sentence}{marks}.", figure)]


def mark_symbols(axes: "Axes", found: Inspection) -> None:
    """Write each symbol of an aligned answer above the frames at which it begins."""
    if len(found.course.choices) < 2 or len(found.shown.steps) < len(found.course.choices):
        return
    before = None
    for place, choice in enumerate(found.course.choices):
        if choice.answer not in (before, BLANK):
            across = place * found.shown.factor
            axes.axvline(across, color="white", linewidth=0.7)
            axes.text(across, 1.01, clean(choice.answer), transform=axes.get_xaxis_transform(), fontsize=USUAL,
                      fontweight="bold", ha="center", va="bottom", parse_math=False)  # fmt: skip
        before = choice.answer


def draw_course(found: Inspection) -> list[Panel]:
    """Draw the prediction at every step."""
    course = found.course
    if len(course.steps) < 2:
        return []
    figure, axes = start(2.6)
    number = course.choices[0].probability is None
    steps = found.shown.steps[:: found.shown.factor] if course.reads else found.written
    if course.apart:
        _draw_answers(axes, found, steps)
        return [Panel("Prediction at every step", course.sentence, figure)]
    values = course.values
    shown = np.argsort(-values.max(axis=0))[: len(COLOURS)] if values.shape[1] > 1 else np.arange(values.shape[1])
    x = np.array(course.steps) - 1
    for place, column in enumerate(np.sort(shown)):
        colour, line = COLOURS[place % len(COLOURS)], LINES[place % len(LINES)]
        marker = MARKERS[place % len(MARKERS)] if len(x) <= 60 else ""
        label = clean(course.names[column])
        # A label that begins with a line is left out of legends.
        axes.plot(
            x,
            values[:, column],
            marker=marker,
            markersize=4,
            label=label.lstrip("_") or "underscore",
            color=colour,
            ls=line,
        )
    if not number:
        axes.set_ylim(-0.03, 1.03)
    axes.set_ylabel("answer" if number else "probability", fontsize=USUAL)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    label_steps(axes, steps)
    if not number:
        legend = axes.legend(
            fontsize=SMALL, ncols=4, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.1
        )
        for text in legend.get_texts():
            text.set_parse_math(False)
    return [Panel("Prediction at every step", course.sentence, figure)]


def _draw_answers(axes: "Axes", found: Inspection, steps: Sequence[str]) -> None:
    """Draw the probability of the answer at each step as a bar, and that of the likeliest other as a mark."""
    choices = found.course.choices
    x = np.arange(len(choices))
    axes.bar(
        x,
        [choice.probability or 0 for choice in choices],
        color=COLOURS[5],
        width=0.9,
        rasterized=len(x) > MOST_BARS,
        label="the answer",
    )
    others = [choice.others[0][1] if choice.others else 0 for choice in choices]
    axes.plot(x, others, "D", color=COLOURS[1], markersize=4, label="the likeliest other")
    axes.set_ylim(0, 1.03)
    axes.set_ylabel("probability", fontsize=USUAL)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(fontsize=SMALL, ncols=2, frameon=False, loc="lower left", bbox_to_anchor=(0, 1), borderpad=0.1)
    read = [f"{clean(step)}: " if found.course.reads else "" for step in steps]
    label_steps(axes, [before + clean(choice.answer) for before, choice in zip(read, choices, strict=True)], letters=24)


def draw_contributions(found: Inspection) -> list[Panel]:
    """Draw how much each step contributed to what is answered."""
    panels, contributions, shown = [], found.contributions, found.shown
    count, read = len(contributions.targets), contributions.read
    if read.ndim == 3:
        panels.append(_draw_image_contributions(contributions, shown))
    elif read.ndim == 2:
        steps = shown.steps[:: shown.factor]
        title = "What contributed: the input"
        if count == 1:
            sentence = (
                f"How much each step of the input spoke for the answer {contributions.targets[0]!r} (above 0) or "
                "against it (below)."
            )
            panels.append(Panel(title, sentence, _draw_bars(read[0], steps, contributions.unit)))
        else:
            sentence = (
                "How much each step of the input, from left to right, spoke for each answer, a row, or against it."
            )
            panels.append(Panel(title, sentence, _draw_matrix(read, contributions.targets, steps)))
    else:
        sentence = "How much the category spoke for each symbol that is written (above 0) or against it (below)."
        figure = _draw_bars(read, contributions.targets, contributions.unit)
        panels.append(Panel("What contributed: the category", sentence, figure))
    if contributions.written is not None:
        sentence = (
            "How much each symbol before, from left to right, spoke for each symbol that is written, one per row, or "
            "against it."
        )
        before = ("<start>", *found.written)[: contributions.written.shape[1]]
        figure = _draw_matrix(contributions.written, contributions.targets, before)
        panels.append(Panel("What contributed: what was written before", sentence, figure))
    return panels


def _draw_bars(values: np.ndarray, steps: Sequence[str], unit: str) -> "Figure":
    figure, axes = start(2.4)
    colours = np.where(values < 0, COLOURS[0], COLOURS[1])
    axes.bar(np.arange(len(values)), values, color=colours, width=0.9, rasterized=len(values) > MOST_BARS)
    axes.axhline(0, color="black", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_ylabel("contribution", fontsize=USUAL)
    axes.set_title(unit, fontsize=SMALL, loc="left")
    label_steps(axes, steps)
    return figure


def _draw_matrix(values: np.ndarray, rows: Sequence[str], steps: Sequence[str]) -> "Figure":
    return draw_map(values, steps, rows=rows, label="contribution", height=_measure(rows), low=None)


def _measure(rows: Sequence[str]) -> float:
    """Return the height of a matrix with so many rows, in inches."""
    return max(1.6, min(5.0, 0.16 * len(rows) + 1.2))


def _draw_image_contributions(contributions: Contributions, shown: Shown) -> Panel:
    limit = float(np.quantile(np.abs(contributions.read), 0.999)) or 1.0
    assert shown.image is not None
    grey = shown.image.mean(axis=2)

    def draw(axes: "Axes", place: int) -> None:
        axes.imshow(grey, cmap="gray", vmin=-255, vmax=255)
        alpha = np.minimum(1, np.abs(contributions.read[place]) / limit)
        axes.imshow(contributions.read[place], cmap=DIVERGING, vmin=-limit, vmax=limit, alpha=alpha)

    figure = draw_grid(draw, contributions.targets)
    sentence = "Where the image spoke for each word that is written (orange) or against it (purple)."
    return Panel("What contributed: the image", sentence, figure)


def draw_attention(found: Inspection) -> list[Panel]:
    """Draw what a decoder looked at."""
    attention = found.attention
    if attention is None:
        return []
    if attention.grid is None:
        rows, steps = found.written, found.shown.steps[:: found.shown.factor]
        figure = draw_map(attention.weights, steps, rows=rows, label="share of attention", height=_measure(rows))
        sentence = (
            "Where the network looked in the input, from left to right, before it wrote each symbol, one per row."
        )
        return [Panel("Attention", sentence, figure)]
    return [_draw_image_attention(attention, found)]


def _draw_image_attention(attention: Attention, found: Inspection) -> Panel:
    image = found.shown.image
    assert image is not None and attention.grid is not None
    height, width = image.shape[:2]

    def draw(axes: "Axes", place: int) -> None:
        weights = attention.weights[place].reshape(attention.grid)
        axes.imshow(image)
        # From black, where it did not look, to clear, where it looked most.
        edges = (-0.5, width - 0.5, height - 0.5, -0.5)
        axes.imshow(np.zeros_like(weights), cmap="gray", alpha=0.8 * (1 - weights / weights.max()), extent=edges,
                    vmin=0, vmax=1, interpolation="nearest")  # fmt: skip
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)

    sentence = "Where the network looked in the image before it wrote each word: the brighter, the more."
    return Panel("Attention", sentence, draw_grid(draw, found.written))


def draw_layers(found: Inspection) -> list[Panel]:
    """Draw the hidden states and gates of each layer."""
    return [panel for states in found.layers for panel in _draw_layer(states, found)]


def _draw_layer(states: States, found: Inspection) -> list[Panel]:
    steps = found.shown.steps[:: found.shown.factor] if states.reads else ("<start>", *found.written)
    count, units = states.states.shape
    steps = steps[:count]
    rows = f"{units} units"
    figure = draw_map(states.states[:, states.order].T, steps, rows=rows, label="hidden state", height=2.9, low=None)
    sentence = (
        "The hidden state after each step: one row per unit, units that rise and fall together next to each other."
    )
    panels = [Panel(f"Hidden states: {states.title}", sentence, figure)]
    for name, values in states.inner.items():
        order = states.order if values.shape[1] == units else np.arange(values.shape[1])
        numbers = f"{values.shape[1]} numbers"
        figure = draw_map(values[:, order].T, steps, rows=numbers, label=name, height=2.2, low=None)
        panels.append(Panel(f"State {name}: {states.title}", f"The {states.meanings[name]}.", figure))
    for name, values in states.gates.items():
        signed = bool((values < 0).any())
        figure = draw_map(
            values[:, states.order].T,
            steps,
            rows=rows,
            label=f"{name}, -1 to 1" if signed else f"{name}, 0 to 1",
            height=2.2,
            low=None if signed else 0.0,
            high=1.0,
        )
        panels.append(Panel(f"Gate {name}: {states.title}", f"The {states.meanings[name]}.", figure))
    for name, constant in states.constants.items():
        figure, axes = start(2.0)
        axes.plot(np.sort(constant)[::-1], ".", color=COLOURS[0], markersize=4)
        axes.set_xlabel("units, the largest first", fontsize=USUAL)
        axes.set_ylabel(name, fontsize=USUAL)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        panels.append(Panel(f"Memory {name}: {states.title}", f"The {states.meanings[name]}.", figure))
    return panels


def draw_loss(found: Inspection) -> list[Panel]:
    """Draw the loss of each step, and the norm of the gradient back through time."""
    loss = found.loss
    against = "the right answer" if loss.right else "the model's own answer, as the right one is not known"
    panels = []
    if loss.steps is not None and len(loss.steps):
        figure, axes = start(2.0)
        axes.bar(
            np.arange(len(loss.steps)), loss.steps, color=COLOURS[0], width=0.9, rasterized=len(loss.steps) > MOST_BARS
        )
        axes.spines[["top", "right"]].set_visible(False)
        axes.set_ylabel("loss, nats", fontsize=USUAL)
        label_steps(axes, found.shown.steps[:: found.shown.factor] if loss.reads else found.written)
        panels.append(Panel("Loss at every step", f"The loss of each answer, -log p, against {against}.", figure))
    figure, axes = start(2.4)
    x = np.arange(len(loss.norms))
    positive = np.where(loss.norms > 0, loss.norms, np.nan)
    axes.plot(x, positive, marker="o" if len(x) <= 60 else "", markersize=4, color=COLOURS[1])
    if np.isfinite(positive).any() and np.nanmax(positive) > 10 * np.nanmin(positive):
        axes.set_yscale("log")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_ylabel("norm of the gradient", fontsize=USUAL)
    label_steps(
        axes, (found.shown.steps[:: found.shown.factor] if loss.reads else ("<start>", *found.written))[: loss.at]
    )
    sentence = (
        f"How strongly the loss at step {loss.at} feels what entered at each step up to it, in the forward direction: "
        f"where the line is low, nothing can be learned from that far back; the loss is against {against}."
    )
    panels.append(Panel("Gradients back through time", sentence, figure))
    return panels


# What the pictures share.


def start(height: float) -> "tuple[Figure, Axes]":
    """Return a figure, so many inches high, with axes."""
    # Not pyplot, which keeps figures, and asks for a screen.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    axes = figure.add_subplot()
    axes.tick_params(labelsize=SMALL)
    return figure, axes


def draw_map(
    values: np.ndarray,
    steps: Sequence[str],
    *,
    rows: Sequence[str] | str,
    label: str,
    height: float,
    low: float | None = 0.0,
    high: float | None = None,
) -> "Figure":
    """Return a heat map of (rows, time). low, high: what the colours reach to; low None: as far below 0 as above.

    rows: their names, or what they are. label: what the numbers are.
    """
    from matplotlib import colormaps

    figure, axes = start(height)
    limit = float(np.abs(values).max()) or 1.0
    low, high, name = (-limit, limit, DIVERGING) if low is None else (low, high, SEQUENTIAL)
    colours = colormaps[name].resampled(COLOURS_OF_MAP)
    # As it is, one pixel per number, where that is less than what can be seen.
    scaling = "none" if values.size <= MOST_PIXELS else "nearest"
    picture = axes.imshow(values, aspect="auto", cmap=colours, vmin=low, vmax=high, interpolation=scaling)
    label_steps(axes, steps)
    if isinstance(rows, str):
        axes.set_ylabel(rows, fontsize=USUAL)
        axes.set_yticks([])
    else:
        label_steps(axes, rows, rows=True)
    add_bar(figure, axes, picture, label)
    return figure


def draw_grid(draw: "Callable[[Axes, int], None]", titles: Sequence[str]) -> "Figure":
    """Return small images beside each other, each with a title; where there are many, the first MOST_IMAGES."""
    from matplotlib.figure import Figure

    count = min(len(titles), MOST_IMAGES)
    rows = -(-count // ACROSS)
    figure = Figure(figsize=(WIDTH, 1.5 * rows), layout="constrained")
    for place in range(count):
        axes = figure.add_subplot(rows, ACROSS, place + 1)
        draw(axes, place)
        hide(axes)
        axes.set_title(clean(titles[place]), fontsize=USUAL, parse_math=False)
    return figure


def hide(axes: "Axes") -> None:
    """Leave out the ticks."""
    axes.set_xticks([])
    axes.set_yticks([])


def add_bar(figure: "Figure", axes: "Axes", picture: object, label: str) -> None:
    """Put the scale of colours beside a heat map."""
    bar = figure.colorbar(picture, ax=axes, fraction=0.05, pad=0.02)  # type: ignore[arg-type]
    bar.set_label(label, fontsize=SMALL)
    bar.ax.tick_params(labelsize=SMALL)


def label_steps(axes: "Axes", steps: Sequence[str], *, rows: bool = False, letters: int = LETTERS) -> None:
    """Write what stands at the steps beside an axis, every so many of them where there are too many."""
    every = -(-len(steps) // MOST_LABELS)
    places = list(range(0, len(steps), max(1, every)))
    labels = [clean(steps[place], letters) for place in places]
    if rows:
        axes.set_yticks(places, labels, fontsize=SMALL, parse_math=False)
    else:
        upright = sum(len(label) + 2 for label in labels) > 48
        axes.set_xticks(places, labels, fontsize=SMALL, rotation=90 if upright else 0, parse_math=False)


def clean(text: str, letters: int = LETTERS) -> str:
    """Return a text as it is written beside an axis: short, its control characters shown."""
    text = show_controls(text) if text.strip() else {"": "''", " ": "␣"}.get(text, repr(text))
    return text if len(text) <= letters else text[: letters - 1] + "…"


def to_svg(figure: "Figure") -> str:
    """Return a figure as SVG; its letters stay letters, in the fonts of whoever reads it."""
    import matplotlib

    stream = io.StringIO()
    with _drawing(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "unrolled", "font.family": FONTS}):
        figure.savefig(stream, format="svg", dpi=RESOLUTION, metadata={"Date": None, "Creator": None})
    return re.sub(r"(?<=data:image/png;base64,)[^\"]*", lambda found: _use_palette(found[0]), stream.getvalue())


def _use_palette(png: str) -> str:
    """Return a PNG, in base64, with a palette where it has few colours and is not transparent; else as it is."""
    from PIL import Image as Pillow

    pixels = np.asarray(Pillow.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
    palette, places = np.unique(pixels.reshape(-1, 4), axis=0, return_inverse=True)
    if len(palette) > MOST_COLOURS or (palette[:, 3] < 255).any():
        return png
    image = Pillow.fromarray(places.reshape(pixels.shape[:2]).astype("uint8"), "P")
    image.putpalette(palette[:, :3].tobytes())
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return base64.b64encode(stream.getvalue()).decode()


def save(found: Inspection, path: Path) -> None:
    """Write all panels as one PNG; the arithmetic of a step is on the page alone."""
    from PIL import Image as Pillow

    parts = [_rasterise(panel.figure, panel) for panel in draw_panels(found)]
    # Two beside each other.
    rows = [[_rasterise(_draw_text(found))], *(parts[place : place + 2] for place in range(0, len(parts), 2))]
    heights = [max(part.height for part in row) for row in rows]
    width = max(part.width for row in rows for part in row)
    whole = Pillow.new("RGB", (width * min(2, len(parts)), sum(heights)), "white")
    for number, row in enumerate(rows):
        for column, part in enumerate(row):
            whole.paste(part, (column * width, sum(heights[:number])))
    write(path, lambda temporary: whole.save(temporary, format="PNG"))


def _draw_text(found: Inspection) -> "Figure":
    """Return what is said of the whole as a figure: the input, the answer, and the notes."""
    from matplotlib.figure import Figure

    probability = "" if found.probability is None else f", probability {found.probability:.3f}"
    lines = [
        f"{found.task}, {found.cell}: {found.run}",
        f"input: {found.shown.text}",
        f"answer: {found.answer}{probability}",
        *found.notes,
    ]
    wrapped = [part for line in lines for part in textwrap.wrap(show_controls(line), 72)[:12] or [""]]
    figure = Figure(figsize=(WIDTH, 0.17 * len(wrapped) + 0.2))
    figure.text(0.02, 1 - 0.1 / figure.get_figheight(), "\n".join(wrapped), fontsize=SMALL, va="top", parse_math=False)
    return figure


def _rasterise(figure: "Figure", panel: Panel | None = None) -> "Image":
    """Return a figure as pixels, above it the title and the sentence of its panel."""
    import matplotlib
    from PIL import Image as Pillow

    stream = io.BytesIO()
    with _drawing(), matplotlib.rc_context({"font.family": FONTS}):
        if panel:
            lines = textwrap.wrap(show_controls(panel.sentence), 72)
            title = figure.suptitle(f"{panel.title}\n" + "\n".join(lines), fontsize=SMALL, x=0.02, ha="left")
            title.set_parse_math(False)
            figure.set_figheight(figure.get_figheight() + 0.15 * (len(lines) + 1))
        figure.savefig(stream, format="png", dpi=150)
    stream.seek(0)
    return Pillow.open(stream).convert("RGB")


class _drawing(warnings.catch_warnings):  # noqa: N801
    """Inside, nothing is said of letters that no font has: they are shown as boxes."""

    def __enter__(self) -> None:
        import logging

        super().__enter__()
        warnings.simplefilter("ignore")
        logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
