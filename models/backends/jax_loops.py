"""SimpleRNN, LSTM and GRU over time on JAX, given the projected inputs of all steps: what is left inside the loop.

The inputs are already multiplied by the input kernel, biases added, for all steps at once; the loop does the recurrent
half: h_{t-1} U, the gates, the new state. Everything is time-major. The portable twin is Keras' own loop
(models/recurrent.py chooses).

The gradient is written by hand. Back-propagation through time as it is derived for a loop adds to the gradient of the
recurrent kernel at every step; here the backward loop carries the gradient of the state alone and hands out that of
h_{t-1} U for every step, and the kernel's is one product after it (Werbos 1990, the sum over time as a matrix product):

    dU = sum_t h_{t-1}^T dz_t
"""

import ctypes
import functools
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from keras import ops

from models.backends import jax_native
from models.backends.jax_unrolling import differentiate_kernel
from models.tensor import Tensor

# The states of a cell, hidden state first; and its recurrent weights, kernel first.
States = tuple[jax.Array, ...]


class Step(NamedTuple):
    """One step of a cell, and the same step backwards.

    forward: (projected input, states, recurrent weights) -> (new states, what backward needs beside the states).
    backward: (gradients of the new states, old states, new states, kept) -> (gradient of the projected input, gradient
    of h_{t-1} U, gradients of the old states by every other way than h_{t-1} U).
    """

    forward: Callable
    backward: Callable


def simple_forward(projected: Tensor, states: States, recurrent: States) -> tuple[States, States]:
    """h_t = tanh(x_t W + b + h_{t-1} U) (Elman 1990)."""
    (h,), (kernel,) = states, recurrent
    return (jnp.tanh(projected + h @ kernel),), ()


def simple_backward(gradients: States, old: States, new: States, kept: States) -> tuple[Tensor, Tensor, States]:
    (dh,), (h,) = gradients, new
    dz = dh * (1 - h * h)
    return dz, dz, (jnp.zeros_like(dh),)


def relu_forward(projected: Tensor, states: States, recurrent: States) -> tuple[States, States]:
    """h_t = relu(x_t W + b + h_{t-1} U) (Le et al. 2015)."""
    (h,), (kernel,) = states, recurrent
    return (jax.nn.relu(projected + h @ kernel),), ()


def relu_backward(gradients: States, old: States, new: States, kept: States) -> tuple[Tensor, Tensor, States]:
    (dh,), (h,) = gradients, new
    dz = jnp.where(h > 0, dh, 0)
    return dz, dz, (jnp.zeros_like(dh),)


def lstm_forward(projected: Tensor, states: States, recurrent: States) -> tuple[States, States]:
    """c_t = f c_{t-1} + i g, h_t = o tanh(c_t), gates in the order i, f, g, o (Gers et al. 2000)."""
    (h, c), (kernel,) = states, recurrent
    i, f, g, o = jnp.split(projected + h @ kernel, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    c = f * c + i * g
    return (o * jnp.tanh(c), c), (i, f, g, o)


def lstm_backward(gradients: States, old: States, new: States, kept: States) -> tuple[Tensor, Tensor, States]:
    (dh, dc), (_, c_old), (_, c), (i, f, g, o) = gradients, old, new, kept
    squashed = jnp.tanh(c)
    dc = dc + dh * o * (1 - squashed * squashed)
    dz = jnp.concatenate(
        [dc * g * i * (1 - i), dc * c_old * f * (1 - f), dc * i * (1 - g * g), dh * squashed * o * (1 - o)], axis=-1
    )
    return dz, dz, (jnp.zeros_like(dh), dc * f)


def gru_forward(projected: Tensor, states: States, recurrent: States) -> tuple[States, States]:
    """h_t = z h_{t-1} + (1 - z) g with g = tanh(x_t W + r (h_{t-1} U + b)), gates in the order z, r, g.

    Cho et al. 2014; the reset gate after the product, as cuDNN has it.
    """
    (h,), (kernel, bias) = states, recurrent
    x_z, x_r, x_g = jnp.split(projected, 3, axis=-1)
    h_z, h_r, h_g = jnp.split(h @ kernel + bias, 3, axis=-1)
    z, r = jax.nn.sigmoid(x_z + h_z), jax.nn.sigmoid(x_r + h_r)
    g = jnp.tanh(x_g + r * h_g)
    return (g + z * (h - g),), (z, r, g, h_g)


def gru_backward(gradients: States, old: States, new: States, kept: States) -> tuple[Tensor, Tensor, States]:
    (dh,), (h,), (z, r, g, h_g) = gradients, old, kept
    dg = dh * (1 - z) * (1 - g * g)
    dz, dr = dh * (h - g) * z * (1 - z), dg * h_g * r * (1 - r)
    return jnp.concatenate([dz, dr, dg], axis=-1), jnp.concatenate([dz, dr, dg * r], axis=-1), (dh * z,)


STEPS = {
    "simple": Step(simple_forward, simple_backward),
    "relu": Step(relu_forward, relu_backward),
    "lstm": Step(lstm_forward, lstm_backward),
    "gru": Step(gru_forward, gru_backward),
}


def choose(mask: Tensor | None, new: Tensor, old: Tensor) -> Tensor:
    """Return `new` where the mask is true, else `old`; without a mask there is nothing to choose."""
    return new if mask is None else jnp.where(mask, new, old)


def forward(cell: str, projected: Tensor, *, mask: Tensor, initial: States, recurrent: States) -> tuple[States, States]:
    """Return the states at all steps, each (time, batch, units), and what `backward` needs beside them.

    projected: (time, batch, gates x units). mask: (time, batch, 1) of bool, or None: where it is false, the states
    stay as they were. initial: (batch, units) for each state. recurrent: U, (units, gates x units), and for the gru
    the bias of h U.
    """
    step = STEPS[cell].forward

    def advance(states: States, now: tuple) -> tuple:
        x, inside = now
        new, kept = step(x, states, recurrent)
        new = tuple(choose(inside, one, other) for one, other in zip(new, states, strict=True))
        return new, (new, kept)

    return lax.scan(advance, initial, (projected, mask))[1]


def backward(
    cell: str, outputs: Tensor, last: States, *, mask: Tensor, kernel: Tensor, old: States, new: States, kept: States
) -> tuple[Tensor, Tensor, States]:
    """Return the gradients of the projected inputs, of h_{t-1} U at all steps, and of the initial states.

    outputs: the gradients of the hidden states, (time, batch, units). last: those of the states after the last step.
    old, new: the states before and after each step.
    """
    step = STEPS[cell].backward

    def retreat(gradients: States, now: tuple) -> tuple:
        d, inside, before, after, kept = now
        gradients = (gradients[0] + d, *gradients[1:])
        dx, dz, direct = step(gradients, before, after, kept)
        dx, dz = choose(inside, dx, jnp.zeros_like(dx)), choose(inside, dz, jnp.zeros_like(dz))
        direct = tuple(choose(inside, one, other) for one, other in zip(direct, gradients, strict=True))
        return (direct[0] + dz @ kernel.T, *direct[1:]), (dx, dz)

    gradients: tuple[Tensor, Tensor]
    first, gradients = lax.scan(retreat, last, (outputs, mask, old, new, kept), reverse=True)
    return *gradients, first


def _run_forward(
    cell: str,
    projected: Tensor,
    *,
    mask: Tensor,
    initial: States,
    recurrent: States,
    noise: tuple,
    native: bool,
    keep: bool,
) -> tuple[tuple[Tensor, States], States, Tensor]:
    """Return what `loop` does, the states at all steps, and what the backward loop needs beside them."""
    given = {"mask": mask, "initial": initial, "recurrent": recurrent}
    kept: Tensor
    if native:
        states, kept = jax_native.forward(cell, projected, **given, noise=noise, keep=keep)
    else:
        states, kept = forward(cell, projected, **given)
    return (states[0], tuple(state[-1] for state in states)), states, kept


@functools.partial(jax.custom_vjp, nondiff_argnums=(0, 1))
def loop(
    cell: str, native: bool, projected: Tensor, mask: Tensor, initial: States, recurrent: States, noise: tuple
) -> tuple[Tensor, States]:
    """Return the hidden states at all steps, (time, batch, units), and the states after the last. See `forward`.

    native: whether by the native kernels. noise: `dropped` and `zones`, as models.backends.Loops has them; without the
    native kernels neither. All by position: jax.custom_vjp takes no arguments by name.
    """
    given = {"mask": mask, "initial": initial, "recurrent": recurrent, "noise": noise}
    return _run_forward(cell, projected, **given, native=native, keep=False)[0]


def _loop_forward(
    cell: str, native: bool, projected: Tensor, mask: Tensor, initial: States, recurrent: States, noise: tuple
) -> tuple[tuple[Tensor, States], tuple]:
    given = {"mask": mask, "initial": initial, "recurrent": recurrent, "noise": noise}
    answer, states, kept = _run_forward(cell, projected, **given, native=native, keep=True)
    return answer, (mask, initial, recurrent, noise, states, kept)


def _loop_backward(cell: str, native: bool, saved: tuple, gradients: tuple) -> tuple:
    mask, initial, recurrent, noise, states, kept = saved
    outputs, last = gradients
    old = tuple(jnp.concatenate([one[None], every[:-1]]) for one, every in zip(initial, states, strict=True))
    if native:
        given = {"mask": mask, "initial": initial, "recurrent": recurrent, "states": states, "kept": kept}
        dx, dz, first = jax_native.backward(cell, outputs, last, noise=noise, **given)
    else:
        given = {"mask": mask, "kernel": recurrent[0], "old": old, "new": states, "kept": kept}
        dx, dz, first = backward(cell, outputs, last, **given)
    weights = [differentiate_kernel(old[0], dz, noise[0]), *(dz.sum((0, 1)) for _ in recurrent[1:])]
    return dx, None, first, tuple(weights), None


loop.defvjp(_loop_forward, _loop_backward)


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
    """See models.backends.Loops."""
    kernel, recurrent, bias, bias_within = weights
    batch, steps, features = sequences.shape
    # Time-major first, then one flat product: its gradient takes half as long as that of a product of three axes.
    flat = ops.reshape(ops.swapaxes(sequences, 0, 1), (-1, features))
    projected = ops.reshape(ops.matmul(flat, kernel) + bias, (steps, batch, kernel.shape[1]))
    if mask is not None:
        mask = ops.expand_dims(ops.swapaxes(ops.cast(mask, "bool"), 0, 1), 2)
    given = (recurrent, bias_within) if kind == "gru" else (recurrent,)
    noise = dropped, None if zones is None else tuple(zones)
    outputs, states = loop(kind, library is not None, projected, mask, tuple(initial), given, noise)
    return ops.swapaxes(outputs, 0, 1), list(states)
