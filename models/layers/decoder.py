"""Decoder: writes a sequence, one symbol a step, from a context vector and from what it has written so far.

In training it is given the right symbols so far (`previous`, one step behind the output: teacher forcing, Williams and
Zipser 1989), all steps at once. Afterwards it is given its own: see models/decoding/search.py.

    decoder = Decoder(size, cell, units, depth, features, dropout, attention="luong")
    logits = decoder(previous, context, memory, mask)                    # training
    found = Greedy(decoder, start, end, longest)(context, memory, mask)  # or Beam(..., width)
    found["output"], found["log_probability"], found["attention"]

The context, (batch, features), gives the first hidden states. The memory, (batch, positions, features), is what
attention looks at: the states of an encoder, or the grid of an image; its mask, (batch, positions) of bool, may be left
out where no position is padding, and so may the memory, where attention is "none".
"""

from collections.abc import Iterator
from typing import Any

import keras
from keras import layers, ops

from models.cells import CELLS
from models.layers.attention import Attention


@keras.saving.register_keras_serializable("unrolled")
class Decoder(layers.Layer):
    """Recurrent layers whose first hidden states come from a context, then attention to a memory.

    size: symbols there are. cell, units, depth: of the recurrent layers. features: length of a symbol's vector.
    attention: "none", "bahdanau" or "luong" (see models/layers/attention.py).
    merge: whether the context is also added, through a dense layer, to what the logits are computed from ("merge",
        Tanti et al. 2018). Otherwise what comes late in a sequence must be kept in the hidden state until then.
    """

    def __init__(
        self,
        size: int,
        cell: str,
        units: int,
        depth: int,
        features: int,
        dropout: float,
        attention: str = "none",
        merge: bool = False,
        **options: Any,
    ):
        super().__init__(**options)
        self.size, self.cell, self.units, self.depth = size, cell, units, depth
        self.features, self.dropout, self.attention, self.merge = features, dropout, attention, merge
        self.embedding = layers.Embedding(size, features, name="embedding")
        self.forget = layers.Dropout(dropout)
        self.layers = [CELLS[cell](units, return_sequences=True, name=f"{cell}_{n}") for n in range(depth)]
        for layer in self.layers:
            check(layer, units)
        self.bridges = [
            [
                layers.Dense(width, "tanh", name=f"bridge_{n}_{m}")
                for m, width in enumerate(keras.tree.flatten(layer.cell.state_size))
            ]
            for n, layer in enumerate(self.layers)
        ]
        self.attend = None if attention == "none" else Attention(attention, units, name="attention")
        self.shown = layers.Dense(units, name="shown") if merge else None
        self.logits = layers.Dense(size, dtype="float32", name="logits")

    def build(self, previous_shape: tuple, context_shape: tuple, memory_shape: Any = None) -> None:
        self.embedding.build(previous_shape)
        features = self.features
        for layer, bridges in zip(self.layers, self.bridges, strict=True):
            layer.build((None, None, features))
            features = self.units
            for bridge in bridges:
                bridge.build(context_shape)
        if self.attend:
            self.attend.build((None, None, features), memory_shape)
        if self.shown:
            self.shown.build(context_shape)
        self.logits.build((None, None, features))

    def begin(self, context: Any) -> list[list[Any]]:
        """Return the first hidden states of every layer, each (batch, units), from a context (batch, features).

        After those of the layers, where the context is merged, what is added at every step: a state that stays.
        """
        states = [[bridge(context) for bridge in bridges] for bridges in self.bridges]
        return [*states, [self.shown(context)]] if self.shown else states

    def call(self, previous: Any, context: Any, memory: Any = None, mask_in: Any = None, training: bool = False) -> Any:
        """Return logits, (batch, time, size), of the symbols that follow `previous`, (batch, time)."""
        states, begin = self.embedding(previous), self.begin(context)
        for layer, first in zip(self.layers, begin[: self.depth], strict=True):
            first = nest(layer.cell.state_size, iter(first))
            states = layer(self.forget(states, training=training), initial_state=first, training=training)
        if self.attend:
            states, _ = self.attend(states, memory, mask_in)
        if self.shown:
            states = states + ops.expand_dims(begin[-1][0], 1)
        # One flat product: with several axes its gradient takes half as long again.
        batch, steps = ops.shape(states)[:2]
        flat = ops.reshape(self.forget(states, training=training), (-1, self.units))
        return ops.reshape(self.logits(flat), (batch, steps, self.size))

    def remember(self, memory: Any, mask_in: Any = None) -> dict[str, Any]:
        """Return what every `step` needs of a memory; empty where there is no attention."""
        if not self.attend:
            return {}
        return {"memory": memory, "mask_in": mask_in, "keys": self.attend.key(memory)}

    def step(
        self, symbol: Any, states: list[list[Any]], remembered: dict[str, Any] | None = None
    ) -> tuple[Any, list[list[Any]], Any]:
        """Return logits, (rows, size), of what follows `symbol`, (rows,), the states after it, and its attention.

        There may be several rows to one of the memory, next to each other: hypotheses of a beam.
        Attention: (rows, positions); without attention, (rows, 0).
        """
        output, after = self.embedding(symbol), []
        for layer, before in zip(self.layers, states[: self.depth], strict=True):
            output, state = layer.cell(output, nest(layer.cell.state_size, iter(before)))
            after.append(keras.tree.flatten(state))
        after += states[self.depth :]
        if not remembered:
            return self.logits(self._merge(output, after)), after, ops.cast(output[:, :0], "float32")
        rows = ops.shape(remembered["memory"])[0]
        assert self.attend
        vector, weights = self.attend(ops.reshape(output, (rows, -1, self.units)), **remembered)
        vector = ops.reshape(vector, (-1, self.units))
        return self.logits(self._merge(vector, after)), after, ops.reshape(weights, (-1, ops.shape(weights)[2]))

    def _merge(self, output: Any, states: list[list[Any]]) -> Any:
        return output + states[-1][0] if self.shown else output

    def get_config(self) -> dict:
        names = ("size", "cell", "units", "depth", "features", "dropout", "attention", "merge")
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def check(layer: Any, units: int) -> None:
    """Raise ValueError for a layer of the user's own that a decoder cannot be made of."""
    if not hasattr(layer, "cell"):
        raise ValueError(
            f"a {type(layer).__name__} cannot write: expected a keras.layers.RNN, whose cell goes one step at a time"
        )
    width = layer.compute_output_shape((None, None, units))[-1]
    if width != units:
        raise ValueError(
            f"the cell gives {width} numbers at a step; to write, {units} are expected, as there are units"
        )


def nest(sizes: Any, states: Iterator[Any]) -> list[Any]:
    """Return states, given one after the other, in lists as a cell has them: of stacked cells, one list per cell.

    sizes: the cell's `state_size`, a number or a list of numbers, or of such lists.
    """
    sizes = sizes if isinstance(sizes, (list, tuple)) else [sizes]
    return [nest(size, states) if isinstance(size, (list, tuple)) else next(states) for size in sizes]
