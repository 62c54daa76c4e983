"""Native kernels in C++ for JAX and TensorFlow on the CPU: two libraries, each compiled when it is first asked for.

    loops     the loops over time, and for JAX what draws the masks of dropout: jax_native.py, tensorflow_loops.py
    layers    whole layers with a mask: jax_layers.py, tensorflow_layers.py

They compute what jax_loops.py says in JAX' operations (its formulas, shapes and order of the gates), in float32,
without a barrier between threads inside the loop.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from pipeline.cache import is_own

# What each library is made of, the file that is compiled first.
SOURCES = {
    "loops": ("loops.cc", "cells.h", "calls.h", "threefry.h"),
    "layers": ("layers.cc", "cells.h", "calls.h", "layer.h"),
}
FLAGS = "-std=c++17 -O2 -march=native -fno-math-errno -ffp-contract=fast -shared -fPIC".split()
MISSING = "no native kernels, the portable loops are used: {}"
# Most seconds that a compilation may take.
SECONDS = 300
# What is compiled: a forward and a backward loop for each.
KINDS = ("simple", "relu", "lstm", "gru")
# The calls of each library for XLA; and one of its plain functions, by which it is known.
CALLS = {
    "loops": ("mask", *(f"{kind}_{way}" for kind in KINDS for way in ("forward", "backward"))),
    "layers": ("layer_forward", "layer_backward"),
}
PLAIN = {"loops": "lstm_plain_forward", "layers": "plain_layer_forward"}
# How many arrays of (batch, time, units) a whole layer keeps for the gradient beside the states.
KEPT = {"simple": 0, "relu": 0, "lstm": 4, "gru": 4}


class Kind(NamedTuple):
    """What a call of a whole layer is made for; see jax_layers.py and tensorflow_layers.py.

    cell: simple, relu, lstm or gru. backwards: the steps are taken from the last to the first, and so are the outputs.
    zero: the output of a step where the mask is false is 0, not the state.
    """

    cell: str
    backwards: bool
    zero: bool

    @property
    def number(self) -> int:
        """The number under which the library knows the cell."""
        return KINDS.index(self.cell)


def open_library(name: str, folder: Path, *, say: Callable[[str], None], xla: bool) -> ctypes.CDLL | str:
    """Return a compiled library, or one line that says why there is none.

    name: loops or layers. folder: where it is kept once it is compiled. say: is told in one line when it is.
    xla: as XLA's calls, which takes JAX and its headers; else as plain C functions.
    """
    try:
        return ctypes.CDLL(str(find_library(name, folder, say=say, xla=xla)))
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        return MISSING.format(" ".join(str(error).split()))


def find_library(name: str, folder: Path, *, say: Callable[[str], None], xla: bool) -> Path:
    """Return the file of a compiled library, compiling it first where that has not been done.

    Its name is made of all that it depends on, and of its content: one that has been cut or changed is compiled anew.
    It appears whole or not at all, so two processes that start at once do not disturb each other.

    Raises OSError, subprocess.SubprocessError, or ImportError without JAX, where it cannot be done.
    """
    # Imported for this alone, JAX would take half a second.
    built_for = f"jaxlib {metadata.version('jaxlib')}" if xla else "plain"
    source = [Path(__file__).with_name(part).read_text() for part in SOURCES[name]]
    parts = (*source, " ".join(FLAGS), describe_processor(), built_for)
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:20]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_owner(folder)
    for path in sorted(folder.glob(f"{name}-{key}-*.so")):
        check_owner(path)
        if path.name == make_name(name, key, path=path):
            return path
        say(f"{path} is not as it was compiled")
        path.unlink()
    for left in folder.glob("*.tmp"):
        # A compilation that was killed has left it.
        if abs(time.time() - left.stat().st_mtime) > 2 * SECONDS:
            left.unlink(missing_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=folder, suffix=".tmp")
    os.close(descriptor)
    try:
        compile_library(name, Path(temporary), say=say, xla=xla)
        path = folder / make_name(name, key, path=Path(temporary))
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return path


def make_name(name: str, key: str, *, path: Path) -> str:
    """Return the name under which a compiled file is kept."""
    return f"{name}-{key}-{hashlib.sha256(path.read_bytes()).hexdigest()[:20]}.so"


def check_owner(path: Path) -> None:
    """Raise OSError where another user could have written, or could yet write, what is about to be loaded as code.

    So nobody else can change a file between the moment when its checksum is found right and that when it is loaded.
    """
    if not is_own(path.stat()):
        raise OSError(
            f"another user may write to {path}, and what is in it is run; make it yours alone (chmod go-w), "
            "or have UNROLLED_CACHE name another folder"
        )


def compile_library(name: str, path: Path, *, say: Callable[[str], None], xla: bool) -> None:
    """Compile a library into a file; OSError or subprocess.SubprocessError where no library comes of it."""
    command = find_compiler()
    say(f"compiling the native kernels ({name}) with {command[0]}, once on this machine: some seconds")
    arguments = [*command, *FLAGS, str(Path(__file__).with_name(SOURCES[name][0])), "-o", str(path)]
    if xla:
        import jax

        arguments += ["-DUNROLLED_XLA", f"-I{jax.ffi.include_dir()}"]
    done = subprocess.run(arguments, capture_output=True, text=True, errors="replace", timeout=SECONDS)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
        told = "".join(filter(str.isprintable, errors[0])).strip()[:200] if errors else ""
        raise OSError(f"{command[0]} failed ({told or f'exit {done.returncode}'})")
    try:
        getattr(ctypes.CDLL(str(path)), CALLS[name][-1] if xla else PLAIN[name])
    except (OSError, AttributeError) as error:
        raise OSError(f"{command[0]} made no library ({error})") from None
    path.chmod(0o700)


def describe_processor() -> str:
    """Return what tells this processor from another: the code is compiled for it alone."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        told = [line for line in lines if line.startswith(("model name", "flags", "CPU part", "Features"))]
    except OSError:
        told = []
    return "\n".join([platform.system(), platform.machine(), platform.processor(), *sorted(set(told))])


def find_compiler() -> list[str]:
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
