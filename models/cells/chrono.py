"""Biases with which gates begin as memories of many steps (Tallec and Ollivier 2018, section 3).

A gate that keeps a share s of the state at every step forgets in about 1 / (1 - s) steps: with a bias of 0 in two,
before any gradient has come back from afar. A bias of log(u) keeps u / (1 + u), and so remembers for 1 + u steps.
"""

import random

import keras
from keras import ops

from models.saving import saved_as
from models.tensor import Tensor


def draw_uniform(shape: tuple, low: float, high: float, seed: int | None = None) -> Tensor:
    """Return random numbers, as Keras' own initializers do: from those that the run's seed has set."""
    return keras.random.uniform(shape, low, high, seed=random.randrange(2**31) if seed is None else seed)


def draw_gate_biases(units: int, longest: int, seed: int | None = None) -> Tensor:
    """Return log(u), (units,), u uniform from 1 to longest - 1: gates that remember for up to `longest` steps."""
    return ops.log(draw_uniform((units,), 1.0, high=max(longest - 1.0, 1.001), seed=seed))


@saved_as("Chrono")
class ChronoInitializer(keras.initializers.Initializer):
    """All biases of an LSTM or a GRU whose gates begin as memories of up to `longest` steps.

    The forget gate of an LSTM has log(u) and its input gate -log(u); the update gate of a GRU, which keeps the state,
    has log(u). All other biases are 0.
    """

    def __init__(self, longest: int, seed: int | None = None):
        # As Keras' own initializers do: from the random numbers that the run's seed has set.
        self.longest, self.seed = longest, random.randrange(2**31) if seed is None else seed

    def __call__(self, shape: tuple, dtype: str | None = None) -> Tensor:
        """Return the biases of an LSTM, (4 units,): gates i, f, o and the cell; or of a GRU, (2, 3 units): z, r, h."""
        gates = 3 if len(shape) == 2 else 4
        units = shape[-1] // gates
        keep = draw_gate_biases(units, self.longest, self.seed)
        rest = ops.zeros((units * 2,))
        if gates == 4:
            return ops.cast(ops.concatenate([-keep, keep, rest]), dtype or "float32")
        row = ops.concatenate([keep, rest])
        return ops.cast(ops.stack([row, ops.zeros_like(row)]), dtype or "float32")

    def get_config(self) -> dict:
        return {"longest": self.longest, "seed": self.seed}
