"""A hidden state that is carried on from one batch to the next: truncated back-propagation through time."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class CarriedRNN(layers.Layer):
    """A recurrent layer that in training begins where it ended in the batch before, row by row.

    What it computes over batches that follow each other is what the layer computes over one long sequence; gradients
    end where a batch begins (truncated back-propagation through time: Williams and Peng 1990). Keras' own `stateful`
    asks for batches of one size, and for someone who resets it; here each row says whether it begins anew. Outside of
    training every sequence begins with the layer's own first state, and nothing is kept.

    layer: returns its sequences and its states. rows: of the largest batch.
    """

    def __init__(self, layer: layers.RNN, rows: int, **options: LayerArgument):
        super().__init__(**options)
        self.layer, self.rows = layer, rows

    def build(self, sequences_shape: tuple, begin_shape: tuple) -> None:
        self.layer.build(sequences_shape)
        first = keras.tree.flatten(self.layer.get_initial_state(1))
        self.states = [
            self.add_weight((self.rows, *state.shape[1:]), "zeros", trainable=False, name=f"state_{number}")
            for number, state in enumerate(first)
        ]

    def call(self, sequences: Tensor, begin: Tensor, training: bool = False) -> Tensor:
        """Return (batch, time, units). begin: (batch,), 1 where a row begins anew, else 0."""
        if not training:
            return self.layer(sequences)[0]
        count = ops.shape(sequences)[0]
        first = self.layer.get_initial_state(count)
        before = [
            ops.cast(ops.stop_gradient(state[:count]), one.dtype)
            for state, one in zip(self.states, keras.tree.flatten(first), strict=True)
        ]
        new = ops.cast(ops.reshape(begin, (-1, 1)), "bool")
        started = [ops.where(new, one, other) for one, other in zip(keras.tree.flatten(first), before, strict=True)]
        outputs, *after = self.layer(sequences, initial_state=keras.tree.pack_sequence_as(first, started))
        for state, value in zip(self.states, keras.tree.flatten(after), strict=True):
            kept = ops.stop_gradient(ops.cast(value, state.dtype))
            state.assign(ops.concatenate([kept, state[count:]], axis=0))
        return outputs

    def compute_output_shape(self, sequences_shape: tuple, begin_shape: tuple) -> tuple:
        return (*sequences_shape[:2], self.layer.units)

    def get_config(self) -> dict:
        return {**super().get_config(), "layer": keras.saving.serialize_keras_object(self.layer), "rows": self.rows}

    @classmethod
    def from_config(cls, config: dict) -> "CarriedRNN":
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})
