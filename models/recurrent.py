"""The recurrent part of every model. The table of models/cells/__init__.py names the RNN types.

All of them but "dnn" unroll one cell over time: the same weights at every step, a hidden state handed from step to
step, zero at the start. For SimpleRNN the state is h_t = tanh(x_t W + h_{t-1} U + b) (Elman 1990). Those beyond simple,
lstm and gru are in models/cells/linear_rnn.py and models/cells/indrnn.py.

Padding is on the right, so no mask is needed inside the loop: what comes before the end of a sequence cannot see the
padding after it. The backward direction runs over each sequence reversed by its own length (see `Reverse`).
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import keras
from keras import layers, ops

from models.cells import CELLS, is_bounded, settings, writes

__all__ = ["CELLS", "GRU", "LSTM", "SimpleRNN", "is_bounded", "settings", "unroll", "writes"]


class Unrolled(layers.RNN):
    """What the three layers below add to Keras' own: the input projection of all steps is one matrix product before
    the loop, on JAX the loop and its gradient are those of backends/jax_loops.py, on torch all of it is one kernel, and
    on TensorFlow the loop is native code (backends/tensorflow_loops.py).

    Same arguments, weights, results and saved files as the Keras layer. What the fast path does not cover (other
    activations, recurrent dropout, unrolling, a reset gate before the product; on torch and TensorFlow a mask; on
    TensorFlow without native kernels all, and what is not float32; on JAX the LSTM on a GPU, where cuDNN runs) goes the
    way of the Keras layer.
    """

    kind: str

    def is_covered(self, mask: Any = None) -> bool:
        """Return whether the fast path computes what this layer is asked for."""
        cell, backend = self.cell, keras.config.backend()
        gated = self.kind != "simple"
        return (
            (backend == "jax" or (mask is None and (backend == "torch" or self._is_called())))
            and cell.activation in (keras.activations.tanh, ops.tanh)
            and (not gated or cell.recurrent_activation in (keras.activations.sigmoid, ops.sigmoid))
            and not (cell.recurrent_dropout or self.unroll)
            and not (gated and cell.dropout and cell.implementation == 1)
            and not (self.kind == "gru" and not cell.reset_after)
            and not (self.kind == "lstm" and backend == "jax" and _on_gpu())
        )

    def _is_called(self) -> bool:
        # TensorFlow is imported where it is the backend alone.
        if keras.config.backend() != "tensorflow":
            return False
        from models.backends import tensorflow_loops

        return tensorflow_loops.library is not None and self.compute_dtype == "float32"

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> tuple:
        """Return the last output, all outputs (batch, time, units) and the states after the last step."""
        mask = mask[0] if isinstance(mask, list) else mask
        if not self.is_covered(mask):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        kernel, recurrent = ops.convert_to_tensor(cell.kernel), ops.convert_to_tensor(cell.recurrent_kernel)
        gates = kernel.shape[1]
        bias = ops.convert_to_tensor(cell.bias) if cell.use_bias else ops.zeros(gates, kernel.dtype)
        # Of a gru, one for x W, one for h U.
        biases = [bias[0], bias[1]] if bias.ndim == 2 else [bias, ops.zeros_like(bias)]
        if training and cell.dropout:
            sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1)
        if keras.config.backend() != "jax":
            if keras.config.backend() == "torch":
                from models.backends.torch_fused import run
            else:
                from models.backends.tensorflow_loops import run
            sequences = ops.flip(sequences, 1) if self.go_backwards else sequences
            outputs, last = run(self.kind, sequences, initial_state, [kernel, recurrent, *biases])
            return outputs[:, -1], outputs, last
        from models.backends import jax_loops

        batch, steps, features = sequences.shape
        # Time-major first, then one flat product: its gradient takes half as long as that of a product of three axes.
        flat = ops.reshape(ops.swapaxes(sequences, 0, 1), (-1, features))
        projected = ops.reshape(ops.matmul(flat, kernel) + biases[0], (steps, batch, gates))
        if mask is not None:
            mask = ops.expand_dims(ops.swapaxes(ops.cast(mask, "bool"), 0, 1), 2)
        if self.go_backwards:
            projected, mask = ops.flip(projected, 0), None if mask is None else ops.flip(mask, 0)
        more = (recurrent, biases[1]) if self.kind == "gru" else (recurrent,)
        outputs, states = jax_loops.run(self.kind, projected, mask, tuple(initial_state), more)
        if self.zero_output_for_mask and mask is not None:
            outputs = ops.where(mask, outputs, ops.zeros_like(outputs))
        return outputs[-1], ops.swapaxes(outputs, 0, 1), list(states)


def _on_gpu() -> bool:
    import jax

    return jax.default_backend() == "gpu"


@keras.saving.register_keras_serializable("unrolled")
class SimpleRNN(Unrolled, layers.SimpleRNN):
    """h_t = tanh(x_t W + h_{t-1} U + b) (Elman 1990)."""

    kind = "simple"


@keras.saving.register_keras_serializable("unrolled")
class LSTM(Unrolled, layers.LSTM):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000)."""

    kind = "lstm"


@keras.saving.register_keras_serializable("unrolled")
class GRU(Unrolled, layers.GRU):
    """Gated recurrent unit (Cho et al. 2014), the reset gate after the product."""

    kind = "gru"


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


# The cells that can begin by remembering, and what they must be told so that they do.
REMEMBERING: dict[str, Callable[[int], dict[str, Any]]] = {
    "lstm": lambda longest: {"bias_initializer": Chrono(longest), "unit_forget_bias": False},
    "gru": lambda longest: {"bias_initializer": Chrono(longest)},
    **dict.fromkeys(("indrnn", "mingru", "minlstm", "lru"), lambda longest: {"chrono": longest}),
}


def unroll(
    inputs: Any,
    mask: Any,
    cell: str,
    units: int,
    depth: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    chrono: int | None = None,
    longest: int | None = None,
) -> Any:
    """Return the hidden states of `depth` stacked recurrent layers at every step.

    inputs: (batch, time, features). mask: (batch, time) of bool, true where there is input.
    Returns (batch, time, units); forward and backward states side by side, (batch, time, 2 units), if bidirectional.
    dropout: share of the inputs of each layer after the first that is set to 0 in training.
    chrono: steps that gates begin by remembering (see `Chrono`); simple has none.
    longest: steps of the longest input; of use to a cell that is bounded.
    """
    make = CELLS[cell]
    if chrono and cell in REMEMBERING:
        make = partial(make, **REMEMBERING[cell](chrono))
    if is_bounded(cell):
        make = partial(make, longest=longest)
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
