"""Classifier, and regressor: many to one. One label, or one number, or how likely each range of it is, a sequence."""

from typing import Any

import keras
from keras import layers, ops

from models.layers.embedding import read
from models.layers.losses import cross_entropy

POOLINGS = ("last", "max", "mean", "max+mean")


@keras.saving.register_keras_serializable("unrolled")
class Pool(layers.Layer):
    """One vector out of the hidden states of all steps, padding left out.

    kind: "last": the state after the last step; of a backward direction, the one after the first. "max", "mean": over
    the steps. "max+mean": both side by side.
    """

    def __init__(self, kind: str, bidirectional: bool, **options: Any):
        super().__init__(**options)
        self.kind, self.bidirectional = kind, bidirectional

    def call(self, states: Any, mask_in: Any) -> Any:
        """Return (batch, units), or (batch, 2 units) for "max+mean". states: (batch, time, units)."""
        inside = ops.expand_dims(mask_in, 2)
        # Counted in integers: bfloat16 has no 257.
        length = ops.sum(ops.cast(inside, "int32"), axis=1)
        if self.kind == "last":
            index = ops.expand_dims(length - 1, 2)
            end = ops.squeeze(ops.take_along_axis(states, index, axis=1), 1)
            half = states.shape[-1] // 2
            return ops.concatenate([end[:, :half], states[:, 0, half:]], axis=1) if self.bidirectional else end
        pooled = []
        if "max" in self.kind:
            pooled.append(ops.max(ops.where(inside, states, ops.cast(-1e4, states.dtype)), axis=1))
        if "mean" in self.kind:
            pooled.append(
                ops.sum(ops.where(inside, states, ops.cast(0, states.dtype)), axis=1) / ops.cast(length, states.dtype)
            )
        return ops.concatenate(pooled, axis=1)

    def get_config(self) -> dict:
        return {**super().get_config(), "kind": self.kind, "bidirectional": self.bidirectional}


def build(input_field: Any, output_field: Any, options: Any) -> keras.Model:
    """Return a model from a text's arrays to logits, (batch, labels or ranges); or to a number, (batch, 1)."""
    inputs, states = read(input_field, options)
    pooled = Pool(options.pooling, options.bidirectional, name="pool")(states, inputs["mask"])
    if options.dropout:
        pooled = layers.Dropout(options.dropout)(pooled)
    expected = output_field.arrays["output"]
    size = expected.size or (*expected.shape, 1)[0]
    answer = layers.Dense(size, dtype="float32", name="logits")(pooled)
    return keras.Model(inputs, answer, name="classifier")


def loss(output_field: Any, options: Any = None) -> keras.losses.Loss:
    """Return the cross-entropy of labels, or of the likelihood of ranges; or the squared error of numbers."""
    expected = output_field.arrays["output"]
    if expected.size:
        return cross_entropy(output_field, options)
    if expected.shape:
        return keras.losses.CategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
    return keras.losses.MeanSquaredError(reduction="mean_with_sample_weight")


def decode(model: keras.Model, output_field: Any, options: Any) -> keras.Model:
    """Return a model to {"output": ...}: the best label, with its "probability"; the number; or the likelihoods.

    Labels and numbers: (batch,). How likely each range of numbers is: (batch, ranges).
    """
    expected = output_field.arrays["output"]
    if expected.size:
        likely = ops.softmax(model.output)
        return keras.Model(
            model.input, {"output": ops.argmax(model.output, axis=-1), "probability": ops.max(likely, axis=-1)}
        )
    answer = ops.softmax(model.output) if expected.shape else ops.squeeze(model.output, 1)
    return keras.Model(model.input, {"output": answer})
