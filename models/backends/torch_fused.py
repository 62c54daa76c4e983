"""The three cells over time on torch: its own kernels, of oneDNN on the CPU (the LSTM), of cuDNN on a GPU.

They take weights transposed, and a GRU's gates in the order r, z, g, where Keras has z, r, g; the update is the same.
"""

from typing import Any

import torch

KERNELS: dict[str, Any] = {"simple": torch.rnn_tanh, "lstm": torch.lstm, "gru": torch.gru}


def arrange(kind: str, weight: Any) -> Any:
    """Return a kernel or a bias, (..., gates x units), as torch has it, (gates x units, ...)."""
    if kind == "gru":
        z, r, g = weight.chunk(3, dim=-1)
        weight = torch.cat([r, z, g], dim=-1)
    return weight.T.contiguous() if weight.ndim == 2 else weight


def run(kind: str, sequences: Any, initial: list[Any], weights: list[Any]) -> tuple[Any, list[Any]]:
    """Return the hidden states at all steps, (batch, time, units), and the states after the last, each (batch, units).

    sequences: (batch, time, features). initial: (batch, units) for each state. weights: the kernels of x and of h,
    and the biases of both, each (..., gates x units).
    """
    # Copies: those of a stateful layer are overwritten before the gradient has read them.
    first = [torch.stack([state]) for state in initial]
    outputs, *last = KERNELS[kind](
        sequences,
        first if kind == "lstm" else first[0],
        [arrange(kind, weight) for weight in weights],
        True,  # There are biases,
        1,  # one layer,
        0.0,  # no dropout between layers,
        torch.is_grad_enabled(),
        False,  # one direction,
        True,  # and the batch is the first axis.
    )
    return outputs, [state[0] for state in last]
