"""Layers whose cell computes all steps of a sequence at once, beside one step after the other."""

from collections.abc import Callable

import keras
from keras import layers, ops

from models.cells.chrono import draw_gate_biases
from models.tensor import LayerArgument, Tensor


class ParallelCell(layers.Layer):
    """A cell of Keras' kind: one step by `call`, and all steps by `call_sequence`, with the same numbers.

    chrono: steps that it begins by remembering, or None: what its paper begins with. A cell that has no such beginning
        takes no notice.
    """

    def __init__(self, units: int, chrono: int | None = None, **options: LayerArgument):
        super().__init__(**options)
        self.units, self.chrono = units, chrono
        self.output_size = units
        self.state_size: list[int] = [units]

    def call_sequence(self, sequences: Tensor, states: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Return the outputs at all steps, (batch, time, units), and the states after the last.

        sequences: (batch, time, features). states: those before the first step, each (batch, its size).
        """
        raise NotImplementedError

    def draw_memories(self, shape: tuple, dtype: str | None = None) -> Tensor:
        """Return the biases, (units,), with which gates begin: see models/cells/chrono.py; without chrono 0."""
        if not self.chrono:
            return ops.zeros(shape, dtype)
        return ops.cast(draw_gate_biases(shape[0], self.chrono), dtype or "float32")

    def get_config(self) -> dict:
        return {**super().get_config(), "units": self.units, "chrono": self.chrono}


def scan(step: Callable[[Tensor, Tensor], Tensor], first: Tensor, sequences: Tensor, reverse: bool = False) -> Tensor:
    """Return the states after all steps, each (time, ...), of a loop: step(state, input) returns the next state.

    first: the state before the first step, an array or a tuple of arrays. sequences: the inputs at all steps, an array
    or a tuple of arrays. reverse: from the last step to the first.
    """
    if keras.config.backend() == "tensorflow":
        # Keras' own scan fails there on several sequences of a length that the graph does not know.
        import tensorflow

        return tensorflow.scan(step, sequences, initializer=first, reverse=reverse)

    def carry(state: Tensor, now: Tensor) -> tuple[Tensor, Tensor]:
        after = step(state, now)
        return after, after

    return ops.scan(carry, first, xs=sequences, reverse=reverse)[1]


def cumulative_sum(numbers: Tensor) -> Tensor:
    """Return the sums of numbers, (time, ...), up to each step.

    By a loop: XLA compiles ops.cumsum over 400 steps for 20 seconds on a CPU, and this for half of one.
    """
    return scan(ops.add, ops.zeros_like(numbers[0]), sequences=numbers)


class ParallelRNN(layers.RNN):
    """A recurrent layer of a `ParallelCell`: all steps at once; with a mask, step by step.

    Arguments: units and chrono, of the cell, and those of keras.layers.RNN; `unroll` changes nothing.
    """

    cell_class: type[ParallelCell]
    # Arguments of the cell that come after units and chrono.
    own: tuple[str, ...] = ()

    def __init__(self, units: int, chrono: int | None = None, **options: LayerArgument):
        own = {name: options.pop(name) for name in self.own if name in options}
        super().__init__(self.cell_class(units, chrono, dtype=options.get("dtype"), name="cell", **own), **options)

    def inner_loop(self, sequences: Tensor, initial_state: Tensor, mask: Tensor, training: bool = False) -> tuple:
        """Return the last output, all outputs (batch, time, units) and the states after the last step."""
        mask = mask[0] if isinstance(mask, list) else mask
        sequences = ops.cast(sequences, self.compute_dtype)
        if self.go_backwards:
            sequences, mask = ops.flip(sequences, 1), None if mask is None else ops.flip(mask, 1)
        if mask is not None:
            return self.run_masked(sequences, initial_state, ops.expand_dims(ops.cast(mask, "bool"), 2))
        outputs, states = self.cell.call_sequence(sequences, list(initial_state))
        return outputs[:, -1], outputs, states

    def run_masked(self, sequences: Tensor, initial_state: Tensor, mask: Tensor) -> tuple:
        """Return what `inner_loop` does, the output and the states as they were where the mask is false.

        Keras' own loop takes the first state for the output before, on some backends, and here it is another.
        mask: (batch, time, 1) of bool.
        """

        def step(before: tuple, now: tuple) -> tuple:
            output, states = self.cell.call(now[0], list(before[1:]))
            return tuple(ops.where(now[1], one, other) for one, other in zip((output, *states), before, strict=True))

        first = ops.zeros((ops.shape(sequences)[0], self.cell.units), self.compute_dtype)
        along = ops.swapaxes(sequences, 0, 1), ops.swapaxes(mask, 0, 1)
        every = scan(step, (first, *initial_state), sequences=along)
        outputs = ops.swapaxes(every[0], 0, 1)
        if self.zero_output_for_mask:
            outputs = ops.where(mask, outputs, ops.zeros_like(outputs))
        return outputs[:, -1], outputs, [states[-1] for states in every[1:]]

    def get_config(self) -> dict:
        config = super().get_config()
        config.pop("cell")
        own = {name: getattr(self.cell, name) for name in self.own}
        return {**config, "units": self.cell.units, "chrono": self.cell.chrono, **own}

    @classmethod
    def from_config(cls, config: dict, custom_objects: dict | None = None) -> "ParallelRNN":
        return cls(**config)
