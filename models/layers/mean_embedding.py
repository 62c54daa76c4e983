"""The mean of the vectors of several ids, such as those of the n-grams of a word."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class MeanEmbedding(layers.Layer):
    """From several ids to the mean of their vectors: (..., several) -> (..., units) (Bojanowski et al. 2017).

    The id 0 stands for none, and has no part in the mean; where all are 0, it is 0. size: how many ids there are.
    """

    def __init__(self, size: int, units: int, **options: LayerArgument):
        super().__init__(**options)
        self.size, self.units = size, units

    def build(self, ids_shape: tuple) -> None:
        self.vectors = self.add_weight((self.size, self.units), "uniform", name="vectors")

    def call(self, ids: Tensor) -> Tensor:
        there = ops.expand_dims(ops.cast(ids != 0, self.compute_dtype), -1)
        vectors = ops.take(ops.cast(self.vectors, self.compute_dtype), ids, axis=0) * there
        return ops.sum(vectors, axis=-2) / ops.maximum(ops.sum(there, axis=-2), 1)

    def compute_output_shape(self, ids_shape: tuple) -> tuple:
        return (*ids_shape[:-1], self.units)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size, "units": self.units}
