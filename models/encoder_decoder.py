"""Encoder-decoder: many to many, unequal length (Sutskever et al. 2014). A sequence in, another one out."""

from typing import Any

import keras
from keras import layers

from models.classifier import Pool
from models.layers.autoregressive import attach, decode
from models.layers.embedding import read
from models.layers.losses import cross_entropy


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from a sequence's arrays and "previous", (batch, time), to logits, (batch, time, symbols)."""
    inputs, states = read(input_field, options)
    memory = layers.Identity(name="memory")(states)
    context = Pool("last", options.bidirectional, name="context")(states, inputs["mask"])
    return attach(inputs, context, output_field, options, memory, "encoder_decoder")


loss = cross_entropy
__all__ = ["build", "decode", "loss"]
