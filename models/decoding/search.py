"""Search for the likeliest sequence of symbols while a decoder writes it: greedily, or with a beam."""

from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import layers, ops

from models.decoding.ensemble import DecoderEnsemble
from models.decoding.viterbi import FORBIDDEN
from models.layers.decoder import Decoder
from models.tensor import Tensor

# Block size of the two-level top-k: with thousands of symbols, most blocks need no search.
BLOCK = 64
# The batch shrinks to a quarter once three quarters of its sequences have ended, and not below 4 sequences: each size
# is compiled.
SHARE, FEWEST = 4, 4
# The least attention that a position counts as having had: its logarithm is finite.
LEAST = 1e-6


def find_highest(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return the highest of each row of (rows, size), and its place, both (rows,): among equals the first.

    XLA makes vector code of these two reductions; its argmax takes several times as long on a CPU.
    """
    size = scores.shape[1]
    highest = ops.max(scores, axis=1)
    places = ops.where(scores == ops.expand_dims(highest, 1), ops.arange(size, dtype="int32"), size - 1)
    return highest, ops.min(places, axis=1)


def find_likeliest(scores: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Return what `ops.top_k` does, the `count` highest of each row and their places, both (rows, count); faster.

    They are in the `count` blocks whose highest are the highest. scores: (rows, size).
    """
    size = scores.shape[1]
    side = BLOCK if size > count * BLOCK else size
    blocks = -(-size // side)
    padded = ops.pad(scores, ((0, 0), (0, blocks * side - size)), constant_values=2 * FORBIDDEN)
    highest = ops.max(ops.reshape(padded, (-1, blocks, side)), axis=2)
    _, chosen = ops.top_k(highest, min(count, blocks))
    places = ops.expand_dims(ops.cast(chosen, "int32") * side, 2) + ops.arange(side, dtype="int32")
    places = ops.reshape(places, (-1, chosen.shape[1] * side))
    found = ops.take_along_axis(scores, ops.minimum(places, size - 1), axis=1)
    found, within = ops.top_k(ops.where(places < size, found, 2 * FORBIDDEN), count)
    return found, ops.take_along_axis(places, ops.cast(within, "int32"), axis=1)


class State(NamedTuple):
    """Where a search stands. Rows: the hypotheses of the first sequence, those of the second, and so on.

    step: (), how many symbols have been written. symbol: (rows,), the last one. ended: (rows,) of bool.
    total: (rows,), the log-probability of what has been written. written: (rows, longest). attention: (rows, longest,
    positions), the weights with which each symbol was written. states: those of the decoder, in lists.
    """

    step: Tensor
    symbol: Tensor
    ended: Tensor
    total: Tensor
    written: Tensor
    attention: Tensor
    states: list


class Search(layers.Layer):
    """A decoder that writes by itself, in one compiled loop that ends as soon as all sequences of the batch have.

    decoder: or several of them as one. start, end: the symbols that begin and end a sequence. padding: what stands
    after the end. longest: most steps.
    """

    def __init__(self, decoder: Decoder | DecoderEnsemble, *, start: int, end: int, padding: int, longest: int):
        super().__init__()
        self.decoder, self.start, self.end, self.padding, self.longest = decoder, start, end, padding, longest

    def compute_output_spec(
        self, context: Tensor, encoder_states: Tensor | None = None, mask_in: Tensor | None = None
    ) -> dict[str, Tensor]:
        batch = context.shape[0]
        found = {
            "output": keras.KerasTensor((batch, self.longest), "int32"),
            "log_probability": keras.KerasTensor((batch,), "float32"),
        }
        if encoder_states is not None and self.decoder.attend:
            found["attention"] = keras.KerasTensor((batch, self.longest, encoder_states.shape[1]), "float32")
        return found

    def begin(self, context: Tensor, prepared: dict[str, Tensor], width: int = 1) -> State:
        """Return the state before the first symbol. width: hypotheses of each sequence, all the same at first."""
        batch = ops.shape(context)[0]
        rows = batch * width
        positions = ops.shape(prepared["encoder_states"])[1] if prepared else 0
        # All but the first of them are out of the question until there are others.
        alone = ops.where(ops.arange(width) == 0, 0.0, FORBIDDEN)
        states = self.decoder.make_first_states(context)

        def repeat(state: Tensor) -> Tensor:
            return ops.repeat(state, width, axis=0)

        return State(
            step=ops.zeros((), "int32"),
            symbol=ops.full((rows,), self.start, "int32"),
            ended=ops.zeros((rows,), "bool"),
            total=ops.reshape(ops.zeros((batch, 1), "float32") + alone, (-1,)),
            written=ops.full((rows, self.longest), self.padding, "int32"),
            attention=ops.zeros((rows, self.longest, positions), "float32"),
            states=keras.tree.map_structure(repeat, states) if width > 1 else states,
        )

    def run(self, write: Callable[..., tuple], prepared: dict[str, Tensor], state: tuple, width: int = 1) -> tuple:
        """Return the `State`, as a tuple, when all rows have ended, or after `longest` steps.

        write: from what `prepare_attention` of the decoder returns, and a state, to the next state. width: rows of each
        sequence. As soon as no more than a quarter of the sequences are left, a smaller loop goes on with these alone,
        so that one long sequence does not hold up the others.
        """
        # Under TensorFlow the number of rows may be unknown.
        sequences = (state[1].shape[0] or 0) // width
        left = sequences // SHARE if sequences >= SHARE * FEWEST else 0

        def going(step: Tensor, symbol: Tensor, ended: Tensor, *rest: Tensor) -> Tensor:
            over = ops.all(ops.reshape(ended, (-1, width)), axis=1)
            return ops.logical_and(step < self.longest, ops.sum(ops.cast(ops.logical_not(over), "int32")) > left)

        step, *rows = ops.while_loop(going, lambda *state: tuple(write(prepared, *state)), tuple(state))
        if not left:
            return step, *rows
        # Sequences that go on come first.
        order = ops.argsort(ops.cast(ops.all(ops.reshape(rows[1], (-1, width)), axis=1), "int32"))

        def take(arrays: Tensor, places: Tensor) -> Tensor:
            """Return, of arrays with `width` rows for each sequence, those of some sequences."""

            def take_rows(array: Tensor) -> Tensor:
                # TensorFlow may not know the lengths of the other axes either, such as the positions of an image.
                rest = ops.shape(array)[1:]
                found = ops.take(ops.reshape(array, (sequences, width, *rest)), places, axis=0)
                return ops.reshape(found, (places.shape[0] * width, *rest))

            return keras.tree.map_structure(take_rows, arrays)

        kept = {
            name: None if array is None else ops.take(array, order[:left], axis=0) for name, array in prepared.items()
        }
        done = self.run(write, kept, (step, *take(rows, order[:left])), width)
        both = keras.tree.map_structure(
            lambda some, others: ops.concatenate([some, others]), list(done[1:]), take(rows, order[left:])
        )
        return done[0], *take(both, ops.argsort(order))

    def write_step(self, table: Tensor, step: Tensor, row: Tensor) -> Tensor:
        """Return (rows, longest, ...) with `row`, (rows, ...), in the place of one step."""
        here = ops.reshape(ops.arange(self.longest) == step, (1, -1) + (1,) * (len(row.shape) - 1))
        return ops.where(here, ops.expand_dims(row, 1), table)

    def collect(self, written: Tensor, total: Tensor, attention: Tensor, prepared: dict) -> dict[str, Tensor]:
        """Return the answers by name: see `Greedy.call`."""
        found = {"output": written, "log_probability": total}
        return found | {"attention": attention} if prepared else found


class Greedy(Search):
    """Write the likeliest symbol at every step."""

    def call(
        self, context: Tensor, encoder_states: Tensor | None = None, mask_in: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return "output", "log_probability" and, if the decoder attends to the encoder states, "attention".

        context, encoder_states, mask_in: those of the decoder.
        output: (batch, longest) of int32, the symbols with the end symbol; padding after it.
        log_probability: (batch,), that of these symbols.
        attention: (batch, longest, positions), the weights with which each symbol was written; 0 after the end.
        """
        prepared = self.decoder.prepare_attention(encoder_states, mask_in)
        found = State(*self.run(self.write, prepared, self.begin(context, prepared)))
        return self.collect(found.written, found.total, found.attention, prepared)

    def write(self, prepared: dict[str, Tensor], *state: Tensor) -> State:
        """Return the state after one more symbol."""
        now = State(*state)
        logits, states, weights = self.decoder.step(now.symbol, now.states, prepared)
        highest, likeliest = find_highest(logits)
        symbol = ops.where(now.ended, self.padding, likeliest)
        weights = ops.where(ops.expand_dims(now.ended, 1), 0.0, weights)
        return State(
            step=now.step + 1,
            symbol=symbol,
            ended=ops.logical_or(now.ended, symbol == self.end),
            total=ops.where(now.ended, now.total, now.total + highest - ops.logsumexp(logits, axis=1)),
            written=self.write_step(now.written, now.step, symbol),
            attention=self.write_step(now.attention, now.step, weights),
            states=states,
        )


class Beam(Search):
    """Write with `width` hypotheses side by side, and answer the best of them.

    At every step each hypothesis is continued with every symbol, and the likeliest `width` continuations are kept. One
    that has ended keeps its place and goes on unchanged; when all have ended, or after `longest` steps, the answer is
    the one with the highest score (Wu et al. 2016, equations 14 and 15):

        log P(Y|X) / ((5 + |Y|) / 6)^length_penalty + coverage_penalty * sum_i log min(1, sum_j a_ij)

    The first makes up for longer answers being less likely for their length alone. The second holds it against an
    answer if little of the attention a_ij of its symbols j went to a real position i; it needs a decoder that attends.
    A beam of width 1 is `Greedy`.
    """

    def __init__(
        self,
        decoder: Decoder | DecoderEnsemble,
        *,
        start: int,
        end: int,
        padding: int,
        longest: int,
        width: int,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
    ):
        super().__init__(decoder, start=start, end=end, padding=padding, longest=longest)
        self.width, self.length_penalty, self.coverage_penalty = width, length_penalty, coverage_penalty

    def call(
        self, context: Tensor, encoder_states: Tensor | None = None, mask_in: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return what `Greedy` does, and the hypotheses that are left, the best first, which is the answer.

        log_probability: that of the answer, not its score.
        hypotheses: (batch, width, longest) of int32, each as "output" is.
        log_probabilities: (batch, width), those of the hypotheses. One of less than FORBIDDEN / 2 is none: there were
        fewer texts than the beam is wide.
        scores: (batch, width), by which they are ranked.
        """
        prepared = self.decoder.prepare_attention(encoder_states, mask_in)
        state = self.begin(context, prepared, self.width)
        found = State(*self.run(self.write, prepared, state, self.width))
        scores = self._score(found, prepared)
        ranked, order = ops.top_k(ops.reshape(scores, (-1, self.width)), self.width)
        order = ops.cast(order, "int32") + ops.expand_dims(self._find_first_rows(ops.shape(context)[0]), 1)
        written, total, attention = (
            ops.take(rows, order[:, 0], axis=0) for rows in (found.written, found.total, found.attention)
        )
        return self.collect(written, total, attention, prepared) | {
            "hypotheses": ops.take(found.written, order, axis=0),
            "log_probabilities": ops.take(found.total, order, axis=0),
            "scores": ranked,
        }

    def _score(self, found: State, prepared: dict[str, Tensor]) -> Tensor:
        """Return what hypotheses are ranked by, (rows,)."""
        ends = ops.cast(found.written == self.end, "int32")
        length = ops.where(ops.any(ends, axis=1), ops.cast(ops.argmax(ends, axis=1), "int32") + 1, self.longest)
        scores = found.total / ((5.0 + ops.cast(length, "float32")) / 6.0) ** self.length_penalty
        if not (self.coverage_penalty and prepared):
            return scores
        seen = ops.log(ops.clip(ops.sum(found.attention, axis=1), LEAST, 1.0))
        if prepared["mask_in"] is not None:
            seen = ops.where(ops.repeat(prepared["mask_in"], self.width, axis=0), seen, 0.0)
        return scores + self.coverage_penalty * ops.sum(seen, axis=1)

    def compute_output_spec(
        self, context: Tensor, encoder_states: Tensor | None = None, mask_in: Tensor | None = None
    ) -> dict[str, Tensor]:
        batch = context.shape[0]
        return super().compute_output_spec(context, encoder_states, mask_in) | {
            "hypotheses": keras.KerasTensor((batch, self.width, self.longest), "int32"),
            "log_probabilities": keras.KerasTensor((batch, self.width), "float32"),
            "scores": keras.KerasTensor((batch, self.width), "float32"),
        }

    def _find_first_rows(self, sequences: int) -> Tensor:
        """Return the row of the first hypothesis of each sequence, (sequences,)."""
        return ops.arange(sequences, dtype="int32") * self.width

    def write(self, prepared: dict[str, Tensor], *state: Tensor) -> State:
        """Return the state after one more symbol: the likeliest continuations of all hypotheses."""
        now, width = State(*state), self.width
        logits, states, weights = self.decoder.step(now.symbol, now.states, prepared)
        over = ops.expand_dims(now.ended, 1)
        # No other continuation of a hypothesis can be among the likeliest of all.
        likeliest, symbols = find_likeliest(logits, min(width, logits.shape[1]))
        count = likeliest.shape[1]
        likelihood = ops.expand_dims(now.total - ops.logsumexp(logits, axis=1), 1) + likeliest
        # What has ended goes on in one way only, by padding, before all others.
        total = ops.expand_dims(now.total, 1)
        first = ops.arange(count) == 0
        likelihood = ops.where(over, ops.where(first, total, FORBIDDEN), likelihood)
        stays = ops.logical_and(ops.logical_and(over, first), total > FORBIDDEN / 2)
        ranked = ops.reshape(ops.where(stays, -FORBIDDEN, likelihood), (-1, width * count))
        picked = ops.cast(ops.top_k(ranked, width)[1], "int32")

        def pick(table: Tensor) -> Tensor:
            return ops.reshape(ops.take_along_axis(ops.reshape(table, (-1, width * count)), picked, axis=1), (-1,))

        first_rows = ops.expand_dims(self._find_first_rows(ops.shape(picked)[0]), 1)
        parent = ops.reshape(picked // count + first_rows, (-1,))

        def follow(rows: Tensor) -> Tensor:
            return ops.take(rows, parent, axis=0)

        symbol = pick(ops.where(over, self.padding, symbols))
        return State(
            step=now.step + 1,
            symbol=symbol,
            ended=ops.logical_or(follow(now.ended), symbol == self.end),
            total=pick(likelihood),
            written=self.write_step(follow(now.written), now.step, symbol),
            attention=self.write_step(follow(now.attention), now.step, follow(ops.where(over, 0.0, weights))),
            states=keras.tree.map_structure(follow, states),
        )
