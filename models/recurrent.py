"""The recurrent part of every model, and the door to it for others.

    from models.recurrent import GRU, LSTM, SimpleRNN    Keras' layers, by faster loops: nothing else need be called
    from models.recurrent import CELLS                   the table of the RNN types; see models/cells/__init__.py

All RNN types but "dnn" unroll one cell over time: the same weights at every step, a hidden state handed from step to
step, zero at the start. For SimpleRNN the state is h_t = tanh(x_t W + h_{t-1} U + b) (Elman 1990). Those beyond simple,
lstm and gru are in models/cells/linear_rnn.py, indrnn.py and baselines.py.

Padding is on the right, so no mask is needed inside the loop: what comes before the end of a sequence cannot see the
padding after it. The backward direction runs over each sequence reversed by its own length (see `Reverse`).
"""

import keras
from keras import layers, ops

from models import backends
from models.cells import CELLS
from models.cells.chrono import ChronoInitializer
from models.layers.dropout import Dropout
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

__all__ = ["CELLS", "GRU", "LSTM", "SimpleRNN", "stack_layers"]


class FastPath(layers.RNN):
    """What the three layers below add to Keras' own: a faster loop, with one product for the inputs of all steps.

    Arguments, weights, results and saved files are those of the Keras layer, and so is the loop where one of these does
    not hold:

    1. The activation is tanh, and the recurrent activation, of the gates, is sigmoid.
    2. There is no recurrent dropout, and `unroll` is false.
    3. A GRU has its reset gate after the product (`reset_after`).
    4. A GRU or an LSTM with dropout has `implementation` 2.
    5. The backend has a loop of its own for it: see `has_loop` in models/backends/__init__.py.

    kind: its name there.
    """

    kind: str

    def is_covered(self, mask: Tensor | None = None) -> bool:
        """Return whether the fast path computes what this layer is asked for."""
        cell, gated = self.cell, self.kind != "simple"
        return (
            cell.activation in (keras.activations.tanh, ops.tanh)
            and (not gated or cell.recurrent_activation in (keras.activations.sigmoid, ops.sigmoid))
            and not (cell.recurrent_dropout or self.unroll)
            and not (self.kind == "gru" and not cell.reset_after)
            and not (gated and cell.dropout and cell.implementation == 1)
            and backends.has_loop(self.kind, self.compute_dtype, masked=mask is not None)
        )

    def inner_loop(
        self, sequences: Tensor, initial_state: Tensor, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the last output, all outputs (batch, time, units) and the states after the last step."""
        mask = mask[0] if isinstance(mask, list) else mask
        if not self.is_covered(mask):
            return super().inner_loop(sequences, initial_state, mask, training)
        cell = self.cell
        kernel, recurrent = ops.convert_to_tensor(cell.kernel), ops.convert_to_tensor(cell.recurrent_kernel)
        bias = ops.convert_to_tensor(cell.bias) if cell.use_bias else ops.zeros(kernel.shape[1], kernel.dtype)
        # A GRU has one for x W and one for h U.
        biases = [bias[0], bias[1]] if bias.ndim == 2 else [bias, ops.zeros_like(bias)]
        if training and cell.dropout:
            sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1)
        if self.go_backwards:
            sequences, mask = ops.flip(sequences, 1), None if mask is None else ops.flip(mask, 1)
        outputs, states = backends.run(
            self.kind, sequences, initial=list(initial_state), weights=[kernel, recurrent, *biases], mask=mask
        )
        if self.zero_output_for_mask and mask is not None:
            outputs = ops.where(ops.expand_dims(ops.cast(mask, "bool"), 2), outputs, ops.zeros_like(outputs))
        return outputs[:, -1], outputs, states


@keras.saving.register_keras_serializable(PACKAGE)
class SimpleRNN(FastPath, layers.SimpleRNN):
    """h_t = tanh(x_t W + h_{t-1} U + b) (Elman 1990)."""

    kind = "simple"


@keras.saving.register_keras_serializable(PACKAGE)
class LSTM(FastPath, layers.LSTM):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000)."""

    kind = "lstm"


@keras.saving.register_keras_serializable(PACKAGE)
class GRU(FastPath, layers.GRU):
    """Gated recurrent unit (Cho et al. 2014), the reset gate after the product."""

    kind = "gru"


@keras.saving.register_keras_serializable(PACKAGE)
class Reverse(layers.Layer):
    """Reverse each sequence of (batch, time, features) by its own length; the padding stays on the right.

    a b c . .  ->  c b a . .     The operation is its own inverse.
    """

    def call(self, sequences: Tensor, mask_in: Tensor) -> Tensor:
        """Return (batch, time, features); mask_in: (batch, time) of bool, true where there is input."""
        length = ops.sum(ops.cast(mask_in, "int32"), axis=1, keepdims=True)
        reversed_already = backends.reverse(sequences, length[:, 0])
        if reversed_already is not None:
            return reversed_already
        batch, steps, features = (ops.shape(sequences)[axis] for axis in range(3))
        step = ops.expand_dims(ops.arange(steps, dtype="int32"), 0)
        position = ops.where(step < length, length - 1 - step, step)
        # Whole rows of a flat (batch x time, features) table are gathered: many times faster than single numbers.
        flat = position + ops.expand_dims(ops.arange(batch, dtype="int32"), 1) * steps
        rows = ops.take(ops.reshape(sequences, (-1, features)), ops.reshape(flat, (-1,)), axis=0)
        return ops.reshape(rows, (batch, steps, features))


def make_lstm(units: int, chrono: int | None = None, **options: LayerArgument) -> LSTM:
    """Return an LSTM whose gates begin by remembering up to `chrono` steps; None: with Keras' biases."""
    if chrono:
        options |= {"bias_initializer": ChronoInitializer(chrono), "unit_forget_bias": False}
    return LSTM(units, **options)


def make_gru(units: int, chrono: int | None = None, **options: LayerArgument) -> GRU:
    """Return a GRU whose gates begin by remembering up to `chrono` steps; None: with Keras' biases."""
    if chrono:
        options |= {"bias_initializer": ChronoInitializer(chrono)}
    return GRU(units, **options)


def stack_layers(
    sequences: Tensor,
    mask: Tensor,
    *,
    cell: str,
    units: int,
    depth: int = 1,
    bidirectional: bool = False,
    dropout: float = 0.0,
    options: object = None,
    longest: int | None = None,
) -> Tensor:
    """Return the hidden states of `depth` stacked recurrent layers at every step.

    sequences: (batch, time, features). mask: (batch, time) of bool, true where there is input.
    Returns (batch, time, units); forward and backward states side by side, (batch, time, 2 units), if bidirectional.
    dropout: share of the inputs of each layer after the first that is set to 0 in training.
    options: has an attribute for each option that the cell declares; None: the cell has its defaults.
    longest: steps of the longest input; for a cell that is bounded.
    """
    kind = CELLS[cell]
    make = kind.configure(options if options is not None or kind.options is None else kind.options(), longest)
    states = sequences
    for number in range(depth):
        if number and dropout:
            states = Dropout(dropout)(states)
        forward = make(units, return_sequences=True, name=f"{cell}_{number}_forward")(states)
        if bidirectional:
            backward = make(units, return_sequences=True, name=f"{cell}_{number}_backward")(Reverse()(states, mask))
            forward = layers.Concatenate()([forward, Reverse()(backward, mask)])
        states = forward
    return states
