"""Losses that several model families share."""

import keras
from keras import ops

from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class SmoothedCrossEntropy(keras.losses.Loss):
    """Cross-entropy with label smoothing: the label is wanted with probability 1 - smoothing, the rest of 1 is spread
    evenly over all labels (Szegedy et al. 2016, section 7). No vector of all labels is made for an answer.
    """

    def __init__(self, smoothing: float, reduction: str = "mean_with_sample_weight", **options: LayerArgument):
        super().__init__(reduction=reduction, **options)
        self.smoothing = smoothing

    def call(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return one number per answer. labels: (...) of integers. logits: (..., size)."""
        right = ops.take_along_axis(logits, ops.expand_dims(ops.cast(labels, "int32"), -1), axis=-1)
        wanted = (1 - self.smoothing) * ops.squeeze(right, -1) + self.smoothing * ops.mean(logits, axis=-1)
        return ops.logsumexp(logits, axis=-1) - wanted

    def get_config(self) -> dict:
        return {**super().get_config(), "smoothing": self.smoothing}


def cross_entropy(smoothing: float | None = None) -> keras.losses.Loss:
    """Return the cross-entropy of every answer, averaged over the answers that are not padding.

    smoothing: see SmoothedCrossEntropy; None or 0: no label smoothing.
    """
    if smoothing:
        return SmoothedCrossEntropy(smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
