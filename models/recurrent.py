"""The recurrent part of every model, and the door to it for others.

    from models.recurrent import GRU, LSTM, SimpleRNN    Keras' layers, by faster loops: nothing else need be called
    from models.recurrent import CELLS                   the table of the RNN types; see models/cells/__init__.py

All RNN types but "dnn" unroll one cell over time: the same weights at every step, a hidden state handed from step to
step, zero at the start. For SimpleRNN the state is h_t = tanh(x_t W + h_{t-1} U + b) (Elman 1990). Those beyond simple,
lstm and gru are in models/cells/linear_rnn.py, indrnn.py and baselines.py.

Padding is on the right, so no mask is needed inside the loop: what comes before the end of a sequence cannot see the
padding after it. The backward direction runs over each sequence reversed by its own length (see `Reverse`).
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models import backends
from models.cells import CELLS
from models.cells.chrono import ChronoInitializer
from models.cells.unrolling import run_usual
from models.cells.zoneout import ZoneoutCell, ZoneoutGRUCell, ZoneoutLSTMCell, ZoneoutSimpleRNNCell, draw_zones
from models.layers.block import EXIT, ResidualBlock, make_entry, make_norm
from models.layers.locked_dropout import make_dropout
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from pipeline.option import Options

__all__ = ["CELLS", "GRU", "LSTM", "SimpleRNN", "stack_by_options", "stack_layers"]


TANH = (keras.activations.tanh, ops.tanh)
SIGMOID = (keras.activations.sigmoid, ops.sigmoid)
RELU = (keras.activations.relu, ops.relu)


class FastPath(layers.RNN):
    """What the three layers below add to Keras' own: a faster loop, with one product for the inputs of all steps.

    Arguments, weights, results and saved files are those of the Keras layer, and so is the loop where one of these does
    not hold:

    1. The activation is tanh, for a SimpleRNN also relu, and the recurrent activation, of the gates, is sigmoid.
    2. `unroll` is false.
    3. A GRU has its reset gate after the product (`reset_after`).
    4. A GRU or an LSTM with dropout has `implementation` 2.
    5. The backend has a loop of its own for it, or a call for the whole layer: see `has_loop` and `has_layer` in
       models/backends/__init__.py.

    One argument is more: zoneout (models/cells/zoneout.py), for layers of which 1 to 4 hold.

    kind: its name there. cell_with_zoneout: the class of its cell.
    """

    kind: str
    cell: LayerArgument
    cell_with_zoneout: type[ZoneoutCell]

    def __init__(self, *given: LayerArgument, zoneout: float = 0.0, **options: LayerArgument):
        super().__init__(*given, **options)
        self.zoneout = zoneout
        if zoneout:
            config = self.cell.get_config()
            del self.cell
            self.cell = self.cell_with_zoneout(zoneout=zoneout, **config)
            if not self.is_usual():
                raise ValueError("zoneout: expected a layer with Keras' own activations, and with reset_after")

    def is_usual(self) -> bool:
        """Return whether the arguments are those that the fast path knows: 1 to 4."""
        cell, gated = self.cell, isinstance(self.cell, layers.LSTMCell | layers.GRUCell)
        return (
            (cell.activation in TANH or (not gated and cell.activation in RELU))
            and (not gated or cell.recurrent_activation in SIGMOID)
            and not self.unroll
            and not (isinstance(cell, layers.GRUCell) and not cell.reset_after)
            and not (gated and cell.dropout and cell.implementation == 1)
        )

    def is_covered(self, mask: Tensor | None = None, noisy: bool = False) -> bool:
        """Return whether the backend has a loop for what this layer is asked for. noisy: see `has_loop`."""
        return self.is_usual() and backends.has_loop(
            self.kind, self.compute_dtype, masked=mask is not None, noisy=noisy
        )

    def inner_loop(
        self, sequences: Tensor, initial_state: Tensor, mask: Tensor | None, training: bool = False
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """Return the last output, all outputs (batch, time, units) and the states after the last step."""
        mask = mask[0] if isinstance(mask, list) else mask
        cell, dropping = self.cell, training and self.cell.recurrent_dropout
        noisy = bool(dropping or self.zoneout)
        covered = self.is_covered(mask, noisy=noisy)
        whole = mask is not None and not noisy and self.is_usual() and backends.has_layer(self.compute_dtype)
        if not (covered or whole or self.zoneout):
            return super().inner_loop(sequences, initial_state, mask, training)
        kernel, recurrent = ops.convert_to_tensor(cell.kernel), ops.convert_to_tensor(cell.recurrent_kernel)
        bias = ops.convert_to_tensor(cell.bias) if cell.use_bias else ops.zeros(kernel.shape[1], kernel.dtype)
        # A GRU has one for x W and one for h U.
        biases = [bias[0], bias[1]] if bias.ndim == 2 else [bias, ops.zeros_like(bias)]
        if training and cell.dropout:
            sequences = sequences * ops.expand_dims(cell.get_dropout_mask(sequences[:, 0]), 1)
        if whole:
            outputs, states = backends.run_layer(
                self.kind,
                sequences,
                initial=list(initial_state),
                weights=[kernel, recurrent, *biases],
                mask=mask,
                backwards=self.go_backwards,
                zero=self.zero_output_for_mask,
            )
            return outputs[:, -1], outputs, states
        if self.go_backwards:
            sequences, mask = ops.flip(sequences, 1), None if mask is None else ops.flip(mask, 1)
        outputs, states = (backends.run if covered else run_usual)(
            self.kind,
            sequences,
            initial=list(initial_state),
            weights=[kernel, recurrent, *biases],
            mask=mask,
            dropped=self.stack_dropout(initial_state[0]) if dropping else None,
            zones=self.draw_zones(sequences, training) if self.zoneout else None,
        )
        if self.zero_output_for_mask and mask is not None:
            outputs = ops.where(ops.expand_dims(ops.cast(mask, "bool"), 2), outputs, ops.zeros_like(outputs))
        return outputs[:, -1], outputs, states

    def stack_dropout(self, state: Tensor) -> Tensor:
        """Return what the hidden state is multiplied with for each gate, (gates, batch, units), all steps alike."""
        masks = self.cell.get_recurrent_dropout_mask(state)
        return ops.stack(masks if isinstance(masks, list) else [masks])

    def draw_zones(self, sequences: Tensor, training: bool) -> list[Tensor]:
        """Return how much of each state stays as it was at each step, (time, batch, units)."""
        shape, cell = (ops.shape(sequences)[1], ops.shape(sequences)[0], self.cell.units), self.cell
        return draw_zones(cell.seed_generator, shape, self.zoneout, count=len(self.state_size), training=training)

    def get_config(self) -> dict:
        return super().get_config() | ({"zoneout": self.zoneout} if self.zoneout else {})


@keras.saving.register_keras_serializable(PACKAGE)
class SimpleRNN(FastPath, layers.SimpleRNN):
    """h_t = tanh(x_t W + h_{t-1} U + b) (Elman 1990)."""

    cell_with_zoneout = ZoneoutSimpleRNNCell

    @property
    def kind(self) -> str:  # type: ignore[override]
        return "relu" if self.cell.activation in RELU else "simple"


@keras.saving.register_keras_serializable(PACKAGE)
class LSTM(FastPath, layers.LSTM):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; forget gate: Gers et al. 2000)."""

    kind = "lstm"
    cell_with_zoneout = ZoneoutLSTMCell


@keras.saving.register_keras_serializable(PACKAGE)
class GRU(FastPath, layers.GRU):
    """Gated recurrent unit (Cho et al. 2014), the reset gate after the product."""

    kind = "gru"
    cell_with_zoneout = ZoneoutGRUCell


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
    block: bool = False,
    locked: bool = False,
    options: object = None,
    longest: int | None = None,
    wrap_first: Callable[[layers.Layer], layers.Layer] | None = None,
) -> Tensor:
    """Return the hidden states of `depth` stacked recurrent layers at every step.

    sequences: (batch, time, features). mask: (batch, time) of bool, true where there is input.
    Returns (batch, time, units); forward and backward states side by side, (batch, time, 2 units), if bidirectional.
    dropout: share of the inputs of each layer after the first that is set to 0 in training; of what is added to the
        stream, with blocks.
    locked: whether the same is set to 0 at every step of a sequence (models/layers/locked_dropout.py).
    block: whether each layer is in a residual block (models/layers/block.py), of both directions together.
    options: has an attribute for each option that the cell declares; None: the cell has its defaults.
    longest: steps of the longest input; for a cell that is bounded.
    wrap_first: makes another layer of the first one, in each direction.
    """
    kind = CELLS[cell]
    make = kind.configure(options if options is not None or kind.options is None else kind.options(), longest)
    states = make_entry(units * (1 + bidirectional))(sequences) if block else sequences
    for number in range(depth):
        stream = states
        if block:
            states = make_norm(f"block_{number}_norm")(stream)
        elif number and dropout:
            states = make_dropout(dropout, locked=locked)(states)
        wrap = wrap_first if wrap_first and not number else lambda layer: layer
        forward = wrap(make(units, return_sequences=True, name=f"{cell}_{number}_forward"))(states)
        if bidirectional:
            backward = wrap(make(units, return_sequences=True, name=f"{cell}_{number}_backward"))(
                Reverse()(states, mask)
            )
            forward = layers.Concatenate()([forward, Reverse()(backward, mask)])
        states = ResidualBlock(dropout, locked, name=f"block_{number}")(stream, forward) if block else forward
    return make_norm(EXIT)(states) if block else states


def stack_by_options(
    sequences: Tensor,
    mask: Tensor,
    options: "Options",
    *,
    begins: int = 0,
    wrap_first: Callable[[layers.Layer], layers.Layer] | None = None,
) -> Tensor:
    """Return the hidden states of the layers that the options of a run ask for; see `stack_layers`.

    begins: steps that a model puts before those of its input. What wraps the first layer reads the input as it is, so
    that no block can be around it: BadInput for both.
    """
    if options.block and wrap_first:
        raise BadInput("--block: the first layer reads the input as it is here, with its gaps; leave --block out")
    return stack_layers(
        sequences,
        mask,
        cell=options.cell,
        units=options.units,
        depth=options.layers,
        bidirectional=options.bidirectional,
        dropout=options.dropout,
        block=options.block,
        locked=options.locked_dropout,
        options=options,
        longest=options.max_length + begins if CELLS[options.cell].bounded else None,
        wrap_first=wrap_first,
    )
