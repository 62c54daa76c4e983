"""The best path of tags: search through scores that are all known (Viterbi 1967)."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

# The logarithm of the probability of what must not be: not minus infinity, whose differences are no numbers.
FORBIDDEN = -1e9


def viterbi(scores: Tensor, mask: Tensor, first: Tensor, transitions: Tensor) -> Tensor:
    """Return the path of tags with the highest total score (Viterbi 1967), as (batch, time) of int32.

    scores: (batch, time, tags). mask: (batch, time) of bool, true where there is input, padding on the right.
    first: (tags,), added to the first step's scores. transitions: (tags, tags), added for tag a before tag b at [a, b].
    After a sequence's end its last tag is repeated.
    """
    tags = scores.shape[-1]
    inside = ops.swapaxes(mask, 0, 1)
    steps = ops.swapaxes(scores, 0, 1)
    start = steps[0] + first
    # The scan of Keras' TensorFlow backend takes one tensor, and gives back what it carries and nothing else: so the
    # mask goes with the scores, and the pointers are found from the totals afterwards.
    marked = ops.concatenate([steps, ops.expand_dims(ops.cast(inside, steps.dtype), 2)], axis=2)

    def forward(best: Tensor, step: Tensor) -> Tensor:
        arriving = ops.max(ops.expand_dims(best, 2) + transitions, axis=1)
        best = ops.where(step[:, tags:] > 0, arriving + step[:, :tags], best)
        return best, best

    last_best, later = ops.scan(forward, start, marked[1:])
    earlier = ops.concatenate([ops.expand_dims(start, 0), later], axis=0)[:-1]
    back = ops.cast(ops.argmax(ops.expand_dims(earlier, 3) + transitions, axis=2), "int32")
    back = ops.where(ops.expand_dims(inside[1:], 2), back, ops.arange(tags, dtype="int32"))

    def backward(tag: Tensor, pointers: Tensor) -> Tensor:
        before = ops.squeeze(ops.take_along_axis(pointers, ops.expand_dims(tag, 1), axis=1), 1)
        return before, before

    last = ops.cast(ops.argmax(last_best, axis=1), "int32")
    _, path = ops.scan(backward, last, back, reverse=True)
    return ops.swapaxes(ops.concatenate([path, ops.expand_dims(last, 0)], axis=0), 0, 1)


@keras.saving.register_keras_serializable(PACKAGE)
class BestPath(layers.Layer):
    """The best path of tags in which every transition is allowed.

    allowed: (1 + tags, tags) of bool as nested lists: row 0 the tags that may begin, row 1 + a those that may follow a.
    """

    def __init__(self, allowed: list[list[bool]], **options: LayerArgument):
        super().__init__(**options)
        self.allowed = allowed

    def call(self, scores: Tensor, mask_in: Tensor) -> Tensor:
        penalty = ops.where(ops.convert_to_tensor(self.allowed, dtype="bool"), 0.0, FORBIDDEN)
        return viterbi(scores, mask_in, first=penalty[0], transitions=penalty[1:])

    def get_config(self) -> dict:
        return {**super().get_config(), "allowed": self.allowed}
