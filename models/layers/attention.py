"""Attention: what a decoder reads again of its input before each symbol that it writes."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

KINDS = ("none", "bahdanau", "luong")


@keras.saving.register_keras_serializable(PACKAGE)
class Attention(layers.Layer):
    """Look from hidden states s_i at the positions h_j of encoder states.

    kind, the score of step i for position j:
        "bahdanau": e_ij = v . tanh(W s_i + U h_j), additive (Bahdanau et al. 2015, section 3.1 and appendix A.1.2);
        "luong": e_ij = s_i . W h_j, multiplicative (Luong et al. 2015, equation 8, "general").
    The weights a_ij are their softmax over j, the context is c_i = sum_j a_ij h_j, and the answer Luong's attentional
    vector tanh(W_c [c_i, s_i]) (equation 5), of `units` numbers.

    Both look from s_i, the state after the cell's step, as Luong et al. do (section 3). Bahdanau et al. look from
    s_(i-1) and feed c_i into the cell: then every step waits for the attention of the one before. Without that, all
    steps of training are a few matrix products after the loop of the cells, several times as fast.
    """

    def __init__(self, kind: str, units: int, **options: LayerArgument):
        super().__init__(**options)
        self.kind, self.units = kind, units
        self.key = layers.Dense(units, use_bias=kind == "bahdanau", name="key")
        if kind == "bahdanau":
            self.query = layers.Dense(units, use_bias=False, name="query")
            self.energy = layers.Dense(1, use_bias=False, name="energy")
        self.vector = layers.Dense(units, "tanh", name="vector")

    def build(self, states_shape: tuple, encoder_states_shape: tuple) -> None:
        self.key.build(encoder_states_shape)
        if self.kind == "bahdanau":
            self.query.build(states_shape)
            self.energy.build((None, None, None, self.units))
        self.vector.build((None, None, encoder_states_shape[-1] + states_shape[-1]))

    def call(
        self, states: Tensor, encoder_states: Tensor, mask_in: Tensor | None = None, keys: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Return the attentional vectors, (batch, steps, units), and the weights, (batch, steps, positions), float32.

        states: (batch, steps, units). encoder_states: (batch, positions, features).
        mask_in: (batch, positions) of bool, false on padding, whose weight is 0 exactly; None: all positions are real.
        keys: `self.key(encoder_states)`, where it has been computed already.
        """
        keys = self.key(encoder_states) if keys is None else keys
        if self.kind == "bahdanau":
            together = ops.expand_dims(self.query(states), 2) + ops.expand_dims(keys, 1)
            scores = ops.squeeze(self.energy(ops.tanh(together)), 3)
        else:
            scores = ops.matmul(states, ops.swapaxes(keys, 1, 2))
        weights = softmax(scores, None if mask_in is None else ops.expand_dims(mask_in, 1))
        context = ops.matmul(ops.cast(weights, encoder_states.dtype), encoder_states)
        return self.vector(ops.concatenate([context, states], axis=-1)), weights

    def get_config(self) -> dict:
        return {**super().get_config(), "kind": self.kind, "units": self.units}


def softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the softmax over the last axis, in float32: exactly 0 where the mask is false, even of a whole row."""
    scores = ops.cast(scores, "float32")
    if mask is None:
        return ops.softmax(scores)
    # Not minus infinity, whose softmax is not a number, nor its gradient, where nothing is real.
    return ops.where(mask, ops.softmax(ops.where(mask, scores, -1e9)), 0.0)
