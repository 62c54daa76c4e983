"""Programs: the few shapes of batches that a server computes, each compiled and timed before the first request.

A batch has one of a few numbers of rows, and one of a few lengths: those that the run was trained with, and longer ones
up to the longest input that is answered. The questions that wait are divided into such batches so that the sum of the
measured times is the least.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from harness.experiment import Experiment

# From one number of rows to the next, and from one length to the next beyond those of the training.
MORE_ROWS, LONGER = 4, 2
# The first length of a run of an earlier version, which has not kept those of its training.
SHORTEST = 16
# How many numbers of rows there are programs for beyond the lengths of the training: such inputs are rare.
RARE = 1
# What an input may have where its field has no limit, times the longest of the training.
BEYOND = 4

Shape = tuple[int, int]


@dataclass(frozen=True)
class Part:
    """One batch. rows, length: of its program. members: positions of the questions, at most as many as rows."""

    rows: int
    length: int
    members: list[int]


def choose_shapes(experiment: Experiment, most: int) -> list[Shape]:
    """Return the shapes to compile as (rows, length), the short ones first. most: questions in a batch."""
    rows = [1]
    while rows[-1] < most:
        rows.append(min(most, rows[-1] * MORE_ROWS))
    usual, longer = choose_lengths(experiment)
    return [(count, length) for length in usual for count in rows] + [
        (count, length) for length in longer for count in rows[:RARE]
    ]


def choose_lengths(experiment: Experiment) -> tuple[list[int], list[int]]:
    """Return the padded lengths, ascending: those of the training, and longer ones up to the longest that is answered.

    An input without a time axis has the length 1.
    """
    if not any(array.timed for array in experiment.input_field.arrays.values()):
        return [1], []
    longest = experiment.options.as_dict().get("max_length")
    usual = list(experiment.lengths.inputs) if experiment.lengths else [SHORTEST]
    # A series may be longer than its field says, which binds those cells alone that have a bound.
    longest = max(longest, usual[-1]) if isinstance(longest, int) else usual[-1] * BEYOND
    longer: list[int] = []
    while (longer or usual)[-1] < longest:
        longer.append(min(longest, (longer or usual)[-1] * LONGER))
    return (usual, longer) if experiment.lengths else (usual + longer, [])


@dataclass(frozen=True)
class Programs:
    """The shapes that are compiled. seconds: what a batch of each takes, by (rows, length). most: questions at once."""

    seconds: Mapping[Shape, float]
    most: int

    @cached_property
    def lengths(self) -> list[int]:
        """Return the padded lengths, ascending."""
        return sorted({length for _, length in self.seconds})

    @property
    def longest(self) -> int:
        """Return the length of the longest input."""
        return self.lengths[-1]

    @cached_property
    def _splits(self) -> dict[int, list[tuple[float, int]]]:
        """For each length and each count of questions: the least seconds, and the rows of the first batch of these."""
        found = {}
        for length in self.lengths:
            table = [(0.0, 0)]
            for count in range(1, self.most + 1):
                table.append(
                    min(
                        (seconds + table[max(0, count - rows)][0], rows)
                        for (rows, padded), seconds in self.seconds.items()
                        if padded == length
                    )
                )
            found[length] = table
        return found

    def divide(self, steps: Sequence[int]) -> list[Part]:
        """Return the batches for questions of so many time steps, at most `most` of them.

        Each question goes with its like, or with longer ones: dynamic programming over the lengths that occur.
        """
        members: dict[int, list[int]] = {}
        for position, count in enumerate(steps):
            members.setdefault(self.lengths[bisect_left(self.lengths, count)], []).append(position)
        occurring = sorted(members)
        # The least seconds for the questions of the first so many lengths, and from which length on they go together.
        best: list[tuple[float, int]] = [(0.0, 0)]
        for end in range(1, len(occurring) + 1):
            table, together, choices = self._splits[occurring[end - 1]], 0, []
            for begin in range(end - 1, -1, -1):
                together += len(members[occurring[begin]])
                choices.append((best[begin][0] + table[together][0], begin))
            best.append(min(choices))
        parts, end = [], len(occurring)
        while end:
            begin, length = best[end][1], occurring[end - 1]
            left = [position for one in occurring[begin:end] for position in members[one]]
            while left:
                rows = self._splits[length][len(left)][1]
                parts.append(Part(rows, length, left[:rows]))
                left = left[rows:]
            end = begin
        return parts
