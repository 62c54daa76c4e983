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


def call_kernel(library: ctypes.CDLL, name: str, shape: tuple[int, int, int], *arrays: np.ndarray | None) -> None:
    """Call a kernel. shape: time, batch and units. arrays: of float32, in the order of the kernel's arguments."""
    pointers = [None if array is None else array.ctypes.data_as(ctypes.c_void_p) for array in arrays]
    threads = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    getattr(library, name)(ctypes.c_int(threads), *map(ctypes.c_int64, shape), *pointers)


def forward(library: ctypes.CDLL, kind: str, projected: np.ndarray, *given: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return h, for an lstm c, and what `backward` needs beside them.

    Each is (time, batch, units) or (time, batch, gates x units).

    projected: (time, batch, gates x units). given: U, for a gru the bias of h U, and the initial states.
    """
    time, batch, width = projected.shape
    kernel, *more = given
    bias = more.pop(0) if kind == "gru" else None
    units, none = kernel.shape[0], np.empty(0, "float32")
    h = np.empty((time, batch, units), "float32")
    c = np.empty_like(h) if kind == "lstm" else none
    kept = none if kind == "simple" else np.empty((time, batch, width), "float32")
    extra = np.empty_like(h) if kind == "gru" else none
    first_c = more[1] if kind == "lstm" else None
    places = [array if array.size else None for array in (c, kept, extra)]
    call_kernel(
        library, f"{kind}_plain_forward", (time, batch, units), projected, more[0], first_c, kernel, bias, h, *places
    )
    return h, c, kept, extra


def backward(
    library: ctypes.CDLL, kind: str, outputs: np.ndarray, kernel: np.ndarray, h: np.ndarray, c: np.ndarray,
    kept: np.ndarray, extra: np.ndarray, *states: np.ndarray
) -> tuple[np.ndarray, ...]:  # fmt: skip
    """Return the gradients of the projected inputs, for a gru of h_{t-1} U at all steps, and of the initial h and c.

    outputs: the gradient of h at all steps. h, c, kept, extra: the results of `forward`. states: the gradients of the
    states after the last step, then the initial states.
    """
    time, batch, units = outputs.shape
    none, half = np.empty(0, "float32"), len(states) // 2
    last, initial = states[:half], states[half:]
    dx = np.empty((time, batch, kernel.shape[1]), "float32")
    dz = np.empty_like(dx) if kind == "gru" else none
    first = [np.empty((batch, units), "float32") for _ in initial]
    missing: list[Tensor] = [None] * (2 - half)
    given = [array if array.size else None for array in (c, kept, extra)]
    call_kernel(
        library, f"{kind}_plain_backward", (time, batch, units),
        outputs, *last, *missing, *initial, *missing, kernel, h, *given, dx, dz if dz.size else None, *first, *missing,
    )  # fmt: skip
    return dx, dz, first[0], first[1] if half > 1 else none


def run(
    kind: str,
    sequences: Tensor,
    *,
    initial: list[Tensor],
    weights: list[Tensor],
    mask: Tensor | None,
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
    # tensorflow.custom_gradient takes tensors, not variables.
    h, *last = loop(library, kind, projected, *map(tensorflow.convert_to_tensor, [*more, *initial]))
    return tensorflow.transpose(h, (1, 0, 2)), last


def loop(library: ctypes.CDLL, kind: str, *arguments: Tensor) -> list[Tensor]:
    """Return h at all steps, (time, batch, units), and the states after the last. It has its gradient by hand.

    arguments: the arrays of `forward`.
    """
    floats = [tensorflow.float32] * 4

    @tensorflow.custom_gradient
    def differentiable(projected: Tensor, *given: Tensor) -> tuple[Tensor, Callable]:
        recurrent, initial = given[0], given[2 if kind == "gru" else 1 :]
        units = recurrent.shape[0]
        found = tensorflow.numpy_function(partial(forward, library, kind), [projected, *given], floats, stateful=False)
        h, c, *_ = found
        h.set_shape((None, None, units))
        c.set_shape((None, None, units) if kind == "lstm" else (0,))
        last = [h[-1], c[-1]] if kind == "lstm" else [h[-1]]

        def differentiate(outputs: Tensor, *after: Tensor) -> tuple[Tensor, ...]:
            dx, dz, *first = tensorflow.numpy_function(
                partial(backward, library, kind), [outputs, recurrent, *found, *after, *initial], floats, stateful=False
            )
            dz = dz if kind == "gru" else dx
            gradients = [tensorflow.ensure_shape(dx, projected.shape)]
            old = tensorflow.concat([initial[0][None], h[:-1]], 0)
            dz = tensorflow.reshape(dz, (-1, recurrent.shape[1]))
            gradients.append(tensorflow.matmul(tensorflow.reshape(old, (-1, units)), dz, transpose_a=True))
            if kind == "gru":
                gradients.append(tensorflow.reduce_sum(dz, 0))
            firsts = zip(first, initial, strict=False)
            return *gradients, *(tensorflow.ensure_shape(one, state.shape) for one, state in firsts)

        return [h, *last], differentiate

    return differentiable(*arguments)
