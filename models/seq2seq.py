"""Encoder-decoder: many to many, unequal length (Sutskever et al. 2014). A sequence in, another one out."""

from typing import Any

import keras

from models.classifier import Pool
from models.decoder import Decoder, Greedy
from models.inputs import declare, embed
from models.losses import cross_entropy
from models.recurrent import unroll


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from a sequence's arrays and "previous", (batch, time), to logits, (batch, time, symbols)."""
    inputs = declare(input_field.arrays)
    vectors = embed(inputs, input_field.arrays, options)
    states = unroll(
        vectors, inputs["mask"], options.cell, options.units, options.layers, options.bidirectional, options.dropout
    )
    context = Pool("last", options.bidirectional, name="context")(states, inputs["mask"])
    inputs["previous"] = keras.Input((None,), dtype="int32", name="previous")
    size = output_field.arrays["output"].size
    write = Decoder(
        size, options.cell, options.units, options.layers, options.embedding_size, options.dropout, name="decoder"
    )
    return keras.Model(inputs, write(inputs["previous"], context), name="encoder_decoder")


loss = cross_entropy


def decode(model: keras.Model, output_field: Any, options: Any) -> keras.Model:
    """Return a model from the sequence's arrays to {"output": (batch, longest)}: the likeliest symbol each step."""
    inputs = {name: tensor for name, tensor in model.input.items() if name != "previous"}
    context = model.get_layer("context").output
    write = Greedy(model.get_layer("decoder"), output_field.start, output_field.end, output_field.longest)
    return keras.Model(inputs, {"output": write(context)})
