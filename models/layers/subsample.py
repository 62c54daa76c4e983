"""Sound frames made fewer before the recurrent layers read them."""

from keras import layers, ops

from models.saving import saved_as
from models.tensor import LayerArgument, Tensor


@saved_as("Halve")
class Subsample(layers.Layer):
    """A convolution that makes one step out of two: (batch, time, features) -> (batch, (time + 1) // 2, filters).

    Step j sees the frames 2j - 1, 2j and 2j + 1. The padding counts as zeros, whatever it holds, and there is one zero
    before the first frame and after the last: so neither the values nor the length of the padding change a step.
    """

    def __init__(self, filters: int, **options: LayerArgument):
        super().__init__(**options)
        self.filters = filters
        self.convolution = layers.Conv1D(filters, 3, strides=2, activation="relu", name="convolution")

    def build(self, frames_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        self.convolution.build(frames_shape)

    def call(self, frames: Tensor, mask_in: Tensor) -> tuple[Tensor, Tensor]:
        """Return the steps and their mask, (batch, (time + 1) // 2) of bool; mask_in: (batch, time) of bool."""
        frames = ops.where(ops.expand_dims(mask_in, 2), frames, ops.zeros_like(frames))
        return self.convolution(ops.pad(frames, ((0, 0), (1, 1), (0, 0)))), mask_in[:, ::2]

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}
