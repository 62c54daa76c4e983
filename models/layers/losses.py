"""Losses that several model families share."""

from collections.abc import Sequence

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


@keras.saving.register_keras_serializable(PACKAGE)
class WeightedCrossEntropy(keras.losses.Loss):
    """Cross-entropy of labels that do not all count alike: w_y (1 - p_y) ** gamma (-log p_y), of the right label y.

    weights: w, of each label; None: 1. gamma: how little counts what is answered right for sure; 0: as much as all else
    ("Focal Loss for Dense Object Detection", Lin et al. 2017, equation 5).
    """

    def __init__(
        self,
        weights: Sequence[float] | None = None,
        gamma: float = 0.0,
        reduction: str = "mean_with_sample_weight",
        **options: LayerArgument,
    ):
        super().__init__(reduction=reduction, **options)
        self.weights, self.gamma = weights, gamma

    def call(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return one number per answer. labels: (...) of integers. logits: (..., size)."""
        labels = ops.cast(labels, "int32")
        likely = ops.squeeze(ops.take_along_axis(ops.log_softmax(logits), ops.expand_dims(labels, -1), axis=-1), -1)
        found = self.focus(likely)
        if self.weights is not None:
            found = found * ops.take(ops.convert_to_tensor(self.weights, dtype=found.dtype), labels)
        return found

    def focus(self, likely: Tensor) -> Tensor:
        """Return (1 - p) ** gamma (-log p). likely: log p, of what is right."""
        if not self.gamma:
            return -likely
        # The slope of a root is infinite at 0.
        return -likely * ops.power(ops.maximum(-ops.expm1(likely), 1e-7), self.gamma)

    def get_config(self) -> dict:
        return {**super().get_config(), "weights": self.weights, "gamma": self.gamma}


@keras.saving.register_keras_serializable(PACKAGE)
class BinaryFocalCrossEntropy(WeightedCrossEntropy):
    """Cross-entropy of several labels, any number of which may hold, on the mean over all of them:

    w_ky (1 - p_ky) ** gamma (-log p_ky) of the label k, which holds (y = 1) or does not (y = 0).

    weights: w, first those of 0 for each label, then those of 1; None: 1. gamma: see `WeightedCrossEntropy`. Not
    Keras' own: it knows no weights of labels.
    """

    def call(self, labels: Tensor, logits: Tensor) -> Tensor:
        """Return one number per example, (batch,). labels: (batch, size) of 0 and 1. logits: (batch, size)."""
        right = labels > 0.5
        likely = ops.log_sigmoid(ops.where(right, logits, -logits))
        found = self.focus(likely)
        if self.weights is not None:
            absent, present = ops.split(ops.convert_to_tensor(self.weights, dtype=found.dtype), 2)
            found = found * ops.where(right, present, absent)
        return ops.mean(found, axis=-1)


def cross_entropy(smoothing: float | None = None) -> keras.losses.Loss:
    """Return the cross-entropy of every answer, averaged over the answers that are not padding.

    smoothing: see SmoothedCrossEntropy; None or 0: no label smoothing.
    """
    if smoothing:
        return SmoothedCrossEntropy(smoothing)
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
