"""Zoneout: at every step some units keep their state (Krueger et al. 2017, equations 2 to 5).

In training each unit of each state stays as it was with a probability, the rate; the others take the new value. Of an
LSTM, the hidden state is that of the new cell state, whether or not that is kept. Afterwards every state is the mean of
the old and the new one, weighed by the rate.
"""

from collections.abc import Sequence

import keras
from keras import layers, ops

from models import backends
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor


def draw_zones(
    generator: keras.random.SeedGenerator,
    shape: tuple[Tensor, Tensor, int],
    rate: float,
    *,
    count: int,
    training: bool,
) -> list[Tensor]:
    """Return for each of `count` states how much of it stays at each step: arrays of `shape`, (time, batch, units).

    In training: of bool, whether it does. Otherwise of float32, the rate.
    """
    if not training:
        return [ops.full(shape, rate, dtype="float32")] * count
    masks = []
    for _ in range(count):
        drawn = backends.draw_mask(generator, shape, rate)
        masks.append(keras.random.uniform(shape, seed=generator) < rate if drawn is None else drawn)
    return masks


def mix(old: Sequence[Tensor], new: Sequence[Tensor], rate: float) -> list[Tensor]:
    """Return the states after training: the means of those before and after a step."""
    return [rate * before + (1 - rate) * after for before, after in zip(old, new, strict=True)]


class ZoneoutCell(layers.Layer):
    """What zoneout adds to a cell of Keras: its step after training. The training is in the loop of the layer."""

    def __init__(self, *given: LayerArgument, zoneout: float, **options: LayerArgument):
        super().__init__(*given, **options)
        self.zoneout = zoneout

    def call(self, inputs: Tensor, states: Sequence[Tensor], training: bool = False) -> tuple[Tensor, list[Tensor]]:
        _, after = super().call(inputs, states, training=training)
        after = mix(states, after, self.zoneout)
        return after[0], after

    def get_config(self) -> dict:
        return {**super().get_config(), "zoneout": self.zoneout}


@keras.saving.register_keras_serializable(PACKAGE)
class ZoneoutSimpleRNNCell(ZoneoutCell, layers.SimpleRNNCell):
    """See `ZoneoutCell`."""


@keras.saving.register_keras_serializable(PACKAGE)
class ZoneoutLSTMCell(ZoneoutCell, layers.LSTMCell):
    """See `ZoneoutCell`."""


@keras.saving.register_keras_serializable(PACKAGE)
class ZoneoutGRUCell(ZoneoutCell, layers.GRUCell):
    """See `ZoneoutCell`."""
