"""Generator: one to many. A category in, a sequence out."""

from typing import Any

import keras
from keras import layers

from models.decoder import Decoder
from models.inputs import declare
from models.losses import cross_entropy
from models.search import Greedy


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from {"category": (batch,), "previous": (batch, time)} to logits, (batch, time, symbols)."""
    inputs = declare(input_field.arrays) | {"previous": keras.Input((None,), dtype="int32", name="previous")}
    categories = input_field.arrays["category"].size
    context = layers.Embedding(categories, options.units, name="context")(inputs["category"])
    size = output_field.arrays["output"].size
    write = Decoder(
        size, options.cell, options.units, options.layers, options.embedding_size, options.dropout, name="decoder"
    )
    return keras.Model(inputs, write(inputs["previous"], context), name="generator")


loss = cross_entropy


def decode(model: keras.Model, output_field: Any, options: Any) -> keras.Model:
    """Return a model from {"category": (batch,)} to {"output": (batch, longest)}: the likeliest symbol each step."""
    context = model.get_layer("context").output
    write = Greedy(model.get_layer("decoder"), output_field.start, output_field.end, output_field.longest)
    return keras.Model({"category": model.input["category"]}, {"output": write(context)["output"]})
