"""A whole layer with a mask on TensorFlow, on the CPU: one native call forwards, one backwards. See layer.h there.

Everything is (batch, time, ...), as Keras has it. The formulas, and the order of the gates, are those of jax_loops.py.
"""

import ctypes
from collections.abc import Callable
from functools import partial

import numpy as np
import tensorflow

from models.backends.native_kernels import KEPT, Kind
from models.backends.tensorflow_loops import count_threads
from models.tensor import Tensor

SIZES = ("batch", "time", "features", "units", "backwards", "zero", "blank")
ARRAYS = (
    "mask", "x", "h0", "c0", "kernel", "recurrent", "bias", "bias_within", "outputs", "c", "kept", "last_h", "last_c",
    "d_outputs", "d_last_h", "d_last_c", "dz", "dx", "d_kernel", "d_recurrent", "d_bias", "d_bias_within", "first_h",
    "first_c",
)  # fmt: skip


class Layer(ctypes.Structure):
    """What a call is given: the struct of that name in layer.h."""

    _fields_ = [(name, ctypes.c_int64) for name in SIZES] + [(name, ctypes.c_void_p) for name in ARRAYS]


def fill(kind: Kind, arrays: dict[str, np.ndarray]) -> Layer:
    """Return what a kernel is given. arrays: by their names there, contiguous; one without elements is left out."""
    batch, time, features = arrays["x"].shape
    # Before its first step a row gives 0, whatever its initial state: so it is with Keras on TensorFlow, not on JAX.
    layer = Layer(batch, time, features, arrays["h0"].shape[1], kind.backwards, kind.zero, blank=True)
    for name, array in arrays.items():
        setattr(layer, name, array.ctypes.data if array.size else None)
    return layer


def forward(library: ctypes.CDLL, kind: Kind, *given: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the outputs, c at all steps, the gates, and the last h and c, as `jax_layers` has them.

    given: inputs, mask, both kernels, both biases, and the initial states.
    """
    names = ("x", "mask", "kernel", "recurrent", "bias", "bias_within", "h0", "c0")
    arrays = dict(zip(names, map(np.ascontiguousarray, given), strict=False))
    batch, time, _ = arrays["x"].shape
    units, none = arrays["h0"].shape[1], np.empty(0, "float32")
    if kind.cell != "gru":
        arrays["bias_within"] = none
    outputs = np.empty((batch, time, units), "float32")
    c = np.empty_like(outputs) if kind.cell == "lstm" else none
    kept = np.empty((batch, time, KEPT[kind.cell] * units), "float32")
    last = [np.empty_like(state) for state in given[6:]]
    results = dict(zip(("outputs", "c", "kept", "last_h", "last_c"), (outputs, c, kept, *last), strict=False))
    layer = fill(kind, arrays | results)
    library.plain_layer_forward(count_threads(), ctypes.c_int64(kind.number), ctypes.byref(layer), 1)
    return outputs, c, kept, last[0], last[1] if len(last) > 1 else none


def backward(library: ctypes.CDLL, kind: Kind, *given: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the gradients of inputs, both kernels, both biases, and the initial h and c.

    given: the gradient of the outputs; inputs, mask, both kernels and biases; outputs, c and gates of `forward`; the
    initial states, and the gradients of the last ones.
    """
    names = ["d_outputs", "x", "mask", "kernel", "recurrent", "bias", "bias_within", "outputs", "c", "kept"]
    names += ["h0", "c0", "d_last_h", "d_last_c"] if kind.cell == "lstm" else ["h0", "d_last_h"]
    arrays = dict(zip(names, map(np.ascontiguousarray, given), strict=True))
    # The gates are not wanted afterwards, so their gradients take their place; what came from TensorFlow stays.
    dz = np.empty_like(arrays["kept"] if KEPT[kind.cell] else arrays["outputs"])
    of = {"dx": "x", "d_kernel": "kernel", "d_recurrent": "recurrent", "d_bias": "bias", "d_bias_within": "bias_within"}
    results = {name: np.empty_like(arrays[other]) for name, other in of.items()}
    results |= {f"first_{state}": np.empty_like(arrays[f"{state}0"]) for state in ("h", "c") if f"{state}0" in arrays}
    if kind.cell != "gru":
        results["d_bias_within"] = np.zeros_like(arrays["bias_within"])
    layer = fill(kind, arrays | results | {"dz": dz})
    if kind.cell != "gru":
        layer.d_bias_within = None
    library.plain_layer_backward(count_threads(), ctypes.c_int64(kind.number), ctypes.byref(layer))
    return *results.values(), *([] if "first_c" in results else [np.empty(0, "float32")])


def run_layer(
    library: ctypes.CDLL, kind: Kind, sequences: Tensor, *, mask: Tensor, initial: list[Tensor], weights: list[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Return the outputs at all steps, (batch, time, units), and the states after the last.

    mask: (batch, time) of bool. weights: the kernels of x and of h, and the biases of both, each (..., gates x units).
    """

    @tensorflow.custom_gradient
    def differentiable(sequences: Tensor, mask: Tensor, *given: Tensor) -> tuple[list[Tensor], Callable]:
        weights, initial = given[:4], given[4:]
        found = tensorflow.numpy_function(
            partial(forward, library, kind), [sequences, mask, *given], [tensorflow.float32] * 5, stateful=False
        )
        outputs, *kept = found[:3]
        # What a NumPy function has returned has no shape while a graph is made.
        outputs.set_shape((*sequences.shape[:2], weights[1].shape[0]))
        last = [tensorflow.ensure_shape(one, state.shape) for one, state in zip(found[3:], initial, strict=False)]

        def differentiate(gradient: Tensor, *after: Tensor) -> tuple[Tensor, ...]:
            dx, *more = tensorflow.numpy_function(
                partial(backward, library, kind),
                [gradient, sequences, mask, *weights, outputs, *kept, *initial, *after],
                [tensorflow.float32] * 7,
                stateful=False,
            )
            of = zip([dx, *more], [sequences, *given], strict=False)
            first, *rest = (tensorflow.ensure_shape(one, other.shape) for one, other in of)
            return first, None, *rest

        return [outputs, *last], differentiate

    # tensorflow.custom_gradient takes tensors, not variables.
    outputs, *last = differentiable(*map(tensorflow.convert_to_tensor, [sequences, mask, *weights, *initial]))
    return outputs, last
