"""One vector out of the hidden states of all steps."""

from typing import Literal

import keras
from keras import layers, ops

from models.layers.attention import softmax
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

POOLINGS = ("last", "max", "mean", "max+mean")
# A score below those of all steps.
LEAST = -1e4


@keras.saving.register_keras_serializable(PACKAGE)
class Pool(layers.Layer):
    """One vector out of the hidden states of all steps, padding left out.

    kind: "last": the state after the last step; for a backward direction, the one after the first step. "max", "mean":
    over the steps. "max+mean": both side by side. bidirectional: the second half of the units reads backwards.
    """

    def __init__(self, kind: str, bidirectional: bool, **options: LayerArgument):
        super().__init__(**options)
        self.kind, self.bidirectional = kind, bidirectional

    def call(self, states: Tensor, mask_in: Tensor) -> Tensor:
        """Return (batch, units), or (batch, 2 units) for "max+mean". states: (batch, time, units)."""
        inside = ops.expand_dims(mask_in, 2)
        # Counted in integers: bfloat16 has no 257.
        length = ops.sum(ops.cast(inside, "int32"), axis=1)
        if self.kind == "last":
            index = ops.expand_dims(length - 1, 2)
            end = ops.squeeze(ops.take_along_axis(states, index, axis=1), 1)
            half = states.shape[-1] // 2
            return ops.concatenate([end[:, :half], states[:, 0, half:]], axis=1) if self.bidirectional else end
        pooled = []
        if "max" in self.kind:
            pooled.append(ops.max(ops.where(inside, states, ops.cast(LEAST, states.dtype)), axis=1))
        if "mean" in self.kind:
            pooled.append(
                ops.sum(ops.where(inside, states, ops.cast(0, states.dtype)), axis=1) / ops.cast(length, states.dtype)
            )
        return ops.concatenate(pooled, axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), "kind": self.kind, "bidirectional": self.bidirectional}


@keras.saving.register_keras_serializable(PACKAGE)
class AttentionPool(layers.Layer):
    """The mean of the hidden states of all steps, each weighted by how much it tells: "Hierarchical Attention Networks
    for Document Classification" (Yang et al. 2016, equations 5 to 7).

    u_t = tanh(h_t W + b)    a = softmax over t of u_t . u    the answer is the sum of a_t h_t. Padding has no weight.
    """

    def build(self, states_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        units = states_shape[-1]
        self.kernel = self.add_weight((units, units), "glorot_uniform", name="kernel")
        self.bias = self.add_weight((units,), "zeros", name="bias")
        self.context = self.add_weight((units,), keras.initializers.RandomNormal(stddev=0.1), name="context")

    def score(self, states: Tensor) -> Tensor:
        """Return u_t . u, (batch, time) of float32. states: (batch, time, units)."""
        found = ops.matmul(ops.tanh(ops.matmul(states, self.kernel) + self.bias), ops.expand_dims(self.context, 1))
        return ops.cast(ops.squeeze(found, 2), "float32")

    def call(self, states: Tensor, mask_in: Tensor) -> Tensor:
        """Return (batch, units). states: (batch, time, units)."""
        weights = softmax(self.score(states), mask_in)
        return ops.sum(ops.cast(ops.expand_dims(weights, 2), states.dtype) * states, axis=1)


def make_pool(
    kind: Literal["last", "max", "mean", "max+mean", "attention"], bidirectional: bool
) -> Pool | AttentionPool:
    """Return the layer "pool" of a kind. bidirectional: the second half of the units reads backwards."""
    return AttentionPool(name="pool") if kind == "attention" else Pool(kind, bidirectional, name="pool")
