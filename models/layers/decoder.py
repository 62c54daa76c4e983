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
from models.cells.parallel_rnn import scan
from models.layers.argmax import argmax
from models.layers.attention import Attention
from models.layers.block import EXIT, ResidualBlock, make_entry, make_norm
from models.layers.locked_dropout import make_dropout
from models.layers.tied_embedding import Bias, TiedEmbedding
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor
from pipeline.option import Value


@keras.saving.register_keras_serializable(PACKAGE)
class Decoder(layers.Layer):
    """Recurrent layers whose first hidden states come from a context, then attention to encoder states.

    size: how many symbols there are. cell, units, depth: of the recurrent layers, depth of them on top of each other.
    features: length of a symbol's vector. dropout: share set to 0 in training, before each layer and the logits.
    locked: whether the same is set to 0 at every step (models/layers/locked_dropout.py).
    attention: "none", "bahdanau" or "luong" (see models/layers/attention.py).
    merge: whether the context is also added, through a dense layer, to what the logits are computed from ("merge",
        Tanti et al. 2018). Otherwise the hidden state has to keep what comes late in a sequence until then.
    block: whether each layer is in a residual block (models/layers/block.py); attention comes behind the last.
    tied: whether symbols are told by the vectors by which they are read (models/layers/tied_embedding.py).
    scheduled_sampling: share of the symbols before, in training, that are not the right ones but those that the decoder
        itself finds likeliest (Bengio et al. 2015). It grows from 0, evenly over the steps of `plan_training`. All
        steps are computed at once, twice (parallel scheduled sampling, Duckworth et al. 2019, with one further pass):
        what the decoder would have written after the right symbols is what it reads then.
    input_feeding: whether the attentional vector of each step is read beside the next symbol (Luong et al. 2015,
        section 3.3): the decoder is told where it has looked. Then each step waits for the attention of the one before,
        in training too, and its dropout is the same at all steps (Gal and Ghahramani 2016). Not with `block`, nor with
        what a cell drops in training.
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
        locked: bool = False,
        attention: str = "none",
        merge: bool = False,
        block: bool = False,
        tied: bool = False,
        scheduled_sampling: float = 0.0,
        input_feeding: bool = False,
        cell_options: Mapping[str, Value] | None = None,
        **options: LayerArgument,
    ):
        super().__init__(**options)
        self.block, self.tied, self.cell_options = block, tied, dict(cell_options or {})
        self.size, self.cell, self.units, self.depth = size, cell, units, depth
        self.features, self.dropout, self.locked = features, dropout, locked
        self.attention, self.merge = attention, merge
        self.embedding = (TiedEmbedding if tied else layers.Embedding)(size, features, name="embedding")
        self.dropout_layer = make_dropout(dropout, locked=locked)
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
        self.scheduled_sampling, self.input_feeding = scheduled_sampling, input_feeding
        self.generator = keras.random.SeedGenerator() if scheduled_sampling else None
        self.attend = None if attention == "none" else Attention(attention, units, name="attention")
        self.shown = layers.Dense(units, name="shown") if merge else None
        self.projection = layers.Dense(features, name="projection") if tied and features != units else None
        self.logits = (
            Bias(dtype="float32", name="logits") if tied else layers.Dense(size, dtype="float32", name="logits")
        )
        if block:
            self.entry, self.exit = make_entry(units), make_norm(EXIT)
            self.norms = [make_norm(f"block_{n}_norm") for n in range(depth)]
            self.blocks = [ResidualBlock(dropout, locked, name=f"block_{n}") for n in range(depth)]

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
        if self.input_feeding:
            features += self.units
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
        if self.scheduled_sampling:
            scalar = {"shape": (), "dtype": "float32", "trainable": False, "autocast": False}
            self.steps_seen = self.add_weight(initializer="zeros", name="steps_seen", **scalar)
            self.steps_planned = self.add_weight(initializer="ones", name="steps_planned", **scalar)

    def plan_training(self, steps: int) -> None:
        """Say how many training steps there will be; only what changes in training needs to know."""
        if self.scheduled_sampling:
            self.steps_planned.assign(steps)

    def make_first_states(self, context: Tensor) -> list[list[Tensor]]:
        """Return the first hidden states of every layer, each (batch, units), from a context (batch, features).

        Where the context is merged, what is added at every step follows those of the layers: a state that stays. With
        input feeding, the attentional vector is the last.
        """
        states = [[bridge(context) for bridge in bridges] for bridges in self.bridges]
        if self.shown:
            states.append([self.shown(context)])
        if self.input_feeding:
            states.append([ops.zeros((ops.shape(context)[0], self.units), self.compute_dtype)])
        return states

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
        if training and self.scheduled_sampling:
            previous = self._mix_in_own(previous, context, encoder_states, mask_in)
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
        if self.input_feeding:
            prepared = self.prepare_attention(encoder_states, mask_in)
            states, every, weights = self._unroll_feeding(vectors, first_states, prepared, training=training)
            return self._tell_all(states, first_states, training=training), every, weights

        def run(number: int, entering: Tensor) -> Tensor:
            layer = self.layers[number]
            first = nest(layer.cell.state_size, iter(first_states[number]))
            states = layer(entering, initial_state=first, training=training)
            every.append((entering, states))
            return states

        states, weights = self._stack(vectors, run, training=training), None
        if self.attend:
            states, weights = self.attend(states, encoder_states, mask_in)
        return self._tell_all(states, first_states, training=training), every, weights

    def _tell_all(self, states: Tensor, first_states: list[list[Tensor]], *, training: bool) -> Tensor:
        """Return the logits, (batch, time, size), of what follows states, (batch, time, units)."""
        if self.shown:
            states = states + ops.expand_dims(first_states[self.depth][0], 1)
        # One flat product: with several axes its gradient takes half as long again.
        batch, steps = ops.shape(states)[:2]
        flat = ops.reshape(self.dropout_layer(states, training=training), (-1, self.units))
        return ops.reshape(self.tell(flat), (batch, steps, self.size))

    def _unroll_feeding(
        self, vectors: Tensor, first_states: list[list[Tensor]], prepared: dict[str, Tensor], *, training: bool
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]], Tensor]:
        """Return the attentional vectors, (batch, time, units), and the rest of what `unroll` does."""
        batch, positions = ops.shape(vectors)[0], ops.shape(prepared["encoder_states"])[1]
        widths = [self.features + self.units, *[self.units] * (self.depth - 1)]
        kept = [self.dropout_layer(ops.ones((batch, width), self.compute_dtype), training=training) for width in widths]
        blank = [ops.zeros((batch, self.units), self.compute_dtype) for _ in range(self.depth)]
        # Beside the states, all that is asked for of each step.
        first = first_states, blank, ops.zeros((batch, positions), "float32")

        def advance(before: tuple, vector: Tensor) -> tuple:
            _, after, leaving, weights = self._advance(vector, before[0], prepared, kept=kept)
            return after, leaving, weights

        states, leaving, weights = scan(advance, first, ops.swapaxes(vectors, 0, 1))
        found, weights = ops.swapaxes(states[-1][0], 0, 1), ops.swapaxes(weights, 0, 1)
        outputs = [ops.swapaxes(one, 0, 1) for one in leaving]
        fed = ops.concatenate([ops.zeros_like(found[:, :1]), found[:, :-1]], axis=1)
        entering = [ops.concatenate([vectors, fed], axis=-1), *outputs[:-1]]
        return found, list(zip(entering, outputs, strict=True)), weights

    def _mix_in_own(
        self, previous: Tensor, context: Tensor, encoder_states: Tensor | None, mask_in: Tensor | None
    ) -> Tensor:
        """Return the symbols before each step, some of them the decoder's own; see `scheduled_sampling`."""
        logits = self.unroll(self.embedding(previous), context, encoder_states, mask_in=mask_in)[0]
        own = ops.concatenate([previous[:, :1], ops.cast(argmax(logits)[:, :-1], previous.dtype)], axis=1)
        share = self.scheduled_sampling * ops.minimum(1.0, self.steps_seen / self.steps_planned)
        self.steps_seen.assign(self.steps_seen + 1)
        return ops.where(keras.random.uniform(ops.shape(previous), seed=self.generator) < share, own, previous)

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
        output, after, _, weights = self._advance(self.embedding(symbol), states, prepared)
        return self.tell(self._merge(output, after)), after, weights

    def _advance(
        self,
        vectors: Tensor,
        states: list[list[Tensor]],
        prepared: dict[str, Tensor] | None,
        *,
        kept: list[Tensor] | None = None,
    ) -> tuple[Tensor, list[list[Tensor]], list[Tensor], Tensor]:
        """Return what the logits come from, the states after a step, what leaves each layer, and its attention.

        vectors: of the symbols before, (rows, features). kept: what enters each layer is multiplied with; dropout.
        """
        after: list[list[Tensor]] = []
        leaving: list[Tensor] = []

        def run(number: int, entering: Tensor) -> Tensor:
            cell = self.layers[number].cell
            entering = entering if kept is None else entering * kept[number]
            output, state = cell(entering, nest(cell.state_size, iter(states[number])))
            after.append(keras.tree.flatten(state))
            leaving.append(output)
            return output

        if self.input_feeding:
            vectors = ops.concatenate([vectors, states[-1][0]], axis=-1)
        output = self._stack(vectors, run)
        after += states[self.depth :]
        if not prepared:
            return output, after, leaving, ops.cast(output[:, :0], "float32")
        output, weights = self._look(output, prepared)
        if self.input_feeding:
            after[-1] = [output]
        return output, after, leaving, weights

    def _look(self, states: Tensor, prepared: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the attentional vectors of one step, (rows, units), and its weights, (rows, positions)."""
        assert self.attend
        rows = ops.shape(prepared["encoder_states"])[0]
        vectors, weights = self.attend(ops.reshape(states, (rows, -1, self.units)), **prepared)
        return ops.reshape(vectors, (-1, self.units)), ops.reshape(weights, (-1, ops.shape(weights)[2]))

    def _merge(self, output: Tensor, states: list[list[Tensor]]) -> Tensor:
        return output + states[self.depth][0] if self.shown else output

    def build_from_config(self, config: dict) -> None:
        # Saved models say "memory" for what is called the encoder states now.
        shapes = dict(config["shapes_dict"])
        if "memory_shape" in shapes:
            shapes["encoder_states_shape"] = shapes.pop("memory_shape")
        super().build_from_config({"shapes_dict": shapes})

    def get_config(self) -> dict:
        names = (
            "size", "cell", "units", "depth", "features", "dropout", "locked", "attention", "merge", "block", "tied",
            "scheduled_sampling", "input_feeding", "cell_options",
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
