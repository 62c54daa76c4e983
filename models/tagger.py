"""Tagger: many to many, equal length. One tag per token."""

from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.decoding.viterbi import BestPath
from models.family import count_values
from models.layers.argmax import ArgMax
from models.layers.conditional_random_field import ConditionalRandomField, PathCrossEntropy
from models.layers.embedding import encode_sequence
from models.layers.locked_dropout import drop
from models.layers.losses import cross_entropy
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from models.family import InputField, TagField
    from pipeline.option import Options

# With so many tags, 32 sentences of 40 tokens take a third of a gigabyte.
MOST_TAGS = 256


def build(input_field: "InputField", output_field: "TagField", options: "Options") -> keras.Model:
    """Return a model from a sentence's arrays to logits, (batch, time, tags).

    With --decoder crf it goes on to the chain of a conditional random field, (batch, time, tags before, tags).
    """
    inputs, states = encode_sequence(input_field, options)
    states = drop(states, options)
    tags = count_values(output_field.arrays["output"])
    output = layers.Dense(tags, dtype="float32", name="logits")(states)
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
    """Return a model from the same arrays to {"output": (batch, time)}: the best tags, or the best valid path."""
    allowed = _list_allowed(output_field)
    if options.decoder == "crf":
        best = BestPath(allowed, dtype="float32")(model.output, model.input["mask"])
    elif options.decoder == "path" and allowed:
        best = BestPath(allowed, dtype="float32")(ops.log_softmax(model.output), model.input["mask"])
    else:
        best = ArgMax()(model.output)
    return keras.Model(model.input, {"output": best})


def _list_allowed(output_field: "TagField") -> list[list[bool]] | None:
    return None if output_field.transitions is None else output_field.transitions.tolist()
