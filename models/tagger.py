"""Tagger: many to many, equal length. One tag a token."""

from typing import Any

import keras
from keras import layers, ops

from models.decoding.search import BestPath
from models.layers.embedding import read
from models.layers.losses import cross_entropy


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from a sentence's arrays to logits, (batch, time, tags)."""
    inputs, states = read(input_field, options)
    if options.dropout:
        states = layers.Dropout(options.dropout)(states)
    tags = output_field.arrays["output"].size
    return keras.Model(inputs, layers.Dense(tags, dtype="float32", name="logits")(states), name="tagger")


loss = cross_entropy


def decode(model: keras.Model, output_field: Any, options: Any) -> keras.Model:
    """Return a model from the same arrays to {"output": (batch, time)}: the best tags, or the best valid path."""
    allowed = output_field.transitions
    if allowed is None:
        best = ops.argmax(model.output, axis=-1)
    else:
        best = BestPath(allowed.tolist(), dtype="float32")(ops.log_softmax(model.output), model.input["mask"])
    return keras.Model(model.input, {"output": best})
