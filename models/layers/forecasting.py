"""Layers and losses of forecasts: quantiles that do not cross, the units of a series, and a forecast fed back."""

from collections.abc import Sequence

import keras
from keras import layers, ops

from models.cells import CELLS
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


@keras.saving.register_keras_serializable(PACKAGE)
class Quantiles(layers.Layer):
    """Numbers as quantiles that do not cross: the median, and from it outwards steps above 0, by softplus.

    levels: ascending, 0.5 among them; the first number is the median, then come the steps down, then those up.
    """

    def __init__(self, levels: Sequence[float], **options: LayerArgument):
        super().__init__(dtype="float32", **{name: value for name, value in options.items() if name != "dtype"})
        self.levels = list(levels)

    def call(self, numbers: Tensor) -> Tensor:
        """Return (..., levels), ascending. numbers: (..., levels)."""
        below = self.levels.index(0.5)
        median, steps = numbers[..., :1], ops.softplus(numbers[..., 1:])
        down = median - ops.cumsum(steps[..., :below], axis=-1)
        up = median + ops.cumsum(steps[..., below:], axis=-1)
        return ops.concatenate([ops.flip(down, axis=-1), median, up], axis=-1)

    def get_config(self) -> dict:
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable(PACKAGE)
class Unscale(layers.Layer):
    """Forecasts in the units of the series: the anchor, and what they are off from it in spreads."""

    def __init__(self, **options: LayerArgument):
        super().__init__(dtype="float32", **{name: value for name, value in options.items() if name != "dtype"})

    def call(self, numbers: Tensor, anchor: Tensor, spread: Tensor) -> Tensor:
        """Return (batch, horizon, quantiles). anchor: (batch, horizon). spread: (batch,)."""
        return ops.expand_dims(anchor, 2) + numbers * ops.reshape(spread, (-1, 1, 1))


@keras.saving.register_keras_serializable(PACKAGE)
class FeedbackCell(layers.Layer):
    """A cell that writes a forecast step by step, and is given its own median, or mean, of the step before.

    It is so in training too: what it learns is to go on from its own forecasts over all of the horizon, and not from
    right ones that it will not have.

    cell: of CELLS. levels: how many quantiles; 0: a mean. Its states are the number before, and those of the cell.
    """

    def __init__(self, cell: str, units: int, levels: int, **options: LayerArgument):
        super().__init__(**options)
        self.cell, self.units, self.levels = cell, units, levels
        self.recurrent = CELLS[cell](units, name=f"{cell}_decoder").cell
        self.logits = layers.Dense(max(1, levels), dtype="float32", name="logits")
        self.nested = keras.tree.map_structure(lambda size: None, self.recurrent.state_size)
        self.state_size = [1, *keras.tree.flatten(self.recurrent.state_size)]
        self.output_size = max(1, levels)

    def build(self, known_shape: tuple) -> None:
        self.recurrent.build((None, known_shape[-1] + 1))
        self.logits.build((None, self.units + known_shape[-1]))

    def call(self, known: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Return the quantiles of a step, (batch, quantiles), and the states after it. known: (batch, features)."""
        before, *flat = states
        given = ops.concatenate([known, ops.cast(before, known.dtype)], axis=-1)
        hidden, after = self.recurrent(given, keras.tree.pack_sequence_as(self.nested, flat))
        found = self.logits(ops.concatenate([hidden, known], axis=-1))
        return found, [ops.cast(found[:, :1], before.dtype), *keras.tree.flatten(after)]

    def get_config(self) -> dict:
        return {**super().get_config(), "cell": self.cell, "units": self.units, "levels": self.levels}


def mean_over_known(losses: Tensor, expected: Tensor) -> Tensor:
    """Return the mean loss of the steps whose value is known, (batch,).

    losses: (batch, horizon). expected: (batch, horizon, 3); see `PinballLoss`.
    """
    known = expected[..., 2]
    return ops.sum(losses * known, axis=1) / ops.maximum(ops.sum(known, axis=1), 1.0)


@keras.saving.register_keras_serializable(PACKAGE)
class PinballLoss(keras.losses.Loss):
    """The pinball, or quantile, loss (Koenker and Bassett 1978), the mean over quantiles and known steps.

    For an error e = y - q of the quantile of level p it is max(p e, (p - 1) e).
    """

    def __init__(self, levels: Sequence[float], reduction: str = "mean_with_sample_weight", **options: LayerArgument):
        super().__init__(reduction=reduction, **options)
        self.levels = list(levels)

    def call(self, expected: Tensor, quantiles: Tensor) -> Tensor:
        """Return (batch,). expected: (batch, horizon, 3): the value, the unit of its error, 1 where it is known."""
        levels = ops.convert_to_tensor(self.levels, dtype="float32")
        error = (expected[..., :1] - quantiles) / expected[..., 1:2]
        return mean_over_known(ops.mean(ops.maximum(levels * error, (levels - 1) * error), axis=-1), expected)

    def get_config(self) -> dict:
        return {**super().get_config(), "levels": self.levels}


@keras.saving.register_keras_serializable(PACKAGE)
class ScaledSquaredError(keras.losses.Loss):
    """The squared error in the unit of MASE, the mean over known steps."""

    def __init__(self, reduction: str = "mean_with_sample_weight", **options: LayerArgument):
        super().__init__(reduction=reduction, **options)

    def call(self, expected: Tensor, mean: Tensor) -> Tensor:
        """Return (batch,). expected: as for `PinballLoss`. mean: (batch, horizon, 1)."""
        return mean_over_known(ops.square((expected[..., 0] - mean[..., 0]) / expected[..., 1]), expected)
