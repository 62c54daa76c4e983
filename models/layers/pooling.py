"""One vector out of the hidden states of all steps."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

POOLINGS = ("last", "max", "mean", "max+mean")


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
            pooled.append(ops.max(ops.where(inside, states, ops.cast(-1e4, states.dtype)), axis=1))
        if "mean" in self.kind:
            pooled.append(
                ops.sum(ops.where(inside, states, ops.cast(0, states.dtype)), axis=1) / ops.cast(length, states.dtype)
            )
        return ops.concatenate(pooled, axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), "kind": self.kind, "bidirectional": self.bidirectional}
