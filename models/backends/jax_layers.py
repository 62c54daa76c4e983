"""A whole layer with a mask on JAX: one native call forwards, one backwards. See native_kernels/layer.h.

Everything is (batch, time, ...), as Keras has it. The portable twin is models/backends/jax_loops.py: its formulas,
and the order of the gates.
"""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np

from models.backends.jax_native import call_kernel, fill_pair
from models.backends.native_kernels import KEPT, Kind
from models.tensor import Tensor

# Up to so many numbers the gates are in memory of the kernels' own, where they are not kept for the gradient.
OWN_MEMORY = 2**23


def _run_forward(kind: Kind, sequences: Tensor, mask: Tensor, initial: tuple, weights: tuple, *, keep: bool) -> tuple:
    """Return the outputs, the last states, and what is kept: c at all steps, and the gates."""
    batch, steps, _ = sequences.shape
    units, none = initial[0].shape[-1], (0,)
    outputs, gates = (batch, steps, units), (batch, steps, KEPT[kind.cell] * units)
    shapes = [
        outputs,
        outputs if kind.cell == "lstm" else none,
        gates if KEPT[kind.cell] and (keep or math.prod(gates) > OWN_MEMORY) else none,
        initial[0].shape,
        initial[1].shape if kind.cell == "lstm" else none,
    ]
    kernel, recurrent, bias, bias_within = weights
    found = call_kernel(
        "layer_forward", shapes, {},
        sequences, mask, *fill_pair(initial), kernel, recurrent, bias,
        bias_within if kind.cell == "gru" else jnp.zeros(none, "float32"),
        cell=np.int64(kind.number), backwards=kind.backwards, zero=kind.zero, keep=keep,
    )  # fmt: skip
    return found[0], tuple(found[3 : 3 + len(initial)]), tuple(found[1:3])


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def run_layer(
    kind: Kind, sequences: Tensor, mask: Tensor, initial: tuple, weights: tuple
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Return the outputs at all steps, (batch, time, units), and the states after the last.

    mask: (batch, time) of bool. weights: the kernels of x and of h, and the biases of both, each (..., gates x units).
    All by position: so jax.custom_vjp takes them.
    """
    return _run_forward(kind, sequences, mask, initial, weights, keep=False)[:2]


def _layer_forward(kind: Kind, sequences: Tensor, mask: Tensor, initial: tuple, weights: tuple) -> tuple:
    outputs, last, kept = _run_forward(kind, sequences, mask, initial, weights, keep=True)
    return (outputs, last), (sequences, mask, initial, weights, outputs, kept)


def _layer_backward(kind: Kind, saved: tuple, gradients: tuple) -> tuple:
    sequences, mask, initial, weights, outputs, (states, gates) = saved
    kernel, recurrent, bias, bias_within = weights
    gru, lstm, none = kind.cell == "gru", kind.cell == "lstm", (0,)
    shapes = [
        gates.shape if KEPT[kind.cell] else outputs.shape,
        sequences.shape,
        kernel.shape,
        recurrent.shape,
        bias.shape,
        bias_within.shape if gru else none,
        initial[0].shape,
        initial[1].shape if lstm else none,
    ]
    # The gradients take the place of what they are made of.
    aliases = {11 if KEPT[kind.cell] else 0: 0}
    _, dx, dkernel, drecurrent, dbias, dwithin, *first = call_kernel(
        "layer_backward", shapes, aliases,
        gradients[0], *fill_pair(gradients[1]), sequences, mask, *fill_pair(initial), kernel, recurrent,
        outputs, states, gates,
        cell=np.int64(kind.number), backwards=kind.backwards, zero=kind.zero,
    )  # fmt: skip
    # Without one of its own, h U has a bias all the same, of zeros, that nobody learns.
    dwithin = dwithin if gru else jnp.zeros_like(bias_within)
    return dx, None, tuple(first[: len(initial)]), (dkernel, drecurrent, dbias, dwithin)


run_layer.defvjp(_layer_forward, _layer_backward)
