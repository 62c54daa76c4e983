import errno
import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import pytest

from harness.process import backend
from pipeline import cache
from pipeline.errors import BadInput
from tests.harness import assert_same_run, small, start_keras, train_small

ROOT = Path(__file__).parents[3]


def test_the_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert backend.choose("torch") == "torch"
    assert backend.choose(None) == "tensorflow"
    for blank in ("", " "):
        monkeypatch.setenv("KERAS_BACKEND", blank)
        assert backend.choose(None) == "jax"
    monkeypatch.setenv("KERAS_BACKEND", " torch ")
    assert backend.choose(None) == "torch"
    monkeypatch.delenv("KERAS_BACKEND")
    assert backend.choose(None) == "jax"


def test_without_jax_it_is_tensorflow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.delenv("KERAS_BACKEND")
    assert backend.choose(None) == "tensorflow"


def test_a_backend_that_is_unknown_or_missing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadInput, match=r"unknown backend 'tensorflo'. Did you mean 'tensorflow'\?"):
        backend.choose("tensorflo")
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BadInput, match="--backend torch: it is not installed; run: pip install torch"):
        backend.choose("torch")


def test_a_backend_cannot_be_changed_once_keras_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    start_keras()
    other = "torch" if keras.config.backend() != "torch" else "jax"
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    with pytest.raises(BadInput, match=f"Keras already runs on {keras.config.backend()}"):
        backend.start(other)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    start_keras()
    if "GPU" in backend.start() or "NVIDIA" in backend.start():
        pytest.skip("there is a GPU")
    with pytest.raises(BadInput, match="--device gpu: .* sees no GPU on this machine"):
        backend.start(device="gpu")


@pytest.mark.slow
@pytest.mark.parametrize("platforms", ["nonsense", "cuda"])
def test_a_platform_of_jax_that_is_not_there_is_refused(platforms: str) -> None:
    jax = pytest.importorskip("jax")
    if platforms == "cuda" and any(device.platform == "gpu" for device in jax.devices()):
        pytest.skip("there is a GPU")
    program = "from harness.process import backend; backend.start('jax')"
    environment = {**os.environ, "JAX_PLATFORMS": platforms}
    environment.pop("KERAS_BACKEND", None)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True)
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"pipeline.errors.BadInput: JAX_PLATFORMS={platforms}: JAX finds no device (")
    assert last.endswith("; unset it, or give --device cpu")


def test_a_process_of_the_command_line_imports_keras_alone_and_can_import_the_rest_later() -> None:
    program = """
import sys
from harness.process import backend

backend.start(alone=True)
assert not {"matplotlib", "pandas", "sklearn"} & set(sys.modules), "imported"
import keras, matplotlib.pyplot, numpy, pandas, sklearn.metrics

model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(numpy.ones((4, 2)), numpy.ones(4), verbose=0)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_reset_makes_names_and_weights_independent_of_what_was_before() -> None:
    start_keras()

    def build() -> tuple[str, list]:
        backend.reset(3, "float32")
        layer = keras.layers.Dense(2)
        layer.build((None, 3))
        return layer.name, layer.get_weights()[0].tolist()

    first = build()
    keras.layers.Dense(5).build((None, 4))
    assert build() == first


def test_reset_sets_every_setting_of_keras_that_changes_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    start_keras()
    wanted = {
        "floatx": "float32",
        "epsilon": 1e-7,
        "image_data_format": "channels_last",
        "max_epochs": None,
        "max_steps_per_epoch": None,
    }
    odd = {"floatx": "float16", "epsilon": 0.1, "image_data_format": "channels_first", "max_epochs": 1}
    for name, value in {**odd, "max_steps_per_epoch": 1}.items():
        getattr(keras.config, f"set_{name}")(value)
    backend.reset(0, "mixed_bfloat16")
    assert {name: getattr(keras.config, name)() for name in wanted} == wanted
    assert keras.config.dtype_policy().name == "mixed_bfloat16"
    backend.reset(0, "float32")
    assert keras.config.dtype_policy().name == "float32"
    # One more, of a later Keras, is to be looked at.
    settings = {name.removeprefix("set_") for name in dir(keras.config) if name.startswith("set_")}
    assert settings == {*wanted, "backend", "dtype_policy"}


SETTINGS = [
    ('{"floatx": "float64", "epsilon": 0.1, "image_data_format": "channels_first", "backend": "torch"}', True),
    ('{"floatx": "float8"}', False),
    ('{"epsilon": 1}', False),
    ('{"image_data_format": []}', False),
    ("[1, 2]", False),
    ('{"floatx": "float', True),
]


@pytest.mark.slow
def test_which_keras_json_keras_can_read(tmp_path: Path) -> None:
    for number, (text, readable) in enumerate(SETTINGS):
        settings = tmp_path / str(number) / "keras.json"
        settings.parent.mkdir()
        settings.write_text(text)
        assert backend.is_readable(settings) == readable, text
        environment = {
            **os.environ,
            "KERAS_HOME": str(settings.parent),
            "KERAS_BACKEND": "numpy",
            "KERAS_NNX_ENABLED": "0",
        }
        done = subprocess.run([sys.executable, "-c", "import keras"], env=environment, capture_output=True)
        assert (done.returncode == 0) == readable, text
    assert backend.is_readable(tmp_path / "none")
    assert not backend.is_readable(tmp_path)


def test_a_keras_json_that_keras_cannot_read_is_left_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    (tmp_path / "keras.json").write_text("[1, 2]")
    backend.select(None)
    assert f"{tmp_path}/keras.json: Keras cannot read this file" in capsys.readouterr().err.replace("\n", "")
    assert Path(os.environ["KERAS_HOME"]) == cache.folder() / "keras"
    monkeypatch.setenv("KERAS_HOME", " ")
    backend.select(None)
    assert "KERAS_HOME" not in os.environ


@pytest.mark.slow
def test_a_run_does_not_depend_on_keras_json_or_on_limits_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text(SETTINGS[0][0])
    program = (
        "import sys; from pathlib import Path; from harness.process import backend; backend.select(None)\n"
        "from tests.harness import small, train_small\n"
        "with small('caption') as task: train_small(task, Path(sys.argv[1]))"
    )
    odd = {"KERAS_HOME": str(tmp_path), "KERAS_MAX_EPOCHS": "1", "KERAS_MAX_STEPS_PER_EPOCH": "one"}
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path / "odd"],
        cwd=ROOT,
        env=os.environ | odd,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    with small("caption") as task:
        assert_same_run(train_small(task, tmp_path / "here"), tmp_path / "odd" / "caption" / "gru-s0")


def test_the_time_that_jax_compiles_is_counted_and_only_that():
    jax = pytest.importorskip("jax")
    if os.environ["KERAS_BACKEND"] != "jax":
        pytest.skip("other backends do not tell")
    spent = backend.watch_compiling()
    function = jax.jit(lambda x: jax.numpy.tanh(x @ x + 0.123).sum())
    before, begun = spent(), time.perf_counter()
    function(jax.numpy.ones((50, 50)))
    took = time.perf_counter() - begun
    assert 0 < spent() - before <= took
    before = spent()
    function(jax.numpy.ones((50, 50)))
    assert spent() == before


@pytest.mark.slow
@pytest.mark.skipif(keras.config.backend() == "tensorflow", reason="TensorFlow is what Keras runs on")
def test_training_saving_and_loading_do_without_tensorflow(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from tests.harness import open_run, small, train_small\n"
        "with small('sentiment') as task: print(open_run(train_small(task, Path(sys.argv[1]), epochs=1)).model.name)\n"
        "print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-2:] == ["classifier", "False"]


def test_a_model_is_saved_the_same_without_tensorflow() -> None:
    from keras.src.utils.module_utils import tensorflow

    model = keras.Sequential([keras.Input((None, 2)), keras.layers.Bidirectional(keras.layers.LSTM(3))])
    model.compile("adam", "mse")
    start_keras()
    without = model.to_json()
    tensorflow._available = True
    try:
        assert model.to_json() == without
    finally:
        backend.keep_tensorflow_out()


class OutOfMemoryError(RuntimeError):
    """As torch has it for a GPU."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (MemoryError(), "out of memory; train with --auto-batch, or give"),
        (MemoryError("Unable to allocate 72.8 TiB"), "(Unable to allocate 72.8 TiB)"),
        (
            RuntimeError("INTERNAL: Error dispatching: Out of memory allocating 9 bytes."),
            "Out of memory allocating 9 bytes",
        ),
        (RuntimeError("RESOURCE_EXHAUSTED: Failed to allocate request for 3.0GiB"), "RESOURCE_EXHAUSTED"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "DefaultCPUAllocator"),
        (OutOfMemoryError("CUDA out of memory. Tried to allocate"), "CUDA out of memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "Cannot allocate memory"),
        (
            RuntimeError("Exception encountered when calling Dense.call().\n\nOut of memory allocating 7\n"),
            "allocating 7)",
        ),
    ],
)
def test_memory_that_is_exhausted_is_told_with_what_to_make_smaller(error: Exception, reason: str) -> None:
    said = backend.describe_out_of_memory(error)
    assert said and reason in said and said.endswith("give a smaller --batch-size, --max-length or --units")
    assert "\n" not in said and len(said) < 400


@pytest.mark.parametrize(
    "error",
    [RuntimeError("out of range"), ValueError("out of memory"), OSError(errno.ENOSPC, "No space left"), KeyError("x")],
)
def test_other_errors_are_not(error: Exception) -> None:
    assert backend.describe_out_of_memory(error) is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["jax", "tensorflow"])
def test_a_model_too_large_for_the_memory_is_one_message(name: str, tmp_path: Path) -> None:
    program = (
        "import resource, sys; from run import main\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 * 10**9, 4 * 10**9))\n"
        "sys.exit(main(sys.argv[1:]))"
    )
    options = ["--units", "100000", "--limit", "60", "--kernels", "off"]
    done = subprocess.run(
        [sys.executable, "-c", program, "train", "sentiment", "--backend", name, *options, "--runs", tmp_path],
        cwd=ROOT, env=os.environ | {"KERAS_BACKEND": ""}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr[-3000:]
    *_, line = done.stderr.splitlines()
    assert line.startswith("error: out of memory (") and "--batch-size, --max-length or --units" in line
    assert "Traceback" not in done.stderr


def test_the_weights_of_a_model_whose_shapes_alone_are_wanted_are_never_drawn() -> None:
    class Product(keras.layers.Layer):
        """A layer whose output's shape Keras finds by calling it."""

        def __init__(self, units: int):
            super().__init__()
            self.kernel = self.add_weight((2, units), "zeros")

        def call(self, inputs: Any) -> Any:
            return inputs @ self.kernel

    def build(units: int) -> keras.Model:
        return keras.Sequential([keras.Input((2,)), Product(units)])

    # No memory holds so many.
    with backend.shapes_only(0, "float32"):
        assert build(10**15).count_params() == 2 * 10**15
    with pytest.raises(ZeroDivisionError), backend.shapes_only(0, "float32"):
        build(10**15)
        _ = 1 / 0
    assert build(3).count_params() == 6


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system does not divide its cores")
def test_the_cores_are_those_that_the_process_may_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    for cores, named in (({0}, "CPU (1 core)"), ({0, 3, 5}, "CPU (3 cores)")):
        monkeypatch.setattr(os, "sched_getaffinity", lambda _, cores=cores: cores)
        assert named in backend.start(device="cpu")
