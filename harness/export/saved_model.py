"""SavedModel, for TensorFlow and TensorFlow Serving."""

import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.export import tracing
from harness.export.format import Arrays, Format, Subject
from pipeline.worker import Worker

# What a process of TensorFlow has opened: for `answer`.
_opened: list[Any] = []


class SavedModel:
    """A SavedModel, in a process of its own: the backend of this one may be another."""

    def __init__(self, path: Path):
        self.worker = Worker()
        # As soon as nobody asks it any more.
        weakref.finalize(self, self.worker.end)
        self.worker.call(tracing.start)
        self.input: Mapping[str, object] = self.worker.call(open_there, path)

    def predict_on_batch(self, inputs: Arrays) -> Arrays:
        """Return the answers to a batch, by name."""
        return self.worker.call(answer_there, inputs)


def open_there(path: Path) -> dict[str, str]:
    """Open a SavedModel, and return its inputs by name."""
    import tensorflow

    loaded = tensorflow.saved_model.load(str(path))
    _opened[:] = [loaded]
    return {
        name: str(spec) for name, spec in loaded.signatures["serving_default"].structured_input_signature[1].items()
    }


def answer_there(inputs: Arrays) -> Arrays:
    """Return the answers of what `open_there` has opened."""
    import tensorflow

    serve: Callable[..., Mapping[str, Any]] = _opened[0].signatures["serving_default"]
    found = serve(**{name: tensorflow.constant(array) for name, array in inputs.items()})
    return {name: np.asarray(array) for name, array in found.items()}


def write(subject: Subject, path: Path) -> None:
    """Write a run's model as a folder: batch and length are variable."""
    with tracing.tensorflow_process() as call:
        call(save, subject, path)


def save(subject: Subject, path: Path) -> None:
    """Write the folder; called in the process of TensorFlow."""
    import tensorflow

    traced = tracing.trace(tracing.open_model(subject))
    module = tensorflow.Module()
    # What the graph reads is saved with it.
    module.weights = [weight.value for weight in traced.model.weights]
    module.answer = traced.function
    tensorflow.saved_model.save(module, str(path), signatures={"serving_default": traced.function})


RUN = """
model = tensorflow.saved_model.load(folder / "saved_model")


def run(inputs):
    serve = model.signatures["serving_default"]
    asked = {name: tensorflow.constant(inputs[name]) for name in serve.structured_input_signature[1]}
    return {name: array.numpy() for name, array in serve(**asked).items()}
"""

FORMAT = Format(
    "saved_model",
    "SavedModel",
    "saved_model",
    ("tensorflow",),
    write,
    lambda path, subject: SavedModel(path),
    run=RUN,
)
