"""Keras' backend, the device, precision and seeds. Must run before anything imports Keras."""

import contextlib
import functools
import importlib.util
import os
import random
import sys
from collections.abc import Callable
from typing import Any

from harness.console import say
from pipeline import cache
from pipeline.errors import BadInput, unknown
from pipeline.quiet import import_tensorflow

BACKENDS = {"jax": "jax", "tensorflow": "tensorflow", "torch": "torch"}


def choose(backend: str | None) -> str:
    """Return the backend asked for, else KERAS_BACKEND, else JAX where it is installed, else TensorFlow."""
    asked = backend or os.environ.get("KERAS_BACKEND")
    if asked is None:
        return "jax" if importlib.util.find_spec("jax") else "tensorflow"
    if asked not in BACKENDS:
        raise unknown("backend", asked, BACKENDS)
    if importlib.util.find_spec(BACKENDS[asked]) is None:
        raise BadInput(f"--backend {asked}: it is not installed; run: pip install {BACKENDS[asked]}")
    return asked


def select(backend: str | None, device: str | None = None) -> str:
    """Choose the backend, see `choose`, for whoever imports Keras first, and return its name."""
    chosen = choose(backend)
    if "keras" in sys.modules and sys.modules["keras"].config.backend() != chosen:
        raise BadInput(f"--backend {chosen}: Keras already runs on {sys.modules['keras'].config.backend()}")
    os.environ["KERAS_BACKEND"] = chosen
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    if chosen == "tensorflow":
        import_tensorflow()
    return chosen


def start(
    backend: str | None = None, device: str | None = None, precision: str = "float32", kernels: str = "auto"
) -> str:
    """Set up Keras and return what it runs on, such as "JAX on CPU" or "JAX on NVIDIA H100".

    device: "cpu" or "gpu"; None takes the GPU if there is one. Raises BadInput if one was asked for and is not there.
    kernels: "auto" or "off"; whether JAX and TensorFlow on the CPU run the recurrent loops as native code (see
    models/kernels).
    """
    cache.prepare(say)
    chosen = select(backend, device)
    reset(0, precision)
    name = _device_name(chosen, device)
    if name.startswith("CPU"):
        from models import kernels as native

        if native.use(kernels == "auto", cache.folder() / "kernels", say):
            name += ", native kernels"
    return f"{ {'jax': 'JAX', 'tensorflow': 'TensorFlow', 'torch': 'PyTorch'}[chosen] } on {name}"


def _device_name(backend: str, device: str | None) -> str:
    if backend == "jax":
        import jax

        # Compiled steps are kept between runs: the second run of a command starts at once. The user's settings win.
        if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
            jax.config.update("jax_compilation_cache_dir", str(cache.folder() / "jax"))
        if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.3)
        gpus = [found.device_kind for found in jax.devices() if found.platform == "gpu"]
    elif backend == "tensorflow":
        import tensorflow

        found = tensorflow.config.list_physical_devices("GPU")
        gpus = [tensorflow.config.experimental.get_device_details(gpu).get("device_name", "GPU") for gpu in found]
    else:
        import torch

        gpus = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    if device == "gpu" and not gpus:
        raise BadInput(
            f"--device gpu: {backend} sees no GPU on this machine; use --device cpu, or install {backend} with CUDA"
        )
    return gpus[0] if gpus else f"CPU ({os.cpu_count()} cores)"


@functools.cache
def watch_compiling() -> Callable[[], float]:
    """Return a function that tells for how many seconds JAX has compiled since the first call; 0 without JAX."""
    spent = [0.0]
    if os.environ.get("KERAS_BACKEND") == "jax":
        import jax

        def note(event: str, duration_secs: float, **_: Any) -> None:
            # Tracing is left out: of a function within another it would count twice.
            if event.startswith("/jax/core/compile/") and "trace" not in event:
                spent[0] += duration_secs

        jax.monitoring.register_event_duration_secs_listener(note)
    return lambda: spent[0]


def keep_tensorflow_out() -> None:
    """Have Keras save and load without TensorFlow, which takes 3 seconds and 500 MB to import.

    When it serialises an object it asks whether TensorFlow is there, by importing it, and then whether the object is
    one of TensorFlow's; ours are not. What needs TensorFlow, such as a dataset of its own, imports it all the same.
    """
    # Private: where it has moved, Keras imports TensorFlow again and all else is as before.
    with contextlib.suppress(ImportError):
        from keras.src.utils.module_utils import tensorflow

        tensorflow._available = False


def reset(seed: int, precision: str) -> None:
    """Make what follows independent of what ran before in this process: names, precision, random numbers."""
    import keras
    import numpy as np

    if keras.config.backend() != "tensorflow":
        keep_tensorflow_out()
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy(precision)
    if keras.config.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    # The same, which on every backend would import TensorFlow, in seconds.
    random.seed(seed)
    np.random.seed(seed)
    if keras.config.backend() == "torch":
        import torch

        torch.manual_seed(seed)
