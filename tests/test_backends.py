"""Every task on TensorFlow, as it comes; its runs scored by another backend, and read by Keras without this suite.

Slow: three more Pythons start.
"""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

import tasks
from harness import data
from harness.calibration import read_temperature
from harness.options import defaults, find_options
from models.backends import kernels
from pipeline import cache
from pipeline.batches import bucketing
from tasks.task import Task
from tests.harness import (
    ROOT,
    as_typed,
    evaluate,
    open_run,
    predict,
    small_splits,
    small_task,
    start_keras,
    train_small,
    with_source,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(keras.config.backend() == "tensorflow", reason="TensorFlow is what Keras runs on"),
]

# Each of the cells that the native kernels have, in turn.
CELLS = dict(zip(tasks.find(), cycle(("simple", "lstm", "gru")), strict=False))
WITHOUT_KERNELS = list(CELLS)[-3:]
# Those whose answers are searched for: of the others the logits say all, and Keras alone reads them.
SEARCHED = ("ner", "speech", "translation")


@contextlib.contextmanager
def filled(name: str) -> Iterator[Task]:
    """Put the task with small splits in the registry's place, each example so often that batches are full."""
    start_keras()
    batch = defaults(tasks.find()[name]).batch_size
    splits = {split: examples * (batch // len(examples) + 1) for split, examples in small_splits(name).items()}
    task = with_source(small_task(name), "small", lambda _: splits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tasks, "get", lambda *_: task)
        yield task


def train_all(folder: Path) -> None:
    """Train every task with its own batch size, attention and beam; score it, and predict; write all scores."""
    folder_of_kernels = cache.folder() / "kernels"
    found: dict[str, Any] = {"runs": {}, "scores": {}, "without": {}}
    for name, cell in CELLS.items():
        with filled(name) as task:
            directory = train_small(task, folder, batch_size=defaults(task).batch_size, epochs=1, cell=cell)
            found["runs"][name], found["scores"][name] = str(directory), evaluate(directory)["scores"]
            assert found["scores"][name] == json.loads((directory / "scores.json").read_text())["scores"]
            save_logits(directory)
            predict(directory, [("text", as_typed(small_splits(name)["test"][0].input, folder))])
            if "beam" in find_options(task):
                # What is drawn by chance is not searched.
                searched = {"beam": 3} | ({"temperature": None} if "temperature" in find_options(task) else {})
                assert evaluate(directory, **searched)["scores"].keys() == found["scores"][name].keys()
            if name in WITHOUT_KERNELS:
                kernels.switch(False, folder_of_kernels, print)
                found["without"][name] = evaluate(directory)["scores"]
                assert kernels.switch(True, folder_of_kernels, print)
    # The rows of a batch, too, differ from one batch to the next.
    with filled("translation") as task:
        train_small(task, folder, batch_tokens=40, attention="none", epochs=1, seed=1)
    (folder / "found.json").write_text(json.dumps(found))


def save_logits(directory: Path) -> None:
    """Write a batch of inputs, and the logits that the model of a run gives for them, into its directory."""
    run = open_run(directory)
    experiment = run.experiment
    batches = experiment.encode(data.load(experiment.task, experiment.options)["test"])
    drawn = batches.draw(*batches.plan()[0])[0]
    inputs = {name: drawn[name] for name in run.model.input}
    np.savez(directory / "inputs.npz", **inputs)
    # The file of the model has them as they are before their temperature.
    np.save(directory / "logits.npy", run.model.predict_on_batch(inputs) * read_temperature(directory))


def score_all(folder: Path, names: Sequence[str] = ()) -> dict[str, dict]:
    """Return the scores of runs that `train_all` has trained; write their models anew, as this backend does.

    names: of tasks; else all.
    """
    scores = {}
    found = json.loads((folder / "found.json").read_text())["runs"]
    for name in names or found:
        directory = found[name]
        # Padded to one length: what is compiled takes the time here.
        with filled(name), pytest.MonkeyPatch.context() as patch:
            patch.setattr(bucketing, "choose_lengths", lambda lengths, *_, **__: [max(lengths)])
            scores[name] = evaluate(Path(directory))["scores"]
            path = Path(directory) / "best.keras"
            keras.models.load_model(path).save(path)
    return scores


def run(program: str, *arguments: object, cwd: Path = ROOT) -> str:
    """Run a program on TensorFlow; return the last line that it prints."""
    environment = {**os.environ, "KERAS_BACKEND": "tensorflow"}
    command = [sys.executable, "-c", program, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    return (done.stdout.splitlines() or [""])[-1]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tensorflow")
    run("import sys; from pathlib import Path; from tests.test_backends import *; train_all(Path(sys.argv[1]))", folder)
    return folder


def test_a_run_of_every_task_scores_the_same_on_another_backend_both_ways_and_without_native_kernels(
    trained: Path,
) -> None:
    found = json.loads((trained / "found.json").read_text())
    assert found["scores"].keys() == set(tasks.find())
    here = score_all(trained)
    program = (
        "import json, sys; from pathlib import Path; from tests.test_backends import *; "
        "print(json.dumps(score_all(Path(sys.argv[1]), sys.argv[2:])))"
    )
    for scores in (here, json.loads(run(program, trained, *SEARCHED)), found["without"]):
        for name in scores:
            assert scores[name] == pytest.approx(found["scores"][name], rel=1e-5, abs=1e-4, nan_ok=True), name


ALONE = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import keras, numpy
import models.custom_objects

for folder in sys.argv[2:]:
    model = keras.models.load_model(f"{folder}/best.keras")
    logits = model.predict(dict(numpy.load(f"{folder}/inputs.npz")), batch_size=1000, verbose=0)
    numpy.testing.assert_allclose(logits, numpy.load(f"{folder}/logits.npy"), atol=1e-4, err_msg=folder)
assert not {"harness", "tasks"} & set(sys.modules)
# How an option is declared, and where and how compiled code is kept.
own = {name for name in sys.modules if name.startswith("pipeline.")}
assert own <= {"pipeline.option", "pipeline.cache", "pipeline.files", "pipeline.errors"}, own

# No other module of this package registers anything.
registered = set(keras.saving.get_custom_objects())
for module in pkgutil.walk_packages(models.__path__, "models."):
    if module.name not in OTHER_BACKENDS:
        importlib.import_module(module.name)
print(set(keras.saving.get_custom_objects()) - registered)
"""


def test_keras_alone_reads_the_model_of_every_task_after_one_import(trained: Path, tmp_path: Path) -> None:
    directories = json.loads((trained / "found.json").read_text())["runs"].values()
    program = ALONE.replace(
        "OTHER_BACKENDS", repr({f"models.backends.{name}" for name in ("torch_loops", "jax_loops", "jax_native")})
    )
    assert run(program, ROOT, *directories, cwd=tmp_path) == "set()"
