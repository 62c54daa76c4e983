"""Tagger: many to many, equal length. One tag per token."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import keras
import numpy as np
from keras import layers, ops

from models.decoding.spans import count_spans
from models.decoding.viterbi import BestPath
from models.family import count_values
from models.layers.argmax import ArgMax
from models.layers.conditional_random_field import ConditionalRandomField, PathCrossEntropy
from models.layers.embedding import encode_sequence
from models.layers.locked_dropout import drop
from models.layers.losses import cross_entropy
from models.layers.tag_bias import FittedBias, TagBias, add_bias, find_keepers
from models.tensor import Tensor
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from models.family import Draw, Fitter, InputField, TagField
    from pipeline.option import Options

# With so many tags, 32 sentences of 40 tokens take a third of a gigabyte.
MOST_TAGS = 256
# What may be added to the score of the tag outside of spans, in nats.
BIASES = (-3.0, -2.5, -2.0, -1.5, -1.0, -0.5, 0.0, 0.5, 1.0)


def build(input_field: "InputField", output_field: "TagField", options: "Options") -> keras.Model:
    """Return a model from a sentence's arrays to logits, (batch, time, tags).

    With --decoder crf it goes on to the chain of a conditional random field, (batch, time, tags before, tags).
    """
    inputs, states = encode_sequence(input_field, options)
    states = drop(states, options)
    tags = count_values(output_field.arrays["output"])
    output = layers.Dense(tags, dtype="float32", name="logits")(states)
    if options.fit_outside:
        if output_field.outside is None:
            raise BadInput("--fit-outside: the tags are not those of spans; leave the option out")
        output = TagBias(0.0, fits=True, tag=output_field.outside, name="outside")(output)
    if options.decoder == "crf":
        if tags > MOST_TAGS:
            raise BadInput(
                f"--decoder crf: it has a number for each tag after each other at every step, so at most {MOST_TAGS} "
                f"tags, and there are {tags:,}; leave it out"
            )
        allowed = _list_allowed(output_field)
        output = ConditionalRandomField(allowed, dtype="float32", name="crf")(output, inputs["mask"])
    return keras.Model(inputs, output, name="tagger")


def loss(output_field: "TagField", options: "Options") -> keras.losses.Loss:
    """Return the cross-entropy of every tag; with --decoder crf given the tag before."""
    return PathCrossEntropy() if options.decoder == "crf" else cross_entropy()


def decode(model: keras.Model, output_field: "TagField", options: "Options") -> keras.Model:
    """Return a model from the same arrays to {"output": (batch, time)}: the best tags, or the best valid path.

    options.outside_bias: what is added to the score of the tag outside of spans; None: what `make_fitter` has found.
    """
    scores = model.output
    if options.decoder == "path" and output_field.transitions is not None:
        scores = ops.log_softmax(scores)
    if output_field.outside is not None:
        scores = add_bias(model, scores, options.outside_bias, output_field.outside)
    elif options.outside_bias is not None:
        raise BadInput("--outside-bias: the tags are not those of spans; leave the option out")
    return keras.Model(model.input, {"output": find_best(scores, model.input["mask"], output_field, options)})


def find_best(scores: Tensor, mask: Tensor, output_field: "TagField", options: "Options") -> Tensor:
    """Return the best tags, or the best path of them, (batch, time). scores: (batch, time, tags), or of a chain."""
    allowed = _list_allowed(output_field)
    if options.decoder == "crf" or (options.decoder == "path" and allowed):
        return BestPath(allowed, dtype="float32")(scores, mask)
    return ArgMax()(scores)


def make_fitter(model: keras.Model, output_field: "TagField", options: "Options") -> "Fitter":
    """Return what finds the bias of decoding by which the F1 of spans is best, and keeps it in the model.

    Which tag is likeliest is not the question that F1 asks: where spans are rare or hard to find, the best threshold is
    half of the best F1, and so below a half (Lipton et al. 2014, "Optimal Thresholding of Classifiers to Maximize F1
    Measure", theorem 1). "outside_bias" is one of BIASES; of several that are as good that next to 0.
    """
    keepers = list(find_keepers(model)) if options.outside_bias is None else []
    transitions, outside = output_field.transitions, output_field.outside
    if not keepers or transitions is None or outside is None:
        return lambda batches: {}
    # Of the scores alone, which are the same whatever the bias.
    scores, mask = keras.Input(model.output.shape[1:], dtype="float32"), keras.Input((None,), dtype="bool")
    best = find_best(FittedBias(keepers)(scores), mask, output_field, options)
    decoder = keras.Model([scores, mask], best)

    def fit(batches: Iterable["Draw"]) -> dict[str, float]:
        counts = np.zeros((len(BIASES), 3), int)
        for inputs, outputs, weights in batches:
            found, real = model.predict_on_batch(inputs), inputs["mask"] & (weights > 0)
            for number, bias in enumerate(BIASES):
                set_bias(bias)
                told = np.asarray(decoder.predict_on_batch([found, inputs["mask"]]))
                counts[number] += count_spans(told, outputs, real, transitions=transitions, outside=outside)
        right, told, expected = counts.T
        scored = 2 * right / np.maximum(told + expected, 1)
        bias = min(np.array(BIASES)[scored == scored.max()].tolist(), key=abs)
        set_bias(bias)
        return {"outside_bias": bias}

    def set_bias(bias: float) -> None:
        for keeper in keepers:
            keeper.fitted.assign(bias)

    return fit


def _list_allowed(output_field: "TagField") -> list[list[bool]] | None:
    return None if output_field.transitions is None else output_field.transitions.tolist()
