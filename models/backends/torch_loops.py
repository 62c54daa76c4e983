"""The three cells over time on torch: its own kernels, of oneDNN on the CPU (the LSTM), of cuDNN on a GPU.

They take weights transposed, and a GRU's gates in the order r, z, g, where Keras has z, r, g; the update is the same.
"""

import ctypes
from collections.abc import Callable

import torch

from models.tensor import Tensor

KERNELS: dict[str, Callable[..., tuple]] = {
    "simple": torch.rnn_tanh,
    "relu": torch.rnn_relu,
    "lstm": torch.lstm,
    "gru": torch.gru,
}


def to_torch(kind: str, weight: Tensor) -> Tensor:
    """Return a kernel or a bias, (..., gates x units), as torch has it, (gates x units, ...)."""
    if kind == "gru":
        z, r, g = weight.chunk(3, dim=-1)
        weight = torch.cat([r, z, g], dim=-1)
    return weight.T.contiguous() if weight.ndim == 2 else weight


def run(
    kind: str,
    sequences: Tensor,
    *,
    initial: list[Tensor],
    weights: list[Tensor],
    mask: Tensor | None,
    dropped: Tensor | None,
    zones: list[Tensor] | None,
    library: ctypes.CDLL | None,
) -> tuple[Tensor, list[Tensor]]:
    """See models.backends.Loops. torch's kernels know no mask, and no native kernels are for them."""
    assert mask is None and dropped is None and zones is None and library is None
    # Copies: those of a stateful layer are overwritten before the gradient has read them.
    first = [torch.stack([state]) for state in initial]
    outputs, *last = KERNELS[kind](
        sequences,
        first if kind == "lstm" else first[0],
        [to_torch(kind, weight) for weight in weights],
        True,  # There are biases,
        1,  # one layer,
        0.0,  # no dropout between layers,
        torch.is_grad_enabled(),
        False,  # one direction,
        True,  # and the batch is the first axis.
    )
    return outputs, [state[0] for state in last]
