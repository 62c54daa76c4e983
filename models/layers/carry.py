"""Carry: a recurrent layer that goes on with the states in which it left the batch before."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class Carry(layers.Layer):
    """A recurrent layer over a long text that comes window by window, the same text in the same row of each batch.

    The states after the last real step of a row are kept for the batch that follows, and no gradient goes through them:
    truncated back-propagation through time (Williams and Peng 1990; Mikolov et al. 2010, section 2). So the hidden
    states are those of the whole text read at once.

    layer: a keras.layers.RNN that returns its sequences. rows: of a batch at the most; those of a larger batch begin
    anew.
    """

    def __init__(self, layer: layers.RNN, rows: int, **options: LayerArgument):
        super().__init__(**options)
        self.layer, self.rows = layer, rows
        self.layer.return_state = True
        self.carries = True

    def build(self, sequences_shape: tuple, mask_in_shape: tuple, continues_shape: tuple) -> None:
        self.layer.build(sequences_shape)
        sizes = keras.tree.flatten(self.layer.cell.state_size)
        self.states = [
            self.add_weight((self.rows, size), "zeros", dtype=self.compute_dtype, trainable=False, name=f"state_{n}")
            for n, size in enumerate(sizes)
        ]

    def call(self, sequences: Tensor, mask_in: Tensor, continues: Tensor, training: bool = False) -> Tensor:
        """Return the hidden states, (batch, time, units).

        sequences: (batch, time, features). mask_in: (batch, time) of bool. continues: (batch,), 1 where a row goes on
        from the same row of the call before.
        """
        if not self.carries:
            return self.layer.call(sequences, training=training)[0]
        batch = ops.shape(sequences)[0]
        goes_on = ops.expand_dims(ops.cast(continues, "bool"), 1)
        first = []
        for state in self.states:
            kept = ops.convert_to_tensor(state)
            # Rows beyond those that are kept begin with zeros.
            kept = ops.concatenate([kept, ops.zeros((batch, kept.shape[1]), kept.dtype)], axis=0)[:batch]
            first.append(ops.where(goes_on, ops.stop_gradient(kept), ops.zeros_like(kept)))
        # Not by __call__, which hangs the mask on what it returns, for layers that are to come.
        outputs, *last = self.layer.call(sequences, initial_state=first, mask=mask_in, training=training)
        for state, value in zip(self.states, last, strict=True):
            value = ops.cast(ops.stop_gradient(value), state.dtype)
            # Those of a smaller batch go before those that it leaves as they are.
            state.assign(ops.concatenate([value, ops.convert_to_tensor(state)[batch:]], axis=0)[: self.rows])
        return outputs

    def compute_output_shape(self, sequences_shape: tuple, mask_in_shape: tuple, continues_shape: tuple) -> tuple:
        return (*sequences_shape[:2], self.layer.cell.output_size)

    def get_config(self) -> dict:
        config = {"layer": keras.saving.serialize_keras_object(self.layer), "rows": self.rows}
        return {**super().get_config(), **config}

    @classmethod
    def from_config(cls, config: dict) -> "Carry":
        return cls(**{**config, "layer": keras.saving.deserialize_keras_object(config["layer"])})


def stop_carrying(model: keras.Model) -> None:
    """Have every row of every batch be a text of its own from now on: what is traced then keeps nothing."""
    for layer in model.layers:
        if isinstance(layer, Carry):
            layer.carries = False
