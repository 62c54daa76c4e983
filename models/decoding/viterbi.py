"""The best path of tags: search through scores that are all known (Viterbi 1967)."""

import keras
import numpy as np
from keras import layers, ops

from models.cells.parallel_rnn import scan
from models.layers.argmax import argmax
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

# The logarithm of the probability of what must not be: not minus infinity, whose differences are no numbers.
FORBIDDEN = -1e9


def penalize(allowed: list[list[bool]]) -> np.ndarray:
    """Return what is added to the score of what is allowed, 0, and of what is not, of the same shape."""
    return np.where(np.array(allowed), 0.0, FORBIDDEN).astype("float32")


def viterbi(scores: Tensor, mask: Tensor, first: Tensor, transitions: Tensor) -> Tensor:
    """Return the path of tags with the highest total score (Viterbi 1967), as (batch, time) of int32.

    scores: (batch, time, tags). mask: (batch, time) of bool, true where there is input, padding on the right.
    first: (tags,), added to the first step's scores. transitions: (tags, tags), added for tag a before tag b at [a, b].
    Both may be others for each sequence, (batch, tags), and those into each step, (batch, time, tags, tags).
    After a sequence's end its last tag is repeated.
    """
    tags = scores.shape[-1]
    inside = ops.swapaxes(mask, 0, 1)
    steps = ops.swapaxes(scores, 0, 1)
    # Both loops go over all steps, so that none is empty where a sequence has one step.
    begins = ops.expand_dims(ops.arange(ops.shape(steps)[0]) == 0, 1)
    along: tuple = ()
    leaving = transitions
    if len(transitions.shape) == 4:
        moves = ops.swapaxes(transitions, 0, 1)
        along, leaving = (moves,), ops.concatenate([moves[1:], ops.zeros_like(moves[:1])], axis=0)

    def forward(best: Tensor, now: tuple) -> Tensor:
        scores, is_inside, is_first, *own = now
        into = own[0] if own else transitions
        arriving = ops.where(is_first, first, ops.max(ops.expand_dims(best, 2) + into, axis=1))
        return ops.where(ops.expand_dims(is_inside, 1), arriving + scores, best)

    totals = scan(forward, ops.zeros_like(steps[0]), sequences=(steps, inside, begins, *along))
    # From each step to the next; from the last, and on the padding, to the same tag.
    back = argmax(ops.expand_dims(totals, 3) + leaving, axis=2)
    goes_on = ops.concatenate([inside[1:], ops.zeros_like(inside[:1])], axis=0)
    back = ops.where(ops.expand_dims(goes_on, 2), back, ops.arange(tags, dtype="int32"))

    def backward(tag: Tensor, pointers: Tensor) -> Tensor:
        # A sum with one number in it: `take_along_axis` is a dozen operations in ONNX, at every step.
        chosen = ops.arange(tags, dtype="int32") == ops.expand_dims(tag, 1)
        return ops.cast(ops.sum(ops.where(chosen, pointers, 0), axis=1), "int32")

    last = argmax(totals[-1])
    # Not by a loop in reverse: ONNX has none that writes from the end.
    path = scan(backward, last, sequences=ops.flip(back, 0))
    return ops.swapaxes(ops.flip(path, 0), 0, 1)


@keras.saving.register_keras_serializable(PACKAGE)
class BestPath(layers.Layer):
    """The best path of tags in which every transition is allowed.

    allowed: (1 + tags, tags) of bool as nested lists: row 0 the tags that may begin, row 1 + a those that may follow a;
        None: all are.
    """

    def __init__(self, allowed: list[list[bool]] | None, **options: LayerArgument):
        super().__init__(**options)
        self.allowed = allowed

    def call(self, scores: Tensor, mask_in: Tensor) -> Tensor:
        """Return (batch, time) of int32. scores: (batch, time, tags), or the chain of a ConditionalRandomField."""
        tags = scores.shape[-1]
        allowed = [[True] * tags] * (1 + tags) if self.allowed is None else self.allowed
        penalty = ops.where(ops.convert_to_tensor(allowed, dtype="bool"), 0.0, FORBIDDEN)
        if len(scores.shape) == 3:
            return viterbi(scores, mask_in, first=penalty[0], transitions=penalty[1:])
        first = scores[:, 0, 0] + penalty[0]
        return viterbi(ops.zeros_like(scores[:, :, 0]), mask_in, first=first, transitions=scores + penalty[1:])

    def get_config(self) -> dict:
        return {**super().get_config(), "allowed": self.allowed}
