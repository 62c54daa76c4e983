"""The page of an inspection: one HTML file with its style and its pictures inside.

What it says and how it looks is in harness/templates/inspection.html.j2; here is what that template is given.
"""

import base64
from dataclasses import dataclass

import numpy as np

from harness.inspection.inspection import Contributions, Inspection
from harness.inspection.pictures import draw_panels, to_svg
from harness.page import render_page
from pipeline.printable import show_controls

# Steps that are listed in the table and the strip of tokens.
MOST_ROWS = 400


@dataclass(frozen=True)
class Token:
    """One step of the input. share: of the largest contribution, from -1 to 1. known: whether the vocabulary has it."""

    text: str
    known: bool
    share: float


@dataclass(frozen=True)
class Picture:
    """A picture inside the page. svg: in base64."""

    title: str
    sentence: str
    svg: str


@dataclass(frozen=True)
class Row:
    """The prediction at one step."""

    number: int
    step: str
    answer: str
    probability: str
    others: str


def format_page(found: Inspection) -> str:
    """Return the page, complete in itself: no script, and nothing from outside."""
    panels = draw_panels(found)
    return render_page(
        "inspection.html.j2",
        title=f"{found.task}: the network unrolled",
        found=found,
        tokens=list_tokens(found),
        rows=list_rows(found),
        checks=list_checks(found.contributions),
        pictures=[
            Picture(one.title, one.sentence, base64.b64encode(to_svg(one.figure).encode()).decode()) for one in panels
        ],
        most=MOST_ROWS,
    )


def list_tokens(found: Inspection) -> list[Token]:
    """Return the steps of the input, with what each contributed where there is one answer; none of sound."""
    shown, contributions = found.shown, found.contributions
    if shown.frames is not None and shown.frames.shape[1] > 8:
        return []
    shares = np.zeros(len(shown.steps))
    if len(contributions.targets) == 1 and contributions.read.ndim == 2 and shown.factor == 1:
        shares = contributions.read[0] / (np.abs(contributions.read[0]).max() or 1)
    known = shown.known or (True,) * len(shown.steps)
    return [
        Token(_show(text), one, round(float(share), 3))
        for text, one, share in zip(shown.steps, known, shares, strict=True)
    ][:MOST_ROWS]


def _show(text: str) -> str:
    """Return a token as it is shown: what is blank by its name."""
    return show_controls(text) if text.strip() else {"": "''", " ": "␣"}.get(text, show_controls(text))


def list_rows(found: Inspection) -> list[Row]:
    """Return the prediction at every step, as the rows of a table."""
    steps = found.shown.steps[:: found.shown.factor] if found.course.reads else ("<start>", *found.written)
    rows = []
    for number, choice in zip(found.course.steps, found.course.choices, strict=True):
        probability = "" if choice.probability is None else f"{choice.probability:.3f}"
        others = ", ".join(f"{_show(name)} {share:.3f}" for name, share in choice.others)
        rows.append(Row(number, _show(steps[number - 1]), _show(choice.answer), probability, others))
    return rows[:MOST_ROWS]


def list_checks(contributions: Contributions) -> list[dict[str, str]]:
    """Return for each answer the check that its contributions add up, as the rows of a table."""
    return [
        {
            "answer": _show(target),
            "score": f"{score:.4f}",
            "of the baseline": f"{baseline:.4f}",
            "score less baseline": f"{score - baseline:.4f}",
            "all contributions": f"{score - baseline + difference:.4f}",
            "difference": f"{difference:.1e}",
            "gradients": str(points),
        }
        for target, score, baseline, difference, points in zip(
            contributions.targets,
            contributions.scores,
            contributions.baselines,
            contributions.differences,
            contributions.points,
            strict=True,
        )
    ]
