"""Connectionist temporal classification (CTC): symbols in order, at times that nobody knows (Graves et al. 2006).

At each step the model gives a symbol or the blank. What these spell is found by making one of equal symbols in a row,
then leaving out the blanks: _ c c _ a a t _ spells cat. The probability of a text is the sum over all the ways, called
alignments, to spell it in so many steps.
"""

from typing import NamedTuple

import keras
from keras import layers, ops

from models.decoding.fusion import Fusion
from models.decoding.viterbi import FORBIDDEN
from models.layers.argmax import argmax
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class CertainBlank(layers.Layer):
    """Logits with the blank certain on the padding, and as they were elsewhere.

    A certain blank spells nothing and costs nothing, so the output carries its own mask: whoever reads it later, the
    loss or a decoder, needs no other. padding: the number that stands for padding in the texts, which is never given.
    Models that were saved without it have 0.
    """

    def __init__(self, blank: int, padding: int = 0, **options: LayerArgument):
        super().__init__(**options)
        self.blank, self.padding = blank, padding

    def call(self, logits: Tensor, mask_in: Tensor) -> Tensor:
        """Return (batch, steps, symbols), from that and a mask (batch, steps) of bool."""
        symbol = ops.arange(logits.shape[-1])
        certain = ops.where(symbol == self.blank, 0.0, FORBIDDEN)
        logits = ops.where(symbol == self.padding, FORBIDDEN, logits)
        return ops.where(ops.expand_dims(mask_in, 2), logits, ops.cast(certain, logits.dtype))

    def get_config(self) -> dict:
        return {**super().get_config(), "blank": self.blank, "padding": self.padding}


def measure_lengths(logits: Tensor, blank: int) -> Tensor:
    """Return the true lengths, (batch,), of logits from `CertainBlank`: the steps at which the blank is not certain."""
    others = ops.arange(logits.shape[-1]) != blank
    likeliest = ops.max(ops.where(others, logits, FORBIDDEN), axis=2)
    return ops.sum(ops.cast(likeliest > FORBIDDEN / 2, "int32"), axis=1)


class CTC(keras.losses.Loss):
    """The negative logarithm of the probability of each text, (batch,), as equation 12 of Graves et al. 2006 sums it.

    blank, padding: their numbers. Texts are (batch, length) of numbers; logits come from `CertainBlank`.
    """

    def __init__(self, blank: int, padding: int):
        super().__init__(name="ctc", reduction="mean_with_sample_weight")
        self.blank, self.padding = blank, padding

    def call(self, texts: Tensor, logits: Tensor) -> Tensor:
        texts = ops.cast(texts, "int32")
        length = ops.sum(ops.cast(texts != self.padding, "int32"), axis=1)
        return ops.ctc_loss(texts, logits, length, measure_lengths(logits, self.blank), mask_index=self.blank)


def collapse(logits: Tensor, blank: int, *, padding: int) -> Tensor:
    """Return what the likeliest symbol of each step spells: (batch, steps) of int32, padding where none begins."""
    best = argmax(logits)
    before = ops.pad(best[:, :-1], ((0, 0), (1, 0)), constant_values=blank)
    return ops.where(ops.logical_or(best == blank, best == before), padding, best)


class Beginnings(NamedTuple):
    """The likeliest beginnings of a text so far, `width` of them.

    texts: (batch, width, steps) of symbols. lengths: (batch, width). blanks, symbolic: (batch, width), the logarithms
    of the probability of the alignments that end in a blank, and of those that end in the last symbol.
    """

    texts: Tensor
    lengths: Tensor
    blanks: Tensor
    symbolic: Tensor


class Spoken(NamedTuple):
    """What a language model thinks of beginnings. states: (batch, width), where each leads. scores: (batch, width)."""

    states: Tensor
    scores: Tensor


def search_prefixes(
    logits: Tensor, blank: int, *, width: int, padding: int, fusion: Fusion | None = None
) -> tuple[Tensor, Tensor]:
    """Return the likeliest texts that a beam search finds, the likeliest first, and their log-probabilities.

    Texts: (batch, width, steps) of int32, padding after their ends. Log-probabilities: (batch, width); one of less than
    FORBIDDEN / 2 is of no text: there were fewer than the beam is wide. fusion: what a language model adds to them;
    then they say which is likeliest, and are no probabilities any more.

    Prefix search (Graves et al. 2006, section 3.2; Hannun et al. 2014, algorithm 1): for each of the `width` likeliest
    beginnings, two probabilities are kept, of the alignments that end in a blank and of those that end in its last
    symbol. Alignments of one text are added up, which the likeliest symbol of each step does not do.
    """
    # Not keras.ops.ctc_decode, which finds the same texts: on JAX it takes 350 times as long (10.6 s against 0.03 s for
    # 32 recordings of 100 steps, 30 symbols, a width of 8, on two cores).
    scores = ops.log_softmax(ops.cast(logits, "float32"), axis=2)
    batch, steps = ops.shape(scores)[0], ops.shape(scores)[1]
    # With a width of 3: one empty beginning, and two places that are free.
    first = Beginnings(
        ops.full((batch, width, steps), padding, "int32"),
        ops.zeros((batch, width), "int32"),
        ops.tile(ops.where(ops.arange(width) == 0, 0.0, FORBIDDEN), (batch, 1)),
        ops.full((batch, width), FORBIDDEN),
    )
    spoken: tuple = ()
    if fusion:
        spoken = Spoken(ops.full((batch, width), fusion.first, "int32"), ops.zeros((batch, width)))

    def goes_on(step: Tensor, *_: Tensor) -> Tensor:
        return step < steps

    def read_step(step: Tensor, *state: Tensor) -> tuple:
        now, before = ops.take(scores, step, axis=1), Beginnings(*state[:4])
        kept_blanks, kept_symbolic, grown = extend(before, now, blank=blank, padding=padding)
        ranked = ops.logaddexp(kept_blanks, kept_symbolic), grown
        if fusion:
            ranked = add_fusion(fusion, Spoken(*state[4:]), ranked)
        choice = choose_likeliest(*ranked, padding=padding)
        after = follow(choice, before, kept_blanks, kept_symbolic, grown)
        return step + 1, *after, *(follow_spoken(choice, Spoken(*state[4:]), fusion) if fusion else ())

    _, texts, _, blanks, symbolic, *spoken = ops.while_loop(
        goes_on, read_step, (ops.zeros((), "int32"), *first, *spoken)
    )
    total = ops.logaddexp(blanks, symbolic)
    if fusion:
        total = total + spoken[1] + ops.take(ops.convert_to_tensor(fusion.ends), spoken[0], axis=0)
    likely, order = ops.top_k(total, width)
    return ops.take_along_axis(texts, ops.expand_dims(ops.cast(order, "int32"), 2), axis=1), likely


def extend(before: Beginnings, now: Tensor, *, blank: int, padding: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return the log-probabilities of beginnings after one more step: those that stay as they are, and those that grow.

    now: (batch, symbols), the log-probability of each symbol at this step. Returns, of the beginnings as they are, the
    alignments that end in a blank, (batch, width), and those that end in the last symbol, (batch, width); then those of
    beginning k with symbol s after it at [k, s], (batch, width, symbols).
    """
    texts, lengths, blanks, symbolic = before
    width, symbols = blanks.shape[1], now.shape[1]
    at_end = ops.arange(ops.shape(texts)[2]) == ops.expand_dims(lengths - 1, 2)
    last = ops.sum(ops.where(at_end, texts, 0), axis=2)
    both = ops.logaddexp(blanks, symbolic)

    # After itself, a symbol must follow a blank.
    again = ops.expand_dims(last, 2) == ops.arange(symbols)
    grown = ops.where(again, ops.expand_dims(blanks, 2), ops.expand_dims(both, 2)) + ops.expand_dims(now, 1)
    grown = ops.where(ops.arange(symbols) == blank, FORBIDDEN, grown)
    kept_blanks = both + ops.expand_dims(now[:, blank], 1)
    kept_symbolic = symbolic + ops.take_along_axis(now, last, axis=1)

    # Where beginning k and one more symbol is beginning j, they are one: its probability goes to j.
    shortened = ops.where(at_end, padding, texts)
    same = ops.all(ops.expand_dims(shortened, 1) == ops.expand_dims(texts, 2), axis=3)
    longer = ops.expand_dims(lengths, 1) == ops.expand_dims(lengths + 1, 2)
    used = both > FORBIDDEN / 2
    joins = ops.logical_and(ops.logical_and(same, longer), ops.expand_dims(used, 1))
    joins = ops.logical_and(joins, ops.expand_dims(used, 2))
    index = ops.tile(ops.expand_dims(last, 1), (1, width, 1))
    arriving = ops.where(joins, ops.take_along_axis(grown, index, axis=2), FORBIDDEN)
    kept_symbolic = ops.logaddexp(kept_symbolic, ops.logsumexp(arriving, axis=1))
    gone = ops.logical_and(ops.expand_dims(joins, 3), ops.expand_dims(ops.one_hot(last, symbols) > 0, 1))
    return kept_blanks, kept_symbolic, ops.where(ops.any(gone, axis=2), FORBIDDEN, grown)


def add_fusion(fusion: Fusion, spoken: Spoken, heard: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Return the scores of beginnings with what the language model adds.

    heard: those without it, of beginnings that stay, (batch, width), and that grow, (batch, width, symbols).
    """
    stays, grown = heard
    further = ops.take(ops.convert_to_tensor(fusion.scores), spoken.states, axis=0)
    return stays + spoken.scores, grown + ops.expand_dims(spoken.scores, 2) + further


class Choice(NamedTuple):
    """The likeliest beginnings after a step, (batch, width) each.

    place: among all that there are, those that stay and then those that grow. parent: the beginning before it.
    grows: whether it has another symbol. symbol: that symbol; padding where it stays.
    """

    place: Tensor
    parent: Tensor
    grows: Tensor
    symbol: Tensor


def choose_likeliest(stays: Tensor, grown: Tensor, *, padding: int) -> Choice:
    """Return the likeliest beginnings among those that stay as they are, (batch, width), and those that grow.

    grown: (batch, width, symbols); see `extend`.
    """
    width, symbols = grown.shape[1], grown.shape[2]
    _, place = ops.top_k(flatten_scores(stays, grown), width)
    grows = place >= width
    parent = ops.where(grows, (place - width) // symbols, place)
    return Choice(place, parent, grows, ops.where(grows, (place - width) % symbols, padding))


def flatten_scores(stays: Tensor, grown: Tensor) -> Tensor:
    """Return the scores of all beginnings in a row, those that stay first: (batch, width + width * symbols)."""
    return ops.concatenate([stays, ops.reshape(grown, (ops.shape(grown)[0], grown.shape[1] * grown.shape[2]))], axis=1)


def follow(choice: Choice, before: Beginnings, kept_blanks: Tensor, kept_symbolic: Tensor, grown: Tensor) -> Beginnings:
    """Return the beginnings that were chosen; see `extend`."""
    texts, lengths, _, _ = before
    texts = ops.take_along_axis(texts, ops.expand_dims(choice.parent, 2), axis=1)
    lengths = ops.take_along_axis(lengths, choice.parent, axis=1)
    position = ops.arange(ops.shape(texts)[2])
    new = ops.logical_and(position == ops.expand_dims(lengths, 2), ops.expand_dims(choice.grows, 2))
    texts = ops.where(new, ops.expand_dims(choice.symbol, 2), texts)
    lengths = lengths + ops.cast(choice.grows, "int32")
    blanks = ops.where(choice.grows, FORBIDDEN, ops.take_along_axis(kept_blanks, choice.parent, axis=1))
    stayed = ops.take_along_axis(kept_symbolic, choice.parent, axis=1)
    grew = ops.take_along_axis(flatten_scores(kept_symbolic, grown), choice.place, axis=1)
    symbolic = ops.where(choice.grows, grew, stayed)
    # Sums of what is forbidden must not grow without end.
    return Beginnings(texts, lengths, ops.maximum(blanks, FORBIDDEN), ops.maximum(symbolic, FORBIDDEN))


def follow_spoken(choice: Choice, spoken: Spoken, fusion: Fusion) -> Spoken:
    """Return what the language model thinks of the beginnings that were chosen."""
    states = ops.take_along_axis(spoken.states, choice.parent, axis=1)
    scores = ops.take_along_axis(spoken.scores, choice.parent, axis=1)
    # Each a number of the tables: row after row.
    place = states * fusion.scores.shape[1] + choice.symbol
    tables = (ops.convert_to_tensor(table.reshape(-1)) for table in (fusion.scores, fusion.after))
    further, after = (ops.take(table, place) for table in tables)
    return Spoken(ops.where(choice.grows, after, states), scores + ops.where(choice.grows, further, 0.0))


class CTCDecoder(layers.Layer):
    """Logits from `CertainBlank`, (batch, steps, symbols), to the symbols that they spell.

    blank, padding: their numbers. width: of the beam; None takes the likeliest symbol of each step. fusion: what a
    language model adds in a beam.
    """

    def __init__(self, blank: int, *, padding: int, width: int | None = None, fusion: Fusion | None = None):
        super().__init__(dtype="float32")
        self.blank, self.padding, self.width, self.fusion = blank, padding, width, fusion

    def call(self, logits: Tensor) -> dict[str, Tensor]:
        """Return {"output": (batch, steps)} of int32; with a beam also what else it found, the likeliest first.

        hypotheses: (batch, width, steps), each as "output" is. log_probabilities: (batch, width); see
        `search_prefixes`.
        """
        if not self.width:
            return {"output": collapse(logits, self.blank, padding=self.padding)}
        texts, likely = search_prefixes(logits, self.blank, width=self.width, padding=self.padding, fusion=self.fusion)
        return {"output": texts[:, 0], "hypotheses": texts, "log_probabilities": likely}

    def compute_output_spec(self, logits: Tensor) -> dict[str, keras.KerasTensor]:
        batch, steps = logits.shape[:2]
        found = {"output": keras.KerasTensor((batch, steps), "int32")}
        if self.width:
            found["hypotheses"] = keras.KerasTensor((batch, self.width, steps), "int32")
            found["log_probabilities"] = keras.KerasTensor((batch, self.width), "float32")
        return found
