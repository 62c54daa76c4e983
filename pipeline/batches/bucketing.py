"""Batches: encoded examples of similar length together, padded to one of a few fixed lengths.

A compiled training step is reused only for a batch of a shape that it has seen, so the shapes are few: every batch has
a length out of a small set (see lengths.py), and as many rows as every other of its length.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np

from pipeline.batches.encoded import measure_all, read_column
from pipeline.batches.lengths import WASTE, Lengths, add_longer, choose_lengths, merge_lengths, round_up, suit_lengths
from pipeline.batches.padding import Arrays, measure, pad, shift, weigh
from pipeline.batches.windows import Window
from pipeline.errors import BadInput
from pipeline.fields import Array
from pipeline.fields.array import CONTINUES

# A planned batch: its padded length, the positions of its examples, and how many of them are real.
Entry: TypeAlias = tuple[int, np.ndarray, int]
# The inputs of examples, and their outputs.
Sides: TypeAlias = tuple[Sequence[Arrays], Sequence[Arrays]]


@dataclass
class Batches:
    """Encoded examples, to be drawn as padded batches.

    inputs: the encoded inputs. outputs: the encoded outputs, in the same order; None for prediction.
    size: rows of every batch; where too few examples are left, some are repeated with weight 0.
    tokens: steps of every batch, padding included, in place of `size`: as many rows as fit, but at least one.
    start: the symbol before the first of a written output; given it, "previous" holds the outputs one step late.
    seed: order of the examples, different in every epoch; None keeps those of one length in the order given.
    windows: of which examples the inputs are parts, where some are too long to be read at once; see windows.py.
    known: the padded lengths of the run, to which longer ones are added; None for those that suit the examples.
    settled: whether examples to answer are padded to these, whatever would suit them: others like them will come.
    curriculum: epochs before the first in which all examples are drawn; see `choose`.
    resample: the inputs and outputs of an epoch, where these are another encoding of the examples; see `at`.

    Where an input "continues" the one before it, the same row of the next batch has it, and all batches are of one
    length: a model hands its states on from batch to batch. In training, with a seed, a text that is longer than a
    row's share is cut, and its parts are texts of their own; `size` counts then, and not `tokens`.

    lengths, output_lengths: by these the examples that are alike make batches with each other.
    padded, padded_outputs: what the batches are padded to. With a seed, in training, `known` changes only these: the
    examples of a batch are the same with it and without.
    """

    inputs: Sequence[Arrays]
    input_arrays: dict[str, Array]
    size: int
    outputs: Sequence[Arrays] | None = None
    output_arrays: dict[str, Array] = field(default_factory=dict)
    seed: int | None = None
    start: int | None = None
    tokens: int | None = None
    known: Lengths | None = None
    settled: bool = False
    curriculum: int = 0
    windows: Sequence[Window] = ()
    resample: Callable[[int], Sides] | None = None

    def __post_init__(self) -> None:
        self.steps = measure_all(self.inputs, self.input_arrays)
        if self.outputs is not None:
            self.output_steps = measure_all(self.outputs, self.output_arrays)
            if not any(array.timed for array in self.input_arrays.values()):
                self.steps = self.output_steps
            self.aligned = bool((self.steps == self.output_steps).all())
            self.per_step = self.output_arrays["output"].per_step
            # Where a sequence is one answer, no model unrolls over it, and its padding costs little.
            self.output_lengths = choose_lengths(self.output_steps, 4 if self.per_step else 1, WASTE)
            self.padded_outputs = self.output_lengths
            if self.known and self.known.outputs:
                self.padded_outputs = add_longer(self.known.outputs, self.output_steps)
        self.begins = self._find_beginnings()
        if self.resample and self.tokens:
            raise BadInput(
                "--batch-tokens: with --subword-sampling no two epochs would have as many batches; give --batch-size"
            )
        if self.curriculum and self.begins is not None:
            raise BadInput("--curriculum: examples that go on from one another come in their order; leave it out")
        if self.known is None:
            self.padded = self.lengths = choose_lengths(self.steps, waste=WASTE)
        elif self.seed is None and self.settled:
            self.padded = self.lengths = add_longer(self.known.inputs, self.steps)
        elif self.seed is None:
            self.padded = self.lengths = suit_lengths(self.known.inputs, self.steps, len(self.inputs) // self.size)
        else:
            self.padded = add_longer(self.known.inputs, self.steps)
            # A batch of so many tokens has more examples where these are shorter, and is another shape then.
            self.lengths = self.padded if self.tokens else choose_lengths(self.steps, waste=WASTE)

    def _find_beginnings(self) -> np.ndarray | None:
        """Return whether each example begins a text, or a part of one; None where none continues another."""
        if CONTINUES not in self.input_arrays:
            return None
        begins = read_column(self.inputs, CONTINUES) == 0
        begins[0] = True
        if begins.all():
            return None
        if self.seed is not None:
            share = -(-len(begins) // self.size)
            starts = np.flatnonzero(begins)
            since = np.arange(len(begins)) - starts[np.cumsum(begins) - 1]
            begins |= since % share == 0
        return begins

    def at(self, epoch: int) -> "Batches":
        """Return the batches with the examples as they are encoded for a pass over them: these, for most fields.

        An example that would be longer than all padded lengths, for which nothing is compiled, stays as it is here.
        """
        if self.resample is None:
            return self
        inputs, outputs = self.resample(epoch)
        if self.known:
            inputs = _keep_short(inputs, self.inputs, self.input_arrays, self.known.inputs[-1])
            longest = (self.known.outputs or self.known.inputs)[-1]
            outputs = _keep_short(outputs, self.outputs or (), self.output_arrays, longest)
        return replace(self, inputs=inputs, outputs=outputs)

    def take(self, count: int) -> "Batches":
        """Return the batches of the first `count` examples alone."""
        number = sum(window.example < count for window in self.windows) if self.windows else count
        outputs = None if self.outputs is None else self.outputs[:number]
        return replace(self, inputs=self.inputs[:number], outputs=outputs, windows=self.windows[:number])

    def merge_lengths(self, epochs: int) -> Lengths:
        """Return the padded lengths that are worth their compilation, over so many epochs."""
        found = Lengths(tuple(self.lengths), () if self.aligned else tuple(self.output_lengths))
        return merge_lengths(found, Counter(self.shape(*entry) for entry in self.plan()), epochs)

    @property
    def example_steps(self) -> np.ndarray:
        """Return the time steps of each example, of however many windows."""
        ends = {window.example: window.end for window in self.windows}
        return np.array(list(ends.values())) if ends else self.steps

    def count_tokens(self) -> int:
        """Return the number of time steps that are not padding."""
        return int(self.steps.sum())

    def rows(self, length: int) -> int:
        """Return how many examples a batch of this padded length has."""
        most = len(self.inputs)
        if self.known and self.seed is None:
            # Few numbers of rows, as few lengths: what has been compiled for other inputs serves these too.
            most = 1 << (most - 1).bit_length()
        return min(most, max(1, self.tokens // length) if self.tokens else self.size)

    def choose(self, epoch: int) -> np.ndarray:
        """Return the positions of the examples of an epoch: all; in a curriculum the shortest, until there are as many.

        The share of the examples that is drawn grows evenly with the epochs (Platanios et al. 2019, equation 3, with
        length for difficulty). An epoch has as many training steps as any other.
        """
        every = np.arange(len(self.inputs))
        if self.seed is None or epoch >= self.curriculum:
            return every
        most = np.quantile(self.steps, (epoch + 1) / (self.curriculum + 1), method="higher")
        shortest = np.flatnonzero(self.steps <= most)
        np.random.default_rng((self.seed, epoch, 1)).shuffle(shortest)
        return np.resize(shortest, len(every))

    def plan(self, epoch: int | None = None) -> list[Entry]:
        """Return the batches of an epoch as (padded length, positions of the examples, how many of them are real).

        epoch: None is the first in which all examples are drawn.

        The last few examples of a length that do not fill a batch go with the next longer ones, so that only one batch
        of the epoch is ever filled up by repetition. Where the outputs have lengths of their own, the examples of one
        length go by the length of their outputs, up and down in turn, so that neighbours are alike in both.
        """
        epoch = self.curriculum if epoch is None else epoch
        generator = np.random.default_rng(None if self.seed is None else (self.seed, epoch))
        if self.begins is not None:
            return self._plan_texts(self.begins, generator)
        chosen = self.choose(epoch)
        bucket = np.searchsorted(self.lengths, self.steps[chosen])
        left = np.array([], int)
        batches = []
        for number, length in enumerate(self.lengths):
            members = chosen[bucket == number]
            if self.seed is not None:
                generator.shuffle(members)
            if self.outputs is not None and not self.aligned:
                outputs = np.searchsorted(self.output_lengths, self.output_steps[members])
                members = members[np.argsort(outputs if number % 2 else -outputs, kind="stable")]
            members = np.concatenate([left, members])
            rows = self.rows(length)
            full = len(members) // rows * rows
            padded = round_up(length, self.padded)
            batches += [(padded, part, rows) for part in members[:full].reshape(-1, rows)]
            left = members[full:]
        if len(left):
            # In training the longest length, which is compiled anyway; a few inputs to answer are not to wait for it.
            longest = self.padded[-1] if self.seed is not None else round_up(int(self.steps[left].max()), self.padded)
            batches.append((longest, np.resize(left, self.rows(self.lengths[-1])), len(left)))
        if self.seed is not None:
            batches = [batches[position] for position in generator.permutation(len(batches))]
        return batches

    def _plan_texts(self, begins: np.ndarray, generator: np.random.Generator) -> list[Entry]:
        """Return the batches of an epoch, in which each text goes on in one row; see `plan`."""
        texts = np.split(np.arange(len(begins)), np.flatnonzero(begins)[1:])
        if self.seed is not None:
            # Longest first, for rows of equal lengths; and the same rows in every epoch, for as many batches.
            texts.sort(key=len, reverse=True)
        rows: list[list[np.ndarray]] = [[] for _ in range(min(self.size, len(texts)))]
        ends = [(0, row) for row in range(len(rows))]
        for text in texts:
            # To the row that is shortest so far.
            end, row = heapq.heappop(ends)
            rows[row].append(text)
            heapq.heappush(ends, (end + len(text), row))
        if self.seed is not None:
            rows = [[row[place] for place in generator.permutation(len(row))] for row in rows]
        columns = sorted((np.concatenate(row) for row in rows), key=len, reverse=True)
        lengths, steps = np.array([len(column) for column in columns]), np.arange(len(columns[0]))
        # A row that has ended is filled up with its last window.
        members = np.stack([column[np.minimum(steps, len(column) - 1)] for column in columns], axis=1)
        real = np.searchsorted(-lengths, -steps)
        return [(self.padded[-1], *entry) for entry in zip(members, real.tolist(), strict=True)]

    def shape(self, length: int, members: np.ndarray, real: int) -> tuple[int, int]:
        """Return the padded lengths of the inputs and of the outputs of one planned batch."""
        if self.outputs is None or self.aligned:
            return length, length
        return length, round_up(int(self.output_steps[members].max()), self.padded_outputs)

    def count_different(self) -> int:
        """Return the most different values, padding included, that an integer array can have in a batch."""
        sides = [(self.inputs, self.input_arrays), (self.outputs or [], self.output_arrays)]
        if self.resample:
            # Any of them, in some epoch.
            return 1 + max(array.size or 0 for _, arrays in sides for array in arrays.values())
        most = 0
        for examples, arrays in sides:
            for name in (name for name, array in arrays.items() if examples and array.size):
                different = sorted(len(np.unique(example[name])) for example in examples)
                most = max(most, sum(different[-self.rows(self.lengths[0]) :]))
        return most + 1

    def draw(self, length: int, members: np.ndarray, real: int, *, like: np.ndarray | None = None) -> tuple:
        """Return one planned batch as (inputs, outputs, sample weights), or (inputs,) where there are no outputs.

        like: members of the batch whose shape it has, but for the rows; None: its own.
        """
        inputs = pad([self.inputs[member] for member in members], self.input_arrays, length)
        if self.begins is not None:
            inputs[CONTINUES] = (~self.begins[members]).astype("int32")
        if self.outputs is None:
            return (inputs,)
        steps = self.shape(length, members if like is None else like, real)[1]
        outputs = pad([self.outputs[member] for member in members], self.output_arrays, steps)
        weights = weigh(outputs, real, self.per_step)
        if self.start is not None:
            inputs["previous"] = shift(outputs["output"], self.start)
        return inputs, outputs["output"], weights


def _keep_short(
    changed: Sequence[Arrays], usual: Sequence[Arrays], arrays: dict[str, Array], longest: int
) -> list[Arrays]:
    """Return the changed examples, and the usual ones in place of those that are too long."""
    return [one if measure(one, arrays) <= longest else other for one, other in zip(changed, usual, strict=True)]
