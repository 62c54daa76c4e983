"""The native kernels as JAX calls them: the functions of native_kernels as calls of XLA."""

import ctypes
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from models.backends.native_kernels import CALLS
from models.tensor import Tensor


def register(name: str, library: ctypes.CDLL) -> None:
    """Give a compiled library to XLA; once in a process, as it takes a function under one name once.

    Raises AttributeError or RuntimeError where JAX does not take them.
    """
    for call in CALLS[name]:
        jax.ffi.register_ffi_target(f"unrolled_{call}", jax.ffi.pycapsule(getattr(library, call)), platform="cpu")


def knows_generator() -> bool:
    """Return whether JAX draws random numbers as `draw_mask` does: so it is unless the user sets it otherwise."""
    # JAX' types do not know what is set by `with` too.
    settings: Any = jax.config
    return settings.jax_default_prng_impl == "threefry2x32" and settings.jax_threefry_partitionable


def draw_mask(key: Tensor, shape: tuple[int, ...], share: float) -> Tensor:
    """Return what jax.random.bernoulli(key, share, shape) does, to the bit. key: (2,) of uint32."""
    call = jax.ffi.ffi_call("unrolled_mask", jax.ShapeDtypeStruct(shape, "bool"))
    return call(key, share=np.float32(share))


def forward(
    cell: str,
    projected: Tensor,
    *,
    mask: Tensor,
    initial: tuple,
    recurrent: tuple,
    keep: bool,
    noise: tuple = (None, None),
) -> tuple[tuple, tuple[Tensor, Tensor]]:
    """Run a cell over time: (the states at all steps, what `backward` needs beside them).

    cell: simple, relu, lstm or gru. projected: (time, batch, gates x units). mask: (time, batch, 1) of bool, or None.
    initial: (batch, units) for each state. recurrent: U, and for the gru the bias of h U. noise: see
    jax_loops.py. The states are (time, batch, units) each. Without `keep` nothing is written for `backward`.
    """
    time, batch, _ = projected.shape
    units = initial[0].shape[-1]
    states, none = (time, batch, units), (0,)
    shapes = [states, none, none, none]
    aliases: dict[int, int] = {}  # what is kept takes the place of the projected inputs: no fresh memory
    if keep and cell in ("lstm", "gru"):
        shapes[2], aliases = projected.shape, {0: 2}
    if cell == "lstm":
        shapes[1] = states
    if cell == "gru" and keep:
        shapes[3] = states
    h, c, kept, extra = call_kernel(
        f"{cell}_forward",
        shapes,
        aliases,
        projected,
        fill_mask(mask),
        *fill_pair(initial),
        *fill_pair(recurrent),
        *fill_noise(noise),
    )
    return ((h, c) if cell == "lstm" else (h,)), (kept, extra)


def backward(
    cell: str,
    outputs_gradient: Tensor,
    last_gradients: tuple,
    *,
    mask: Tensor,
    initial: tuple,
    recurrent: tuple,
    states: tuple,
    kept: tuple[Tensor, Tensor],
    noise: tuple = (None, None),
) -> tuple[Tensor, Tensor, tuple]:
    """Return the gradients of the projected inputs, of h_{t-1} U at all steps, and of the initial states.

    outputs_gradient: (time, batch, units), of the hidden states; last_gradients: (batch, units), of each state after
    the last step. The gradient of U is one product outside: the old hidden states, transposed, times the second result.
    """
    time, batch, _ = outputs_gradient.shape
    gates, first = (time, batch, recurrent[0].shape[-1]), initial[0].shape
    shapes = [gates, gates if cell == "gru" else (0,), first, first if cell == "lstm" else (0,)]
    aliases = {9 if cell in ("lstm", "gru") else 0: 0}  # the gradients take the place of what they are made of
    dx, dz, dh, dc = call_kernel(
        f"{cell}_backward",
        shapes,
        aliases,
        outputs_gradient,
        *fill_pair(last_gradients),
        fill_mask(mask),
        *fill_pair(initial),
        recurrent[0],
        *fill_pair(states),
        *kept,
        *fill_noise(noise),
    )
    return dx, (dz if cell == "gru" else dx), ((dh, dc) if cell == "lstm" else (dh,))


def call_kernel(
    name: str, shapes: list[tuple], aliases: dict[int, int], *arguments: Tensor, **attributes: bool | np.int64
) -> Tensor:
    """Return the results of a kernel, of these shapes. aliases: which result takes the memory of which argument."""
    results = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    call = jax.ffi.ffi_call(f"unrolled_{name}", results, input_output_aliases=aliases)
    return call(*arguments, **attributes)


def fill_pair(arrays: tuple) -> tuple[Tensor, Tensor]:
    """Return two arrays where there may be one: an empty one stands for what a cell does not have."""
    return arrays[0], (arrays[1] if len(arrays) > 1 else jnp.zeros((0,), "float32"))


def fill_noise(noise: tuple) -> list[Tensor]:
    """Return what h is multiplied with, and how much of h and c stays: empty arrays for what there is none of."""
    dropped, zones = noise
    none = jnp.zeros((0,), "float32")
    given = [none if dropped is None else dropped, *(zones or ())]
    return [one.astype("float32") for one in given] + [none] * (3 - len(given))


def fill_mask(mask: Tensor) -> Tensor:
    """Return the mask, or an empty one where there is none."""
    return jnp.zeros((0,), bool) if mask is None else mask
