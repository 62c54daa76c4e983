"""Arrays: what an encoded example is made of."""

from dataclasses import dataclass

import numpy as np

# One side of an encoded example: by name, each array without the batch axis.
Arrays = dict[str, np.ndarray]

# The id of a tag or label that is not in the training data. No model can give it, so it counts as wrong; and it has no
# loss.
UNSEEN = -1
# The name of an array, (), that is 1 where a sequence goes on from the example before it, and 0 where it begins: such
# examples are in batches that follow each other, each in its row, and the hidden state is carried on.
CONTINUES = "continues"


@dataclass(frozen=True)
class Array:
    """What one array of an encoded example looks like.

    shape: without the batch axis; None stands for time (padded).
    size: how many different values an integer array has; None for measurements.
    per_step: of an output with a time axis, whether each step is an answer of its own, with a loss of its own; else
        the sequence is one answer.
    padding, unknown: the values that stand for nothing, and for what was not in the training data; None: none does.
    weights: how much each value of an integer counts in the loss; None: alike. Of an independent array first those of
        0 for each of its numbers, then those of 1.
    ordered: of likelihoods, whether they are those of values in an order, of which an example has one.
    independent: whether each number is 0 or 1 for itself, and a model answers how likely it is 1: several labels.
    """

    shape: tuple[int | None, ...]
    dtype: str
    size: int | None = None
    per_step: bool = True
    padding: int = 0
    unknown: int | None = None
    weights: tuple[float, ...] | None = None
    ordered: bool = False
    independent: bool = False

    @property
    def timed(self) -> bool:
        """Return whether there is a time axis."""
        return self.shape[:1] == (None,)
