"""Native kernels of the recurrent loops: one C++ file, compiled at first use, for JAX and TensorFlow on the CPU.

`load` compiles and registers them for JAX, `forward` and `backward` call them from there; tensorflow_loops.py calls
them from TensorFlow. They compute what jax_loops.py says in Keras' operations (its formulas, shapes and gates'
order), in float32, without a barrier between threads inside the loop.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import Any

import keras

SOURCE = Path(__file__).with_name("loops.cc")
FLAGS = "-std=c++17 -O3 -march=native -fno-math-errno -ffp-contract=fast -shared -fPIC".split()
MISSING = "no native kernels, the portable loops are used: {}"
# That a compilation may take.
SECONDS = 300
GATES = {"simple": 1, "lstm": 4, "gru": 3}


# JAX takes a function under one name once in a process.
ready = False


def load(folder: Path, say: Callable[[str], None]) -> str | None:
    """Make the kernels ready for `forward` and `backward`.

    Returns None when they are, or one line that says why they are not. At first use on a machine they are compiled with
    its C++ compiler (CXX, else c++, g++ or clang++) into `folder`, which takes seconds: `say` is told.
    """
    global ready
    if ready:
        return None
    try:
        import jax

        if jax.default_backend() != "cpu":
            return f"no native kernels: they are for the CPU, and JAX computes on {jax.default_backend()}"
        loops = open_library(folder, say, xla=True)
        if isinstance(loops, str):
            return loops
        for cell in GATES:
            for direction in ("forward", "backward"):
                handler = jax.ffi.pycapsule(getattr(loops, f"{cell}_{direction}"))
                jax.ffi.register_ffi_target(f"unrolled_{cell}_{direction}", handler, platform="cpu")
    except (ImportError, AttributeError, RuntimeError) as error:
        return MISSING.format(error)
    ready = True
    return None


def use(wanted: bool, folder: Path, say: Callable[[str], None]) -> bool:
    """Have Keras' backend take the native kernels from now on, or not; return whether it does: torch has its own.

    Where they are wanted and cannot be had, `say` is told so. folder: as for `load`.
    """
    backend = keras.config.backend()
    if backend == "torch":
        return False
    if backend == "jax":
        from models.backends.jax_loops import use_kernels
    else:
        from models.backends.tensorflow_loops import use_kernels
    return use_kernels(wanted, folder, say)


def open_library(folder: Path, say: Callable[[str], None], xla: bool) -> ctypes.CDLL | str:
    """Return the compiled kernels, or one line that says why there are none.

    folder, say: as for `load`. xla: as XLA's calls, which takes JAX and its headers; else as plain C functions.
    """
    try:
        return ctypes.CDLL(str(library(folder, say, xla=xla)))
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        return MISSING.format(" ".join(str(error).split()))


def library(folder: Path, say: Callable[[str], None], xla: bool) -> Path:
    """Return the file of the compiled kernels, compiling them first where that has not been done.

    Its name is made of all that it depends on, and of its content: one that has been cut or changed is compiled anew.
    It appears whole or not at all, so two processes that start at once do not disturb each other.

    Raises OSError, subprocess.SubprocessError, or ImportError without JAX, where it cannot be done.
    """
    # Imported for this alone, JAX would take half a second.
    built_for = f"jaxlib {metadata.version('jaxlib')}" if xla else "plain"
    parts = (SOURCE.read_text(), " ".join(FLAGS), processor(), built_for)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_owner(folder)
    for path in sorted(folder.glob(f"loops-{key}-*.so")):
        check_owner(path)
        if path.name == name(key, path):
            return path
        say(f"{path} is not as it was compiled")
        path.unlink()
    for left in folder.glob("*.tmp"):
        # Of a compilation that was killed.
        if time.time() - left.stat().st_mtime > 2 * SECONDS:
            left.unlink(missing_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
    os.close(descriptor)
    try:
        compile_library(Path(temporary), say, xla=xla)
        path = folder / name(key, Path(temporary))
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def name(key: str, path: Path) -> str:
    """Return the name under which a compiled file is kept."""
    return f"loops-{key}-{hashlib.sha256(path.read_bytes()).hexdigest()[:20]}.so"


def check_owner(path: Path) -> None:
    """Raise OSError where another user could have written, or could yet write, what is about to be loaded as code.

    So nobody else can change a file between the moment when its checksum is found right and that when it is loaded.
    """
    status = path.stat()
    if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise OSError(
            f"another user may write to {path}, and what is in it is run; make it yours alone (chmod go-w), "
            "or have UNROLLED_CACHE name another folder"
        )


def compile_library(path: Path, say: Callable[[str], None], xla: bool) -> None:
    """Compile the kernels into a file; OSError or subprocess.SubprocessError where no library comes of it."""
    command = compiler()
    say(f"compiling the native kernels with {command[0]}, once on this machine: some seconds")
    arguments = [*command, *FLAGS, str(SOURCE), "-o", str(path)]
    if xla:
        import jax

        arguments += ["-DUNROLLED_XLA", f"-I{jax.ffi.include_dir()}"]
    done = subprocess.run(arguments, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        told = "".join(filter(str.isprintable, errors[0])).strip()[:200] if errors else ""
        raise OSError(f"{command[0]} failed ({told or f'exit {done.returncode}'})")
    try:
        getattr(ctypes.CDLL(str(path)), "lstm_forward" if xla else "lstm_plain_forward")
    except (OSError, AttributeError) as error:
        raise OSError(f"{command[0]} made no library ({error})") from None
    path.chmod(0o700)


def processor() -> str:
    """Return what tells this processor from another: the code is compiled for it alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        told = [line for line in lines if line.startswith(("model name", "flags", "CPU part", "Features"))]
    except OSError:
        told = []
    return "\n".join([platform.system(), platform.machine(), platform.processor(), *sorted(set(told))])


def compiler() -> list[str]:
    """Return the command of the C++ compiler. Raises OSError where there is none."""
    given = os.environ.get("CXX", "").strip()
    if given:
        try:
            return shlex.split(given)
        except ValueError as error:
            raise OSError(f"CXX is {given}, which is no command: {error}") from None
    for program in ("c++", "g++", "clang++"):
        if shutil.which(program):
            return [program]
    raise OSError("there is no C++ compiler (install g++ or clang++, or name one in CXX)")


def forward(
    cell: str, projected: Any, mask: Any, initial: tuple, recurrent: tuple, keep: bool
) -> tuple[tuple, tuple[Any, Any]]:
    """Run a cell over time: (the states at all steps, what `backward` needs beside them).

    cell: simple, lstm or gru. projected: (time, batch, gates x units). mask: (time, batch, 1) of bool, or None.
    initial: (batch, units) for each state. recurrent: U, and for the gru the bias of h U. The states are
    (time, batch, units) each. Without `keep` nothing is written for `backward`.
    """
    time, batch, _ = projected.shape
    units, gates = initial[0].shape[-1], GATES[cell]
    states, none = (time, batch, units), (0,)
    shapes = [states, none, none, none]
    aliases: dict[int, int] = {}  # what is kept takes the place of the projected inputs: no fresh memory
    if keep and cell != "simple":
        shapes[2], aliases = (time, batch, gates * units), {0: 2}
    if cell == "lstm":
        shapes[1] = states
    if cell == "gru" and keep:
        shapes[3] = states
    h, c, kept, extra = call(
        f"{cell}_forward", shapes, aliases, projected, mask_of(mask), *pair(initial), *pair(recurrent)
    )
    return ((h, c) if cell == "lstm" else (h,)), (kept, extra)


def backward(
    cell: str,
    outputs_gradient: Any,
    last_gradients: tuple,
    mask: Any,
    initial: tuple,
    recurrent: tuple,
    states: tuple,
    kept: tuple[Any, Any],
) -> tuple[Any, Any, tuple]:
    """Return the gradients of the projected inputs, of h_{t-1} U at all steps, and of the initial states.

    outputs_gradient: (time, batch, units), of the hidden states; last_gradients: (batch, units), of each state after
    the last step. The gradient of U is one product outside: the old hidden states, transposed, times the second result.
    """
    time, batch, units = outputs_gradient.shape
    gates, first = (time, batch, GATES[cell] * units), initial[0].shape
    shapes = [gates, gates if cell == "gru" else (0,), first, first if cell == "lstm" else (0,)]
    aliases = {0 if cell == "simple" else 9: 0}  # the gradients take the place of what they are made of
    dx, dz, dh, dc = call(
        f"{cell}_backward",
        shapes,
        aliases,
        outputs_gradient,
        *pair(last_gradients),
        mask_of(mask),
        *pair(initial),
        recurrent[0],
        *pair(states),
        *kept,
    )
    return dx, (dz if cell == "gru" else dx), ((dh, dc) if cell == "lstm" else (dh,))


def call(name: str, shapes: list[tuple], aliases: dict[int, int], *arguments: Any) -> Any:
    import jax

    results = [jax.ShapeDtypeStruct(shape, "float32") for shape in shapes]
    return jax.ffi.ffi_call(f"unrolled_{name}", results, input_output_aliases=aliases)(*arguments)


def pair(arrays: tuple) -> tuple[Any, Any]:
    """Return two arrays where there may be one: an empty one stands for what a cell does not have."""
    import jax.numpy as jnp

    return arrays[0], (arrays[1] if len(arrays) > 1 else jnp.zeros((0,), "float32"))


def mask_of(mask: Any) -> Any:
    import jax.numpy as jnp

    return jnp.zeros((0,), bool) if mask is None else mask
