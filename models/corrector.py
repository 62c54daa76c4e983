"""Corrector: many to many, unequal length, by one tag per word of the text that is to be corrected.

The tags are those of Omelianchuk et al. 2020, "GECToR – Grammatical Error Correction: Tag, Not Rewrite". A word that is
not known, which no tag could be learned for, points at one of the known words that are close to it: a pointer network
(Vinyals et al. 2015, equation 3) over candidates that the input field finds.
"""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import layers, ops

from models.family import count_values
from models.layers.argmax import ArgMax
from models.layers.embedding import embed_spelling, make_inputs
from models.layers.locked_dropout import drop
from models.layers.losses import cross_entropy
from models.layers.tag_bias import TagBias, add_bias, find_keepers
from models.layers.word_dropout import WordDropout
from models.recurrent import stack_by_options
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

if TYPE_CHECKING:
    from models.family import Draw, Fitter, InputField, OutputField
    from pipeline.option import Options

# The logit of what must not be: see models/decoding/viterbi.py.
FORBIDDEN = -1e9
# Code points that have a vector of their own: those of Latin, Greek, Cyrillic, Hebrew and Arabic letters; others share.
LETTERS = 2048
# Length of the vector of a way in which a candidate may be close to a word; numbers that a candidate is scored by.
NEAR, POINTED = 8, 64
# How many nats likelier than any other the first tag is to begin with: with some hundred of them it has most.
PRIOR = 8.0
# What the first tag means: see pipeline/fields/edits/tags.py.
KEEP = 0


@keras.saving.register_keras_serializable(PACKAGE)
class Letters(layers.Layer):
    """Code points as numbers below `size`: (...) -> (...) of int32."""

    def __init__(self, size: int, **options: LayerArgument):
        super().__init__(**options)
        self.size = size

    def call(self, code_points: Tensor) -> Tensor:
        return ops.mod(code_points, self.size)

    def get_config(self) -> dict:
        return {**super().get_config(), "size": self.size}


@keras.saving.register_keras_serializable(PACKAGE)
class Pointer(layers.Layer):
    """The score of each candidate at each step: v . tanh(W1 candidate + W2 state + way) + rank, Vinyals et al. 2015.

    The rank is a number for each place among the candidates, as the closest come first.

    units: of the sum. ways: in how many ways a candidate may be close to the word.
    """

    def __init__(self, units: int, ways: int, **options: LayerArgument):
        super().__init__(**options)
        self.units, self.ways = units, ways
        self.of_state = layers.Dense(units, name="of_state")
        self.of_candidate = layers.Dense(units, use_bias=False, name="of_candidate")
        self.of_way = layers.Embedding(ways, units, name="of_way")
        self.score = layers.Dense(1, use_bias=False, name="score")

    def build(self, states_shape: tuple, vectors_shape: tuple, candidates_shape: tuple, ways_shape: tuple) -> None:
        self.of_state.build(states_shape)
        self.of_candidate.build(vectors_shape)
        self.of_way.build(ways_shape)
        self.score.build((*ways_shape, self.units))
        self.rank = self.add_weight((ways_shape[-1],), "zeros", name="rank")

    def call(self, states: Tensor, vectors: Tensor, candidates: Tensor, ways: Tensor) -> Tensor:
        """Return (batch, time, most) of float32; very low where there is no candidate.

        states: (batch, time, features). vectors: of the candidates, (batch, time, most, size). candidates, ways:
        (batch, time, most) of int32, 0 where there is none.
        """
        asked = ops.expand_dims(self.of_state(states), 2)
        hidden = ops.tanh(asked + self.of_candidate(vectors) + self.of_way(ways))
        scores = ops.cast(ops.squeeze(self.score(hidden), -1) + self.rank, "float32")
        return ops.where(candidates > 0, scores, FORBIDDEN)

    def compute_output_spec(self, states: Tensor, vectors: Tensor, candidates: Tensor, ways: Tensor) -> Tensor:
        return keras.KerasTensor(candidates.shape, "float32")

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "ways": self.ways}


def build(input_field: "InputField", output_field: "OutputField", options: "Options") -> keras.Model:
    """Return a model from a draft's arrays to logits, (batch, time, tags + candidates)."""
    arrays = input_field.arrays
    inputs = make_inputs(arrays)
    words, most = arrays["words"], arrays["candidates"].shape[-1] or 0
    numbers = inputs["words"]
    if options.word_dropout:
        numbers = WordDropout(options.word_dropout, unknown=words.unknown, name="forget")(numbers)
    # One table: what is known of a word where it is read is of use where it is a candidate.
    table = layers.Embedding(count_values(words), options.embedding_size, name="embedding")
    letters = Letters(LETTERS, name="letters")(inputs["characters"])
    # In which ways its candidates are close to a word says much of whether it is a mistake.
    ways = count_values(arrays["closeness"])
    near = layers.Embedding(ways, NEAR, name="near")(inputs["closeness"])
    near = layers.Reshape((-1, most * NEAR))(near)
    vectors = layers.Concatenate()([table(numbers), embed_spelling(letters, LETTERS), near])
    vectors = drop(vectors, options)
    states = stack_by_options(vectors, inputs["mask"], options, begins=1)
    states = drop(states, options)
    tags = layers.Dense(count_values(output_field.arrays["output"]) - most, dtype="float32", name="tags")(states)
    scores = Pointer(POINTED, ways, name="pointer")(
        states, table(inputs["candidates"]), inputs["candidates"], inputs["closeness"]
    )
    # Nearly all words are kept, which need not be learned first.
    tags = TagBias(PRIOR, fits=options.keep_share is not None, tag=KEEP, name="prior")(tags)
    logits = layers.Concatenate(dtype="float32", name="logits")([tags, scores])
    return keras.Model(inputs, logits, name="corrector")


def loss(output_field: "OutputField", options: "Options") -> keras.losses.Loss:
    """Return the cross-entropy of every tag."""
    return cross_entropy()


def decode(model: keras.Model, output_field: "OutputField", options: "Options") -> keras.Model:
    """Return a model from the same arrays to "output", (batch, time), the best tags, and the "characters" of each step.

    options.keep_bias: how much surer than of no change it must be of a change; None: as was fitted.
    """
    best = ArgMax()(add_bias(model, model.output, options.keep_bias, KEEP))
    return keras.Model(model.input, {"output": best, "characters": layers.Identity()(model.input["characters"])})


def make_fitter(model: keras.Model, output_field: "OutputField", options: "Options") -> "Fitter":
    """Return what finds the bias of decoding that leaves right texts as they are, and keeps it in the model.

    "keep_bias" is the least by which the share options.keep_share of the right texts in the batches is left, one more
    text being counted as changed: of n all but k, with the highest k for which (k + 1) / (n + 1) is at most
    1 - keep_share. Then that share is to be expected of other texts of the kind (Angelopoulos et al. 2024, "Conformal
    Risk Control", equation 4). Where there is no such k all are left; where no text is right the bias is 0. Nothing is
    done where options.keep_bias says what it is.
    """
    keepers = list(find_keepers(model)) if options.keep_bias is None else []

    def fit(batches: Iterable["Draw"]) -> dict[str, float]:
        if not keepers:
            return {}
        margins: list[float] = []
        for inputs, outputs, weights in batches:
            logits = np.asarray(model.predict_on_batch(inputs))
            # How much likelier the likeliest change is than none, at each step.
            surer = np.delete(logits, KEEP, axis=-1).max(axis=-1) - logits[..., KEEP]
            # A step has no weight where no tag says what is wrong with it; and so have rows that are no examples.
            right = (((outputs == KEEP) & (weights > 0)) | ~inputs["mask"]).all(axis=1)
            margins += np.where(inputs["mask"], surer, -np.inf).max(axis=1)[right].tolist()
        bias = find_bias(margins, options.keep_share)
        for keeper in keepers:
            keeper.fitted.assign(bias)
        return {"keep_bias": bias}

    return fit


def find_bias(margins: Sequence[float], share: float) -> float:
    """Return the bias that `make_fitter` is after. margins: of each right text, the least that leaves it right."""
    if not margins:
        return 0.0
    changed = max(math.floor((1 - share) * (len(margins) + 1) + 1e-9) - 1, 0)
    # A little more, as what is added in float32 is rounded.
    return max(sorted(margins)[-1 - changed] + 1e-3, 0.0)
