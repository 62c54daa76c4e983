"""What every model that writes a sequence shares: a decoder behind whatever has read its input.

A family gives the layers that the decoder starts from their names: "context", (batch, features), and, for attention,
"memory", (batch, positions, features). See models/layers/decoder.py.
"""

from typing import Any

import keras
from keras import ops

from models.decoding.search import Beam, Greedy
from models.layers.decoder import Decoder
from models.layers.embedding import Forget


def attach(
    inputs: dict[str, Any],
    context: Any,
    output_field: Any,
    options: Any,
    memory: Any = None,
    name: str | None = None,
    merge: bool = False,
) -> keras.Model:
    """Return a model from the inputs and "previous", (batch, time), to logits, (batch, time, symbols).

    merge: see models/layers/decoder.py.

    options.word_dropout: a decoder that is not always told what it has written must look at its input instead (Bowman
    et al. 2016, section 3.1).
    """
    write = Decoder(
        output_field.arrays["output"].size,
        options.cell,
        options.units,
        options.layers,
        options.embedding_size,
        options.dropout,
        options.attention or "none",
        merge,
        name="decoder",
    )
    previous = keras.Input((None,), dtype="int32", name="previous")
    known = Forget(options.word_dropout, name="forget_written")(previous) if options.word_dropout else previous
    logits = write(known, context, memory, None if memory is None else inputs.get("mask"))
    return keras.Model({**inputs, "previous": previous}, logits, name=name)


def decode(model: keras.Model, output_field: Any, options: Any) -> keras.Model:
    """Return a model from the inputs to "output", (batch, longest), and its "probability", (batch,).

    With attention also to "attention", (batch, longest, positions): of an image, row by row over its grid.
    options.beam: hypotheses; None or 1: greedy. options.length: most symbols; None: the output field's.
    """
    decoder, context = model.get_layer("decoder"), model.get_layer("context").output
    memory = model.get_layer("memory").output if decoder.attend else None
    # A seed to begin with is for sampling only.
    inputs = {name: tensor for name, tensor in model.input.items() if name not in ("previous", "seed")}
    places = decoder, output_field.start, output_field.end, options.length or output_field.longest
    search = Beam(*places, options.beam) if (options.beam or 1) > 1 else Greedy(*places)
    found = search(context, memory, None if memory is None else inputs.get("mask"))
    found["probability"] = ops.exp(found.pop("log_probability"))
    return keras.Model(inputs, found)
