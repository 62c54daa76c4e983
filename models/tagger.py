"""Tagger: many to many, equal length. One tag per token."""

from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.decoding.viterbi import BestPath
from models.family import count_values
from models.layers.argmax import ArgMax
from models.layers.dropout import Dropout
from models.layers.embedding import encode_sequence
from models.layers.losses import cross_entropy

if TYPE_CHECKING:
    from models.family import InputField, TagField
    from pipeline.option import Options


def build(input_field: "InputField", output_field: "TagField", options: "Options") -> keras.Model:
    """Return a model from a sentence's arrays to logits, (batch, time, tags)."""
    inputs, states = encode_sequence(input_field, options)
    if options.dropout:
        states = Dropout(options.dropout)(states)
    tags = count_values(output_field.arrays["output"])
    return keras.Model(inputs, layers.Dense(tags, dtype="float32", name="logits")(states), name="tagger")


def loss(output_field: "TagField", options: "Options") -> keras.losses.Loss:
    """Return the cross-entropy of every tag."""
    return cross_entropy()


def decode(model: keras.Model, output_field: "TagField", options: "Options") -> keras.Model:
    """Return a model from the same arrays to {"output": (batch, time)}: the best tags, or the best valid path."""
    allowed = output_field.transitions
    if allowed is None:
        best = ArgMax()(model.output)
    else:
        best = BestPath(allowed.tolist(), dtype="float32")(ops.log_softmax(model.output), model.input["mask"])
    return keras.Model(model.input, {"output": best})
