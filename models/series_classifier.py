"""Series classifier: many to one. One label, or one number, per measured series."""

from typing import TYPE_CHECKING

import keras
from keras import layers

from models.classifier import answer, decode, loss
from models.layers.decay import wrap_in_decay
from models.layers.embedding import make_inputs
from models.layers.random_changes import SpecAugment
from models.recurrent import stack_by_options

if TYPE_CHECKING:
    from models.family import InputField, OutputField
    from pipeline.option import Options

__all__ = ["build", "decode", "loss"]


def build(input_field: "InputField", output_field: "OutputField", options: "Options") -> keras.Model:
    """Return a model from a series, (batch, time, channels), to logits, (batch, labels); or to a number, (batch, 1).

    options.noise, options.spec_augment: what is changed at random in training. Where the input has "observed" and
    "time", the first layer's inputs and states decay: see models/layers/decay.py.
    """
    inputs = make_inputs(input_field.arrays)
    values, mask = inputs["values"], inputs["mask"]
    channels = values.shape[-1]
    if options.noise:
        values = layers.GaussianNoise(options.noise, name="noise")(values)
    if options.spec_augment:
        values = SpecAugment(options.spec_augment, name="hide")(values, mask)
    decays = "observed" in inputs
    if decays:
        values = layers.Concatenate(name="measured")([values, inputs["observed"], inputs["time"]])
    states = stack_by_options(
        values, mask, options, wrap_first=(lambda layer: wrap_in_decay(layer, channels)) if decays else None
    )
    return keras.Model(inputs, answer(states, mask, output_field, options), name="series_classifier")
