"""Layers whose cell computes all steps of a sequence at once, beside one step after the other."""

import random
from typing import Any

import keras
from keras import layers, ops


class Cell(layers.Layer):
    """A cell of Keras' kind: one step by `call`, and all steps by `unroll`, with the same numbers.

    chrono: steps that it begins by remembering, or None: what its paper begins with. Cells without such a thing
    take no notice.
    """

    def __init__(self, units: int, chrono: int | None = None, **options: Any):
        super().__init__(**options)
        self.units, self.chrono = units, chrono
        self.output_size = units
        self.state_size: Any = [units]

    def unroll(self, sequences: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Return the outputs at all steps, (batch, time, units), and the states after the last.

        sequences: (batch, time, features). states: those before the first step, each (batch, its size).
        """
        raise NotImplementedError

    def draw_memories(self, shape: tuple, dtype: Any = None) -> Any:
        """Return the biases with which gates keep a share u / (1 + u) of the state at every step: log(u).

        u is uniform from 1 to chrono - 1 (Tallec and Ollivier 2018, section 3); without chrono the biases are 0.
        """
        if not self.chrono:
            return ops.zeros(shape, dtype)
        return ops.cast(ops.log(draw(shape, 1.0, max(self.chrono - 1.0, 1.001))), dtype or "float32")

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "chrono": self.chrono}


def draw(shape: tuple, low: float, high: float) -> Any:
    """Return random numbers, as Keras' own initializers do: from those that the run's seed has set."""
    return keras.random.uniform(shape, low, high, seed=random.randrange(2**31))


class Whole(layers.RNN):
    """A recurrent layer of a `Cell`: all steps at once, or, with a mask or unrolled, Keras' loop over the steps.

    Arguments: units and chrono, of the cell, and those of keras.layers.RNN.
    """

    kind: type[Cell]

    def __init__(self, units: int, chrono: int | None = None, **options: Any):
        super().__init__(self.kind(units, chrono, dtype=options.get("dtype"), name="cell"), **options)

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> tuple:
        """Return the last output, all outputs (batch, time, units) and the states after the last step."""
        mask = mask[0] if isinstance(mask, list) else mask
        if mask is not None or self.unroll:
            return super().inner_loop(sequences, initial_state, mask, training)
        if self.go_backwards:
            sequences = ops.flip(sequences, 1)
        outputs, states = self.cell.unroll(ops.cast(sequences, self.compute_dtype), list(initial_state))
        return outputs[:, -1], outputs, states

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("cell")
        return {**config, "units": self.cell.units, "chrono": self.cell.chrono}

    @classmethod
    def from_config(cls, config: dict, custom_objects: Any = None) -> "Whole":
        return cls(**config)
