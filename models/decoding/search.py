"""Search for the best sequence of outputs: through scores that are all known, or while a decoder writes."""

from collections.abc import Callable
from typing import Any

import keras
from keras import layers, ops

FORBIDDEN = -1e9
# Numbers that are searched as one: of thousands, most blocks need no search.
BLOCK = 64
# A loop is left for one with so many times fewer sequences, but not for fewer than this: each is compiled.
SHARE, FEWEST = 4, 4


def viterbi(scores: Any, mask: Any, first: Any, transitions: Any) -> Any:
    """Return the path of tags with the highest total score (Viterbi 1967), as (batch, time) of int32.

    scores: (batch, time, tags). mask: (batch, time) of bool, true where there is input, padding on the right.
    first: (tags,), added to the first step's scores. transitions: (tags, tags), added for tag a before tag b at [a, b].
    After a sequence's end its last tag is repeated.
    """
    tags = scores.shape[-1]
    inside = ops.swapaxes(mask, 0, 1)
    steps = ops.swapaxes(scores, 0, 1)
    start = steps[0] + first
    # The scan of Keras' TensorFlow backend takes one tensor, and gives back what it carries and nothing else: so the
    # mask goes with the scores, and the pointers are found from the totals afterwards.
    marked = ops.concatenate([steps, ops.expand_dims(ops.cast(inside, steps.dtype), 2)], axis=2)

    def forward(best: Any, step: Any) -> Any:
        arriving = ops.max(ops.expand_dims(best, 2) + transitions, axis=1)
        best = ops.where(step[:, tags:] > 0, arriving + step[:, :tags], best)
        return best, best

    last_best, later = ops.scan(forward, start, marked[1:])
    earlier = ops.concatenate([ops.expand_dims(start, 0), later], axis=0)[:-1]
    back = ops.cast(ops.argmax(ops.expand_dims(earlier, 3) + transitions, axis=2), "int32")
    back = ops.where(ops.expand_dims(inside[1:], 2), back, ops.arange(tags, dtype="int32"))

    def backward(tag: Any, pointers: Any) -> Any:
        before = ops.squeeze(ops.take_along_axis(pointers, ops.expand_dims(tag, 1), axis=1), 1)
        return before, before

    last = ops.cast(ops.argmax(last_best, axis=1), "int32")
    _, path = ops.scan(backward, last, back, reverse=True)
    return ops.swapaxes(ops.concatenate([path, ops.expand_dims(last, 0)], axis=0), 0, 1)


@keras.saving.register_keras_serializable("unrolled")
class BestPath(layers.Layer):
    """The best path of tags in which every transition is allowed.

    allowed: (1 + tags, tags) of bool as nested lists: row 0 the tags that may begin, row 1 + a those that may follow a.
    """

    def __init__(self, allowed: list[list[bool]], **options: Any):
        super().__init__(**options)
        self.allowed = allowed

    def call(self, scores: Any, mask_in: Any) -> Any:
        penalty = ops.where(ops.convert_to_tensor(self.allowed, dtype="bool"), 0.0, FORBIDDEN)
        return viterbi(scores, mask_in, penalty[0], penalty[1:])

    def get_config(self) -> dict:
        return {**super().get_config(), "allowed": self.allowed}


def find_highest(scores: Any) -> tuple[Any, Any]:
    """Return the highest of each row of (rows, size), and its place, both (rows,): of equals the first.

    Two reductions that XLA makes vector code of; its argmax takes several times as long on a CPU.
    """
    size = scores.shape[1]
    highest = ops.max(scores, axis=1)
    places = ops.where(scores == ops.expand_dims(highest, 1), ops.arange(size, dtype="int32"), size - 1)
    return highest, ops.min(places, axis=1)


def find_likeliest(scores: Any, count: int) -> tuple[Any, Any]:
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


class Search(layers.Layer):
    """A decoder that writes by itself, in one compiled loop that ends as soon as all sequences of the batch have.

    start, end: the symbols that begin and end a sequence. longest: steps at the most.
    """

    def __init__(self, decoder: Any, start: int, end: int, longest: int):
        super().__init__()
        self.decoder, self.start, self.end, self.longest = decoder, start, end, longest

    def compute_output_spec(self, context: Any, memory: Any = None, mask_in: Any = None) -> dict[str, Any]:
        batch = context.shape[0]
        found = {
            "output": keras.KerasTensor((batch, self.longest), "int32"),
            "log_probability": keras.KerasTensor((batch,), "float32"),
        }
        if memory is not None and self.decoder.attend:
            found["attention"] = keras.KerasTensor((batch, self.longest, memory.shape[1]), "float32")
        return found

    def run(self, write: Callable[..., tuple], remembered: dict[str, Any], state: tuple, width: int = 1) -> tuple:
        """Return the state (step, symbol, ended, ...) when all rows have ended, or after `longest` steps.

        write: from what the decoder remembers of the memory, and a state, to the next. width: rows of each sequence.
        As soon as no more than a quarter of the sequences are left, a smaller loop goes on with these alone, so that
        one long sequence does not hold up the others.
        """
        # Under TensorFlow the number of rows may be unknown.
        sequences = (state[1].shape[0] or 0) // width
        few = sequences // SHARE if sequences >= SHARE * FEWEST else 0

        def going(step: Any, symbol: Any, ended: Any, *rest: Any) -> Any:
            over = ops.all(ops.reshape(ended, (-1, width)), axis=1)
            return ops.logical_and(step < self.longest, ops.sum(ops.cast(ops.logical_not(over), "int32")) > few)

        step, *rows = ops.while_loop(going, lambda *state: write(remembered, *state), state)
        if not few:
            return step, *rows
        # Those that go on in front.
        order = ops.argsort(ops.cast(ops.all(ops.reshape(rows[1], (-1, width)), axis=1), "int32"))

        def take(arrays: Any, places: Any) -> Any:
            """Return, of arrays with `width` rows for each sequence, those of some sequences."""

            def take_rows(array: Any) -> Any:
                # TensorFlow may not know the lengths of the other axes either, such as the positions of a memory.
                rest = ops.shape(array)[1:]
                found = ops.take(ops.reshape(array, (sequences, width, *rest)), places, axis=0)
                return ops.reshape(found, (places.shape[0] * width, *rest))

            return keras.tree.map_structure(take_rows, arrays)

        kept = {
            name: None if array is None else ops.take(array, order[:few], axis=0) for name, array in remembered.items()
        }
        left = self.run(write, kept, (step, *take(rows, order[:few])), width)
        both = keras.tree.map_structure(
            lambda some, others: ops.concatenate([some, others]), list(left[1:]), take(rows, order[few:])
        )
        return left[0], *take(both, ops.argsort(order))

    def put(self, table: Any, step: Any, row: Any) -> Any:
        """Return (rows, longest, ...) with `row`, (rows, ...), in the place of one step."""
        here = ops.reshape(ops.arange(self.longest) == step, (1, -1) + (1,) * (len(row.shape) - 1))
        return ops.where(here, ops.expand_dims(row, 1), table)

    def answer(self, written: Any, total: Any, looked: Any, remembered: dict) -> dict[str, Any]:
        found = {"output": written, "log_probability": total}
        return found | {"attention": looked} if remembered else found


class Greedy(Search):
    """Write the likeliest symbol at every step."""

    def call(self, context: Any, memory: Any = None, mask_in: Any = None) -> dict[str, Any]:
        """Return "output", "log_probability" and, if the decoder attends to the memory, "attention".

        context, memory, mask_in: as for the decoder.
        output: (batch, longest) of int32, the symbols with the end symbol; 0 after it. log_probability: (batch,), of
        these symbols. attention: (batch, longest, positions), the weights with which each was written; 0 after the end.
        """
        batch = ops.shape(context)[0]
        remembered = self.decoder.remember(memory, mask_in)
        positions = ops.shape(memory)[1] if remembered else 0
        first = (
            ops.zeros((), "int32"),
            ops.full((batch,), self.start, "int32"),
            ops.zeros((batch,), "bool"),
            ops.zeros((batch,), "float32"),
            ops.zeros((batch, self.longest), "int32"),
            ops.zeros((batch, self.longest, positions), "float32"),
            self.decoder.begin(context),
        )

        def write(
            remembered: dict, step: Any, symbol: Any, ended: Any, total: Any, written: Any, looked: Any, states: Any
        ) -> tuple:
            logits, states, weights = self.decoder.step(symbol, states, remembered)
            highest, likeliest = find_highest(logits)
            symbol = ops.where(ended, 0, likeliest)
            total = ops.where(ended, total, total + highest - ops.logsumexp(logits, axis=1))
            written = self.put(written, step, symbol)
            looked = self.put(looked, step, ops.where(ops.expand_dims(ended, 1), 0.0, weights))
            return step + 1, symbol, ops.logical_or(ended, symbol == self.end), total, written, looked, states

        _, _, _, total, written, looked, _ = self.run(write, remembered, first)
        return self.answer(written, total, looked, remembered)


class Beam(Search):
    """Write with `width` hypotheses side by side, and answer the best of them.

    At every step each hypothesis is continued with every symbol, and the likeliest `width` continuations are kept. One
    that has ended keeps its place and goes on unchanged; when all have ended, or after `longest` steps, the answer is
    the one with the highest log P(Y|X) / ((5 + |Y|) / 6)^penalty: longer answers, less likely for their length alone,
    are made up for (Wu et al. 2016, equation 14, without its coverage). A beam of width 1 is `Greedy`.
    """

    def __init__(self, decoder: Any, start: int, end: int, longest: int, width: int, penalty: float = 1.0):
        super().__init__(decoder, start, end, longest)
        self.width, self.penalty = width, penalty

    def call(self, context: Any, memory: Any = None, mask_in: Any = None) -> dict[str, Any]:
        """Return what `Greedy` does. log_probability: of the answer, before it is divided by its length."""
        batch, width = ops.shape(context)[0], self.width
        remembered = self.decoder.remember(memory, mask_in)
        positions = ops.shape(memory)[1] if remembered else 0
        offset = ops.expand_dims(ops.arange(batch, dtype="int32") * width, 1)
        # The hypotheses of one sequence are rows next to each other. At the first step they are all the same one.
        alone = ops.where(ops.arange(width) == 0, 0.0, FORBIDDEN)
        first = (
            ops.zeros((), "int32"),
            ops.full((batch * width,), self.start, "int32"),
            ops.zeros((batch * width,), "bool"),
            ops.reshape(ops.zeros((batch, 1), "float32") + alone, (-1,)),
            ops.zeros((batch * width, self.longest), "int32"),
            ops.zeros((batch * width, self.longest, positions), "float32"),
            [[ops.repeat(state, width, axis=0) for state in layer] for layer in self.decoder.begin(context)],
        )

        def write(
            remembered: dict, step: Any, symbol: Any, ended: Any, total: Any, written: Any, looked: Any, states: Any
        ) -> tuple:
            logits, states, weights = self.decoder.step(symbol, states, remembered)
            over = ops.expand_dims(ended, 1)
            # No other continuation of a hypothesis can be among the likeliest of all.
            likeliest, symbols = find_likeliest(logits, min(width, logits.shape[1]))
            count = likeliest.shape[1]
            likelihood = ops.expand_dims(total - ops.logsumexp(logits, axis=1), 1) + likeliest
            likelihood = ops.where(over, ops.expand_dims(total, 1), likelihood)
            # What has ended goes on in one way only, by padding, before all others.
            padding = ops.where(ops.arange(count) == 0, -FORBIDDEN, FORBIDDEN)
            ranked = ops.reshape(ops.where(over, padding, likelihood), (-1, width * count))
            picked = ops.cast(ops.top_k(ranked, width)[1], "int32")

            def pick(table: Any) -> Any:
                return ops.reshape(ops.take_along_axis(ops.reshape(table, (-1, width * count)), picked, axis=1), (-1,))

            parent = ops.reshape(picked // count + offset[: ops.shape(picked)[0]], (-1,))
            symbol, total = pick(ops.where(over, 0, symbols)), pick(likelihood)

            def follow(rows: Any) -> Any:
                return ops.take(rows, parent, axis=0)

            looked = self.put(follow(looked), step, follow(ops.where(over, 0.0, weights)))
            ended = follow(ended)
            ended = ops.logical_or(ended, symbol == self.end)
            states = [[follow(state) for state in layer] for layer in states]
            return step + 1, symbol, ended, total, self.put(follow(written), step, symbol), looked, states

        _, _, _, total, written, looked, _ = self.run(write, remembered, first, width)
        ends = ops.cast(written == self.end, "int32")
        length = ops.where(ops.any(ends, axis=1), ops.cast(ops.argmax(ends, axis=1), "int32") + 1, self.longest)
        scores = total / ((5.0 + ops.cast(length, "float32")) / 6.0) ** self.penalty
        best = ops.cast(ops.argmax(ops.reshape(scores, (-1, width)), axis=1), "int32") + ops.squeeze(offset, 1)
        written, total, looked = (ops.take(rows, best, axis=0) for rows in (written, total, looked))
        return self.answer(written, total, looked, remembered)
