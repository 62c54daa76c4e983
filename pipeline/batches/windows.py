"""Windows: a sequence that is too long to be read at once is read in parts that overlap.

    steps       0 1 2 3 4 5 6 7 8 9         of which 6 are read at once
    windows     0 1 2 3 4 5
                        4 5 6 7 8 9
    answers     0 1 2 3 4 | 5 6 7 8 9       each from the window in which it has more beside it

What overlaps is seen by both windows, and counts in one: a step has one loss, and one answer.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.fields import Array, Arrays

# What neighbours share, as a share of a window.
OVERLAP = 0.25
# An output's array of sample weights.
WEIGHT = Array((None,), "float32")


@dataclass(frozen=True)
class Window:
    """A part of an example. begin, end: its steps, the end excluded. first, last: of these, those that count."""

    example: int
    begin: int
    end: int
    first: int
    last: int

    def cut(self, encoded: Arrays, arrays: dict[str, Array]) -> Arrays:
        """Return this part of the arrays of an encoded example; those without a time axis as they are."""
        return {name: one[self.begin : self.end] if arrays[name].timed else one for name, one in encoded.items()}

    def weigh(self) -> np.ndarray:
        """Return the sample weights of its steps: 1 for those that count, else 0."""
        steps = np.arange(self.begin, self.end)
        return ((steps >= self.first) & (steps < self.last)).astype("float32")


def find_windows(lengths: Sequence[int], longest: int) -> list[Window]:
    """Return the windows of examples of so many steps, in their order; none where no example is longer than `longest`.

    The windows of an example are as long as each other, and evenly spread.
    """
    if max(lengths, default=0) <= longest:
        return []
    shared = int(OVERLAP * longest)
    found = []
    for example, length in enumerate(lengths):
        count = 1 + max(0, -(-(length - longest) // (longest - shared)))
        begins = np.linspace(0, max(0, length - longest), count).round().astype(int).tolist()
        ends = [min(length, begin + longest) for begin in begins]
        # In the middle of what two of them share.
        seams = [0, *((begin + end) // 2 for begin, end in zip(begins[1:], ends, strict=False)), length]
        found += [Window(example, *span) for span in zip(begins, ends, seams, seams[1:], strict=False)]
    return found


def join(parts: Sequence[Sequence], windows: Sequence[Window]) -> tuple[list, list[int]]:
    """Return the answers to a whole example, one per step, and from which step on each window but the first counts.

    parts: the answers of its windows. Where two windows answer the same to a step that both see, one goes over into the
    other there, next to the middle if there are several such steps: so a path of tags stays one that is allowed.
    """
    whole, seams = list(parts[0]), []
    for part, before, window in zip(parts[1:], windows, windows[1:], strict=False):
        shared = range(window.begin, before.end)
        alike = [step for step in shared if whole[step] == part[step - window.begin]]
        # After the step on which they agree; in the middle where they agree on none.
        seam = min((step + 1 for step in alike), key=lambda step: abs(step - window.first), default=window.first)
        whole = [*whole[:seam], *part[seam - window.begin :]]
        seams.append(seam)
    return whole, seams


def group(windows: Sequence[Window]) -> list[list[int]]:
    """Return the positions of the windows of each example, in the order of the examples."""
    found = defaultdict(list)
    for position, window in enumerate(windows):
        found[window.example].append(position)
    return list(found.values())
