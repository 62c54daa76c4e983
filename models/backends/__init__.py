"""The recurrent loops of each backend of Keras, and the one place that chooses among them.

    jax_loops           JAX: one loop with a gradient by hand, or the native kernels, which jax_native calls
    jax_layers          JAX: the native kernels of a whole layer, for what has a mask
    tensorflow_layers   TensorFlow: the same
    jax_unrolling       JAX: any other cell, of which only the product with the recurrent kernel is known
    tensorflow_loops    TensorFlow: the native kernels
    torch_loops         torch: its own kernels
    native_kernels/     the C++ source, and its compilation at first use
    answering           JAX: a model asked for one batch of answers, without Keras' own call
    onnx_operators      TensorFlow, while a model is exported to ONNX: the operators that ONNX has for these layers

None of them imports this file. What they do not cover goes the way of the Keras layer, their portable twin: see
models/recurrent.py.
"""

import contextlib
import ctypes
import importlib
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import keras

from models.backends import native_kernels
from models.tensor import Tensor
from pipeline import cache

LOOPS = {"jax": "jax_loops", "tensorflow": "tensorflow_loops", "torch": "torch_loops"}
logger = logging.getLogger(__name__)


class Loops(Protocol):
    """What the module of a backend has: a recurrent layer over all steps of a batch."""

    def run(
        self,
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
        """Return the hidden states at all steps, (batch, time, units), and the states after the last step.

        kind: "simple", "relu" (SimpleRNN with relu), "lstm" or "gru". sequences: (batch, time, features). initial: the
        states before the first step, each (batch, units). weights: the kernels of x and of h, and the biases of both,
        each (..., gates x units).
        mask: (batch, time) of bool, or None: where it is false, the states stay as they were.
        dropped: what h is multiplied with before the kernel of h, (gates, batch, units), or None. zones: how much of
        each state stays as it was at a step, (time, batch, units) of bool or float32, or None.
        library: the native kernels, or None for the portable loop, where the backend has one.
        """


class NativeKernels:
    """Whether SimpleRNN, LSTM and GRU run as native code. One object, `kernels`, keeps it for the process.

    Unless `switch` says otherwise they do, where all of these hold:

    1. Keras runs on JAX or TensorFlow,
    2. the backend computes on the CPU,
    3. there is a C++ compiler, or they have been compiled on this machine before.

    Then they are compiled, if need be, when the first layer asks for them: the loops, and apart from them the whole
    layers with a mask, which no model of this suite uses. Elsewhere the portable loops run.

    used: the kinds of layers ("simple", "relu", "lstm", "gru") that have run as native code so far.
    """

    def __init__(self) -> None:
        self.used: set[str] = set()
        self._wanted = True
        self._folder: Path | None = None
        # The libraries that have been opened, by name, and why another could not be: then none is looked for.
        self._found: dict[str, ctypes.CDLL] = {}
        self._missing = ""

    def switch(self, wanted: bool, folder: Path | None = None, say: Callable[[str], None] = logger.warning) -> bool:
        """Take the native kernels from now on, or not; return whether they are taken: torch has its own.

        Where they are wanted and cannot be had, `say` is told why in one line. What is compiled is kept in `folder`,
        by default that of this suite's cache. What JAX or TensorFlow has compiled already stays as it is.
        """
        self._wanted, self._folder, self._missing = wanted, folder, ""
        return keras.config.backend() != "torch" and self._find("loops", say) is not None

    @property
    def library(self) -> ctypes.CDLL | None:
        """The compiled loops, where they are to be used; they are compiled now where nobody has asked before."""
        return self._find("loops", logger.warning) if computes_on_cpu() else None

    @property
    def layers(self) -> ctypes.CDLL | None:
        """The same of the whole layers with a mask."""
        return self._find("layers", logger.warning) if computes_on_cpu() else None

    def _find(self, name: str, say: Callable[[str], None]) -> ctypes.CDLL | None:
        if self._wanted and not self._missing and name not in self._found:
            found = open_kernels(name, self._folder, say=say)
            if isinstance(found, str):
                self._missing = found
                say(found)
            else:
                self._found[name] = found
        return self._found.get(name) if self._wanted else None


kernels = NativeKernels()


def computes_on_cpu() -> bool:
    """Return whether Keras' backend is JAX or TensorFlow and computes on the CPU."""
    if keras.config.backend() == "jax":
        import jax

        return jax.default_backend() == "cpu"
    if keras.config.backend() == "tensorflow":
        import tensorflow

        return not tensorflow.config.get_visible_devices("GPU")
    return False


def open_kernels(name: str, folder: Path | None, *, say: Callable[[str], None]) -> ctypes.CDLL | str:
    """Return a library of native kernels, ready for Keras' backend, or one line that says why there is none.

    At first use on a machine it is compiled with the C++ compiler there (CXX, else c++, g++ or clang++) into `folder`,
    by default that of this suite's cache, which takes seconds: `say` is told.
    """
    if not computes_on_cpu():
        return f"no native kernels: they are for the CPU, where {keras.config.backend()} does not compute"
    try:
        folder = folder or cache.folder() / "kernels"
    except RuntimeError as error:
        return native_kernels.MISSING.format(error)
    if keras.config.backend() == "tensorflow":
        return native_kernels.open_library(name, folder, say=say, xla=False)
    library = native_kernels.open_library(name, folder, say=say, xla=True)
    if isinstance(library, ctypes.CDLL):
        from models.backends import jax_native

        try:
            jax_native.register(name, library)
        except (ImportError, AttributeError, RuntimeError) as error:
            return native_kernels.MISSING.format(error)
    return library


def reverse(sequences: Tensor, length: Tensor) -> Tensor | None:
    """Return each sequence of (batch, time, features) reversed by its own length, (batch,); the padding stays.

    None where the backend has no operation for that.
    """
    if keras.config.backend() != "tensorflow":
        return None
    import tensorflow

    return tensorflow.reverse_sequence(sequences, length, seq_axis=1, batch_axis=0)


# What stands in the place of the backend's own loops; see `replacing`.
_replacement: list[Loops] = []


@contextlib.contextmanager
def replacing(loops: Loops) -> Iterator[None]:
    """Inside, what has no mask runs by other loops than the backend's own: a model is traced to be exported, say."""
    _replacement.append(loops)
    try:
        yield
    finally:
        _replacement.pop()


def has_loop(kind: str, dtype: str, *, masked: bool, noisy: bool) -> bool:
    """Return whether the backend has a loop of its own for a layer with Keras' usual activations.

    1. JAX: for all but the LSTM on a GPU, where cuDNN runs.
    2. torch: for what has no mask.
    3. TensorFlow: for what has no mask and is of float32, where there are native kernels.
    4. With recurrent dropout or zoneout (`noisy`): for what is of float32, where there are native kernels.
    """
    if _replacement:
        return not (masked or noisy or kind == "relu")
    if noisy and (dtype != "float32" or kernels.library is None):
        return False
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        return kind != "lstm" or jax.default_backend() != "gpu"
    return not masked and (backend == "torch" or (dtype == "float32" and kernels.library is not None))


def draw_mask(generator: keras.random.SeedGenerator, shape: tuple[int, ...], share: float) -> Tensor | None:
    """Return a random mask, true for a share of its elements, from the next seed of a generator.

    None where the backend's own way is to be gone: where Keras' operations are as fast, or there are no native kernels.
    The numbers are those of JAX.
    """
    if keras.config.backend() != "jax" or kernels.library is None:
        return None
    from models.backends import jax_native

    return jax_native.draw_mask(generator.next(), shape, share) if jax_native.knows_generator() else None


def run(
    kind: str,
    sequences: Tensor,
    *,
    initial: list[Tensor],
    weights: list[Tensor],
    mask: Tensor | None,
    dropped: Tensor | None = None,
    zones: list[Tensor] | None = None,
) -> tuple[Tensor, list[Tensor]]:
    """Run a recurrent layer over all steps in the backend's own loop; arguments and result are those of `Loops.run`."""
    given: dict[str, Any] = {
        "initial": initial, "weights": weights, "mask": mask, "dropped": dropped, "zones": zones,
    }  # fmt: skip
    if _replacement:
        return _replacement[-1].run(kind, sequences, **given, library=None)
    loops: Loops = importlib.import_module(f"{__name__}.{LOOPS[keras.config.backend()]}")
    library = kernels.library if keras.backend.standardize_dtype(sequences.dtype) == "float32" else None
    if library is not None:
        kernels.used.add(kind)
    return loops.run(kind, sequences, **given, library=library)


def has_layer(dtype: str) -> bool:
    """Return whether there are native kernels for a whole layer with a mask, without noise: see `run_layer`."""
    return not _replacement and dtype == "float32" and kernels.layers is not None


def run_layer(
    kind: str,
    sequences: Tensor,
    *,
    initial: list[Tensor],
    weights: list[Tensor],
    mask: Tensor,
    backwards: bool,
    zero: bool,
) -> tuple[Tensor, list[Tensor]]:
    """Run a layer with a mask as one native call, which leaves out what the mask does. For what `has_layer` is true of.

    backwards: the steps are taken from the last to the first, and so are the outputs. zero: the output of a step where
    the mask is false is 0, not the state. The other arguments, and the result, are those of `Loops.run`.
    """
    library, mask = kernels.layers, keras.ops.cast(mask, "bool")
    assert library is not None
    kernels.used.add(kind)
    call = native_kernels.Kind(kind, backwards, zero)
    if keras.config.backend() == "tensorflow":
        from models.backends import tensorflow_layers

        return tensorflow_layers.run_layer(library, call, sequences, mask=mask, initial=initial, weights=weights)
    from models.backends import jax_layers

    outputs, states = jax_layers.run_layer(call, sequences, mask, tuple(initial), tuple(weights))
    return outputs, list(states)


def unroll(advance: Callable, *given: Tensor) -> tuple[Tensor, tuple[Tensor, ...]] | None:
    """Return the hidden states at all steps, (time, batch, units), and the states after the last; None: has no loop.

    Arguments: see models/cells/unrolling.py, which has the portable twin, and models/backends/jax_unrolling.py.
    """
    if keras.config.backend() != "jax":
        return None
    from models.backends import jax_unrolling

    return jax_unrolling.unroll(advance, *given)
