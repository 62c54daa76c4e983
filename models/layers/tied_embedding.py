"""Tied embedding: one vector per word, by which words are read, and by which they are told."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

# How many times shorter the vector of a rare word is.
SHORTER = 4


@keras.saving.register_keras_serializable(PACKAGE)
class TiedEmbedding(layers.Layer):
    """A table of vectors, (size, features), for both ends of a language model (Press and Wolf 2017; Inan et al. 2017).

    x = E[word]          what the network reads
    scores = h E^T       what it tells, from a hidden state of as many features

    The first `frequent` words have vectors of their own. A rare word has one that is SHORTER times shorter, r, and by
    a matrix that all share x = r P: E is [F; R P], and h E^T is [h F^T, (h P^T) R^T], which is what most of a training
    step is spent on (Grave et al. 2017, section 4.3; at both ends: Baevski and Auli 2019). frequent: None: all words.
    """

    def __init__(self, size: int, features: int, frequent: int | None = None, **options: LayerArgument):
        super().__init__(**options)
        self.size, self.features = size, features
        self.frequent = size if frequent is None else min(frequent, size)

    def build(self, shape: tuple) -> None:
        # As wide as the rows of a matrix of so many inputs: scores are of about 1 for hidden states of about 1.
        normal = keras.initializers.RandomNormal(stddev=self.features**-0.5)
        self.table = self.add_weight((self.frequent, self.features), normal, name="table")
        if self.frequent < self.size:
            short = max(1, self.features // SHORTER)
            self.rare = self.add_weight((self.size - self.frequent, short), normal, name="rare")
            self.lengthen = self.add_weight((short, self.features), "orthogonal", name="lengthen")

    def call(self, given: Tensor, tell: bool = False) -> Tensor:
        """Return vectors, (..., features), of word numbers, (...).

        tell: return scores, (..., size), of vectors, (..., features).
        """
        table = self._read(self.table)
        if self.frequent == self.size:
            return ops.matmul(given, ops.transpose(table)) if tell else ops.take(table, given, axis=0)
        rare, lengthen = self._read(self.rare), self._read(self.lengthen)
        if tell:
            short = ops.matmul(given, ops.transpose(lengthen))
            scores = ops.matmul(given, ops.transpose(table)), ops.matmul(short, ops.transpose(rare))
            return ops.concatenate(scores, axis=-1)
        seldom = ops.expand_dims(given >= self.frequent, -1)
        own = ops.take(table, ops.minimum(given, self.frequent - 1), axis=0)
        lengthened = ops.matmul(ops.take(rare, ops.maximum(given - self.frequent, 0), axis=0), lengthen)
        return ops.where(seldom, lengthened, own)

    def _read(self, weight: Tensor) -> Tensor:
        return ops.cast(ops.convert_to_tensor(weight), self.compute_dtype)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "features": self.features, "frequent": self.frequent}


@keras.saving.register_keras_serializable(PACKAGE)
class Bias(layers.Layer):
    """One number per word that is added to its score, whatever was read: how frequent it is.

    counts: how often each word is told. Then it begins as the logarithm of their shares, each counted once more, and
    what is left to learn is where a word is likelier than elsewhere: by steps of the learning rate it is a long way to
    the share of a rare word. None or empty: it begins as 0.
    """

    def __init__(self, counts: Sequence[int] | None = None, **options: LayerArgument):
        super().__init__(**options)
        self.counts = counts

    def build(self, shape: tuple) -> None:
        self.bias = self.add_weight((shape[-1],), self.draw if self.counts else "zeros", name="bias")

    def draw(self, shape: tuple, dtype: str | None = None) -> Tensor:
        """Return the logarithm of each word's share."""
        more = np.array(self.counts, "float32") + 1
        return ops.convert_to_tensor(np.log(more / more.sum()), dtype)

    def call(self, scores: Tensor) -> Tensor:
        """Return (..., size), as the scores are."""
        return scores + self.bias

    def get_config(self) -> dict:
        # Without the counts: a layer that is loaded has its weights.
        return super().get_config()
