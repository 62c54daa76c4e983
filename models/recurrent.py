"""The recurrent part of every model, and the one table that names the RNN types.

All of them unroll one cell over time: the same weights at every step, a hidden state handed from step to step, zero at
the start. For SimpleRNN the state is h_t = tanh(x_t W + h_{t-1} U + b) (Elman 1990).

Padding is on the right, so no mask is needed inside the loop: what comes before the end of a sequence cannot see the
padding after it. The backward direction runs over each sequence reversed by its own length (see `Reverse`).
"""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

# name -> a function of units that returns a layer from (batch, time, features) to (batch, time, units).
CELLS: dict[str, Callable[..., Any]] = {
    "simple": layers.SimpleRNN,
    "lstm": layers.LSTM,
    "gru": layers.GRU,
}


@keras.saving.register_keras_serializable("unrolled")
class Reverse(layers.Layer):
    """Reverse each sequence of (batch, time, features) by its own length; the padding stays on the right.

    a b c . .  ->  c b a . .     The operation is its own inverse.
    """

    def call(self, sequences: Any, mask_in: Any) -> Any:
        """Return (batch, time, features); mask_in: (batch, time) of bool, true where there is input."""
        batch, steps, features = (ops.shape(sequences)[axis] for axis in range(3))
        length = ops.sum(ops.cast(mask_in, "int32"), axis=1, keepdims=True)
        step = ops.expand_dims(ops.arange(steps, dtype="int32"), 0)
        position = ops.where(step < length, length - 1 - step, step)
        # Whole rows of a flat (batch x time, features) table are gathered: many times faster than single numbers.
        flat = position + ops.expand_dims(ops.arange(batch, dtype="int32"), 1) * steps
        rows = ops.take(ops.reshape(sequences, (-1, features)), ops.reshape(flat, (-1,)), axis=0)
        return ops.reshape(rows, (batch, steps, features))


def unroll(
    inputs: Any, mask: Any, cell: str, units: int, depth: int = 1, bidirectional: bool = False, dropout: float = 0.0
) -> Any:
    """Return the hidden states of `depth` stacked recurrent layers at every step.

    inputs: (batch, time, features). mask: (batch, time) of bool, true where there is input.
    Returns (batch, time, units); forward and backward states side by side, (batch, time, 2 units), if bidirectional.
    dropout: share of the inputs of each layer after the first that is set to 0 in training.
    """
    make = CELLS[cell]
    states = inputs
    for number in range(depth):
        if number and dropout:
            states = layers.Dropout(dropout)(states)
        forward = make(units, return_sequences=True, name=f"{cell}_{number}_forward")(states)
        if bidirectional:
            backward = make(units, return_sequences=True, name=f"{cell}_{number}_backward")(Reverse()(states, mask))
            forward = layers.Concatenate()([forward, Reverse()(backward, mask)])
        states = forward
    return states
