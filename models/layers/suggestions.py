"""Suggestions: the likeliest words, and the keystrokes that they save."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from models.tensor import LayerArgument, Tensor

# Letters of a word after which no suggestion is looked at any more.
LETTERS = 12


class Suggest(layers.Layer):
    """The `shown` words of the highest scores, the first `reserved` symbols left out."""

    def __init__(self, reserved: int, shown: int, **options: LayerArgument):
        super().__init__(dtype="float32", **options)
        self.reserved, self.shown = reserved, shown

    def call(self, scores: Tensor) -> Tensor:
        """Return (batch, time, shown) of int32, the best first. scores: (batch, time, size)."""
        words = scores[..., self.reserved :]
        return ops.cast(ops.top_k(words, min(self.shown, words.shape[-1]))[1], "int32") + self.reserved


class SavedKeystrokes(keras.losses.Loss):
    """The keystrokes that suggestions save at each step: see `pipeline.suggestions.count_saved`, which this computes
    for all words at once.

    symbols: by number. reserved: those before it are never suggested, and save nothing. shown: suggestions at a time.
    """

    def __init__(self, symbols: Sequence[str], *, reserved: int, shown: int):
        super().__init__(reduction="mean_with_sample_weight")
        self.reserved, self.shown = reserved, shown
        self.lengths = np.array([len(symbol) for symbol in symbols], "int32")
        self.lengths[:reserved] = 0
        # By letters typed, the number of what each word begins with; -1: it ends before, or is never suggested.
        self.beginnings = np.full((min(LETTERS, int(self.lengths.max())), len(symbols)), -1, "int32")
        for typed in range(len(self.beginnings)):
            numbers: dict[str, int] = {}
            for place in range(reserved, len(symbols)):
                if len(symbols[place]) > typed:
                    beginning = symbols[place][:typed]
                    self.beginnings[typed, place] = numbers.setdefault(beginning, len(numbers))

    def call(self, expected: Tensor, scores: Tensor) -> Tensor:
        """Return (batch, time). expected: (batch, time) of word numbers. scores: (batch, time, size)."""
        expected = ops.cast(expected, "int32")
        own = ops.take_along_axis(scores, ops.expand_dims(expected, -1), axis=-1)
        likelier = scores > own
        length = ops.take(ops.convert_to_tensor(self.lengths), expected, axis=0)
        saved = ops.zeros_like(length)
        # From the most letters typed down, so that what stands at the end is the earliest time it is suggested.
        for typed in reversed(range(len(self.beginnings))):
            beginnings = ops.convert_to_tensor(self.beginnings[typed])
            mine = ops.expand_dims(ops.take(beginnings, expected, axis=0), -1)
            before = ops.sum(ops.cast(ops.logical_and(likelier, ops.equal(beginnings, mine)), "int32"), axis=-1)
            found = ops.logical_and(before < self.shown, mine[..., 0] >= 0)
            saved = ops.where(found, length - typed, saved)
        return ops.cast(saved, "float32")


class EndNats(keras.losses.Loss):
    """The cross-entropy at each end of a sentence, and 0 at all other steps. end: the number of that symbol."""

    def __init__(self, end: int):
        super().__init__(reduction="mean_with_sample_weight")
        self.end = end

    def call(self, expected: Tensor, scores: Tensor) -> Tensor:
        """Return (batch, time). expected: (batch, time) of word numbers. scores: (batch, time, size)."""
        nats = ops.logsumexp(scores, axis=-1) - scores[..., self.end]
        return ops.where(ops.equal(ops.cast(expected, "int32"), self.end), nats, ops.zeros_like(nats))
