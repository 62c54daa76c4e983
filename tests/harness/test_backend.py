import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import keras
import pytest

from harness import backend
from pipeline.errors import BadInput
from tests.harness import start_keras

ROOT = Path(__file__).parents[2]


def test_the_option_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: object())
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert backend.choose("torch") == "torch"
    assert backend.choose(None) == "tensorflow"
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
        "import sys; from pathlib import Path; from harness.trained import open_run; "
        "from tests.harness import small, train_small\n"
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
