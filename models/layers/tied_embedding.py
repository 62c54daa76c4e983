"""Tied embedding: one vector per word, by which words are read, and by which they are told."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class TiedEmbedding(layers.Layer):
    """A table of vectors, (size, features), for both ends of a language model (Press and Wolf 2017; Inan et al. 2017).

    x = E[word]          what the network reads
    scores = h E^T       what it tells, from a hidden state of as many features
    """

    def __init__(self, size: int, features: int, **options: LayerArgument):
        super().__init__(**options)
        self.size, self.features = size, features

    def build(self, shape: tuple) -> None:
        # As wide as the rows of a matrix of so many inputs: scores are of about 1 for hidden states of about 1.
        self.table = self.add_weight(
            (self.size, self.features), keras.initializers.RandomNormal(stddev=self.features**-0.5), name="table"
        )

    def call(self, given: Tensor, tell: bool = False) -> Tensor:
        """Return vectors, (batch, time, features), of word numbers, (batch, time).

        tell: return scores, (batch, time, size), of vectors, (batch, time, features).
        """
        table = ops.cast(ops.convert_to_tensor(self.table), self.compute_dtype)
        return ops.matmul(given, ops.transpose(table)) if tell else ops.take(table, given, axis=0)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "features": self.features}


@keras.saving.register_keras_serializable(PACKAGE)
class Bias(layers.Layer):
    """One number per word that is added to its score, whatever was read: how frequent it is."""

    def build(self, shape: tuple) -> None:
        self.bias = self.add_weight((shape[-1],), "zeros", name="bias")

    def call(self, scores: Tensor) -> Tensor:
        """Return (..., size), as the scores are."""
        return scores + self.bias
