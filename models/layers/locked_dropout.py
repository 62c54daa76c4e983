"""Locked dropout: the same numbers dropped at every step of a sequence."""

from typing import TYPE_CHECKING

import keras
from keras import layers, ops

from models.backends import draw_mask
from models.layers.dropout import Dropout
from models.saving import PACKAGE
from models.tensor import LayerArgument, Tensor

if TYPE_CHECKING:
    from pipeline.option import Options


@keras.saving.register_keras_serializable(PACKAGE)
class LockedDropout(layers.Layer):
    """Variational dropout between layers (Gal and Ghahramani 2016, section 4): one mask for all steps of a sequence.

    Dropout that draws anew at each step is averaged out by what reads many steps; this is not.
    rate: the share of the features of (batch, time, features) set to 0 in training.
    """

    def __init__(self, rate: float, **options: LayerArgument):
        super().__init__(**options)
        self.rate = rate
        self.seed_generator = keras.random.SeedGenerator()

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        """Return the inputs, in training with a share of their features set to 0, and the others as much larger."""
        if not training or not self.rate:
            return inputs
        kept = draw_mask(self.seed_generator, (inputs.shape[0], 1, inputs.shape[2]), 1 - self.rate)
        if kept is None:
            shape = ops.shape(inputs)[0], 1, inputs.shape[2]
            kept = keras.random.uniform(shape, seed=self.seed_generator) < 1 - self.rate
        return ops.where(kept, inputs / (1 - self.rate), ops.zeros_like(inputs))

    def compute_output_shape(self, inputs_shape: tuple) -> tuple:
        return inputs_shape

    def get_config(self) -> dict:
        return {**super().get_config(), "rate": self.rate}


def drop(states: Tensor, options: "Options") -> Tensor:
    """Return states with the dropout that the options of a run ask for."""
    return make_dropout(options.dropout, locked=options.locked_dropout)(states) if options.dropout else states


def make_dropout(rate: float, *, locked: bool) -> layers.Layer:
    """Return dropout of one kind or the other."""
    return LockedDropout(rate) if locked else Dropout(rate)
