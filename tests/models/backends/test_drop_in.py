"""The fast layers in a Keras program that knows nothing else of this suite: by import alone."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models.backends import native_kernels
from tests.models import skip_uncompiled

ROOT = Path(__file__).parents[3]
PROGRAM = """
import json, sys
import keras, numpy
from models.backends import kernels
from models.recurrent import GRU

words = numpy.random.default_rng(0).integers(1, 50, (64, 9))
words[:, 6:] *= numpy.arange(64)[:, None] % 2
answers = (words[:, :1] > 25).astype("float32")

def train(layer, masked):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.layers.Embedding(50, 8, mask_zero=masked), layer(6), keras.layers.Dense(1)])
    model.compile("adam", "mse")
    model.build((None, 9))
    history = model.fit(words, answers, batch_size=16, epochs=3, shuffle=False, verbose=0)
    return history.history["loss"], model.predict(words, verbose=0)

for masked in (True, False):
    kernels.used.clear()
    losses, answered = train(GRU, masked)
    expected, right = train(keras.layers.GRU, masked)
    numpy.testing.assert_allclose(losses, expected, rtol=1e-4)
    numpy.testing.assert_allclose(answered, right, atol=1e-4)
    print(json.dumps([sorted(kernels.used), kernels.library is not None]))
"""


def run(tmp_path: Path, backend: str, **more: str) -> tuple[list, list, str]:
    """Run the program; return for a layer with a mask, and for one without, which layers ran natively.

    And whether there are native kernels, and what was said.
    """
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "CUDA_VISIBLE_DEVICES": "-1",
        "UNROLLED_CACHE": str(tmp_path),
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-c", PROGRAM]
    done = subprocess.run(command, cwd=tmp_path, env=environment | more, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    masked, unmasked = map(json.loads, done.stdout.splitlines()[-2:])
    return masked, unmasked, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_a_plain_program_takes_the_native_kernels_and_learns_what_it_does_with_keras(
    tmp_path: Path, backend: str
) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    try:
        native_kernels.find_compiler()
    except OSError as error:
        skip_uncompiled(str(error))
    masked, unmasked, said = run(tmp_path, backend)
    assert masked == unmasked == [["gru"], True]
    assert (
        said.count("compiling the native kernels (loops)") == said.count("compiling the native kernels (layers)") == 1
    )
    assert "Error" not in said
    assert list((tmp_path / "kernels").glob("*.so"))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "tensorflow"])
def test_without_a_compiler_one_line_says_so_and_the_program_runs_all_the_same(tmp_path: Path, backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    masked, unmasked, said = run(tmp_path, backend, CXX="/bin/false")
    assert masked == unmasked == [[], False]
    assert said.count("no native kernels, the portable loops are used") == 1
