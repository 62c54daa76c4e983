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
