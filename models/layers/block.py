"""Residual blocks: what papers since 2020 put around a recurrent layer, so that several of them can be trained.

    stream = entry(inputs)                                      (batch, time, width), width that of the states
    stream = stream + mix(cell(norm(stream)))                   the only part that looks at other steps
    stream = stream + MLP(norm(stream))                         once per layer
    states = norm(stream)

A bare linear recurrence, such as mingru or lru, has gates that do not see its state, and no step at which two of its
states are multiplied or compared: that is the part of the MLP. The residual connection (He et al. 2016) hands on what a
layer does not need, and the norm before each part, not after (Xiong et al. 2020), keeps the stream in its place.

The parts are those of Griffin (De et al. 2024, section 2 and figure 2), whose MLP is gated: W (gelu(x V) * (x U)), the
GEGLU of Shazeer 2020. The minGRU paper (Feng et al. 2024, appendix C), LRU (Orvieto et al. 2023, figure 1) and Mamba
(Gu and Dao 2023, figure 3) have the same stream and norm; the short convolution that some of them put before the cell
is left out. The norm divides by the root of the mean square (Zhang and Sennrich 2019).
"""

import keras
from keras import layers, ops

from models.layers.locked_dropout import make_dropout
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

# The MLP is so many times as wide as the stream.
EXPANSION = 2
# Added to the mean square, as in Keras' layer normalization: vectors of about 0, such as those on the way from the
# baseline of an explanation, are not blown up.
EPSILON = 1e-3
# Names of the layers in front of the first block and behind the last.
ENTRY, EXIT = "block_entry", "block_exit"


def make_entry(width: int) -> layers.Layer:
    """Return what makes the stream out of a model's vectors, (..., features) -> (..., width)."""
    return layers.Dense(width, name=ENTRY)


def make_norm(name: str) -> layers.Layer:
    """Return what stands before the cell of each block, and behind the last block."""
    return layers.RMSNormalization(epsilon=EPSILON, name=name)


@keras.saving.register_keras_serializable(PACKAGE)
class ResidualBlock(layers.Layer):
    """What stands behind the cell of a block: see above.

    Each step is computed alone, so the padding has no part in any other. dropout: share of the numbers that are added
    to the stream set to 0 in training; locked: the same at every step.
    """

    def __init__(self, dropout: float = 0.0, locked: bool = False, **options: LayerArgument):
        super().__init__(**options)
        self.dropout, self.locked = dropout, locked
        self.dropout_layers = [make_dropout(dropout, locked=locked) for _ in range(2)]

    def build(self, stream_shape: tuple, states_shape: tuple) -> None:
        width = stream_shape[-1]
        wide = EXPANSION * width
        self.mix = layers.Dense(width, name="mix")
        self.norm = make_norm("norm")
        self.expand = layers.Dense(2 * wide, name="expand")
        self.contract = layers.Dense(width, name="contract")
        self.mix.build(states_shape)
        self.norm.build(stream_shape)
        self.expand.build(stream_shape)
        self.contract.build((*stream_shape[:-1], wide))

    def call(self, stream: Tensor, states: Tensor, training: bool = False) -> Tensor:
        """Return the stream behind the block. stream: (..., width). states: of the cell, (..., units)."""
        stream = stream + self.dropout_layers[0](self.mix(states), training=training)
        gate, value = ops.split(self.expand(self.norm(stream)), 2, axis=-1)
        return stream + self.dropout_layers[1](self.contract(ops.gelu(gate) * value), training=training)

    def compute_output_shape(self, stream_shape: tuple, states_shape: tuple) -> tuple:
        return stream_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "dropout": self.dropout, "locked": self.locked}
