"""Sampling: each symbol drawn by the probability that the decoder gives it, all steps in one compiled loop."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import layers, ops

from models.decoding.ensemble import DecoderEnsemble
from models.decoding.viterbi import FORBIDDEN
from models.layers.decoder import Decoder
from models.tensor import Tensor

# Rows of each of the two tables of random numbers: their square is how many examples have numbers of their own.
ROWS = 512
# The code of a symbol that is no character, and what stands after the end of a seed.
NO_CHARACTER = 0
# The number that no symbol has.
NEVER = -1


class Sample(layers.Layer):
    """Write symbols, step by step, from a context and the first symbols, until every sequence of the batch has ended.

    codes: the Unicode number of each symbol, by which a seed is looked up; NO_CHARACTER for one that is no character,
        and is never written.
    start, end: the symbols that begin and end a sequence; end None: nothing ends before `longest`.
    padding: what stands after the end. longest: most symbols to write.
    whole: write the seed too, rather than what follows it.
    temperature: the logits are divided by it; another may be assigned, and nothing is compiled again.
    top_k: draw from so many likeliest symbols (Fan et al. 2018); None: all.
    top_p: draw from the fewest likeliest symbols that together have this probability (Holtzman et al. 2020).
    seed: that of the random numbers. An example's numbers depend on it and on the example's position, not on the batch.
    """

    def __init__(
        self,
        decoder: Decoder | DecoderEnsemble,
        codes: Sequence[int],
        *,
        start: int,
        end: int | None,
        padding: int,
        longest: int,
        whole: bool = True,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ):
        super().__init__()
        self.decoder, self.codes, self.start, self.longest = decoder, list(codes), start, longest
        self.end, self.padding = NEVER if end is None else end, padding
        self.whole, self.top_p = whole, top_p
        # No constant of the program: a person may try one temperature after the other.
        self.temperature = self.add_weight(
            (), initializer=keras.initializers.Constant(temperature), dtype="float32", trainable=False, autocast=False,
            name="temperature",
        )  # fmt: skip
        self.top_k = min(top_k or decoder.size, decoder.size)
        self.tables = np.random.default_rng(seed).random((2, ROWS, longest), "float32")

    def call(self, context: Tensor, seed: Tensor, position: Tensor) -> Tensor:
        """Return (batch, longest) of int32: the symbols with the end symbol; padding after it.

        context: (batch, features). seed: (batch, width) of Unicode numbers, NO_CHARACTER after the end.
        position: (batch,), the number of each example.
        """
        batch = ops.shape(context)[0]
        seed, given = self.look_up(seed)
        width = seed.shape[1]
        chances = self.draw_chances(position)
        # The step from which on symbols are kept.
        first = ops.zeros_like(given) if self.whole else given
        begin = (
            ops.zeros((), "int32"),
            ops.full((batch,), self.start, "int32"),
            ops.zeros((batch,), "bool"),
            ops.full((batch, self.longest), self.padding, "int32"),
            self.decoder.make_first_states(context),
        )

        def going(step: Tensor, symbol: Tensor, ended: Tensor, written: Tensor, states: Tensor) -> Tensor:
            return ops.logical_not(ops.all(ended))

        def write(step: Tensor, symbol: Tensor, ended: Tensor, written: Tensor, states: Tensor) -> tuple:
            logits, states, _ = self.decoder.step(symbol, states)
            place = step - first
            chance = ops.take_along_axis(chances, ops.expand_dims(ops.clip(place, 0, self.longest - 1), 1), axis=1)
            typed = ops.take(seed, ops.minimum(step, width - 1), axis=1)
            symbol = ops.where(step < given, typed, self.choose(logits, chance))
            symbol = ops.where(ended, self.padding, symbol)
            here = ops.arange(self.longest, dtype="int32") == ops.expand_dims(place, 1)
            written = ops.where(here, ops.expand_dims(symbol, 1), written)
            ended = ops.logical_or(ended, ops.logical_or(symbol == self.end, place + 1 >= self.longest))
            return step + 1, symbol, ended, written, states

        return ops.while_loop(going, write, begin)[3]

    def look_up(self, seed: Tensor) -> tuple[Tensor, Tensor]:
        """Return the symbols of a seed, (batch, width) of int32, and how many there are, (batch,).

        A character that is no known symbol is skipped.
        """
        width = seed.shape[1]
        codes = ops.convert_to_tensor(self.codes, dtype="int32")
        same = ops.logical_and(ops.expand_dims(seed, 2) == codes, ops.expand_dims(seed, 2) != NO_CHARACTER)
        known = ops.any(same, axis=2)
        symbols = ops.cast(ops.argmax(ops.cast(same, "int32"), axis=2), "int32")
        # Known symbols come first, in the order in which they were.
        place = ops.arange(width, dtype="int32")
        order = ops.argsort(ops.where(known, place, place + width), axis=1)
        return ops.take_along_axis(symbols, order, axis=1), ops.sum(ops.cast(known, "int32"), axis=1)

    def draw_chances(self, position: Tensor) -> Tensor:
        """Return random numbers, (batch, longest), from 0 to 1: the sum modulo 1 of a row of each table."""
        one, other = (ops.convert_to_tensor(table) for table in self.tables)
        rows = ops.take(one, position % ROWS, axis=0) + ops.take(other, position // ROWS % ROWS, axis=0)
        # A little below 1, so that a chance times the sum of all probabilities is below that sum.
        return (rows - ops.floor(rows)) * 0.999999

    def choose(self, logits: Tensor, chance: Tensor) -> Tensor:
        """Return the symbol, (batch,), that a chance, (batch, 1) from 0 to 1, falls on. logits: (batch, size)."""
        allowed = [code != NO_CHARACTER or number == self.end for number, code in enumerate(self.codes)]
        logits = ops.where(ops.convert_to_tensor(allowed), logits, FORBIDDEN)
        logits = logits / self.temperature
        # Only what is cut off needs them sorted, which takes longer than all the rest of a step.
        symbols = None
        if self.top_k < len(allowed) or self.top_p is not None:
            logits, symbols = ops.top_k(logits, self.top_k)
        shares = ops.exp(logits - ops.logsumexp(logits, axis=1, keepdims=True))
        if self.top_p is not None:
            # The first symbol is always kept.
            before = ops.cumsum(shares, axis=1) - shares
            shares = ops.where(before < self.top_p, shares, 0.0)
        # However the sums are rounded, nothing without a share is chosen.
        upto = ops.where(shares > 0, ops.cumsum(shares, axis=1), 0.0)
        reached = upto > chance * ops.max(upto, axis=1, keepdims=True)
        places = ops.where(reached, ops.arange(self.top_k, dtype="int32"), self.top_k - 1)
        place = ops.min(places, axis=1, keepdims=True)
        if symbols is not None:
            place = ops.take_along_axis(symbols, place, axis=1)
        return ops.cast(ops.squeeze(place, 1), "int32")

    def compute_output_spec(self, context: Tensor, seed: Tensor, position: Tensor) -> keras.KerasTensor:
        return keras.KerasTensor((context.shape[0], self.longest), "int32")
