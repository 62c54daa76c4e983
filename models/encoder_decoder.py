"""Encoder-decoder: many to many, unequal length (Sutskever et al. 2014). A sequence in, another one out."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import keras
from keras import layers

from models.layers import autoregressive
from models.layers.embedding import encode_sequence
from models.layers.losses import cross_entropy
from models.layers.pooling import Pool

if TYPE_CHECKING:
    from models.family import AutoregressiveField, InputField
    from pipeline.option import Options


def build(input_field: "InputField", output_field: "AutoregressiveField", options: "Options") -> keras.Model:
    """Return a model from a sequence's arrays and "previous", (batch, time), to logits, (batch, time, symbols)."""
    look: Mapping[str, Any] = {"attention": options.attention or "none", "input_feeding": options.input_feeding}
    shared = None
    if options.tie_embeddings and output_field.shared:
        # The encoder reads by the vectors of the decoder: all three tables are one (Press and Wolf 2017, section 4).
        shared = autoregressive.make_decoder(output_field, options, **look)
        width = options.units * (1 + options.bidirectional)
        shared.build((None, None), (None, width), (None, None, width))
    inputs, states = encode_sequence(input_field, options, shared)
    decoder = shared or autoregressive.make_decoder(output_field, options, **look)
    return autoregressive.attach_decoder(
        decoder,
        inputs,
        Pool("last", options.bidirectional, name="context")(states, inputs["mask"]),
        output_field=output_field,
        options=options,
        encoder_states=layers.Identity(name="memory")(states),
        name="encoder_decoder",
    )


def loss(output_field: "AutoregressiveField", options: "Options") -> keras.losses.Loss:
    """Return the cross-entropy of every symbol, with label smoothing (options.label_smoothing)."""
    return cross_entropy(options.label_smoothing)


def decode(model: keras.Model, output_field: "AutoregressiveField", options: "Options") -> keras.Model:
    """Return a model to "output", "probability" and, with attention, "attention": see models/layers/autoregressive.py.

    options.beam: hypotheses side by side; None or 1: greedy decoding. options.length_penalty, coverage_penalty: how
    they are ranked.
    """
    return autoregressive.decode(
        model,
        output_field,
        longest=output_field.longest,
        beam=options.beam,
        length_penalty=options.length_penalty,
        coverage_penalty=options.coverage_penalty,
    )
