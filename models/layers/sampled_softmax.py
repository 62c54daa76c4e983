"""The loss of a language model with many words, by a few of them drawn at random."""

import math

import keras
from keras import layers, ops

from models.decoding.viterbi import FORBIDDEN
from models.tensor import LayerArgument, Tensor


class SampledSoftmax(layers.Layer):
    """Nats by which the right word at each step is not foreseen, against `samples` words drawn for the batch.

    The scores of the words are the products of a projection of the hidden state with their vectors, and a bias (Press
    and Wolf 2017). Each word that is drawn counts for those that are not: from its score is taken the logarithm of how
    often it is drawn, so that the sum of the softmax is that over all words, on the mean (Jean et al. 2015, "On Using
    Very Large Target Vocabulary for Neural Machine Translation", section 3). Words are drawn by a log-uniform law: the
    vocabulary has the frequent ones first. Where there are no more words than samples, all of them are asked.

    embedding: the layer whose table has the words' vectors. reserved: how many of its first rows stand for no word of
    the text, and are not drawn.
    """

    def __init__(self, embedding: layers.Embedding, reserved: int, samples: int = 512, **options: LayerArgument):
        super().__init__(**options)
        self.embedding, self.reserved = embedding, reserved
        self.words = embedding.input_dim - reserved
        self.samples = min(samples, self.words)
        self.generator = keras.random.SeedGenerator()

    def build(self, states_shape: tuple, *others: tuple) -> None:
        self.project = layers.Dense(self.embedding.output_dim, dtype=self.dtype_policy, name="project")
        self.project.build(states_shape)
        self.bias = self.add_weight((self.embedding.input_dim,), "zeros", name="bias")

    def call(self, states: Tensor, wanted: Tensor, asked: Tensor) -> Tensor:
        """Return (batch, time) of float32: 0 where nothing is asked.

        states: (batch, time, units). wanted: (batch, time) of int32, the right words. asked: (batch, time) of bool.
        """
        drawn, rarity = self.draw()
        vectors = self.project(states)
        table = ops.cast(self.embedding.embeddings, vectors.dtype)
        wrong = ops.matmul(vectors, ops.transpose(ops.take(table, drawn, axis=0)))
        wrong = ops.cast(wrong, "float32") + ops.take(self.bias, drawn) - rarity
        same = ops.equal(ops.expand_dims(wanted, 2), drawn)
        right = ops.cast(ops.sum(vectors * ops.take(table, wanted, axis=0), axis=2), "float32")
        right = right + ops.take(self.bias, wanted)
        scores = ops.concatenate([ops.expand_dims(right, 2), ops.where(same, FORBIDDEN, wrong)], axis=2)
        return ops.where(asked, ops.logsumexp(scores, axis=2) - right, 0.0)

    def draw(self) -> tuple[Tensor, Tensor]:
        """Return the words that are drawn, (samples,) of int32, and the logarithm of how often each is."""
        if self.samples == self.words:
            drawn = ops.arange(self.reserved, self.embedding.input_dim, dtype="int32")
        else:
            power = keras.random.uniform((self.samples,), seed=self.generator) * math.log(self.words + 1)
            place = ops.cast(ops.floor(ops.exp(power)), "int32") - 1
            drawn = ops.clip(place, 0, self.words - 1) + self.reserved
        return drawn, self.measure_rarity(drawn)

    def measure_rarity(self, words: Tensor) -> Tensor:
        """Return the logarithm of how often a word is among the drawn ones, on the mean; 0 where all are asked."""
        place = ops.cast(words - self.reserved, "float32")
        if self.samples == self.words:
            return ops.zeros_like(place)
        share = ops.log((place + 2) / (place + 1)) / math.log(self.words + 1)
        return ops.log(self.samples * share)
