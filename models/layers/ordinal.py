"""Values in an order, such as ratings: from a logit for each step between two of them to how likely each is."""

import keras
from keras import layers, ops

from models.saving import PACKAGE
from models.tensor import Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class ContinuationRatios(layers.Layer):
    """The logarithm of how likely each of some ordered values is, from the logits that it is above each but the last.

    P(y > k | y > k - 1) = sigmoid(z_k)
    log P(y = k) = log sigmoid(z_0) + ... + log sigmoid(z_{k-1}) + log sigmoid(-z_k)

    The last value has no last term. The cross-entropy of these is the loss of CORN ("Deep Neural Networks for
    Rank-Consistent Ordinal Regression Based on Conditional Probabilities", Shi et al. 2021, equation 6), and the
    values' cumulative probabilities never cross.
    """

    def call(self, logits: Tensor) -> Tensor:
        """Return (batch, values). logits: (batch, values - 1)."""
        above, stay = -ops.softplus(-logits), -ops.softplus(logits)
        passed = ops.cumsum(above, axis=1)
        none = ops.zeros_like(logits[:, :1])
        return ops.concatenate([none, passed], axis=1) + ops.concatenate([stay, none], axis=1)
