"""Decay: a recurrent cell for series that are measured at uneven times, or not in every channel at every step."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor
from pipeline.errors import BadInput


@keras.saving.register_keras_serializable(PACKAGE)
class DecayCell(layers.Layer):
    """A cell whose inputs and hidden states decay while nothing is measured (Che et al. 2018, GRU-D).

    Of channel d at step t: x the value, m whether it was measured, s the time, x' the last value before t that was.

        delta_t = s_t - s_{t-1}, and + delta_{t-1} where m_{t-1} = 0; 0 at the first step       (equation 2)
        gamma   = exp(-max(0, delta W + b)), W diagonal for the inputs                          (10)
        x^_t    = m x_t + (1 - m) (gamma_x x'_t + (1 - gamma_x) 0)                              (11)
        h'_t-1  = gamma_h h_{t-1}                                                               (12)

    0 is the mean: the values are standardised. The cell that is wrapped is given x^ and m side by side, which are its
    products with W and V, and the states h' (13 to 16 with a GRU whose reset gate comes before the product). All
    states of the cell that have its units decay: with an LSTM the memory too.

    Inputs: the values, m, and s, (batch, 2 channels + 1). States: those of the cell; x' and delta, (batch, channels);
    and the time of the step before with whether there was one, (batch, 2). s may run backwards, too: for a layer that
    reads from the end, the time that passes is the same.
    """

    def __init__(self, cell: layers.Layer, channels: int, **options: LayerArgument):
        super().__init__(**options)
        self.cell, self.channels = cell, channels
        self.units: int = cell.output_size
        sizes = cell.state_size if isinstance(cell.state_size, list | tuple) else [cell.state_size]
        self.state_size = [*sizes, channels, channels, 2]
        self.output_size = cell.output_size

    def build(self, inputs_shape: tuple) -> None:
        # Above 0, where decay has a gradient: half of what is measured once per step is kept after 14 steps or more.
        slow = keras.initializers.RandomUniform(0, 0.05)
        self.input_rate = self.add_weight((self.channels,), slow, name="input_decay")
        self.input_bias = self.add_weight((self.channels,), "zeros", name="input_decay_bias")
        self.hidden_rate = self.add_weight((self.channels, self.units), slow, name="hidden_decay")
        self.hidden_bias = self.add_weight((self.units,), "zeros", name="hidden_decay_bias")
        # One that is read from a file is built already.
        if not self.cell.built:
            self.cell.build((inputs_shape[0], 2 * self.channels))

    def call(self, inputs: Tensor, states: list[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return the output, (batch, units), and the states after the step."""
        *hidden, last, since, clock = states
        values, observed, time = ops.split(inputs, [self.channels, 2 * self.channels], axis=-1)
        before, begun = clock[:, :1], clock[:, 1:]
        # `since` is 0 where the value of the step before was measured.
        since = begun * (since + ops.abs(time - before))
        kept = ops.exp(-ops.relu(since * self.input_rate + self.input_bias))
        seen = observed > 0
        estimate = ops.where(seen, values, kept * last)
        faded = ops.exp(-ops.relu(ops.matmul(since, self.hidden_rate) + self.hidden_bias))
        hidden = [self._fade(state, faded) for state in hidden]
        nested = hidden if isinstance(self.cell.state_size, list | tuple) else hidden[0]
        output, after = self.cell(ops.concatenate([estimate, observed], axis=-1), nested)
        now = ops.concatenate([time, ops.ones_like(time)], axis=-1)
        unseen = ops.where(seen, ops.zeros_like(since), since)
        return output, [*keras.tree.flatten(after), ops.where(seen, values, last), unseen, now]

    def _fade(self, state: Tensor, faded: Tensor) -> Tensor:
        """Return a state times what is kept of each unit; a state of another size, such as a count, as it is."""
        parts, rest = divmod(state.shape[-1], self.units)
        return state if rest else ops.tile(faded, (1, parts)) * state

    def get_config(self) -> dict:
        cell = keras.saving.serialize_keras_object(self.cell)
        return {**super().get_config(), "cell": cell, "channels": self.channels}

    @classmethod
    def from_config(cls, config: dict) -> "DecayCell":
        return cls(keras.saving.deserialize_keras_object(config.pop("cell")), **config)


def wrap_in_decay(layer: layers.Layer, channels: int) -> layers.RNN:
    """Return a layer of the cell of another one, of that one's name, whose inputs and states decay: see `DecayCell`.

    It reads (batch, time, 2 channels + 1). Raises BadInput for a layer that has no state which is handed on.
    """
    if not isinstance(layer, layers.RNN):
        raise BadInput(f"--missing decay: the cell of {layer.name} has no state that could decay; give another --cell")
    return layers.RNN(DecayCell(layer.cell, channels), return_sequences=layer.return_sequences, name=layer.name)
