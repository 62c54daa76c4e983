"""The decoder: recurrent layers that write a sequence, one symbol after the other, from what an encoder has read.

In training it is given the right symbols as those before (the expected sequence shifted by one step, the start symbol
first and the output: teacher forcing, Williams and Zipser 1989), all steps at once. Afterwards it is given its own: see
models/decoding/search.py.

    decoder = Decoder(size, cell, units=units, depth=depth, features=features, dropout=dropout, attention="luong")
    logits = decoder(previous, context, encoder_states, mask)                 # training
    search = Greedy(decoder, start=start, end=end, padding=0, longest=20)     # or Beam(..., width=5)
    found = search(context, encoder_states, mask)
    found["output"], found["log_probability"], found["attention"]

The context, (batch, features), gives the first hidden states. The encoder states, (batch, positions, features), are
what attention looks at: the states of an encoder, or the grid of an image. Their mask, (batch, positions) of bool, may
be left out where no position is padding, and the encoder states themselves where attention is "none".
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import keras
from keras import layers, ops

from models.cells import CELLS
from models.layers.attention import Attention
from models.layers.block import EXIT, ResidualBlock, make_entry, make_norm
from models.layers.dropout import Dropout
from models.layers.tied_embedding import Bias, TiedEmbedding
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor
from pipeline.option import Value


@keras.saving.register_keras_serializable(PACKAGE)
class Decoder(layers.Layer):
    """Recurrent layers whose first hidden states come from a context, then attention to encoder states.

    size: how many symbols there are. cell, units, depth: of the recurrent layers, depth of them on top of each other.
    features: length of a symbol's vector. dropout: share set to 0 in training, before each layer and the logits.
    attention: "none", "bahdanau" or "luong" (see models/layers/attention.py).
    merge: whether the context is also added, through a dense layer, to what the logits are computed from ("merge",
        Tanti et al. 2018). Otherwise the hidden state has to keep what comes late in a sequence until then.
    block: whether each layer is in a residual block (models/layers/block.py); attention comes behind the last.
    tied: whether symbols are told by the vectors by which they are read (models/layers/tied_embedding.py).
    cell_options: of the options that the cell declares, by name; one that is not there has its default.
    """

    def __init__(
        self,
        size: int,
        cell: str,
        *,
        units: int,
        depth: int,
        features: int,
        dropout: float,
        attention: str = "none",
        merge: bool = False,
        block: bool = False,
        tied: bool = False,
        cell_options: Mapping[str, Value] | None = None,
        **options: LayerArgument,
    ):
        super().__init__(**options)
        self.block, self.tied, self.cell_options = block, tied, dict(cell_options or {})
        self.size, self.cell, self.units, self.depth = size, cell, units, depth
        self.features, self.dropout, self.attention, self.merge = features, dropout, attention, merge
        self.embedding = (TiedEmbedding if tied else layers.Embedding)(size, features, name="embedding")
        self.dropout_layer = Dropout(dropout)
        self.layers = [
            CELLS[cell](units, return_sequences=True, name=f"{cell}_{n}", **self.cell_options) for n in range(depth)
        ]
        for layer in self.layers:
            check_layer(layer, units)
        self.bridges = [
            [
                layers.Dense(width, "tanh", name=f"bridge_{n}_{m}")
                for m, width in enumerate(keras.tree.flatten(layer.cell.state_size))
            ]
            for n, layer in enumerate(self.layers)
        ]
        self.attend = None if attention == "none" else Attention(attention, units, name="attention")
        self.shown = layers.Dense(units, name="shown") if merge else None
        self.projection = layers.Dense(features, name="projection") if tied and features != units else None
        self.logits = (
            Bias(dtype="float32", name="logits") if tied else layers.Dense(size, dtype="float32", name="logits")
        )
        if block:
            self.entry, self.exit = make_entry(units), make_norm(EXIT)
            self.norms = [make_norm(f"block_{n}_norm") for n in range(depth)]
            self.blocks = [ResidualBlock(dropout, name=f"block_{n}") for n in range(depth)]

    def build(self, previous_shape: tuple, context_shape: tuple, encoder_states_shape: tuple | None = None) -> None:
        self.embedding.build(previous_shape)
        if self.projection:
            self.projection.build((None, self.units))
        features, stream = self.features, (None, None, self.units)
        if self.block:
            self.entry.build((None, None, features))
            self.exit.build(stream)
            for norm, block in zip(self.norms, self.blocks, strict=True):
                norm.build(stream)
                block.build(stream, stream)
            features = self.units
        for layer, bridges in zip(self.layers, self.bridges, strict=True):
            layer.build((None, None, features))
            features = self.units
            for bridge in bridges:
                bridge.build(context_shape)
        if self.attend:
            assert encoder_states_shape
            self.attend.build((None, None, features), encoder_states_shape)
        if self.shown:
            self.shown.build(context_shape)
        self.logits.build((None, None, self.size if self.tied else features))

    def make_first_states(self, context: Tensor) -> list[list[Tensor]]:
        """Return the first hidden states of every layer, each (batch, units), from a context (batch, features).

        Where the context is merged, what is added at every step follows those of the layers: a state that stays.
        """
        states = [[bridge(context) for bridge in bridges] for bridges in self.bridges]
        return [*states, [self.shown(context)]] if self.shown else states

    def call(
        self,
        previous: Tensor,
        context: Tensor | None = None,
        encoder_states: Tensor | None = None,
        mask_in: Tensor | None = None,
        training: bool = False,
    ) -> Tensor:
        """Return logits, (batch, time, size), of the symbols that follow `previous`, (batch, time).

        Without a context, return the vectors of these symbols, (batch, time, features): an encoder may read by the same
        ones. Then the decoder has to be built beforehand.
        """
        if context is None:
            return self.embedding(previous)
        return self.unroll(self.embedding(previous), context, encoder_states, mask_in=mask_in, training=training)[0]

    def unroll(
        self,
        vectors: Tensor,
        context: Tensor,
        encoder_states: Tensor | None = None,
        *,
        mask_in: Tensor | None = None,
        training: bool = False,
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]], Tensor | None]:
        """Return the logits, what enters and leaves each recurrent layer, and the weights of attention.

        What enters: (batch, time, features); what leaves, the hidden states: (batch, time, units).
        vectors: of the symbols before each step, (batch, time, features). Weights: (batch, time, positions), or None.
        """
        first_states = self.make_first_states(context)
        every: list[tuple[Tensor, Tensor]] = []

        def run(number: int, entering: Tensor) -> Tensor:
            layer = self.layers[number]
            first = nest(layer.cell.state_size, iter(first_states[number]))
            states = layer(entering, initial_state=first, training=training)
            every.append((entering, states))
            return states

        states, weights = self._stack(vectors, run, training=training), None
        if self.attend:
            states, weights = self.attend(states, encoder_states, mask_in)
        if self.shown:
            states = states + ops.expand_dims(first_states[-1][0], 1)
        # One flat product: with several axes its gradient takes half as long again.
        batch, steps = ops.shape(states)[:2]
        flat = ops.reshape(self.dropout_layer(states, training=training), (-1, self.units))
        return ops.reshape(self.tell(flat), (batch, steps, self.size)), every, weights

    def tell(self, states: Tensor) -> Tensor:
        """Return the logits, (rows, size), of what follows states, (rows, units)."""
        if self.projection:
            states = self.projection(states)
        return self.logits(self.embedding(states, tell=True) if self.tied else states)

    def _stack(self, vectors: Tensor, run: Callable[[int, Tensor], Tensor], training: bool = False) -> Tensor:
        """Return what leaves the last layer. run: gives what leaves a layer, by its number and what enters it.

        vectors: (..., features), of all steps or of one.
        """
        if not self.block:
            for number in range(self.depth):
                vectors = run(number, self.dropout_layer(vectors, training=training))
            return vectors
        stream = self.entry(self.dropout_layer(vectors, training=training))
        for number, (norm, block) in enumerate(zip(self.norms, self.blocks, strict=True)):
            stream = block(stream, run(number, norm(stream)), training=training)
        return self.exit(stream)

    def prepare_attention(self, encoder_states: Tensor | None, mask_in: Tensor | None = None) -> dict[str, Tensor]:
        """Return what every `step` needs of the encoder states; empty where there is no attention."""
        if not self.attend:
            return {}
        return {"encoder_states": encoder_states, "mask_in": mask_in, "keys": self.attend.key(encoder_states)}

    def step(
        self, symbol: Tensor, states: list[list[Tensor]], prepared: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, list[list[Tensor]], Tensor]:
        """Return logits, (rows, size), of what follows `symbol`, (rows,), the states after it, and its attention.

        prepared: see `prepare_attention`. There may be several rows, next to each other, for one row of the encoder
        states: hypotheses of a beam.
        Attention: (rows, positions); without attention, (rows, 0).
        """
        after: list[list[Tensor]] = []

        def run(number: int, entering: Tensor) -> Tensor:
            cell = self.layers[number].cell
            output, state = cell(entering, nest(cell.state_size, iter(states[number])))
            after.append(keras.tree.flatten(state))
            return output

        output = self._stack(self.embedding(symbol), run)
        after += states[self.depth :]
        if not prepared:
            return self.tell(self._merge(output, after)), after, ops.cast(output[:, :0], "float32")
        rows = ops.shape(prepared["encoder_states"])[0]
        assert self.attend
        vector, weights = self.attend(ops.reshape(output, (rows, -1, self.units)), **prepared)
        vector = ops.reshape(vector, (-1, self.units))
        return self.tell(self._merge(vector, after)), after, ops.reshape(weights, (-1, ops.shape(weights)[2]))

    def _merge(self, output: Tensor, states: list[list[Tensor]]) -> Tensor:
        return output + states[-1][0] if self.shown else output

    def build_from_config(self, config: dict) -> None:
        # Saved models say "memory" for what is called the encoder states now.
        shapes = dict(config["shapes_dict"])
        if "memory_shape" in shapes:
            shapes["encoder_states_shape"] = shapes.pop("memory_shape")
        super().build_from_config({"shapes_dict": shapes})

    def get_config(self) -> dict:
        names = (
            "size", "cell", "units", "depth", "features", "dropout", "attention", "merge", "block", "tied",
            "cell_options",
        )  # fmt: skip
        return {**super().get_config(), **{name: getattr(self, name) for name in names}}


def check_layer(layer: layers.Layer, units: int) -> None:
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


def nest(sizes: int | Sequence, states: Iterator[Tensor]) -> list[Tensor]:
    """Return states, given one after the other, in lists as a cell has them: stacked cells have one list per cell.

    sizes: the cell's `state_size`, a number or a list of numbers, or of such lists.
    """
    sizes = sizes if isinstance(sizes, (list, tuple)) else [sizes]
    return [nest(size, states) if isinstance(size, (list, tuple)) else next(states) for size in sizes]
