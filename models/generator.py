"""Generator: one to many. A category in, a sequence out."""

from typing import Any

import keras
from keras import layers, ops

from models.decoding.sampling import Sample
from models.layers import autoregressive
from models.layers.embedding import declare
from models.layers.losses import cross_entropy


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from {"category": (batch,), "previous": (batch, time)} to logits, (batch, time, symbols).

    Other arrays of the input, such as a seed, are for decoding only.
    """
    inputs = declare(input_field.arrays)
    categories = input_field.arrays["category"].size
    context = layers.Embedding(categories, options.units, name="context")(inputs["category"])
    return autoregressive.attach(inputs, context, output_field, options, name="generator")


loss = cross_entropy


def decode(model: keras.Model, output_field: Any, options: Any) -> keras.Model:
    """Return a model from {"category": (batch,)} to {"output": (batch, longest)}, and its "probability", (batch,).

    With options.temperature, each symbol is drawn instead, after the first ones if there is a "seed", (batch, width) of
    Unicode numbers; the model then asks for the "position" of each example, (batch,), too, and gives no probability.
    """
    if options.temperature is None:
        return autoregressive.decode(model, output_field, options)
    inputs = {name: tensor for name, tensor in model.input.items() if name != "previous"}
    context = model.get_layer("context").output
    running = getattr(output_field, "running", False)
    sample = Sample(
        model.get_layer("decoder"),
        [ord(symbol) if len(symbol) == 1 else 0 for symbol in output_field.symbols],
        output_field.start,
        None if running else output_field.end,
        options.length or output_field.longest,
        not running,
        options.temperature,
        options.top_k,
        options.top_p,
        options.sampling_seed or 0,
    )
    inputs["position"] = keras.Input((), dtype="int32", name="position")
    seed = inputs["seed"] if "seed" in inputs else ops.zeros_like(ops.expand_dims(inputs["category"], 1))
    return keras.Model(inputs, {"output": sample(context, seed, inputs["position"])})
