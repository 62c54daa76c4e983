"""What is built under one backend of Keras is the same under another. Slow: each test starts a second Python."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from models import classifier, tagger
from pipeline.fields import Label
from tests.models import CELLS, SENTENCES, encode, fit, numpy, options, randomize, sentence_fields, text_field

ROOT = Path(__file__).parents[3]
OTHER = "tensorflow" if keras.backend.backend() == "jax" else "jax"
LOAD = """
import sys, keras, numpy
import models.classifier, models.tagger
for folder in sys.argv[1:]:
    model = keras.models.load_model(f"{folder}/model.keras")
    inputs = dict(numpy.load(f"{folder}/inputs.npz"))
    numpy.save(f"{folder}/logits.npy", keras.ops.convert_to_numpy(model(inputs)))
"""


def run(*arguments, backend):
    environment = {**os.environ, "KERAS_BACKEND": backend}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=ROOT, env=environment, capture_output=True, text=True
    )


@pytest.mark.slow
def test_the_tests_of_the_models_and_of_a_family_of_ones_own_pass_under_tensorflow():
    own = "tests/harness/test_rehearsal.py::test_a_family_of_the_users_own_is_rehearsed_too"
    done = run("-m", "pytest", "tests/models", own, "-q", "-m", "not slow", "-n", "0", backend="tensorflow")
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="torch is in benchmarks/requirements.txt alone")
def test_the_tests_of_the_recurrent_layers_and_of_the_optimizers_pass_under_torch():
    files = ["tests/models/cells/test_cells.py", "tests/models/test_recurrent.py", "tests/models/backends/test_adam.py"]
    done = run("-m", "pytest", *files, "-q", "-n", "0", "-m", "not slow", backend="torch")
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
def test_a_model_saved_under_one_backend_gives_the_same_logits_under_another(tmp_path):
    expected = {}
    for family in (classifier, tagger):
        if family is tagger:
            (field, output), inputs = sentence_fields(), SENTENCES
        else:
            field, output, inputs = text_field(), fit(Label(), ["a", "b"]), [" ".join(words) for words in SENTENCES]
        for cell in CELLS:
            folder = tmp_path / f"{family.__name__}-{cell}"
            folder.mkdir()
            model = randomize(family.build(field, output, options(cell=cell, layers=2)))
            batch = encode(field, inputs, 7)
            model.save(folder / "model.keras")
            np.savez(folder / "inputs.npz", **batch)
            expected[folder] = numpy(model(batch))
    done = run("-c", LOAD, *expected, backend=OTHER)
    assert done.returncode == 0, done.stderr[-3000:]
    for folder, logits in expected.items():
        np.testing.assert_allclose(np.load(folder / "logits.npy"), logits, atol=1e-5, err_msg=folder.name)
