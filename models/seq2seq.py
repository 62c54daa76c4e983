"""Encoder-decoder: many to many, unequal length (Sutskever et al. 2014). A sequence in, another one out."""

from typing import Any

import keras
from keras import layers, ops

from models.classifier import Pool
from models.decoder import Decoder
from models.inputs import declare, embed
from models.losses import cross_entropy
from models.recurrent import unroll
from models.search import search


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from a sequence's arrays and "previous", (batch, time), to logits, (batch, time, symbols)."""
    inputs = declare(input_field.arrays)
    vectors = embed(inputs, input_field.arrays, options)
    states = unroll(
        vectors, inputs["mask"], options.cell, options.units, options.layers, options.bidirectional, options.dropout
    )
    memory = layers.Identity(name="memory")(states)
    context = Pool("last", options.bidirectional, name="context")(states, inputs["mask"])
    write = Decoder(
        output_field.arrays["output"].size,
        options.cell,
        options.units,
        options.layers,
        options.embedding_size,
        options.dropout,
        options.attention or "none",
        name="decoder",
    )
    previous = keras.Input((None,), dtype="int32", name="previous")
    logits = write(previous, context, memory, inputs["mask"])
    return keras.Model({**inputs, "previous": previous}, logits, name="encoder_decoder")


loss = cross_entropy


def decode(model: keras.Model, output_field: Any, options: Any) -> keras.Model:
    """Return a model from the sequence's arrays to "output", (batch, longest), and its "probability", (batch,).

    With attention also to "attention", (batch, longest, positions). options.beam: hypotheses; None: greedy.
    """
    inputs = {name: tensor for name, tensor in model.input.items() if name != "previous"}
    context, memory = (model.get_layer(name).output for name in ("context", "memory"))
    found = search(model.get_layer("decoder"), output_field, options.beam)(context, memory, inputs["mask"])
    found["probability"] = ops.exp(found.pop("log_probability"))
    return keras.Model(inputs, found)
