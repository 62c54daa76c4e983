"""Decoder: writes a sequence, one symbol a step, from a context vector and from what it has written so far.

In training it is given the right symbols so far (`previous`, one step behind the output: teacher forcing, Williams and
Zipser 1989), all steps at once. Afterwards it is given its own: one compiled loop (`Greedy`).
"""

from typing import Any

import keras
from keras import layers, ops

from models.recurrent import CELLS


@keras.saving.register_keras_serializable("unrolled")
class Decoder(layers.Layer):
    """Recurrent layers whose first hidden states come from a context.

    size: symbols there are. cell, units, depth: of the recurrent layers. features: length of a symbol's vector.
    """

    def __init__(self, size: int, cell: str, units: int, depth: int, features: int, dropout: float, **options: Any):
        super().__init__(**options)
        self.size, self.cell, self.units, self.depth = size, cell, units, depth
        self.features, self.dropout = features, dropout
        self.embedding = layers.Embedding(size, features, name="embedding")
        self.forget = layers.Dropout(dropout)
        self.layers = [CELLS[cell](units, return_sequences=True, name=f"{cell}_{n}") for n in range(depth)]
        widths = [self._state_sizes(layer) for layer in self.layers]
        self.bridges = [
            [layers.Dense(width, "tanh", name=f"bridge_{n}_{m}") for m, width in enumerate(sizes)]
            for n, sizes in enumerate(widths)
        ]
        self.logits = layers.Dense(size, dtype="float32", name="logits")

    @staticmethod
    def _state_sizes(layer: Any) -> list[int]:
        sizes = layer.cell.state_size
        return list(sizes) if isinstance(sizes, (list, tuple)) else [sizes]

    def build(self, previous_shape: tuple, context_shape: tuple) -> None:
        self.embedding.build(previous_shape)
        features = self.features
        for layer, bridges in zip(self.layers, self.bridges, strict=True):
            layer.build((None, None, features))
            features = self.units
            for bridge in bridges:
                bridge.build(context_shape)
        self.logits.build((None, None, features))

    def begin(self, context: Any) -> list[list[Any]]:
        """Return the first hidden states of every layer, each (batch, units), from a context (batch, features)."""
        return [[bridge(context) for bridge in bridges] for bridges in self.bridges]

    def call(self, previous: Any, context: Any, training: bool = False) -> Any:
        """Return logits, (batch, time, size), of the symbols that follow `previous`, (batch, time)."""
        states = self.embedding(previous)
        for layer, first in zip(self.layers, self.begin(context), strict=True):
            states = layer(self.forget(states, training=training), initial_state=first, training=training)
        return self.logits(self.forget(states, training=training))

    def step(self, symbol: Any, states: list[list[Any]]) -> tuple[Any, list[list[Any]]]:
        """Return logits, (batch, size), of what follows `symbol`, (batch,), and the states after it."""
        output, after = self.embedding(symbol), []
        for layer, before in zip(self.layers, states, strict=True):
            output, state = layer.cell(output, before)
            after.append(list(state))
        return self.logits(output), after

    def get_config(self) -> dict:
        names = ("size", "cell", "units", "depth", "features", "dropout")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


class Greedy(layers.Layer):
    """Write the likeliest symbol, step by step, until every sequence of the batch has ended.

    start, end: the symbols that begin and end a sequence. longest: steps at the most.
    """

    def __init__(self, decoder: Decoder, start: int, end: int, longest: int):
        super().__init__()
        self.decoder, self.start, self.end, self.longest = decoder, start, end, longest

    def call(self, context: Any) -> Any:
        """Return (batch, longest) of int32: the symbols with the end symbol; 0 after it."""
        batch = ops.shape(context)[0]
        first = (
            ops.zeros((), "int32"),
            ops.full((batch,), self.start, "int32"),
            ops.zeros((batch,), "bool"),
            ops.zeros((batch, self.longest), "int32"),
            self.decoder.begin(context),
        )

        def going(step: Any, symbol: Any, ended: Any, written: Any, states: Any) -> Any:
            return ops.logical_and(step < self.longest, ops.logical_not(ops.all(ended)))

        def write(step: Any, symbol: Any, ended: Any, written: Any, states: Any) -> tuple:
            logits, states = self.decoder.step(symbol, states)
            symbol = ops.where(ended, 0, ops.cast(ops.argmax(logits, axis=-1), "int32"))
            written = ops.where(ops.arange(self.longest) == step, ops.expand_dims(symbol, 1), written)
            return step + 1, symbol, ops.logical_or(ended, symbol == self.end), written, states

        return ops.while_loop(going, write, first)[3]

    def compute_output_spec(self, context: Any) -> keras.KerasTensor:
        return keras.KerasTensor((context.shape[0], self.longest), "int32")
