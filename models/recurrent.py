"""The recurrent part of every model, and the one table that names the RNN types.

All of them unroll one cell over time: the same weights at every step, a hidden state handed from step to step, zero at
the start. For SimpleRNN the state is h_t = tanh(x_t W + h_{t-1} U + b) (Elman 1990).

Padding is on the right, so no mask is needed inside the loop: what comes before the end of a sequence cannot see the
padding after it. The backward direction runs over each sequence reversed by its own length (see `Reverse`).
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import layers, ops

# name -> a function of units that returns a layer from (batch, time, features) to (batch, time, units).
CELLS: dict[str, Callable[..., Any]] = {
    "simple": layers.SimpleRNN,
    "lstm": layers.LSTM,
    "gru": layers.GRU,
}
# The cells with gates, and what they must be told so that all their biases are ours.
GATED: dict[str, dict[str, Any]] = {"lstm": {"unit_forget_bias": False}, "gru": {}}


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


@keras.saving.register_keras_serializable("unrolled")
class Chrono(keras.initializers.Initializer):
    """Biases with which the gates of an LSTM or a GRU begin as memories of up to `longest` steps.

    A gate that keeps a share s of the state at every step forgets in about 1 / (1 - s) steps: with a bias of 0 in two,
    before any gradient has come back from afar. So the bias is log(u), u uniform from 1 to longest - 1, and the LSTM's
    input gate has -log(u) (Tallec and Ollivier 2018, section 3). Biases of other shapes, of no gates, are 0.
    """

    def __init__(self, longest: int, seed: int | None = None):
        # As Keras' own initializers do: from the random numbers that the run's seed has set.
        self.longest, self.seed = longest, random.randrange(2**31) if seed is None else seed

    def __call__(self, shape: tuple, dtype: Any = None) -> Any:
        """Return the biases of an LSTM, (4 units,): gates i, f, o and the cell; or of a GRU, (2, 3 units): z, r, h."""
        gates = 3 if len(shape) == 2 else 4
        units = shape[-1] // gates
        keep = ops.log(keras.random.uniform((units,), 1.0, max(self.longest - 1.0, 1.001), seed=self.seed))
        rest = ops.zeros((units * 2,))
        if gates == 4:
            return ops.cast(ops.concatenate([-keep, keep, rest]), dtype or "float32")
        row = ops.concatenate([keep, rest])
        return ops.cast(ops.stack([row, ops.zeros_like(row)]), dtype or "float32")

    def get_config(self) -> dict:
        return {"longest": self.longest, "seed": self.seed}


def unroll(
    inputs: Any,
    mask: Any,
    cell: str,
    units: int,
    depth: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    chrono: int | None = None,
) -> Any:
    """Return the hidden states of `depth` stacked recurrent layers at every step.

    inputs: (batch, time, features). mask: (batch, time) of bool, true where there is input.
    Returns (batch, time, units); forward and backward states side by side, (batch, time, 2 units), if bidirectional.
    dropout: share of the inputs of each layer after the first that is set to 0 in training.
    chrono: steps that gates begin by remembering (see `Chrono`); simple has none.
    """
    make = CELLS[cell]
    if chrono and cell in GATED:
        make = partial(make, bias_initializer=Chrono(chrono), **GATED[cell])
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
