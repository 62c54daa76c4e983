"""Keras' backend and settings, the device, precision and seeds. Must run before anything imports Keras."""

import contextlib
import functools
import importlib.util
import json
import os
import random
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from harness.process import distributed
from harness.process.cluster import Cluster
from harness.process.console import say
from pipeline import cache
from pipeline.errors import BadInput, unknown
from pipeline.quiet import import_tensorflow

BACKENDS = {"jax": "jax", "tensorflow": "tensorflow", "torch": "torch"}


def choose(backend: str | None) -> str:
    """Return the backend asked for, else KERAS_BACKEND, else JAX where it is installed, else TensorFlow."""
    asked = backend or os.environ.get("KERAS_BACKEND", "").strip()
    if not asked:
        return "jax" if importlib.util.find_spec("jax") else "tensorflow"
    if asked not in BACKENDS:
        raise unknown("backend", asked, BACKENDS)
    if importlib.util.find_spec(BACKENDS[asked]) is None:
        raise BadInput(f"--backend {asked}: it is not installed; run: pip install {BACKENDS[asked]}")
    return asked


def select(backend: str | None, device: str | None = None) -> str:
    """Choose the backend, see `choose`, for whoever imports Keras first, and return its name.

    What else a keras.json or the environment sets is taken away where `reset` cannot set it right.
    """
    chosen = choose(backend)
    if "keras" in sys.modules and sys.modules["keras"].config.backend() != chosen:
        raise BadInput(f"--backend {chosen}: Keras already runs on {sys.modules['keras'].config.backend()}")
    os.environ["KERAS_BACKEND"] = chosen
    # The first two cut a training short, and it would count as complete.
    for name in ("KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH"):
        os.environ.pop(name, None)
    os.environ["KERAS_NNX_ENABLED"] = "false"
    if not os.environ.get("KERAS_HOME", "").strip():
        os.environ.pop("KERAS_HOME", None)
    settings = Path(os.environ.get("KERAS_HOME", "~/.keras")).expanduser() / "keras.json"
    if not is_readable(settings):
        say(f"{settings}: Keras cannot read this file; it is left aside")
        os.environ["KERAS_HOME"] = str(cache.folder() / "keras")
    if device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
        os.environ["JAX_PLATFORMS"] = "cpu"
    if chosen == "tensorflow":
        import_tensorflow()
    return chosen


def is_readable(settings: Path) -> bool:
    """Return whether Keras can be imported with such a keras.json, or without it where there is none."""
    try:
        found = json.loads(settings.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        # Keras takes no notice of what is no JSON.
        return True
    except (OSError, RecursionError):
        return False
    return (
        isinstance(found, dict)
        and found.get("floatx", "float32") in ("float16", "float32", "float64")
        and found.get("image_data_format", "channels_last") in ("channels_last", "channels_first")
        and isinstance(found.get("epsilon", 1e-7), float)
    )


# Keras imports them, if they are installed, for what no command does: to plot a model, to be fitted by scikit-learn, to
# take a data frame. Without them its import takes 0.9 s in place of 2.1.
NOT_NEEDED = ("matplotlib", "pandas", "sklearn")


@contextlib.contextmanager
def hiding_packages() -> Iterator[None]:
    """Inside, the packages that Keras can do without count as not installed: for a process of this suite alone.

    They can be imported as ever afterwards. TensorFlow imports Keras too, so it has to be imported inside.
    """
    hidden = [name for name in NOT_NEEDED if name not in sys.modules]
    # What is None here counts as not installed.
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def start(
    backend: str | None = None,
    device: str | None = None,
    *,
    precision: str = "float32",
    kernels: str = "auto",
    devices: int = 1,
    cluster: Cluster | None = None,
    alone: bool = False,
) -> str:
    """Set up Keras and return what it runs on, such as "JAX on CPU" or "JAX on NVIDIA H100".

    device: "cpu" or "gpu"; None takes the GPU if there is one. Raises BadInput if one was asked for and is not there.
    devices: how many of them this process trains on; BadInput where there are not as many, or not JAX. cluster: with
    which other processes; JAX must not have started.
    kernels: "auto" or "off"; whether JAX and TensorFlow on the CPU run the recurrent loops as native code (see
    models/backends).
    alone: the process is this suite's alone, and may start sooner; see `hiding_packages`.
    """
    cache.prepare(say)
    several = devices > 1 or cluster is not None
    if several:
        check_backend(backend)
    with hiding_packages() if alone else contextlib.nullcontext():
        chosen = select(backend, device)
        if several:
            divide_cpu(devices)
        if cluster:
            distributed.start(cluster)
        import keras  # noqa: F401
    reset(0, precision)
    name = _device_name(chosen, device)
    if several:
        count_devices(devices)
    if cluster:
        distributed.connect(devices)
    if name.startswith("CPU"):
        from models.backends import kernels as native

        if native.switch(kernels == "auto", cache.folder() / "kernels", say):
            name += ", native kernels"
    if devices > 1:
        name += f", {devices} devices"
    if cluster:
        name += f", in each of {cluster.place.count} processes"
    return f"{ {'jax': 'JAX', 'tensorflow': 'TensorFlow', 'torch': 'PyTorch'}[chosen] } on {name}"


def check_backend(backend: str | None) -> None:
    """Raise BadInput for another backend than JAX, on which alone several devices train; before Keras is imported."""
    chosen = choose(backend)
    if chosen == "jax":
        return
    reason = {
        "tensorflow": "Keras 3.15 fails under TensorFlow's MultiWorkerMirroredStrategy",
        "torch": "Keras has no data parallelism on torch",
    }[chosen]
    raise BadInput(f"--devices, --cluster: not on {chosen} ({reason}); give --backend jax, or leave them out")


def divide_cpu(devices: int) -> None:
    """Have JAX make so many devices of the CPU; before it starts."""
    import jax

    # Where it has started, in a notebook say, it has the devices that it has.
    with contextlib.suppress(RuntimeError):
        jax.config.update("jax_num_cpu_devices", devices)


def count_devices(devices: int) -> None:
    """Raise BadInput where JAX, which has started, has fewer devices, or the machine fewer cores."""
    import jax

    there = jax.local_devices()
    kind, cores = there[0].platform, os.cpu_count() or 1
    if kind == "cpu" and devices > cores:
        raise BadInput(
            f"--devices {devices}: this machine has {cores} core{'s' * (cores != 1)}; give --devices {cores} at most"
        )
    if len(there) >= devices:
        return
    if kind == "cpu":
        raise BadInput(
            f"--devices {devices}: JAX has started in this process with {len(there)} devices; start Python anew"
        )
    raise BadInput(f"--devices {devices}: JAX sees {len(there)} {kind.upper()}; give --devices {len(there)} at most")


def _device_name(backend: str, device: str | None) -> str:
    if backend == "jax":
        import jax

        # Compiled steps are kept between runs: the second run of a command starts at once. The user's settings win.
        if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
            try:
                jax.config.update("jax_compilation_cache_dir", str(cache.make_own(cache.folder() / "jax")))
            except OSError as error:
                say(f"{error.filename}: {error.strerror}; what JAX compiles is not kept")
        if "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS" not in os.environ:
            jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        try:
            gpus = [found.device_kind for found in jax.devices() if found.platform == "gpu"]
        # For platforms that are unknown, and (an assertion) for those that have no device here.
        except (RuntimeError, AssertionError) as error:
            platforms = os.environ.get("JAX_PLATFORMS", "")
            raise BadInput(
                f"JAX_PLATFORMS={platforms}: JAX finds no device ({str(error).strip() or 'none there':.200}); "
                f"unset it, or give --device cpu"
            ) from None
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
    if gpus:
        return gpus[0]
    # Those that this process may use: a worker has its share of the machine's.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"CPU ({cores} core{'s' * (cores != 1)})"


@functools.cache
def watch_compiling() -> Callable[[], float]:
    """Return a function that tells for how many seconds JAX has compiled since the first call; 0 without JAX."""
    spent = [0.0]
    if os.environ.get("KERAS_BACKEND") == "jax":
        import jax

        def note(event: str, duration_secs: float, **_: object) -> None:
            # Tracing is left out: of a function within another it would count twice.
            if event.startswith("/jax/core/compile/") and "trace" not in event:
                # JAX takes it from the clock, which may be set back.
                spent[0] += max(duration_secs, 0.0)

        jax.monitoring.register_event_duration_secs_listener(note)
    return lambda: spent[0]


def keep_tensorflow_out() -> None:
    """Have Keras save and load without TensorFlow, which takes 3 seconds and 500 MB to import.

    When it serialises an object it asks whether TensorFlow is there, by importing it, and then whether the object is
    one of TensorFlow's; ours are not. What needs TensorFlow, such as a dataset of its own, imports it all the same.
    """
    # Private, and the only place where this wing uses what Keras does not document: Keras 3.15 has no setting for it.
    # Where it has moved, Keras imports TensorFlow again, and all else is as before.
    with contextlib.suppress(ImportError):
        from keras.src.utils.module_utils import tensorflow

        tensorflow._available = False


# Errors where memory is exhausted, as Python and NumPy, TensorFlow, and torch on a GPU name them. Those of JAX, and of
# torch on the CPU, are a RuntimeError, and the system's is an OSError: these are told by what they say.
OUT_OF_MEMORY = {"MemoryError", "ResourceExhaustedError", "OutOfMemoryError"}
SIGNS = ("RESOURCE_EXHAUSTED", "out of memory", "allocate memory", "bad_alloc", "OOM when")


def describe_out_of_memory(error: BaseException) -> str | None:
    """Return what to tell the user where memory is exhausted, whichever backend says so; None for any other error."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    # Keras prints what a layer raised in bold.
    text = str(error).replace("\x1b[1m", "").replace("\x1b[0m", "")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    said = [line for line in lines if any(sign.lower() in line.lower() for sign in SIGNS)]
    if not (OUT_OF_MEMORY & kinds or ({"RuntimeError", "OSError"} & kinds and said)):
        return None
    reason = f" ({(said or lines)[0][:200]})" if lines else ""
    return f"out of memory{reason}; train with --auto-batch, or give a smaller --batch-size, --max-length or --units"


@contextlib.contextmanager
def shapes_only(seed: int, precision: str) -> Iterator[None]:
    """Inside, a model that is built has variables with shapes, and no weights are drawn for them; then `reset`."""
    import keras

    try:
        with keras.StatelessScope(initialize_variables=False):
            yield
    finally:
        # Keras has noted what it has not drawn, and would draw it with the next model's weights.
        reset(seed, precision)


def reset(seed: int, precision: str) -> None:
    """Make what follows independent of what ran before in this process, and of the user's keras.json.

    Names, random numbers, and all of Keras' settings that change a result: those of keras.config.
    """
    import keras
    import numpy as np

    if keras.config.backend() != "tensorflow":
        keep_tensorflow_out()
    keras.utils.clear_session(free_memory=False)
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy(precision)
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")
    keras.config.set_max_epochs(None)
    keras.config.set_max_steps_per_epoch(None)
    if keras.config.backend() == "tensorflow":
        keras.utils.set_random_seed(seed)
        return
    # The same, which on every backend would import TensorFlow, in seconds.
    random.seed(seed)
    np.random.seed(seed)
    if keras.config.backend() == "torch":
        import torch

        torch.manual_seed(seed)
