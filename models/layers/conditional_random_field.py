"""A linear-chain conditional random field over tags (Lafferty, McCallum and Pereira 2001), for a network's logits.

The score of a path y of tags is that of its first tag, of each tag after the one before it, and of its last:

    s(y) = first[y_1] + sum_t logits_t[y_t] + sum_t transitions[y_{t-1}, y_t] + last[y_n]
    p(y) = exp s(y) / sum over all paths y' of exp s(y')

Given the input, the tags are a Markov chain, so that p(y) is the product of p(y_t | y_{t-1}). This layer computes
those factors, from the end to the beginning, and they are the output of a model. What asks for an answer per step finds
one, as it does without a field: the loss of a step is the cross-entropy of its tag, given the one before; the losses of
a sentence add up to -log p(y), exactly; and sample weights leave out the padding.
"""

import keras
import numpy as np
from keras import layers, ops

from models.cells.parallel_rnn import scan
from models.decoding.viterbi import penalize
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class ConditionalRandomField(layers.Layer):
    """From logits to the logarithms of p(tag | tag before), (batch, time, tags before, tags).

    At the first step they are the same for all tags before, there being none; behind a sentence's end they are 0.

    allowed: (1 + tags, tags) of bool as nested lists: row 0 the tags that may begin, row 1 + a those that may follow a.
        A path with any other has no probability, in training too (Papay et al. 2022). None: all are allowed.
    """

    def __init__(self, allowed: list[list[bool]] | None = None, **options: LayerArgument):
        super().__init__(**options)
        self.allowed = allowed

    def build(self, logits_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        tags = logits_shape[-1]
        self.first = self.add_weight((tags,), "zeros", name="first")
        self.last = self.add_weight((tags,), "zeros", name="last")
        self.transitions = self.add_weight((tags, tags), "zeros", name="transitions")

    def call(self, logits: Tensor, mask_in: Tensor) -> Tensor:
        """Return (batch, time, tags, tags). mask_in: (batch, time) of bool, true where there is input."""
        first, last, transitions = map(ops.convert_to_tensor, (self.first, self.last, self.transitions))
        if self.allowed is not None:
            penalty = ops.convert_to_tensor(penalize(self.allowed))
            first, transitions = first + penalty[0], transitions + penalty[1:]
        steps, inside = ops.swapaxes(logits, 0, 1), ops.swapaxes(mask_in, 0, 1)
        begins = ops.reshape(ops.arange(ops.shape(steps)[0]) == 0, (-1, 1, 1))
        # The score of each tag after each other: (time, tags before, tags).
        moves = ops.where(begins, first, transitions)
        goes_on = ops.concatenate([inside[1:], ops.zeros_like(inside[:1])], axis=0)

        def rest(after: Tensor, is_going_on: Tensor) -> Tensor:
            """Return the logarithm of the sum over all ends of a sentence behind each tag, but for a constant."""
            # The same for all tags: so the numbers stay small, however long the sentence is.
            level = ops.stop_gradient(ops.max(after, axis=-1, keepdims=True))
            return ops.where(ops.expand_dims(is_going_on, -1), after - level, last)

        def backward(after: Tensor, now: tuple) -> Tensor:
            scores, move, is_inside, is_going_on = now
            arriving = scores + rest(after, is_going_on)
            total = ops.logsumexp(move + ops.expand_dims(arriving, 1), axis=2)
            return ops.where(ops.expand_dims(is_inside, 1), total, ops.zeros_like(total))

        # Not by a loop in reverse: ONNX has none that writes from the end.
        turned = tuple(ops.flip(one, 0) for one in (steps, moves, inside, goes_on))
        # What p(tag | tag before) is divided by, (time, batch, tags before).
        totals = ops.flip(scan(backward, ops.zeros_like(steps[0]), sequences=turned), 0)
        after = ops.concatenate([totals[1:], ops.zeros_like(totals[:1])], axis=0)
        arriving = steps + rest(after, goes_on)
        found = ops.expand_dims(moves, 1) + ops.expand_dims(arriving, 2) - ops.expand_dims(totals, 3)
        found = ops.where(ops.reshape(inside, (*ops.shape(inside), 1, 1)), found, ops.zeros_like(found))
        return ops.swapaxes(found, 0, 1)

    def compute_output_shape(self, logits_shape: tuple, mask_in_shape: tuple | None = None) -> tuple:
        return (*logits_shape, logits_shape[-1])

    def get_config(self) -> dict:
        return {**super().get_config(), "allowed": self.allowed}


@keras.saving.register_keras_serializable(PACKAGE)
class PathCrossEntropy(keras.losses.Loss):
    """The cross-entropy of each tag, given the one before it: those of a sentence add up to -log p(y)."""

    def __init__(self, reduction: str = "mean_with_sample_weight", **options: LayerArgument):
        super().__init__(reduction=reduction, **options)

    def call(self, tags: Tensor, chain: Tensor) -> Tensor:
        """Return (batch, time). tags: likewise, of integers. chain: of `ConditionalRandomField`."""
        size = chain.shape[-1]
        tags = ops.cast(tags, "int32")
        # At the first step the tag before makes no difference.
        before = ops.concatenate([tags[:, :1], tags[:, :-1]], axis=1)
        every = ops.reshape(chain, (*ops.shape(tags), size * size))
        chosen = ops.expand_dims(before * size + tags, 2)
        return -ops.squeeze(ops.take_along_axis(every, chosen, axis=2), 2)


@keras.saving.register_keras_serializable(PACKAGE)
class Marginals(layers.Layer):
    """From the chain of a `ConditionalRandomField` to the logarithm of each tag's probability, whatever the others.

    It is the forward half of the forward-backward algorithm; behind a sentence's end all are 0.
    """

    def call(self, chain: Tensor) -> Tensor:
        """Return (batch, time, tags). chain: (batch, time, tags before, tags)."""
        steps = ops.swapaxes(chain, 0, 1)
        # At the first step all tags before have the same row, so that any weights of them will do that sum to 1.
        even = ops.zeros_like(steps[0, :, 0]) - float(np.log(chain.shape[-1]))

        def forward(before: Tensor, move: Tensor) -> Tensor:
            return ops.logsumexp(ops.expand_dims(before, 2) + move, axis=1)

        return ops.swapaxes(scan(forward, even, sequences=steps), 0, 1)


def score_steps(output: Tensor) -> Tensor:
    """Return the logits of a model step by step: of a field's chain the logarithms of each tag's probability.

    output: of a model. What is no chain, (batch, time, tags, tags), is returned as it is.
    """
    return Marginals(dtype="float32", name="marginals")(output) if len(output.shape) == 4 else output
