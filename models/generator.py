"""Generator: one to many. A category in, a sequence out."""

from typing import Any

import keras
from keras import layers, ops

from models.decoder import Decoder
from models.inputs import declare
from models.losses import cross_entropy
from models.sampling import Sample
from models.search import Greedy


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from {"category": (batch,), "previous": (batch, time)} to logits, (batch, time, symbols).

    Other arrays of the input, such as a seed, are for decoding only.
    """
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
    """Return a model from {"category": (batch,)} to {"output": (batch, longest)}: the likeliest symbol each step.

    With options.temperature, each symbol is drawn instead, after the first ones if there is a "seed", (batch, width) of
    Unicode numbers; the model then asks for the "position" of each example, (batch,), too.
    """
    inputs = {name: tensor for name, tensor in model.input.items() if name != "previous"}
    context, decoder = model.get_layer("context").output, model.get_layer("decoder")
    longest = options.length or output_field.longest
    if options.temperature is None:
        write = Greedy(decoder, output_field.start, output_field.end, longest)
        return keras.Model({"category": inputs["category"]}, {"output": write(context)["output"]})
    running = getattr(output_field, "running", False)
    sample = Sample(
        decoder,
        [ord(symbol) if len(symbol) == 1 else 0 for symbol in output_field.symbols],
        output_field.start,
        None if running else output_field.end,
        longest,
        not running,
        options.temperature,
        options.top_k,
        options.top_p,
        options.sampling_seed or 0,
    )
    inputs["position"] = keras.Input((), dtype="int32", name="position")
    seed = inputs["seed"] if "seed" in inputs else ops.zeros_like(ops.expand_dims(inputs["category"], 1))
    return keras.Model(inputs, {"output": sample(context, seed, inputs["position"])})
