"""The three cells over time on JAX, given the projected inputs of all steps: what is left inside the loop.

The inputs are already multiplied by the input kernel, biases added, for all steps at once; the loop does the recurrent
half: h_{t-1} U, the gates, the new state. Everything is time-major. The portable twin is Keras' own loop
(models/recurrent.py chooses).

The gradient is written by hand. Back-propagation through time as it is derived for a loop adds to the gradient of the
recurrent kernel at every step; here the backward loop carries the gradient of the state alone and hands out that of
h_{t-1} U for every step, and the kernel's is one product after it (Werbos 1990, the sum over time as a matrix product):

    dU = sum_t h_{t-1}^T dz_t
"""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from models.backends import native_kernels

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


def simple_forward(projected: Any, states: States, recurrent: States) -> tuple[States, States]:
    """h_t = tanh(x_t W + b + h_{t-1} U) (Elman 1990)."""
    (h,), (kernel,) = states, recurrent
    return (jnp.tanh(projected + h @ kernel),), ()


def simple_backward(gradients: States, old: States, new: States, kept: States) -> tuple[Any, Any, States]:
    (dh,), (h,) = gradients, new
    dz = dh * (1 - h * h)
    return dz, dz, (jnp.zeros_like(dh),)


def lstm_forward(projected: Any, states: States, recurrent: States) -> tuple[States, States]:
    """c_t = f c_{t-1} + i g, h_t = o tanh(c_t), gates in the order i, f, g, o (Gers et al. 2000)."""
    (h, c), (kernel,) = states, recurrent
    i, f, g, o = jnp.split(projected + h @ kernel, 4, axis=-1)
    i, f, g, o = jax.nn.sigmoid(i), jax.nn.sigmoid(f), jnp.tanh(g), jax.nn.sigmoid(o)
    c = f * c + i * g
    return (o * jnp.tanh(c), c), (i, f, g, o)


def lstm_backward(gradients: States, old: States, new: States, kept: States) -> tuple[Any, Any, States]:
    (dh, dc), (_, c_old), (_, c), (i, f, g, o) = gradients, old, new, kept
    squashed = jnp.tanh(c)
    dc = dc + dh * o * (1 - squashed * squashed)
    dz = jnp.concatenate(
        [dc * g * i * (1 - i), dc * c_old * f * (1 - f), dc * i * (1 - g * g), dh * squashed * o * (1 - o)], axis=-1
    )
    return dz, dz, (jnp.zeros_like(dh), dc * f)


def gru_forward(projected: Any, states: States, recurrent: States) -> tuple[States, States]:
    """h_t = z h_{t-1} + (1 - z) g with g = tanh(x_t W + r (h_{t-1} U + b)), gates in the order z, r, g.

    Cho et al. 2014; the reset gate after the product, as cuDNN has it.
    """
    (h,), (kernel, bias) = states, recurrent
    x_z, x_r, x_g = jnp.split(projected, 3, axis=-1)
    h_z, h_r, h_g = jnp.split(h @ kernel + bias, 3, axis=-1)
    z, r = jax.nn.sigmoid(x_z + h_z), jax.nn.sigmoid(x_r + h_r)
    g = jnp.tanh(x_g + r * h_g)
    return (g + z * (h - g),), (z, r, g, h_g)


def gru_backward(gradients: States, old: States, new: States, kept: States) -> tuple[Any, Any, States]:
    (dh,), (h,), (z, r, g, h_g) = gradients, old, kept
    dg = dh * (1 - z) * (1 - g * g)
    dz, dr = dh * (h - g) * z * (1 - z), dg * h_g * r * (1 - r)
    return jnp.concatenate([dz, dr, dg], axis=-1), jnp.concatenate([dz, dr, dg * r], axis=-1), (dh * z,)


STEPS = {
    "simple": Step(simple_forward, simple_backward),
    "lstm": Step(lstm_forward, lstm_backward),
    "gru": Step(gru_forward, gru_backward),
}


def keep(mask: Any, new: Any, old: Any) -> Any:
    """Return `new` where the mask is true, else `old`; without a mask there is nothing to choose."""
    return new if mask is None else jnp.where(mask, new, old)


def forward(cell: str, projected: Any, mask: Any, initial: States, recurrent: States) -> tuple[States, States]:
    """Return the states at all steps, each (time, batch, units), and what `backward` needs beside them.

    projected: (time, batch, gates x units). mask: (time, batch, 1) of bool, or None: where it is false, the states
    stay as they were. initial: (batch, units) for each state. recurrent: U, (units, gates x units), and for the gru
    the bias of h U.
    """
    step = STEPS[cell].forward

    def advance(states: States, now: tuple) -> tuple:
        x, inside = now
        new, kept = step(x, states, recurrent)
        new = tuple(keep(inside, one, other) for one, other in zip(new, states, strict=True))
        return new, (new, kept)

    return lax.scan(advance, initial, (projected, mask))[1]


def backward(
    cell: str, outputs: Any, last: States, mask: Any, kernel: Any, old: States, new: States, kept: States
) -> tuple[Any, Any, States]:
    """Return the gradients of the projected inputs, of h_{t-1} U at all steps, and of the initial states.

    outputs: the gradients of the hidden states, (time, batch, units). last: those of the states after the last step.
    old, new: the states before and after each step.
    """
    step = STEPS[cell].backward

    def retreat(gradients: States, now: tuple) -> tuple:
        d, inside, before, after, kept = now
        gradients = (gradients[0] + d, *gradients[1:])
        dx, dz, direct = step(gradients, before, after, kept)
        dx, dz = keep(inside, dx, jnp.zeros_like(dx)), keep(inside, dz, jnp.zeros_like(dz))
        direct = tuple(keep(inside, one, other) for one, other in zip(direct, gradients, strict=True))
        return (direct[0] + dz @ kernel.T, *direct[1:]), (dx, dz)

    gradients: tuple[Any, Any]
    first, gradients = lax.scan(retreat, last, (outputs, mask, old, new, kept), reverse=True)
    return *gradients, first


# Whether float32 goes through the native kernels (models/kernels); see `use_kernels`.
native = False


def use_kernels(wanted: bool, folder: Path, say: Callable[[str], None]) -> bool:
    """Take the native kernels from now on, or not; say so where they are wanted and cannot be had.

    folder: where they are, once they are compiled.
    """
    global native
    missing = native_kernels.load(folder, say) if wanted else ""
    native = missing is None
    if missing:
        say(missing)
    return native


def _is_native(projected: Any) -> bool:
    return native and projected.dtype == jnp.float32


def _unroll(
    cell: str, projected: Any, mask: Any, initial: States, recurrent: States, keep: bool
) -> tuple[tuple[Any, States], States, Any]:
    """Return what `run` does, the states at all steps, and what the backward loop needs beside them."""
    kept: Any
    if _is_native(projected):
        states, kept = native_kernels.forward(cell, projected, mask, initial, recurrent, keep)
    else:
        states, kept = forward(cell, projected, mask, initial, recurrent)
    return (states[0], tuple(state[-1] for state in states)), states, kept


@functools.partial(jax.custom_vjp, nondiff_argnums=(0,))
def run(cell: str, projected: Any, mask: Any, initial: States, recurrent: States) -> tuple[Any, States]:
    """Return the hidden states at all steps, (time, batch, units), and the states after the last. See `forward`."""
    return _unroll(cell, projected, mask, initial, recurrent, keep=False)[0]


def _run(cell: str, projected: Any, mask: Any, initial: States, recurrent: States) -> tuple:
    answer, states, kept = _unroll(cell, projected, mask, initial, recurrent, keep=True)
    return answer, (mask, initial, recurrent, states, kept)


def _differentiate(cell: str, saved: tuple, gradients: tuple) -> tuple:
    mask, initial, recurrent, states, kept = saved
    outputs, last = gradients
    old = tuple(jnp.concatenate([one[None], every[:-1]]) for one, every in zip(initial, states, strict=True))
    if _is_native(outputs):
        dx, dz, first = native_kernels.backward(cell, outputs, last, mask, initial, recurrent, states, kept)
    else:
        dx, dz, first = backward(cell, outputs, last, mask, recurrent[0], old, states, kept)
    kernel = old[0].reshape(-1, old[0].shape[-1]).T @ dz.reshape(-1, dz.shape[-1])
    weights = [kernel, *(dz.sum((0, 1)) for _ in recurrent[1:])]
    return dx, None, first, tuple(weights)


run.defvjp(_run, _differentiate)
