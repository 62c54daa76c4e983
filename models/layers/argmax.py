"""The place of the highest score, in the few operations that every format of an exported model has."""

import keras
from keras import layers, ops

from models.tensor import LayerArgument, Tensor


def argmax(scores: Tensor, axis: int = -1) -> Tensor:
    """Return the place of the highest score along an axis, as int32: among equals the first.

    On TensorFlow, `keras.ops.argmax` looks at the bits of a number, to tell -0.0 from 0.0. Neither ONNX nor LiteRT can.
    """
    if keras.config.backend() == "tensorflow":
        import tensorflow

        return tensorflow.argmax(scores, axis=axis, output_type="int32")
    return ops.cast(ops.argmax(scores, axis=axis), "int32")


class ArgMax(layers.Layer):
    """`argmax` over the last axis, as a layer."""

    def __init__(self, **options: LayerArgument):
        super().__init__(dtype="float32", **options)

    def call(self, scores: Tensor) -> Tensor:
        """Return (...) of int32. scores: (..., size)."""
        return argmax(scores)
