"""The three cells over time on TensorFlow, on the CPU: the native kernels, called from its graph.

TensorFlow runs a loop over time operation by operation, some dozens per step. Here all steps are one call, forwards and
backwards, between the same products as in models/backends/jax_loops.py, which has the formulas.
"""

import ctypes
import os
from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow

from models.tensor import Tensor


def count_threads() -> ctypes.c_int:
    """Return how many threads a kernel is to start: one for each core that this process may use."""
    return ctypes.c_int(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def call_kernel(library: ctypes.CDLL, name: str, shape: tuple[int, int, int], *arrays: np.ndarray | None) -> None:
    """Call a kernel. shape: time, batch and units. arrays: of float32, in the order of the kernel's arguments.

    None, and an array without elements: there is none.
    """
    pointers = [None if array is None or not array.size else array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
    getattr(library, name)(count_threads(), *map(ctypes.c_int64, shape), *pointers)


def forward(library: ctypes.CDLL, kind: str, projected: np.ndarray, *given: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return h, for an lstm c, and what `backward` needs beside them.

    Each is (time, batch, units) or (time, batch, gates x units).

    projected: (time, batch, gates x units). given: U, for a gru the bias of h U, the initial states, and the three
    arrays of noise: `dropped` and the zones of h and c, empty where there are none.
    """
    time, batch, width = projected.shape
    kernel, *more = given
    *more, dropped, zone_h, zone_c = more
    bias = more.pop(0) if kind == "gru" else None
    units, none = kernel.shape[0], np.empty(0, "float32")
    h = np.empty((time, batch, units), "float32")
    c = np.empty_like(h) if kind == "lstm" else none
    kept = none if kind in ("simple", "relu") else np.empty((time, batch, width), "float32")
    extra = np.empty_like(h) if kind == "gru" else none
    first_c = more[1] if kind == "lstm" else None
    call_kernel(
        library, f"{kind}_plain_forward", (time, batch, units),
        projected, more[0], first_c, kernel, bias, dropped, zone_h, zone_c, h, c, kept, extra,
    )  # fmt: skip
    return h, c, kept, extra


def backward(
    library: ctypes.CDLL, kind: str, outputs: np.ndarray, kernel: np.ndarray, h: np.ndarray, c: np.ndarray,
    kept: np.ndarray, extra: np.ndarray, *states: np.ndarray
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Return the gradients of the projected inputs, for a gru of h_{t-1} U at all steps, and of the initial h and c.

    outputs: the gradient of h at all steps. h, c, kept, extra: the results of `forward`. states: the gradients of the
    states after the last step, then the initial states, then the noise.
    """
    time, batch, units = outputs.shape
    *both, dropped, zone_h, zone_c = states
    none, half = np.empty(0, "float32"), len(both) // 2
    last, initial = both[:half], both[half:]
    dx = np.empty((time, batch, kernel.shape[1]), "float32")
    dz = np.empty_like(dx) if kind == "gru" else none
    first = [np.empty((batch, units), "float32") for _ in initial]
    missing: list[Tensor] = [None] * (2 - half)
    call_kernel(
        library, f"{kind}_plain_backward", (time, batch, units),
        outputs, *last, *missing, *initial, *missing, kernel, h, c, kept, extra, dropped, zone_h, zone_c,
        dx, dz, *first, *missing,
    )  # fmt: skip
    return dx, dz, first[0], first[1] if half > 1 else none


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
    """See models.backends.Loops. There is no loop here without the native kernels, and they take no mask."""
    assert mask is None and library is not None
    kernel, recurrent, bias, bias_within = weights
    gates = kernel.shape[1]
    size = tensorflow.shape(sequences)
    flat = tensorflow.reshape(tensorflow.transpose(sequences, (1, 0, 2)), (-1, kernel.shape[0]))
    projected = tensorflow.reshape(tensorflow.matmul(flat, kernel) + bias, (size[1], size[0], gates))
    more = [recurrent, bias_within] if kind == "gru" else [recurrent]
    none = tensorflow.zeros((0,))
    noise = [none if dropped is None else dropped, *(tensorflow.cast(one, "float32") for one in zones or ())]
    noise += [none] * (3 - len(noise))
    # tensorflow.custom_gradient takes tensors, not variables.
    h, *last = loop(library, kind, projected, *map(tensorflow.convert_to_tensor, [*more, *initial, *noise]))
    return tensorflow.transpose(h, (1, 0, 2)), last


def differentiate_kernel(old: Tensor, dz: Tensor, dropped: Tensor) -> Tensor:
    """Return the gradient of U. old: h before each step, (time, batch, units). dz: the gradients of h U.

    dropped: what h is multiplied with first, (gates, batch, units), or without elements.
    """

    def product(before: Tensor, after: Tensor) -> Tensor:
        # What a NumPy function has returned has no shape while a graph is made.
        flat = (tensorflow.reshape(one, (-1, tensorflow.shape(one)[-1])) for one in (before, after))
        return tensorflow.matmul(*flat, transpose_a=True)

    if dropped.shape == (0,):
        return product(old, dz)
    count = dropped.shape[0]
    parts = zip(tensorflow.unstack(dropped, count), tensorflow.split(dz, count, axis=2), strict=True)
    return tensorflow.concat([product(old * one, part) for one, part in parts], 1)


def loop(library: ctypes.CDLL, kind: str, *arguments: Tensor) -> list[Tensor]:
    """Return h at all steps, (time, batch, units), and the states after the last. It has its gradient by hand.

    arguments: the arrays of `forward`.
    """
    floats = [tensorflow.float32] * 4

    @tensorflow.custom_gradient
    def differentiable(projected: Tensor, *given: Tensor) -> tuple[Tensor, Callable]:
        recurrent, initial, noise = given[0], given[2 if kind == "gru" else 1 : -3], given[-3:]
        units = recurrent.shape[0]
        found = tensorflow.numpy_function(partial(forward, library, kind), [projected, *given], floats, stateful=False)
        h, c, *_ = found
        h.set_shape((None, None, units))
        c.set_shape((None, None, units) if kind == "lstm" else (0,))
        last = [h[-1], c[-1]] if kind == "lstm" else [h[-1]]

        def differentiate(outputs: Tensor, *after: Tensor) -> tuple[Tensor, ...]:
            dx, dz, *first = tensorflow.numpy_function(
                partial(backward, library, kind), [outputs, recurrent, *found, *after, *initial, *noise], floats,
                stateful=False,
            )  # fmt: skip
            dz = dz if kind == "gru" else dx
            gradients = [tensorflow.ensure_shape(dx, projected.shape)]
            old = tensorflow.concat([initial[0][None], h[:-1]], 0)
            gradients.append(tensorflow.ensure_shape(differentiate_kernel(old, dz, noise[0]), recurrent.shape))
            dz = tensorflow.reshape(dz, (-1, recurrent.shape[1]))
            if kind == "gru":
                gradients.append(tensorflow.reduce_sum(dz, 0))
            firsts = zip(first, initial, strict=False)
            return *gradients, *(tensorflow.ensure_shape(one, state.shape) for one, state in firsts), *[None] * 3

        return [h, *last], differentiate

    return differentiable(*arguments)
