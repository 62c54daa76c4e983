"""Losses that several model families share."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("unrolled")
class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy with a label that is wanted with probability 1 - smoothing, the rest spread over all labels alike.

    As in Szegedy et al. 2016, section 7; without a vector of all labels for every answer.
    """

    def __init__(self, smoothing: float, reduction: str = "mean_with_sample_weight", **options: Any):
        super().__init__(reduction=reduction, **options)
        self.smoothing = smoothing

    def call(self, labels: Any, logits: Any) -> Any:
        """Return one number an answer. labels: (...) of integers. logits: (..., size)."""
        right = ops.take_along_axis(logits, ops.expand_dims(ops.cast(labels, "int32"), -1), axis=-1)
        wanted = (1 - self.smoothing) * ops.squeeze(right, -1) + self.smoothing * ops.mean(logits, axis=-1)
        return ops.logsumexp(logits, axis=-1) - wanted

    def get_config(self) -> dict:
        return {**super().get_config(), "smoothing": self.smoothing}


def cross_entropy(output_field: Any, options: Any = None) -> keras.losses.Loss:
    """Return the cross-entropy of every answer, averaged over the answers that are not padding.

    options.label_smoothing: see SmoothedCrossEntropy.
    """
    if options is not None and options.label_smoothing:
        return SmoothedCrossEntropy(options.label_smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")


class Lose(keras.layers.Layer):
    """A loss as a layer: one number a batch, of logits, of what is expected, and of its weights."""

    def __init__(self, loss: keras.losses.Loss):
        super().__init__(dtype="float32")
        self.loss = loss

    def call(self, logits: Any, expected: Any, weights: Any) -> Any:
        return self.loss(expected, logits, weights)


def judge(model: keras.Model, decoder: keras.Model, output_field: Any) -> keras.Model:
    """Return a model to what `decoder` gives, and to the "loss" of a batch, (), in the same pass.

    It has two inputs more, "expected" and "weights": the outputs of the batch and their sample weights. A decoder that
    does not begin with the model's own answers, but is a search, is returned as it is. model: compiled.
    """
    if not set(model.layers) <= set(decoder.layers):
        return decoder
    output = output_field.arrays["output"]
    more = {
        "expected": keras.Input(output.shape, dtype=output.dtype, name="expected"),
        "weights": keras.Input((None,) if output.timed and output.per_step else (), name="weights"),
    }
    loss = Lose(model.loss)(model.output, **more)
    return keras.Model({**decoder.input, **more}, {**decoder.output, "loss": loss})
