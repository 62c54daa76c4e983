"""Batches: encoded examples of similar length together, padded to one of a few fixed lengths.

A compiled training step is reused only for a batch of a shape that it has seen, so the shapes are few: every batch has
a length out of a small set chosen to waste the least padding, and as many rows as every other of its length.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from pipeline.batches.padding import Arrays, measure, pad, shift, weigh
from pipeline.fields import Array

# Every further length costs the compilation of another step, which pays only where it saves more than this.
WASTE = 0.1


def choose_lengths(lengths: ArrayLike, count: int = 6, waste: float = 0.0) -> list[int]:
    """Return at most `count` padded lengths, ascending, for which the padded total is the least possible.

    No more of them than are needed for the padding to be at most `waste` times the real total.

    Dynamic programming over the distinct lengths, those above 64 first rounded up to one of 64 steps to the longest:
    cost[k][j] is the least total of the shortest j kinds of length in k buckets.
    """
    longest = int(np.max(lengths))
    grain = max(1, -(-longest // 64))
    rounded = np.minimum(-(-np.asarray(lengths) // grain) * grain, longest)
    values, counts = np.unique(rounded, return_counts=True)
    below = np.concatenate([[0], np.cumsum(counts)])
    cost = np.concatenate([[0.0], np.full(len(values), np.inf)])
    cuts = []
    for _ in range(min(count, len(values))):
        # total[i, j]: the kinds from i up to j in one bucket, as long as kind j; the ones below i as before.
        total = cost[:-1, None] + (below[None, 1:] - below[:-1, None]) * values[None, :]
        total[np.tril_indices(len(values), -1)] = np.inf
        cuts.append(total.argmin(axis=0))
        cost = np.concatenate([[0.0], total.min(axis=0)])
        if cost[-1] <= (1 + waste) * np.sum(lengths):
            break
    chosen, end = [], len(values)
    for cut in reversed(cuts):
        if end:
            chosen.append(int(values[end - 1]))
            end = int(cut[end - 1])
    return chosen[::-1]


@dataclass
class Batches:
    """Encoded examples, to be drawn as padded batches.

    inputs: the encoded inputs. outputs: the encoded outputs, in the same order; None for prediction.
    size: rows of every batch; where too few examples are left, some are repeated with weight 0.
    tokens: steps of every batch, padding included, in place of `size`: as many rows as fit, but at least one.
    start: the symbol before the first of a written output; given it, "previous" holds the outputs one step late.
    seed: order of the examples, different in every epoch; None keeps those of one length in the order given.
    """

    inputs: Sequence[Arrays]
    input_arrays: dict[str, Array]
    size: int
    outputs: Sequence[Arrays] | None = None
    output_arrays: dict[str, Array] = field(default_factory=dict)
    seed: int | None = None
    start: int | None = None
    tokens: int | None = None

    def __post_init__(self) -> None:
        self.steps = np.array([measure(example, self.input_arrays) for example in self.inputs])
        if self.outputs is not None:
            self.output_steps = np.array([measure(example, self.output_arrays) for example in self.outputs])
            if not any(array.timed for array in self.input_arrays.values()):
                self.steps = self.output_steps
            self.aligned = bool((self.steps == self.output_steps).all())
            self.per_step = self.output_arrays["output"].per_step
            # Where a sequence is one answer, no model unrolls over it, and its padding costs little.
            self.output_lengths = choose_lengths(self.output_steps, 4 if self.per_step else 1, WASTE)
        self.lengths = choose_lengths(self.steps, waste=WASTE)

    def count_tokens(self) -> int:
        """Return the number of time steps that are not padding."""
        return int(self.steps.sum())

    def rows(self, length: int) -> int:
        """Return how many examples a batch of this padded length has."""
        return min(len(self.inputs), max(1, self.tokens // length) if self.tokens else self.size)

    def plan(self, epoch: int = 0) -> list[tuple[int, np.ndarray, int]]:
        """Return the batches of an epoch as (padded length, positions of the examples, how many of them are real).

        The last few examples of a length that do not fill a batch go with the next longer ones, so that only one batch
        of the epoch is ever filled up by repetition. Where the outputs have lengths of their own, the examples of one
        length go by the length of their outputs, up and down in turn, so that neighbours are alike in both.
        """
        generator = np.random.default_rng(None if self.seed is None else (self.seed, epoch))
        bucket = np.searchsorted(self.lengths, self.steps)
        left = np.array([], int)
        batches = []
        for number, length in enumerate(self.lengths):
            members = np.flatnonzero(bucket == number)
            if self.seed is not None:
                generator.shuffle(members)
            if self.outputs is not None and not self.aligned:
                outputs = np.searchsorted(self.output_lengths, self.output_steps[members])
                members = members[np.argsort(outputs if number % 2 else -outputs, kind="stable")]
            members = np.concatenate([left, members])
            rows = self.rows(length)
            full = len(members) // rows * rows
            batches += [(length, part, rows) for part in members[:full].reshape(-1, rows)]
            left = members[full:]
        if len(left):
            batches.append((self.lengths[-1], np.resize(left, self.rows(self.lengths[-1])), len(left)))
        if self.seed is not None:
            batches = [batches[position] for position in generator.permutation(len(batches))]
        return batches

    def shape(self, length: int, members: np.ndarray, real: int) -> tuple[int, int]:
        """Return the padded lengths of the inputs and of the outputs of one planned batch."""
        if self.outputs is None or self.aligned:
            return length, length
        return length, next(longer for longer in self.output_lengths if longer >= self.output_steps[members].max())

    def count_different(self) -> int:
        """Return the most different values, padding included, that an integer array can have in a batch."""
        sides = [(self.inputs, self.input_arrays), (self.outputs or [], self.output_arrays)]
        most = 0
        for examples, arrays in sides:
            for name in (name for name, array in arrays.items() if examples and array.size):
                different = sorted(len(np.unique(example[name])) for example in examples)
                most = max(most, sum(different[-self.rows(self.lengths[0]) :]))
        return most + 1

    def draw(self, length: int, members: np.ndarray, real: int) -> tuple:
        """Return one planned batch as (inputs, outputs, sample weights), or (inputs,) where there are no outputs."""
        inputs = pad([self.inputs[member] for member in members], self.input_arrays, length)
        if self.outputs is None:
            return (inputs,)
        steps = self.shape(length, members, real)[1]
        outputs = pad([self.outputs[member] for member in members], self.output_arrays, steps)
        weights = weigh(outputs, real, self.per_step)
        if self.start is not None:
            inputs["previous"] = shift(outputs["output"], self.start)
        return inputs, outputs["output"], weights
