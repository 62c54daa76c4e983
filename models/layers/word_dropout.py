"""Word dropout: words made unknown at random in training."""

import keras
from keras import layers, ops

from models.backends import draw_mask
from models.saving import saved_as
from models.tensor import LayerArgument, Tensor


@saved_as("Forget")
class WordDropout(layers.Layer):
    """In training, make some words unknown, so that the model learns what to make of a word it has never seen.

    rate: the share of the words of (batch, time) that become unknown.
    unknown: the number of an unknown word. Models that were saved without it have 1.
    """

    def __init__(self, rate: float, unknown: int | None = 1, **options: LayerArgument):
        super().__init__(**options)
        if unknown is None:
            raise ValueError("word dropout makes words unknown, and this field has no number for an unknown word")
        self.rate, self.unknown = rate, unknown
        self.generator = keras.random.SeedGenerator()

    def call(self, numbers: Tensor, training: bool = False) -> Tensor:
        if not training:
            return numbers
        dropped = draw_mask(self.generator, numbers.shape, self.rate)
        if dropped is None:
            dropped = keras.random.uniform(ops.shape(numbers), seed=self.generator) < self.rate
        return ops.where(dropped, ops.full_like(numbers, self.unknown), numbers)

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate, "unknown": self.unknown}
