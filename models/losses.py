"""Losses that several model families share."""

from typing import Any

import keras


def cross_entropy(output_field: Any) -> keras.losses.Loss:
    """Return the cross-entropy of every answer, averaged over the answers that are not padding."""
    return keras.losses.SparseCategoricalCrossentropy(from_logits=True, reduction="mean_with_sample_weight")
