"""A .keras file of the network, which gives logits: for Keras programs with this suite's folder on their path."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from harness.export.format import Arrays, Format, Runner, Subject

if TYPE_CHECKING:
    import keras


class Logits:
    """A Keras model that gives logits, as one of named answers."""

    def __init__(self, model: "keras.Model"):
        self.model = model
        self.input: Mapping[str, object] = model.input

    def predict_on_batch(self, inputs: Arrays) -> Arrays:
        """Return the answers to a batch, by name."""
        return {"logits": self.model.predict_on_batch(inputs)}


def write(subject: Subject, path: Path) -> None:
    """Write a run's network, without what decodes its answers, and without its loss and optimizer."""
    import keras

    from harness.export.model import open_in_float32
    from harness.options import override
    from harness.runs.restored import read_run

    model = open_in_float32(override(read_run(subject.directory), subject.decoding)).model
    keras.Model(model.input, model.output, name=model.name).save(path)


def open_file(path: Path, subject: Subject) -> Runner:
    """Return the network in a file."""
    from harness.runs import model_file

    return Logits(model_file.load(path))


FORMAT = Format("keras", "Keras", "model.keras", ("keras",), write, open_file, answers=False)
