from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pytest

from harness.serving.programs import Programs, choose_lengths, choose_shapes
from pipeline.batches.lengths import Lengths
from pipeline.fields import Array

SECONDS = {(1, 5): 1.0, (4, 5): 2.0, (1, 12): 1.6, (4, 12): 4.5, (1, 40): 3.0}


@dataclass
class Fake:
    """What is looked at of an experiment."""

    lengths: Lengths | None = None
    max_length: int | None = 100
    timed: bool = True
    options: Any = field(init=False)
    input_field: Any = field(init=False)

    def __post_init__(self) -> None:
        self.options, self.input_field = self, self
        self.arrays = {"words": Array((None,) if self.timed else (), "int32", 9)}

    def as_dict(self) -> dict:
        return {} if self.max_length is None else {"max_length": self.max_length}


def cost_least(steps: list[int]) -> float:
    """Return the least seconds by brute force: every assignment of questions to programs, of enough batches each."""
    best = float("inf")
    for chosen in product(SECONDS, repeat=len(steps)):
        if all(length >= count for (_, length), count in zip(chosen, steps, strict=True)):
            total = sum(-(-chosen.count(shape) // shape[0]) * SECONDS[shape] for shape in set(chosen))
            best = min(best, total)
    return best


@pytest.mark.parametrize("seed", range(12))
def test_no_division_takes_less_time(seed: int) -> None:
    drawn = np.random.default_rng(seed)
    steps = drawn.choice([1, 3, 5, 6, 12, 30], drawn.integers(1, 6)).tolist()
    parts = Programs(SECONDS, most=8).divide(steps)
    assert sorted(member for part in parts for member in part.members) == list(range(len(steps)))
    for part in parts:
        assert (part.rows, part.length) in SECONDS and 0 < len(part.members) <= part.rows
        assert all(steps[member] <= part.length for member in part.members)
    assert sum(SECONDS[part.rows, part.length] for part in parts) == pytest.approx(cost_least(steps))


def test_lengths_go_from_those_of_the_training_to_the_longest_input() -> None:
    assert choose_lengths(Fake(Lengths((7, 20)))) == ([7, 20], [40, 80, 100])
    assert choose_lengths(Fake(Lengths((7, 100)))) == ([7, 100], [])
    assert choose_lengths(Fake(Lengths((7, 200)))) == ([7, 200], [])
    # Of an earlier version; of a field without a limit; without a time axis.
    assert choose_lengths(Fake()) == ([16, 32, 64, 100], [])
    assert choose_lengths(Fake(Lengths((7, 20)), max_length=None)) == ([7, 20], [40, 80])
    assert choose_lengths(Fake(timed=False)) == ([1], [])


def test_there_are_few_shapes_and_fewer_of_the_lengths_that_are_rare() -> None:
    shapes = choose_shapes(Fake(Lengths((7, 20)), max_length=40), 64)
    assert shapes == [*((rows, length) for length in (7, 20) for rows in (1, 4, 16, 64)), (1, 40)]
    assert choose_shapes(Fake(timed=False), 6) == [(1, 1), (4, 1), (6, 1)]
