"""Writing: a generator symbol by symbol, each as soon as it is chosen: what models/decoding writes in one loop."""

from collections.abc import Iterator, Mapping

import keras
import numpy as np
from keras import layers, ops

from models.backends.stateful_call import compile_call
from models.decoding.sampling import Sample
from models.decoding.search import Greedy, find_highest
from models.layers.decoder import Decoder
from models.tensor import Tensor


class WriteStep(layers.Layer):
    """One step of a decoder, for one sequence; the hidden states are kept from one call to the next.

    sample: how symbols are drawn; None: the likeliest is taken.
    """

    def __init__(self, decoder: Decoder, sample: Sample | None):
        super().__init__()
        self.decoder, self.sample = decoder, sample

    def build(self, context_shape: tuple, *others: tuple) -> None:
        widths = [size for layer in self.decoder.layers for size in keras.tree.flatten(layer.cell.state_size)]
        self.states = [
            self.add_weight((1, width), "zeros", dtype=self.decoder.compute_dtype, trainable=False, name=f"state_{n}")
            for n, width in enumerate([*widths, *([self.decoder.units] if self.decoder.shown else [])])
        ]

    def call(self, context: Tensor, symbol: Tensor, begin: Tensor, chance: Tensor) -> Tensor:
        """Return the symbol that follows `symbol`, (1,) of int32.

        context: (1, features). symbol: (1,). begin: (1,) of bool, true at the first step. chance: (1, 1), from 0 to 1.
        """
        first = self.decoder.make_first_states(context)
        before = [
            ops.where(ops.expand_dims(begin, 1), one, ops.cast(state, one.dtype))
            for one, state in zip(keras.tree.flatten(first), self.states, strict=True)
        ]
        logits, after, _ = self.decoder.step(symbol, keras.tree.pack_sequence_as(first, before))
        for state, value in zip(self.states, keras.tree.flatten(after), strict=True):
            state.assign(value)
        return self.sample.choose(logits, chance) if self.sample else ops.cast(find_highest(logits)[1], "int32")

    def compute_output_spec(self, context: Tensor, *others: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor((context.shape[0],), "int32")


class Writer:
    """A generator that writes symbol by symbol.

    model: from {"category", "previous", ...} to logits. decoder: what models/generator.py decodes it with.
    """

    def __init__(self, model: keras.Model, decoder: keras.Model):
        self.search = next(layer for layer in decoder.layers if isinstance(layer, Sample | Greedy))
        self.sample = self.search if isinstance(self.search, Sample) else None
        inputs = {name: model.input[name] for name in decoder.input if name in model.input and name != "seed"}
        given = {
            "symbol": keras.Input((), dtype="int32", name="symbol"),
            "begin": keras.Input((), dtype="bool", name="begin"),
            "chance": keras.Input((1,), name="chance"),
        }
        step = WriteStep(model.get_layer("decoder"), self.sample)
        written = step(model.get_layer("context").output, *given.values())
        self.inputs = list(inputs)
        self._call = compile_call(keras.Model({**inputs, **given}, {"output": written}))

    def write(self, arrays: Mapping[str, np.ndarray], position: int = 0) -> Iterator[int]:
        """Yield the symbols, without the end symbol, as decoding the whole text gives them.

        arrays: the encoded input, each without the batch axis. position: of the example; see `Sample`.
        """
        search, sample = self.search, self.sample
        seed: list[int] = []
        chances = np.zeros((1, search.longest), "float32")
        if sample is not None:
            found, count = sample.look_up(ops.convert_to_tensor(arrays["seed"][None]))
            seed = ops.convert_to_numpy(found)[0, : int(count[0])].tolist()
            chances = ops.convert_to_numpy(sample.draw_chances(ops.convert_to_tensor([position], dtype="int32")))
        # A seed that is not to be written is only read.
        hidden = len(seed) if sample is not None and not sample.whole else 0
        constant = {name: arrays[name][None] for name in self.inputs}
        symbol = search.start
        for step in range(hidden + search.longest):
            place = max(step - hidden, 0)
            given = {
                "symbol": np.array([symbol], "int32"),
                "begin": np.array([step == 0]),
                "chance": chances[:, place : place + 1],
            }
            symbol = int(self._call({**constant, **given})["output"][0])
            if step < len(seed):
                symbol = seed[step]
            if symbol == search.end:
                return
            if step >= hidden:
                yield symbol
