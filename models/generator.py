"""Generator: one to many. A category in, a sequence out."""

from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.decoding.sampling import NO_CHARACTER, Sample
from models.family import count_values
from models.layers import autoregressive
from models.layers.embedding import make_inputs
from models.layers.losses import cross_entropy
from pipeline.errors import BadInput

if TYPE_CHECKING:
    from models.family import AutoregressiveField, InputField
    from pipeline.option import Options


def build(input_field: "InputField", output_field: "AutoregressiveField", options: "Options") -> keras.Model:
    """Return a model from {"category": (batch,), "previous": (batch, time)} to logits, (batch, time, symbols).

    Other arrays of the input, such as a seed, are for decoding only.
    """
    inputs = make_inputs(input_field.arrays)
    categories = count_values(input_field.arrays["category"])
    context = layers.Embedding(categories, options.units, name="context")(inputs["category"])
    decoder = autoregressive.make_decoder(output_field, options)
    return autoregressive.attach_decoder(
        decoder, inputs, context, output_field=output_field, options=options, name="generator"
    )


def loss(output_field: "AutoregressiveField", options: "Options") -> keras.losses.Loss:
    """Return the cross-entropy of every symbol that is asked for."""
    return cross_entropy()


def decode(model: keras.Model, output_field: "AutoregressiveField", options: "Options") -> keras.Model:
    """Return a model from {"category": (batch,)} to {"output": (batch, longest)}, and its "probability", (batch,).

    options.beam: hypotheses side by side; 1: greedy decoding. options.length_penalty: how they are ranked.
    With options.temperature, each symbol is drawn instead, after the first ones if there is a "seed", (batch, width) of
    Unicode numbers; the model then has a further input, the "position" of each example, (batch,), and gives no
    probability. BadInput for a beam with it.
    """
    longest = options.max_output_length or output_field.longest
    if options.temperature is None:
        return autoregressive.decode(
            model, output_field, longest=longest, beam=options.beam, length_penalty=options.length_penalty
        )
    if options.beam > 1:
        raise BadInput(
            f"--beam {options.beam}: with --temperature each symbol is drawn; add --temperature none to search for the "
            "likeliest texts"
        )
    inputs = {name: tensor for name, tensor in model.input.items() if name != "previous"}
    sample = Sample(
        model.get_layer("decoder"),
        [ord(symbol) if len(symbol) == 1 else NO_CHARACTER for symbol in output_field.symbols],
        start=output_field.start,
        end=output_field.end if output_field.ends else None,
        padding=output_field.arrays["output"].padding,
        longest=longest,
        whole=output_field.ends,
        temperature=options.temperature,
        top_k=options.top_k,
        top_p=options.top_p,
        seed=options.sampling_seed or 0,
    )
    inputs["position"] = keras.Input((), dtype="int32", name="position")
    no_seed = ops.zeros_like(ops.expand_dims(inputs["category"], 1))
    found = sample(model.get_layer("context").output, inputs.get("seed", no_seed), inputs["position"])
    return keras.Model(inputs, {"output": found})
