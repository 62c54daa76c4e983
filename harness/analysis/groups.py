"""Groups: the score of examples that are alike, in length or in category."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from harness.analysis import pictures
from harness.analysis.answered import Answered, Integers
from harness.analysis.section import Row, Section, Sections

# Categories of inputs that are shown.
MOST_CATEGORIES = 30

Name = str


def divide_evenly(values: ArrayLike, groups: int = 6) -> list[Integers]:
    """Return the positions of values in groups of similar values, ascending, as large as each other.

    Equal values stay together: where all are equal there is one group.
    """
    values = np.asarray(values)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, groups + 1)[1:-1], method="inverted_cdf"))
    number = np.searchsorted(edges, values)
    return [np.flatnonzero(number == group) for group in np.unique(number)]


def score_groups(answered: Answered, head: str, groups: Iterable[tuple[Name, Sequence[int] | Integers]]) -> list[Row]:
    """Return one row per group that has examples: its name under `head`, its size, and its monitored score."""
    return [
        {head: name, "examples": len(members), answered.monitor: answered.measure(members)}
        for name, members in groups
        if len(members)
    ]


def by_length(answered: Answered) -> Sections:
    """Yield the score of short and of long examples; nothing where all have one length."""
    lengths = answered.lengths
    groups = divide_evenly(lengths)
    if len(groups) < 2:
        return
    side = "input" if any(one.timed for one in answered.experiment.input_field.arrays.values()) else "output"
    unit = (answered.experiment.input_field if side == "input" else answered.experiment.output_field).counted
    ends = [(int(lengths[members].min()), int(lengths[members].max())) for members in groups]
    names = [str(low) if low == high else f"{low:,} to {high:,}" for low, high in ends]
    head = f"{unit}s of the {side}"
    rows = score_groups(answered, head, zip(names, groups, strict=True))
    yield Section(
        "by_length",
        "Score by length",
        f"Does the memory reach? The same score for short and for long {side}s, in groups as large as each other.",
        rows,
        picture=lambda: pictures.draw_groups(rows, head, answered.monitor),
    )


def by_category(answered: Answered) -> Sections:
    """Yield the score of each category of the inputs; nothing where inputs are no categories, or all of one."""
    if not answered.experiment.input_field.categorical:
        return
    members: dict[str, list[int]] = {}
    for number, example in enumerate(answered.examples):
        members.setdefault(str(example.input), []).append(number)
    if len(members) < 2:
        return
    largest = sorted(members.items(), key=lambda pair: -len(pair[1]))[:MOST_CATEGORIES]
    yield Section(
        "by_category",
        "Score by category",
        "Which inputs are hard?",
        score_groups(answered, "category", largest),
    )
