"""Transcriber: many to many, unequal length, the output in the order of the input. Sound frames in, a text out."""

from typing import Any

import keras
from keras import layers, ops

from models.layers.augment import Hide, Stretch
from models.layers.ctc import CTC, CertainBlank, Collapse
from models.layers.embedding import declare
from models.recurrent import unroll


@keras.saving.register_keras_serializable("unrolled")
class Halve(layers.Layer):
    """A convolution that makes one step of two: (batch, time, features) -> (batch, (time + 1) // 2, filters).

    Step j sees the frames 2j - 1, 2j and 2j + 1. The padding counts as zeros, whatever it holds, and there is one zero
    before the first frame and after the last: so neither the values nor the length of the padding change a step.
    """

    def __init__(self, filters: int, **options: Any):
        super().__init__(**options)
        self.filters = filters
        self.convolution = layers.Conv1D(filters, 3, strides=2, activation="relu", name="convolution")

    def build(self, frames_shape: tuple, mask_in_shape: tuple | None = None) -> None:
        self.convolution.build(frames_shape)

    def call(self, frames: Any, mask_in: Any) -> tuple[Any, Any]:
        """Return the steps and their mask, (batch, (time + 1) // 2) of bool; mask_in: (batch, time) of bool."""
        frames = ops.where(ops.expand_dims(mask_in, 2), frames, ops.zeros_like(frames))
        return self.convolution(ops.pad(frames, ((0, 0), (1, 1), (0, 0)))), mask_in[:, ::2]

    def get_config(self) -> dict:
        return {**super().get_config(), "filters": self.filters}


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from a recording's frames to logits, (batch, steps, symbols), the blank certain on the padding.

    options.downsample: frames to a step, 1, 2 or 4. options.warping, options.masking: see models/layers/augment.py.
    """
    inputs = declare(input_field.arrays)
    states, mask = inputs["frames"], inputs["mask"]
    if options.warping:
        states = Stretch(options.warping, name="stretch")(states)
    if options.masking:
        states = Hide(options.masking, name="hide")(states, mask)
    for number in range(options.downsample.bit_length() - 1):
        states, mask = Halve(options.units, name=f"halve_{number}")(states, mask)
    states = unroll(
        states,
        mask,
        options.cell,
        options.units,
        options.layers,
        options.bidirectional,
        options.dropout,
        longest=options.max_length,
    )
    if options.dropout:
        states = layers.Dropout(options.dropout)(states)
    logits = layers.Dense(output_field.arrays["output"].size, dtype="float32", name="logits")(states)
    certain = CertainBlank(output_field.blank, dtype="float32", name="certain_blank")(logits, mask)
    return keras.Model(inputs, certain, name="transcriber")


def loss(output_field: Any, options: Any = None) -> keras.losses.Loss:
    """Return the CTC loss of each transcript, averaged over them."""
    return CTC(output_field.blank)


def decode(model: keras.Model, output_field: Any, options: Any) -> keras.Model:
    """Return a model from the same arrays to {"output": (batch, steps)}: the symbols given, 0 where there is none."""
    width = options.beam if options.beam and options.beam > 1 else None
    return keras.Model(model.input, {"output": Collapse(output_field.blank, width)(model.output)})
