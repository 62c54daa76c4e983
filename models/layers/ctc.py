"""Connectionist temporal classification (CTC): symbols in order, at times that nobody knows (Graves et al. 2006).

At each step the model gives a symbol or the blank. What these spell is found by making one of equal symbols in a row,
then leaving out the blanks: _ c c _ a a t _ spells cat. The probability of a text is the sum over all the ways, called
alignments, to spell it in so many steps.
"""

from typing import Any

import keras
from keras import layers, ops

from models.decoding.search import FORBIDDEN


@keras.saving.register_keras_serializable("unrolled")
class CertainBlank(layers.Layer):
    """Logits of which each sequence's own part is as it was, and the blank is certain on the padding.

    A certain blank spells nothing and costs nothing, so the output carries its own mask: whoever reads it later, the
    loss or a decoder, needs no other. Number 0, which stands for padding in the texts, is never given.
    """

    def __init__(self, blank: int, **options: Any):
        super().__init__(**options)
        self.blank = blank

    def call(self, logits: Any, mask_in: Any) -> Any:
        """Return (batch, steps, symbols), from that and a mask (batch, steps) of bool."""
        symbol = ops.arange(logits.shape[-1])
        certain = ops.where(symbol == self.blank, 0.0, FORBIDDEN)
        logits = ops.where(symbol == 0, FORBIDDEN, logits)
        return ops.where(ops.expand_dims(mask_in, 2), logits, ops.cast(certain, logits.dtype))

    def get_config(self) -> dict:
        return {**super().get_config(), "blank": self.blank}


def measure(logits: Any, blank: int) -> Any:
    """Return the true lengths, (batch,), of logits from `CertainBlank`: the steps at which the blank is not certain."""
    others = ops.arange(logits.shape[-1]) != blank
    likeliest = ops.max(ops.where(others, logits, FORBIDDEN), axis=2)
    return ops.sum(ops.cast(likeliest > FORBIDDEN / 2, "int32"), axis=1)


class CTC(keras.losses.Loss):
    """The negative logarithm of the probability of each text, (batch,), as equation 12 of Graves et al. 2006 sums it.

    blank: its number. Texts are (batch, length) of numbers, 0 on the padding; logits come from `CertainBlank`.
    """

    def __init__(self, blank: int):
        super().__init__(name="ctc", reduction="mean_with_sample_weight")
        self.blank = blank

    def call(self, texts: Any, logits: Any) -> Any:
        texts = ops.cast(texts, "int32")
        length = ops.sum(ops.cast(texts != 0, "int32"), axis=1)
        return ops.ctc_loss(texts, logits, length, measure(logits, self.blank), mask_index=self.blank)


def collapse(logits: Any, blank: int) -> Any:
    """Return what the likeliest symbol of each step spells: (batch, steps) of int32, 0 where nothing new begins."""
    best = ops.cast(ops.argmax(logits, axis=2), "int32")
    before = ops.pad(best[:, :-1], ((0, 0), (1, 0)), constant_values=blank)
    return ops.where(ops.logical_or(best == blank, best == before), 0, best)


def search(logits: Any, blank: int, width: int) -> Any:
    """Return the likeliest text that a beam search finds: (batch, steps) of int32, 0 after its end.

    Prefix search (Graves et al. 2006, section 3.2; Hannun et al. 2014, algorithm 1): of each of the `width` likeliest
    beginnings, two probabilities are kept, of the alignments that end in a blank and of those that end in its last
    symbol. Alignments of one text are added up, which the likeliest symbol of each step does not do.
    """
    scores = ops.log_softmax(ops.cast(logits, "float32"), axis=2)
    batch, steps, symbols = ops.shape(scores)[0], ops.shape(scores)[1], scores.shape[2]
    # With a width of 3: one empty beginning, and two places that are free.
    first = ops.tile(ops.where(ops.arange(width) == 0, 0.0, FORBIDDEN), (batch, 1))
    state = (
        ops.zeros((), "int32"),
        ops.zeros((batch, width, steps), "int32"),
        ops.zeros((batch, width), "int32"),
        first,
        ops.full((batch, width), FORBIDDEN),
    )

    def going(step: Any, *_: Any) -> Any:
        return step < steps

    def read(step: Any, texts: Any, lengths: Any, blanks: Any, symbolic: Any) -> tuple:
        # texts: (batch, width, steps); lengths and the two log-probabilities: (batch, width).
        now = ops.take(scores, step, axis=1)
        position = ops.arange(steps)
        at_end = position == ops.expand_dims(lengths - 1, 2)
        last = ops.sum(ops.where(at_end, texts, 0), axis=2)
        both = ops.logaddexp(blanks, symbolic)

        # grown[b, k, s]: beginning k and then symbol s; after itself, a symbol must follow a blank.
        again = ops.expand_dims(last, 2) == ops.arange(symbols)
        grown = ops.where(again, ops.expand_dims(blanks, 2), ops.expand_dims(both, 2)) + ops.expand_dims(now, 1)
        grown = ops.where(ops.arange(symbols) == blank, FORBIDDEN, grown)
        kept_blanks = both + ops.expand_dims(now[:, blank], 1)
        kept_symbolic = symbolic + ops.take_along_axis(now, last, axis=1)

        # Where beginning k and one more symbol is beginning j, they are one: its probability goes to j.
        shortened = ops.where(at_end, 0, texts)
        same = ops.all(ops.expand_dims(shortened, 1) == ops.expand_dims(texts, 2), axis=3)
        longer = ops.expand_dims(lengths, 1) == ops.expand_dims(lengths + 1, 2)
        used = both > FORBIDDEN / 2
        joins = ops.logical_and(ops.logical_and(same, longer), ops.expand_dims(used, 1))
        joins = ops.logical_and(joins, ops.expand_dims(used, 2))
        index = ops.tile(ops.expand_dims(last, 1), (1, width, 1))
        arriving = ops.where(joins, ops.take_along_axis(grown, index, axis=2), FORBIDDEN)
        kept_symbolic = ops.logaddexp(kept_symbolic, ops.logsumexp(arriving, axis=1))
        gone = ops.logical_and(ops.expand_dims(joins, 3), ops.expand_dims(ops.one_hot(last, symbols) > 0, 1))
        grown = ops.where(ops.any(gone, axis=2), FORBIDDEN, grown)

        # Of what stays and what grows, the likeliest.
        stays = ops.logaddexp(kept_blanks, kept_symbolic)
        all_scores = ops.concatenate([stays, ops.reshape(grown, (batch, width * symbols))], axis=1)
        _, chosen = ops.top_k(all_scores, width)
        grows = chosen >= width
        parent = ops.where(grows, (chosen - width) // symbols, chosen)
        symbol = ops.where(grows, (chosen - width) % symbols, 0)
        texts = ops.take_along_axis(texts, ops.expand_dims(parent, 2), axis=1)
        lengths = ops.take_along_axis(lengths, parent, axis=1)
        new = ops.logical_and(position == ops.expand_dims(lengths, 2), ops.expand_dims(grows, 2))
        texts = ops.where(new, ops.expand_dims(symbol, 2), texts)
        lengths = lengths + ops.cast(grows, "int32")
        stayed_blanks = ops.take_along_axis(kept_blanks, parent, axis=1)
        stayed_symbolic = ops.take_along_axis(kept_symbolic, parent, axis=1)
        blanks = ops.where(grows, FORBIDDEN, stayed_blanks)
        symbolic = ops.where(grows, ops.take_along_axis(all_scores, chosen, axis=1), stayed_symbolic)
        # Sums of what is forbidden must not grow without end.
        return step + 1, texts, lengths, ops.maximum(blanks, FORBIDDEN), ops.maximum(symbolic, FORBIDDEN)

    texts, _, blanks, symbolic = ops.while_loop(going, read, state)[1:]
    best = ops.argmax(ops.logaddexp(blanks, symbolic), axis=1)
    return ops.squeeze(ops.take_along_axis(texts, ops.reshape(best, (-1, 1, 1)), axis=1), 1)


class Collapse(layers.Layer):
    """Logits from `CertainBlank`, (batch, steps, symbols), to symbols, (batch, steps) of int32: `collapse`, `search`.

    width: of the beam; None takes the likeliest symbol of each step.
    """

    def __init__(self, blank: int, width: int | None = None):
        super().__init__(dtype="float32")
        self.blank, self.width = blank, width

    def call(self, logits: Any) -> Any:
        return search(logits, self.blank, self.width) if self.width else collapse(logits, self.blank)

    def compute_output_spec(self, logits: Any) -> keras.KerasTensor:
        return keras.KerasTensor(logits.shape[:2], "int32")
